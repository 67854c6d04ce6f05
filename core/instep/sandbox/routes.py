"""Which handler answers which call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from instep.sandbox.http import Request, Response

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the vendor's API, e.g. `Route("GET", "/contacts/{id}", read, "contacts.read")`.

    `writes` says whether a call asks for a change; left out, every verb but GET does. An operation that carries
    others says it for each request.
    """

    method: str
    template: str
    handler: Handler
    label: str
    writes: bool | Callable[[Request], bool] | None = None

    def is_write(self, request: Request) -> bool:
        """Whether a call of this operation asks for a change."""
        if self.writes is None:
            return self.method not in {"GET", "HEAD"}
        return self.writes if isinstance(self.writes, bool) else self.writes(request)


@dataclass(frozen=True, slots=True)
class Match:
    """A route found for a call, with the values of its path parameters."""

    route: Route
    params: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    open: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)


class Routes:
    """A table of routes; a fixed path segment is preferred to a parameter."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._root = _Node()
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        """Take in one more route."""
        node = self._root
        for segment in _segments(route.template):
            if segment.startswith("{"):
                node.open = node.open or _Node()
                node = node.open
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.routes[route.method] = route

    def find(self, method: str, path: str) -> Match | None:
        """The route for a call; a trailing slash makes no difference."""
        segments = [unquote(segment) for segment in _segments(path)]
        for node in _walk(self._root, segments):
            if (route := node.routes.get(method)) is not None:
                return Match(route, dict(_params(route.template, segments)))
        return None

    def methods(self, path: str) -> frozenset[str]:
        """The verbs that a path knows; empty for an unknown path."""
        nodes = _walk(self._root, [unquote(segment) for segment in _segments(path)])
        return frozenset(method for node in nodes for method in node.routes)


def _walk(node: _Node, segments: list[str]) -> Iterable[_Node]:
    if not segments:
        if node.routes:
            yield node
        return
    if (child := node.fixed.get(segments[0])) is not None:
        yield from _walk(child, segments[1:])
    if node.open is not None:
        yield from _walk(node.open, segments[1:])


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _params(template: str, segments: list[str]) -> Iterable[tuple[str, str]]:
    for name, value in zip(_segments(template), segments, strict=True):
        if name.startswith("{"):
            yield name[1:-1], value
