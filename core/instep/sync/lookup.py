"""Looking up what people name: by our own id, a key, a record's id, or what somebody is known as.

Among a million, too: the indexes begin with what kind of key it is, and with where a record is, so each of these few
is looked through by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from instep.errors import ConfigError
from instep.model.entities import Kind
from instep.store import Store
from instep.sync.labels import LABELS
from instep.sync.ledger import Ref


def find_entity(store: Store, key: str) -> list[tuple[str, Kind]]:
    """The entities that a key names: an instep_id, a key of theirs, a record's id, or what people know them by."""
    wanted = key.strip()
    rows = (
        store.rows("SELECT id, kind FROM entity WHERE id = ?", (wanted,))
        or _linked(store, records_by_key(store, wanted))
        or _linked(store, records_by_id(store, wanted))
        or _known_as(store, wanted)
    )
    return [(row[0], Kind(row[1])) for row in sorted(set(rows))]


def require_entity(store: Store, key: str) -> list[tuple[str, Kind]]:
    """The same; raises `ConfigError` where the key names nothing."""
    found = find_entity(store, key)
    if not found:
        raise ConfigError(
            f"Nothing is known by {key!r}. Give an e-mail address, a domain, a name, a record id or an instep_id."
        )
    return found


def records_by_key(store: Store, key: str) -> list[Ref]:
    """The records that hold a key, of whatever sort it is."""
    query = "SELECT connection, object, id FROM key WHERE kind = ? AND name = ? AND value IN (?, ?)"
    either = (key.lower(), key.casefold())
    found = {
        Ref(*row) for sort in _different(store, "key", "kind", "name") for row in store.rows(query, sort + either)
    }
    return sorted(found)


def records_by_id(store: Store, key: str) -> list[Ref]:
    """The records with an id, in whichever system; or the one that "connection/object/id" names."""
    places = [Ref(*place, key) for place in _different(store, "mirror", "connection", "object")]
    places += [Ref(*key.split("/", 2))] if key.count("/") >= 2 else []
    query = "SELECT 1 FROM mirror WHERE connection = ? AND object = ? AND id = ?"
    return [ref for ref in places if store.row(query, ref)]


def _different(store: Store, table: str, first: str, second: str) -> Iterator[tuple[str, str]]:
    """The few different pairs in the columns that an index begins with, each found by a step of its own."""
    next_first = f"SELECT min({first}) FROM {table} WHERE {first} > ?"  # noqa: S608  # our own words
    next_second = f"SELECT min({second}) FROM {table} WHERE {first} = ? AND {second} > ?"  # noqa: S608  # the same
    one = ""
    while one := _only(store.row(next_first, (one,))):
        other = ""
        while other := _only(store.row(next_second, (one, other))):
            yield one, other


def _only(row: tuple[Any, ...] | None) -> str:
    return str(row[0]) if row and row[0] is not None else ""


def _linked(store: Store, refs: list[Ref]) -> list[tuple[Any, ...]]:
    """Whose records these are."""
    query = (
        "SELECT e.id, e.kind FROM mirror m JOIN entity e ON e.id = m.entity "
        "WHERE m.connection = ? AND m.object = ? AND m.id = ?"
    )
    return [row for ref in refs for row in store.rows(query, ref)]


def _known_as(store: Store, name: str) -> list[tuple[Any, ...]]:
    """The entities whose label this is. Every row is looked through: seconds for a million."""
    shown = " OR ".join(f"json_extract(CAST(fields AS TEXT), '$.{label}') = ?2" for label in LABELS)
    query = f"SELECT id, kind FROM entity WHERE CASE WHEN instr(fields, ?1) THEN {shown} END"  # noqa: S608  # our own
    return store.rows(query, (json.dumps(name, ensure_ascii=False).encode(), name))
