"""What a plugin's sandbox hands to the test or command that opened it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from instep.sandbox.clock import Clock
from instep.sandbox.faults import Faults
from instep.sandbox.log import CallLog
from instep.sandbox.personality import Personality

W = TypeVar("W")


class Sandbox(Generic[W]):
    """A running imitation of a vendor.

    `settings` is what a connection's table in sync.toml would say to reach it, `log` what it was asked,
    `world` the hands of the vendor's users, `faults` what shall go wrong next.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, object],
        url: str,
        log: CallLog,
        clock: Clock,
        world: W,
        faults: Faults,
        read_personality: Callable[[], Personality],
        change_personality: Callable[[Personality], None],
    ) -> None:
        self.settings = dict(settings)
        self.url = url
        self.log = log
        self.clock = clock
        self.world = world
        self.faults = faults
        self._read_personality = read_personality
        self._change_personality = change_personality

    @property
    def personality(self) -> Personality:
        """How the sandbox behaves now; assign another to change it while it runs."""
        return self._read_personality()

    @personality.setter
    def personality(self, personality: Personality) -> None:
        self._change_personality(personality)


class SeededIds:
    """Identifiers that are the same on every run with the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._next = 951 + 100_000 * seed

    def number(self) -> int:
        """The next whole number; numbers only grow."""
        self._next += 1
        return self._next

    def uuid(self) -> str:
        """The next unique name."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
