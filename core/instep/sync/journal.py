"""The journal: what is about to be done to a record, and what came of it. Every write of ours has its row here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from instep.contract import Scalar
from instep.model.values import encode
from instep.store import Store
from instep.sync.session import Session

NOTHING: Mapping[str, Scalar] = {}


def intend(
    session: Session,
    place: tuple[str, str, str | None],
    entity: str,
    action: str,
    detail: Mapping[str, Any],
    *,
    before: Mapping[str, Scalar] = NOTHING,
    after: Mapping[str, Scalar] = NOTHING,
) -> int:
    """Note what is about to be done, inside the transaction before the call; gives the row's number.

    `place` is connection, object and the record's id, or None for a record that is yet to be made.
    """
    return session.store.run(
        "INSERT INTO journal (run, fence, connection, object, record, entity, action, before, after, reason, state, "
        "intended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?)",
        (
            session.run,
            session.fence,
            *place,
            entity,
            action,
            encode(before),
            encode(after),
            json.dumps(detail).encode(),
            session.world.clock().isoformat(),
        ),
    )


def settle(session: Session, seq: int, state: str, answer: Mapping[str, Any], record: str | None = None) -> None:
    """Note what came of it, inside the transaction after the call; `record` is the id of one that was made."""
    session.store.run(
        "UPDATE journal SET state = ?, settled_at = ?, record = coalesce(?, record), answer = ? WHERE seq = ?",
        (state, session.world.clock().isoformat(), record, json.dumps(answer).encode(), seq),
    )


def count_unsettled(store: Store) -> int:
    """How many writes there are of which nobody knows yet whether they took effect."""
    return store.count("SELECT count(*) FROM journal WHERE state IN ('intended', 'unknown')")
