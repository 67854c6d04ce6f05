"""What the files under `mappings/` say, checked and ready to use. `load.py` builds these; the engine reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from instep.mapping.versions import ProcessVersion, version_at
from instep.model.configuration import Configuration
from instep.model.entities import FieldType, Kind
from instep.model.process import Process, Role
from instep.model.rules import Always, Rule
from instep.model.scoring import Scoring
from instep.model.stagetable import StageTable
from instep.model.team import Team
from instep.model.values import Scalar

Direction = Literal["in", "out", "both"]
Blanks = Literal["speak", "silent"]
ErasePolicy = Literal["erase", "delete", "keep"]
LawName = Literal["prefer", "most_restrictive", "union", "max", "manual"]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One canonical field in one connection. `field` is the system's own name."""

    name: str
    type: FieldType
    field: str
    direction: Direction = "both"
    values: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """For choices: canonical value to the system's spellings; the first one is written, all are read."""
    currency: str | None = None
    currency_field: str | None = None
    zone: str | None = None
    """The time zone in which an instant is a date, where the system keeps instants and we keep dates."""
    by_object: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Where the objects of one kind spell the field differently: the name in each object that has it."""
    nobody: tuple[str, ...] = ()
    """For owners: users who stand for nobody (an integration user, a queue); the first one is written."""
    blanks: Blanks = "speak"
    """What a blank in this system says: that the value was taken away, or nothing; then it is filled again."""
    blank_as: Scalar = None
    """What stands for "unknown" in a field that the system does not let be blank."""

    @property
    def hears(self) -> bool:
        return self.direction != "out"

    @property
    def tells(self) -> bool:
        return self.direction != "in"


@dataclass(frozen=True, slots=True)
class RelationMapping:
    """A canonical relation in one connection: to which object, and by which column where a field holds it."""

    name: str
    to_kind: Kind
    many: bool
    object: str
    direction: Direction = "both"


@dataclass(frozen=True, slots=True)
class ConsentMapping:
    """How consent is kept: by the system's own consent store (`field` None), or in a field of the record."""

    scope: str = "all"
    field: str | None = None
    out_values: tuple[str, ...] = ()
    """What the field holds for an opted-out person; the first one is written."""


@dataclass(frozen=True, slots=True)
class Required:
    """What a system demands of a new record and others may lack: a canonical field of ours, else a default."""

    default: Scalar
    field: str | None = None


@dataclass(frozen=True, slots=True)
class CreateAs:
    """The object that a new record becomes, if the rule fits."""

    object: str
    when: Rule = Always()


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """How one kind of entity looks in one connection.

    The objects of one kind may spell a field differently; `of` gives the mapping as one object has it.
    """

    kind: Kind
    objects: tuple[str, ...]
    create_as: tuple[CreateAs, ...]
    """What a new record becomes: the first that fits wins."""
    match: tuple[str, ...]
    """Canonical key fields in the order in which they are tried; "instep_id" is one."""
    create: Rule
    include: Rule = Always()
    speaks_for: frozenset[Role] = frozenset()
    required: Mapping[str, Required] = dataclasses.field(default_factory=dict)
    fields: tuple[FieldMapping, ...] = ()
    stages: StageTable | None = None
    pipelines: tuple[StageTable, ...] = ()
    segment_pipelines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Segment key to the pipeline that a new record of it is created in; "" is for everyone else."""
    relations: tuple[RelationMapping, ...] = ()
    consent: ConsentMapping | None = None
    instep_id: str | None = "instep_id"
    """The system's field that holds our id, or None where it must not be kept there."""
    modified_field: str | None = None
    erase: ErasePolicy | None = None
    """For persons: what becomes of the records of one who is erased. None: nothing was declared; they are kept."""
    _by_name: dict[str, FieldMapping] = dataclasses.field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update((mapping.name, mapping) for mapping in reversed(self.fields))

    def mapped(self, name: str) -> FieldMapping | None:
        """The mapping of a canonical field, if this connection has it."""
        return self._by_name.get(name)

    def tables(self) -> tuple[StageTable, ...]:
        return (self.stages, *self.pipelines) if self.stages else self.pipelines

    def is_stage(self, field: str) -> bool:
        """Whether one of the system's fields holds the stage."""
        return any(table.field == field for table in self.tables())

    def of(self, object: str, related: Collection[str] | None = None) -> EntityMapping:
        """The mapping as one of its objects has it: its own field names, and the relations that it can have.

        `related` names the objects that its records can be associated with; None means any.
        """
        fields = tuple(
            self._spelled(field, field.by_object.get(object, field.field))
            for field in self.fields
            if not field.by_object or object in field.by_object
        )
        relations = tuple(r for r in self.relations if related is None or r.object in related)
        return dataclasses.replace(self, fields=fields, relations=relations)

    def _spelled(self, field: FieldMapping, name: str) -> FieldMapping:
        """A field under its name in one object; a default that is required there means that nothing is known."""
        required = self.required.get(name)
        return dataclasses.replace(field, field=name, blank_as=required.default if required else None)


@dataclass(frozen=True, slots=True)
class BehaviourMapping:
    """Which of a system's activities is which canonical behaviour. The first that fits wins."""

    kind: str
    behaviour: str
    where: Rule = Always()
    refers: str | None = None
    """Which of the activity's own fields holds the address of whoever was referred."""


@dataclass(frozen=True, slots=True)
class ConnectionMapping:
    """One connection's whole mapping file."""

    connection: str
    entities: Mapping[Kind, EntityMapping]
    behaviours: tuple[BehaviourMapping, ...] = ()
    relates: Mapping[str, Collection[str]] | None = None
    """Which objects an object's records can be associated with, where the system says so."""
    _by_object: dict[str, EntityMapping] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for mapping in self.entities.values():
            for object in mapping.objects:
                related = None if self.relates is None else self.relates.get(object, ())
                self._by_object[object] = mapping.of(object, related)

    @property
    def objects(self) -> Mapping[str, EntityMapping]:
        """Every mapped object, with the mapping that its records follow."""
        return self._by_object

    def entity_of(self, object: str) -> EntityMapping | None:
        """The mapping that an object's records follow."""
        return self._by_object.get(object)


@dataclass(frozen=True, slots=True)
class FieldLaw:
    """How one canonical field is merged across all connections."""

    law: LawName = "prefer"
    prefer: tuple[str, ...] = ()
    """Connections in falling order of preference; complete: the order of `sync.toml` fills it up."""
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One `[connections.NAME]` table: which plugin, and its settings as the file has them (not yet validated)."""

    name: str
    plugin: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """The `[sync]` table."""

    recheck_after_seconds: int = 300
    associations_every_days: int = 7
    catalogue_every_hours: int = 24


@dataclass(frozen=True, slots=True)
class Limit:
    """The most records that one run may change: in percent of those that are there, and in number."""

    percent: float | None = None
    records: int | None = None


STRICT = {"owner": Limit(10), "stage": Limit(20), "consent": Limit(10), "clear": Limit(10), "delete": Limit(10)}
"""What is told to people, and what is lost, is guarded more strictly unless it is said otherwise."""


@dataclass(frozen=True, slots=True)
class ProvisionGuards:
    """The `[guards.provision]` table: the most that one apply may do in one system; None for no limit."""

    changes: int | None = 20
    retires: int | None = 3
    moves: int | None = 500


@dataclass(frozen=True, slots=True)
class Guards:
    """The `[guards]` table: what makes a plan a surprise."""

    every: Limit = Limit(30)
    limits: Mapping[str, Limit] = dataclasses.field(default_factory=lambda: STRICT)
    """By canonical field or relation, or "create", "delete", "clear" (a value is taken away), "consent"."""
    from_records: int = 10
    """Objects with fewer records are not guarded by percent."""
    deviation: float | None = 10
    """How many times as much as recent runs one may write."""
    provision: ProvisionGuards = ProvisionGuards()

    def limit(self, what: str) -> Limit:
        return self.limits.get(what, self.every)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The `[quarantine]` table: when what was refused is tried again, and when it is left until something changes."""

    tries: int = 5
    """How often a write that was refused for good is tried."""
    passing_tries: int = 10
    """How often one that may pass is tried, once in each run."""
    wait_hours: int = 24
    """How long after a refusal for good the first new try is due; each later one twice as long."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """The `[budget]` table: how much of what a system allows in a day is kept for people and their other tools."""

    percent: float = 20
    of: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """By connection, where it is another."""

    def percent_of(self, connection: str) -> float:
        return self.of.get(connection, self.percent)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything that a folder with a `sync.toml` says, checked as a whole."""

    root: Path
    connections: tuple[ConnectionConfig, ...]
    process: Process
    team: Team
    scoring: Scoring
    mappings: Mapping[str, ConnectionMapping]
    laws: Mapping[tuple[Kind, str], FieldLaw]
    """Every mapped (kind, canonical field), and "stage" where stages are mapped."""
    types: Mapping[tuple[Kind, str], FieldType]
    store: Path
    options: Options
    guards: Guards
    quarantine: Quarantine
    reserve: Reserve
    configuration: Mapping[str, Configuration]
    """By connection, how its stages are to be configured; no plan of a sync depends on it."""
    digest: str
    """Changes when any file that a plan depends on changes in meaning (key order and comments do not count)."""
    versions: tuple[ProcessVersion, ...]
    """Every version of the process, in the order in which they take each other's place; `process` is in force."""
    day: date
    """The day (UTC) for which the version in force was chosen."""

    @property
    def version(self) -> ProcessVersion:
        """The version of the process that is in force."""
        return version_at(self.versions, self.day)

    @property
    def next_version(self) -> ProcessVersion | None:
        """The version that takes its place next, if there is one."""
        return next((v for v in self.versions if v.effective is not None and v.effective > self.day), None)

    def process_at(self, day: date) -> Process:
        """The process that is, was or will be in force on a day (UTC)."""
        return version_at(self.versions, day).process

    @property
    def needs_companies(self) -> bool:
        """Whether a segment, a required field or a rule of fit looks at the company of a person or an opportunity."""
        required = [r for m in self.mappings.values() for e in m.entities.values() for r in e.required.values()]
        wanted = [r.field or "" for r in required]
        wanted += [name for rule in self.scoring.fit for name in rule.when.fields()]
        return bool(self.process.segments) or any(name.startswith("company.") for name in wanted)

    def entity_mapping(self, connection: str, object: str) -> EntityMapping | None:
        """How an object of a connection is mapped; None where it is not, or the connection is not configured."""
        mapping = self.mappings.get(connection)
        return mapping.entity_of(object) if mapping is not None else None

    def law(self, kind: Kind, name: str) -> FieldLaw:
        return self.laws.get((kind, name)) or FieldLaw(prefer=self.connection_names)

    @property
    def connection_names(self) -> tuple[str, ...]:
        return tuple(connection.name for connection in self.connections)
