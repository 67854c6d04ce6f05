"""One TOML table being read: keys are taken one by one, and what is left over is a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from instep.mapping.durations import SECONDS, parse_duration
from instep.mapping.mistakes import Path, Report, listed, suggestion
from instep.mapping.source import Source
from instep.model.values import Scalar

E = TypeVar("E", bound=StrEnum)
_ABSENT = object()
_LIMIT = 10**15
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Section:
    """A table with its place. Every `take…` names a known key; `finish` reports keys that nobody took.

    A value of the wrong type is reported and read as absent, so that one mistake does not hide the next.
    """

    def __init__(self, source: Source, report: Report, data: dict[str, Any] | None = None, path: Path = ()) -> None:
        self.source = source
        self.report = report
        self.data = source.data if data is None else data
        self.path = path
        self.known: dict[str, None] = {}

    # --- reporting ---------------------------------------------------------------------------------------------

    def mistake(self, code: str, problem: str, remedy: str, *below: str | int) -> None:
        """Report a mistake here, or at the key `below`."""
        self.report.mistakes.append(self.source.mistake((*self.path, *below), code, problem, remedy))

    def note(self, code: str, problem: str, remedy: str, *below: str | int) -> None:
        self.report.notes.append(self.source.mistake((*self.path, *below), code, problem, remedy))

    def finish(self) -> None:
        """Report every key that nobody asked for."""
        for key in self.data:
            if key not in self.known:
                self.mistake("UNKNOWN_KEY", "is not a known key", suggestion(key, self.known), key)

    def unknown(self, what: str, wrong: str, known: Iterable[str], *below: str | int) -> None:
        """Report a name that should be one of `known`. The first word of `what` makes the code: `UNKNOWN_STAGE`.

        A name that only another version of the process has is no mistake.
        """
        if self.is_elsewhere(what, wrong):
            return
        problem = f'names "{wrong}", which is no {what}'
        self.mistake(f"UNKNOWN_{what.split(maxsplit=1)[0].upper()}", problem, suggestion(wrong, known), *below)

    def is_elsewhere(self, what: str, name: str | None) -> bool:
        """Whether only another version of the process has this name."""
        return name in self.report.elsewhere.get(what, ())

    # --- single values -----------------------------------------------------------------------------------------

    def has(self, key: str) -> bool:
        return key in self.data

    def text(self, key: str, default: str | None = None) -> str | None:
        found = self._take(key, str, "text", "it in quotes")
        if found is None:
            return default
        if not found.strip():
            self.mistake("BLANK", "is blank", "Write a text, or remove the key.", key)
            return default
        return str(found)

    def required_text(self, key: str) -> str | None:
        if key not in self.data:
            self.known[key] = None
            self.mistake("MISSING_KEY", f'has no "{key}"', f'Add {key} = "…".')
            return None
        return self.text(key)

    def flag(self, key: str, default: bool) -> bool:
        found = self._take(key, bool, "true or false")
        return default if found is None else bool(found)

    def whole(self, key: str, default: int | None = None) -> int | None:
        found = self._take(key, int, "a whole number")
        return default if found is None else int(found)

    def number(self, key: str, default: float | None = None) -> float | None:
        found = self._take(key, (int, Decimal, float), "a number")
        if found is None:
            return default
        if not is_number(found):
            self.mistake("OUT_OF_RANGE", "is too large, or no number at all", "Write a number.", key)
            return default
        return float(found)

    def day(self, key: str) -> date | None:
        found = self._take(key, date, "a date", "it as 2026-12-24, without quotes")
        return found.date() if isinstance(found, datetime) else found

    def one_of(self, key: str, kind: type[E]) -> E | None:
        name = self.choice(key, [member.value for member in kind])
        return None if name is None else kind(name)

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str | None:
        """A text that must be one of a few."""
        found = self.text(key)
        if found is None or found in allowed:
            return default if found is None else found
        self.mistake("NOT_ALLOWED", f'is "{found}", which is not among its values', _use(found, allowed), key)
        return default

    def span(self, key: str, unit: str, default: int) -> int:
        """A duration in whole units of "s", "m", "h" or "d"."""
        text = self._take(key, str, "a duration", f'one in quotes, such as "{default}{unit}"')
        if text is None:
            return default
        seconds = parse_duration(text)
        if seconds is None or seconds % SECONDS[unit]:
            problem = f'is "{text}", which is not a whole number of {_UNITS[unit]}'
            self.mistake("NOT_A_DURATION", problem, 'Write a number and s, m, h or d, such as "90s" or "7d".', key)
            return default
        return seconds // SECONDS[unit]

    def span_or_none(self, key: str) -> timedelta | None:
        """A duration that there need not be."""
        seconds = self.span(key, "s", 3600)
        return timedelta(seconds=seconds) if self.has(key) else None

    # --- lists and tables --------------------------------------------------------------------------------------

    def words(self, key: str) -> list[str] | None:
        """A list of texts; None where the key is absent."""
        found = self._take(key, list, "a list", 'one in brackets, such as ["a", "b"]')
        if found is None:
            return None
        words = []
        for place, word in enumerate(found):
            if isinstance(word, str) and word.strip():
                words.append(word)
            else:
                self.mistake("WRONG_TYPE", "holds something that is not text", "Put it in quotes.", key, place)
        return words

    def names(self, key: str, what: str, known: Collection[str]) -> tuple[str, ...]:
        """A list of names that must all be known, each once."""
        words = self.words(key) or []
        for word in dict.fromkeys(words):
            if word not in known:
                self.unknown(what, word, known, key, self._place(key, word))
            elif words.count(word) > 1:
                self.mistake("TWICE", f'names "{word}" twice', "Remove one.", key)
        return tuple(dict.fromkeys(word for word in words if word in known))

    def members(self, key: str, what: str, kind: type[E]) -> frozenset[E]:
        return frozenset(kind(name) for name in self.names(key, what, [member.value for member in kind]))

    def table(self, key: str) -> Section | None:
        found = self._take(key, dict, "a table", f"{key} = {{ … }}, or a table of that name")
        return None if found is None else self.below(found, key)

    def table_or_empty(self, key: str) -> Section:
        """The table under `key`; without entries where there is none."""
        return self.table(key) or self.below({}, key)

    def tables(self, key: str) -> list[Section]:
        """An array of tables: `[[stages]]`."""
        found = self._take(key, list, "a list of tables", f"[[{key}]], or {key} = [{{ … }}]")
        sections = []
        for place, entry in enumerate(found or ()):
            if isinstance(entry, dict):
                sections.append(self.below(entry, key, place))
            else:
                self.mistake("WRONG_TYPE", "holds something that is not a table", f"Write [[{key}]].", key, place)
        return sections

    def entries(self) -> list[tuple[str, Any]]:
        """Every key that has not been asked for, with its raw value: for tables whose keys are names."""
        rest = [(key, value) for key, value in self.data.items() if key not in self.known]
        self.known.update(dict.fromkeys(self.data))
        return rest

    def scalar(self, key: str, value: Any) -> Scalar:
        """A raw value as a field's value; anything that cannot be one is reported."""
        if isinstance(value, (str, bool, int, Decimal, datetime, date)):
            return value
        self.mistake("WRONG_TYPE", "is not a single value", "Write a text, number, date, true or false.", key)
        return None

    def below(self, data: dict[str, Any], *path: str | int) -> Section:
        return Section(self.source, self.report, data, (*self.path, *path))

    def _take(self, key: str, kind: type | tuple[type, ...], what: str, form: str = "") -> Any:
        self.known[key] = None
        found = self.data.get(key, _ABSENT)
        if found is _ABSENT:
            return None
        if isinstance(found, kind) and (kind is bool or not isinstance(found, bool)):
            return found
        self.mistake("WRONG_TYPE", f"is not {what}", f"Write {form or what}.", key)
        return None

    def _place(self, key: str, word: str) -> int:
        return int(self.data[key].index(word))


def is_number(value: Any) -> bool:
    """Whether a raw value is a number to reckon with: neither true nor false, nor infinite, nor beyond all use."""
    if isinstance(value, bool) or (isinstance(value, Decimal) and not value.is_finite()):
        return False
    return isinstance(value, (int, float, Decimal)) and -_LIMIT < value < _LIMIT


def titled(key: str) -> str:
    """A label made from a key: `loyal-customer` becomes "Loyal customer"."""
    return key.replace("-", " ").replace("_", " ").capitalize()


def _use(found: str, allowed: Iterable[str]) -> str:
    near = suggestion(found, allowed, otherwise="-")
    return near if near != "-" else f"Use {listed(allowed)}."
