"""Looks at files that nobody has described yet: dialect, columns, types, keys, and which columns lead where."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from instep.errors import ConfigError, RemoteError
from instep_files.client import Content, read_file
from instep_files.settings import OBJECTS, ColumnType, ObjectSettings, column_type
from instep_files.table import BOM, open_table
from instep_files.values import decode

DELIMITERS: Final = (",", ";", "\t", "|")
NEARLY_ALL: Final = 0.95
HINT_SHARE: Final = 0.5
FEW: Final = 3
"""So many bad cells are forgiven where a file is too small for shares, if most cells are good."""
_SAMPLE_LINES: Final = 200
_DATES: Final = (
    ("%m/%d/%Y", "%d/%m/%Y"),
    ("%m-%d-%Y", "%d-%m-%Y"),
    ("%m/%d/%y", "%d/%m/%y"),
    ("%d.%m.%Y",),
    ("%Y/%m/%d",),
    ("%d-%b-%Y",),
    ("%d %b %Y",),
    ("%b %d, %Y",),
)
_ID_ENDS: Final = ("_id", "_key", "_no")
_OWN_NAME, _ANY_ID = 2, 3  # ranks of keys: a column named as the rows are, and any column that ends like an id
_CODE: Final = re.compile(r"[+0]\d")
_FLAG: Final = re.compile(r"^(is|has|was|do)_|opt|unsubscribe|active|subscribed|newsletter")


@dataclass(frozen=True)
class Column:
    """A column with all its values."""

    name: str
    values: tuple[str, ...] = field(repr=False)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs, blanks left out."""
        return Counter(value for value in self.values if value.strip())

    @property
    def word(self) -> str:
        """The name in small letters with _ between its words."""
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name.strip())
        return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own."""
        return bool(self.values) and len(self.counts) == len(self.values)

    @cached_property
    def bad_rows(self) -> tuple[int, ...]:
        """The places of the rows that this column does not name: it is blank there, or the same as elsewhere."""
        return tuple(place for place, value in enumerate(self.values) if self.counts[value] != 1)

    def is_nearly_unique(self, few: int = FEW) -> bool:
        """Whether all but a few rows have a value of their own."""
        return _are_nearly_all(len(self.values) - len(self.bad_rows), len(self.values), few)

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """The formats that every value fits; more than one where days and months cannot be told apart."""
        for formats in _DATES if self.counts else ():
            fitting = tuple(form for form in formats if self._fits(column_type(f"date:{form}")))
            if fitting:
                return fitting
        return ()

    @cached_property
    def type(self) -> str | None:
        """The type that every value fits, as sync.toml spells it; None for text."""
        if not self.counts:
            return None
        if self._is_boolean():
            return "boolean"
        if not any(_CODE.match(value) for value in self.counts):
            if self._fits(column_type("number")):
                return "number"
            if self._fits(column_type("number:,")):
                return "number:,"
        if all(len(value.strip()) == 10 for value in self.counts) and self._fits(column_type("date")):
            return "date"
        if len(self.dates) == 1:
            return f"date:{self.dates[0]}"
        return "instant" if not self.dates and self._fits(column_type("instant"), self._is_long) else None

    @cached_property
    def is_yes_or_no(self) -> bool:
        """Whether every value is a word for yes or no, 1 and 0 included."""
        return bool(self.counts) and self._fits(column_type("boolean"))

    def _is_boolean(self) -> bool:
        words = {value.strip().lower() for value in self.counts}
        if words <= {"0", "1"}:
            return bool(_FLAG.search(self.word))
        return words <= {"true", "false", "yes", "no", "y", "n", "t", "f"}

    @staticmethod
    def _is_long(value: str) -> bool:
        return len(value.strip()) >= 16

    def _fits(self, type: ColumnType, also: Callable[[str], bool] | None = None) -> bool:
        try:
            return all(decode(value, type) is not None and (also is None or also(value)) for value in self.counts)
        except ValueError:
            return False


@dataclass(frozen=True)
class Lead:
    """Where a column leads: the object whose keys it holds, and which of its values are no keys there."""

    to: str
    share: float
    missing: tuple[str, ...] = ()
    is_strong: bool = False
    """Whether it is a reference; otherwise it only looks like one."""


@dataclass(frozen=True)
class Found:
    """A file as it looks."""

    file: str
    object: str
    encoding: str
    delimiter: str
    columns: tuple[Column, ...]
    lines: tuple[int, ...] = field(repr=False)
    """Where each row stands."""

    @property
    def rows(self) -> int:
        """How many rows can be read."""
        return len(self.lines)

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def key(self) -> str | None:
        """The column that names a row, preferably named like an id: no blank, nothing twice.

        In a column named as the id of these rows, a few bad cells are forgiven: only their rows are set aside.
        """
        likely = [column for column in self.columns if column.is_unique or self._is_damaged_id(column)]
        return min(likely, key=lambda one: (self._key_rank(one), not one.is_unique)).name if likely else None

    def _is_damaged_id(self, column: Column) -> bool:
        rank = self._key_rank(column)
        is_first = rank == _ANY_ID and column is self.columns[0]
        return (rank < _OWN_NAME and column.is_nearly_unique()) or (is_first and column.is_nearly_unique(few=0))

    def _key_rank(self, column: Column) -> int:
        likes = (
            column.word in ("id", "key", "uuid", "guid"),
            column.word in {f"{stem}_id" for stem in _stems(self)},
            column.word in _stems(self),
            column.word.endswith(("_id", "_key", "_no", "_number", "_code")),
            column.type is None,
        )
        return likes.index(True) if True in likes else len(likes)

    def lead_to(self, column: Column, target: Found) -> Lead:
        """How far a column's values are keys of another file's rows."""
        total = sum(column.counts.values())
        if target.key is None or not total or (target.object == self.object and column.name == target.key):
            return Lead(target.object, 0.0)
        keys = target.column(target.key).counts
        is_named_like = _is_named_like(column, target)
        if all(key.isdigit() for key in keys) and not is_named_like:
            return Lead(target.object, 0.0)  # small numbers are keys by chance
        missing = tuple(value for value in column.counts if value not in keys)
        good = total - sum(column.counts[value] for value in missing)
        few = FEW if is_named_like and column.word.endswith(_ID_ENDS) else 0
        return Lead(target.object, good / total, missing, _are_nearly_all(good, total, few))


def look_into(folder: Path) -> list[Found]:
    """Every CSV and JSON-lines file of a folder, by name. Raises `ConfigError` where there is none to read."""
    if not folder.is_dir():
        raise ConfigError(f"The folder {folder} is not there. Make it and put the files in, or correct path.")
    files = sorted(
        place for place in folder.iterdir() if place.suffix.lower() in (".csv", ".tsv", *OBJECTS) and place.is_file()
    )
    found = [one for place in files if not place.name.startswith(".") and (one := _look_at(place))]
    if not found:
        raise ConfigError(
            f"The folder {folder} has no .csv or .jsonl file with a first line. Put the files in first."
        )
    return _told_apart(found)


def _told_apart(found: list[Found]) -> list[Found]:
    """The same files, no two of them as one object: people.csv and people.jsonl are people and people_2."""
    taken: list[str] = []
    apart = []
    for one in found:
        again = sum(name == one.object.lower() for name in taken)
        taken.append(one.object.lower())
        apart.append(replace(one, object=f"{one.object}_{again + 1}") if again else one)
    return apart


def _look_at(place: Path) -> Found | None:
    content = read_file(place)
    encoding = _encoding(content)
    object = re.sub(r"[^A-Za-z0-9_-]+", "_", place.stem).strip("_") or "rows"
    text = content.data.removeprefix(BOM).decode(encoding)
    delimiter = "," if place.suffix.lower() in OBJECTS else _delimiter(text)
    settings = ObjectSettings.model_construct(
        file=place.name, key="", delimiter=delimiter, encoding=encoding, quote='"', types={}, references={}
    )
    try:
        table = open_table(content, settings, described=False)
    except RemoteError:
        return None
    rows = [row for row in table.rows() if not row.problem]
    cells = list(zip(*(row.cells for row in rows), strict=True)) or [() for _ in table.columns]
    columns = tuple(
        Column(name, tuple(cell if isinstance(cell, str) else ";".join(cell) for cell in values))
        for name, values in zip(table.columns, cells, strict=True)
        if name
    )
    return Found(place.name, object, encoding, delimiter, columns, tuple(row.line for row in rows))


def _encoding(content: Content) -> str:
    try:
        content.data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252" if _decodes(content.data, "cp1252") else "latin-1"
    return "utf-8"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """The one that gives the most lines the same number of cells as the first, more than one."""
    lines = text.splitlines()[:_SAMPLE_LINES]

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(DELIMITERS, key=score)


def _stems(found: Found) -> set[str]:
    """What one row of a file may be called."""
    name = found.object.lower()
    return {name, name.removesuffix("s"), re.sub("ies$", "y", name)}


def _is_named_like(column: Column, target: Found) -> bool:
    return column.word in {name + end for name in _stems(target) for end in ("", *_ID_ENDS)} | {target.key}


def _are_nearly_all(good: int, total: int, few: int) -> bool:
    return good >= NEARLY_ALL * total > 0 or (total - good <= few and 2 * good > total)


def references(found: Sequence[Found]) -> dict[tuple[str, str], Lead]:
    """By (object, column): where it leads. Weak ones are hints."""
    leading: dict[tuple[str, str], Lead] = {}
    for one in found:
        for column in one.columns:
            best = max((one.lead_to(column, other) for other in found), key=lambda lead: (lead.is_strong, lead.share))
            if column.name != one.key and (best.is_strong or best.share >= HINT_SHARE):
                leading[one.object, column.name] = best
    return leading
