"""Translating stages is a lawful lens: `get(put(x), x) = x` and `put(get(v, x)) = v`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from instep.model.process import Outcome, Process


@dataclass(frozen=True, slots=True)
class Replaced:
    """A stage of another version of the process, and the stage that it has become in this one."""

    stage: str
    became: str


@dataclass(frozen=True, slots=True)
class StageTable:
    """How one system's field (or pipeline) spells the canonical stages.

    `values` maps a stage key to the system's value; several stages may share one, in which case `lands_on` says
    which of them an edit to that value means. A stage that is not listed shows as the nearest earlier listed one.
    """

    field: str
    values: Mapping[str, str]
    lands_on: Mapping[str, str] = dataclasses.field(default_factory=dict)
    outcomes: Mapping[Outcome, str] = dataclasses.field(default_factory=dict)
    pipeline: str | None = None
    """The pipeline whose records this table translates, or None for a plain field."""
    pipeline_field: str | None = None
    also: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Further values of a system that is finer than the process, each with the listed value that it counts as.

    They are read like that value, left as they are, and never written.
    """
    replaced: Mapping[str, Replaced] = dataclasses.field(default_factory=dict)
    """Values of stages that this version of the process does not have, and what these stages have become.

    They are read as what they became, and written over with how that is spelled.
    """
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Values that are a system's own ids, by what the files call them."""

    detours: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Detour key to the value that says that a journey waits beside the path."""
    reason_field: str | None = None
    """The field that says why somebody set the stage."""
    until_field: str | None = None
    """The field that says until when what somebody set is to hold."""

    unmade: frozenset[str] = frozenset()
    """Values of a managed list that the system was not given yet, whatever else may be called so there."""

    def word(self, value: str) -> str:
        """A value as the files call it."""
        return self.words.get(value, value)

    def counts_as(self, value: str) -> str:
        """The listed value that a system's value is read as."""
        return self.also.get(value, value)

    def has(self, value: str) -> bool:
        """Whether a value means something here."""
        return value in self.replaced or value in self.every_value()

    def every_value(self) -> tuple[str, ...]:
        """Every value that means something here, each once."""
        listed = (*self.values.values(), *self.outcomes.values(), *self.detours.values())
        return tuple(dict.fromkeys((*listed, *self.also)))

    @property
    def beside(self) -> tuple[str, ...]:
        """The fields beside the stage that say more of it."""
        return tuple(name for name in (self.reason_field, self.until_field) if name is not None)

    def put(self, stage: str | None, process: Process) -> str | None:
        """The system's value for a stage; None before the first listed one: nothing is written then."""
        if stage is None:
            return None
        shown = process.at_or_before(stage, self.values)
        return None if shown is None else self.values[shown]

    def get(self, value: str, current: str | None, process: Process) -> str | None:
        """The stage that a value means, given the stage just before that edit; None for an unlisted value."""
        value = self.counts_as(value)
        if current is not None and self.put(current, process) == value:
            return current
        if value in self.lands_on:
            return self.lands_on[value]
        meant = [stage for stage, spelled in self.values.items() if spelled == value]
        if value in self.replaced:
            meant = [self.replaced[value].became]
        return meant[0] if len(meant) == 1 else None

    def includes(self, value: str, stage: str, process: Process) -> bool:
        """Whether `stage` shows as `value` here; a replaced value stands for what its stage has become."""
        old = self.replaced.get(value)
        return self.put(stage, process) == (self.put(old.became, process) if old else self.counts_as(value))

    def outcome(self, value: str) -> Outcome | None:
        value = self.counts_as(value)
        return next((outcome for outcome, spelled in self.outcomes.items() if spelled == value), None)

    def detour(self, value: str) -> str | None:
        """The detour that a value means, if it means one."""
        value = self.counts_as(value)
        return next((detour for detour, spelled in self.detours.items() if spelled == value), None)

    def ambiguous(self) -> tuple[str, ...]:
        """Values shared by several stages that `lands_on` does not settle: the table is not lawful with them."""
        spelled = list(self.values.values())
        return tuple(sorted({v for v in spelled if spelled.count(v) > 1 and v not in self.lands_on}))
