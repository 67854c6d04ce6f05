"""Moving records from one stage of a system to another: before the stage they are in is retired there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from instep.contract import Item, Outcome, Rejected, Seen, Unknown, Update, Written
from instep.errors import RemoteError
from instep.model.entities import Kind
from instep.sync.changes import Change, Plan, Value
from instep.sync.guards import Breach, find_breaches
from instep.sync.journal import intend, settle
from instep.sync.ledger import Ref
from instep.sync.pull import read_again
from instep.sync.record import Record, store_written
from instep.sync.session import Live, Session

BECAUSE = "its stage is retired"


@dataclass(frozen=True, slots=True)
class Move:
    """Records of one object that hold `stage` in `field`, and are to hold `to`."""

    connection: str
    object: str
    field: str
    stage: str
    to: str
    records: tuple[str, ...]
    kind: Kind
    within: tuple[str, str] | None = None
    """The field that names the pipeline, and the one whose records are meant; None for all."""

    @property
    def fields(self) -> list[str]:
        return [self.field, *([self.within[0]] if self.within else [])]

    def is_meant(self, item: Item) -> TypeGuard[Seen]:
        """Whether a record still is where it is to be moved from."""
        if not isinstance(item, Seen) or item.fields.get(self.field) != self.stage:
            return False
        return self.within is None or item.fields.get(self.within[0]) == self.within[1]

    def changes(self) -> Iterator[Change]:
        """The same as changes, for the guards."""
        value = Value("stage", self.field, self.stage, self.to, BECAUSE)
        for id in self.records:
            yield Change("update", self.connection, self.object, self.kind, "", id, (value,))


@dataclass(slots=True)
class Moved:
    """What came of a move."""

    written: int = 0
    elsewhere: int = 0
    """Records that a colleague had taken out of the stage meanwhile."""
    failed: list[str] = field(default_factory=list)


def surprises(session: Session, moves: Sequence[Move]) -> list[Breach]:
    """The limits beyond which a sync would be stopped that moves as many records."""
    changes = tuple(change for move in moves for change in move.changes())
    return find_breaches(session, Plan(changes, session.at, {}))


def move_records(session: Session, move: Move) -> Moved:
    """Move what is still there; each write has its row in the journal. What came back is heard: it is no edit."""
    live, moved = session.live(move.connection), Moved()
    size = live.records.batch.write
    for start in range(0, len(move.records), size):
        batch = move.records[start : start + size]
        items = read_again(live, move.object, batch, move.fields)
        held = [item.id for item in items if move.is_meant(item)]
        moved.elsewhere += len(batch) - len(held)
        if held:
            _write(session, live, move, held, moved)
    return moved


def _write(session: Session, live: Live, move: Move, ids: Sequence[str], moved: Moved) -> None:
    entities = _entities(session, move, ids)
    before, after = {move.field: move.stage}, {move.field: move.to}
    detail = {"why": {move.field: BECAUSE}, "together": len(ids)}
    with session.store.transaction("journal: intended"):
        rows = [
            intend(
                session,
                (move.connection, move.object, id),
                entities.get(id, ""),
                "update",
                detail,
                before=before,
                after=after,
            )
            for id in ids
        ]
    try:
        outcomes = live.records.write(move.object, [Update(id, after, before) for id in ids], [move.field])
    except RemoteError as error:
        outcomes = [Unknown(str(error)) for _ in ids]
    live.require_one_each(outcomes, ids)
    with session.store.transaction("journal: outcome"):
        for seq, id, outcome in zip(rows, ids, outcomes, strict=True):
            _settle(session, move, Ref(move.connection, move.object, id), seq, entities.get(id), outcome, moved)


def _entities(session: Session, move: Move, ids: Sequence[str]) -> dict[str, str]:
    """Which entities the records are, as far as they are linked."""
    rows = session.store.among(
        "SELECT id, entity FROM mirror WHERE connection = ? AND object = ? AND id IN (?)",
        list(ids),
        move.connection,
        move.object,
    )
    return {id: entity for id, entity in rows if entity}


def _settle(
    session: Session, move: Move, ref: Ref, seq: int, entity: str | None, outcome: Outcome, moved: Moved
) -> None:
    match outcome:
        case Written(fields=fields, modified_at=modified_at):
            settle(session, seq, "confirmed", {"id": ref.id})
            moved.written += 1
            if entity is not None:
                sent = {move.field: move.to}
                store_written(session, Record(ref, entity), sent=sent, returned=fields, modified_at=modified_at)
        case Unknown(reason=reason):
            settle(session, seq, "unknown", {"unknown": reason})
            moved.failed.append(f"{ref}: {reason}")
        case Rejected(code=code, reason=reason):
            settle(session, seq, "rejected", {"code": code, "reason": reason})
            moved.failed.append(f"{ref}: {reason}")
        case _:
            settle(session, seq, "rejected", {"missing": True})
            moved.elsewhere += 1
