"""Everything a connector plugin may import from Instep, in one place.

A plugin is one value, `ConnectorPlugin`, returned by its one hook. Its `connect` gives a `Connection`: a set of
parts, each of which is there or says in one sentence why it is not (`Absent`). Parts speak the vendor's field
names with typed scalars; they know nothing of stages, buyers or other systems.

`docs/reference/contract.md` explains every sentence here; `instep.testing.ConnectorConformance` tests it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import pluggy

from instep.errors import (
    AccessError,
    ConfigError,
    InstepError,
    PlanError,
    PluginError,
    RemoteError,
    RetryLaterError,
    UnknownOutcomeError,
    UsedUpError,
)
from instep.model.values import Money, Scalar
from instep.settings import ConnectorSettings, secrets_of, service_address, without_secrets

CONTRACT = 1
"""The version of this contract. A plugin states the literal number it was written for."""

hookspec = pluggy.HookspecMarker("instep")
hookimpl = pluggy.HookimplMarker("instep")

S = TypeVar("S", bound=ConnectorSettings)
T = TypeVar("T")


# --- effects ---------------------------------------------------------------------------------------------------


class Transport(Protocol):
    """The only way out of the process. Every request and every file replace passes here."""

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Run `action`, which sends exactly one request, and return what it returns.

        `label` says what is sent, without values ("contacts/batch/update"). `writes` says whether the request can
        change something in the system. `lane` names the `RateLimit` that it counts against. The transport paces
        calls, counts them, and may raise instead of sending; what it raises must reach the caller untouched.
        """
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a system says of the calls that it allows in a day: how many in all, and how many are left now.

    `renews_at` is when there will be that many again, where the system tells; None where they come back one by one.
    """

    calls: int
    left: int
    renews_at: datetime | None = None


def ignore(allowance: Allowance) -> None:
    """Nobody wants to know what is left."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a plugin may do to the world, handed to it so that tests can watch, stop and speed up everything.

    `allowed` is told, after every answer that says so, how many calls of the day are left.
    """

    transport: Transport
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    random: random.Random
    allowed: Callable[[Allowance], None] = ignore


# --- what a system holds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldChange:
    """When a field got its present value, and by whose hand."""

    at: datetime
    by: Literal["person", "automation", "integration", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Related:
    """The other end of an association."""

    object: str
    id: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as the system holds it now.

    `fields` has one entry per requested field that this login may see: `None` where the field is blank. A field
    that is hidden, archived or unknown is absent, which never means blank. `modified_at` is the system's own
    clock. `changes` says when and by whom fields changed, as far as the system tells. `related` is given only
    where it comes with the record at no extra call; `None` means "ask `related`".
    """

    id: str
    fields: Mapping[str, Scalar]
    modified_at: datetime
    changes: Mapping[str, FieldChange] = field(default_factory=dict)
    related: tuple[Related, ...] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that was deleted (or erased for privacy), on positive evidence only.

    `fields` is what the record still holds, as far as the system tells at no extra call: our own id on it keeps a
    fresh state from making it again.
    """

    id: str
    at: datetime | None = None
    erased: bool = False
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergedInto:
    """A record whose id now belongs to `survivor`, of the same object. `fields` is what it still holds, if told."""

    id: str
    survivor: str
    at: datetime | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConvertedTo:
    """A record that became a record of another object (a lead that became a contact).

    `fields` is what the record still holds, as far as the system tells: its keys help to recognise the successor.
    """

    id: str
    object: str
    successor: str
    at: datetime | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Garbled:
    """A record that could not be parsed. It is quarantined by name; its neighbours go on."""

    id: str
    reason: str


Item = Seen | Gone | MergedInto | ConvertedTo | Garbled


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and the cursor to resume from once they are stored. `cursor` is opaque to core."""

    items: tuple[Item, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class BehaviourSeen:
    """Something someone did, as the system recorded it. `kind` is one of the feed's `kinds`.

    `subjects` are the records it happened to or with, as (object, id); `email` stands in where the system knows
    only an address. `details` are the vendor's own fields, for the mapping's `where`.
    """

    id: str
    kind: str
    at: datetime
    actor: Literal["buyer", "seller", "system"]
    subjects: tuple[tuple[str, str], ...] = ()
    email: str | None = None
    details: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BehaviourPage:
    items: tuple[BehaviourSeen, ...]
    cursor: str


# --- what is written -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Create:
    """A new record. `key_field` holds `key`, unique in that object: creating twice must find the first."""

    key_field: str
    key: str
    fields: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Update:
    """New values for a known record, with the values that the decision was made on.

    A field in `fields` that is absent from `expected` was never seen before. `None` clears a field.
    """

    id: str
    fields: Mapping[str, Scalar]
    expected: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Delete:
    id: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete for privacy: nothing of the record may be restored."""

    id: str


Write = Create | Update | Delete | Erase


@dataclass(frozen=True, slots=True)
class Written:
    """The write took effect. `fields` is what the system now holds, as far as its answer tells."""

    id: str
    fields: Mapping[str, Scalar]
    modified_at: datetime | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The system refused this one. `code` is stable for machines, `reason` is for people.

    `permanent` is false where the same write may pass later. `existing_id` names the record that already holds a
    unique value, where the system tells.
    """

    code: str
    reason: str
    field: str | None = None
    existing_id: str | None = None
    permanent: bool = True


@dataclass(frozen=True, slots=True)
class Moved:
    """Nothing was written: the record was merged or converted. The next read tells where to."""

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing was written: the system says that the record is deleted or was never there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer was lost: the write may or may not have taken effect. Core looks it up, never repeats blindly."""

    reason: str


Outcome = Written | Rejected | Moved | Missing | Unknown


@dataclass(frozen=True, slots=True)
class Relation:
    """An association from one record to another. `primary` marks the one that the system singles out."""

    object: str
    id: str
    to_object: str
    to_id: str
    primary: bool = False


# --- what a connection can do ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a part is missing, in a sentence that admins read as written."""

    reason: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the engine may rely on. Each capability that is declared switches its conformance tests on."""

    upsert_by_key: bool = False
    batch_partial: bool = False
    conditional_write: bool = False
    delete_feed: bool = False
    merge_signal: bool = False
    can_regress: Mapping[str, Literal["yes", "clear_then_set", "no"]] = field(default_factory=dict)
    """Fields that resist moving backwards, and how they can be moved; every other field can simply be set."""
    relates: Mapping[str, tuple[str, ...]] | None = None
    """For every object, the objects that its records can be associated with; None where any can be with any."""
    consent_fields: frozenset[str] = frozenset()
    """Flags that are true for a person who opted out, of any channel: never turned false without an opt-in."""


@dataclass(frozen=True, slots=True)
class BatchSizes:
    """The most records that one call of each verb takes. Core never passes more in one call.

    `calls` is about how many requests one such call sends at most, where nothing is refused: a batch of writes is not
    begun when fewer are left for the day.
    """

    read: int = 100
    find: int = 100
    write: int = 100
    related: int = 100
    relate: int = 100
    consent: int = 100
    calls: int = 1


@runtime_checkable
class RecordStore(Protocol):
    """Records: read, find, write, relate. Results come one per input, in input order."""

    @property
    def objects(self) -> tuple[str, ...]:
        """Every object that can be read and written, by the vendor's name."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def batch(self) -> BatchSizes: ...

    @property
    def index_lag(self) -> timedelta:
        """How long `changed_since` may still miss a change that was already confirmed."""
        ...

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages of everything that changed since `cursor`; with `None`, everything.

        Every page carries a cursor from which reading can go on if the run stops after that page. Merges come
        before deletes, deletes before records, within a page. Nothing is skipped, whatever the timestamps; some
        records may come again.
        """
        ...

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Read records by id, straight from the system of record, never from a lagging index."""
        ...

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> Sequence[tuple[Seen | Gone, ...]]:
        """Find records by a unique field's value, read-after-write. A store that cannot declares `index_lag`.

        A deleted record that held the value is `Gone`, where the system still tells.
        """
        ...

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write records, all of one kind. A refusal is a value; `fields` are wanted in the read-back."""
        ...

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """Say what each record is associated with, among records of `to_object`."""
        ...

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Associate; all of one pair of objects. Doing it twice leaves one association."""
        ...

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Remove associations; one that is not there counts as removed."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose consent is meant."""

    object: str
    id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a system knows of one person's consent in one scope ("all", or a subscription's name).

    `explicit` is true only where the person (or someone on record for them) said so, with source and time. A
    flag that merely is not set is `state="unset"`.
    """

    scope: str
    state: Literal["in", "out", "unset"]
    at: datetime | None = None
    source: str = ""
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """A consent to record: `at` and `source` say where it came from."""

    subject: Subject
    scope: str
    at: datetime
    source: str


@runtime_checkable
class ConsentStore(Protocol):
    """Who agreed to what, through the vendor's own way of recording it."""

    @property
    def flag_field(self) -> str | None:
        """The record's field that is true while the person is opted out of all; read with every record."""
        ...

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]: ...

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]: ...

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]: ...


@dataclass(frozen=True, slots=True)
class SystemStage:
    """A stage as the system has it. `probability` runs from 0 to 1; `closed` and `won` where the system says."""

    id: str
    label: str
    order: int
    closed: bool = False
    won: bool = False
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An ordered set of stages of one object. A single-valued stage field has one pipeline, id = its field."""

    object: str
    id: str
    label: str
    stages: tuple[SystemStage, ...]


@runtime_checkable
class StageStore(Protocol):
    def read(self) -> tuple[Pipeline, ...]: ...


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class SystemField:
    """A field as the system describes it. `options` is None where any value may be written."""

    object: str
    name: str
    label: str
    type: Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
    read_only: bool = False
    required: bool = False
    unique: bool = False
    max_length: int | None = None
    options: tuple[Option, ...] | None = None


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field to create."""

    object: str
    name: str
    label: str
    type: Literal["text", "number", "boolean", "date", "instant"]
    unique: bool = False
    description: str = ""


@runtime_checkable
class FieldStore(Protocol):
    def read(self, object: str) -> tuple[SystemField, ...]: ...

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a field; one of the same name and type that is already there counts as created."""
        ...


@dataclass(frozen=True, slots=True)
class SystemOwner:
    """Someone (or a queue) that records can belong to."""

    id: str
    name: str
    email: str | None
    active: bool
    queue: bool = False


@runtime_checkable
class OwnerStore(Protocol):
    def read(self) -> tuple[SystemOwner, ...]:
        """Everyone, people who have left included."""
        ...


@runtime_checkable
class BehaviourFeed(Protocol):
    """What buyers did, as this system knows it."""

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]: ...


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the vendor allows in one lane: `calls` in any `seconds`."""

    calls: int
    seconds: float
    lane: str = "default"


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """Who this login is, in which org, and what it may do. `org` binds the local state."""

    org: str
    org_name: str = ""
    user: str = ""
    user_id: str = ""
    """The login's own id, in a system where every record must belong to somebody: what it has belongs to nobody."""
    time_zone: str = "UTC"
    currency: str | None = None
    now: datetime | None = None
    """The system's own time, by which a run dates what it finds; None where it has no clock of its own."""
    granted: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    calls_left_today: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What a mapping makes of a connection: the objects that it reads and writes, and what else it asks for."""

    reads: frozenset[str]
    writes: frozenset[str]
    consents: bool = False
    owners: bool = False
    behaviours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a login needs for a use, and what it has; `granted` is None where the system does not tell.

    `within` names, for a scope that is needed, wider ones that hold it. `harmless` give nothing by themselves.
    """

    needed: frozenset[str]
    granted: frozenset[str] | None
    within: Mapping[str, frozenset[str]] = field(default_factory=dict)
    harmless: frozenset[str] = frozenset()

    @property
    def missing(self) -> frozenset[str]:
        """What is needed, and neither granted nor held by what is."""
        granted = self.granted or frozenset()
        return frozenset(s for s in self.needed if s not in granted and not self.within.get(s, frozenset()) & granted)

    @property
    def broader(self) -> frozenset[str]:
        """What is granted, and not needed."""
        return (self.granted or frozenset()) - self.needed - self.harmless


@dataclass(frozen=True, slots=True)
class Offer:
    """What one variant of an object's records offers for a field (a layout of its own, with choices of its own).

    People who work on such a record can choose these values and no others.
    """

    object: str
    variant: str
    field: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured login, as a set of parts."""

    records: RecordStore | Absent
    consents: ConsentStore | Absent
    stages: StageStore | Absent
    fields: FieldStore | Absent
    owners: OwnerStore | Absent
    behaviours: BehaviourFeed | Absent
    audiences: Absent
    limits: tuple[RateLimit, ...]
    check: Callable[[], ConnectionInfo]
    close: Callable[[], None] = lambda: None
    settle: Callable[[], None] = lambda: None
    """Wait until nothing that an earlier run of this login began may still write (a bulk job that outlives its run).

    Asked once before writes without an outcome are looked up. Raises `RetryLaterError` if that takes too long.
    """
    scopes: Callable[[Use], Scopes] | None = None
    """What the login needs for a use, and what it has; None where the system has no scopes. May send a request."""
    offers: Callable[[str], Sequence[Offer]] | None = None
    """What each variant of an object's records offers; None where the system has none, or does not tell."""


@dataclass(frozen=True, slots=True)
class Starter:
    """What `init` writes for a connection: more lines for its table in `sync.toml`, and its mapping file."""

    settings: str
    mapping: str


@dataclass(frozen=True, slots=True)
class ConnectorPlugin(Generic[S]):
    """A connector: what `sync.toml` names, how it is set up, and how it is imitated."""

    name: str
    settings: type[S]
    connect: Callable[[S, Effects], Connection]
    starter_mapping: str
    sandbox: str
    contract: int
    summary: str = ""
    look: Callable[[S], Starter] | None = None
    """Look at what is there (the files of a folder) and propose settings and a mapping. Sends no request."""


class Hooks:
    """The hooks that a plugin may implement. `docs/reference/contract.md` describes each."""

    @hookspec
    def instep_connectors(self) -> list[ConnectorPlugin[Any]]:  # type: ignore[empty-body]
        """Return the connectors that this distribution brings."""

    @hookspec
    def instep_plan_ready(self, plan: Any) -> None:
        """Look at a plan before anything is written. Raise `PlanError` to stop it."""

    @hookspec
    def instep_plan_applied(self, report: Any) -> None:
        """Hear what a run did, after its last write."""


__all__ = [
    "CONTRACT",
    "Absent",
    "AccessError",
    "Allowance",
    "BatchSizes",
    "BehaviourFeed",
    "BehaviourPage",
    "BehaviourSeen",
    "Capabilities",
    "ConfigError",
    "Connection",
    "ConnectionInfo",
    "ConnectorPlugin",
    "ConnectorSettings",
    "Consent",
    "ConsentChange",
    "ConsentStore",
    "ConvertedTo",
    "Create",
    "Delete",
    "Effects",
    "Erase",
    "FieldChange",
    "FieldSpec",
    "FieldStore",
    "Garbled",
    "Gone",
    "Hooks",
    "InstepError",
    "Item",
    "MergedInto",
    "Missing",
    "Money",
    "Moved",
    "Offer",
    "Option",
    "Outcome",
    "OwnerStore",
    "Page",
    "Pipeline",
    "PlanError",
    "PluginError",
    "RateLimit",
    "RecordStore",
    "Rejected",
    "Related",
    "Relation",
    "RemoteError",
    "RetryLaterError",
    "Scalar",
    "Scopes",
    "Seen",
    "StageStore",
    "Starter",
    "Subject",
    "SystemField",
    "SystemOwner",
    "SystemStage",
    "Transport",
    "Unknown",
    "UnknownOutcomeError",
    "Update",
    "Use",
    "UsedUpError",
    "Write",
    "Written",
    "hookimpl",
    "hookspec",
    "secrets_of",
    "service_address",
    "without_secrets",
]
