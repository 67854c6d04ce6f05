"""Reads what changed in an audience: who entered or left a segment, archived members, which are gone, all others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from instep.contract import Garbled, Gone, Item, Page
from instep_mailchimp.associations import Held, Segments, moved
from instep_mailchimp.walk import Walker
from instep_mailchimp.wire import ARCHIVED, Member, Odd

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 100
_MOST_BY_ONE: Final = 1000
"""So many members are read one by one at most; above that, reading the whole audience takes fewer calls."""
AsItem = Callable[[Member, Held], Item]


class _Cursor(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where a read stands.

    `since` is where it begins (everything, where there is none), `reached` how far this phase has come, `started`
    Mailchimp's own time when it began. `told` are the late archivings that the read before reported, and this one
    must not repeat; `dead` are those that it met itself. `segments` is who was in each segment when it was read last.
    """

    phase: Literal["archived", "members"] = "archived"
    since: datetime | None = None
    reached: datetime | None = None
    started: datetime | None = None
    told: dict[str, datetime] = {}
    dead: dict[str, datetime] = {}
    segments: dict[str, list[str]] = {}

    @property
    def held(self) -> Held:
        """Who was in each segment."""
        return {name: frozenset(members) for name, members in self.segments.items()}

    def moved(self, **changes: Any) -> _Cursor:
        return msgspec.structs.replace(self, **changes)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_cursor: Final = msgspec.json.Decoder(_Cursor)


class ChangeReader:
    """Reads changes. While nothing changes, an audience costs two calls, and segments what it takes to read them."""

    def __init__(self, walker: Walker, segments: Segments, overlap: timedelta) -> None:
        self._walker, self._segments, self._overlap = walker, segments, overlap

    def read(self, list_id: str, cursor: str | None, as_item: AsItem, fields: Sequence[str]) -> Iterator[Page]:
        """Yield pages of everything, or of what changed: of segments, archived members, then all others."""
        at = _cursor.decode(cursor) if cursor else _Cursor()
        at = at.moved(segments={name: members for name, members in at.segments.items() if name in fields})
        held = self._segments.held(list_id, fields, at.held)
        at = yield from self._moved(list_id, at, held, as_item, is_first=cursor is None)
        if at.phase == "archived":
            at = yield from self._archived(list_id, at)
        for stretch in self._walker.walk(list_id, at.reached or at.since):
            items = tuple(_item(row, as_item, held) for row in stretch.rows if _is_alive(row))
            at = at.moved(reached=stretch.reached)
            yield Page(items, at.text())
        yield Page((), self._end(at).text())

    def _moved(
        self, list_id: str, at: _Cursor, held: Held, as_item: AsItem, *, is_first: bool
    ) -> Generator[Page, None, _Cursor]:
        """Who entered or left a segment, read one by one; of very many, everybody is read anew, which costs less.

        The cursor of each page believes what was told until then: whoever comes back after a read that was stopped is
        heard once more. A segment that is not there now keeps its last members, so that whoever left meanwhile is
        told when it is there again.
        """
        ids = [] if is_first else moved(at.held, held)
        if len(ids) > _MOST_BY_ONE:
            at, ids = _Cursor(segments=at.segments), []
        before, told = at.held, frozenset[str]()
        for start in range(0, len(ids), _AT_ONCE):
            chunk = ids[start : start + _AT_ONCE]
            found = [self._segments.look_up(list_id, id) for id in chunk]
            told |= frozenset(chunk)
            at = at.moved(segments=at.segments | _so_far(before, held, told))
            yield Page(tuple(_item(row, as_item, held) for row in found if row is not None), at.text())
        return at.moved(segments=at.segments | {name: sorted(members) for name, members in held.items()})

    def _archived(self, list_id: str, at: _Cursor) -> Generator[Page, None, _Cursor]:
        for stretch in self._walker.walk(list_id, at.reached or at.since, ARCHIVED):
            if at.since is not None and stretch.at is not None and stretch.at < at.since:
                # The read before went by a clock that ran ahead: what changed since then would be skipped.
                return (yield from self._archived(list_id, _Cursor(segments=at.segments)))
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
        return _Cursor(since=since, told=late, segments=at.segments)


def _so_far(before: Held, now: Held, told: frozenset[str]) -> dict[str, list[str]]:
    """Who is in each segment, of those who were told as it is now, of all others as it was before."""
    return {name: sorted((before.get(name, frozenset()) - told) | (members & told)) for name, members in now.items()}


def _is_alive(row: Member | Odd) -> bool:
    return isinstance(row, Odd) or row.status != ARCHIVED


def _item(row: Member | Odd, as_item: AsItem, held: Held) -> Item:
    return Garbled(row.contact_id, row.reason) if isinstance(row, Odd) else as_item(row, held)
