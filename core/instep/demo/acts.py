"""What buyers did before the story begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta

from instep.demo.dice import Dice
from instep.demo.scene import START, Act, Buyer, Deal, Recorder

EARLY = {
    "awareness": ("visits-website",),
    "interest": ("visits-website", "downloads-document"),
    "research": ("visits-website", "downloads-document", "describes-project"),
    "consideration": ("visits-website", "downloads-document", "attends-webinar", "requests-call"),
    "decision": ("downloads-document", "attends-webinar", "schedules-meeting", "participates-in-demo"),
}
"""What a buyer without a deal has done by a stage."""

BUYING = ("downloads-document", "describes-project", "attends-webinar", "schedules-meeting", "participates-in-demo")
EVALUATING = ("provides-specification-and-budget", "requests-proposal")
OWNING = ("starts-implementation", "goes-live", "reports-benefit", "repeat-purchase")
IN_SYSTEM = frozenset({"schedules-meeting", "participates-in-demo"})
"""Behaviours that salespeople record in their system; all others are in the exported files."""


def acts_of_buyers(dice: Dice, buyers: Iterable[Buyer]) -> Iterator[Act]:
    """The acts of buyers who have no deal yet."""
    for buyer in buyers:
        if buyer.has_deal:
            continue
        for place, behaviour in enumerate(EARLY.get(buyer.stage, ())):
            for turn in range(dice.number(1, 3) if place == 0 else dice.number(0, 1)):
                at = START - timedelta(days=dice.number(2, 60)) + timedelta(hours=dice.number(1, 9), minutes=7 * turn)
                yield from _recorded(f"{buyer.key}-{place}{turn}", behaviour, buyer, at, None)


def acts_of_deals(dice: Dice, buyers: Iterable[Buyer], deals: Iterable[Deal]) -> Iterator[Act]:
    """The acts that belong to a deal: on the way to it, and after the purchase."""
    known = {buyer.key: buyer for buyer in buyers}
    for deal in deals:
        people = [known[key] for key in deal.buyers]
        if not people:
            continue
        opened = datetime.combine(deal.opened_on, time(9), UTC)
        for place, behaviour in enumerate(_steps(dice, deal)):
            at = opened + timedelta(days=3 * place + dice.number(0, 2), hours=dice.number(0, 8))
            yield from _recorded(f"{deal.key}-{place}", behaviour, dice.pick(people), at, deal)
        if deal.outcome == "won":
            yield from _after_purchase(dice, deal, people)


def _steps(dice: Dice, deal: Deal) -> tuple[str, ...]:
    """Closed deals always show what they came to; open ones stop where they are."""
    if deal.outcome == "" and deal.stage in ("research", "consideration"):
        return BUYING[: 2 if deal.stage == "research" else 4]
    more = EVALUATING[: dice.number(0, 2)]
    return (*BUYING, *more, "places-order") if deal.outcome == "won" else (*BUYING, *more)


def _after_purchase(dice: Dice, deal: Deal, people: list[Buyer]) -> Iterator[Act]:
    closed = datetime.combine(deal.close_date, time(15), UTC)
    for place, behaviour in enumerate(OWNING[: dice.number(0, 4)]):
        at = closed + timedelta(days=25 * (place + 1) + dice.number(0, 9))
        if at < START:
            yield from _recorded(f"{deal.key}-A{place}", behaviour, dice.pick(people), at, deal)


def _recorded(key: str, behaviour: str, buyer: Buyer, at: datetime, deal: Deal | None) -> Iterator[Act]:
    """The act as the side recorded it that knows both buyer and deal; nothing where there is none."""
    in_files = behaviour not in IN_SYSTEM
    sees_buyer = buyer.known.files if in_files else buyer.known.system
    sees_deal = deal is None or (deal.known.files if in_files else deal.known.system)
    if sees_buyer and sees_deal:
        recorder: Recorder = "files" if in_files else "system"
        yield Act(f"A-{key}", behaviour, buyer.key, at, deal.key if deal else "", recorder)


def acts_elsewhere(dice: Dice, buyers: Iterable[Buyer]) -> Iterator[Act]:
    """Webinars that only the other system has heard of."""
    for buyer in buyers:
        if buyer.known.other and not buyer.has_deal and buyer.stage == "interest" and dice.chance(0.12):
            at = START - timedelta(days=dice.number(3, 40), hours=dice.number(1, 9))
            yield Act(f"A-{buyer.key}-W", "attends-webinar", buyer.key, at, "", "other")


def acts_in_tools(dice: Dice, buyers: Iterable[Buyer]) -> Iterator[Act]:
    """Downloads that only the campaign tool has heard of, and clicks in the newsletter."""
    for buyer in buyers:
        if buyer.has_deal or buyer.stage not in ("interest", "research"):
            continue
        if buyer.known.campaigns and dice.chance(0.15):
            at = START - timedelta(days=dice.number(3, 40), hours=dice.number(1, 9))
            yield Act(f"A-{buyer.key}-C", "downloads-document", buyer.key, at, "", "campaigns")
        if buyer.known.newsletter and not buyer.opted_out.newsletter and dice.chance(0.15):
            at = START - timedelta(hours=dice.number(1, 20))
            yield Act(f"A-{buyer.key}-N", "visits-website", buyer.key, at, "", "newsletter")
