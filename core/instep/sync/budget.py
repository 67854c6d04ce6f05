"""What is left of the calls that a system allows in a day, and how many of them are kept for people.

The system's own figure counts: it knows of everybody else who calls. Between two answers that tell it, each call of
ours is taken off, by all processes that share a state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from instep.contract import Allowance
from instep.errors import UsedUpError
from instep.store import Store


@dataclass(frozen=True, slots=True)
class Left:
    """How many calls a system allows in a day, how many are left, and how many of those are kept for people."""

    calls: int
    left: int
    kept: int
    renews_at: datetime | None = None

    @property
    def free(self) -> int:
        """How many calls Instep may still make."""
        return max(0, self.left - self.kept)

    def as_json(self) -> dict[str, int | str | None]:
        renews_at = self.renews_at.isoformat() if self.renews_at else None
        return {"a_day": self.calls, "left": self.left, "kept": self.kept, "renews_at": renews_at}

    def __str__(self) -> str:
        when = f"; more from {self.renews_at:%Y-%m-%d %H:%M} UTC on" if self.renews_at else ""
        return f"{self.left:,} of {self.calls:,} calls a day are left, {self.kept:,} of them for people{when}"


class Spending(Protocol):
    """Says of every call whether it may be sent."""

    def allowed(self, allowance: Allowance) -> None:
        """Take down what the system says, whatever was reckoned before."""
        ...

    def spend(self) -> None:
        """Take off the call that is about to be sent. Raises `UsedUpError` where the rest is kept for people."""
        ...


class NoBudget:
    """For those who keep no state, and ask once: every call may be sent."""

    def allowed(self, allowance: Allowance) -> None:
        """See `Spending.allowed`."""

    def spend(self) -> None:
        """See `Spending.spend`."""


class Budget:
    """One connection's share of the day's calls. A system that does not tell has no limit here."""

    def __init__(self, store: Store, clock: Callable[[], datetime], connection: str, reserve_percent: float) -> None:
        self._store, self._clock = store, clock
        self._connection, self._percent = connection, reserve_percent
        self._since = clock().isoformat()
        self._has_asked = False
        self._goes_on = False

    def allowed(self, allowance: Allowance) -> None:
        """See `Spending.allowed`."""
        renews_at = allowance.renews_at.astimezone(UTC).isoformat() if allowance.renews_at else None
        row = (self._connection, allowance.calls, allowance.left, self._clock().isoformat(), renews_at)
        with self._store.aside():
            self._store.run("INSERT OR REPLACE INTO allowance VALUES (?, ?, ?, ?, ?)", row)

    def spend(self) -> None:
        """See `Spending.spend`. The first call is sent in any case: its answer tells what is left today."""
        if self._has_asked:
            self._require(1, "No call was sent")
        self._has_asked = True
        if self.left is not None:
            with self._store.aside():
                self._store.run(
                    "UPDATE allowance SET left = max(0, left - 1) WHERE connection = ?", (self._connection,)
                )

    def require(self, calls: int) -> None:
        """Raise `UsedUpError` unless so many calls may still be made."""
        self._require(calls, f"Up to {calls:,} calls are needed to go on, so nothing was begun")

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """What was begun is done: calls inside are sent although they are kept for people."""
        self._goes_on = True
        try:
            yield
        finally:
            self._goes_on = False

    @property
    def left(self) -> Left | None:
        """What is known since this process began; None where the system has not told."""
        row = self._store.row(
            "SELECT calls, left, renews_at FROM allowance WHERE connection = ? AND told_at >= ?",
            (self._connection, self._since),
        )
        if row is None:
            return None
        calls, left, renews_at = row
        kept = math.ceil(calls * self._percent / 100)
        return Left(calls, left, kept, datetime.fromisoformat(renews_at) if renews_at else None)

    def _require(self, calls: int, consequence: str) -> None:
        left = None if self._goes_on else self.left
        if left is not None and left.free < calls:
            raise UsedUpError(
                f"{self._connection}: {left} (reserve_percent = {self._percent:g}). {consequence}; "
                "the next run goes on from there.",
                left=left.left,
                renews_at=left.renews_at,
            )
