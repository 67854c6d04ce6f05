"""Calls by which another process steers a sandbox; they are not in the request log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from instep.sandbox.clock import Clock, VirtualClock
from instep.sandbox.http import Request, Response
from instep.sandbox.log import CallLog
from instep.sandbox.routes import Route, Routes

Load = Callable[[str, list[dict[str, Any]]], list[str]]
"""Puts records of one object in, and gives their ids. What it raises has a `message`, or is a `ValueError`."""


class Controls(Protocol):
    """What a vendor's imitation lets others steer."""

    def reset(self) -> None:
        """Return to the state at the start."""
        ...

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Put records of one object in; gives their ids. Refuses objects and fields that nobody knows."""
        ...

    def snapshot(self) -> dict[str, object]:
        """Everything the sandbox holds, as plain values."""
        ...

    def quota(self) -> dict[str, object]:
        """How many calls are used and allowed."""
        ...

    def flush(self) -> None:
        """Let the search index hear of every change."""
        ...


def control_routes(controls: Controls, clock: Clock, log: Callable[[], CallLog]) -> Routes:
    """The table of control calls under `/_sandbox/`."""

    def reset(_: Request) -> Response:
        controls.reset()
        log().clear()
        return Response(204)

    def snapshot(_: Request) -> Response:
        return Response.of(controls.snapshot())

    def tell_time(_: Request) -> Response:
        return Response.of({"now": clock.now().isoformat()})

    def move_time(request: Request) -> Response:
        if not isinstance(clock, VirtualClock):
            raise ValueError("This sandbox lives by the machine's clock. Start it with a virtual one.")
        clock.advance(timedelta(seconds=_seconds(request.json())))
        return tell_time(request)

    def quota(_: Request) -> Response:
        return Response.of(controls.quota())

    def read_log(_: Request) -> Response:
        return Response.of({"calls": [call.to_dict() for call in log().calls()]})

    def clear_log(_: Request) -> Response:
        log().clear()
        return Response(204)

    def flush(_: Request) -> Response:
        controls.flush()
        return Response(204)

    return Routes(
        [
            Route("POST", "/_sandbox/reset", reset, "control.reset"),
            seed_route(controls.load),
            Route("GET", "/_sandbox/snapshot", snapshot, "control.snapshot"),
            Route("GET", "/_sandbox/clock", tell_time, "control.clock"),
            Route("POST", "/_sandbox/clock", move_time, "control.clock"),
            Route("GET", "/_sandbox/quota", quota, "control.quota"),
            Route("GET", "/_sandbox/log", read_log, "control.log"),
            Route("DELETE", "/_sandbox/log", clear_log, "control.log"),
            Route("POST", "/_sandbox/flush", flush, "control.flush"),
        ]
    )


def seed_route(load: Load) -> Route:
    """The control by which `instep sandbox load` puts records in."""

    def seed(request: Request) -> Response:
        return Response.of(load_all(load, request.json()))

    return Route("POST", "/_sandbox/seed", seed, "control.seed")


def load_all(load: Load, body: object) -> dict[str, list[str]]:
    """Put records in by object; gives their ids. Raises `ValueError` for what is no list of records, or refused."""
    if not isinstance(body, dict) or not all(map(_are_records, body.values())):
        raise ValueError("It is no JSON of records by object. Write {OBJECT: [{FIELD: VALUE}]}.")
    return {object: _loaded(load, object, records) for object, records in body.items()}


def _are_records(rows: object) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _loaded(load: Load, object: str, records: list[dict[str, Any]]) -> list[str]:
    try:
        return load(object, records)
    except Exception as refused:
        said = getattr(refused, "message", None) or (str(refused) if isinstance(refused, ValueError) else None)
        if said is None:
            raise
        raise ValueError(
            f'"{object}" is refused: {said.rstrip(".")}. Name objects and fields as the system\'s API does.'
        ) from None


def _seconds(body: object) -> float:
    seconds = body.get("advance_seconds") if isinstance(body, dict) else None
    if not isinstance(seconds, int | float):
        raise ValueError('The clock needs a number of seconds. Send {"advance_seconds": 60}.')
    return float(seconds)
