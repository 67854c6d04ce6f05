"""Clocks a sandbox can live by: the machine's own, or one that only tests move."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the time is, and how to wait."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(seconds)


class VirtualClock:
    """A clock that stands still until somebody advances it; safe to share between threads."""

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError("A virtual clock needs an aware start. Give it a time zone.")
        self._now = (start or datetime(2026, 1, 5, 9, tzinfo=UTC)).astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`; time never runs backwards."""
        if by < timedelta(0):
            raise ValueError(f"A clock cannot be advanced by {by}. Give a positive duration.")
        with self._lock:
            self._now += by

    def sleep(self, seconds: float) -> None:
        """Move forward by `seconds` without waiting."""
        self.advance(timedelta(seconds=seconds))
