"""Keep what buyers did as the systems tell it now: what was corrected is replaced, what was withdrawn is forgotten.

Everyone whom an activity was about, or is about now, is decided anew when anything of it changed. One that is read
again and says the same concerns nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from instep.contract import BehaviourFeed, BehaviourGone, BehaviourSeen
from instep.mapping.compiled import BehaviourMapping
from instep.mapping.mistakes import listed, suggestion
from instep.model.rules import Moment
from instep.model.values import Scalar, decode, encode
from instep.sync.erased import behaviour_without_erased, is_address_erased
from instep.sync.ledger import Ref
from instep.sync.session import Live, Session
from instep.sync.streams import keep_cursor, new_pages, resume

_STREAM = "behaviours"


@dataclass(frozen=True, slots=True)
class _Kept:
    """An activity as it is stored. `details` are None where it was somebody's who was erased."""

    kind: str
    key: str | None
    at: str
    actor: str
    email: str | None
    details: Mapping[str, Scalar] | None
    refers: str | None = None
    """The address of whoever it brought."""
    subjects: frozenset[tuple[str, str]] = frozenset()

    def row(self) -> tuple[str | bytes | None, ...]:
        """What the table of behaviours holds of it, in the order of its columns."""
        details = None if self.details is None else encode(self.details)
        return self.kind, self.key, self.at, self.actor, self.email, details, self.refers


def pull_behaviours(session: Session, live: Live) -> None:
    """Read what was done, corrected or withdrawn since the last read, as far as the mapping has a use for it."""
    feed = live.parts.behaviours
    if not isinstance(feed, BehaviourFeed) or not live.mapping.behaviours:
        return
    kinds = tuple(dict.fromkeys(mapping.kind for mapping in live.mapping.behaviours))
    _note_unknown(session, live, feed, kinds)
    cursor = resume(session, live.name, _STREAM, kinds)
    for page in new_pages(live, _STREAM, feed.changed_since(kinds, cursor)):
        with session.store.transaction(f"pull {live.name}/{_STREAM}"):
            keep_behaviours(session, live, page.items)
            keep_cursor(session, live.name, _STREAM, page.cursor, kinds)


def _note_unknown(session: Session, live: Live, feed: BehaviourFeed, kinds: Sequence[str]) -> None:
    if getattr(feed, "kinds_vary", False):
        return
    known = feed.kinds
    for kind in (kind for kind in kinds if kind not in known):
        remedy = suggestion(kind, known, f"It tells of {listed(known)}.")
        session.ledger.note("no-kind", live.name, f'nothing of the kind "{kind}" is told of there.', remedy)


def keep_behaviours(session: Session, live: Live, items: Sequence[BehaviourSeen | BehaviourGone]) -> None:
    """Store what was read, inside a transaction; of two items with one id the later holds."""
    told = {item.id: _to_keep(session, live, item) for item in items}
    held = _held(session, live.name, list(told))
    changed = {id: now for id, now in told.items() if now != held.get(id)}
    _forget(session, live.name, [id for id in changed if id in held])
    _store(session, live.name, {id: now for id, now in changed.items() if now is not None})
    _mark(session, live.name, [kept for id in changed for kept in (held.get(id), changed[id]) if kept is not None])


def behaviour_key(
    mappings: Sequence[BehaviourMapping], kind: str, details: Mapping[str, Scalar], now: datetime
) -> str | None:
    """Which canonical behaviour an activity is, or None if no mapping fits."""
    fitting = _fitting(mappings, kind, details, now)
    return fitting.behaviour if fitting is not None else None


def referred(
    mappings: Sequence[BehaviourMapping], kind: str, details: Mapping[str, Scalar], now: datetime
) -> str | None:
    """The address of whoever an activity brought, if its mapping says where that stands."""
    fitting = _fitting(mappings, kind, details, now)
    if fitting is None or fitting.refers is None:
        return None
    address = details.get(fitting.refers)
    return address.strip().lower() if isinstance(address, str) and "@" in address else None


def _fitting(
    mappings: Sequence[BehaviourMapping], kind: str, details: Mapping[str, Scalar], now: datetime
) -> BehaviourMapping | None:
    moment = Moment(now)
    return next((m for m in mappings if m.kind == kind and m.where.value(details, moment)), None)


def _to_keep(session: Session, live: Live, item: BehaviourSeen | BehaviourGone) -> _Kept | None:
    """What is to be stored of an item: nothing of one that was withdrawn, or that was somebody's who was erased.

    Where others did it with them, or brought them by it, nothing is kept that may name them.
    """
    if isinstance(item, BehaviourGone):
        return None
    left = behaviour_without_erased(session, live.name, item) if session.erased else item
    if left is None:
        return None
    refers = referred(live.mapping.behaviours, left.kind, left.details, session.at)
    is_whole = left is item and not (session.erased and is_address_erased(session, refers))
    return _Kept(
        left.kind,
        behaviour_key(live.mapping.behaviours, left.kind, left.details, session.at),
        left.at.isoformat(),
        left.actor,
        left.email.strip().lower() if left.email else None,
        decode(encode(left.details)) if is_whole else None,
        refers if is_whole else None,
        frozenset(left.subjects),
    )


def _held(session: Session, connection: str, ids: Sequence[str]) -> dict[str, _Kept]:
    """What is stored of some activities."""
    subjects: dict[str, set[tuple[str, str]]] = {}
    for behaviour, object, record in session.store.among(
        "SELECT behaviour, object, record FROM behaviour_subject WHERE connection = ? AND behaviour IN (?)",
        ids,
        connection,
    ):
        subjects.setdefault(behaviour, set()).add((object, record))
    rows = session.store.among(
        "SELECT id, kind, key, at, actor, email, details, refers FROM behaviour WHERE connection = ? AND id IN (?)",
        ids,
        connection,
    )
    return {
        id: _Kept(
            kind,
            key,
            at,
            actor,
            email,
            None if details is None else decode(details),
            refers,
            frozenset(subjects.get(id, ())),
        )
        for id, kind, key, at, actor, email, details, refers in rows
    }


def _forget(session: Session, connection: str, ids: Sequence[str]) -> None:
    rows = [(connection, id) for id in ids]
    session.store.bulk("DELETE FROM behaviour_subject WHERE connection = ? AND behaviour = ?", rows)
    session.store.bulk("DELETE FROM behaviour WHERE connection = ? AND id = ?", rows)


def _store(session: Session, connection: str, kept: Mapping[str, _Kept]) -> None:
    session.store.bulk(
        "INSERT INTO behaviour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(connection, id, *k.row()) for id, k in kept.items()],
    )
    session.store.bulk(
        "INSERT INTO behaviour_subject VALUES (?, ?, ?, ?)",
        [(connection, *subject, id) for id, k in kept.items() for subject in sorted(k.subjects)],
    )


def _mark(session: Session, connection: str, concerned: Iterable[_Kept]) -> None:
    """Have everyone decided anew whom these activities name, by a record or by an address."""
    concerned = list(concerned)
    refs = {Ref(connection, *subject) for kept in concerned for subject in kept.subjects}
    emails = {address for kept in concerned for address in (kept.email, kept.refers) if address}
    session.store.bulk(
        "UPDATE mirror SET dirty = 1 WHERE connection = ? AND object = ? AND id = ?", [tuple(ref) for ref in refs]
    )
    session.store.bulk(
        "UPDATE mirror SET dirty = 1 WHERE (connection, object, id) IN "
        "(SELECT connection, object, id FROM key WHERE kind = 'person' AND name = 'email' AND value = ?)",
        [(email,) for email in emails],
    )
