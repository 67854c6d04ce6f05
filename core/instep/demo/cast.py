"""Who the story is about: the few of the scene to whom something happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from instep.demo.scene import Act, Buyer, Deal, Presence, Scene
from instep.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who the day is about.

    A buyer sees a demo; a deal moves on, one is won, one falls back; a customer has benefits; somebody's stage is
    contested; a lead becomes a contact; somebody attends a webinar, and somebody wants no more mail.
    """

    buyer: Buyer
    deal: Deal
    won: Deal
    customer: Buyer
    customer_deal: Deal
    contested: Buyer
    back: Deal
    lead: Buyer
    attendee: Buyer
    leaver: Buyer

    def touched(self, scene: Scene) -> set[str]:
        """What people call everybody and everything that the day changes."""
        deals = (self.deal, self.won, self.customer_deal, self.back)
        people = {scene.buyer[key].email for deal in deals for key in deal.buyers}
        persons = (self.buyer, self.contested, self.lead, self.attendee, self.leaver)
        return {*(person.email for person in persons), *people, *(deal.reference for deal in deals)}

    def benefit(self, at: datetime) -> Act:
        """What the customer reports."""
        return Act("A-TODAY", "reports-benefit", self.customer.key, at, self.customer_deal.key)


def cast_of(scene: Scene) -> Cast:
    """Choose them: known to both sides, and simple enough for one screen."""
    free = [buyer for buyer in scene.buyers if _is_simple(buyer)]
    deals_of = Counter(key for deal in scene.deals for key in deal.buyers)
    known = (deal for deal in scene.deals if _is_known(scene, deal))
    simple = sorted(known, key=lambda deal: sum(deals_of[key] for key in deal.buyers))
    customer_deal = _first(deal for deal in simple if _may_report(scene, deal))
    buyer = _first(buyer for buyer in free if _researches(buyer))
    deal = _first(deal for deal in simple if _is_open(deal, "consideration"))
    contested = _first(b for b in free if b.stage == b.system_stage == "interest" and not _acts_elsewhere(scene, b))
    lead = _first(b for b in free if b.is_lead and b.stage in ("awareness", "research") and b != buyer)
    others = [b for b in free if b not in (buyer, contested, lead) and not _acts_elsewhere(scene, b)]
    attendee = _first(b for b in others if b.known.campaigns and b.stage == b.system_stage == "interest")
    return Cast(
        buyer=buyer,
        deal=deal,
        won=_first(deal for deal in simple if _is_open(deal, "purchase")),
        customer=scene.buyer[customer_deal.buyers[0]],
        customer_deal=customer_deal,
        contested=contested,
        back=_first(d for d in simple if d.known.other and _is_open(d, "decision")),
        lead=lead,
        attendee=attendee,
        leaver=_first(b for b in others if b.known.newsletter and b != attendee),
    )


def _acts_elsewhere(scene: Scene, buyer: Buyer) -> bool:
    return any(act.buyer == buyer.key for act in scene.acts_of("other"))


def _first(found: Iterator[T]) -> T:
    one = next(found, None)
    if one is None:
        raise ConfigError("The demo's company is too small for its story. Make it larger.")
    return one


def _is_simple(buyer: Buyer) -> bool:
    is_known = _in_both(buyer.known) and _in_both(buyer.tied)
    out = buyer.opted_out
    is_out = out.files or out.system or out.other or out.newsletter
    return is_known and not buyer.has_deal and buyer.owner == "" and not is_out


def _in_both(presence: Presence) -> bool:
    return presence.files and presence.system


def _researches(buyer: Buyer) -> bool:
    """Marketing says research, sales was last told of an earlier stage."""
    return buyer.stage == "research" != buyer.system_stage


def _is_known(scene: Scene, deal: Deal) -> bool:
    people = [scene.buyer[key] for key in deal.buyers]
    is_owned = _in_both(deal.known) and deal.owner not in ("", "wilma")
    return is_owned and bool(people) and all(buyer.email for buyer in people)


def _is_open(deal: Deal, stage: str) -> bool:
    return deal.outcome == "" and deal.stage == stage


def _may_report(scene: Scene, deal: Deal) -> bool:
    """Whether a deal is won, known to the files, and has no reported benefit yet."""
    if deal.outcome != "won" or not scene.buyer[deal.buyers[0]].known.files:
        return False
    return not any(act.deal == deal.key and act.behaviour == "reports-benefit" for act in scene.acts)
