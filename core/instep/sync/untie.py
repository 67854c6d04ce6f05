"""Untying others from the records of a person that went: not every system does so by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from instep.contract import Missing, Outcome, Rejected, Relation, Unknown, Written
from instep.errors import RemoteError
from instep.model.entities import Kind
from instep.sync.apply import keep_relation
from instep.sync.changes import Change
from instep.sync.journal import intend, settle
from instep.sync.ledger import Ref
from instep.sync.session import Live, Session
from instep.sync.subject import Subject

BECAUSE = "a person is erased"


class Tie(NamedTuple):
    """Somebody else's record, and the record of theirs that it is tied to."""

    connection: str
    object: str
    to_object: str
    id: str
    to_id: str
    entity: str
    relation: str
    kind: Kind

    @property
    def ref(self) -> Ref:
        return Ref(self.connection, self.object, self.id)

    def ended(self, subject: Subject) -> Change:
        """The end of it, as any other change."""
        change = Change("unrelate", self.connection, self.object, self.kind, self.entity, self.id)
        return replace(change, relation=self.relation, to_object=self.to_object, to_entity=subject.entity or "")


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
        if mapping is None or Ref(ref.connection, object, id) in subject.refs:
            continue
        name = next((relation.name for relation in mapping.relations if relation.object == ref.object), None)
        if name is not None:
            yield Tie(ref.connection, object, ref.object, id, ref.id, entity or "", name, mapping.kind)


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
    detail = {"why": {"unrelate": BECAUSE}, "relation": tie.relation, "to_object": tie.to_object}
    detail |= {"to": tie.to_id, "to_entity": subject.entity or ""}
    return intend(session, tie.ref, tie.entity, "unrelate", detail)


def _settle(session: Session, seq: int, tie: Tie, outcome: Outcome, subject: Subject) -> None:
    """What was untied is untied here too, and heard: it is no edit of anybody's."""
    is_done = isinstance(outcome, Written | Missing)
    state = "confirmed" if is_done else "unknown" if isinstance(outcome, Unknown) else "rejected"
    settle(session, seq, state, {"untied": is_done})
    if is_done:
        keep_relation(session, tie.ref, tie.ended(subject), tie.to_id)
