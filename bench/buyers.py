"""Three systems in memory that hold the same buyers, their companies and what they did: enough for every rule.

What is unique to a buyer carries a mark (`BLOCK`, `DIAL`, `TICK`), so that a state of them can be multiplied as text.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from instep.contract import (
    Absent,
    BatchSizes,
    BehaviourPage,
    BehaviourSeen,
    Capabilities,
    Connection,
    ConnectionInfo,
    ConnectorPlugin,
    ConnectorSettings,
    Create,
    Effects,
    FieldSpec,
    Gone,
    Item,
    Option,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Scalar,
    Seen,
    SystemField,
    SystemOwner,
    Update,
    Write,
    Written,
)

SYSTEMS = ("crm", "mail", "shop")
BLOCK, DIAL, TICK = "b000000", "555000000", ".000001+"
"""Stand in every id and address, in every phone number, and in the instant of every activity."""
SINCE = datetime(2025, 3, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
IN_A_COMPANY = 10
ACTIVITIES = 10
"""For each person."""
STAGES = ("sidelines", "awareness", "interest", "research", "consideration", "decision", "purchase", "implementing")
STEPS = (*STAGES[:6], "validation", *STAGES[6:], "implemented", "achievement", "loyal-customer")
"""What a system can show; `STAGES` is what its users set."""
KINDS = (
    "visits-website", "visits-website", "visits-website", "downloads-document", "downloads-document",
    "attends-webinar", "describes-project", "requests-call", "requests-proposal", "validates",
    "places-order", "starts-implementation",
)  # fmt: skip
"""What buyers do, the common things several times."""
SOURCES = ("inbound", "outbound", "event", "partner", "referral")
INDUSTRIES = ("biotechnology", "education", "retail", "media")
OWNERS = ("ada", "ben", "cleo", "dan", "eve", "finn")
TITLES = ("CTO", "CIO", "Head of Lab", "Buyer", "Engineer", "Director of Operations", "Student")
FIELDS = {
    "people": "instep_id email first_name last_name phone title city country language source seats renewal owner "
    "score exact_stage stage",
    "companies": "instep_id name domain industry employees",
}


@dataclass
class Row:
    """A record of one system."""

    fields: dict[str, Scalar]
    modified_at: datetime
    serial: int
    company: str | None = None


@dataclass
class System:
    """What one system holds, and what was done in it."""

    name: str
    now: Callable[[], datetime]
    objects: dict[str, dict[str, Row]] = field(default_factory=lambda: {"people": {}, "companies": {}})
    activities: list[BehaviourSeen] = field(default_factory=list)
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def put(self, object: str, id: str, fields: dict[str, Scalar], at: datetime, company: str | None = None) -> None:
        """Give a record these values."""
        row = self.objects[object].setdefault(id, Row({}, at, 0, company))
        row.fields |= fields
        row.modified_at, row.serial = at, next(self.serials)

    def seen(self, object: str, id: str, fields: Sequence[str]) -> Seen:
        row = self.objects[object][id]
        related = (Related("companies", row.company, True),) if row.company else ()
        return Seen(id, {name: row.fields.get(name) for name in fields}, row.modified_at, related=related)

    def shows(self, name: str, key: str) -> str:
        """How this system spells a choice: the first as we do, the others each in a way of their own."""
        if name == "owner":
            return f"{self.name}-{key}"
        return {"crm": key, "mail": key.upper(), "shop": f"{key[:3]}-{len(key)}"}[self.name]


# --- who and what is there -------------------------------------------------------------------------------------


def three_systems(persons: int, now: Callable[[], datetime]) -> list[System]:
    """Systems with so many persons in each, the same ones."""
    systems = [System(name, now) for name in SYSTEMS]
    dice = random.Random(4)  # figures, not secrets
    for number in range(-(-persons // IN_A_COMPANY)):
        _put_company(systems, number, dice)
    for number in range(persons):
        _put_person(systems, number, dice)
        _act(systems, number, dice)
    return systems


def _put_company(systems: Sequence[System], number: int, dice: random.Random) -> None:
    industry, employees = dice.choice(INDUSTRIES), int(10 ** dice.uniform(0.5, 4.5))
    for system in systems:
        fields: dict[str, Scalar] = {
            "name": f"Firm {number} {BLOCK}",
            "domain": f"firm{number}-{BLOCK}.example",
            "industry": system.shows("industry", industry),
            "employees": employees,
        }
        system.put("companies", f"{system.name}-{BLOCK}-c{number}", fields, SINCE)


def _put_person(systems: Sequence[System], number: int, dice: random.Random) -> None:
    said = {name: dice.choice(words) for name, words in (("source", SOURCES), ("owner", (*OWNERS, *OWNERS, None)))}
    plain: dict[str, Scalar] = {
        "email": f"person{number}@firm{number // IN_A_COMPANY}-{BLOCK}.example",
        "first_name": f"First{number % 401}",
        "last_name": f"Last{number} {BLOCK}",
        "phone": f"+49 30 {number % 10_000:04d} {DIAL}",
        "title": dice.choice(TITLES),
        "city": f"City {number % 211}",
        "country": dice.choice(("DE", "CH", "US", "FR")),
        "language": dice.choice(("de", "en", "fr")),
        "seats": dice.choice((None, 5, 20, 100, number)),
        "renewal": dice.choice((None, date(2026, 1 + number % 12, 1 + number % 28))),
    }
    stage = dice.choice(STAGES[:6]) if dice.random() < 0.7 else None
    since = SINCE + timedelta(days=dice.random() * 300, seconds=number)
    for system in systems:
        owned = {name: system.shows(name, key) if key else None for name, key in said.items()}
        step = system.shows("stage", stage) if stage and system.name == "crm" else None
        id, company = f"{system.name}-{BLOCK}-p{number}", f"{system.name}-{BLOCK}-c{number // IN_A_COMPANY}"
        system.put("people", id, {**plain, **owned, "stage": step}, since, company)


def _act(systems: Sequence[System], number: int, dice: random.Random) -> None:
    """What a person did in a year, most of it early stages."""
    depth = dice.choice((3, 5, 7, 9, len(KINDS)))
    for place in range(ACTIVITIES):
        system = systems[place % len(systems)]
        at = SINCE + timedelta(seconds=int(dice.random() * 365 * 86_400), microseconds=1)
        kind = KINDS[int(dice.random() * depth)]
        subject = ("people", f"{system.name}-{BLOCK}-p{number}")
        id = f"{system.name}-{BLOCK}-v{number}-{place}"
        details: dict[str, Scalar] = {"page": f"/{kind}/{place}"}
        system.activities.append(BehaviourSeen(id, kind, at, "buyer", (subject,), None, details))


# --- as a connector reaches them -------------------------------------------------------------------------------


class SystemSettings(ConnectorSettings):
    """Which system is meant."""

    system: str = ""


@dataclass
class Records:
    """The records of one system, which take everything."""

    system: System
    effects: Effects
    objects: tuple[str, ...] = ("people", "companies")
    batch: BatchSizes = field(default_factory=BatchSizes)
    index_lag: timedelta = timedelta(0)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(upsert_by_key=True, batch_partial=True))

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Everything newer than the serial in `cursor`."""
        self._send("changed")
        rows = self.system.objects[object]
        new = sorted((row.serial, id) for id, row in rows.items() if row.serial > int(cursor or 0))
        for start in range(0, max(len(new), 1), 100):
            part = new[start : start + 100]
            items = tuple(self.system.seen(object, id, fields) for _, id in part)
            yield Page(items, str(part[-1][0] if part else cursor or 0))

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        rows = self.system.objects[object]
        return [self.system.seen(object, id, fields) if id in rows else Gone(id) for id in ids]

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen, ...]]:
        """Everybody is there already, and found by reading."""
        return [() for _ in values]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        self._send("write", writes=True)
        return [self._written(object, write, fields) for write in writes]

    def _written(self, object: str, write: Write, fields: Sequence[str]) -> Outcome:
        if not isinstance(write, Create | Update):
            return Rejected("unsupported", "Nothing is deleted here.")
        id = write.id if isinstance(write, Update) else f"{self.system.name}-{BLOCK}-n{next(self.system.serials)}"
        self.system.put(object, id, dict(write.fields), self.system.now())
        seen = self.system.seen(object, id, fields)
        return Written(id, seen.fields, seen.modified_at, created=isinstance(write, Create))

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        seen = (self.system.seen(object, id, ()).related or () for id in ids)
        return [tuple(one for one in related if one.object == to_object) for related in seen]

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        return [Written(relation.id, {}) for relation in relations]

    unrelate = relate

    def _send(self, label: str, *, writes: bool = False) -> None:
        self.effects.transport.send(lambda: None, label=label, writes=writes)


@dataclass
class Feed:
    """What buyers did in one system."""

    system: System
    kinds: tuple[str, ...] = tuple(sorted(set(KINDS)))

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Everything after the place in `cursor`."""
        known = self.system.activities
        for start in range(int(cursor or 0), max(len(known), 1), 1000):
            yield BehaviourPage(tuple(known[start : start + 1000]), str(min(start + 1000, len(known))))


@dataclass
class Described:
    """The fields and the users of one system."""

    system: System

    def read(self, object: str) -> tuple[SystemField, ...]:
        options = {"source": (*SOURCES, "fair"), "stage": (*STEPS, "qualified")} if object == "people" else {}
        return tuple(
            SystemField(object, name, name, "text", options=self._options(name, options.get(name)))
            for name in FIELDS[object].split()
        )

    def _options(self, name: str, keys: Sequence[str] | None) -> tuple[Option, ...] | None:
        return None if keys is None else tuple(Option(v, v) for v in (self.system.shows(name, key) for key in keys))

    def create(self, spec: FieldSpec) -> Outcome:
        return Rejected("unsupported", "Every field is there.")


@dataclass
class Users:
    """The users of one system."""

    system: System

    def read(self) -> tuple[SystemOwner, ...]:
        ids = [self.system.shows("owner", key) for key in OWNERS]
        return tuple(
            SystemOwner(id, key.title(), f"{key}@seller.example", active=True)
            for id, key in zip(ids, OWNERS, strict=True)
        )


def connector(systems: Sequence[System]) -> ConnectorPlugin[SystemSettings]:
    """A plugin that connects to whichever of `systems` its settings name."""
    by_name = {system.name: system for system in systems}

    def connect(settings: SystemSettings, effects: Effects) -> Connection:
        system = by_name[settings.system]

        def check() -> ConnectionInfo:
            effects.transport.send(lambda: None, label="identity", writes=False)
            return ConnectionInfo(org=system.name)

        none = Absent("It has only records.")
        return Connection(
            records=Records(system, effects),
            consents=none,
            stages=none,
            fields=Described(system),
            owners=Users(system),
            behaviours=Feed(system),
            audiences=none,
            limits=(),
            check=check,
        )

    return ConnectorPlugin("buyers", SystemSettings, connect, "", "none:none", 1)
