"""What the files under `mappings/` say, checked and ready to use. `load.py` builds these; the engine reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from instep.model.entities import FieldType, Kind
from instep.model.process import Process, Role
from instep.model.rules import Always, Rule
from instep.model.scoring import Scoring
from instep.model.stagetable import StageTable
from instep.model.team import Team
from instep.model.values import Scalar

Direction = Literal["in", "out", "both"]
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
class EntityMapping:
    """How one kind of entity looks in one connection."""

    kind: Kind
    objects: tuple[str, ...]
    create_as: str
    match: tuple[str, ...]
    """Canonical key fields in the order in which they are tried; "instep_id" is one."""
    create: Rule
    include: Rule = Always()
    speaks_for: frozenset[Role] = frozenset()
    required: Mapping[str, Scalar] = dataclasses.field(default_factory=dict)
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

    def mapped(self, name: str) -> FieldMapping | None:
        """The mapping of a canonical field, if this connection has it."""
        return next((mapping for mapping in self.fields if mapping.name == name), None)

    def tables(self) -> tuple[StageTable, ...]:
        return (self.stages, *self.pipelines) if self.stages else self.pipelines


@dataclass(frozen=True, slots=True)
class BehaviourMapping:
    """Which of a system's activities is which canonical behaviour. The first that fits wins."""

    kind: str
    behaviour: str
    where: Rule = Always()
    at_field: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionMapping:
    """One connection's whole mapping file."""

    connection: str
    entities: Mapping[Kind, EntityMapping]
    behaviours: tuple[BehaviourMapping, ...] = ()

    def entity_of(self, object: str) -> EntityMapping | None:
        """The mapping that an object's records follow."""
        return next((mapping for mapping in self.entities.values() if object in mapping.objects), None)


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
    digest: str
    """Changes when any file that a plan depends on changes in meaning (key order and comments do not count)."""

    def law(self, kind: Kind, name: str) -> FieldLaw:
        return self.laws.get((kind, name)) or FieldLaw(prefer=self.connection_names)

    @property
    def connection_names(self) -> tuple[str, ...]:
        return tuple(connection.name for connection in self.connections)
