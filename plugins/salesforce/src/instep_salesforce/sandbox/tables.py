"""Records as an org keeps them: by id, by the values of some fields, and in the order they changed in."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from instep_salesforce.sandbox.past import Past
from instep_salesforce.sandbox.schema import ObjectType, Row, Value

STAMP = "SystemModstamp"
LAST = "\uffff"

Undo = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of texts; None means no end on that side."""

    low: str | None = None
    high: str | None = None
    with_low: bool = True
    with_high: bool = True

    @property
    def is_open(self) -> bool:
        """Whether nothing is bounded."""
        return self.low is None and self.high is None


class StampIndex:
    """Ids by the stamp of their last change. Entries that are no longer true are skipped when read."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, str]] = []
        self._is_sorted = True

    def note(self, stamp: str, id: str, rows: dict[str, Row]) -> None:
        """Hear of a record's new stamp."""
        entries, entry = self._entries, (stamp, id)
        if entries and entry < entries[-1]:
            self._is_sorted = False
        entries.append(entry)
        if len(entries) > 2 * len(rows) + 1000:
            self._entries = sorted((str(row[STAMP]), id) for id, row in rows.items() if row.get(STAMP))
            self._is_sorted = True

    def _ends(self, span: Span, floor: tuple[str, str] | None = None) -> tuple[int, int]:
        entries = self._entries
        if not self._is_sorted:
            entries.sort()
            self._is_sorted = True
        start, end = 0, len(entries)
        if span.low is not None:
            start = bisect_left(entries, (span.low, "" if span.with_low else LAST))
        if floor is not None:
            start = bisect_left(entries, floor, start)
        if span.high is not None:
            end = bisect_right(entries, (span.high, LAST if span.with_high else ""))
        return start, end

    def size(self, span: Span, floor: tuple[str, str] | None = None) -> int:
        """At most how many records `between` gives."""
        start, end = self._ends(span, floor)
        return max(0, end - start)

    def between(
        self,
        span: Span,
        rows: dict[str, Row],
        *,
        floor: tuple[str, str] | None = None,
        backwards: bool = False,
    ) -> Iterator[str]:
        """The ids of a span by stamp and id, from `floor` on."""
        start, end = self._ends(span, floor)
        entries = self._entries[start:end]
        if backwards:
            entries.reverse()
        last: tuple[str, str] | None = None
        for entry in entries:
            if entry == last:
                continue
            last = entry
            row = rows.get(entry[1])
            if row is not None and row[STAMP] == entry[0]:
                yield entry[1]


def key_of(value: Value, *, case_sensitive: bool = False) -> Value:
    """A value as indexes know it."""
    return value.lower() if isinstance(value, str) and not case_sensitive else value


class Index:
    """Ids by the value of one field. Most values belong to one record, which is kept without a list."""

    def __init__(self, name: str, case_sensitive: bool, rows: dict[str, Row]) -> None:
        self._name, self._case_sensitive = name, case_sensitive
        self._held: dict[Value, str | dict[str, None]] = {}
        for id, row in rows.items():
            if name in row:
                self.add(row[name], id)

    def add(self, value: Value, id: str) -> None:
        """A record holds a value now."""
        if value is None:
            return
        key = key_of(value, case_sensitive=self._case_sensitive)
        held = self._held.setdefault(key, id)
        if held is id:
            return
        if isinstance(held, str):
            self._held[key] = {held: None, id: None}
        else:
            held[id] = None

    def drop(self, value: Value, id: str) -> None:
        """A record holds a value no longer."""
        key = key_of(value, case_sensitive=self._case_sensitive)
        held = self._held.get(key)
        if held == id:
            del self._held[key]
        elif isinstance(held, dict):
            held.pop(id, None)

    def ids(self, value: Value) -> Iterable[str]:
        """Who holds a value, deleted records included."""
        held = self._held.get(key_of(value, case_sensitive=self._case_sensitive))
        if held is None:
            return ()
        return (held,) if isinstance(held, str) else tuple(held)


class Table:
    """All records of one kind. Every change can be taken back while a journal is open."""

    def __init__(self, kind: ObjectType, journal: list[Undo] | None = None) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self.bin: dict[str, str] = {}
        self.deletions: list[tuple[str, str]] = []
        self.log_begins = ""
        self.stamps = StampIndex()
        self.past = Past()
        self.journal = journal
        self._has_stamps = STAMP in kind.fields
        self._indexes: dict[str, Index] = {}
        self._ordered: list[str] | None = None

    def live(self, id: str) -> Row | None:
        """A record that is not deleted."""
        return None if id in self.bin else self.rows.get(id)

    def all(self, *, deleted: bool | None = False) -> list[Row]:
        """Every live record, every deleted one, or (None) all of them."""
        if deleted is None:
            return list(self.rows.values())
        if deleted:
            return [self.rows[id] for id in self.bin]
        return [row for id, row in self.rows.items() if id not in self.bin] if self.bin else list(self.rows.values())

    @property
    def has_past(self) -> bool:
        """Whether queries still believe what is true no longer."""
        return bool(self.past)

    def seen(self, id: str) -> Row | None:
        """A record as queries see it."""
        return self.past.see(id, self.rows.get(id)) if self.past else self.rows.get(id)

    def believed(self) -> list[str]:
        """The ids of all records that queries see."""
        return self.past.ids(self.rows)

    def insert(self, row: Row) -> None:
        """Take in a record with its id."""
        id = str(row["Id"])
        self.past.note(id, None)
        self.rows[id] = row
        self._ordered = None
        for name, index in self._indexes.items():
            if name in row:
                index.add(row[name], id)
        if self._has_stamps:
            self.stamps.note(str(row[STAMP]), id, self.rows)
        if self.journal is not None:
            self.journal.append(lambda: self.remove(id))

    def change(self, row: Row, values: Row) -> Row:
        """Set some values; None takes one away. Gives what was there before."""
        id, before = str(row["Id"]), {name: row.get(name) for name in values}
        self.past.note(id, row)
        for name, value in values.items():
            if (index := self._indexes.get(name)) is not None and before[name] != value:
                index.drop(before[name], id)
                index.add(value, id)
            if value is None:
                row.pop(name, None)
            else:
                row[name] = value
        if self._has_stamps and STAMP in values:
            self.stamps.note(str(row[STAMP]), id, self.rows)
        if self.journal is not None:
            self.journal.append(lambda: self._put_back(id, before))
        return before

    def _put_back(self, id: str, values: Row) -> None:
        if (row := self.rows.get(id)) is not None:
            self.change(row, values)

    def remove(self, id: str) -> None:
        """Forget a record."""
        row = self.rows.pop(id)
        self.past.note(id, row)
        self._ordered = None
        stamp = self.bin.pop(id, None)
        for name, index in self._indexes.items():
            if name in row:
                index.drop(row[name], id)
        if self.journal is not None:
            self.journal.append(lambda: self._return(row, stamp))

    def _return(self, row: Row, stamp: str | None) -> None:
        self.insert(row)
        self.rows = {id: self.rows[id] for id in self.ordered()}
        if stamp is not None:
            self.bin[str(row["Id"])] = stamp

    def shelve(self, id: str, stamp: str) -> None:
        """Put a record into the recycle bin."""
        self.bin[id] = stamp
        if self.journal is not None:
            self.journal.append(lambda: self._drop_from_bin(id))
        self.log_deletion(id, stamp)

    def _drop_from_bin(self, id: str) -> None:
        self.bin.pop(id, None)

    def log_deletion(self, id: str, stamp: str) -> None:
        """Remember that a record was deleted, even when it is in the bin no longer."""
        self.deletions.append((stamp, id))
        if self.journal is not None:
            self.journal.append(self._shorten_log)

    def _shorten_log(self) -> None:
        self.deletions.pop()

    def unshelve(self, id: str) -> None:
        """Take a record out of the recycle bin."""
        stamp, before = self.bin.pop(id), self.deletions
        self.deletions = [entry for entry in before if entry[1] != id]
        if self.journal is not None:
            self.journal.append(lambda: self._return_to_bin(id, stamp, before))

    def _return_to_bin(self, id: str, stamp: str, deletions: list[tuple[str, str]]) -> None:
        self.bin[id] = stamp
        self.deletions = deletions

    def index(self, name: str) -> Index:
        """The index of a field; it is made when it is first asked for."""
        if name not in self._indexes:
            self._indexes[name] = Index(name, self.kind.fields[name].case_sensitive, self.rows)
        return self._indexes[name]

    def forget_index(self, name: str) -> None:
        """Make the index of a field anew when it is next asked for."""
        self._indexes.pop(name, None)

    def holders(self, name: str, value: Value) -> list[str]:
        """The live records that hold a value."""
        return [id for id in self.index(name).ids(value) if id not in self.bin]

    def ordered(self) -> list[str]:
        """All ids in their order."""
        if self._ordered is None:
            self._ordered = sorted(self.rows)
        return self._ordered

    def ids_between(self, span: Span) -> list[str]:
        """The ids of a span, in their order."""
        ids, start, end = self.ordered(), 0, None
        if span.low is not None:
            start = (bisect_left if span.with_low else bisect_right)(ids, span.low)
        if span.high is not None:
            end = (bisect_right if span.with_high else bisect_left)(ids, span.high)
        return ids[start:end]
