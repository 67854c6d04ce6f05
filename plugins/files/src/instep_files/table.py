"""A file as rows: which columns it has, and each row with its number, its raw text and its cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Protocol

from instep.errors import RemoteError
from instep_files.client import Content
from instep_files.settings import FileSettings
from instep_files.values import Cell

LONGEST_LINE: Final = 1_000_000
BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `raw` is its text as it stands, ending included; `cells` follow the columns.

    `problem` says what is wrong with it; its cells are empty then. `blank` is an empty line, which is no row.
    """

    line: int
    raw: str
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    blank: bool = False


class Form(Protocol):
    """How rows are written down: as CSV, or as JSON lines."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def rows(self) -> Iterator[Row]:
        """Every row in order, broken and blank ones included."""
        ...

    def start(self) -> str:
        """What stands before the first row."""
        ...

    def changed(self, row: Row, cells: Mapping[str, Cell]) -> str:
        """The row's raw text with other cells. Raises `ValueError` where a cell cannot be written down."""
        ...

    def made(self, cells: Mapping[str, Cell], like: Row | None) -> str:
        """The raw text of a new row, without its ending."""
        ...

    def widened(self, name: str) -> str:
        """The whole text with one more column, blank in every row."""
        ...


@dataclass
class Table:
    """One file's content, read as its settings say."""

    content: Content
    settings: FileSettings
    form: Form
    ending: str = "\n"
    text: str = field(repr=False, default="")

    @property
    def name(self) -> str:
        return self.content.name

    @property
    def columns(self) -> tuple[str, ...]:
        return self.form.columns

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each column stands."""
        return {name: place for place, name in enumerate(self.columns) if name}

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank."""
        return (row for row in self.form.rows() if not row.blank)

    def key_of(self, row: Row) -> str:
        """The text that names a row; empty where the row has none."""
        return "" if row.problem else str(row.cells[self.places[self.settings.key]])

    def problem_of(self, row: Row, key: str) -> str:
        """Why a row cannot be taken, or nothing."""
        if row.problem:
            return row.problem
        if not key:
            return f"Line {row.line} of {self.name} has no {self.settings.key}."
        if key in self.twice:
            lines = ", ".join(map(str, self.twice[key]))
            return f"{self.name} has the same {self.settings.key} more than once, on lines {lines}."
        return ""

    @cached_property
    def twice(self) -> Mapping[str, tuple[int, ...]]:
        """The lines of every key that more than one row has."""
        first: dict[str, int] = {}
        twice: dict[str, tuple[int, ...]] = {}
        for row in self.rows():
            key = self.key_of(row)
            if key and first.setdefault(key, row.line) != row.line:
                twice[key] = (*twice.get(key, (first[key],)), row.line)
        return twice

    def encoded(self, text: str) -> bytes:
        """The file's bytes for a text, its byte order mark kept. Raises `UnicodeEncodeError`."""
        return (BOM if _has_mark(self.content, self.settings) else b"") + text.encode(self.settings.encoding)


def open_table(
    content: Content, settings: FileSettings, needed: Collection[str] = (), *, described: bool = True
) -> Table:
    """Read a content as rows. Raises `RemoteError` where the file does not fit its settings any more.

    With `described` false the settings say only how the file is written, not which columns it has.
    """
    from instep_files.csvform import CsvForm
    from instep_files.jsonform import JsonForm

    text = decoded(content, settings)
    form: Form = JsonForm(text, settings, content.name) if settings.is_json else CsvForm(text, settings, content.name)
    table = Table(content, settings, form, line_ending(text), text)
    declared = settings.declared() if described else ()
    missing = [name for name in (*declared, *needed) if name not in table.places]
    if missing:
        known = ", ".join(name for name in table.columns if name) or "none"
        raise RemoteError(
            f'{content.name} has no column "{missing[0]}" (line 1; its columns are: {known}). '
            "Put the column back, or correct sync.toml and the mapping.",
            code="no_column",
        )
    return table


def decoded(content: Content, settings: FileSettings) -> str:
    """A content's text, without its byte order mark."""
    data = content.data[len(BOM) :] if _has_mark(content, settings) else content.data
    try:
        return data.decode(settings.encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RemoteError(
            f"{content.name} is not {settings.encoding} text: line {line} cannot be read. "
            'Save it as UTF-8, or correct encoding in sync.toml ("cp1252" is usual for files from Excel).',
            code="encoding",
        ) from error


def line_ending(text: str) -> str:
    """How lines end: as the first one does."""
    place = text.find("\n")
    if place < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if text[place - 1 : place] == "\r" else "\n"


def ending_of(raw: str) -> str:
    """How a raw row ends."""
    return raw[len(raw.rstrip("\r\n")) :]


def _has_mark(content: Content, settings: FileSettings) -> bool:
    return settings.encoding == "utf-8" and content.data.startswith(BOM)


def open_head(content: Content, settings: FileSettings) -> Table:
    """A table of the first lines of a content that breaks off somewhere. Raises as `open_table` does."""
    cut = content.data.rfind(b"\n") + 1
    if settings.encoding.startswith(("utf-16", "utf-32")) or not cut:
        return open_table(content, settings)
    return open_table(replace(content, data=content.data[:cut]), settings)
