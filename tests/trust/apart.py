"""A system in a process of its own, which outlives every run that is killed; and the machine's own time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from .effects import Time
from .in_hubspot import hubspot_place
from .in_salesforce import salesforce_place

PATIENCE_SECONDS = 30
UNHURRIED = {"calls_per_10_seconds": 1_000_000, "search_calls_per_second": 1_000_000}


class MachineTime(Time):
    """The machine's clock, which nobody puts back."""

    def __init__(self) -> None:
        """Nothing to set."""

    @property
    def at(self) -> datetime:  # type: ignore[override]
        return datetime.now(UTC)

    @at.setter
    def at(self, moment: datetime) -> None:
        """Time passes by itself."""


class Apart:
    """A place in another process: whatever is asked of it is asked there."""

    def __init__(self, wire: Connection) -> None:
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        self._wire.send(("get", name, (), {}))
        value = self._answer()
        return self._call(name) if value is Ellipsis else value

    def _call(self, name: str) -> Any:
        def call(*given: object, **named: object) -> Any:
            self._wire.send(("call", name, given, named))
            return self._answer()

        return call

    def _answer(self) -> Any:
        if not self._wire.poll(PATIENCE_SECONDS):
            raise TimeoutError("The process of a system does not answer")
        found, value = self._wire.recv()
        if found == "raised":
            raise value
        return value


@contextmanager
def apart(kind: str, name: str) -> Iterator[Apart]:
    """A HubSpot account or a Salesforce org that is served by another process."""
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=serve, args=(kind, name, there), daemon=True)
    process.start()
    there.close()
    try:
        yield Apart(here)
    finally:
        here.close()
        process.join(PATIENCE_SECONDS)


def serve(kind: str, name: str, wire: Connection) -> None:
    """Do what the other side asks until it hangs up."""
    time = MachineTime()
    opened = hubspot_place(name, time, **UNHURRIED) if kind == "hubspot" else salesforce_place(name, time)
    with opened as place:
        while True:
            try:
                verb, what, given, named = wire.recv()
            except EOFError:
                return
            try:
                wire.send(("gave", _answer(getattr(place, what), verb, given, named)))
            except Exception as error:
                wire.send(("raised", error))


def _answer(found: Any, verb: str, given: tuple[object, ...], named: dict[str, object]) -> Any:
    """What is found; an ellipsis in the place of something that has to be called."""
    if verb == "call":
        return found(*given, **named)
    return ... if callable(found) else found
