"""A few of the market: some deals at every stage of every segment, with their buyers and firms."""

from __future__ import annotations

from dataclasses import replace

from instep.demo.generate import generate
from instep.demo.scene import Deal, Scene
from instep.demo.words import UNMAPPED_INDUSTRY

EACH = 2


def sample() -> Scene:
    """Deals that the exported files know all about, at most two at each stage and outcome of each segment."""
    whole = generate()
    deals = tuple(_few(whole))
    firms = {deal.firm for deal in deals}
    buyers = {key for deal in deals for key in deal.buyers}
    return replace(
        whole,
        firms=tuple(firm for firm in whole.firms if firm.key in firms),
        buyers=tuple(buyer for buyer in whole.buyers if buyer.key in buyers),
        deals=deals,
        acts=tuple(act for act in whole.acts_of("files") if act.deal in {deal.key for deal in deals}),
    )


def _few(whole: Scene) -> list[Deal]:
    found: dict[tuple[str, str], list[Deal]] = {}
    for deal in whole.deals:
        place = found.setdefault((deal.segment, deal.outcome or deal.stage), [])
        if len(place) < EACH and _is_known(whole, deal):
            place.append(deal)
    return [deal for place in found.values() for deal in place]


def _is_known(whole: Scene, deal: Deal) -> bool:
    """Whether the files know the deal, its firm and all of its buyers, and somebody who is still here owns it."""
    firm, buyers = whole.firm[deal.firm], [whole.buyer[key] for key in deal.buyers]
    owned = deal.owner not in ("", "wilma") and all(buyer.owner != "wilma" for buyer in buyers)
    known = deal.known.files and firm.known.files and all(buyer.known.files and buyer.email for buyer in buyers)
    return owned and known and firm.spelled_industry != UNMAPPED_INDUSTRY
