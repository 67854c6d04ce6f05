"""The only way out: every request is counted, paced and, in tests, watched here."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from instep.contract import ConnectorPlugin, Effects, RateLimit
from instep.plugins import find_plugin

T = TypeVar("T")
Boundary = Callable[[str], None]
Reserve = Callable[[str, int, float], float]
"""Reserve a slot: (lane, calls, in so many seconds) to seconds to wait."""


def nothing(label: str) -> None:
    """A boundary that watches nothing."""


@dataclass(frozen=True, slots=True)
class World:
    """Clock, sleep, chance and the boundary hook, as a run is given them. Tests bring their own."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    random: random.Random = field(default_factory=random.Random)
    find_plugin: Callable[[str], ConnectorPlugin[Any]] = find_plugin
    boundary: Boundary = nothing
    """Called with a label before and after every effect; raising from it stops the run right there."""


@dataclass(slots=True)
class CountingTransport:
    """The transport of one connection: paces by its limits, counts its calls."""

    connection: str
    world: World
    reserve: Reserve
    limits: Sequence[RateLimit] = ()
    calls: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Send one request; see `instep.contract.Transport`."""
        for limit in self.limits:
            if limit.lane == lane:
                wait = self.reserve(f"{self.connection}/{lane}", limit.calls, limit.seconds)
                if wait > 0:
                    self.world.sleep(wait)
        self.world.boundary(f"{self.connection}: {label}")
        with self._lock:
            self.calls[label] += 1
            if writes:
                self.writes[label] += 1
        answer = action()
        self.world.boundary(f"{self.connection}: {label}, answered")
        return answer


def effects(transport: CountingTransport, world: World) -> Effects:
    """What a plugin is handed."""
    return Effects(transport, world.clock, world.sleep, world.random)
