"""On which line each key of a TOML file stands. tomllib keeps no positions, and tomlkit is slow.

The text has already passed tomllib, so this scan only has to follow it, not to judge it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

from instep.mapping.mistakes import Path

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_TEXT = re.compile(r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'''', re.DOTALL)
_BARE = re.compile(r"[^,\]}#\n]*")


def positions(text: str) -> dict[Path, int]:
    """Every path of a valid TOML text, arrays' places included, with its line counted from 1."""
    return _Scan(text).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ends = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def run(self) -> dict[Path, int]:
        here: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                here = self._header()
            else:
                self._pair(here)
            self._skip(_BLANK)
        return self.lines

    def _header(self) -> Path:
        line = self._line()
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        *parents, last = self._keys()
        self.at += 2 if many else 1
        path = (*self._resolved(parents), last)
        if many:
            self.lines.setdefault(path, line)
            place = self.counts.get(path, 0)
            self.counts[path] = place + 1
            path = (*path, place)
        self._note(path, line)
        return path

    def _resolved(self, keys: list[str]) -> Path:
        """The path that a header's parents mean: of an array of tables, its last table."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        return path

    def _pair(self, here: Path) -> None:
        line = self._line()
        path = (*here, *self._keys())
        self._note(path, line)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        match self.text[self.at]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._skip(_TEXT)
            case _:
                self._skip(_BARE)

    def _array(self, path: Path) -> None:
        place = 0
        while not self._closes("]"):
            self.lines[(*path, place)] = self._line()
            self._value((*path, place))
            place += 1

    def _inline(self, path: Path) -> None:
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Steps over an opening bracket or a comma; says whether the closing one follows, and steps over it."""
        self._skip(_BLANK)
        if self.text[self.at] != bracket:
            self.at += 1
            self._skip(_BLANK)
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(_unquoted(self._skip(_KEY)))
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        found = match.group() if match else ""
        self.at += len(found)
        return found

    def _note(self, path: Path, line: int) -> None:
        self.lines[path] = line
        for length in range(1, len(path)):
            self.lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return bisect_right(self.ends, self.at - 1) + 1


def _unquoted(key: str) -> str:
    if key[0] == '"':
        return str(tomllib.loads(f"key = {key}")["key"])
    return key[1:-1] if key[0] == "'" else key
