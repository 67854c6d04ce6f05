"""Query locators: results that are read page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.ids import Ids, normalise

Render = Callable[[list[str]], list[dict[str, object]]]


@dataclass(slots=True)
class Cursor:
    """The ids of one result, and how to show them."""

    id: str
    user: str
    made: datetime
    ids: list[str]
    render: Render
    page: int
    read: int = 0


class Cursors:
    """The results that are still being read."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._open: dict[str, Cursor] = {}

    def open(self, user: str, now: datetime, ids: list[str], render: Render, page: int) -> Cursor:
        """Keep a result."""
        cursor = Cursor(self._ids.new("01g"), user, now, ids, render, page)
        self._open[cursor.id] = cursor
        return cursor

    def get(self, locator: str, user: str, oldest: datetime) -> tuple[Cursor, int]:
        """The result that a locator such as `01g…-2000` names, and where to go on."""
        id, _, place = locator.partition("-")
        cursor = self._open.get(normalise(id) or "")
        if cursor is None or cursor.user != user or cursor.made <= oldest or not place.isdigit():
            raise lost()
        if int(place) > len(cursor.ids):
            raise lost()
        return cursor, int(place)

    def close(self, id: str) -> None:
        """Forget a result."""
        self._open.pop(id, None)

    def close_all(self) -> None:
        """Forget every result."""
        self._open.clear()


def lost() -> RefusedError:
    """400: there is no such locator, or no longer."""
    return RefusedError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
