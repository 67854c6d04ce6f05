"""One TOML file as read: its values, and the line of each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Any

from instep.mapping.mistakes import Mistake, Path, Report, dotted
from instep.mapping.positions import positions

_DEEPEST = 50
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(slots=True)
class Source:
    """A parsed file. `name` is what messages call it, relative to the workspace."""

    name: str
    text: str
    data: dict[str, Any]
    _lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a path, or of its nearest parent that is written down."""
        if not self._lines:
            self._lines = positions(self.text)
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1 if self.text else 0

    def mistake(self, path: Path, code: str, problem: str, remedy: str) -> Mistake:
        shown = path[:-1] if path and isinstance(path[-1], int) and not self._is_table(path) else path
        return Mistake(self.name, dotted(shown), self.line(path), problem, remedy, code)

    def _is_table(self, path: Path) -> bool:
        found: Any = self.data
        for part in path:
            found = found[part]
        return isinstance(found, dict)


def read_source(
    file: FilePath, name: str, report: Report, parse_float: Callable[[str], Any] = Decimal
) -> Source | None:
    """Read a file; what cannot be read or parsed is reported, and None returned."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        problem, remedy = "This file is not UTF-8 text", "Save it as UTF-8."
        report.mistakes.append(Mistake(name, "", line, problem, remedy, "NOT_UTF8"))
        return None
    except OSError as error:
        problem, remedy = f"This file cannot be read: {error.strerror}", "Check that it exists and may be read."
        report.mistakes.append(Mistake(name, "", 0, problem, remedy, "UNREADABLE"))
        return None
    return parse_source(text, name, report, parse_float)


def parse_source(text: str, name: str, report: Report, parse_float: Callable[[str], Any] = Decimal) -> Source | None:
    """Parse a text; a syntax error is reported with its line, and None returned."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text, parse_float=parse_float)
        if not _is_deeper(data, _DEEPEST):
            return Source(name, text, data)
        raise RecursionError
    except tomllib.TOMLDecodeError as error:
        report.mistakes.append(_syntax_mistake(str(error), name, text))
    except (ValueError, RecursionError):
        problem, remedy = (
            "This is too large or too deeply nested to be read",
            "Write smaller numbers, flatter tables.",
        )
        report.mistakes.append(Mistake(name, "", 0, problem, remedy, "SYNTAX"))
    return None


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether tables and lists are nested in more than so many levels."""
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in inner)


def _syntax_mistake(message: str, name: str, text: str) -> Mistake:
    found = _LINE.search(message)
    line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
    said = _LINE.sub("", message)
    problem = f"This is not valid TOML: {said[:1].lower()}{said[1:]}"
    return Mistake(name, "", line, problem, "Correct the line, or the one above it.", "SYNTAX")
