"""Salesforce's way of writing moments: whole seconds in UTC, with an offset that has no colon."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(\.\d{1,3})?Z?")


@lru_cache(maxsize=65_536)
def stamp(moment: datetime) -> str:
    """A moment as records hold it, e.g. `2026-01-05T09:00:00.000+0000`; stamps sort by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@lru_cache(maxsize=65_536)
def to_moment(text: str) -> datetime:
    """The moment that a stamp names."""
    return datetime.fromisoformat(text)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


@lru_cache(maxsize=65_536)
def parse_moment(text: str, *, with_fraction: bool = False) -> str | None:
    """A stamp from any accepted way of writing a moment; without a zone it is UTC. None if it is none.

    Fields hold whole seconds; `with_fraction` keeps milliseconds for comparing with them.
    """
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = stamp(moment)
    return f"{whole[:20]}{moment.microsecond // 1000:03}{whole[23:]}" if with_fraction else whole


def parse_date(text: str) -> str | None:
    """A date as records hold it; None if it is none."""
    if not _DATE.fullmatch(text):
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        return None
    return text


def parse_time(text: str) -> str | None:
    """A time of day as records hold it, e.g. `10:11:12.000Z`; None if it is none."""
    return f"{text[:8]}.000Z" if _TIME.fullmatch(text) else None


def to_header(text: str) -> str:
    """A stamp as HTTP headers write it."""
    return format_datetime(to_moment(text), usegmt=True)


def from_header(text: str) -> str | None:
    """A stamp from an HTTP header; None if it is no date."""
    try:
        return stamp(parsedate_to_datetime(text))
    except ValueError:
        return None
