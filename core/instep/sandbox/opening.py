"""Puts a vendor's imitation on a server: the same few lines for every sandbox that speaks HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from instep.sandbox.clock import Clock
from instep.sandbox.control import Controls, control_routes
from instep.sandbox.personality import Personality
from instep.sandbox.server import SandboxServer, Vendor


class State(Protocol):
    """What an imitation holds: its clock, and how it behaves."""

    clock: Clock

    @property
    def personality(self) -> Personality:
        """How it behaves now."""
        ...

    def behave(self, wanted: Personality) -> None:
        """Behave otherwise from now on."""
        ...


@contextmanager
def serving(
    vendor: Vendor, state: State, controls: Controls, *, port: int = 0, seed: int = 0
) -> Iterator[SandboxServer]:
    """A server for `vendor`, with its log, faults and control calls, for as long as the context lasts."""
    server = SandboxServer(
        vendor,
        clock=state.clock,
        personality=lambda: state.personality,
        control=control_routes(controls, state.clock, lambda: server.log),
        port=port,
        seed=seed,
    )
    with server:
        yield server
