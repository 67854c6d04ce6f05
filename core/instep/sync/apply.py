"""Apply: do exactly what a plan says, one batch at a time, with a journal that survives anything.

Before each call its rows are stored as `intended`; after it, with what came of them. Decisions, bases and links
are recorded with the first of them. What comes back is the new base, so that a vendor's normalising is no echo.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from instep.contract import (
    ConsentChange,
    ConsentStore,
    Create,
    Delete,
    Garbled,
    Gone,
    Item,
    Missing,
    Moved,
    Outcome,
    Rejected,
    Relation,
    Seen,
    Subject,
    Unknown,
    Update,
    Write,
    Written,
)
from instep.errors import PlanError, PluginError, RemoteError, UnknownOutcomeError
from instep.model.values import decode, pack
from instep.sync.changes import Change, Plan
from instep.sync.consentdoor import objections
from instep.sync.journal import intend, settle
from instep.sync.ledger import Ref
from instep.sync.match import index_keys, keys_of
from instep.sync.pull import keep_items, read_again, wanted_fields
from instep.sync.record import Record, confirm_earlier, store_written
from instep.sync.refusals import bury, is_about_one_value, pardon, quarantine
from instep.sync.session import Live, Session, note_stop
from instep.sync.ties import ends_of, tied_elsewhere

Recorder = Callable[[], None]


@dataclass(slots=True)
class Applying:
    """Where an apply stands."""

    session: Session
    record_decisions: Recorder | None
    pending: Counter[str] = field(default_factory=Counter)
    """Entity to how many of its changes are not settled."""
    there: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(connection, object, entity) to the record that this run linked or created."""
    unsettled: set[str] = field(default_factory=set)
    stopped: dict[str, str] = field(default_factory=dict)
    """Connection to why nothing more is sent to it in this run."""
    elsewhere: set[tuple[str, str, str, str]] = field(default_factory=set)
    """(connection, object, relation, record) of what a colleague has tied to another one since it was planned."""

    def leave_out(self, change: Change, ref: Ref | None, why: str) -> None:
        """Do without a change in this run; its entity is decided anew in the next one."""
        self.pending[change.entity] -= 1
        self.unsettled.add(change.entity)
        if ref is not None:
            self.session.ledger.skip(ref, why)


def apply(
    session: Session,
    plan: Plan,
    record_decisions: Recorder,
    links: Mapping[Ref, str],
    *,
    settles_entities: bool = True,
) -> dict[str, str]:
    """Write every change of a plan. Returns the connections that had to be left early, and why.

    `record_decisions` stores what was decided, this run's new `links` among it; it runs inside the transaction of
    the first journal rows. `settles_entities` says that the plan holds everything that its entities need.
    Raises `AccessError` when a login is refused, and `PlanError` when another run has taken over.
    """
    applying = Applying(session, record_decisions, stopped=dict(session.stopped))
    applying.there.update({(ref.connection, ref.object, entity): ref.id for ref, entity in links.items()})
    applying.pending.update(change.entity for change in plan.changes)
    if not settles_entities:
        applying.unsettled.update(applying.pending)
    done = 0
    for batch in batches(session, plan.changes):
        live = session.live(batch[0].connection)
        if live.name in applying.stopped:
            _postpone(applying, batch)
            continue
        session.progress("apply", done, len(plan.changes))
        done += len(batch)
        ready = _resolved(applying, batch)
        try:
            fresh = _still_as_planned(applying, live, ready)
            live.budget.require(_calls(live, fresh))
        except RemoteError as error:
            applying.stopped[live.name] = str(error)
            note_stop(session, live.name, error)
            _postpone(applying, batch)
            continue
        if fresh:
            with live.budget.to_the_end():
                _apply_batch(applying, live, fresh)
    if applying.record_decisions is not None:
        with session.store.transaction("decisions"):
            applying.record_decisions()
    return applying.stopped


def batches(session: Session, changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Runs of changes that one call can carry."""
    batch: list[Change] = []
    room = 0
    for change in changes:
        size = _size(session, change)
        if batch and (_call(change) != _call(batch[0]) or len(batch) >= min(room, size)):
            yield batch
            batch = []
        room = min(room, size) if batch else size
        batch.append(change)
    if batch:
        yield batch


def _call(change: Change) -> tuple[str, ...]:
    return change.action, change.connection, change.object, change.to_object, change.relation, change.scope


def _size(session: Session, change: Change) -> int:
    """How many changes one call may carry along with this one."""
    most = _most(session, change)
    return min(most, session.fewer.get((change.connection, change.entity, change.action), most))


def _most(session: Session, change: Change) -> int:
    sizes = session.live(change.connection).records.batch
    match change.action:
        case "create" | "update" | "delete":
            return sizes.write
        case "relate" | "unrelate":
            return sizes.relate
    return sizes.consent


def _calls(live: Live, ready: Sequence[Ready]) -> int:
    """About how many calls a batch takes to its end."""
    return live.records.batch.calls if ready else 0


# --- before the call -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """A change with every id it needs."""

    change: Change
    record: str | None
    to_record: str | None = None


def _resolved(applying: Applying, batch: Sequence[Change]) -> list[Ready]:
    """Give every change the ids of records that were created meanwhile; drop those whose record never came."""
    ready: list[Ready] = []
    for change in batch:
        record = change.record
        if record is None and change.action != "create":
            record = _record_of(applying, change.connection, change.object, change.entity)
        to_record = None
        if change.relation:
            to_record = _record_of(applying, change.connection, change.to_object, change.to_entity)
        if (change.action != "create" and record is None) or (change.relation and to_record is None):
            applying.leave_out(change, change.ref, "waits for another record")
            continue
        ready.append(Ready(change, record, to_record))
    return ready


def _record_of(applying: Applying, connection: str, object: str, entity: str) -> str | None:
    created = applying.there.get((connection, object, entity))
    if created is not None:
        return created
    found = applying.session.store.rows(
        "SELECT id FROM mirror WHERE entity = ? AND connection = ? AND object = ? AND state = 'live'",
        (entity, connection, object),
    )
    return min((str(row[0]) for row in found), default=None)


def _still_as_planned(applying: Applying, live: Live, ready: list[Ready]) -> list[Ready]:
    """Read again what was read too long ago, and leave out by name what has changed since."""
    session = applying.session
    if not ready or _is_fresh(session, live, ready[0].change.object):
        return ready
    if ready[0].change.relation:
        return _not_tied_elsewhere(applying, live, ready)
    if ready[0].change.action not in ("update", "delete"):
        return ready
    object = ready[0].change.object
    mapping = session.mapping(live.name, object)
    if mapping is None:
        return ready
    items = read_again(live, object, [str(one.record) for one in ready], wanted_fields(live, mapping))
    return [one for one, item in zip(ready, items, strict=True) if _is_as_planned(applying, one, item)]


def _not_tied_elsewhere(applying: Applying, live: Live, ready: list[Ready]) -> list[Ready]:
    """The associations of one relation without those of records that a colleague has tied to another one since."""
    place = (live.name, ready[0].change.object, ready[0].change.relation)
    moved = tied_elsewhere(applying.session, live, [one.change for one in ready])
    applying.elsewhere |= {(*place, id) for id in moved}
    left = [one for one in ready if (*place, str(one.record)) in applying.elsewhere]
    for one in left:
        _leave_changed(applying, one.change, "tied to another one since it was planned")
    return [one for one in ready if one not in left]


def _is_fresh(session: Session, live: Live, object: str) -> bool:
    row = session.store.row("SELECT read_at FROM cursor WHERE connection = ? AND stream = ?", (live.name, object))
    limit = timedelta(seconds=session.workspace.options.recheck_after_seconds)
    return row is not None and abs(session.world.clock() - datetime.fromisoformat(row[0])) <= limit


def _is_as_planned(applying: Applying, ready: Ready, item: Item) -> bool:
    change = ready.change
    if isinstance(item, Seen):
        if all(item.fields.get(name) == value for name, value in change.expected.items()):
            return True
        reason = "changed since it was planned"
    elif isinstance(item, Gone):
        reason = "deleted since it was planned"
        with applying.session.store.transaction("deleted since"):
            _bury(applying.session, change, ready)
    else:
        reason = "moved since it was planned"
    _leave_changed(applying, change, reason)
    return False


def _leave_changed(applying: Applying, change: Change, reason: str) -> None:
    """Do without a change whose record is another one now, and say so."""
    applying.leave_out(change, change.ref, reason)
    applying.session.ledger.note(
        "changed",
        change.connection,
        f"A record was {reason}.",
        "It is decided anew in the next run.",
        str(change.ref),
    )


# --- the call --------------------------------------------------------------------------------------------------


def _apply_batch(applying: Applying, live: Live, ready: list[Ready]) -> None:
    session = applying.session
    with session.store.transaction("journal: intended"):
        if applying.record_decisions is not None:
            applying.record_decisions()
            applying.record_decisions = None
        ready = _with_consent(applying, live, ready)
        rows = [_journal(session, one, len(ready)) for one in ready]
    if not ready:
        return
    try:
        outcomes = _send(session, live, ready)
    except RemoteError as error:
        if not isinstance(error, UnknownOutcomeError):
            applying.stopped[live.name] = str(error)
            note_stop(session, live.name, error)
        outcomes = [Unknown(str(error)) for _ in ready]  # part of the call may have taken effect
    live.require_one_each(outcomes, ready)
    departed = _departed_ends(session, live, ready, outcomes)
    with session.store.transaction("journal: outcome"):
        for (object, _), item in departed.items():
            keep_items(session, live.name, object, [item])
        for seq, one, outcome in zip(rows, ready, outcomes, strict=True):
            _settle(applying, live, seq, one, _told_apart(one, outcome, departed))


def _ends(ready: Ready) -> list[tuple[str, str]]:
    """The object and id of what an association ties."""
    change = ready.change
    if not change.relation:
        return []
    return [(change.object, str(ready.record)), (change.to_object, str(ready.to_record))]


def _told_apart(ready: Ready, outcome: Outcome, departed: Mapping[tuple[str, str], Item]) -> Outcome:
    """A refused association whose end is gone was no mistake of anybody's."""
    is_over = isinstance(outcome, Rejected) and any(end in departed for end in _ends(ready))
    return Missing() if is_over else outcome


def _departed_ends(
    session: Session, live: Live, ready: Sequence[Ready], outcomes: Sequence[Outcome]
) -> dict[tuple[str, str], Item]:
    """What became of records whose association was refused: each vendor says in other words that an end is gone."""
    asked: dict[str, dict[str, bool]] = {}
    for one, outcome in zip(ready, outcomes, strict=True):
        if isinstance(outcome, Missing | Rejected):
            for object, id in _ends(one):
                ids = asked.setdefault(object, {})
                ids[id] = ids.get(id, False) or isinstance(outcome, Missing)
    found: dict[tuple[str, str], Item] = {}
    for object, ids in asked.items():
        mapping = session.mapping(live.name, object)
        if mapping is None:
            continue
        try:
            items = read_again(live, object, list(ids), wanted_fields(live, mapping))
        except RemoteError:
            continue  # the next run hears of them as of any record
        for (id, is_missing), item in zip(ids.items(), items, strict=True):
            if isinstance(item, Garbled) and is_missing:
                found[object, id] = Gone(id)  # neither to be tied nor to be read
            elif not isinstance(item, Seen | Garbled):
                found[object, id] = item
    return found


_CONSENT_REMEDY = "Map the field under [person.consent], or record an opt-in where the person gave it."


def _with_consent(applying: Applying, live: Live, ready: list[Ready]) -> list[Ready]:
    """Hold back what would let somebody be written to who opted out: the one door that every write passes."""
    held_back = objections(applying.session, live, [one.change for one in ready])
    for change, reason in held_back.items():
        applying.leave_out(change, change.target, "held back for consent")
        text = f"Not written, because {reason}."
        applying.session.ledger.note("consent", change.connection, text, _CONSENT_REMEDY, str(change.target))
        applying.session.store.run(
            "INSERT OR REPLACE INTO standing (subject, code, text, connection, remedy) VALUES (?, ?, ?, ?, ?)",
            (str(change.ref or change.entity), "consent", text, change.connection, _CONSENT_REMEDY),
        )
    return [one for one in ready if one.change not in held_back]


def _send(session: Session, live: Live, ready: Sequence[Ready]) -> list[Outcome]:
    change = ready[0].change
    match change.action:
        case "create" | "update" | "delete":
            mapping = session.mapping(live.name, change.object)
            if mapping is None:
                raise PlanError(f"{live.name} no longer maps {change.object}. Plan again.")
            fields = wanted_fields(live, mapping)
            return live.records.write(change.object, [_write(session, live, one) for one in ready], fields)
        case "relate":
            return live.records.relate([_relation(one) for one in ready])
        case "unrelate":
            return live.records.unrelate([_relation(one) for one in ready])
    consents = live.parts.consents
    if not isinstance(consents, ConsentStore):
        raise PluginError(f"{live.plugin.name} lost its consent store. Tell the plugin's author.")
    changes = [_consent(session, live, one) for one in ready]
    return consents.opt_in(changes) if change.action == "opt_in" else consents.opt_out(changes)


def _write(session: Session, live: Live, ready: Ready) -> Write:
    change = ready.change
    if change.action == "delete":
        return Delete(str(ready.record))
    if change.action == "update":
        return Update(str(ready.record), change.fields, change.expected)
    mapping = session.mapping(live.name, change.object)
    key_field = mapping.instep_id if mapping and mapping.instep_id else "instep_id"
    return Create(key_field, change.entity, change.fields)


def _relation(ready: Ready) -> Relation:
    change = ready.change
    return Relation(change.object, str(ready.record), change.to_object, str(ready.to_record), change.primary)


def _consent(session: Session, live: Live, ready: Ready) -> ConsentChange:
    change = ready.change
    mapping = session.mapping(live.name, change.object)
    mapped = mapping.mapped("email") if mapping else None
    row = session.store.row(
        "SELECT fields FROM mirror WHERE connection = ? AND object = ? AND id = ?",
        (live.name, change.object, ready.record),
    )
    email = decode(row[0]).get(mapped.field) if row and mapped else None
    subject = Subject(change.object, str(ready.record), str(email) if email else None)
    return ConsentChange(subject, change.scope, change.at or session.at, change.because)


# --- the journal -----------------------------------------------------------------------------------------------


def _journal(session: Session, ready: Ready, together: int) -> int:
    change = ready.change
    reason = {v.name: v.because for v in change.values if v.name != "instep_id"} or {change.action: change.because}
    detail = {
        "why": reason,
        "digest": change.digest,
        "relation": change.relation,
        "to_object": change.to_object,
        "to": ready.to_record,
        "to_entity": change.to_entity,
        "scope": change.scope,
        "together": together,
    }
    if change.relation:
        detail["was"] = _tied(session, ready)
    place = (change.connection, change.object, ready.record)
    values = {"before": change.expected, "after": change.fields}
    return intend(session, place, change.entity, change.action, detail, **values)


def _tied(session: Session, ready: Ready) -> dict[str, Any]:
    """Whether the two were tied before, and what was the primary one then: an undo asks."""
    change = ready.change
    ends = ends_of(session.store, Ref(change.connection, change.object, str(ready.record)), change.to_object)
    primary = next((id for id, is_primary in ends.items() if is_primary), None)
    return {"there": ready.to_record in ends, "primary": primary}


def _settle(applying: Applying, live: Live, seq: int, ready: Ready, outcome: Outcome) -> None:
    session, change = applying.session, ready.change
    ref = Ref(change.connection, change.object, ready.record) if ready.record else None
    is_settled = True
    match outcome:
        case Written():
            _keep_written(applying, live, ready, outcome)
            state = "confirmed"
        case Rejected():
            outcome = _as_it_may_pass(session, live, change, outcome)
            others = is_about_one_value(change, outcome) and len(change.fields) > 1
            state, is_settled = "rejected", outcome.permanent and not others
            quarantine(session, change, outcome)
        case Missing() if change.relation:
            state, is_settled = "rejected", False
            if ref is not None:
                session.ledger.skip(ref, "what it was to be tied to is not there any more")
        case Missing():
            state = "rejected"
            _bury(session, change, ready)
        case Moved():
            state = "rejected"
            if ref is not None:
                session.ledger.skip(ref, "moved")
        case Unknown(reason=reason):
            state, is_settled = "unknown", False
            target = ref or change.target
            session.ledger.look(target)
            session.ledger.quarantine(target, "unknown outcome")
            session.ledger.note(
                "unanswered", live.name, reason, "The next run looks up what came of it.", str(target)
            )
    settle(session, seq, state, _answer(outcome), _record_id(ready, outcome))
    code, record = outcome.code if isinstance(outcome, Rejected) else "", str(ref or change.target)
    session.log("write", connection=live.name, record=record, action=change.action, outcome=state, code=code)
    applying.pending[change.entity] -= 1
    if not is_settled:
        applying.unsettled.add(change.entity)
    if applying.pending[change.entity] <= 0 and change.entity not in applying.unsettled:
        session.store.run("UPDATE entity SET dirty = 0 WHERE id = ?", (change.entity,))


def _as_it_may_pass(session: Session, live: Live, change: Change, refusal: Rejected) -> Rejected:
    """Where a field is refused, the system is asked again what there is; one that is not there is left out then."""
    if refusal.code == "unknown_field" or is_about_one_value(change, refusal):
        session.store.run("UPDATE connection SET catalogue_at = NULL WHERE name = ?", (live.name,))
    return replace(refusal, permanent=False) if refusal.code == "unknown_field" else refusal


def _record_id(ready: Ready, outcome: Outcome) -> str | None:
    return outcome.id if isinstance(outcome, Written) and ready.record is None else ready.record


def _answer(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Written(id=id, fields=fields, created=created):
            return {"id": id, "created": created, "fields": {n: pack(v) for n, v in fields.items()}}
        case Rejected(code=code, reason=reason):
            return {"code": code, "reason": reason}
        case Moved(object=object, id=id):
            return {"moved_to": [object, id]}
        case Unknown(reason=reason):
            return {"unknown": reason}
    return {"missing": True}


def _keep_written(applying: Applying, live: Live, ready: Ready, outcome: Written) -> None:
    session, change = applying.session, ready.change
    known = Ref(change.connection, change.object, ready.record) if ready.record else None
    match change.action:
        case "create":
            if not outcome.created:
                confirm_earlier(session, Record(Ref(change.connection, change.object, outcome.id), change.entity))
            applying.there[(change.connection, change.object, change.entity)] = outcome.id
            _keep_record(session, live, change, outcome)
        case "update":
            _keep_record(session, live, change, outcome)
        case "relate" | "unrelate":
            keep_relation(session, Ref(change.connection, change.object, str(ready.record)), change, ready.to_record)
        case "opt_out" | "opt_out_new" | "opt_in":
            _keep_consent(session, live, change, str(ready.record))
        case "delete":
            _bury(session, change, ready)
    pardon(session, change)
    session.ledger.wrote(change.connection, change.object, change.verb, known)


def _keep_record(session: Session, live: Live, change: Change, outcome: Written) -> None:
    mapping = session.mapping(live.name, change.object)
    ref = Ref(change.connection, change.object, outcome.id)
    now = store_written(
        session,
        Record(ref, change.entity),
        sent=change.fields,
        returned=outcome.fields,
        modified_at=outcome.modified_at,
        blank=wanted_fields(live, mapping) if mapping is not None and change.action == "create" else (),
    )
    if mapping is not None:
        index_keys(session, change.kind, [(ref, keys_of(live, mapping, now))])


def keep_relation(session: Session, ref: Ref, change: Change, to_record: str | None) -> None:
    """An association that was written is in the mirror, and heard."""
    place = (*ref, change.to_object, to_record)
    if change.action == "relate":
        if change.primary:
            session.store.run(
                "UPDATE association SET is_primary = 0 WHERE connection = ? AND object = ? AND id = ? "
                "AND to_object = ?",
                (*ref, change.to_object),
            )
        session.store.run(
            "INSERT OR REPLACE INTO association VALUES (?, ?, ?, ?, ?, ?)", (*place, int(change.primary))
        )
    else:
        session.store.run(
            "DELETE FROM association WHERE connection = ? AND object = ? AND id = ? AND to_object = ? AND to_id = ?",
            place,
        )
    row = session.store.row("SELECT related FROM base WHERE connection = ? AND object = ? AND id = ?", ref)
    related = json.loads(row[0]) if row and row[0] else {}
    held = [end for end in related.get(change.relation, []) if end != change.to_entity]
    if change.action == "relate":
        held = [change.to_entity, *held] if change.primary else [*held, change.to_entity]
    related[change.relation] = held
    session.store.run(
        "UPDATE base SET related = ? WHERE connection = ? AND object = ? AND id = ?",
        (json.dumps(related).encode(), *ref),
    )


def _keep_consent(session: Session, live: Live, change: Change, record: str) -> None:
    mapping = session.mapping(live.name, change.object)
    consents = live.parts.consents
    if mapping is None or not isinstance(consents, ConsentStore) or consents.flag_field is None:
        return
    flag = {consents.flag_field: change.action != "opt_in"}
    ref = Ref(change.connection, change.object, record)
    store_written(session, Record(ref, change.entity), sent={}, returned=flag, modified_at=None, heard=flag)


def _bury(session: Session, change: Change, ready: Ready) -> None:
    """A record that is not there any more: nothing is created in its place."""
    ref = Ref(change.connection, change.object, str(ready.record))
    session.store.run(
        "UPDATE mirror SET state = 'gone', dirty = 1 WHERE connection = ? AND object = ? AND id = ?", ref
    )
    bury(session, change.connection, change.entity, "deleted there")
    session.ledger.skip(ref, "deleted there")


def _postpone(applying: Applying, batch: Iterable[Change]) -> None:
    for change in batch:
        applying.unsettled.add(change.entity)
        if change.ref is not None:
            applying.session.ledger.skip(change.ref, "postponed: " + applying.stopped[change.connection][:80])
