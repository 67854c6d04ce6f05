"""A vendor's sandbox that a story can put back, and that notes which records our calls changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from instep.sandbox import CallLog, FaultKind, Faults, Request, Response, Route, Routes, SandboxServer

from .effects import Time
from .place import Applied

Reader = Callable[[int, str, Request, Response], Iterable[Applied]]
"""What a call changed: its number, its operation's label, what was asked and what was answered."""

Meddler = Callable[[str, Request, Callable[[], Response]], Response]
"""Answers in the vendor's place: what was asked under which label, and how the vendor would answer it."""


@dataclass
class Noted:
    """A vendor's service, with a note of every call that asked for a change, answered to us or not."""

    make: Callable[[], Any]
    """A new service on what the vendor holds: a service remembers answers of its own."""
    read: Reader
    calls: int = 0
    applied: list[Applied] = field(default_factory=list)
    meddler: Meddler | None = None

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget everything that is not part of what the vendor holds."""
        self._service, self.meddler = self.make(), None
        self.calls, self.applied = 0, []

    @property
    def routes(self) -> Routes:
        routes: Routes = self._service.routes
        return routes

    def canonical(self, path: str) -> str:
        return str(self._service.canonical(path))

    def answer(self, request: Request, route: Route | None) -> Response:
        response = self._answered(request, route)
        if route is not None and route.is_write(request):
            self.applied += self.read(self.calls, route.label, request, response)
            self.calls += 1
        elif route is not None:
            self.applied += self.read(-1, route.label, request, response)
        return response

    def _answered(self, request: Request, route: Route | None) -> Response:
        def answer() -> Response:
            response: Response = self._service.answer(request, route)
            return response

        return self.meddler(route.label, request, answer) if route and self.meddler else answer()

    def throttled(self, request: Request) -> Response:
        refusal: Response = self._service.throttled(request)
        return refusal

    def failed(self, request: Request) -> Response:
        refusal: Response = self._service.failed(request)
        return refusal


class ServedPlace:
    """What every place has that is a vendor behind loopback."""

    _noted: Noted
    _server: SandboxServer

    def close(self) -> None:
        self._server.close()

    @property
    def log(self) -> CallLog:
        """Every request that arrived, reads too."""
        return self._server.log

    @property
    def faults(self) -> Faults:
        """What shall go wrong on the way."""
        return self._server.faults

    def meddle(self, meddler: Meddler | None) -> None:
        """Let somebody else answer in the vendor's place, until the place is put back."""
        self._noted.meddler = meddler

    @property
    def calls(self) -> int:
        return self._noted.calls

    @property
    def applied(self) -> list[Applied]:
        return self._noted.applied

    def lose(self, after: int, times: int) -> None:
        """Reset the connection after some writes took effect."""
        self._server.faults.add("*", FaultKind.RESET_AFTER, times, writes_only=True, after=after)

    def go_wrong(self, kind: FaultKind, after: int, times: int) -> None:
        self._server.faults.add("*", kind, times, after=after)


def serve(noted: Noted, time: Time, personality: Callable[[], Any]) -> SandboxServer:
    """Serve it on loopback, by the story's time."""
    return SandboxServer(noted, clock=time, personality=personality)
