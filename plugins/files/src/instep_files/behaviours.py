"""Behaviours: rows that say what somebody did, when, and to whom it belongs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Final, Literal, cast

from instep.contract import BehaviourGone, BehaviourPage, BehaviourSeen
from instep.model.values import Scalar
from instep_files.client import Content, FilesClient
from instep_files.settings import BehaviourSettings, FilesSettings
from instep_files.table import Row, Table, open_table
from instep_files.values import NO, decode

Actor = Literal["buyer", "seller", "system"]
PAGE: Final = 1000
_ACTORS: Final = ("buyer", "seller", "system")
_log = logging.getLogger(__name__)


class FilesBehaviours:
    """The feeds that sync.toml declares under `behaviours`. Each file's content is its own cursor.

    Only a row can say that it was withdrawn, or that it is of another kind now. One that is not there says nothing:
    exports are often partial.
    """

    kinds_vary = True

    def __init__(self, client: FilesClient, settings: FilesSettings) -> None:
        self._client = client
        self._feeds = settings.behaviours

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every value that occurs in a feed's column of kinds."""
        found: dict[str, None] = {}
        for feed in self._feeds.values():
            table = open_table(self._client.read(feed.file), feed)
            for row in table.rows():
                if not row.problem and (kind := _text(row, table, feed.kind)):
                    found[kind] = None
        return tuple(found)

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Every row of each file that changed. A row that cannot be read is left out, with a warning in the log."""
        marks: dict[str, str] = json.loads(cursor) if cursor else {}
        for name, feed in self._feeds.items():
            content = self._client.read(feed.file)
            digest = feed.digest_of(content.digest)
            if marks.get(name) != digest:
                items = _told(name, feed, content, frozenset(kinds), is_first=name not in marks)
                for first in range(0, len(items) - PAGE, PAGE):
                    yield BehaviourPage(items[first : first + PAGE], json.dumps(marks))
                marks = {**marks, name: digest}
                yield BehaviourPage(items[max(0, (len(items) - 1) // PAGE * PAGE) :], json.dumps(marks))
        yield BehaviourPage((), json.dumps(marks))


def _told(
    name: str, feed: BehaviourSettings, content: Content, kinds: frozenset[str], *, is_first: bool
) -> tuple[BehaviourSeen | BehaviourGone, ...]:
    """What the rows say. One of a kind that was not asked for may have been of another when it was read before."""
    table = open_table(content, feed)
    found: list[BehaviourSeen | BehaviourGone] = []
    problems: list[str] = []
    for row in table.rows():
        try:
            item = _item(name, feed, table, row)
        except ValueError as error:
            problems.append(str(error))
            continue
        if isinstance(item, BehaviourGone) or item.kind in kinds:
            found.append(item)
        elif not is_first:
            found.append(BehaviourGone(item.id))
    if problems:
        _log.warning("%s of %s left out. The first: %s", len(problems), table.name, problems[0])
    return tuple(found)


def _item(name: str, feed: BehaviourSettings, table: Table, row: Row) -> BehaviourSeen | BehaviourGone:
    key = table.key_of(row)
    if problem := table.problem_of(row, key):
        raise ValueError(problem)
    if _is_withdrawn(feed, table, row):
        return BehaviourGone(f"{name}:{key}")
    return _seen(f"{name}:{key}", feed, table, row)


def _is_withdrawn(feed: BehaviourSettings, table: Table, row: Row) -> bool:
    said = _text(row, table, feed.withdrawn).strip().lower() if feed.withdrawn else ""
    return bool(said) and said not in NO


def _seen(id: str, feed: BehaviourSettings, table: Table, row: Row) -> BehaviourSeen:
    details = {column: _value(feed, table, row, column) for column in table.places}
    at = details[feed.at]
    if isinstance(at, date) and not isinstance(at, datetime):
        at = datetime.combine(at, time(), UTC)
    if not isinstance(at, datetime):
        raise ValueError(f"Line {row.line} of {table.name} does not say when it happened ({feed.at}).")
    return BehaviourSeen(
        id=id,
        kind=_text(row, table, feed.kind),
        at=at,
        actor=_actor(feed, table, row),
        subjects=tuple((target, id) for column, target in feed.references.items() for id in _keys(details[column])),
        email=(_text(row, table, feed.email) or None) if feed.email else None,
        details=details,
    )


def _actor(feed: BehaviourSettings, table: Table, row: Row) -> Actor:
    said = _text(row, table, feed.actor_column).strip().lower() if feed.actor_column else ""
    if said and said not in _ACTORS:
        raise ValueError(f'Line {row.line} of {table.name}: {feed.actor_column} is "{said[:80]}", which is no actor.')
    return cast(Actor, said) if said else feed.actor


def _keys(value: Scalar) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (() if value is None else (str(value),))


def _text(row: Row, table: Table, column: str) -> str:
    cell = row.cells[table.places[column]]
    return cell if isinstance(cell, str) else "; ".join(cell)


def _value(feed: BehaviourSettings, table: Table, row: Row, column: str) -> Scalar:
    cell = row.cells[table.places[column]]
    try:
        return decode(cell, feed.type_of(column))
    except ValueError as error:
        raise ValueError(f'Line {row.line} of {table.name}: {column} is "{str(cell)[:80]}", which {error}.') from None
