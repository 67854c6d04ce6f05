"""`[guards]` in `sync.toml`: what makes a plan so surprising that a person has to look first."""

from __future__ import annotations

from instep.mapping.compiled import STRICT, Guards, Limit, ProvisionGuards
from instep.mapping.section import Section

_DEFAULT = Guards()
_KEYS = ("enabled", "percent", "records", "from_records", "deviation", "provision")
_NONE = Guards(Limit(), {}, deviation=None, provision=ProvisionGuards(None, None, None))


def read_guards(table: Section) -> Guards:
    """The table. Other keys have limits of their own: fields, relations, "create", "delete", "clear", "consent"."""
    enabled = table.flag("enabled", True)
    every = _limit(table, _DEFAULT.every)
    from_records = _at_least(table, "from_records", table.whole("from_records", _DEFAULT.from_records), 1)
    deviation = _at_least(table, "deviation", table.number("deviation", _DEFAULT.deviation), 1)
    limits = dict(STRICT)
    provision = _provision(table)
    for name in [key for key in table.data if key not in _KEYS]:
        below = table.table(name)
        if below is not None:
            limits[name] = _limit(below, Limit(every.percent))
            below.finish()
    table.finish()
    return Guards(every, limits, int(from_records or 1), deviation, provision) if enabled else _NONE


def _provision(table: Section) -> ProvisionGuards:
    """Absolute numbers: a configuration is small."""
    below, default = table.table("provision"), ProvisionGuards()
    if below is None:
        return default
    found = {
        name: _at_least(below, name, below.whole(name, getattr(default, name)), 0)
        for name in ("changes", "retires", "moves")
    }
    below.finish()
    return ProvisionGuards(**{name: None if most is None else int(most) for name, most in found.items()})


def _limit(table: Section, default: Limit) -> Limit:
    percent = table.number("percent", default.percent)
    records = table.whole("records", default.records)
    if percent is not None and not 0 <= percent <= 100:
        table.mistake("OUT_OF_RANGE", f"is {percent:g}", "Write a number from 0 to 100.", "percent")
        percent = default.percent
    return Limit(percent, None if records is None else int(_at_least(table, "records", records, 0) or 0))


def _at_least(table: Section, key: str, value: float | None, least: int) -> float | None:
    if value is not None and value < least:
        table.mistake("OUT_OF_RANGE", f"is {value:g}", f"Write {least} or more.", key)
        return None
    return value
