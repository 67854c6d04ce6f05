"""Recover: settle every write whose outcome is not known, before anything else happens.

The record itself is asked. What holds our value was written. What holds the value before, or is blank in the
middle of a write of several calls, was not: it is decided and written again. What holds anything else was
overtaken by a colleague, whose value speaks.

Of writes that were lost together, one may be what the system cannot bear: if they have to be sent again, they go in
tenths, and in tenths of those, until it stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from instep.contract import ConvertedTo, Garbled, Gone, Item, MergedInto, Seen
from instep.errors import AccessError, RemoteError
from instep.model.values import Scalar, decode, encode, is_blank, normalised
from instep.sync.ledger import Ref
from instep.sync.pull import keep_items, wanted_fields
from instep.sync.record import Record, confirm_earlier, store_written
from instep.sync.refusals import bury
from instep.sync.session import Live, Session


@dataclass(frozen=True, slots=True)
class Open:
    """A journal row without a settled outcome."""

    seq: int
    ref: Ref | None
    connection: str
    object: str
    entity: str
    action: str
    before: dict[str, Scalar]
    after: dict[str, Scalar]
    detail: dict[str, Any]
    state: str


def recover(session: Session) -> int:
    """Settle what an earlier run left open; returns how many rows there were. Running it twice changes nothing.

    A row whose system cannot be asked now stays open, and its fields stay out of every decision.
    """
    rows = session.store.rows(
        "SELECT seq, connection, object, record, entity, action, before, after, reason, state FROM journal "
        "WHERE state IN ('intended', 'unknown') ORDER BY seq"
    )
    groups: dict[tuple[str, str, str], list[Open]] = {}
    for row in rows:
        one = _open(row)
        groups.setdefault((one.connection, one.object, one.action), []).append(one)
        if one.state == "unknown":
            session.fewer[(one.connection, one.entity, one.action)] = max(1, one.detail.get("together", 1) // 10)
    busy = _busy(session, {connection for connection, _, _ in groups})
    for (connection, _, action), group in groups.items():
        live = session.connections.get(connection)
        if connection in busy:
            _leave_open(session, group, busy[connection])
            continue
        size = _at_once(live, action)
        for start in range(0, len(group), size):
            _settle_together(session, live, group[start : start + size])
    return len(rows)


def _at_once(live: Live | None, action: str) -> int:
    """How many rows one question to the system settles."""
    if live is None or action not in ("create", "update", "delete", "erase"):
        return 1
    return live.records.batch.find if action == "create" else live.records.batch.read


def _settle_together(session: Session, live: Live | None, rows: Sequence[Open]) -> None:
    """Settle rows of one action, about different records or not. What cannot be asked now stays open."""
    try:
        if live is None:
            raise RemoteError(f"{rows[0].connection} is not configured any more")
        _settle(session, live, rows)
    except RemoteError as error:
        _leave_open(session, rows, error)


def _busy(session: Session, connections: Iterable[str]) -> dict[str, RemoteError]:
    """Connections in which something that an earlier run began may still be at work, and what is known of it."""
    busy = {}
    for name in connections:
        live = session.connections.get(name)
        try:
            if live is not None:
                live.parts.settle()
        except (RemoteError, AccessError) as error:
            busy[name] = RemoteError(str(error))
    return busy


def _leave_open(session: Session, rows: Sequence[Open], error: RemoteError) -> None:
    for one in rows:
        if one.ref is not None:
            session.masked.setdefault(one.ref, set()).update(one.after)
        session.ledger.note(
            "unsettled", one.connection, f"A write is still unsettled: {error}", "Run again.", str(one.ref)
        )


def _open(row: tuple[Any, ...]) -> Open:
    seq, connection, object, record, entity, action, before, after, reason, state = row
    ref = Ref(connection, object, record) if record else None
    detail = json.loads(reason)
    return Open(seq, ref, connection, object, entity, action, decode(before), decode(after), detail, state)


def _settle(session: Session, live: Live, rows: Sequence[Open]) -> None:
    object, action = rows[0].object, rows[0].action
    mapping = session.mapping(live.name, object)
    match action:
        case "create" if mapping is not None and mapping.instep_id is not None:
            keys = [one.entity for one in rows]
            found = live.records.find(object, mapping.instep_id, keys, wanted_fields(live, mapping))
            for one, items in zip(rows, found, strict=True):
                _settle_create(session, live, one, items)
        case "update" if mapping is not None:
            ids = [one.ref.id if one.ref else "" for one in rows]
            for one, item in zip(rows, live.records.read(object, ids, wanted_fields(live, mapping)), strict=True):
                _settle_update(session, one, item)
        case "delete" | "erase" if mapping is not None:
            ids = [one.ref.id if one.ref else "" for one in rows]
            for one, item in zip(rows, live.records.read(object, ids, wanted_fields(live, mapping)), strict=True):
                _settle_delete(session, one, item)
        case "create" | "update" | "delete" | "erase":
            for one in rows:
                _close(session, one, "resolved", "its object is not mapped any more")
        case _:
            for one in rows:
                _settle_repeatable(session, live, one)


def _settle_create(session: Session, live: Live, one: Open, found: Sequence[Seen | Gone]) -> None:
    """A create whose record was looked up by our id, straight from the system of record, never by a lagging index."""
    seen = next((item for item in found if isinstance(item, Seen)), None)
    with session.store.transaction("recover: create"):
        if seen is None and found:
            bury(session, live.name, one.entity, "created, and deleted there since")
        if seen is not None:
            ref = Ref(live.name, one.object, seen.id)
            heard = {n: _heard(seen.fields.get(n), value) for n, value in one.after.items()}
            store_written(
                session,
                Record(ref, one.entity),
                sent=one.after,
                returned=seen.fields,
                modified_at=seen.modified_at,
                heard=heard,
            )
            session.store.run("UPDATE journal SET record = ? WHERE seq = ?", (seen.id, one.seq))
            confirm_earlier(session, Record(ref, one.entity))
        _mark(session, one, "confirmed" if found else "resolved", "looked up by instep_id")


def _heard(held: Scalar, sent: Scalar) -> Scalar:
    """What counts as heard of a field that we sent: ours as it came back, so that a colleague's value speaks."""
    return held if normalised(held) == normalised(sent) else sent


def _settle_update(session: Session, one: Open, item: Item) -> None:
    with session.store.transaction("recover: update"):
        match item:
            case Seen():
                _settle_seen(session, one, item)
            case Gone() | MergedInto() | ConvertedTo():
                _keep(session, one, item)
                _mark(session, one, "resolved", "the record is not there any more")
            case Garbled():
                _mark(session, one, "resolved", "the record cannot be read now")


def _settle_delete(session: Session, one: Open, item: Item) -> None:
    with session.store.transaction("recover: delete"):
        _keep(session, one, item)
        if isinstance(item, Gone) and one.entity:
            bury(session, one.connection, one.entity, "deleted there")
        _mark(session, one, "confirmed" if isinstance(item, Gone) else "resolved", "read again")


def _settle_seen(session: Session, one: Open, item: Seen) -> None:
    if one.ref is None:
        return
    taken, overtaken = [], []
    for name, value in one.after.items():
        held = item.fields.get(name)
        if held == value or normalised(held) == normalised(value):
            taken.append(name)
        elif held != one.before.get(name) and not is_blank(held):
            overtaken.append(name)
    base = session.store.row("SELECT heard, sent FROM base WHERE connection = ? AND object = ? AND id = ?", one.ref)
    heard = decode(base[0]) if base else {}
    sent = decode(base[1]) if base and base[1] else {}
    for name in one.after:
        if name not in overtaken and name in item.fields:
            if heard.get(name) != item.fields[name]:
                sent.pop(name, None)  # what was sent last did not come back as this
            heard[name] = item.fields[name]  # ours, or the value before, or the blank of a half-done write
    sent |= {name: one.after[name] for name in taken}
    session.store.run(
        "UPDATE base SET heard = ?, sent = ? WHERE connection = ? AND object = ? AND id = ?",
        (encode(heard), encode(sent), *one.ref),
    )
    keep_items(session, one.ref.connection, one.ref.object, [item])
    done = len(taken) == len(one.after)
    _mark(session, one, "confirmed" if done else "resolved", "overtaken" if overtaken else "read again")


def _keep(session: Session, one: Open, item: Item) -> None:
    if one.ref is not None:
        keep_items(session, one.ref.connection, one.ref.object, [item])


def _settle_repeatable(session: Session, live: Live, one: Open) -> None:
    """Associations and consents may be written twice: read what is there now, and let the next plan decide."""
    relation = one.detail.get("to_object")
    if one.ref is not None and relation:
        found = live.records.related(one.object, [one.ref.id], relation)[0]
        from instep.sync.pull import keep_related

        with session.store.transaction("recover: association"):
            keep_related(session, live.name, one.object, [(one.ref.id, found)], relation)
            _hear_relation(session, one, {end.id for end in found})
            _mark(session, one, "resolved", "read again")
        return
    mapping = session.mapping(live.name, one.object)
    if one.ref is not None and mapping is not None:
        item = live.records.read(one.object, [one.ref.id], wanted_fields(live, mapping))[0]
        with session.store.transaction("recover: consent"):
            keep_items(session, live.name, one.object, [item])
            _mark(session, one, "resolved", "read again")
        return
    _close(session, one, "resolved", "decided anew")


def _hear_relation(session: Session, one: Open, there: set[str]) -> None:
    """Our own association is no news: what came of it counts as heard."""
    if one.ref is None:
        return
    row = session.store.row("SELECT related FROM base WHERE connection = ? AND object = ? AND id = ?", one.ref)
    related = json.loads(row[0]) if row and row[0] else {}
    name, end = one.detail["relation"], one.detail["to_entity"]
    held = [other for other in related.get(name, []) if other != end]
    if one.detail.get("to") in there:
        held.append(end)
    related[name] = held
    session.store.run(
        "UPDATE base SET related = ? WHERE connection = ? AND object = ? AND id = ?",
        (json.dumps(related).encode(), *one.ref),
    )


def _close(session: Session, one: Open, state: str, note: str) -> None:
    with session.store.transaction("recover"):
        _mark(session, one, state, note)


def _mark(session: Session, one: Open, state: str, note: str) -> None:
    """Settle the row; its entity is decided again, so that whatever is still missing is written."""
    session.store.run(
        "UPDATE journal SET state = ?, settled_at = ?, answer = coalesce(answer, ?) WHERE seq = ?",
        (state, session.world.clock().isoformat(), json.dumps({"recovered": note}).encode(), one.seq),
    )
    session.store.run("UPDATE entity SET dirty = 1 WHERE id = ?", (one.entity,))
