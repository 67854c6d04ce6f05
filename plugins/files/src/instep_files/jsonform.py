"""Rows of a file with one JSON object on each line. A line that is not touched keeps every byte."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from instep_files.settings import ColumnType, FileSettings
from instep_files.table import LONGEST_LINE, Row, ending_of
from instep_files.values import Cell, JsonText, decode

_SPACED: Final = re.compile(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s')


class _Number(str):
    """A number as it is written down, so that nothing is rounded."""

    __slots__ = ()


class JsonForm:
    """A text of JSON lines, read by its settings."""

    def __init__(self, text: str, settings: FileSettings, name: str) -> None:
        self._text = text
        self._settings = settings
        self._name = name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every name that any line has, and those that the settings declare."""
        found: dict[str, None] = {}
        for _, raw in self._lines():
            document = _loaded(raw)
            if isinstance(document, dict):
                found.update(dict.fromkeys(document))
        declared = [name for name in self._settings.declared() if name and (not found or name != self._settings.key)]
        return tuple(found | dict.fromkeys(declared))

    def start(self) -> str:
        """Nothing stands before the first row."""
        return ""

    def rows(self) -> Iterator[Row]:
        """Every line."""
        for line, raw in self._lines():
            if not raw.strip():
                yield Row(line, raw, blank=True)
            elif len(raw) > LONGEST_LINE:
                yield Row(
                    line, raw, problem=f"Line {line} of {self._name} is longer than {LONGEST_LINE:,} characters."
                )
            else:
                document = _loaded(raw)
                if isinstance(document, dict):
                    yield Row(line, raw, tuple(_cell(document.get(name)) for name in self.columns))
                else:
                    yield Row(line, raw, problem=f"Line {line} of {self._name} is not one JSON object.")

    def changed(self, row: Row, cells: Mapping[str, Cell]) -> str:
        """The line with other values; the untouched ones are written as they were."""
        document = _loaded(row.raw)
        for name, cell in cells.items():
            before = document.get(name)
            if isinstance(_cell(before), JsonText):
                raise ValueError("is nested, and nested values are only read")
            document[name] = self._value(name, cell, before)
        return self._written(document, row.raw) + ending_of(row.raw)

    def made(self, cells: Mapping[str, Cell], like: Row | None) -> str:
        """A new line, with the names of the line before it."""
        before = _loaded(like.raw) if like else {}
        document = dict.fromkeys(before) | {name: self._value(name, cell, None) for name, cell in cells.items()}
        return self._written(document, like.raw if like else '{"": ')

    def widened(self, name: str) -> str:
        """The text with one more name, null, in its first line: the other lines need none."""
        parts = list(self.rows())
        first = next((place for place, row in enumerate(parts) if row.cells), None)
        told = [row.raw for row in parts]
        if first is not None:
            told[first] = self._written(_loaded(told[first]) | {name: None}, told[first]) + ending_of(told[first])
        return "".join(told)

    def _value(self, name: str, cell: Cell, before: object) -> Any:
        if isinstance(cell, tuple):
            return ";".join(cell) if isinstance(before, str) and not isinstance(before, _Number) else list(cell)
        if cell == "":
            return None
        match self._settings.type_of(name).name:
            case "number":
                return _Number(cell)
            case "boolean" if isinstance(before, bool) or before is None:
                return decode(cell, ColumnType("boolean"))
        return cell

    def _written(self, document: dict[str, Any], like: str) -> str:
        spaced = _SPACED.match(like) is not None
        return _dumped(document, ", " if spaced else ",", ": " if spaced else ":", ascii_only="\\u" in like)

    def _lines(self) -> Iterator[tuple[int, str]]:
        return enumerate(io.StringIO(self._text, newline="\n"), 1)


def _loaded(raw: str) -> Any:
    try:
        return json.loads(raw, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        return None


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list) and value and all(type(part) is str for part in value):
        return tuple(value)
    return JsonText(_dumped(value, ", ", ": ", ascii_only=False))


def _dumped(value: Any, comma: str, colon: str, *, ascii_only: bool) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = (
            json.dumps(name, ensure_ascii=ascii_only) + colon + _dumped(part, comma, colon, ascii_only=ascii_only)
            for name, part in value.items()
        )
        return "{" + comma.join(inner) + "}"
    if isinstance(value, list):
        return "[" + comma.join(_dumped(part, comma, colon, ascii_only=ascii_only) for part in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)
