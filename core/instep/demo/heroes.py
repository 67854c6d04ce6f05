"""Who the later parts are about: a few who are added to a small market, and what was done before they are met."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from instep.demo.generate import NOBODY, Size, generate
from instep.demo.scene import START, Act, Buyer, Deal, Firm, Presence, Scene

EVERYWHERE = Presence(True, True, True, True, True)
SIZE = Size(firms=30, buyers=120, deals=60)
"""The market around them."""

SHOP = Firm(
    key="C9001",
    name="Lanternlane",
    legal_name="Lanternlane GmbH",
    domain="lanternlane.example",
    segment="e-commerce",
    industry="e-commerce",
    spelled_industry="E-commerce",
    city="Lindenhafen",
    country="Germany",
    employees=400,
    owner="",
    known=EVERYWHERE,
)
QUIET = replace(SHOP, key="C9002", name="Quietwares", legal_name="Quietwares AG", domain="quietwares.example")
"""Whose visitors nobody knows."""

WALKER = Buyer(
    key="P99001",
    first="Mara",
    last="Lichtenau",
    email="mara.lichtenau@lanternlane.example",
    title="Head of Online Sales",
    other_title="Head of Online Sales",
    phone="",
    firm=SHOP.key,
    stage="sidelines",
    system_stage="sidelines",
    owner="",
    opted_out=NOBODY,
    tied=EVERYWHERE,
    known=EVERYWHERE,
    is_lead=True,
)
"""Who walks the whole way."""
CALLED = replace(
    WALKER,
    key="P99002",
    first="Jorin",
    last="Ahlbeck",
    email="jorin.ahlbeck@lanternlane.example",
    stage="interest",
    system_stage="interest",
)
"""Whom a representative calls, and who attends a webinar in the part about campaign tools."""
MEMBER = replace(
    WALKER,
    key="P99003",
    first="Runa",
    last="Tessin",
    email="runa.tessin@lanternlane.example",
    stage="consideration",
    system_stage="consideration",
    has_deal=True,
    is_lead=False,
)
"""Whose purchase a representative is sure of, and who wants no more mail in the part about campaign tools."""
STRANGER = replace(
    WALKER,
    key="P99004",
    first="Silja",
    last="Vandamme",
    email="silja.vandamme@quietwares.example",
    firm=QUIET.key,
    known=NOBODY,
    tied=NOBODY,
)
"""The first of her company whom anybody comes to know."""

DEAL = Deal(
    key="D9001",
    reference="TW-9001",
    name="Lanternlane Compass",
    firm=SHOP.key,
    segment=SHOP.segment,
    buyers=(MEMBER.key,),
    stage="consideration",
    outcome="",
    amount=24_000,
    opened_on=(START - timedelta(days=60)).date(),
    close_date=(START + timedelta(days=90)).date(),
    owner="ines",
    known=EVERYWHERE,
)

PAGES = ("/pricing", "/pricing/compare", "/security", "/integrations", "/pricing")
"""What the visitors of QUIET look at."""


def market() -> Scene:
    """A small market, and these in it."""
    scene = generate(SIZE)
    began = START - timedelta(days=40)
    acts = (
        Act("A-CALLED", "downloads-document", CALLED.key, began),
        Act("A-DEAL-0", "downloads-document", MEMBER.key, began, DEAL.key),
        Act("A-DEAL-1", "attends-webinar", MEMBER.key, began + timedelta(days=9), DEAL.key),
    )
    return replace(
        scene,
        firms=(*scene.firms, SHOP, QUIET),
        buyers=(*scene.buyers, WALKER, CALLED, MEMBER),
        deals=(*scene.deals, DEAL),
        acts=(*scene.acts, *acts),
    )
