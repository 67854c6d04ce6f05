"""Plan: say what must be written so that every system shows what was decided. Touches nothing.

Every value is compared with the mirror first; what a system cannot express is left out and said. A plan is an
ordered list of changes with a digest: referents before references, removals last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from instep.contract import Absent
from instep.mapping.compiled import FieldMapping, RelationMapping
from instep.mapping.translate import Unheard, Untold
from instep.model.conflict import BY_A_PERSON
from instep.model.consent import is_opted_out
from instep.model.entities import DERIVED
from instep.model.values import Scalar, decode, is_blank, is_same, normalised
from instep.sync.changes import CONSENT, OPT_OUT_HOLDS, OPTED_IN, Change, Value, quarantine_key
from instep.sync.creates import plan_create
from instep.sync.decisions import Decisions
from instep.sync.fields import consent_flag, ends, flag_for, is_flagged_out
from instep.sync.labels import label
from instep.sync.ledger import Ref, quoted
from instep.sync.session import Session, utc
from instep.sync.stagelists import is_usable
from instep.sync.stages import report_unknown, table_for
from instep.sync.state import EntityState, RecordState
from instep.sync.words import canonical, relate, report_missing, report_untold, say, stage_word

UNDONE = "A record keeps what it held before a run that was undone."
_NEVER_BLANK = frozenset({"instep_id", "instep_stage", "score"})
WRITTEN_AGAIN = "It is written again when the value changes here or in another system."


@dataclass(frozen=True, slots=True)
class Refused:
    """What was refused before: a whole write by its digest, or single values of one by their field."""

    digest: str
    code: str
    values: Mapping[str, Scalar]
    due_at: str | None = None
    files: str = ""
    modified_at: str | None = None

    def is_due(self, session: Session, record: RecordState | None) -> bool:
        """Whether to try it again: its time has come, a file changed, or it was parked and the record changed."""
        if self.due_at is not None and self.due_at <= session.at.isoformat():
            return True
        if self.files != session.workspace.digest:
            return True
        is_another = record is not None and utc(self.modified_at) != record.modified_at
        return self.due_at is None and is_another


@dataclass(slots=True)
class Planning:
    """What planning one run needs to know across entities."""

    session: Session
    entity_of: Mapping[Ref, str]
    quarantined: Mapping[tuple[str, str, str], Refused]
    released: set[tuple[str, str, str, str]]


def plan(session: Session, decisions: Decisions, states: Sequence[EntityState]) -> list[Change]:
    """What has to be written for these decided entities, in no particular order yet."""
    quarantined = _quarantined(session, [state.id for state in states])
    planning = Planning(session, decisions.entity_of, quarantined, decisions.released)
    refused: dict[str, set[tuple[str, str, str]]] = {}
    for key in planning.quarantined:
        if key[0] in session.connections and key[0] not in session.stopped:
            refused.setdefault(key[1], set()).add(key)
    changes: list[Change] = []
    for state in states:
        found = _plan_entity(planning, state)
        wanted = {quarantine_key(change) for change in found if _wants_what_was_refused(planning, change)}
        decisions.over |= refused.get(state.id, set()) - wanted
        passing = [_without_refused(planning, state, change) for change in found]
        kept = [replace(change, label=label(state.values)) for change in passing if change is not None]
        changes += kept
        _account(session, state, kept)
    return changes


def _account(session: Session, state: EntityState, changes: Sequence[Change]) -> None:
    written = {change.ref for change in changes}
    for record in state.records:
        session.ledger.look(record.ref)
        if record.frozen:
            session.ledger.skip(record.ref, "not included")
        elif record.ref not in written:
            session.ledger.unchanged(record.ref)


def _plan_entity(planning: Planning, state: EntityState) -> list[Change]:
    if not state.records:
        return []
    changes: list[Change] = []
    for live in planning.session.connections.values():
        mapping = live.mapping.entities.get(state.kind)
        if mapping is None:
            continue
        here = [record for record in state.records if record.connection == live.name]
        for record in here:
            changes += _without_undone(planning, state, record, _plan_record(planning, state, record))
        if not here:
            changes += plan_create(planning.session, state, live, mapping)
    return changes


# --- a record that is there ------------------------------------------------------------------------------------


def _plan_record(planning: Planning, state: EntityState, record: RecordState) -> list[Change]:
    consent = _plan_consent(planning.session, state, record)
    _report_silence(planning.session, state, record)
    if record.frozen:
        opt_outs = [change for change in consent if change.action == "opt_out"]
        flags = [v for v in _flag_value(state, record) if v.after and can_write(planning.session, record, v)]
        return [*opt_outs, *([_update(planning.session, state, record, flags)] if flags else [])]
    values = [v for m in record.mapping.fields if m.tells for v in field_values(planning.session, state, record, m)]
    values += stage_value(planning.session, state, record)
    values += _flag_value(state, record)
    values = [value for value in values if can_write(planning.session, record, value)]
    changes = list(consent)
    if values:
        changes.append(_update(planning.session, state, record, values))
    for relation in record.mapping.relations:
        if relation.direction != "in" and record.live.can_write(record.ref.object):
            changes += _plan_relation(planning, state, record, relation)
    return changes


def can_write(session: Session, record: RecordState, value: Value) -> bool:
    """Whether the system lets us write a field; where it does not, the difference is shown instead."""
    if record.live.can_write(record.ref.object, value.field):
        return True
    what, remedy = "it keeps saying something else", 'Let it be written, or set direction = "in" for the field.'
    if value.name == CONSENT:
        what, remedy = (
            "it does not say what holds everywhere else",
            "Let it be written, or never mail from there.",
        )
    session.ledger.note(
        "read-only",
        record.connection,
        f"{record.ref.object}.{value.field} cannot be written, so {what}.",
        remedy,
        str(record.ref),
    )
    return False


def _update(session: Session, state: EntityState, record: RecordState, values: Sequence[Value]) -> Change:
    """One update; our own id rides along where it is missing, and is never a write of its own."""
    id_field = record.mapping.instep_id
    is_ours = id_field is None or record.fields.get(id_field, state.id) == state.id
    if id_field is not None and not is_ours and not _is_held_beside(session, state, record):
        ours = Value("instep_id", id_field, record.fields[id_field], state.id, "our own id rides along")
        values = [*values, ours]
    return Change("update", *record.ref[:2], state.kind, state.id, record.ref.id, tuple(values))


def _is_held_beside(session: Session, state: EntityState, record: RecordState) -> bool:
    """Whether another record of the same object may hold our id, which is unique there: a converted one keeps it."""
    return (
        session.store.row(
            "SELECT 1 FROM mirror WHERE entity = ? AND connection = ? AND object = ? AND id <> ? "
            "AND state IN ('live', 'converted')",
            (state.id, *record.ref),
        )
        is not None
    )


def field_values(session: Session, state: EntityState, record: RecordState, mapped: FieldMapping) -> list[Value]:
    """What has to be written for one field of one record; nothing if it already says so, in its own words."""
    name, value = mapped.name, canonical(state, mapped.name)
    if name in state.stopped or mapped.field in record.masked:
        return []
    if mapped.field not in record.fields or not record.live.has_field(record.ref.object, mapped.field):
        report_missing(session, record.live, record.ref.object, mapped)
        return []
    heard = record.means(mapped)
    if isinstance(heard, Unheard) or heard == value or (is_blank(heard) and is_blank(value)):
        return []
    if is_blank(value) and (name in _NEVER_BLANK or record.is_new_to(mapped.field) or _was_never_said(state, name)):
        return []
    if is_blank(heard) and ((name == "score" and value == 0) or (name == "overdue" and value is False)):
        return []
    told = say(record.live, record.ref.object, mapped, value, record.fields)
    if isinstance(told, Untold):
        report_untold(session, record.connection, record.mapping.kind, name, told, str(record.ref))
        return []
    return [
        Value(name, field, record.fields.get(field), after, state.reason(name))
        for field, after in told.items()
        if not _is_said(session, record, field, after)
    ]


def _was_never_said(state: EntityState, name: str) -> bool:
    """Whether nobody ever gave a field a value; what Instep computes it has always said."""
    return name not in state.reasons and name not in DERIVED


def _is_said(session: Session, record: RecordState, field: str, after: Scalar) -> bool:
    """Whether a record holds a value already, or what came back when the same value was last sent."""
    held = record.fields.get(field)
    if held == after:
        return True
    if field not in record.sent or record.sent[field] != after or record.heard is None:
        return False
    if held != record.heard.get(field):
        return False
    if normalised(held) != normalised(after):
        session.ledger.note(
            "not-taken",
            record.connection,
            f"{record.ref.object}.{field} holds {quoted(held)} although {quoted(after)} was sent.",
            "Look for a rule in that system that changes it; it is not sent again.",
            str(record.ref),
        )
    return True


# --- stages ----------------------------------------------------------------------------------------------------


def stage_value(session: Session, state: EntityState, record: RecordState) -> list[Value]:
    table = table_for(record.mapping, record.fields)
    if table is None or table.field not in record.fields or table.field in record.masked:
        return []
    if not is_usable(record.live, record.mapping, table):
        return []
    if record.ref in state.stage_left_alone:
        record.waiting.add(table.field)
        return []
    raw = record.fields[table.field]
    if not is_blank(raw) and not table.has(str(raw)):
        if table.field not in record.waiting:  # else it was said when it was heard
            report_unknown(session, record, str(raw))
        return []  # a value that nothing translates is left alone
    wanted, because = stage_word(session, state, table)
    if state.stage is None and not is_blank(raw) and record.sent.get(table.field) == raw:
        _note_left(session, state, record, str(raw))
    says_so = not is_blank(raw) and table.counts_as(str(raw)) == wanted
    if wanted is None or says_so or _is_said(session, record, table.field, wanted):
        return []
    because += f", {BY_A_PERSON}" if state.is_decided_by_a_person("stage") else ""
    return [Value("stage", table.field, raw, wanted, because)]


def _note_left(session: Session, state: EntityState, record: RecordState, raw: str) -> None:
    """Say that a record shows a stage that we wrote there, and that nothing holds any more."""
    session.ledger.note(
        "stage-left",
        record.connection,
        f"{state.kind}: shows stage {quoted(raw)}, which nothing holds any more: no stage is known.",
        "Clear it there, or set the one that is true.",
        str(record.ref),
    )


# --- consent ---------------------------------------------------------------------------------------------------


def _plan_consent(session: Session, state: EntityState, record: RecordState) -> list[Change]:
    """Opt out (or, on an explicit newer opt-in, in) through the system's own consent store."""
    mapping = record.mapping.consent
    flag = consent_flag(record)
    if mapping is None or mapping.field is not None or flag is None or not state.consent:
        return []
    if isinstance(record.live.parts.consents, Absent) or flag[0] not in record.fields:
        return []
    is_out = is_flagged_out(record.fields[flag[0]], flag[1])
    wanted = is_opted_out(state.consent, mapping.scope)
    standing = state.consent.get(mapping.scope) or state.consent.get("all")
    if standing is None or wanted == is_out:
        return []
    if not wanted and standing.state != "in":
        return []
    return [
        Change(
            "opt_out" if wanted else "opt_in",
            *record.ref[:2],
            state.kind,
            state.id,
            record.ref.id,
            (Value(CONSENT, flag[0], record.fields[flag[0]], wanted, f"said by {standing.source}"),),
            scope=mapping.scope,
            at=standing.at,
            because=standing.source,
        )
    ]


def _report_silence(session: Session, state: EntityState, record: RecordState) -> None:
    """An opt-out that cannot be told, because the field that would hold it cannot be seen."""
    flag, mapping = consent_flag(record), record.mapping.consent
    if flag is None or mapping is None or flag[0] in record.fields or not is_opted_out(state.consent, mapping.scope):
        return
    session.ledger.look(record.ref)
    session.ledger.quarantine(record.ref, "an opt-out cannot be told")
    session.ledger.note(
        "consent-hidden",
        record.connection,
        f"{record.ref.object}.{flag[0]} cannot be seen, so that a person who opted out stays opted in there.",
        "Give the login permission to read and write the field.",
        str(record.ref),
    )


def _flag_value(state: EntityState, record: RecordState) -> list[Value]:
    """Consent that is kept in a field of the record."""
    mapping = record.mapping.consent
    if mapping is None or mapping.field is None or mapping.field not in record.fields or not state.consent:
        return []
    held = record.fields[mapping.field]
    wanted = is_opted_out(state.consent, mapping.scope)
    if wanted == is_flagged_out(held, mapping.out_values):
        return []
    after = flag_for(mapping.out_values, held, is_out=wanted)
    return [Value(CONSENT, mapping.field, held, after, OPT_OUT_HOLDS if wanted else OPTED_IN)]


# --- relations -------------------------------------------------------------------------------------------------


def _plan_relation(
    planning: Planning, state: EntityState, record: RecordState, relation: RelationMapping
) -> list[Change]:
    name = relation.name
    if f"@{name}" in record.waiting:
        return []
    here, _ = ends(record, relation, planning.entity_of)
    wanted = state.relations.get(name, frozenset())
    missing = sorted(wanted - set(here if relation.many else here[:1]))
    surplus = sorted(set(here) - wanted) if relation.many else here[:1]
    changes = [relate(state, record.ref, relation, "relate", end) for end in missing]
    if relation.many or not wanted:
        changes += [relate(state, record.ref, relation, "unrelate", end) for end in surplus]
    return changes


# --- what was taken back ---------------------------------------------------------------------------------------


def _without_undone(
    planning: Planning, state: EntityState, record: RecordState, changes: list[Change]
) -> list[Change]:
    """The changes without what a person took back there, as long as nothing else is to be said."""
    if not record.undone:
        return changes
    over = {name for name in record.undone if _is_over(state, record, name, changes)}
    planning.released |= {(*record.ref, name) for name in over}
    held = {name: undone.said for name, undone in record.undone.items() if name not in over}
    kept = [_without_held(change, held) for change in changes]
    if kept != changes:
        planning.session.ledger.note(
            "undone",
            record.connection,
            UNDONE,
            WRITTEN_AGAIN,
            str(record.ref),
        )
    return [change for change in kept if change is not None]


def _is_over(state: EntityState, record: RecordState, name: str, changes: Sequence[Change]) -> bool:
    """Whether something else is to be said now than what was taken back, or what it was taken back to is lost."""
    if name.startswith("@"):
        relation = name[1:].partition(":")[0]
        return state.relations.get(relation) != state.relations_before.get(relation)
    undone = record.undone[name]
    wanted = [value.after for change in changes for value in change.values if value.field == name]
    is_told_else = any(after != undone.said for after in wanted)
    return is_told_else or not is_same(record.fields.get(name), undone.back) or _has_changed(state, record, name)


def _has_changed(state: EntityState, record: RecordState, name: str) -> bool:
    """Whether this run, or a person, decided anew what one of the system's fields holds."""
    names = {mapped.name for mapped in record.mapping.fields if name in (mapped.field, mapped.currency_field)}
    if record.mapping.is_stage(name) or "instep_stage" in names:
        return state.stage != state.stage_before or state.is_decided_by_a_person("stage")
    return any(name in state.changed or state.is_decided_by_a_person(name) for name in names)


def _without_held(change: Change, held: Mapping[str, Scalar]) -> Change | None:
    if change.relation:
        is_held = held.get(f"@{change.relation}:{change.to_entity}") == change.action
        return None if is_held else change
    if change.action != "update":
        return change
    left = tuple(v for v in change.values if v.field not in held or held[v.field] != v.after)
    return replace(change, values=left) if any(value.name != "instep_id" for value in left) else None


# --- quarantine ------------------------------------------------------------------------------------------------


def _quarantined(session: Session, entities: Sequence[str]) -> dict[tuple[str, str, str], Refused]:
    """What was refused of these entities, by its key in the quarantine."""
    rows = session.store.among(
        "SELECT connection, entity, action, digest, code, fields, due_at, files, modified_at FROM quarantine "
        "WHERE entity IN (?)",
        entities,
    )
    return {
        (c, e, a): Refused(digest, code, decode(fields) if fields else {}, *when)
        for c, e, a, digest, code, fields, *when in rows
    }


def _wants_what_was_refused(planning: Planning, change: Change) -> bool:
    """Whether a change holds anything of what was refused before; a whole write that was refused counts as long."""
    held = planning.quarantined.get(quarantine_key(change))
    values = held.values if held is not None else {}
    return not values or any(name in values and values[name] == after for name, after in change.fields.items())


def _without_refused(planning: Planning, state: EntityState, change: Change) -> Change | None:
    """A change without what was refused before and is not due again; None if nothing is left of it.

    A value that is due again goes alone, once nothing else is to be written, so that it holds up no other.
    """
    held = planning.quarantined.get(quarantine_key(change))
    if held is None:
        return change
    passing = tuple(v for v in change.values if v.field not in held.values or held.values[v.field] != v.after)
    is_part = len(passing) < len(change.values)
    if is_part and any(value.name != "instep_id" for value in passing):
        return replace(change, values=passing)
    record = next((record for record in state.records if record.ref == change.ref), None)
    if not (is_part or held.digest == change.digest) or held.is_due(planning.session, record):
        return change
    planning.session.ledger.quarantine(change.target, held.code)
    return None


def without_dangling(session: Session, changes: Sequence[Change], links: Mapping[Ref, str]) -> list[Change]:
    """The changes without associations to something that neither is in that system nor will be created there."""
    created = {(change.connection, change.object, change.entity) for change in changes if change.action == "create"}
    linked = {(ref.connection, ref.object, entity) for ref, entity in links.items()}
    ends = sorted({change.to_entity for change in changes if change.relation})
    there = created | linked
    there |= set(
        session.store.among(
            "SELECT connection, object, entity FROM mirror WHERE state = 'live' AND entity IN (?)", ends
        )
    )
    kept: list[Change] = []
    dropped: list[Change] = []
    for change in changes:
        if change.relation and (change.connection, change.to_object, change.to_entity) not in there:
            text = (
                f"{change.kind}: its {change.relation} is not in {change.connection} as {change.to_object}, "
                "so it is not associated there."
            )
            session.ledger.note(
                "not-there", change.connection, text, "See why it is not created there.", change.entity
            )
            dropped.append(change)
        else:
            kept.append(change)
    written = {change.ref for change in kept}
    for change in dropped:
        if change.ref is not None and change.ref not in written:
            session.ledger.unchanged(change.ref)
    return kept
