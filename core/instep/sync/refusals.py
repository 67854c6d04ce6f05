"""What a system refused, and what is gone there: kept, so that neither is tried again blindly."""

from __future__ import annotations

from instep.contract import Rejected
from instep.sync.changes import Change, quarantine_key
from instep.sync.ledger import Ref
from instep.sync.session import Session


def bury(session: Session, connection: str, entity: str, reason: str) -> None:
    """Bar creates for an entity in a connection, inside a transaction."""
    session.store.run(
        "INSERT OR IGNORE INTO tombstone (connection, entity, at, reason, run) VALUES (?, ?, ?, ?, ?)",
        (connection, entity, session.at.isoformat(), reason, session.run),
    )


def quarantine(session: Session, change: Change, refusal: Rejected) -> None:
    """Keep a refusal: the very same write is not repeated if it was refused for good."""
    connection, entity, action = quarantine_key(change)
    session.store.run(
        "INSERT INTO quarantine (connection, entity, action, object, record, digest, code, reason, permanent, tries, "
        "run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (connection, entity, action) DO UPDATE SET "
        "digest = excluded.digest, code = excluded.code, reason = excluded.reason, permanent = excluded.permanent, "
        "tries = quarantine.tries + 1, run = excluded.run",
        (
            connection,
            entity,
            action,
            change.object,
            change.record,
            change.digest,
            refusal.code,
            refusal.reason,
            int(refusal.permanent),
            session.run,
        ),
    )
    ref = change.ref or Ref(change.connection, change.object, f"(new: {change.entity})")
    session.ledger.look(ref)
    session.ledger.quarantine(ref, refusal.code)
    remedy = "Correct the value or the mapping." if refusal.permanent else "It is tried again in the next run."
    session.ledger.note(refusal.code, change.connection, refusal.reason, remedy, str(ref))
