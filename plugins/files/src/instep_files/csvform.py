"""Rows of a CSV file. A row that is not touched keeps every byte; one that is keeps its manner of quoting."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from instep.errors import RemoteError
from instep_files.settings import FileSettings
from instep_files.table import LONGEST_LINE, Row, ending_of
from instep_files.values import Cell


class CsvForm:
    """A text with delimiters, read by its settings."""

    def __init__(self, text: str, settings: FileSettings, name: str) -> None:
        self._text = text
        self._settings = settings
        self._name = name
        self._quote = settings.quote
        delimiter, quote = re.escape(settings.delimiter), re.escape(settings.quote)
        quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}|" if quote else ""
        self._cell = re.compile(f"({quoted}[^{delimiter}\r\n]*)(?:{delimiter}|$)")

    @cached_property
    def _header(self) -> Row:
        """The first line: it names the columns."""
        header = next(self._parsed(), Row(1, ""))
        if header.problem:
            raise RemoteError(f"{header.problem} It should name the columns. Repair the file.", code="no_header")
        names = [str(cell) for cell in header.cells if cell]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            what = f'names the column "{twice[0]}" twice' if twice else "names no columns"
            raise RemoteError(f"{self._name} {what} (line 1). Give every column a name of its own.", code="no_header")
        return header

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """What the first line names."""
        return tuple(str(cell) for cell in self._header.cells)

    def start(self) -> str:
        """The first line."""
        return self._header.raw

    def rows(self) -> Iterator[Row]:
        """Every row after the first line."""
        width = len(self.columns)
        rows = self._parsed()
        next(rows)
        for row in rows:
            if row.problem or row.blank or len(row.cells) == width:
                yield row
            else:
                problem = (
                    f"Line {row.line} of {self._name} has {len(row.cells)} cells, and the first line has {width}."
                )
                yield Row(row.line, row.raw, problem=problem)

    def changed(self, row: Row, cells: Mapping[str, Cell]) -> str:
        """The row with other cells; the untouched ones keep their quotes."""
        written = self._written(row)
        for place, name in enumerate(self.columns):
            if name in cells:
                written[place] = self._told(cells[name], written[place].startswith(self._quote or "\0"))
        return self._settings.delimiter.join(written) + ending_of(row.raw)

    def made(self, cells: Mapping[str, Cell], like: Row | None) -> str:
        """A new row, quoted like the row before it."""
        model = self._written(like or self._header)
        quoted = [bool(self._quote) and cell.startswith(self._quote) for cell in model]
        told = [
            self._told(cells.get(name, ""), is_quoted) for name, is_quoted in zip(self.columns, quoted, strict=True)
        ]
        return self._settings.delimiter.join(told)

    def widened(self, name: str) -> str:
        """The text with one more column at the right."""
        all_quoted = all(cell.startswith(self._quote or "\0") for cell in self._written(self._header))
        parts = [self._wider(self._header.raw, self._told(name, all_quoted))]
        for row in self.rows():
            parts.append(row.raw if row.blank or row.problem else self._wider(row.raw, ""))
        return "".join(parts)

    def _wider(self, raw: str, cell: str) -> str:
        ending = ending_of(raw)
        return raw[: len(raw) - len(ending)] + self._settings.delimiter + cell + ending

    def _written(self, row: Row) -> list[str]:
        """The row's cells as they are written down, quotes included."""
        raw = row.raw[: len(row.raw) - len(ending_of(row.raw))]
        found = [match[1] for match in self._cell.finditer(raw)][: len(row.cells)]
        if self._settings.delimiter.join(found) == raw:
            return found
        return [self._told(cell, False) for cell in row.cells]

    def _told(self, cell: Cell, is_quoted: bool) -> str:
        text = cell if isinstance(cell, str) else ";".join(cell)
        if "\0" in text:
            raise ValueError("holds a character that no file of text can hold")
        needs = any(mark in text for mark in (self._settings.delimiter, "\r", "\n", self._quote) if mark)
        if not (is_quoted or needs):
            return text
        if not self._quote:
            raise ValueError("holds the delimiter or a line break, and this file has no quotes")
        return self._quote + text.replace(self._quote, self._quote * 2) + self._quote

    def _parsed(self) -> Iterator[Row]:
        lines = _Lines(self._text)
        quote = self._quote or None
        rule: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
        reader = csv.reader(lines, delimiter=self._settings.delimiter, quotechar=quote, quoting=rule, strict=True)
        while True:
            line = lines.number + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                problem = f"Line {line} of {self._name} cannot be read: {error}."
                yield Row(line, lines.first_taken(), problem=problem)
                continue
            raw = lines.taken()
            if cells is None:
                if raw:
                    yield Row(line, raw, blank=True)
                return
            if len(raw) > LONGEST_LINE:
                yield Row(
                    line, raw, problem=f"Line {line} of {self._name} is longer than {LONGEST_LINE:,} characters."
                )
            else:
                yield Row(line, raw, tuple(cells), blank=not cells)


class _Lines:
    """Feeds the reader line by line, and keeps what it has taken for one row."""

    def __init__(self, text: str) -> None:
        self._source = io.StringIO(text, newline="")
        self._taken: list[str] = []
        self._again: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._source)
        self.number += 1
        self._taken.append(line)
        return line

    def taken(self) -> str:
        """The raw text since the last call."""
        raw = "".join(self._taken)
        self._taken.clear()
        return raw

    def first_taken(self) -> str:
        """The first line since the last call; the others are fed again.

        So a quote that nobody closed spoils its own line, and not all that follow.
        """
        first, *others = self._taken
        self._again.extend(reversed(others))
        self.number -= len(others)
        self._taken.clear()
        return first
