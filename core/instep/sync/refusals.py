"""What a system refused, and what is gone there: kept, so that neither is tried again blindly."""

from __future__ import annotations

from instep.contract import Rejected, Scalar
from instep.model.values import decode, encode
from instep.sync.changes import Change, quarantine_key
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
            "UPDATE quarantine SET fields = ? WHERE connection = ? AND entity = ? AND action = ?",
            (encode(left), *key),
        )
    else:
        session.store.run("DELETE FROM quarantine WHERE connection = ? AND entity = ? AND action = ?", key)


def quarantine(session: Session, change: Change, refusal: Rejected) -> None:
    """Keep a refusal: the very same write is not repeated if it was refused for good.

    Where one value of an update is what was refused, that value is not sent to that record again, and the others are.
    """
    connection, entity, action = quarantine_key(change)
    fields = refused_values(session, change) or {}
    if is_about_one_value(change, refusal):
        fields[str(refusal.field)] = change.fields[str(refusal.field)]
    session.store.run(
        "INSERT INTO quarantine (connection, entity, action, object, record, digest, code, reason, fields, "
        "permanent, tries, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (connection, entity, action) "
        "DO UPDATE SET digest = excluded.digest, code = excluded.code, reason = excluded.reason, "
        "fields = excluded.fields, permanent = excluded.permanent, tries = quarantine.tries + 1, run = excluded.run",
        (
            connection,
            entity,
            action,
            change.object,
            change.record,
            change.digest,
            refusal.code,
            refusal.reason,
            encode(fields) if fields else None,
            int(refusal.permanent),
            session.run,
        ),
    )
    session.ledger.look(change.target)
    session.ledger.quarantine(change.target, refusal.code)
    remedy = "Correct the value or the mapping." if refusal.permanent else "It is tried again in the next run."
    session.ledger.note(refusal.code, change.connection, refusal.reason, remedy, str(change.target))
