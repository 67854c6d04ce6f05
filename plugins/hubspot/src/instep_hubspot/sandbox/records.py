"""Records as a portal keeps them: values, their history, and the order they changed in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.times import iso, to_ms


@dataclass(frozen=True, slots=True)
class Source:
    """Who changes a value: an integration, a person, HubSpot itself."""

    type: str
    id: str | None = None
    label: str | None = None
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a property held, since when and by whom."""

    value: str
    at: int
    source: Source

    def to_dict(self) -> dict[str, object]:
        """The entry as the API shows it."""
        shown: dict[str, object] = {
            "value": self.value,
            "timestamp": iso(self.at),
            "sourceType": self.source.type,
        }
        if self.source.id:
            shown["sourceId"] = self.source.id
        if self.source.label:
            shown["sourceLabel"] = self.source.label
        if self.source.user_id is not None:
            shown["updatedByUserId"] = self.source.user_id
        return shown


@dataclass(slots=True, eq=False)
class Record:
    """One record. `changes` holds the history of properties that changed after the creation."""

    number: int
    values: dict[str, str]
    created: int
    modified: int
    born_of: Source
    archived_at: int | None = None
    changes: dict[str, list[Change]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The record's number as text."""
        return self.values["hs_object_id"]

    def history(self, name: str) -> list[Change]:
        """What a property held, newest first."""
        if name in self.changes:
            return self.changes[name][::-1]
        value = self.values.get(name)
        return [] if value is None else [Change(value, self.created, self.born_of)]

    def remember(self, name: str, value: str, at: int, source: Source) -> None:
        """Add one entry to a property's history."""
        if name not in self.changes:
            self.changes[name] = self.history(name)
        self.changes[name].append(Change(value, at, source))


@dataclass(slots=True)
class _Unindexed:
    at: int
    number: int
    before: dict[str, str] | None


class Table:
    """All records of one kind: by id, by unique value, by modification."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind
        self.records: dict[str, Record] = {}
        self.numbers: list[int] = []
        self.ordered: list[Record] = []
        self.bin: dict[int, Record] = {}
        self.aliases: dict[str, str] = {}
        self.unique: dict[str, dict[str, str]] = {}
        self.version = 0
        self._by_modified: list[tuple[int, int]] = []
        self._is_sorted = True
        self._unindexed: deque[_Unindexed] = deque()

    def get(self, id: str) -> Record | None:
        """A record by its id or by the id of a record that was merged into it."""
        seen = 0
        while id in self.aliases and seen < len(self.aliases):
            id, seen = self.aliases[id], seen + 1
        return self.records.get(id)

    def live(self, id: str) -> Record | None:
        """A record that is not archived."""
        record = self.get(id)
        return record if record is not None and record.archived_at is None else None

    def add(self, record: Record) -> None:
        """Take in a new record; its number is the highest so far."""
        self.records[record.id] = record
        self.numbers.append(record.number)
        self.ordered.append(record)
        self._note(record)

    def remove(self, record: Record) -> None:
        """Forget a record entirely."""
        del self.records[record.id]
        place = bisect_left(self.numbers, record.number)
        del self.numbers[place]
        del self.ordered[place]
        self.bin.pop(record.number, None)
        self.version += 1

    def shelve(self, record: Record, at: int) -> None:
        """Put a record into the bin."""
        record.archived_at = at
        self.bin[record.number] = record
        self.version += 1

    def unshelve(self, record: Record) -> None:
        """Take a record out of the bin."""
        record.archived_at = None
        self.bin.pop(record.number, None)
        self.version += 1

    def touch(self, record: Record, at: int) -> None:
        """Move a record's modification date."""
        record.modified = at
        record.values[self.kind.modified] = iso(at)
        self._note(record)

    def _note(self, record: Record) -> None:
        self.version += 1
        entry = (record.modified, record.number)
        entries = self._by_modified
        self._is_sorted = self._is_sorted and (not entries or entries[-1] <= entry)
        entries.append(entry)
        if len(entries) > 2 * len(self.numbers) + 1000:
            self.reindex()

    def reindex(self) -> None:
        """Order all records by modification anew."""
        self.version += 1
        self._by_modified = sorted((record.modified, record.number) for record in self.ordered)
        self._is_sorted = True

    def _span(self, low: int | None, high: int | None) -> tuple[int, int]:
        entries = self._by_modified
        if not self._is_sorted:
            entries.sort()
            self._is_sorted = True
        start = 0 if low is None else bisect_left(entries, (low, -1))
        end = len(entries) if high is None else bisect_right(entries, (high, 1 << 62))
        return start, end

    def modified_between(self, low: int | None, high: int | None) -> list[Record]:
        """Records modified from `low` to `high`, both included, by number."""
        start, end = self._span(low, high)
        found: dict[int, Record] = {}
        for at, number in self._by_modified[start:end]:
            record = self.records.get(str(number))
            if record is not None and record.modified == at:
                found[number] = record
        return [found[number] for number in sorted(found)]

    def count_modified(self, low: int | None, high: int | None) -> int:
        """At most how many records `modified_between` would give."""
        start, end = self._span(low, high)
        return max(0, end - start)

    def numbered_between(self, low: int | None, high: int | None) -> list[Record]:
        """Records with numbers from `low` to `high`, both included, by number."""
        start = 0 if low is None else bisect_left(self.numbers, low)
        end = len(self.numbers) if high is None else bisect_right(self.numbers, high)
        return self.ordered[start:end]

    def after(self, number: int) -> Iterator[Record]:
        """Records with higher numbers than `number`, ascending."""
        for place in range(bisect_right(self.numbers, number), len(self.numbers)):
            yield self.ordered[place]

    def hide_from_index(self, record: Record, at: int, before: Mapping[str, str] | None) -> None:
        """Keep the search index at `before` for a record (None: unknown to it) until it catches up."""
        self.version += 1
        self._unindexed.append(_Unindexed(at, record.number, None if before is None else dict(before)))

    def index_up_to(self, at: datetime | None) -> None:
        """Let the search index hear of changes made until `at`, or of all of them."""
        limit = None if at is None else to_ms(at)
        while self._unindexed and (limit is None or self._unindexed[0].at <= limit):
            self._unindexed.popleft()
            self.version += 1

    def index_view(self) -> dict[int, dict[str, str] | None]:
        """What the search index still believes about records that changed lately."""
        believed: dict[int, dict[str, str] | None] = {}
        for entry in self._unindexed:
            believed.setdefault(entry.number, entry.before)
        return believed
