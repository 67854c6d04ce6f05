"""Counting calls the way vendors do: in a window that rolls, or by the day."""

from __future__ import annotations

from collections import deque
from datetime import date, datetime, timedelta


class RollingWindow:
    """How many calls the last `length` of time has seen."""

    def __init__(self, length: timedelta) -> None:
        self.length = length
        self._seen: deque[datetime] = deque()

    def used(self, now: datetime) -> int:
        """Calls that still count at `now`."""
        while self._seen and now - self._seen[0] >= self.length:
            self._seen.popleft()
        return len(self._seen)

    def admit(self, now: datetime, limit: int | None) -> bool:
        """Count a call unless the limit is reached; says whether it was counted."""
        if limit is None:
            return True
        if self.used(now) >= limit:
            return False
        self._seen.append(now)
        return True

    def wait_seconds(self, now: datetime) -> int:
        """Whole seconds until the window has room again."""
        if not self.used(now):
            return 0
        left = (self._seen[0] + self.length - now).total_seconds()
        return max(1, -int(-left // 1))


class DailyCount:
    """How many calls today has seen; a new day (UTC) starts at zero."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._used = 0

    def used(self, now: datetime) -> int:
        """Calls counted on the day of `now`."""
        if now.date() != self._day:
            self._day, self._used = now.date(), 0
        return self._used

    def admit(self, now: datetime, limit: int | None) -> bool:
        """Count a call unless the limit is reached; says whether it was counted."""
        if limit is not None and self.used(now) >= limit:
            return False
        self._used = self.used(now) + 1
        return True
