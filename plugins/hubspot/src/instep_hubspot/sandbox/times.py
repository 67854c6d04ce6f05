"""HubSpot's way of writing moments: milliseconds since 1970, or ISO text ending in Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The moment `ms` milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


@lru_cache(maxsize=65_536)
def iso(ms: int) -> str:
    """A moment as the API prints it, e.g. `2026-01-05T09:00:00.000Z`."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=65_536)
def parse_ms(text: str) -> int | None:
    """Milliseconds since 1970 from either way of writing; None if it is neither."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
