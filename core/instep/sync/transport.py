"""The only way out: every request is counted, paced and, in tests, watched here."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from instep.contract import ConnectorPlugin, Effects, RateLimit
from instep.plugins import find_plugin
from instep.sync.budget import Spending
from instep.sync.pace import Pace

T = TypeVar("T")
Boundary = Callable[[str], None]
Log = Callable[[str, Mapping[str, Any]], None]


def nothing(label: str) -> None:
    """A boundary that watches nothing."""


def unheard(event: str, facts: Mapping[str, Any]) -> None:
    """A log that nobody keeps."""


@dataclass(frozen=True, slots=True)
class World:
    """Clock, sleep, chance and the boundary hook, as a run is given them. Tests bring their own."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    random: random.Random = field(default_factory=random.Random)
    find_plugin: Callable[[str], ConnectorPlugin[Any]] = find_plugin
    boundary: Boundary = nothing
    """Called with a label before and after every effect; raising from it stops the run right there."""
    log: Log = unheard
    """Told of every event of a run in ids and codes alone: no value of anybody's is among them."""


@dataclass(slots=True)
class CountingTransport:
    """The transport of one connection: paces by its limits, counts its calls, and stops where the day's are spent."""

    connection: str
    world: World
    pace: Pace
    budget: Spending
    limits: Sequence[RateLimit] = ()
    calls: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    waits: Callable[[], None] = lambda: None
    """Told before every wait for a system that asked for one, or did not answer."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Send one request; see `instep.contract.Transport`. Raises `UsedUpError` where the day's are spent."""
        self.budget.spend()
        limit = next((limit for limit in self.limits if limit.lane == lane), None)
        if limit is None:
            return self._sent(action, label, writes)
        lane = f"{self.connection}/{lane}"
        slot, wait = self.pace.claim(lane, limit)
        while slot is None:
            self.world.sleep(wait)
            slot, wait = self.pace.claim(lane, limit)
        try:
            return self._sent(action, label, writes)
        finally:
            self.pace.free(lane, limit, slot)

    def _sent(self, action: Callable[[], T], label: str, writes: bool) -> T:
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

    def sleep(seconds: float) -> None:
        transport.waits()
        world.sleep(seconds)

    return Effects(transport, world.clock, sleep, world.random, transport.budget.allowed)
