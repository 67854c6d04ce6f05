"""What a replay found: who would move, what would be written, and how the counts of every stage would differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from instep.model.entities import Kind
from instep.model.journey import Position
from instep.model.process import Process

SAMPLES = 5
"""So many of each are named."""
Aspect = str
"""What may differ of somebody: "stage", "detour", "segment", "owner", "band", "grade", "score", or a field."""
ASPECTS: tuple[Aspect, ...] = ("stage", "detour", "segment", "owner", "band", "grade", "score")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the engine says of one entity, as far as a replay compares it."""

    entity: str
    kind: Kind
    label: str
    aspects: Mapping[Aspect, str | None]
    writes: frozenset[Write]


@dataclass(frozen=True, slots=True)
class Write:
    """One value, association or record that a system would be sent. `field` is the canonical name of what it says."""

    connection: str
    object: str
    action: str
    field: str
    record: str = ""
    value: str = ""
    clears: bool = False
    """Whether it takes a value away."""


@dataclass(slots=True)
class Moves:
    """Everybody who would go from one value of an aspect to another, and a few of them by name."""

    count: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)
    """(entity, label), the first few by entity."""

    def add(self, count: int, samples: Iterable[tuple[str, str]]) -> None:
        self.count += count
        self.samples = sorted({*self.samples, *samples})[:SAMPLES]


@dataclass(slots=True)
class Funnel:
    """How many show each stage, and how many journeys ever came to it or beyond."""

    shown: Counter[str] = field(default_factory=Counter)
    """Persons, by the stage that they show; "" for none."""
    furthest: Counter[str] = field(default_factory=Counter)
    """Journeys, by the furthest stage that they were ever at; counted where the process is another."""
    outcomes: Counter[str] = field(default_factory=Counter)

    def add_journey(self, position: Position, process: Process) -> None:
        order = process.order()
        furthest = max((step.stage for step in position.history), key=order.__getitem__, default=None)
        if furthest is not None:
            self.furthest[furthest] += 1
        if position.outcome is not None:
            self.outcomes[position.outcome.value] += 1

    def reached(self, process: Process) -> dict[str, int]:
        """Stage to how many journeys came to it or beyond."""
        order = process.order()
        known = {stage: count for stage, count in self.furthest.items() if stage in order}
        return {s: sum(n for other, n in known.items() if order[other] >= order[s]) for s in order}

    def conversion(self, process: Process) -> dict[str, float | None]:
        """Stage to the share of the journeys that came to it or beyond, and went on; None where none came."""
        reached = self.reached(process)
        stages = sorted(reached, key=process.order().__getitem__)
        return {s: reached[n] / reached[s] if reached[s] else None for s, n in pairwise(stages)}


@dataclass(slots=True)
class Tally:
    """The differences between what the files say now and what the changed ones would, added up."""

    looked_at: Counter[Kind] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(connection, object) to how many live records there are at least: those that columns read."""
    moves: dict[tuple[Kind, Aspect, str | None, str | None], Moves] = field(default_factory=dict)
    movers: Counter[tuple[Kind, Aspect]] = field(default_factory=Counter)
    more: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """(connection, object, action, field) of what only the changed files would write, or otherwise."""
    fewer: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """The same of what only the present files would write."""
    records: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(connection, object, what a limit names) to how many records only the changed files would write."""
    cleared: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Records of which a value would be taken away, by field, as far as columns know them."""
    before: Funnel = field(default_factory=Funnel)
    after: Funnel = field(default_factory=Funnel)
    said_before: Counter[tuple[str, str]] = field(default_factory=Counter)
    said_after: Counter[tuple[str, str]] = field(default_factory=Counter)

    def compare(self, before: Shown, after: Shown) -> None:
        """Add one entity, as it is and as it would be."""
        self.looked_at[after.kind] += 1
        if after.kind is Kind.PERSON:
            self.before.shown[before.aspects.get("stage") or ""] += 1
            self.after.shown[after.aspects.get("stage") or ""] += 1
        for aspect in sorted(before.aspects.keys() | after.aspects.keys()):
            was, now = before.aspects.get(aspect), after.aspects.get(aspect)
            if was != now:
                self.add_moves(after.kind, aspect, was, now, 1, [(after.entity, after.label)])
        self.add_writes(after.writes - before.writes, before.writes - after.writes)

    def add_moves(
        self,
        kind: Kind,
        aspect: Aspect,
        was: str | None,
        now: str | None,
        count: int,
        samples: Iterable[tuple[str, str]],
    ) -> None:
        self.movers[(kind, aspect)] += count
        self.moves.setdefault((kind, aspect, was, now), Moves()).add(count, samples)

    def add_writes(self, more: Iterable[Write], fewer: Iterable[Write]) -> None:
        for write in (more := list(more)):
            self.more[(write.connection, write.object, write.action, write.field)] += 1
        limited = {(w.connection, w.object, w.record, _limited_as(w)) for w in more if w.field != "instep_id"}
        self.records.update((connection, object, what) for connection, object, _, what in limited)
        cleared = {(w.connection, w.object, w.record) for w in more if w.clears}
        self.records.update((connection, object, "clear") for connection, object, _ in cleared)
        for write in fewer:
            self.fewer[(write.connection, write.object, write.action, write.field)] += 1

    def counted(self) -> dict[tuple[str, str, str], int]:
        """(connection, object, what a limit names) to of how many records, at least, it would be written."""
        most: Counter[tuple[str, str, str]] = Counter()
        for (connection, object, _), count in self.cleared.items():
            most[connection, object, "clear"] = max(most[connection, object, "clear"], count)
        return dict(self.records + most)

    def in_all(self) -> dict[str, int]:
        """Connection to how many changes these are at least: one change writes several fields."""
        most: dict[tuple[str, str, bool], int] = {}
        for (connection, object, what), count in self.records.items():
            place = connection, object, what in _WHOLE
            most[place] = max(most.get(place, 0), count)
        found: Counter[str] = Counter()
        for (connection, _, _), count in most.items():
            found[connection] += count
        return dict(found)

    @property
    def is_empty(self) -> bool:
        """Whether the changed files would make no difference to anybody."""
        return not self.moves and not self.more and not self.fewer and self.said_before == self.said_after

    def as_json(self, before: Process, after: Process) -> dict[str, Any]:
        return {
            "looked_at": {kind.value: self.looked_at[kind] for kind in Kind},
            "moves": [
                {
                    "kind": kind.value,
                    "aspect": aspect,
                    "from": was,
                    "to": now,
                    "count": found.count,
                    "samples": [{"known_as": label, "entity": entity} for entity, label in found.samples],
                }
                for (kind, aspect, was, now), found in sorted(self.moves.items(), key=_move_order)
            ],
            "writes": [
                {
                    "connection": connection,
                    "object": object,
                    "action": action,
                    "field": name,
                    "more": self.more[(connection, object, action, name)],
                    "fewer": self.fewer[(connection, object, action, name)],
                }
                for connection, object, action, name in sorted(self.more.keys() | self.fewer.keys())
            ],
            "stages": _stage_rows(self, before, after),
            "notes": [
                {
                    "code": code,
                    "connection": connection,
                    "before": self.said_before[(code, connection)],
                    "after": self.said_after[(code, connection)],
                }
                for code, connection in sorted(self.said_before.keys() | self.said_after.keys())
                if self.said_before[(code, connection)] != self.said_after[(code, connection)]
            ],
        }


_WHOLE = ("create", "delete")


def _limited_as(write: Write) -> str:
    """What a limit calls a write: see `guards`."""
    if write.action in _WHOLE:
        return write.action
    return "consent" if write.action in ("opt_out", "opt_in") else write.field


def _move_order(entry: tuple[tuple[Kind, Aspect, str | None, str | None], Moves]) -> tuple[Any, ...]:
    (kind, aspect, was, now), found = entry
    place = ASPECTS.index(aspect) if aspect in ASPECTS else len(ASPECTS)
    return (place, aspect, list(Kind).index(kind), -found.count, was or "", now or "")


def _stage_rows(tally: Tally, before: Process, after: Process) -> list[dict[str, Any]]:
    reached = (tally.before.reached(before), tally.after.reached(after))
    conversion = (tally.before.conversion(before), tally.after.conversion(after))
    return [
        {
            "stage": stage,
            "persons": {"before": tally.before.shown[stage], "after": tally.after.shown[stage]},
            "journeys": {"before": reached[0].get(stage, 0), "after": reached[1].get(stage, 0)},
            "conversion": {"before": conversion[0].get(stage), "after": conversion[1].get(stage)},
        }
        for stage in stages_of_both(before, after)
    ]


def stages_of_both(before: Process, after: Process) -> Sequence[str]:
    """The stages of the changed process in order, and those that it has no more where they stood."""
    keys = list(after.order())
    previous: str | None = None
    for key in before.order():
        if key not in keys:
            keys.insert(keys.index(previous) + 1 if previous in keys else 0, key)
        previous = key
    return keys
