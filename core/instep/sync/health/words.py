"""What the mirror was seen to hold of a field; nothing before the first run."""

from __future__ import annotations

from instep.store import Store

_OF = "FROM mirror WHERE connection = ? AND object = ? AND state = 'live'"
_VALUE = "json_extract(CAST(fields AS TEXT), ?)"


def words_of(store: Store, connection: str, object: str, field: str) -> int:
    """How many characters the longest text has."""
    found = store.row(
        f"SELECT max(length({_VALUE})) {_OF} AND json_type(CAST(fields AS TEXT), ?) = 'text'",
        (_path(field), connection, object, _path(field)),
    )
    return int(found[0] or 0) if found else 0


def counted(store: Store, connection: str, object: str, field: str) -> dict[str, int]:
    """Every text, with how many records hold it."""
    rows = store.rows(
        f"SELECT {_VALUE}, count(*) {_OF} AND json_type(CAST(fields AS TEXT), ?) = 'text' GROUP BY 1 ORDER BY 1",
        (_path(field), connection, object, _path(field)),
    )
    return {str(value): count for value, count in rows if value}


def _path(field: str) -> str:
    """A field's name as a path into JSON. SQLite knows no escape: a name with a quotation mark is found nowhere."""
    return '$."' + field.replace('"', "\x00") + '"'
