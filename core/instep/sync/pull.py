"""Pull: ask every connection what changed since its cursor, and keep it in the mirror.

A cursor moves in the same transaction as the pages before it. A mirror row never moves back to an older
modification time. Nothing is inferred from absence: a field that is not sent stays unknown, a record that is not
listed stays what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from instep.contract import (
    Consent,
    ConsentStore,
    ConvertedTo,
    Garbled,
    Gone,
    Item,
    MergedInto,
    Page,
    Related,
    Seen,
    Subject,
)
from instep.errors import RemoteError
from instep.mapping.compiled import EntityMapping
from instep.model.entities import Kind
from instep.model.values import Scalar, decode, encode, plain
from instep.sync.erased import ends_without_erased, without_erased
from instep.sync.ledger import Ref
from instep.sync.pull_behaviours import pull_behaviours
from instep.sync.session import Live, Session, stop
from instep.sync.streams import keep_cursor, new_pages, resume

PAGES_PER_COMMIT = 10

_UPSERT = """
INSERT INTO mirror (connection, object, id, fields, modified_at, state, successor, dirty, changes)
VALUES (?, ?, ?, ?, ?, 'live', NULL, ?, ?)
ON CONFLICT (connection, object, id) DO UPDATE SET
    fields = excluded.fields, modified_at = excluded.modified_at, state = 'live', successor = NULL,
    dirty = max(mirror.dirty, excluded.dirty), changes = excluded.changes,
    related_at = CASE WHEN mirror.modified_at = excluded.modified_at THEN mirror.related_at ELSE '' END
"""


def pull(session: Session) -> None:
    """Read what changed in every connection, associations and behaviours included."""
    for live in session.connections.values():
        if live.name in session.stopped:
            continue
        session.progress(f"pull {live.name}")
        try:
            _pull_connection(session, live)
        except RemoteError as error:
            stop(session, live.name, error)


def _pull_connection(session: Session, live: Live) -> None:
    for object, mapping in live.mapping.objects.items():
        _pull_object(session, live, mapping, object)
    pull_successors(session, live)
    pull_behaviours(session, live)
    _pull_consents(session, live)
    for object, mapping in live.mapping.objects.items():
        pull_related(session, live, mapping, object)


def wanted_fields(live: Live, mapping: EntityMapping) -> tuple[str, ...]:
    """Every field of the system that the engine needs of this kind of record, each once, in a stable order."""
    wanted = [field.field for field in mapping.fields]
    wanted += [field.currency_field for field in mapping.fields if field.currency_field]
    for table in mapping.tables():
        wanted += [table.field, *([table.pipeline_field] if table.pipeline_field else []), *table.beside]
    if mapping.instep_id:
        wanted.append(mapping.instep_id)
    if mapping.consent is not None:
        flag = mapping.consent.field
        if flag is None and isinstance(live.parts.consents, ConsentStore):
            flag = live.parts.consents.flag_field
        wanted += [flag] if flag else []
    return tuple(dict.fromkeys(wanted))


# --- records ---------------------------------------------------------------------------------------------------


def _pull_object(session: Session, live: Live, mapping: EntityMapping, object: str) -> None:
    fields = wanted_fields(live, mapping)
    there = [name for name in fields if live.has_field(object, name)]
    cursor = resume(session, live.name, object, there)
    is_empty = not session.store.row("SELECT 1 FROM mirror WHERE connection = ? AND object = ?", (live.name, object))
    waiting: list[Page] = []
    done = 0
    try:
        for page in new_pages(live, object, live.records.changed_since(object, fields, cursor)):
            waiting.append(page)
            done += len(page.items)
            session.progress(f"pull {live.name} {object}", done)
            if len(waiting) == PAGES_PER_COMMIT:
                pages, waiting = waiting, []
                _keep(session, live, object, there, pages, is_empty=is_empty)
    except RemoteError:
        _keep(session, live, object, there, waiting, is_empty=is_empty)
        raise
    _keep(session, live, object, there, waiting, is_empty=is_empty)


def _keep(
    session: Session, live: Live, object: str, fields: Sequence[str], pages: list[Page], *, is_empty: bool
) -> None:
    if not pages:
        return
    with session.store.transaction(f"pull {live.name}/{object}"):
        items = [item for page in pages for item in page.items]
        keep_items(session, live.name, object, items, is_empty=is_empty)
        hidden = _hidden(session, live, object, fields, items)
        read = [name for name in fields if name not in hidden]
        keep_cursor(session, live.name, object, pages[-1].cursor, read)


def _hidden(session: Session, live: Live, object: str, fields: Sequence[str], items: Sequence[Item]) -> set[str]:
    """Fields that were there when the system was last asked, and that no record shows now.

    They count as not read, so that everything is read anew once they are seen again; and the system is asked again.
    """
    shown = [item.fields for item in items if isinstance(item, Seen)]
    hidden = {name for name in fields if shown and not any(name in one for one in shown)}
    if hidden and object in live.fields:
        live.fields[object] -= hidden
        session.store.run("UPDATE connection SET catalogue_at = NULL WHERE name = ?", (live.name,))
    return hidden


def keep_items(
    session: Session, connection: str, object: str, items: Sequence[Item], *, is_empty: bool = False
) -> None:
    """Store what was read, inside a transaction. Marks as dirty what differs from before.

    `is_empty` says that the mirror held nothing of this object when the read began.
    """
    if session.erased:
        items = without_erased(session, connection, object, items)
    seen = [item for item in items if isinstance(item, Seen) and _is_text(item.id)]
    for item in items:
        if not _is_text(item.id):
            _garbled(session, Ref(connection, object, plain(item.id)), _HALF)
        elif not isinstance(item, Seen):
            _keep_event(session, Ref(connection, object, item.id), item)
    _keep_seen(session, connection, object, seen, is_empty=is_empty)


_HALF = "Half of a character stands in it, so it is no text."


def _is_text(text: str) -> bool:
    """Whether a text can be stored at all: one that was cut in the middle of a character cannot."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _garbled(session: Session, ref: Ref, reason: str) -> None:
    session.ledger.look(ref)
    session.ledger.quarantine(ref, "garbled")
    session.ledger.note("garbled", ref.connection, reason, "Repair the record at its source.", str(ref))


def _known(session: Session, connection: str, object: str, items: Sequence[Seen]) -> dict[str, tuple[Any, ...]]:
    """What the mirror holds of these records."""
    return {
        row[0]: row[1:]
        for row in session.store.among(
            "SELECT id, fields, modified_at, state, dirty FROM mirror "
            "WHERE connection = ? AND object = ? AND id IN (?)",
            [item.id for item in items],
            connection,
            object,
        )
    }


def _keep_seen(session: Session, connection: str, object: str, items: Sequence[Seen], *, is_empty: bool) -> None:
    known = {} if is_empty else _known(session, connection, object, items)
    lags = _may_lag(session, connection)
    ledger = session.ledger
    rows = []
    for item in items:
        ref = Ref(connection, object, item.id)
        try:
            packed = encode(item.fields)
        except UnicodeEncodeError:
            _garbled(session, ref, _HALF)
            continue
        modified = item.modified_at.isoformat()
        changes = json.dumps({n: c.at.isoformat() for n, c in item.changes.items()}) if item.changes else None
        old = known.get(item.id)
        if old is None:
            ledger.look(ref)
            rows.append((connection, object, item.id, packed, modified, 1, changes))
            continue
        fields, modified_before, state, dirty = old
        if lags and modified < modified_before and state == "live":
            packed, modified = fields, modified_before  # an index that lags shows an older record
        same = state == "live" and (packed == fields or decode(packed) == decode(fields))
        ledger.look(ref)
        if same and not dirty:
            ledger.unchanged(ref)
        if not same or modified != modified_before:
            rows.append((connection, object, item.id, packed, modified, int(not same), changes))
    session.store.bulk(_UPSERT, rows)
    inline = [(item.id, item.related) for item in items if item.related is not None]
    if inline:
        keep_related(session, connection, object, inline, None)


def _may_lag(session: Session, connection: str) -> bool:
    """Whether a record may be shown older than it is; elsewhere an earlier date is just what somebody wrote."""
    live = session.connections.get(connection)
    return live is None or bool(live.records.index_lag)


def _keep_event(session: Session, ref: Ref, item: Gone | MergedInto | ConvertedTo | Garbled) -> None:
    successor: str | None = None
    fields: Mapping[str, Scalar] = {}
    match item:
        case Garbled():
            _garbled(session, ref, item.reason)
            return
        case Gone(fields=fields):
            state = "gone"
        case MergedInto(survivor=survivor, fields=fields):
            state, successor = "merged", json.dumps([ref.object, survivor])
        case ConvertedTo(object=object, successor=id, fields=fields):
            state, successor = "converted", json.dumps([object, id])
    if successor is not None or fields:
        _keep_last_words(session, ref, fields, state, successor)
    changed = session.store.rows(
        "UPDATE mirror SET state = ?, successor = ?, dirty = 1 WHERE connection = ? AND object = ? AND id = ? "
        "AND (state <> ? OR successor IS NOT ?) RETURNING id",
        (state, successor, *ref, state, successor),
    )
    if changed:
        session.ledger.look(ref)


def _keep_last_words(
    session: Session, ref: Ref, fields: Mapping[str, Scalar], state: str, successor: str | None
) -> None:
    """What a record held in the end: nobody may have read its last change, and it may have been an opt-out."""
    row = session.store.row("SELECT fields FROM mirror WHERE connection = ? AND object = ? AND id = ?", ref)
    if row is None:
        session.store.run(
            "INSERT INTO mirror (connection, object, id, fields, modified_at, state, successor) "
            "VALUES (?, ?, ?, ?, '', ?, ?)",
            (*ref, encode(fields), state, successor),  # never seen alive, and yet a step of somebody's chain
        )
    elif fields:
        session.store.run(
            "UPDATE mirror SET fields = ? WHERE connection = ? AND object = ? AND id = ?",
            (encode({**decode(row[0]), **fields}), *ref),
        )


def pull_successors(session: Session, live: Live) -> None:
    """Read what records became, where that was not listed: it may have come to be while we were reading."""
    missing: dict[str, set[str]] = {}
    for object, id in session.store.rows(
        "SELECT json_extract(d.successor, '$[0]'), json_extract(d.successor, '$[1]') FROM mirror d "
        "WHERE d.connection = ? AND d.dirty = 1 AND d.successor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mirror s "
        "WHERE s.connection = d.connection AND s.object = json_extract(d.successor, '$[0]') "
        "AND s.id = json_extract(d.successor, '$[1]'))",
        (live.name,),
    ):
        missing.setdefault(object, set()).add(id)
    for object, ids in missing.items():
        mapping = live.mapping.entity_of(object)
        if mapping is None:
            continue
        wanted, fields = sorted(ids), wanted_fields(live, mapping)
        for start in range(0, len(wanted), live.records.batch.read):
            items = live.records.read(object, wanted[start : start + live.records.batch.read], fields)
            with session.store.transaction(f"pull {live.name}/{object} successors"):
                keep_items(session, live.name, object, items)


def read_again(live: Live, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
    """Read records by id, as many at once as the system takes."""
    size, items = live.records.batch.read, list[Item]()
    for start in range(0, len(ids), size):
        items += live.records.read(object, ids[start : start + size], fields)
    return items


# --- associations ----------------------------------------------------------------------------------------------


def pull_related(session: Session, live: Live, mapping: EntityMapping, object: str) -> None:
    """Read the associations of every changed record, and of those not read for a declared number of days.

    `related_at` is null for a record that is new (and dirty), and empty for one that was modified since. One in the
    future was noted by a clock that was wrong: nobody knows when that was.
    """
    if not mapping.relations:
        return
    days = session.workspace.options.associations_every_days
    due, now = (session.at - timedelta(days=days)).isoformat(), session.at.isoformat()
    place = (live.name, object)
    rows = session.store.rows(
        "SELECT id FROM mirror WHERE connection = ? AND object = ? AND (related_at < ? OR related_at > ?) "
        "AND state = 'live' UNION SELECT id FROM mirror WHERE connection = ? AND object = ? AND dirty = 1 "
        "AND state = 'live' AND (related_at IS NULL OR related_at < ?)",
        (*place, due, now, *place, now),
    )
    ids, size = [row[0] for row in rows], live.records.batch.related
    for start in range(0, len(ids), size):
        _pull_related_part(session, live, mapping, object, ids[start : start + size])


def _pull_related_part(session: Session, live: Live, mapping: EntityMapping, object: str, ids: Sequence[str]) -> None:
    """Read all associations of some records; whoever goes on after a stop need not read them again."""
    for relation in mapping.relations:
        found = live.records.related(object, ids, relation.object)
        with session.store.transaction(f"pull {live.name}/{object} associations"):
            keep_related(session, live.name, object, list(zip(ids, found, strict=True)), relation.object)
    with session.store.transaction(f"pull {live.name}/{object} associations read"):
        session.store.bulk(
            "UPDATE mirror SET related_at = ? WHERE connection = ? AND object = ? AND id = ?",
            [(session.at.isoformat(), live.name, object, id) for id in ids],
        )


def keep_related(
    session: Session,
    connection: str,
    object: str,
    found: Sequence[tuple[str, tuple[Related, ...] | None]],
    to_object: str | None,
) -> None:
    """Replace the known associations of records (to one object, or to all) by what was found."""
    if session.erased:
        found = [(id, ends_without_erased(session, connection, ends or ())) for id, ends in found]
    ids = [id for id, _ in found]
    held: dict[str, set[tuple[str, str, int]]] = {id: set() for id in ids}
    for id, to, to_id, primary in session.store.among(
        "SELECT id, to_object, to_id, is_primary FROM association WHERE connection = ? AND object = ? AND id IN (?)",
        ids,
        connection,
        object,
    ):
        if to_object is None or to == to_object:
            held[id].add((to, to_id, primary))
    gone: list[tuple[Any, ...]] = []
    new: list[tuple[Any, ...]] = []
    touched: set[str] = set()
    for id, related in found:
        now = {(r.object, r.id, int(r.primary)) for r in related or ()}
        if now != held[id]:
            touched.add(id)
            gone += [(connection, object, id, to, to_id) for to, to_id, _ in held[id] - now]
            new += [(connection, object, id, *row) for row in now - held[id]]
    session.store.bulk(
        "DELETE FROM association WHERE connection = ? AND object = ? AND id = ? AND to_object = ? AND to_id = ?", gone
    )
    session.store.bulk("INSERT OR REPLACE INTO association VALUES (?, ?, ?, ?, ?, ?)", new)
    session.store.bulk(
        "UPDATE mirror SET dirty = 1 WHERE connection = ? AND object = ? AND id = ?",
        [(connection, object, id) for id in touched],
    )
    if to_object is None:
        session.store.bulk(
            "UPDATE mirror SET related_at = ? WHERE connection = ? AND object = ? AND id = ?",
            [(session.at.isoformat(), connection, object, id) for id in ids],
        )


# --- consent ---------------------------------------------------------------------------------------------------


def _pull_consents(session: Session, live: Live) -> None:
    """Where an opt-out flag was lifted, ask who lifted it: only an explicit opt-in may."""
    mapping = live.mapping.entities.get(Kind.PERSON)
    store = live.parts.consents
    if mapping is None or mapping.consent is None or not isinstance(store, ConsentStore) or store.flag_field is None:
        return
    lifted: list[Subject] = []
    for object in mapping.objects:
        email = live.mapping.objects[object].mapped("email")
        for id, fields, heard in session.store.rows(
            "SELECT id, fields, heard FROM mirror JOIN base USING (connection, object, id) "
            "WHERE connection = ? AND object = ? AND dirty = 1 AND state = 'live'",
            (live.name, object),
        ):
            now = decode(fields)
            if decode(heard).get(store.flag_field) is True and now.get(store.flag_field) is not True:
                address = now.get(email.field) if email else None
                lifted.append(Subject(object, id, str(address) if address else None))
    for start in range(0, len(lifted), live.records.batch.consent):
        part = lifted[start : start + live.records.batch.consent]
        found = store.read(part)
        with session.store.transaction(f"pull {live.name}/consents"):
            session.store.bulk(
                "UPDATE mirror SET consents = ? WHERE connection = ? AND object = ? AND id = ?",
                [
                    (_packed_consents(consents), live.name, subject.object, subject.id)
                    for subject, consents in zip(part, found, strict=True)
                ],
            )


def _packed_consents(consents: Sequence[Consent]) -> bytes:
    rows = [[c.scope, c.state, c.at.isoformat() if c.at else None, c.source, c.explicit] for c in consents]
    return json.dumps(rows).encode()
