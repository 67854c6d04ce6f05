"""Steps: one thing to configure in one system each, in the order in which they are done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    FieldSpec,
    OfferStages,
    Option,
    OrderStages,
    RelabelPipeline,
    RetireStage,
    StageChange,
)
from instep.model.configuration import Path
from instep.model.values import Scalar, pack


class Phase(IntEnum):
    """When a step is done. Nothing is ever in a stage that is gone."""

    FIELDS = 0
    ADD = 1
    CHANGE = 2
    OFFER = 3
    MOVE = 4
    RETIRE = 5


@dataclass(frozen=True, slots=True)
class ExtendField:
    """Options that a choice lacks."""

    object: str
    field: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class MoveRecords:
    """Records that leave a stage before it is retired."""

    object: str
    field: str
    pipeline: str | None
    stage: str
    to: str
    records: tuple[str, ...]


Doing = StageChange | FieldSpec | ExtendField | MoveRecords
_ACTIONS: dict[type, str] = {
    FieldSpec: "add-field",
    ExtendField: "extend-field",
    AddPipeline: "add-pipeline",
    RelabelPipeline: "relabel-pipeline",
    AddStage: "add-stage",
    ChangeStage: "change-stage",
    OrderStages: "order-stages",
    OfferStages: "offer-stages",
    MoveRecords: "move-records",
    RetireStage: "retire-stage",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the files say; None where it is not there at all."""

    what: str
    before: Scalar
    after: Scalar

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "before": pack(self.before), "after": pack(self.after)}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `target` is what it is about, in people's words; `by_hand` how a person does it, if they must.

    Two steps are the same if action, object, target and differences are, whatever ids the system gave meanwhile.
    """

    phase: Phase
    doing: Doing
    target: str
    differences: tuple[Difference, ...] = ()
    paths: tuple[Path, ...] = ()
    because: str = ""
    by_hand: str = ""
    is_managed: bool = True
    """Whether what it is about was managed before; otherwise nobody can have changed it."""

    @property
    def action(self) -> str:
        return _ACTIONS[type(self.doing)]

    @property
    def object(self) -> str:
        return self.doing.object

    @property
    def identity(self) -> tuple[Any, ...]:
        return (self.phase, self.action, self.object, self.target, self.differences)

    def as_json(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "object": self.object,
            "target": self.target,
            "differences": [difference.as_json() for difference in self.differences],
            "places": [".".join(path) for path in self.paths],
            "why": self.because,
            "by_hand": self.by_hand,
        }


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """By phase; within one, in the order in which they were found."""
    return tuple(sorted(steps, key=lambda step: step.phase))
