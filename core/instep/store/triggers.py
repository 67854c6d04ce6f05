"""Noting which entities changed since their columns were built: the database does it, so no writer can forget.

A trigger does nothing while there are no columns. Whoever changes one writes a migration that makes them all anew:
a state keeps the triggers that it was made with.
"""

from __future__ import annotations

from collections.abc import Iterator

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

_OF: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "mirror": ("{0}.entity IS NOT NULL", ("fields", "modified_at", "state", "entity", "dirty"), ("{0}.entity",)),
    "base": ("1", ("heard", "sent"), (_RECORD.format("{0}", "id"),)),
    "undone": ("1", ("field",), (_RECORD.format("{0}", "id"),)),
    "key": ("{0}.name = 'email'", ("kind", "name", "value"), (_RECORD.format("{0}", "id"),)),
    "entity": ("1", ("kind", "fields", "score", "shown", "segment", "dirty", "due_at"), ("{0}.id",)),
    "relation": ("{0}.name = 'company'", ("name", "to_entity"), ("{0}.entity",)),
    "journey": (
        "1",
        ("kind", "stage", "since", "outcome", "closed_at", "opened_at", "segment", "continues_as"),
        ("{0}.entity",),
    ),
    "claim": ("1", ("at", "type", "value", "source", "accepted", "note", "expires"), (_JOURNEY,)),
    "conflict": ("1", ("state", "pending"), ("{0}.entity",)),
    "question": ("1", ("subject",), ("{0}.subject",)),
    "tombstone": ("1", ("entity",), ("{0}.entity",)),
    "quarantine": ("1", ("object", "record"), ("{0}.entity", _RECORD.format("{0}", "record"))),
    "journal": ("{0}.state IN ('intended', 'unknown')", ("state",), ("{0}.entity", _RECORD.format("{0}", "record"))),
    "behaviour": (
        "{0}.key IS NOT NULL",
        ("kind", "key", "at", "actor", "email"),
        (_TOOK_PART.format("{0}", "id"), _HAS_ADDRESS),
    ),
    "behaviour_subject": (
        "1",
        (),
        (_RECORD.format("{0}", "record"), _TOOK_PART.format("{0}", "behaviour"), _ADDRESSED),
    ),
}
"""Table to: which of its rows count, what of them counts beside what names them, and whom such a row is about."""

_NAMED_BY = {
    "mirror": ("connection", "object", "id"),
    "base": ("connection", "object", "id"),
    "undone": ("connection", "object", "id"),
    "key": ("connection", "object", "id"),
    "entity": ("id",),
    "relation": ("entity",),
    "journey": ("id", "entity"),
    "claim": ("journey",),
    "conflict": ("entity",),
    "question": (),
    "tombstone": (),
    "quarantine": ("connection", "entity"),
    "journal": ("connection", "object", "record", "entity"),
    "behaviour": ("connection", "id"),
    "behaviour_subject": ("connection", "object", "record", "behaviour"),
}


def trigger_statements() -> Iterator[str]:
    """One statement for each trigger, three for each table that columns are built from."""
    for table, (counts, seen, whom) in _OF.items():
        looked_at = (*_NAMED_BY[table], *seen)
        differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in looked_at)
        either = f"({counts.format('OLD')} OR {counts.format('NEW')}) AND ({differs})"
        yield _trigger(table, "insert", "INSERT", counts.format("NEW"), [end.format("NEW") for end in whom])
        yield _trigger(table, "delete", "DELETE", counts.format("OLD"), [end.format("OLD") for end in whom])
        both = [end.format(row) for row in ("OLD", "NEW") for end in whom]
        yield _trigger(table, "update", f"UPDATE OF {', '.join(looked_at)}", either, both)


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
