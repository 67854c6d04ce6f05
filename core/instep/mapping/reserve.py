"""`[budget]` in `sync.toml`: how much of a day's calls is kept for people and their other tools."""

from __future__ import annotations

from collections.abc import Collection

from instep.mapping.compiled import Reserve
from instep.mapping.section import Section

_KEY = "reserve_percent"
_DEFAULT = Reserve()


def read_reserve(table: Section, connections: Collection[str]) -> Reserve:
    """The table. Its other keys are connections, with a reserve of their own."""
    percent = _percent(table, _DEFAULT.percent)
    of: dict[str, float] = {}
    for name in [key for key in table.data if key != _KEY]:
        below = table.table(name)
        if name not in connections:
            table.unknown("connection", name, [*connections, _KEY], name)
        elif below is not None:
            of[name] = _percent(below, percent)
            below.finish()
    table.finish()
    return Reserve(percent, of)


def _percent(table: Section, default: float) -> float:
    percent = table.number(_KEY, default)
    if percent is None or 0 <= percent <= 99:
        return default if percent is None else percent
    table.mistake("OUT_OF_RANGE", f"is {percent:g}", "Write a number from 0 to 99.", _KEY)
    return default
