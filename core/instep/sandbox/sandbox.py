"""What a plugin's sandbox hands to the test or command that opened it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Generic, TypeVar

from instep.sandbox.opening import State
from instep.sandbox.personality import Personality
from instep.sandbox.server import SandboxServer

W = TypeVar("W")


class Sandbox(Generic[W]):
    """A running imitation of a vendor.

    `settings` is what a connection's table in sync.toml would say to reach it, `log` what it was asked,
    `world` the hands of the vendor's users, `faults` what shall go wrong next.
    """

    def __init__(
        self,
        server: SandboxServer,
        state: State,
        *,
        settings: Mapping[str, object],
        world: W,
    ) -> None:
        self.settings = dict(settings)
        self.url = server.url
        self.log = server.log
        self.faults = server.faults
        self.clock = state.clock
        self.world = world
        self._state = state

    @property
    def personality(self) -> Personality:
        """How the sandbox behaves now; assign another to change it while it runs."""
        return self._state.personality

    @personality.setter
    def personality(self, personality: Personality) -> None:
        self._state.behave(personality)


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
