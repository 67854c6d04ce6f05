"""`[quarantine]` in `sync.toml`: how often, and when, what a system refused is tried again."""

from __future__ import annotations

from instep.mapping.compiled import Quarantine
from instep.mapping.section import Section

_DEFAULT = Quarantine()


def read_quarantine(table: Section) -> Quarantine:
    """The table, with what it leaves out as usual."""
    found = Quarantine(
        tries=_at_least_one(table, "tries", _DEFAULT.tries),
        passing_tries=_at_least_one(table, "passing_tries", _DEFAULT.passing_tries),
        wait_hours=table.span("wait", "h", _DEFAULT.wait_hours),
    )
    table.finish()
    return found


def _at_least_one(table: Section, key: str, default: int) -> int:
    value = table.whole(key, default)
    if value is not None and value < 1:
        table.mistake("OUT_OF_RANGE", f"is {value}", "Write 1 or more.", key)
        return default
    return default if value is None else value
