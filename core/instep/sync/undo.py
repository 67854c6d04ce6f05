"""Undo: take back what one run wrote, wherever a record still holds it.

What somebody changed since is left alone and listed. What people said about being written to is never taken back.
A value that was taken back is held: the same value is not written there again until what we want to say changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import EntityMapping, RelationMapping
from instep.model.entities import Kind
from instep.model.values import Scalar, decode, display, encode, is_blank, is_same, unpack
from instep.sync.changes import Action, Change, Value
from instep.sync.consentdoor import keeps_consent
from instep.sync.labels import label_of
from instep.sync.ledger import Ref
from instep.sync.pull import wanted_fields
from instep.sync.session import Live, Session
from instep.sync.state import undone_of
from instep.sync.ties import ends_of

_IS_UNDONE = "the run that wrote it is undone"


@dataclass(frozen=True, slots=True)
class Wrote:
    """One write of the run, by its row in the journal."""

    ref: Ref
    action: str
    before: Mapping[str, Scalar]
    after: Mapping[str, Scalar]
    returned: Mapping[str, Scalar]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Now:
    """What the mirror holds of a record now."""

    fields: Mapping[str, Scalar]
    state: str
    entity: str | None


@dataclass(slots=True)
class Undoing:
    """What it takes to take a run back."""

    session: Session
    run: int
    delete_created: bool
    changes: list[Change] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    """What stays as it is: record, field, and why."""
    held: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows for the table of held values."""
    freed: list[tuple[Ref, str]] = field(default_factory=list)
    """Deleted records whose entity loses its tombstone there, so that the next sync makes one again."""

    def leave(self, wrote: Wrote, what: str, why: str) -> None:
        """Leave something as it is, and say why."""
        self.left.append({"record": str(wrote.ref), "what": what, "why": why})

    def hold(self, ref: Ref, name: str, said: Scalar, back: Scalar = None) -> None:
        """Keep that a record that has a value `back` shall not be told the same again."""
        self.held.append((*ref, name, encode({"said": said, "back": back}), self.session.run))

    def still_said(self, ref: Ref, name: str, held: Scalar, said: Scalar) -> Scalar:
        """What a record is not told again: where an undo put the value that is there, what that one took back."""
        known = undone_of(self.session, ref).get(name)
        return known.said if known is not None and is_same(known.back, held) else said


def plan_undo(session: Session, run: int, *, delete_created: bool) -> Undoing:
    """What to write so that what a run wrote is as it was before. Touches nothing.

    Raises `ConfigError` if there is no such run, or if it wrote nothing.
    """
    if session.store.row("SELECT 1 FROM run WHERE id = ? AND id < ?", (run, session.run)) is None:
        raise ConfigError(f"There is no run {run}. See: instep runs")
    wrote = _read_journal(session, run)
    if not wrote:
        raise ConfigError(f"Run {run} wrote nothing that could be undone. See: instep show {run}")
    undoing = Undoing(session, run, delete_created)
    made = {one.ref for one in wrote if one.action == "create"}
    for place, rows in _by_place(wrote).items():
        live = session.connections.get(place[0])
        mapping = session.mapping(*place)
        now = _mirror(session, place, [one.ref.id for one in rows])
        for one in rows:
            if live is None or mapping is None:
                undoing.leave(one, one.action, "it is not mapped any more")
            else:
                _take(undoing, live, mapping, one, now.get(one.ref.id), made)
    undoing.changes = [replace(change, label=label_of(session.store, change.entity)) for change in undoing.changes]
    return undoing


def store_held(session: Session, undoing: Undoing) -> None:
    """Keep what is held from now on, inside the transaction of the first journal rows."""
    session.store.bulk("INSERT OR REPLACE INTO undone VALUES (?, ?, ?, ?, ?, ?)", undoing.held)
    session.store.bulk(
        "DELETE FROM tombstone WHERE connection = ? AND entity = ?",
        [(ref.connection, entity) for ref, entity in undoing.freed],
    )
    session.store.bulk(
        "UPDATE mirror SET dirty = 0 WHERE connection = ? AND object = ? AND id = ?",
        [ref for ref, _ in undoing.freed],  # that it is gone needs no burial any more
    )
    decided_anew = {change.entity for change in undoing.changes} | {entity for _, entity in undoing.freed}
    session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(entity,) for entity in sorted(decided_anew)])
    session.store.bump("serial")


# --- what the run wrote, and what is there now -----------------------------------------------------------------


def _read_journal(session: Session, run: int) -> list[Wrote]:
    """The writes that took effect, or may have in part: what is there now tells."""
    rows = session.store.rows(
        "SELECT connection, object, record, action, before, after, answer, reason FROM journal "
        "WHERE run = ? AND state IN ('confirmed', 'resolved') AND record IS NOT NULL ORDER BY seq",
        (run,),
    )
    return [
        Wrote(Ref(*row[:3]), row[3], decode(row[4]), decode(row[5]), _returned(row[6]), json.loads(row[7]))
        for row in rows
    ]


def _returned(answer: bytes | None) -> dict[str, Scalar]:
    found = json.loads(answer).get("fields", {}) if answer else {}
    return {name: unpack(value) for name, value in found.items()}


def _by_place(wrote: Iterable[Wrote]) -> dict[tuple[str, str], list[Wrote]]:
    places: dict[tuple[str, str], list[Wrote]] = {}
    for one in wrote:
        places.setdefault((one.ref.connection, one.ref.object), []).append(one)
    return places


def _mirror(session: Session, place: tuple[str, str], ids: Sequence[str]) -> dict[str, Now]:
    rows = session.store.among(
        "SELECT id, fields, state, entity FROM mirror WHERE connection = ? AND object = ? AND id IN (?)",
        sorted(set(ids)),
        *place,
    )
    return {id: Now(decode(fields), state, entity) for id, fields, state, entity in rows}


# --- one write -------------------------------------------------------------------------------------------------


def _take(
    undoing: Undoing, live: Live, mapping: EntityMapping, wrote: Wrote, now: Now | None, made: set[Ref]
) -> None:
    match wrote.action:
        case "delete":
            _make_again(undoing, wrote, now)
        case "opt_out" | "opt_out_new" | "opt_in":
            undoing.leave(wrote, "consent", "what was said about being written to is never taken back")
        case _ if now is None or now.state != "live" or now.entity is None:
            undoing.leave(wrote, wrote.action, f"the record is {_became(now)}")
        case "update":
            _restore(undoing, live, mapping, wrote, now)
        case "create":
            _remove(undoing, live, mapping, wrote, now)
        case "relate" | "unrelate":
            _tie_back(undoing, mapping, wrote, now, made)


def _became(now: Now | None) -> str:
    states = {"gone": "deleted", "merged": "merged into another one", "converted": "converted"}
    return states.get(now.state, "not linked any more") if now else "not there any more"


def _change(action: Action, mapping: EntityMapping, wrote: Wrote, entity: str, values: Sequence[Value]) -> Change:
    return Change(action, *wrote.ref[:2], mapping.kind, entity, wrote.ref.id, tuple(values))


def _restore(undoing: Undoing, live: Live, mapping: EntityMapping, wrote: Wrote, now: Now) -> None:
    """Give each field its former value back, if it still holds what the run wrote."""
    values: list[Value] = []
    for name, after in wrote.after.items():
        held, before = now.fields.get(name), wrote.before.get(name)
        if name == mapping.instep_id or held == before:
            continue
        if why := _why_not(live, mapping, wrote, now, name):
            undoing.leave(wrote, name, why)
            continue
        values.append(Value(_canonical_name(mapping, name), name, held, before, _IS_UNDONE))
        undoing.hold(wrote.ref, name, undoing.still_said(wrote.ref, name, held, after), before)
    if values:
        undoing.changes.append(_change("update", mapping, wrote, str(now.entity), values))


def _why_not(live: Live, mapping: EntityMapping, wrote: Wrote, now: Now, name: str) -> str | None:
    """Why a field is not given back what it held; None where it is. A cleared stage says nothing."""
    if keeps_consent(live, mapping.consent, name):
        return "what was said about being written to is never taken back"
    if name not in now.fields or name not in wanted_fields(live, mapping):
        return "it cannot be seen now"
    if not live.can_write(wrote.ref.object, name):
        return "it cannot be written now"
    if not _holds(now, wrote, name) and not (mapping.is_stage(name) and is_blank(now.fields[name])):
        return f"it was changed since, and holds {display(now.fields[name])!r} now"
    if changed := [other for other in _beside(mapping, name) if not _holds(now, wrote, other)]:
        return f"{changed[0]} was changed since, and the two are one value"
    return None


def _beside(mapping: EntityMapping, name: str) -> list[str]:
    """The fields that hold one value together with this one: an amount and its currency."""
    places = [(mapped.field, mapped.currency_field) for mapped in mapping.fields]
    return [other for both in places if name in both for other in both if other not in (name, None)]


def _holds(now: Now, wrote: Wrote, name: str) -> bool:
    """Whether a field still holds what the run left there: as it was sent, or as it came back."""
    held = now.fields.get(name)
    if name in wrote.returned:
        return held in (wrote.returned[name], wrote.after.get(name, wrote.returned[name]))
    return name not in wrote.after or is_same(held, wrote.after[name])


def _canonical_name(mapping: EntityMapping, name: str) -> str:
    if mapping.is_stage(name):
        return "stage"
    return next((mapped.name for mapped in mapping.fields if name in (mapped.field, mapped.currency_field)), name)


# --- records that the run made, or deleted ---------------------------------------------------------------------


def _remove(undoing: Undoing, live: Live, mapping: EntityMapping, wrote: Wrote, now: Now) -> None:
    """Delete a record that the run made, where that is wanted and nobody has worked on it since."""
    if not undoing.delete_created:
        undoing.leave(wrote, "create", "it was created and stays; with --delete-created it is deleted")
        return
    ours = {name for name in now.fields if name == mapping.instep_id or keeps_consent(live, mapping.consent, name)}
    edited = [name for name in now.fields.keys() - ours if not _is_as_made(now, wrote, name)]
    if edited:
        undoing.leave(wrote, "create", f"it was created and stays: {', '.join(sorted(edited))} was changed since")
        return
    names = [name for name in wrote.after if name != mapping.instep_id]
    values = [Value(_canonical_name(mapping, n), n, now.fields.get(n), None, _IS_UNDONE) for n in names]
    undoing.changes.append(_change("delete", mapping, wrote, str(now.entity), values))


def _is_as_made(now: Now, wrote: Wrote, name: str) -> bool:
    """Whether nobody has worked on a field of a new record: what was not sent and did not come back began blank."""
    is_known = name in wrote.after or name in wrote.returned
    return _holds(now, wrote, name) if is_known else is_blank(now.fields[name])


def _make_again(undoing: Undoing, wrote: Wrote, now: Now | None) -> None:
    """Let a record that an undo deleted be created again: by the next sync, which makes no twin of another one."""
    if now is None or now.state == "live" or now.entity is None:
        undoing.leave(wrote, "delete", "it is there again" if now and now.entity else "it is not known any more")
        return
    undoing.freed.append((wrote.ref, now.entity))
    undoing.leave(wrote, "delete", "the next sync creates it again")


# --- associations ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tie:
    """An association that the run made or ended, and what there is now."""

    wrote: Wrote
    relation: RelationMapping
    kind: Kind
    entity: str
    there: Mapping[str, bool]
    """The records that it is tied to now, and whether each is the primary one."""

    @property
    def end(self) -> str:
        return str(self.wrote.detail["to"])

    @property
    def was_there(self) -> bool:
        return bool(self.wrote.detail["was"]["there"])

    @property
    def former(self) -> str | None:
        """What was in the end's place before, where there is only one."""
        primary = self.wrote.detail["was"]["primary"]
        return None if self.relation.many or primary == self.end else primary

    def change(self, action: Action, entity: str, *, primary: bool = False) -> Change:
        place = (*self.wrote.ref[:2], self.kind, self.entity, self.wrote.ref.id)
        name, object = self.relation.name, self.relation.object
        change = Change(action, *place, relation=name, to_object=object, to_entity=entity, primary=primary)
        return replace(change, because=_IS_UNDONE)


def _tie_back(undoing: Undoing, mapping: EntityMapping, wrote: Wrote, now: Now, made: set[Ref]) -> None:
    """Tie what the run untied, and untie what it tied. What belongs to a new record goes or stays with it."""
    name, end = wrote.detail["relation"], Ref(wrote.ref.connection, wrote.detail["to_object"], wrote.detail["to"])
    if wrote.ref in made or end in made:
        return
    relation = next((relation for relation in mapping.relations if relation.name == name), None)
    if relation is None or "was" not in wrote.detail:
        undoing.leave(wrote, name, "it is not mapped any more")
        return
    there = ends_of(undoing.session.store, wrote.ref, relation.object)
    tie = Tie(wrote, relation, mapping.kind, str(now.entity), there)
    if wrote.action == "relate":
        _untie(undoing, tie)
    elif tie.was_there and tie.end not in there:
        _tie(undoing, tie, tie.end)


def _untie(undoing: Undoing, tie: Tie) -> None:
    if tie.end not in tie.there or (tie.former is not None and not tie.there[tie.end]):
        if tie.former is not None and not tie.there.get(tie.former):
            undoing.leave(tie.wrote, tie.relation.name, "it was changed since")
        return
    if tie.former is not None:
        _tie(undoing, tie, tie.former)
    if not tie.was_there:
        undoing.changes.append(tie.change("unrelate", tie.wrote.detail["to_entity"]))
    undoing.hold(tie.wrote.ref, f"@{tie.relation.name}:{tie.wrote.detail['to_entity']}", "relate")


def _tie(undoing: Undoing, tie: Tie, id: str) -> None:
    place = (tie.wrote.ref.connection, tie.relation.object, id)
    found = undoing.session.store.row(
        "SELECT entity FROM mirror WHERE connection = ? AND object = ? AND id = ? AND state = 'live'", place
    )
    if found is None or found[0] is None:
        undoing.leave(tie.wrote, tie.relation.name, f"{id} is not there any more")
        return
    undoing.changes.append(tie.change("relate", str(found[0]), primary=not tie.relation.many))
    if tie.wrote.action == "unrelate":
        undoing.hold(tie.wrote.ref, f"@{tie.relation.name}:{tie.wrote.detail['to_entity']}", "unrelate")
