"""What a system refused, and what is gone there: kept, so that neither is tried again blindly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from instep.contract import Rejected, Scalar
from instep.mapping.compiled import Quarantine
from instep.model.values import decode, display, encode
from instep.store import Store
from instep.sync.changes import Change, quarantine_key
from instep.sync.ledger import target
from instep.sync.remedies import remedy_of
from instep.sync.session import Session


def bury(session: Session, connection: str, entity: str, reason: str) -> None:
    """Bar creates for an entity in a connection, inside a transaction."""
    session.store.run(
        "INSERT OR IGNORE INTO tombstone (connection, entity, at, reason, run) VALUES (?, ?, ?, ?, ?)",
        (connection, entity, session.at.isoformat(), reason, session.run),
    )


def is_about_one_value(change: Change, refusal: Rejected) -> bool:
    """Whether a refusal names one value of an update, so that the others may pass."""
    return refusal.permanent and change.action == "update" and refusal.field in change.fields


def refused_values(session: Session, change: Change) -> dict[str, Scalar] | None:
    """The values that were refused to this record before, by field; None where nothing was."""
    row = session.store.row(
        "SELECT fields FROM quarantine WHERE connection = ? AND entity = ? AND action = ?", quarantine_key(change)
    )
    if row is None:
        return None
    return decode(row[0]) if row[0] else {}


def pardon(session: Session, change: Change) -> None:
    """A write was taken: nothing of it counts as refused any more."""
    refused = refused_values(session, change)
    if refused is None:
        return
    left = {name: value for name, value in refused.items() if name not in change.fields}
    key = quarantine_key(change)
    if left:
        session.store.run(
            "UPDATE quarantine SET fields = ?, modified_at = ? WHERE connection = ? AND entity = ? AND action = ?",
            (encode(left), _modified_at(session, change), *key),
        )
    else:
        session.store.run("DELETE FROM quarantine WHERE connection = ? AND entity = ? AND action = ?", key)


def quarantine(session: Session, change: Change, refusal: Rejected) -> None:
    """Keep a refusal: a write that was refused for good waits for a day, then two, four …; at last it is parked.

    Where one value of an update is what was refused, that value waits, and the others are sent without it.
    """
    key, fields = quarantine_key(change), refused_values(session, change) or {}
    tries, since = _again(session, change, refusal)
    if is_about_one_value(change, refusal):
        fields[str(refusal.field)] = change.fields[str(refusal.field)]
    session.store.run(
        "INSERT OR REPLACE INTO quarantine (connection, entity, action, object, record, digest, code, reason, "
        "fields, permanent, tries, run, since, due_at, files, modified_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *key,
            change.object,
            change.record,
            change.digest,
            refusal.code,
            refusal.reason,
            encode(fields) if fields else None,
            int(refusal.permanent),
            tries,
            session.run,
            since,
            next_try(session.workspace.quarantine, session.at, tries, permanent=refusal.permanent),
            session.workspace.digest,
            _modified_at(session, change),
        ),
    )
    session.ledger.look(change.target)
    session.ledger.quarantine(change.target, refusal.code)
    session.ledger.note(
        refusal.code, change.connection, refusal.reason, remedy_of(refusal.code).remedy, str(change.target)
    )


def next_try(limits: Quarantine, at: datetime, tries: int, *, permanent: bool) -> str | None:
    """When a write that was refused so often is due again; None when it is parked."""
    if tries >= (limits.tries if permanent else limits.passing_tries):
        return None
    wait = timedelta(hours=limits.wait_hours * 2 ** (tries - 1)) if permanent else timedelta()
    return (at + wait).isoformat()


def _again(session: Session, change: Change, refusal: Rejected) -> tuple[int, str]:
    """How often the same was refused by now, and since when: another value begins anew."""
    row = session.store.row(
        "SELECT tries, since, digest, fields FROM quarantine WHERE connection = ? AND entity = ? AND action = ?",
        quarantine_key(change),
    )
    if row is None:
        return 1, session.at.isoformat()
    tries, since, digest, fields = row
    refused = decode(fields) if fields else {}
    if is_about_one_value(change, refusal):
        is_same = refused.get(str(refusal.field), ()) == change.fields[str(refusal.field)]
    else:
        is_same = digest == change.digest
    return (tries + 1, since) if is_same else (1, session.at.isoformat())


def _modified_at(session: Session, change: Change) -> str | None:
    row = session.store.row(
        "SELECT modified_at FROM mirror WHERE connection = ? AND object = ? AND id = ?",
        (change.connection, change.object, change.record),
    )
    return row[0] if row else None


# --- what waits ------------------------------------------------------------------------------------------------

AT_ONCE = ""
"""The due date of what a person wants tried again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A write that a system refused, and when it is tried again."""

    connection: str
    object: str
    record: str | None
    entity: str
    action: str
    code: str
    reason: str
    tries: int
    run: int
    since: str
    due_at: str | None
    permanent: int

    @property
    def place(self) -> str:
        return str(target(self.connection, self.object, self.record, self.entity))

    @property
    def next_try(self) -> str:
        """When it is tried again, in words."""
        if self.due_at is None:
            return "parked: tried again when the value, the mapping or the record changes, or by instep retry"
        if self.due_at == AT_ONCE or not self.permanent:
            return "tried again in the next run"
        return f"tried again from {display(datetime.fromisoformat(self.due_at))} on"

    def as_json(self) -> dict[str, Any]:
        remedy = remedy_of(self.code)
        return {
            "record": self.place,
            "entity": self.entity,
            "action": self.action.split(":", 1)[0],
            "class": remedy.name,
            "meaning": remedy.text,
            "remedy": remedy.remedy,
            "code": self.code,
            "reason": self.reason,
            "tries": self.tries,
            "last_run": self.run,
            "since": self.since,
            "parked": self.due_at is None,
            "next_try": self.next_try,
        }


def read_waiting(store: Store, where: str = "1 = 1", given: Sequence[Any] = ()) -> list[Waiting]:
    """What was refused and waits, optionally only where a condition of ours holds."""
    columns = "connection, object, record, entity, action, code, reason, tries, run, since, due_at, permanent"
    order = "connection, object, record, entity, action"
    rows = store.rows(f"SELECT {columns} FROM quarantine WHERE {where} ORDER BY {order}", given)  # noqa: S608
    return [Waiting(*row) for row in rows]
