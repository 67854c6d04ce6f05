"""Draws the market from a seed: firms, buyers, deals and what buyers did, with the mess that real data has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from instep.demo import words
from instep.demo.acts import acts_elsewhere, acts_in_tools, acts_of_buyers, acts_of_deals
from instep.demo.dice import Dice
from instep.demo.scene import COLLEAGUES, START, Buyer, Deal, Firm, Presence, Scene

SEED = 11
SEGMENTS = {"e-commerce": 45, "life-sciences": 30, "higher-education": 25}
STAGES = {"sidelines": 24, "awareness": 28, "interest": 24, "research": 14, "consideration": 7, "decision": 3}
DEAL_STAGES = {"research": 8, "consideration": 38, "decision": 34, "validation": 10, "purchase": 10}
OUTCOMES = {"": 46, "won": 31, "lost": 16, "no_decision": 7}
EARLIER = {"consideration": "interest", "decision": "consideration", "research": "awareness", "interest": "awareness"}
BOTH, FILES, SYSTEM = Presence(True, True), Presence(True, False), Presence(False, True)
NOBODY = Presence(False, False)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything there is."""

    firms: int = 300
    buyers: int = 2_000
    deals: int = 600


def generate(size: Size | None = None, seed: int = SEED) -> Scene:
    """The whole scene; the same size and seed give the same scene everywhere."""
    size, dice = size or Size(), Dice(seed)
    firms = _firms(dice, size.firms)
    buyers = _buyers(dice, firms, size.buyers)
    deals = _deals(dice, firms, buyers, size.deals)
    buyers = _with_deals(dice, buyers, deals)
    acts = (*acts_of_buyers(dice, buyers), *acts_of_deals(dice, buyers, deals))
    dice = Dice(seed + 1)
    firms, buyers, deals = _elsewhere(dice, firms, buyers, deals)
    acts = (*acts, *acts_elsewhere(dice, buyers))
    dice = Dice(seed + 2)
    buyers = [_buyer_in_tools(dice, buyer) for buyer in buyers]
    acts = (*acts, *acts_in_tools(dice, buyers))
    return Scene(COLLEAGUES, tuple(firms), tuple(buyers), tuple(deals), acts)


def _elsewhere(
    dice: Dice, firms: list[Firm], buyers: list[Buyer], deals: list[Deal]
) -> tuple[list[Firm], list[Buyer], list[Deal]]:
    """What the other system knows: about half of everybody who has an address, most of them as leads."""
    firms = [replace(firm, known=replace(firm.known, other=dice.chance(0.5))) for firm in firms]
    return firms, [_buyer_elsewhere(dice, b) for b in buyers], [_deal_elsewhere(dice, d) for d in deals]


def _buyer_elsewhere(dice: Dice, buyer: Buyer) -> Buyer:
    is_known = buyer.email != "" and dice.chance(0.5)
    return replace(
        buyer,
        known=replace(buyer.known, other=is_known),
        is_lead=is_known and not buyer.has_deal and dice.chance(0.7),
        tied=replace(buyer.tied, other=dice.chance(0.9)),
        opted_out=replace(buyer.opted_out, other=is_known and dice.chance(0.03)),
    )


def _deal_elsewhere(dice: Dice, deal: Deal) -> Deal:
    return replace(deal, known=replace(deal.known, other=dice.chance(0.5)))


def _buyer_in_tools(dice: Dice, buyer: Buyer) -> Buyer:
    """What the campaign tools know: some of everybody who has an address. Some have left the newsletter."""
    campaigns, newsletter = (buyer.email != "" and dice.chance(share) for share in (0.45, 0.4))
    has_left = newsletter and dice.chance(0.04)
    return replace(
        buyer,
        known=replace(buyer.known, campaigns=campaigns, newsletter=newsletter),
        opted_out=replace(buyer.opted_out, newsletter=has_left),
    )


# --- firms -------------------------------------------------------------------------------------------------------


def _firms(dice: Dice, count: int) -> list[Firm]:
    firms: list[Firm] = []
    taken: set[str] = set()
    while len(firms) < count:
        segment = dice.weighed(SEGMENTS)
        name = _firm_name(dice, segment)
        if name not in taken:
            taken.add(name)
            firms.append(_firm(dice, len(firms) + 1, segment, name))
    odd = replace(firms[0], spelled_industry=words.UNMAPPED_INDUSTRY, known=FILES)
    return [odd, *firms[1:]]


def _firm_name(dice: Dice, segment: str) -> str:
    end = dice.pick(words.NAME_ENDS[segment])
    if segment == "higher-education":
        return f"{dice.pick(words.NAME_STARTS)}{dice.pick(('brook', 'field', 'ford', 'haven', 'mere'))} {end}"
    return dice.pick(words.NAME_STARTS) + end


def _firm(dice: Dice, number: int, segment: str, name: str) -> Firm:
    city, country = dice.pick(words.PLACES)
    industry = dice.pick(words.INDUSTRIES[segment])
    return Firm(
        key=f"C{number:04}",
        name=name,
        legal_name=name if segment == "higher-education" else f"{name} {dice.pick(words.LEGAL_FORMS)}",
        domain=name.lower().replace(" ", "-") + ".example",
        segment=segment,
        industry=industry,
        spelled_industry=dice.pick(words.SPELLINGS[industry]),
        city=city,
        country=country,
        employees=dice.number(2, 90) * 10 * dice.pick((1, 1, 1, 10)),
        owner=_rep(segment) if dice.chance(0.7) else "",
        known=_presence(dice, 50, 30, 20),
    )


def _presence(dice: Dice, both: int, files: int, system: int) -> Presence:
    return dice.weighed({BOTH: both, FILES: files, SYSTEM: system})


def _rep(segment: str) -> str:
    return next(c.key for c in COLLEAGUES if c.segment == segment and c.job == "sales")


# --- buyers ------------------------------------------------------------------------------------------------------


def _buyers(dice: Dice, firms: list[Firm], count: int) -> list[Buyer]:
    taken: dict[str, int] = {}
    return [_buyer(dice, number, dice.pick(firms), taken) for number in range(1, count + 1)]


def _buyer(dice: Dice, number: int, firm: Firm, taken: dict[str, int]) -> Buyer:
    first, last = dice.pick(words.FIRST), dice.pick(words.LAST)
    title = dice.pick(words.TITLES[firm.segment])
    known = _presence(dice, 50, 30, 20)
    has_email = known == BOTH or dice.chance(0.94)
    stage = dice.weighed(STAGES)
    return Buyer(
        key=f"P{number:05}",
        first=first,
        last=last,
        email=_email(first, last, firm, taken) if has_email else "",
        title=title,
        other_title=_respelled(dice, title),
        phone=f"+49 30 {5_550_000 + number}" if dice.chance(0.6) else "",
        firm=firm.key,
        stage=stage,
        system_stage=EARLIER.get(stage, stage) if dice.chance(0.25) else stage,
        owner="wilma" if dice.chance(0.02) else "",
        opted_out=_opt_out(dice) if has_email else NOBODY,
        tied=Presence(dice.chance(0.93), dice.chance(0.9)),
        known=known,
    )


def _email(first: str, last: str, firm: Firm, taken: dict[str, int]) -> str:
    name = f"{first}.{last}".lower()
    address = f"{name}@{firm.domain}"
    taken[address] = taken.get(address, 0) + 1
    return address if taken[address] == 1 else f"{name}{taken[address]}@{firm.domain}"


def _respelled(dice: Dice, title: str) -> str:
    if dice.chance(0.6):
        return title
    return dice.pick(
        (title.lower(), title.replace("Head of", "Head,"), title.replace("Chief", "Chf."), title.upper())
    )


def _opt_out(dice: Dice) -> Presence:
    return dice.weighed({NOBODY: 92, FILES: 3, SYSTEM: 3, BOTH: 2})


# --- deals -------------------------------------------------------------------------------------------------------


def _deals(dice: Dice, firms: list[Firm], buyers: list[Buyer], count: int) -> list[Deal]:
    staff: dict[str, list[Buyer]] = {}
    for buyer in buyers:
        staff.setdefault(buyer.firm, []).append(buyer)
    buying = [firm for firm in firms if len(staff.get(firm.key, ())) > 1]
    return [_deal(dice, number, firm := dice.pick(buying), staff[firm.key]) for number in range(1, count + 1)]


def _deal(dice: Dice, number: int, firm: Firm, staff: list[Buyer]) -> Deal:
    known = _presence(dice, 40, 32, 28)
    present = [b for b in staff if (b.known.files and known.files) or (b.known.system and known.system)]
    outcome = dice.weighed(OUTCOMES)
    stage = dice.weighed(DEAL_STAGES)
    if stage == "validation" and firm.segment != "life-sciences":
        stage = "decision"
    opened = (START - timedelta(days=dice.number(60, 400))).date()
    length = timedelta(days=dice.number(30, 55))
    closes = (START + timedelta(days=dice.number(10, 120))).date() if outcome == "" else opened + length
    return Deal(
        key=f"D{number:04}",
        reference=f"TW-{2_000 + number}",
        name=f"{firm.name} {dice.pick(words.PRODUCTS)}",
        firm=firm.key,
        segment=firm.segment,
        buyers=tuple(sorted(buyer.key for buyer in dice.some(present, dice.number(1, 3)))),
        stage=stage,
        outcome=outcome,
        amount=dice.number(4, 160) * 500,
        opened_on=opened,
        close_date=closes,
        owner=dice.weighed({_rep(firm.segment): 70, "wilma": 4, "": 26}) if outcome == "" else _rep(firm.segment),
        known=known,
    )


def _with_deals(dice: Dice, buyers: list[Buyer], deals: list[Deal]) -> list[Buyer]:
    """Who is part of a deal was told of its stage, here and there."""
    told = {key: deal for deal in deals for key in deal.buyers}
    return [_told(dice, buyer, told[buyer.key]) if buyer.key in told else buyer for buyer in buyers]


def _told(dice: Dice, buyer: Buyer, deal: Deal) -> Buyer:
    stage = "implementing" if deal.outcome == "won" else deal.stage
    earlier = EARLIER.get(stage, stage)
    owner = _rep(deal.segment) if dice.chance(0.5) else buyer.owner
    return replace(
        buyer,
        stage=stage if dice.chance(0.7) else earlier,
        system_stage=stage if dice.chance(0.8) else earlier,
        owner=owner,
        has_deal=True,
    )
