"""Records: rows of files, read whole, found by their key, written by replacing the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from instep.contract import (
    BatchSizes,
    Capabilities,
    Garbled,
    Gone,
    Item,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Seen,
    Write,
)
from instep.errors import RetryLaterError
from instep_files.draft import Draft
from instep_files.shelf import Records, Shelf

PAGE: Final = 1000
BATCH: Final = 5000
_ATTEMPTS: Final = 3
Work = Callable[[Draft], list[Outcome]]


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far one object's file was read: which content, from which row on (None: to its end)."""

    digest: str
    next: int | None
    columns: tuple[str, ...]
    at: datetime

    def __str__(self) -> str:
        return json.dumps([self.digest, self.next, self.columns, self.at.isoformat()])


def _mark(cursor: str | None) -> _Mark | None:
    if cursor is None:
        return None
    digest, next, columns, at = json.loads(cursor)
    return _Mark(digest, next, tuple(columns), datetime.fromisoformat(at))


class FilesRecords:
    """The declared objects of a folder."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._last: dict[str, tuple[str, tuple[str, ...], dict[str, int]]] = {}

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects that sync.toml declares."""
        return tuple(self._shelf.settings.objects)

    @property
    def capabilities(self) -> Capabilities:
        """A row that is not there any more is no evidence of a deletion, so there is no feed of deletions."""
        return Capabilities(upsert_by_key=True, batch_partial=True)

    @property
    def batch(self) -> BatchSizes:
        """Each call reads, or replaces, a whole file: so few and large ones."""
        return BatchSizes(BATCH, BATCH, BATCH, BATCH, BATCH, BATCH)

    @property
    def index_lag(self) -> timedelta:
        """A file is what it is."""
        return timedelta(0)

    # --- reading -----------------------------------------------------------------------------------------------

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Every row of a file that differs from what was read; one empty page if it is the same, unparsed.

        Rows that this process has given before, and that still are the same to the letter, are left out. Raises
        `RemoteError` if the file does not fit its settings, or lacks a requested column that it had before.
        """
        mark = _mark(cursor)
        settings = self._shelf.settings.objects[object]
        content = self._shelf.client.read(settings.file)
        is_same = mark is not None and mark.digest == settings.digest_of(content.digest)
        if mark and is_same and mark.next is None:
            yield Page((), str(mark))
            return
        if mark:
            self._shelf.newest[object] = max(mark.at, self._shelf.newest.get(object, mark.at))
        needed = [name for name in mark.columns if name in fields] if mark else []
        records = self._shelf.records(object, content, needed)
        yield from self._pages(records, fields, mark, (mark.next or 0) if mark and is_same else 0)

    def _pages(self, records: Records, fields: Sequence[str], mark: _Mark | None, first: int) -> Iterator[Page]:
        table = records.table
        digest = records.settings.digest_of(table.content.digest)
        there = tuple(name for name in fields if name in table.places)
        known = self._known(records.object, mark, table.columns)
        given: dict[str, int] = {}
        rows = islice(table.rows(), first, None)
        place = first
        while True:
            taken = list(islice(rows, PAGE))
            place += len(taken)
            items: list[Item] = []
            for row in taken:
                item = records.item(row, fields)
                if isinstance(item, Garbled):
                    items.append(item)
                    continue
                given[item.id] = hash(row.raw)
                if known.get(item.id) != given[item.id]:
                    items.append(item)
            is_last = len(taken) < PAGE
            if is_last and first == 0:
                self._last[records.object] = (digest, table.columns, given)
            next = None if is_last else place
            yield Page(tuple(items), str(_Mark(digest, next, there, records.at)))
            if is_last:
                return

    def _known(self, object: str, mark: _Mark | None, columns: tuple[str, ...]) -> dict[str, int]:
        """What was given of the content at which the caller stands, if this process gave it."""
        digest, names, given = self._last.get(object, ("", (), {}))
        return given if mark and mark.next is None and mark.digest == digest and names == columns else {}

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Rows by key. One that is not there is `Garbled`, not `Gone`, unless it was deleted through here."""
        if not ids:
            return []
        records = self._shelf.read(object)
        wanted = set(ids)
        found: dict[str, Item] = {}
        for row in records.table.rows():
            if records.table.key_of(row) in wanted:
                item = records.item(row, fields)
                found[item.id] = item
        return [found.get(id) or self._not_there(object, id, records) for id in ids]

    def _not_there(self, object: str, id: str, records: Records) -> Item:
        if (object, id) in self._shelf.deleted:
            return Gone(id)
        return Garbled(id, f"{records.table.name} has no row with this {records.settings.key} any more.")

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen, ...]]:
        """Rows by the text of a column, exactly."""
        if not values:
            return []
        records = self._shelf.read(object)
        found: dict[str, list[Seen]] = {value: [] for value in values}
        place = records.table.places.get(key_field)
        for row in records.table.rows() if place is not None else ():
            cell = row.cells[place] if place is not None and row.cells else None
            if isinstance(cell, str) and cell in found:
                item = records.item(row, fields)
                if isinstance(item, Seen):
                    found[cell].append(item)
        return [tuple(found[value]) for value in values]

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """The rows whose keys the reference columns hold. They came with every record already."""
        if not ids or to_object not in self._shelf.settings.objects[object].references.values():
            return [() for _ in ids]
        items = {item.id: item for item in self.read(object, ids, []) if isinstance(item, Seen)}
        ends = {id: tuple(e for e in item.related or () if e.object == to_object) for id, item in items.items()}
        return [ends.get(id, ()) for id in ids]

    # --- writing -----------------------------------------------------------------------------------------------

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write rows, with one replace of the file. Codes of a refusal: `read_only`, `changed` (the row is not what
        the decision was made on), `no_column`, `no_fit`, `garbled`, `taken`, `key`."""
        return self._replaced(object, len(writes), lambda draft: [draft.write(one, fields) for one in writes])

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Put the other row's key into the reference column."""
        if not relations:
            return []
        one = relations[0]
        if one.to_object not in self._shelf.settings.objects[one.object].references.values():
            return [_no_reference(relation) for relation in relations]
        if self._shelf.settings.direction == "in":
            return [self._read_only() for _ in relations]
        targets = self._shelf.read(one.to_object).table
        keys = {targets.key_of(row) for row in targets.rows()}
        return self._replaced(
            one.object, len(relations), lambda draft: [draft.relate(relation, keys) for relation in relations]
        )

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Take the other row's key out of the reference column."""
        if not relations:
            return []
        return self._replaced(
            relations[0].object, len(relations), lambda draft: [draft.unrelate(relation) for relation in relations]
        )

    def _replaced(self, object: str, how_many: int, work: Work) -> list[Outcome]:
        """Do the work on what the file holds now; again if a colleague saves the file in between."""
        if self._shelf.settings.direction == "in":
            return [self._read_only() for _ in range(how_many)]
        if not how_many:
            return []
        for _ in range(_ATTEMPTS):
            draft = Draft(self._shelf.read(object))
            outcomes = work(draft)
            if not draft.is_changed:
                return outcomes
            content = self._shelf.client.replace(draft.records.table.content, draft.data())
            if content is not None:
                self._shelf.deleted |= {(object, id) for id in draft.deleted}
                self._shelf.deleted -= {(object, id) for id in draft.created}
                return draft.settled(outcomes, self._shelf.records(object, content))
        name = self._shelf.settings.objects[object].file
        raise RetryLaterError(f"{name} was saved by somebody else each time it was to be replaced. Try again later.")

    def _read_only(self) -> Rejected:
        return read_only(self._shelf)


def read_only(shelf: Shelf) -> Rejected:
    """The refusal of every write into a folder that is only read."""
    return Rejected(
        "read_only",
        f'The folder {shelf.client.name} is only read. Set direction = "both" in sync.toml to write there.',
    )


def _no_reference(relation: Relation) -> Rejected:
    reason = f"{relation.object} has no column for the key of {relation.to_object}. Name one under references."
    return Rejected("no_reference", reason)
