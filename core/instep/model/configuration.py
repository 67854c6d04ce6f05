"""What the files want a system's stages to be, and by which ids the system knows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from instep.model.entities import Kind
from instep.model.process import Outcome, Process
from instep.model.stagetable import Replaced, StageTable
from instep.model.values import Scalar

Path = tuple[str, ...]
"""Where a list stands in a mapping file: ("opportunity", "pipelines", "life-sciences")."""


class Key(NamedTuple):
    """What the files call a stage of a system: a stage of the process, an outcome, or a detour."""

    group: Literal["values", "outcomes", "detours"]
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class WantedStage:
    """One stage that a system shall have.

    Stages of the process that share a value are one of these. `spelled` is what the file calls it: its label, unless
    `label` is given, or the id of one that is there. `probability` runs from 0 to 1; None where nothing is said.
    """

    keys: tuple[Key, ...]
    spelled: str
    label: str | None = None
    outcome: Outcome | None = None
    probability: float | None = None
    details: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
    is_latent: bool = False
    """Whether it is for buyers who are not looking: it may stand anywhere in the order."""
    place: int = 0
    """Which of several spellings of its keys this one is."""

    @property
    def name(self) -> str:
        """What people call it: its keys."""
        return " / ".join(key.name for key in self.keys)


@dataclass(frozen=True, slots=True)
class WantedList:
    """An ordered list of stages that a system shall have: a pipeline, or the options of one field.

    `pipeline` is the pipeline's label as the file spells it, or its id; None for the options of a field. `retire`
    says of stages that are wanted no more to which one their records go.
    """

    path: Path
    objects: tuple[str, ...]
    field: str
    stages: tuple[WantedStage, ...]
    pipeline: str | None = None
    label: str | None = None
    kind: Kind | None = None
    segments: tuple[str, ...] = ()
    retire: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def stage(self, name: str) -> WantedStage | None:
        """The stage of a key: of the process, or an outcome."""
        return next((stage for stage in self.stages for key in stage.keys if key.name == name), None)


@dataclass(frozen=True, slots=True)
class ListIds:
    """By which ids a system knows a list and its stages; a stage with several spellings has several."""

    pipeline: str | None = None
    stages: Mapping[Key, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    left_alone: tuple[str, ...] = ()
    """The ids of stages that no file names, and that were there when this was written."""
    retiring: Mapping[Key, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """The ids of stages that are wanted no more, and are still there."""

    def moved(self, process: Process) -> ListIds:
        """The same with the keys that stages have today; where the successor has an id of its own, both are kept."""
        today = dict(self.stages)
        for key in self.stages:
            successor = Key(key.group, process.current_key(key.name))
            if key.group == "values" and successor not in today:
                today[successor] = today.pop(key)
        return dataclasses.replace(self, stages=today)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What one connection's files say of how the system is to be configured."""

    lists: tuple[WantedList, ...] = ()
    ids: Mapping[Path, ListIds] = dataclasses.field(default_factory=dict)
    """What is managed: everything else in the system is left alone."""
    org: str | None = None
    """The org that these ids belong to; None where there are none."""


def with_ids(table: StageTable, ids: ListIds) -> StageTable:
    """A stage table in the words that records hold, where the files have the labels that people see."""
    held: dict[str, str] = {}
    values = {stage: _held(Key("values", stage), word, table, ids, held) for stage, word in table.values.items()}
    outcomes = {
        outcome: _held(Key("outcomes", outcome.value), word, table, ids, held)
        for outcome, word in table.outcomes.items()
    }
    detours = {name: _held(Key("detours", name), word, table, ids, held) for name, word in table.detours.items()}
    return dataclasses.replace(
        table,
        values=values,
        outcomes=outcomes,
        detours=detours,
        lands_on={held.get(word, word): stage for word, stage in table.lands_on.items()},
        also={held.get(word, word): held.get(first, first) for word, first in table.also.items()},
        replaced=_replaced(table, ids, held),
        pipeline=ids.pipeline or table.pipeline,
        words={id: word for word, id in held.items() if id != word},
        unmade=frozenset(_unmade(table, ids, held)),
    )


def _held(key: Key, word: str, table: StageTable, ids: ListIds, held: dict[str, str]) -> str:
    """The id of a key's first spelling; those of the others go into `held`, by their spellings."""
    spellings = spellings_of(table, word)
    known = ids.stages.get(key, ())
    if len(known) == len(spellings):
        for spelling, id in zip(spellings, known, strict=True):
            if id not in held.values():
                held.setdefault(spelling, id)
    return held.get(word, word)


def _replaced(table: StageTable, ids: ListIds, held: Mapping[str, str]) -> dict[str, Replaced]:
    """The values of other versions' stages as records hold them: the ids, where the list still has these stages."""
    found: dict[str, Replaced] = {}
    for old in dict.fromkeys(table.replaced.values()):
        words = [word for word, other in table.replaced.items() if other == old]
        known = ids.stages.get(Key("values", old.stage), ())
        found.update(dict.fromkeys(known if len(known) == len(words) else words, old))
    return {word: old for word, old in found.items() if word not in held.values()}


def _unmade(table: StageTable, ids: ListIds, held: Mapping[str, str]) -> Iterator[str]:
    """What the files name in a managed list, and no id is known of."""
    words = (*table.values.values(), *table.outcomes.values(), *table.detours.values(), *table.also)
    for word in words if ids.stages else ():
        if word not in held:
            yield word


def spellings_of(table: StageTable, word: str) -> tuple[str, ...]:
    """A value as it is written, and the others that are read as it."""
    return (word, *(further for further, first in table.also.items() if first == word))
