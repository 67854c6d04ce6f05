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
BOTH = Presence(True, True)


@dataclass(frozen=True, slots=True)
class Cast:
    """The buyer who sees a demo, a deal that moves, one that is won, a customer who benefits, and a contested one."""

    buyer: Buyer
    deal: Deal
    won: Deal
    customer: Buyer
    customer_deal: Deal
    contested: Buyer

    def touched(self, scene: Scene) -> set[str]:
        """What people call everybody and everything that the day changes."""
        deals = (self.deal, self.won, self.customer_deal)
        people = {scene.buyer[key].email for deal in deals for key in deal.buyers}
        return {self.buyer.email, self.contested.email, *people, *(deal.reference for deal in deals)}

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
    return Cast(
        buyer=_first(buyer for buyer in free if _researches(buyer)),
        deal=_first(deal for deal in simple if _is_open(deal, "consideration")),
        won=_first(deal for deal in simple if _is_open(deal, "purchase")),
        customer=scene.buyer[customer_deal.buyers[0]],
        customer_deal=customer_deal,
        contested=_first(buyer for buyer in free if buyer.stage == buyer.system_stage == "interest"),
    )


def _first(found: Iterator[T]) -> T:
    one = next(found, None)
    if one is None:
        raise ConfigError("The demo's company is too small for its story. Make it larger.")
    return one


def _is_simple(buyer: Buyer) -> bool:
    is_known = buyer.known == BOTH and buyer.tied == BOTH
    return is_known and not buyer.has_deal and buyer.owner == "" and not buyer.opted_out.files


def _researches(buyer: Buyer) -> bool:
    """Marketing says research, sales was last told of an earlier stage."""
    return buyer.stage == "research" != buyer.system_stage


def _is_known(scene: Scene, deal: Deal) -> bool:
    people = [scene.buyer[key] for key in deal.buyers]
    is_owned = deal.known == BOTH and deal.owner not in ("", "wilma")
    return is_owned and bool(people) and all(buyer.email for buyer in people)


def _is_open(deal: Deal, stage: str) -> bool:
    return deal.outcome == "" and deal.stage == stage


def _may_report(scene: Scene, deal: Deal) -> bool:
    """Whether a deal is won, known to the files, and has no reported benefit yet."""
    if deal.outcome != "won" or not scene.buyer[deal.buyers[0]].known.files:
        return False
    return not any(act.deal == deal.key and act.behaviour == "reports-benefit" for act in scene.acts)
