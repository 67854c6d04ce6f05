"""One configured login, as a set of parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from instep.contract.consents import ConsentStore
from instep.contract.records import Absent, BehaviourFeed, RecordStore
from instep.contract.setup import FieldStore, OwnerStore
from instep.contract.stages import StageStore


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
    configures: frozenset[str] = frozenset()
    """The objects whose stages and fields this login is to configure."""


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
