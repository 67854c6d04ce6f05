"""Where the reading of each stream stands, and when there is nothing more to come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from instep.contract import BehaviourPage, Page
from instep.errors import RemoteError
from instep.sync.session import Live, Session

P = TypeVar("P", Page, BehaviourPage)
IDLE_PAGES = 100
"""So many pages in a row that bring nothing new, and a read would never end."""


def new_pages(live: Live, stream: str, pages: Iterable[P]) -> Iterator[P]:
    """The pages of a read, as long as there is something in them that it has not brought already."""
    known, idle = set[int](), 0
    for page in pages:
        brought = hash(tuple(item.id for item in page.items))
        idle = idle + 1 if brought in known else 0
        if idle == IDLE_PAGES:
            raise RemoteError(f"{live.name} ({stream}) gives page after page with nothing new. Run again later.")
        known.add(brought)
        yield page


def resume(session: Session, connection: str, stream: str, fields: Sequence[str]) -> str | None:
    """The stored cursor, unless a field is wanted that was not read so far: then everything is read anew."""
    found = session.store.row("SELECT cursor FROM cursor WHERE connection = ? AND stream = ?", (connection, stream))
    if found is None:
        return None
    stored = json.loads(found[0])
    return stored["cursor"] if set(fields) <= set(stored["fields"]) else None


def keep_cursor(session: Session, connection: str, stream: str, cursor: str, fields: Sequence[str]) -> None:
    """Note where to go on, inside the transaction that keeps what was read so far."""
    session.store.run(
        "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT (connection, stream) DO UPDATE SET "
        "cursor = excluded.cursor, read_at = excluded.read_at",
        (
            connection,
            stream,
            json.dumps({"cursor": cursor, "fields": list(fields)}),
            session.world.clock().isoformat(),
        ),
    )
