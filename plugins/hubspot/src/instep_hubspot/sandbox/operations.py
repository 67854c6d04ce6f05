"""One operation of the imitated API: where it is, who may call it, what answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from instep.sandbox import Handler, Request, Response
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import iso

ScopeOf = Callable[[Request], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. Without `scope` any accepted token will do; an `open_to_all` one needs none."""

    method: str
    template: str
    handler: Handler
    label: str
    scope: ScopeOf | None = None
    writes: bool | None = None
    open_to_all: bool = False


def fixed(scope: str) -> ScopeOf:
    """The same scope for every call."""
    return lambda _: scope


def batch_reply(
    portal: Portal,
    results: Sequence[Mapping[str, object]],
    errors: Sequence[Mapping[str, object]] = (),
    status: int = 200,
) -> Response:
    """The answer to a batch: 207 as soon as one input failed."""
    now = iso(portal.now())
    body: dict[str, object] = {
        "status": "COMPLETE",
        "results": results,
        "requestedAt": now,
        "startedAt": now,
        "completedAt": now,
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Response.of(body, 207 if errors else status)


NOTHING = Response(204)
