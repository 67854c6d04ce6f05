"""Systems that hold no records, only the rule by which they are made: what a run costs is then the engine's alone.

Such a system answers at once, in the run's own process. It remembers which records were edited and how many were
created, and nothing else: 100,000 persons cost it no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from instep.contract import (
    Absent,
    BatchSizes,
    Capabilities,
    Connection,
    ConnectionInfo,
    ConnectorPlugin,
    ConnectorSettings,
    Create,
    Effects,
    Gone,
    Item,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Scalar,
    Seen,
    Update,
    Write,
    Written,
)

PERSONS = "people"
PAGE = 100
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
"""When every record got the values that it begins with."""
STAGES = ("awareness", "interest", "research", "consideration", "decision", "purchase")
MAPPING = f"""
[person]
objects = ["{PERSONS}"]
create_as = "{PERSONS}"
match = ["instep_id", "email"]
create = "always"
speaks_for = ["marketing", "sales"]
[person.stages]
field = "stage"
values = {{ {", ".join(f'{stage} = "{stage}"' for stage in STAGES)} }}
[person.fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
phone = "phone"
title = "title"
city = "city"
score = {{ field = "score", direction = "out" }}
instep_stage = {{ field = "exact_stage", direction = "out" }}
"""


@dataclass
class Made:
    """One system: how many records it began with, and what happened to it since."""

    name: str
    now: Callable[[], datetime]
    size: int = 0
    created: int = 0
    edits: list[tuple[str, int, str]] = field(default_factory=list)
    """When which record got which new title, in order of time."""

    def edit(self, numbers: Sequence[int], title: str) -> None:
        """Users give these records a new title."""
        self.edits += [(self.now().isoformat(), number, title) for number in numbers]

    def seen(self, number: int, fields: Sequence[str]) -> Seen:
        """A record as it began."""
        values: dict[str, Scalar] = {
            "email": f"person{number}@firm{number % 997}.example",
            "first_name": f"First{number % 4001}",
            "last_name": f"Last{number}",
            "phone": f"+49 30 {number:07d}",
            "title": f"Head of Department {number % 89}",
            "city": f"City {number % 211}",
            "stage": STAGES[number % len(STAGES)],
        }
        return Seen(f"{self.name}{number}", {name: values.get(name) for name in fields}, BEFORE)

    def edited(self, number: int, title: str, fields: Sequence[str], held: dict[str, Scalar]) -> Seen:
        """A record as it is since it was edited, with what the engine itself has written to it."""
        seen = self.seen(number, fields)
        return replace(seen, fields={**seen.fields, **held, "title": title}, modified_at=self.now())


class MadeSettings(ConnectorSettings):
    """Which system is meant."""

    system: str = ""


@dataclass
class MadeRecords:
    """The records of such a system."""

    system: Made
    effects: Effects
    objects: tuple[str, ...] = (PERSONS,)
    batch: BatchSizes = field(default_factory=BatchSizes)
    index_lag: timedelta = timedelta(0)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(upsert_by_key=True, batch_partial=True))

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """All records as they began, a page at a time; or those that were edited since."""
        now = self.system.now().isoformat()
        if cursor is None:
            for start in range(0, max(self.system.size, 1), PAGE):
                self._send("list", writes=False)
                numbers = range(start, min(start + PAGE, self.system.size))
                yield Page(tuple(self.system.seen(number, fields) for number in numbers), now)
            return
        new = [(number, title) for at, number, title in self.system.edits if at > cursor]
        for start in range(0, max(len(new), 1), PAGE):
            self._send("changed", writes=False)
            items = [self._edited(number, title, fields) for number, title in new[start : start + PAGE]]
            yield Page(tuple(items), now)

    def _edited(self, number: int, title: str, fields: Sequence[str]) -> Seen:
        from instep.model.identity import derived_id

        stage = STAGES[number % len(STAGES)]
        entity = derived_id(self.system.name, PERSONS, f"{self.system.name}{number}")
        return self.system.edited(number, title, fields, {"instep_id": entity, "exact_stage": stage})

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Nothing is kept that could be read again."""
        return [Gone(id) for id in ids]

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen, ...]]:
        """Nothing is kept that could be found."""
        return [() for _ in values]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Take everything, keep nothing."""
        self._send("write", writes=True)
        return [self._written(write) for write in writes]

    def _written(self, write: Write) -> Outcome:
        match write:
            case Create():
                self.system.created += 1
                id = f"{self.system.name}-new-{self.system.created}"
                return Written(id, dict(write.fields), self.system.now(), created=True)
            case Update():
                return Written(write.id, dict(write.fields), self.system.now())
        return Rejected("unsupported", "Nothing is deleted here.")

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """Persons only: there is nothing to be associated with."""
        return [() for _ in ids]

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        return [Rejected("unsupported", "There are only persons here.") for _ in relations]

    unrelate = relate

    def _send(self, label: str, *, writes: bool) -> None:
        self.effects.transport.send(lambda: None, label=label, writes=writes)


def generated(systems: Sequence[Made]) -> ConnectorPlugin[MadeSettings]:
    """A plugin that connects to whichever of `systems` its settings name."""
    by_name = {system.name: system for system in systems}

    def connect(settings: MadeSettings, effects: Effects) -> Connection:
        records = MadeRecords(by_name[settings.system], effects)

        def check() -> ConnectionInfo:
            effects.transport.send(lambda: None, label="identity", writes=False)
            return ConnectionInfo(org=settings.system)

        none = Absent("A generated system has only records.")
        return Connection(records, none, none, none, none, none, none, (), check)

    return ConnectorPlugin("generated", MadeSettings, connect, "", "none:none", 1)


def tables(systems: Sequence[Made]) -> dict[str, dict[str, Any]]:
    """The connections of sync.toml that reach these systems."""
    return {system.name: {"plugin": "generated", "system": system.name} for system in systems}
