"""Days and instants as people type them. A day means its end, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import click


def as_instant(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """What `2027-01-31` (the end of that day) or `2027-01-31T12:00:00Z` means."""
    if value is None:
        return None
    try:
        if len(value) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(value), time(23, 59, 59), UTC)
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f'"{value}" is no date. Write 2027-01-31, or 2027-01-31T12:00:00Z.') from None
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def as_past_instant(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """The same, of something that has been: today is the last day."""
    found = as_instant(context, parameter, value)
    if found is not None and found > datetime.now(UTC) + timedelta(days=1):
        raise click.BadParameter(f'"{value}" lies ahead. Name a day that has begun.')
    return found


def as_day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    """The day that `2027-01-31` means."""
    try:
        return date.fromisoformat(value) if value is not None else None
    except ValueError:
        raise click.BadParameter(f'"{value}" is no day. Write 2027-01-31.') from None
