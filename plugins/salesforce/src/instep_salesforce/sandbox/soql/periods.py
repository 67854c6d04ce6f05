"""Date literals such as TODAY and LAST_N_DAYS:7, in the zone of a user.

developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from instep_salesforce.sandbox.times import stamp

_DAYS = {
    "TODAY": (0, 1),
    "YESTERDAY": (-1, 1),
    "TOMORROW": (1, 1),
    "LAST_90_DAYS": (-90, 91),
    "NEXT_90_DAYS": (1, 90),
}
_CALENDAR = re.compile(r"(THIS|LAST|NEXT)_(WEEK|MONTH|QUARTER|YEAR)")
_COUNTED = re.compile(r"(LAST|NEXT)_N_(DAY|WEEK|MONTH|QUARTER|YEAR)S|N_(DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO")


def is_period(word: str) -> bool:
    """Whether a word in capitals is a date literal."""
    return word in _DAYS or bool(_CALENDAR.fullmatch(word) or _COUNTED.fullmatch(word))


def needs_count(word: str) -> bool:
    """Whether the literal is followed by a number."""
    return bool(_COUNTED.fullmatch(word))


def days_of(word: str, count: int, today: date) -> tuple[date, date]:
    """The first day of a period, and the first day after it."""
    if word in _DAYS:
        offset, length = _DAYS[word]
        return today + timedelta(offset), today + timedelta(offset + length)
    if match := _CALENDAR.fullmatch(word):
        step = {"THIS": 0, "LAST": -1, "NEXT": 1}[match[1]]
        return _shift(today, match[2], step), _shift(today, match[2], step + 1)
    match = _COUNTED.fullmatch(word)
    if match is None:
        raise ValueError(f"This is no date literal: {word}")
    direction, unit, ago = match.groups()
    return _counted(direction, unit or ago, count, today)


def _counted(direction: str | None, unit: str, count: int, today: date) -> tuple[date, date]:
    if direction is None:
        return _shift(today, unit, -count), _shift(today, unit, 1 - count)
    if unit == "DAY":
        start = today - timedelta(count) if direction == "LAST" else today + timedelta(1)
        return start, today + timedelta(1 if direction == "LAST" else count + 1)
    if direction == "LAST":
        return _shift(today, unit, -count), _shift(today, unit, 0)
    return _shift(today, unit, 1), _shift(today, unit, count + 1)


def _shift(day: date, unit: str, by: int) -> date:
    """The first day of the unit that holds `day`, moved by whole units."""
    match unit:
        case "DAY":
            return day + timedelta(by)
        case "WEEK":
            return day - timedelta((day.weekday() + 1) % 7) + timedelta(weeks=by)
        case "MONTH":
            months = day.year * 12 + day.month - 1 + by
        case "QUARTER":
            months = day.year * 12 + (day.month - 1) // 3 * 3 + 3 * by
        case _:
            months = (day.year + by) * 12
    return date(months // 12, months % 12 + 1, 1)


def bounds(word: str, count: int, now: datetime, zone: str, *, of_moments: bool) -> tuple[str, str]:
    """A period as field values: from, included, and to, excluded."""
    place = ZoneInfo(zone)
    first, after = days_of(word, count, now.astimezone(place).date())
    if not of_moments:
        return first.isoformat(), after.isoformat()
    return tuple(stamp(datetime.combine(day, time(), place)) for day in (first, after))  # type: ignore[return-value]
