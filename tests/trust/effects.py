"""Time that only tests move, and the hook at every effect that stops a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from instep.errors import UnknownOutcomeError

AN_EFFECT = timedelta(milliseconds=40)
"""How long every effect takes."""


class Stopped(BaseException):
    """The process died here. No `except Exception` anywhere may notice."""


class Time:
    """The time of everybody in a story: it can be put back where a story begins again.

    It lies ahead of the machine's clock, which dates the files that a run replaces.
    """

    def __init__(self) -> None:
        self.at = datetime(2030, 3, 4, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass without waiting."""
        self.at += timedelta(seconds=seconds)


class Watch:
    """Stands at every effect of one run: counts it, lets time pass, and stops the run where it is told to.

    Once it has stopped a run, every further effect of it raises. `at_stop` is called at that very moment.
    """

    def __init__(self, time: Time, stop_at: int | None = None, at_stop: Callable[[], None] | None = None) -> None:
        self.labels: list[str] = []
        self.stopped = False
        self.lose: tuple[str, int] | None = None
        """A connection, and which of its writes takes effect without an answer (the first is 0)."""
        self._time, self._stop_at, self._at_stop = time, stop_at, at_stop
        self._hears: list[Callable[[str], None]] = []

    def tell(self, listener: Callable[[str], None]) -> None:
        """Let somebody else hear of every effect as well."""
        self._hears.append(listener)

    def __call__(self, label: str) -> None:
        if self.stopped:
            raise Stopped(f"{label}, although the run was stopped at {self.labels[-1]}")
        self._time.at += AN_EFFECT
        self.labels.append(label)
        for hear in self._hears:
            hear(label)
        if self._stop_at is not None and len(self.labels) >= self._stop_at:
            self.stopped = True
            if self._at_stop is not None:
                self._at_stop()
            raise Stopped(label)
        self._lose(label)

    def _lose(self, label: str) -> None:
        if self.lose is None or not label.endswith(", answered"):
            return
        connection, left = self.lose
        if label.startswith(f"{connection}: ") and any(word in label for word in ("write", "relate", "consent")):
            self.lose = (connection, left - 1) if left else None
            if not left:
                raise UnknownOutcomeError(f"{connection} did not answer")
