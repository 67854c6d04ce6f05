"""What a wanted stage can be in a system: within its limits, and what is lost is said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from instep.contract import StageLimits, SystemStage
from instep.model.process import Outcome
from instep.provision.bind import BoundStage


@dataclass(frozen=True, slots=True)
class Expressed:
    """A stage as the system shall have it, and what it cannot hold, in a sentence."""

    stage: SystemStage
    loss: str = ""


def express(stages: Sequence[BoundStage], limits: StageLimits) -> list[Expressed]:
    """Every wanted stage of a list as the system can hold it, in the wanted order.

    What the files do not say is left as it is; a new open stage is as probable as the one before it.
    """
    found: list[Expressed] = []
    before = limits.lowest_open
    for place, bound in enumerate(stages):
        one = _expressed(bound, limits, place, before)
        found.append(one)
        before = one.stage.probability if one.stage.probability is not None and not one.stage.closed else before
    return found


def _expressed(bound: BoundStage, limits: StageLimits, place: int, before: float) -> Expressed:
    now, wanted = bound.stage, bound.wanted
    id = now.id if now else wanted.spelled if limits.ids_are_labels else ""
    details = {**(now.details if now else {}), **wanted.details}
    stage = SystemStage(id, bound.label(limits), place, details=details)
    if not limits.has_outcomes:
        closed, won, share = (now.closed, now.won, now.probability) if now else (False, False, None)
        return Expressed(replace(stage, closed=closed, won=won, probability=share))
    if wanted.outcome is not None:
        won = wanted.outcome is Outcome.WON
        return Expressed(replace(stage, closed=True, won=won, probability=1.0 if won else 0.0))
    share = wanted.probability if wanted.probability is not None else now.probability if now else before
    held = nearest(share if share is not None else before, limits)
    is_lost = wanted.probability is not None and not math.isclose(held, wanted.probability, abs_tol=1e-9)
    loss = f"{wanted.name} is {percent(share)} probable, and shown as {percent(held)}" if is_lost else ""
    return Expressed(replace(stage, probability=held), loss)


def percent(share: float | None) -> str:
    """A share as people write it."""
    return "not" if share is None else f"{share * 100:.4g} %"


def nearest(share: float, limits: StageLimits) -> float:
    """The nearest probability that an open stage can have; halves go up."""
    steps = math.floor(share / limits.probability_step + 0.5 + 1e-9)
    return round(min(max(steps * limits.probability_step, limits.lowest_open), limits.highest_open), 6)


def is_as_wanted(now: SystemStage, wanted: SystemStage, limits: StageLimits, named: Iterable[str]) -> bool:
    """Whether nothing about a stage is to be changed; of its details only those that the files name count."""
    if now.label != wanted.label or any(now.details.get(name) != wanted.details.get(name) for name in named):
        return False
    if not limits.has_outcomes:
        return True
    if (now.closed, now.won) != (wanted.closed, wanted.won):
        return False
    return now.probability == wanted.probability or math.isclose(
        now.probability if now.probability is not None else -1, wanted.probability or 0, abs_tol=1e-6
    )
