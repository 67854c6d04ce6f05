"""Pacing: in no window of time does a system see more calls than it allows, over all processes that share a state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from instep.contract import RateLimit
from instep.store import Store

_ON_ITS_WAY = 60.0
"""After so many seconds a call that nobody saw answered is over: its process has died."""


class Pace(Protocol):
    """Gives every call its turn in a lane of so many calls in so many seconds."""

    def claim(self, lane: str, limit: RateLimit) -> tuple[int | None, float]:
        """A free slot; else None, and after how many seconds to ask again."""
        ...

    def free(self, lane: str, limit: RateLimit, slot: int) -> None:
        """The call of this slot was answered."""
        ...


class SharedPace:
    """The pace of all processes that share a state.

    A lane that allows n calls in t seconds has n slots. One is taken while its call is on its way, and free again t
    seconds after the answer: by then the system had counted the call. So no window of t seconds ever sees more than n
    calls, and an idle lane takes n at once.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    def claim(self, lane: str, limit: RateLimit) -> tuple[int | None, float]:
        """See `Pace.claim`."""
        store = self._store
        with store.aside():
            now = self._clock().timestamp()
            used, slot, free_at = store.rows(
                "SELECT count(*), slot, min(free_at) FROM budget WHERE lane = ? AND slot BETWEEN 0 AND ?",
                (lane, limit.calls - 1),
            )[0]
            if used < limit.calls and (used == 0 or free_at > now):
                slot, free_at = used, now  # one that was never needed so far
            taken_until = now + limit.seconds + _ON_ITS_WAY
            if free_at > taken_until:  # by a clock that was set back since
                store.run("UPDATE budget SET free_at = ? WHERE lane = ?", (now + limit.seconds, lane))
            if free_at > now:
                return None, min(free_at - now, limit.seconds)
            store.run("INSERT OR REPLACE INTO budget VALUES (?, ?, ?)", (lane, slot, taken_until))
        return int(slot), 0.0

    def free(self, lane: str, limit: RateLimit, slot: int) -> None:
        """See `Pace.free`."""
        free_at = self._clock().timestamp() + limit.seconds
        with self._store.aside():
            self._store.run("UPDATE budget SET free_at = ? WHERE lane = ? AND slot = ?", (free_at, lane, slot))


class OwnPace:
    """The pace of one process that makes few calls and has no state yet."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._answered: dict[str, list[float]] = {}

    def claim(self, lane: str, limit: RateLimit) -> tuple[int | None, float]:
        """See `Pace.claim`."""
        times = self._answered.setdefault(lane, [])
        wait = times[-limit.calls] + limit.seconds - self._clock().timestamp() if len(times) >= limit.calls else 0.0
        return (None, min(wait, limit.seconds)) if wait > 0 else (len(times), 0.0)

    def free(self, lane: str, limit: RateLimit, slot: int) -> None:
        """See `Pace.free`."""
        self._answered[lane].append(self._clock().timestamp())
