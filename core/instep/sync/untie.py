"""Untying others from the records of a person that went: not every system does so by itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from instep.contract import Missing, Outcome, Rejected, Relation, Unknown, Written
from instep.errors import RemoteError
from instep.model.values import encode
from instep.sync.ledger import Ref
from instep.sync.session import Live, Session
from instep.sync.subject import Subject


class Tie(NamedTuple):
    """Somebody else's record, and the record of theirs that it is tied to."""

    connection: str
    object: str
    to_object: str
    id: str
    to_id: str
    entity: str
    relation: str

    @property
    def ref(self) -> Ref:
        return Ref(self.connection, self.object, self.id)


def untie(session: Session, subject: Subject, gone: Collection[Ref]) -> Iterator[str]:
    """Untie others from their records that are gone; gives what could not be done."""
    ties = sorted(tie for ref in gone for tie in _ties(session, ref, subject))
    for (connection, _, _), group in groupby(ties, key=lambda tie: tie[:3]):
        live, wanted = session.live(connection), list(group)
        size = live.records.batch.relate
        for start in range(0, len(wanted), size):
            yield from _untie(session, live, wanted[start : start + size], subject)


def _ties(session: Session, ref: Ref, subject: Subject) -> Iterator[Tie]:
    for object, id, entity in session.store.rows(
        "SELECT a.object, a.id, m.entity FROM association a JOIN mirror m USING (connection, object, id) "
        "WHERE connection = ? AND to_object = ? AND to_id = ? AND m.state = 'live'",
        ref,
    ):
        mapping = session.mapping(ref.connection, object)
        names = [r.name for r in mapping.relations if r.object == ref.object] if mapping is not None else []
        if names and Ref(ref.connection, object, id) not in subject.refs:
            yield Tie(ref.connection, object, ref.object, id, ref.id, entity or "", names[0])


def _untie(session: Session, live: Live, ties: Sequence[Tie], subject: Subject) -> Iterator[str]:
    with session.store.transaction("journal: intended"):
        rows = [_intended(session, tie, subject) for tie in ties]
    outcomes: Sequence[Outcome]
    try:
        outcomes = live.records.unrelate([Relation(t.object, t.id, t.to_object, t.to_id) for t in ties])
        outcomes = [_told_apart(live, tie, outcome) for tie, outcome in zip(ties, outcomes, strict=True)]
    except RemoteError as error:
        outcomes = [Unknown(str(error)) for _ in ties]
    with session.store.transaction("journal: outcome"):
        for seq, tie, outcome in zip(rows, ties, outcomes, strict=True):
            _settle(session, seq, tie, outcome, subject)
    for tie, outcome in zip(ties, outcomes, strict=True):
        if not isinstance(outcome, Written | Missing):
            reason = getattr(outcome, "reason", "It was moved at that moment.")
            yield f"{tie.ref} is still tied to them. {reason} Repeat the command, or untie it there by hand."


def _told_apart(live: Live, tie: Tie, outcome: Outcome) -> Outcome:
    """A refusal may only say that there is nothing to untie any more: the record itself tells."""
    if not isinstance(outcome, Rejected):
        return outcome
    (ends,) = live.records.related(tie.object, [tie.id], tie.to_object)
    return outcome if any(end.id == tie.to_id for end in ends) else Missing()


def _intended(session: Session, tie: Tie, subject: Subject) -> int:
    more = {"relation": tie.relation, "to_object": tie.to_object, "to": tie.to_id, "to_entity": subject.entity or ""}
    return intend(session, tie.ref, tie.entity, "unrelate", more)


def _settle(session: Session, seq: int, tie: Tie, outcome: Outcome, subject: Subject) -> None:
    """What was untied is untied here too, and heard: it is no edit of anybody's."""
    is_done = isinstance(outcome, Written | Missing)
    state = "confirmed" if is_done else "unknown" if isinstance(outcome, Unknown) else "rejected"
    session.store.run(
        "UPDATE journal SET state = ?, settled_at = ?, answer = ? WHERE seq = ?",
        (state, session.world.clock().isoformat(), json.dumps({"untied": is_done}).encode(), seq),
    )
    if not is_done:
        return
    session.store.run(
        "DELETE FROM association WHERE connection = ? AND object = ? AND id = ? AND to_object = ? AND to_id = ?",
        (*tie.ref, tie.to_object, tie.to_id),
    )
    row = session.store.row("SELECT related FROM base WHERE connection = ? AND object = ? AND id = ?", tie.ref)
    related = json.loads(row[0]) if row and row[0] else {}
    related[tie.relation] = [end for end in related.get(tie.relation, []) if end != subject.entity]
    session.store.run(
        "UPDATE base SET related = ? WHERE connection = ? AND object = ? AND id = ?",
        (json.dumps(related).encode(), *tie.ref),
    )


def intend(session: Session, ref: Ref, entity: str, action: str, more: dict[str, Any]) -> int:
    """Note in the journal what is about to be done to a record because somebody is erased, inside a transaction."""
    detail = {"why": {action: "a person is erased"}, **more}
    return session.store.run(
        "INSERT INTO journal (run, fence, connection, object, record, entity, action, before, after, reason, state, "
        "intended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', ?)",
        (
            session.run,
            session.fence,
            *ref,
            entity,
            action,
            encode({}),
            encode({}),
            json.dumps(detail).encode(),
            session.world.clock().isoformat(),
        ),
    )
