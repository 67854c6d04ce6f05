"""Records, behaviours, and what a part that is not there says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

from instep.contract.reading import BehaviourPage, Gone, Item, Page, Related, Seen
from instep.contract.writing import Outcome, Relation, Write


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


@runtime_checkable
class BehaviourFeed(Protocol):
    """What buyers did, as this system knows it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that it tells of; with `kinds_vary = True` beside it, those that occurred so far."""
        ...

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was recorded, corrected or withdrawn since `cursor`; with `None`, everything.

        An activity keeps its id, which no other of the connection has; of one that comes twice, the later holds.
        Nothing is skipped, and some may come again. A kind that the system does not know is passed over.
        """
        ...
