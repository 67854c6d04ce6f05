"""A connector to a system that lives in memory: small enough that hundreds of histories run in seconds.

It keeps the whole contract, and its `World` is how a test acts as that system's users.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from instep.contract import (
    Absent,
    BatchSizes,
    BehaviourGone,
    BehaviourPage,
    BehaviourSeen,
    Capabilities,
    Connection,
    ConnectionInfo,
    ConnectorPlugin,
    ConnectorSettings,
    Consent,
    ConsentChange,
    ConvertedTo,
    Create,
    Delete,
    Effects,
    Erase,
    FieldChange,
    FieldSpec,
    Gone,
    Item,
    MergedInto,
    Missing,
    Moved,
    Option,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Scalar,
    Seen,
    Subject,
    SystemField,
    SystemOwner,
    Unknown,
    Write,
    Written,
)
from instep.errors import RemoteError, UnknownOutcomeError

FIELDS = {
    "people": "instep_id email first_name title city tags rank owner score exact_stage stage optout gone company",
    "companies": "instep_id name domain industry",
    "deals": "instep_id name amount currency close_date owner stage pipeline",
}
"""What each object has, where a system describes its fields at all."""


@dataclass
class Row:
    fields: dict[str, Scalar]
    modified_at: datetime
    changed: dict[str, datetime] = field(default_factory=dict)
    state: str = "live"
    successor: str | None = None
    related: dict[tuple[str, str], bool] = field(default_factory=dict)
    serial: int = 0


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class System:
    """One system: its records, and what its users do to them."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.objects: dict[str, dict[str, Row]] = {"people": {}, "leads": {}, "companies": {}, "deals": {}}
        self.behaviours: list[BehaviourSeen | BehaviourGone] = []
        self.users: list[SystemOwner] = []
        self.hidden: set[str] = set()
        self.refuse: dict[str, str] = {}
        """Field to the value that this system refuses."""
        self.refuses_for_now = False
        """Whether what it refuses may pass later."""
        self.lacks: set[str] = set()
        self.undeletable: set[str] = set()
        """Records that may not be deleted."""
        self.locks: set[str] = set()
        """Fields that nobody may write."""
        self.offers: dict[str, tuple[str, ...]] = {}
        """Field to the only values that it takes."""
        self.trims = False
        self.makes_of: Callable[[str, Scalar], Scalar] | None = None
        """What this system holds of a value that is written to a field."""
        self.overrides: dict[str, Scalar] = {}
        """Fields that this system's own automation sets back after every write."""
        self.explicit: dict[str, list[Consent]] = {}
        self.writes: list[tuple[str, str]] = []
        self.org = f"org-{name}"
        self.batch = BatchSizes(write=10)
        self.login = ""
        """The id of the user that the engine logs in as."""
        self.lose_answers = 0
        self.down = False
        self._serials = itertools.count(1)

    def put(self, object: str, id: str, **fields: Scalar) -> None:
        row = self.objects[object].get(id)
        if row is None or row.state != "live":
            row = self.objects[object][id] = Row({}, self.clock.now)
        for name, value in fields.items():
            if row.fields.get(name) != value:
                row.changed[name] = self.clock.now
            row.fields[name] = value
        self._touch(row)

    def relate(self, object: str, id: str, to_object: str, to_id: str, primary: bool = True) -> None:
        row = self.objects[object][id]
        if primary:
            row.related = {end: False if end[0] == to_object else p for end, p in row.related.items()}
        row.related[(to_object, to_id)] = primary
        self._touch(row)

    def unrelate(self, object: str, id: str, to_object: str, to_id: str) -> None:
        self.objects[object][id].related.pop((to_object, to_id), None)
        self._touch(self.objects[object][id])

    def delete(self, object: str, id: str) -> None:
        self.objects[object][id].state = "gone"
        self._touch(self.objects[object][id])

    def merge(self, object: str, loser: str, survivor: str) -> None:
        row = self.objects[object][loser]
        row.state, row.successor = "merged", survivor
        self._touch(row)
        if survivor in self.objects[object]:
            self._touch(self.objects[object][survivor])

    def convert(self, lead: str, person: str) -> None:
        """A lead becomes a person: its values are copied where the person has none, our own id is not."""
        row = self.objects["leads"][lead]
        held = self.objects["people"][person].fields if person in self.objects["people"] else {}
        copied = {n: v for n, v in row.fields.items() if n != "instep_id" and not held.get(n)}
        self.put("people", person, **copied)
        row.state, row.successor = "converted", person
        self._touch(row)

    def live(self, object: str) -> dict[str, Row]:
        return {id: row for id, row in self.objects[object].items() if row.state == "live"}

    def lacking(self, object: str) -> set[str]:
        """The fields that an object does not have: left out by name, everywhere or as "leads.title"."""
        named = (name.rpartition(".") for name in self.lacks)
        return {name for of, _, name in named if of in ("", object)}

    def _touch(self, row: Row) -> None:
        row.modified_at = self.clock.now
        row.serial = next(self._serials)


class Settings(ConnectorSettings):
    system: str = ""


@dataclass
class Records:
    system: System
    effects: Effects
    batch: BatchSizes = field(default_factory=lambda: BatchSizes(write=10))
    index_lag: timedelta = timedelta(0)
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            upsert_by_key=True,
            batch_partial=True,
            delete_feed=True,
            merge_signal=True,
            relates={"people": ("companies",), "deals": ("companies", "people")},
        )
    )

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(self.system.objects)

    def _send(self, label: str, writes: bool = False) -> None:
        if self.system.down:
            raise RemoteError(f"{self.system.name} is out of order")
        self.effects.transport.send(lambda: None, label=label, writes=writes)

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        self._send(f"{object}/changed")
        since = int(cursor or 0)
        rows = sorted(self.system.objects[object].items(), key=lambda pair: pair[1].serial)
        items = [self._item(id, row, fields) for id, row in rows if row.serial > since]
        top = max([row.serial for _, row in rows], default=since)
        items.sort(key=lambda item: (isinstance(item, Seen), isinstance(item, Gone)))
        yield Page(tuple(items), str(max(top, since)))

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        self._send(f"{object}/read")
        rows = self.system.objects[object]
        return [self._item(id, rows[id], fields) if id in rows else Gone(id) for id in ids]

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen | Gone, ...]]:
        self._send(f"{object}/find")
        return [
            tuple(
                item
                for id, row in self.system.objects[object].items()
                if row.fields.get(key_field) == value and isinstance(item := self._item(id, row, fields), Seen | Gone)
            )
            for value in values
        ]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        outcomes = self.effects.transport.send(
            lambda: [self._write(object, write, fields) for write in writes], label=f"{object}/write", writes=True
        )
        if self.system.lose_answers:
            self.system.lose_answers -= 1
            raise UnknownOutcomeError(f"{self.system.name} did not answer")
        return outcomes

    def _write(self, object: str, write: Write, fields: Sequence[str]) -> Outcome:
        system = self.system
        if isinstance(write, Delete | Erase):
            return self._remove(object, write)
        for name, value in write.fields.items():
            if name in system.lacking(object) | system.locks:
                return Rejected("invalid_field", f"{name} cannot be written", field=name)
            if name in system.refuse and system.refuse[name] == value:
                text = f"{name} may not be {value}"
                return Rejected("invalid_value", text, field=name, permanent=not system.refuses_for_now)
        held = {n: v.strip() if system.trims and isinstance(v, str) else v for n, v in write.fields.items()}
        held = {n: system.makes_of(n, v) if system.makes_of else v for n, v in held.items()}
        held |= {n: v for n, v in system.overrides.items() if n in held}
        if isinstance(write, Create):
            found = [i for i, r in system.live(object).items() if r.fields.get(write.key_field) == write.key]
            id = found[0] if found else f"{system.name}{len(system.objects[object]) + 1}"
            system.writes.append(("create", id))
        else:
            row = system.objects[object].get(write.id)
            if row is None or row.state == "gone":
                return Missing()
            if row.state in ("merged", "converted"):
                return Moved("people" if row.state == "converted" else object, str(row.successor))
            id = write.id
            system.writes.append(("update", id))
        system.put(object, id, **held)
        item = self._item(id, system.objects[object][id], fields)
        assert isinstance(item, Seen)
        return Written(id, item.fields, item.modified_at, created=isinstance(write, Create))

    def _remove(self, object: str, write: Delete | Erase) -> Outcome:
        system, rows = self.system, self.system.objects[object]
        if write.id in system.undeletable:
            return Rejected("locked", f"{write.id} may not be deleted: {rows[write.id].fields.get('title')}")
        if write.id not in rows or (isinstance(write, Delete) and rows[write.id].state != "live"):
            return Missing()
        system.writes.append(("erase" if isinstance(write, Erase) else "delete", write.id))
        if isinstance(write, Delete):
            system.delete(object, write.id)
        else:
            del rows[write.id]
            for other in (row for held in system.objects.values() for row in held.values()):
                other.related.pop((object, write.id), None)
        return Written(write.id, {})

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        self._send(f"{object}/related")
        rows = self.system.objects[object]
        return [
            tuple(Related(o, i, p) for (o, i), p in rows[id].related.items() if o == to_object) if id in rows else ()
            for id in ids
        ]

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        def tie(r: Relation) -> Outcome:
            if r.id not in self.system.live(r.object) or r.to_id not in self.system.live(r.to_object):
                return Missing()
            self.system.relate(r.object, r.id, r.to_object, r.to_id, r.primary)
            self.system.writes.append(("relate", r.id))
            return Written(r.id, {})

        return self.effects.transport.send(lambda: [tie(r) for r in relations], label="relate", writes=True)

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        def act() -> None:
            for r in relations:
                self.system.unrelate(r.object, r.id, r.to_object, r.to_id)
                self.system.writes.append(("unrelate", r.id))

        self.effects.transport.send(act, label="unrelate", writes=True)
        return [Written(r.id, {}) for r in relations]

    def _item(self, id: str, row: Row, fields: Sequence[str]) -> Item:
        if row.state == "gone":
            return Gone(id, row.modified_at, fields={name: row.fields.get(name) for name in fields})
        if row.state == "merged":
            return MergedInto(id, str(row.successor), row.modified_at, {n: row.fields.get(n) for n in fields})
        if row.state == "converted":
            held = {name: row.fields.get(name) for name in fields}
            return ConvertedTo(id, "people", str(row.successor), row.modified_at, held)
        object = next(object for object, rows in self.system.objects.items() if rows.get(id) is row)
        hidden = self.system.hidden | self.system.lacking(object)
        shown = {name: row.fields.get(name) for name in fields if name not in hidden}
        changes = {n: FieldChange(at) for n, at in row.changed.items() if n in shown}
        return Seen(id, shown, row.modified_at, changes)


@dataclass
class Consents:
    records: Records
    flag_field: str | None = "optout"

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]:
        return [tuple(self.records.system.explicit.get(subject.id, ())) for subject in subjects]

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        return [self._set(change, True) for change in changes]

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]:
        return [self._set(change, None) for change in changes]

    def _set(self, change: ConsentChange, value: bool | None) -> Outcome:
        def act() -> Outcome:
            if change.subject.id not in self.records.system.live(change.subject.object):
                return Missing()
            self.records.system.put(change.subject.object, change.subject.id, optout=value)
            self.records.system.writes.append(("opt_out" if value else "opt_in", change.subject.id))
            return Written(change.subject.id, {})

        return self.records.effects.transport.send(act, label="consent", writes=True)


@dataclass
class Feed:
    records: Records
    kinds: tuple[str, ...] = ("act",)

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        self.records._send("behaviours")
        done = int(cursor or 0)
        yield BehaviourPage(tuple(self.records.system.behaviours[done:]), str(len(self.records.system.behaviours)))


@dataclass
class Owners:
    system: System

    def read(self) -> tuple[SystemOwner, ...]:
        return tuple(self.system.users)


@dataclass
class Fields:
    """What a system says of its own fields."""

    system: System

    def read(self, object: str) -> tuple[SystemField, ...]:
        names = set(FIELDS.get(object, FIELDS["people"]).split()) - self.system.lacking(object)
        offers = {name: tuple(Option(v, v) for v in values) for name, values in self.system.offers.items()}
        return tuple(
            SystemField(object, name, name, "text", name in self.system.locks, options=offers.get(name))
            for name in sorted(names)
        )

    def create(self, spec: FieldSpec) -> Outcome:
        return Rejected("unsupported", "not here")


def connector(systems: dict[str, System]) -> ConnectorPlugin[Settings]:
    """A plugin that connects to whichever of `systems` its settings name."""

    def connect(settings: Settings, effects: Effects) -> Connection:
        system = systems[settings.system]
        records = Records(system, effects, batch=system.batch)

        def check() -> ConnectionInfo:
            effects.transport.send(lambda: None, label="identity", writes=False)
            return ConnectionInfo(org=system.org, user_id=system.login, now=system.clock.now)

        return Connection(
            records=records,
            consents=Consents(records),
            stages=Absent("It has no pipelines."),
            fields=Fields(system) if system.lacks or system.locks or system.offers else Absent("Every field exists."),
            owners=Owners(system),
            behaviours=Feed(records),
            audiences=Absent("It has no lists."),
            limits=(),
            check=check,
        )

    return ConnectorPlugin("memory", Settings, connect, "", "none:none", 1)


def plugin_finder(systems: dict[str, System]) -> Any:
    plugin = connector(systems)
    return lambda name: plugin


__all__ = ["Clock", "Row", "System", "Unknown", "plugin_finder"]
