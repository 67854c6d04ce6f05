"""Reads what changed in an audience: first the archived members, which are gone, then all others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from instep.contract import Garbled, Gone, Item, Page
from instep_mailchimp.walk import Walker
from instep_mailchimp.wire import Member, Odd

ARCHIVED: Final = "archived"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
AsItem = Callable[[Member], Item]


class _Cursor(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where a read stands.

    `since` is where it begins (everything, where there is none), `reached` how far this phase has come, `started`
    Mailchimp's own time when it began. `told` are the late archivings that the read before reported, and this one
    must not repeat; `dead` are those that it met itself.
    """

    phase: Literal["archived", "members"] = "archived"
    since: datetime | None = None
    reached: datetime | None = None
    started: datetime | None = None
    told: dict[str, datetime] = {}
    dead: dict[str, datetime] = {}

    def moved(self, **changes: Any) -> _Cursor:
        return msgspec.structs.replace(self, **changes)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_cursor: Final = msgspec.json.Decoder(_Cursor)


class ChangeReader:
    """Reads changes. While nothing changes, an audience costs two calls."""

    def __init__(self, walker: Walker, overlap: timedelta) -> None:
        self._walker = walker
        self._overlap = overlap

    def read(self, list_id: str, cursor: str | None, as_item: AsItem, fields: Sequence[str]) -> Iterator[Page]:
        """Yield pages of everything, or of what changed; archived members come first."""
        at = _cursor.decode(cursor) if cursor else _Cursor()
        if at.phase == "archived":
            at = yield from self._archived(list_id, at)
        for stretch in self._walker.walk(list_id, at.reached or at.since):
            items = tuple(_item(row, as_item) for row in stretch.rows if _is_alive(row))
            at = at.moved(reached=stretch.reached)
            yield Page(items, at.text())
        yield Page((), self._end(at).text())

    def _archived(self, list_id: str, at: _Cursor) -> Generator[Page, None, _Cursor]:
        for stretch in self._walker.walk(list_id, at.reached or at.since, ARCHIVED):
            if at.since is not None and stretch.at is not None and stretch.at < at.since:
                # The read before went by a clock that ran ahead: what changed since then would be skipped.
                return (yield from self._archived(list_id, _Cursor()))
            at = at.moved(started=at.started or stretch.at, reached=stretch.reached)
            rows = [row for row in stretch.rows if isinstance(row, Member)]
            news = [row for row in rows if at.told.get(row.contact_id, _EPOCH) < row.last_changed]
            at = at.moved(dead=at.dead | {row.contact_id: row.last_changed for row in rows})
            yield Page(tuple(Gone(row.contact_id, row.last_changed.astimezone(UTC)) for row in news), at.text())
        at = at.moved(phase="members", reached=None)
        yield Page((), at.text())
        return at

    def _end(self, at: _Cursor) -> _Cursor:
        """Where the next read begins: where this one began, and a little earlier."""
        begun = at.started or at.reached or at.since
        since = begun - self._overlap if begun else None
        late = {id: when for id, when in at.dead.items() if since and when >= since - timedelta(seconds=1)}
        return _Cursor(since=since, told=late)


def _is_alive(row: Member | Odd) -> bool:
    return isinstance(row, Odd) or row.status != ARCHIVED


def _item(row: Member | Odd, as_item: AsItem) -> Item:
    return Garbled(row.contact_id, row.reason) if isinstance(row, Odd) else as_item(row)
