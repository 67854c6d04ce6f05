"""Who the story is about: the few of the scene to whom something happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
    deals_of = Counter(key for deal in scene.deals for key in deal.buyers)
    free = [buyer for buyer in scene.buyers if _is_simple(buyer) and not buyer.has_deal]
    customer_deal = _first(_suits_customer(scene, deal, deals_of) for deal in scene.deals)
    return Cast(
        buyer=_first(_researches(scene, buyer) for buyer in free),
        deal=_first(_is_open(scene, deal, deals_of, "consideration") for deal in scene.deals),
        won=_first(_is_open(scene, deal, deals_of, "purchase") for deal in scene.deals),
        customer=scene.buyer[customer_deal.buyers[0]],
        customer_deal=customer_deal,
        contested=_first(b if b.stage == b.system_stage == "interest" else None for b in free),
    )


def _first(found: Iterable[T | None]) -> T:
    for one in found:
        if one is not None:
            return one
    raise ConfigError("The demo's company is too small for its story. Make it larger.")


def _is_simple(buyer: Buyer) -> bool:
    return buyer.known == BOTH and buyer.tied == BOTH and buyer.owner == "" and not buyer.opted_out.files


def _researches(scene: Scene, buyer: Buyer) -> Buyer | None:
    """Marketing says research, sales was last told of an earlier stage."""
    firm = scene.firm[buyer.firm]
    suits = buyer.stage == "research" and buyer.system_stage != "research" and firm.segment == "life-sciences"
    return buyer if suits and firm.known == BOTH else None


def _is_open(scene: Scene, deal: Deal, deals_of: Counter[str], stage: str) -> Deal | None:
    suits = deal.known == BOTH and deal.outcome == "" and deal.stage == stage and deal.owner not in ("", "wilma")
    return deal if suits and _is_alone(scene, deal, deals_of) else None


def _suits_customer(scene: Scene, deal: Deal, deals_of: Counter[str]) -> Deal | None:
    told = any(act.deal == deal.key and act.behaviour == "reports-benefit" for act in scene.acts)
    is_won = deal.known == BOTH and deal.outcome == "won" and not told
    return deal if is_won and _is_alone(scene, deal, deals_of) else None


def _is_alone(scene: Scene, deal: Deal, deals_of: Counter[str]) -> bool:
    """Whether one person is on the deal, on no other, and known to both sides."""
    return len(deal.buyers) == 1 and deals_of[deal.buyers[0]] == 1 and scene.buyer[deal.buyers[0]].known == BOTH
