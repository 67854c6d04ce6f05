"""How much of each allowance is used, and what went wrong, by day."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from instep.sandbox import RollingWindow
from instep_marketo.sandbox.character import MarketoPersonality
from instep_marketo.sandbox.errors import RefusedError

CENTRAL = ZoneInfo("America/Chicago")
WINDOW = timedelta(seconds=20)
NOT_COUNTED = {"601", "602", "604", "605", "608", "611"}
"""Refusals that cost no call. Marketo developer guide: Error codes"""


def _counters() -> defaultdict[date, Counter[str]]:
    return defaultdict(Counter)


@dataclass(slots=True)
class Usage:
    """The counts of one subscription, which all its API users share. Days begin at midnight in US Central time."""

    window: RollingWindow = field(default_factory=lambda: RollingWindow(WINDOW))
    calls: defaultdict[date, Counter[str]] = field(default_factory=_counters)
    """By day and API user."""
    errors: defaultdict[date, Counter[str]] = field(default_factory=_counters)
    """By day and code."""
    extracted: Counter[date] = field(default_factory=Counter)
    """Bytes of extracts, by the day on which they were completed."""
    clones: Counter[date] = field(default_factory=Counter)
    occupied: int = 0
    """Slots for calls in flight that other integrations hold."""

    def spend(self, user: str, now: datetime, character: MarketoPersonality) -> None:
        """Count a call; refuses one too many."""
        if character.daily_limit is not None and self.on(now) >= character.daily_limit:
            raise RefusedError("607", f"Daily quota '{character.daily_limit}' reached")
        if not self.window.admit(now, character.rate_limit):
            raise RefusedError("606", f"Max rate limit '{character.rate_limit}' exceeded with in '20' secs")
        self.calls[day(now)][user] += 1

    def fail(self, code: str, now: datetime) -> None:
        """Count a refusal."""
        self.errors[day(now)][code] += 1

    def on(self, now: datetime) -> int:
        """Calls of the day, by anybody."""
        return sum(self.calls[day(now)].values())


def day(now: datetime) -> date:
    """The day in US Central time."""
    return now.astimezone(CENTRAL).date()
