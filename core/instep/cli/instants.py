"""Instants as people type them: a day means its end, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

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
