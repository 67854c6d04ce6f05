"""The tables of one connection: what each object's file holds now, and the columns made by this process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from instep.contract import FieldSpec, Garbled, Related, Seen
from instep.model.values import Scalar
from instep_files.client import Content, FilesClient
from instep_files.settings import ColumnType, FilesSettings, ObjectSettings, column_type
from instep_files.table import Row, Table, open_table
from instep_files.values import JsonText, decode


@dataclass(slots=True)
class Shelf:
    """Every object's file, opened when it is asked for."""

    client: FilesClient
    settings: FilesSettings
    made: dict[tuple[str, str], FieldSpec] = field(default_factory=dict)
    """Columns that were created here: their types are not in sync.toml."""
    deleted: set[tuple[str, str]] = field(default_factory=set)
    """Rows that were deleted here: of these it is known that they are gone."""
    newest: dict[str, datetime] = field(default_factory=dict)
    """The latest time that was given for each file's rows: an older copy that is put in its place is newer news."""

    def read(self, object: str, needed: Collection[str] = ()) -> Records:
        """An object's rows as they are now."""
        settings = self.settings.objects[object]
        return self.records(object, self.client.read(settings.file), needed)

    def records(self, object: str, content: Content, needed: Collection[str] = ()) -> Records:
        """An object's rows in a content."""
        settings = self.settings.objects[object]
        at = max(content.modified_at, self.newest.get(object, content.modified_at))
        self.newest[object] = at
        return Records(object, settings, open_table(content, settings, needed), at, self)

    def type_of(self, object: str, column: str) -> ColumnType:
        """What a column holds: as sync.toml says, else as it was created."""
        settings = self.settings.objects[object]
        made = self.made.get((object, column))
        if column in settings.types or made is None:
            return ColumnType("instant", "UTC") if _dates(settings, column) else settings.type_of(column)
        return column_type(made.type)


def _dates(settings: ObjectSettings, column: str) -> bool:
    return column == settings.modified and column not in settings.types


@dataclass(slots=True)
class Records:
    """The rows of one object's file, as records."""

    object: str
    settings: ObjectSettings
    table: Table
    at: datetime
    shelf: Shelf
    _types: dict[str, ColumnType] = field(default_factory=dict)

    def type_of(self, column: str) -> ColumnType:
        """What a column holds."""
        if column not in self._types:
            self._types[column] = self.shelf.type_of(self.object, column)
        return self._types[column]

    def item(self, row: Row, fields: Sequence[str]) -> Seen | Garbled:
        """A row as a record; one that cannot be read says why, with its line."""
        key = self.table.key_of(row)
        if problem := self.table.problem_of(row, key):
            return Garbled(key or f"line {row.line}", problem)
        try:
            return Seen(key, self.values(row, fields), self.modified_at(row), related=self.related(row))
        except ValueError as error:
            return Garbled(key, str(error))

    def values(self, row: Row, fields: Sequence[str]) -> dict[str, Scalar]:
        """The requested fields that are columns. Raises `ValueError` with the line of a cell that does not fit."""
        places = self.table.places
        return {name: self.value(row, name) for name in fields if name in places}

    def value(self, row: Row, column: str) -> Scalar:
        """One cell. Raises `ValueError` with its line where it does not fit its type."""
        cell = row.cells[self.table.places[column]]
        try:
            return decode(cell, self.type_of(column))
        except ValueError as error:
            shown = cell if isinstance(cell, str) else "; ".join(cell)
            raise ValueError(
                f'Line {row.line} of {self.table.name}: {column} is "{shown[:80]}", which {error}.'
            ) from None

    def is_read_only(self, row: Row, column: str) -> bool:
        """Whether a cell is nested, which is never written."""
        return isinstance(row.cells[self.table.places[column]], JsonText)

    def modified_at(self, row: Row) -> datetime:
        """When the row was last changed: as it says, else as the file says. Raises `ValueError`."""
        if self.settings.modified is None:
            return self.at
        found = self.value(row, self.settings.modified)
        if isinstance(found, datetime):
            return found.astimezone(UTC)
        return datetime.combine(found, time(), UTC) if isinstance(found, date) else self.at

    def related(self, row: Row, to_object: str | None = None) -> tuple[Related, ...]:
        """The rows whose keys this one holds. Of several of one object, the first column's is the primary."""
        found: dict[tuple[str, str], Related] = {}
        taken: set[str] = set()
        for column, target in self.settings.references.items():
            if to_object in (None, target):
                for key in self.references(row, column):
                    found.setdefault((target, key), Related(target, key, primary=target not in taken))
                    taken.add(target)
        return tuple(found.values())

    def references(self, row: Row, column: str) -> tuple[str, ...]:
        """The keys that a reference's cell holds."""
        value = self.value(row, column)
        parts = value if isinstance(value, tuple) else (value,)
        return tuple(str(part) for part in parts if part not in (None, ""))
