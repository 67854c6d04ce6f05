"""Noting which entities changed since their columns were built: the database does it, so no writer can forget.

A trigger does nothing while there are no columns. Whoever changes one writes a migration that makes them all anew:
a state keeps the triggers that it was made with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_BUILT = "EXISTS (SELECT 1 FROM meta WHERE key = 'columns')"
_RECORD = "SELECT entity FROM mirror WHERE connection = {0}.connection AND object = {0}.object AND id = {0}.{1}"
_JOURNEY = "SELECT entity FROM journey WHERE id = {0}.journey"
_TOOK_PART = (
    "SELECT m.entity FROM behaviour_subject s JOIN mirror m ON m.connection = s.connection AND m.object = s.object "
    "AND m.id = s.record WHERE s.connection = {0}.connection AND s.behaviour = {0}.{1}"
)
_HAS_ADDRESS = (
    "SELECT m.entity FROM key k JOIN mirror m ON m.connection = k.connection AND m.object = k.object AND m.id = k.id "
    "WHERE k.kind IN ('company', 'opportunity', 'person') AND k.name = 'email' AND k.value = {0}.email"
)
_ADDRESSED = (
    "SELECT m.entity FROM behaviour b JOIN key k ON k.kind IN ('company', 'opportunity', 'person') "
    "AND k.name = 'email' AND k.value = b.email JOIN mirror m ON m.connection = k.connection "
    "AND m.object = k.object AND m.id = k.id WHERE b.connection = {0}.connection AND b.id = {0}.behaviour"
)


class _Watched(NamedTuple):
    """A table that columns are built from."""

    named_by: tuple[str, ...]
    """What tells whom a row is about."""
    seen: tuple[str, ...]
    """What else of a row the columns show."""
    whom: tuple[str, ...]
    """The entities that a row is about."""
    counts: str = "1"
    """Which rows are about anybody at all."""


_REF = ("connection", "object", "id")
_NAMED = ("connection", "object", "record")
_ITS_RECORD = _RECORD.format("{0}", "id")
_RECORD_NAMED = _RECORD.format("{0}", "record")
_POSITION = ("kind", "stage", "since", "outcome", "closed_at", "opened_at", "segment", "continues_as")
_HALVES = ("half", "detour", "detour_since")
_CLAIMED = ("at", "type", "value", "source", "doer", "accepted", "note", "expires", "ended")

_WATCHED = {
    "entity": _Watched(("id",), ("kind", "fields", "score", "shown", "segment", "dirty", "due_at"), ("{0}.id",)),
    "relation": _Watched(("entity",), ("name", "to_entity"), ("{0}.entity",), "{0}.name = 'company'"),
    "mirror": _Watched(
        _REF, ("fields", "modified_at", "state", "entity", "dirty"), ("{0}.entity",), "{0}.entity IS NOT NULL"
    ),
    "base": _Watched(_REF, ("heard", "sent"), (_ITS_RECORD,)),
    "undone": _Watched(_REF, ("field",), (_ITS_RECORD,)),
    "key": _Watched(_REF, ("kind", "name", "value"), (_ITS_RECORD,), "{0}.name = 'email'"),
    "journey": _Watched(("id", "entity"), (*_POSITION, *_HALVES), ("{0}.entity",)),
    "claim": _Watched(("journey",), _CLAIMED, (_JOURNEY,)),
    "behaviour": _Watched(
        ("connection", "id"),
        ("kind", "key", "at", "actor", "email"),
        (_TOOK_PART.format("{0}", "id"), _HAS_ADDRESS),
        "{0}.key IS NOT NULL",
    ),
    "behaviour_subject": _Watched(
        (*_NAMED, "behaviour"), (), (_RECORD_NAMED, _TOOK_PART.format("{0}", "behaviour"), _ADDRESSED)
    ),
    "conflict": _Watched(("entity",), ("state", "pending"), ("{0}.entity",)),
    "question": _Watched(("subject",), (), ("{0}.subject",)),
    "tombstone": _Watched(("entity",), (), ("{0}.entity",)),
    "quarantine": _Watched((*_NAMED, "entity"), (), ("{0}.entity", _RECORD_NAMED)),
    "journal": _Watched(
        (*_NAMED, "entity"), ("state",), ("{0}.entity", _RECORD_NAMED), "{0}.state IN ('intended', 'unknown')"
    ),
}


def trigger_statements() -> Iterator[str]:
    """One statement for each trigger, three for each table that columns are built from."""
    for table, watched in _WATCHED.items():
        columns, when = (*watched.named_by, *watched.seen), watched.counts
        old, new = ([end.format(row) for end in watched.whom] for row in ("OLD", "NEW"))
        yield _trigger(table, "insert", "INSERT", when.format("NEW"), new)
        yield _trigger(table, "delete", "DELETE", when.format("OLD"), old)
        either = f"({when.format('OLD')} OR {when.format('NEW')})"
        differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
        yield _trigger(table, "update", f"UPDATE OF {', '.join(columns)}", f"{either} AND ({differs})", old + new)


def _trigger(table: str, name: str, event: str, when: str, whom: list[str]) -> str:
    notes = " ".join(map(_note, whom))
    return f"CREATE TRIGGER {table}_{name} AFTER {event} ON {table} WHEN {when} AND {_BUILT} BEGIN {notes} END"


def _note(whom: str) -> str:
    """An `OR IGNORE` would give way to what the outer statement says of doubles; the clause does not."""
    found = whom if whom.startswith("SELECT") else f"SELECT {whom} AS entity"
    return (
        f"INSERT INTO touched SELECT entity FROM ({found}) WHERE entity IS NOT NULL "  # noqa: S608
        "ON CONFLICT (entity) DO NOTHING;"
    )
