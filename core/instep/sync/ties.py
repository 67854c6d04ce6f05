"""Associations that a colleague changed between plan and write: of what a record has one of, theirs counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instep.model.entities import RELATIONS
from instep.store import Store
from instep.sync.changes import Change
from instep.sync.ledger import Ref
from instep.sync.pull import keep_related
from instep.sync.session import Live, Session


def ends_of(store: Store, ref: Ref, to_object: str) -> dict[str, bool]:
    """The records of one object that a record is tied to, as the mirror holds them, and whether each is primary."""
    rows = store.rows(
        "SELECT to_id, is_primary FROM association WHERE connection = ? AND object = ? AND id = ? AND to_object = ?",
        (*ref, to_object),
    )
    return {id: bool(primary) for id, primary in rows}


def tied_elsewhere(session: Session, live: Live, changes: Sequence[Change]) -> set[str]:
    """The records that have another end now than when changes of one relation were planned; the mirror learns them.

    Of what a record has many of, an end more or less overwrites nobody's; a record that is new has nothing yet.
    """
    first = changes[0]
    if RELATIONS[first.kind][first.relation][1]:
        return set()
    ids = sorted({change.record for change in changes if change.record is not None})
    moved = set[str]()
    for start in range(0, len(ids), live.records.batch.relate):
        part = ids[start : start + live.records.batch.relate]
        found = list(zip(part, live.records.related(first.object, part, first.to_object), strict=True))
        now = {id: _end((end.id, end.primary) for end in ends) for id, ends in found}
        known = _known(session, first, part)
        others = [(id, ends) for id, ends in found if now[id] != known.get(id)]
        with session.store.transaction("tied since"):
            keep_related(session, live.name, first.object, others, first.to_object)
        moved |= {id for id, _ in others}
    return moved


def _known(session: Session, change: Change, ids: Sequence[str]) -> dict[str, str | None]:
    """What the mirror holds as the end of each record."""
    ends: dict[str, list[tuple[str, bool]]] = {}
    for id, to_id, primary in session.store.among(
        "SELECT id, to_id, is_primary FROM association WHERE connection = ? AND object = ? AND to_object = ? "
        "AND id IN (?)",
        ids,
        change.connection,
        change.object,
        change.to_object,
    ):
        ends.setdefault(id, []).append((to_id, bool(primary)))
    return {id: _end(found) for id, found in ends.items()}


def _end(ends: Iterable[tuple[str, bool]]) -> str | None:
    """The one end that counts: the primary, else the first."""
    return min(ends, key=lambda end: (not end[1], end[0]), default=(None, False))[0]
