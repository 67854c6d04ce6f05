"""Plan: say what must be written so that every system shows what was decided. Touches nothing.

Every value is compared with the mirror first; what a system cannot express is left out and said. A plan is an
ordered list of changes with a digest: referents before references, removals last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import msgspec

from instep.contract import Absent
from instep.mapping.compiled import EntityMapping, FieldMapping, RelationMapping
from instep.mapping.translate import Unheard, Untold, hear, tell
from instep.model.consent import is_opted_out
from instep.model.entities import DERIVED, Kind
from instep.model.process import Outcome
from instep.model.rules import Moment
from instep.model.stagetable import StageTable
from instep.model.values import Scalar, is_blank, normalised, pack, unpack
from instep.sync.decide import Decisions
from instep.sync.fields import consent_flag, ends, is_flagged_out
from instep.sync.ledger import Ref, quoted
from instep.sync.session import Live, Session
from instep.sync.stages import table_for
from instep.sync.state import EntityState, RecordState

Action = Literal["opt_out", "create", "update", "relate", "opt_out_new", "unrelate", "opt_in"]
_ORDER = {"opt_out": 0, "create": 1, "update": 2, "opt_out_new": 3, "relate": 4, "unrelate": 5, "opt_in": 6}
_KINDS = {Kind.COMPANY: 0, Kind.PERSON: 1, Kind.OPPORTUNITY: 2}


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a change, for people: the canonical name, what was there, what will be, and why."""

    name: str
    field: str
    before: Scalar
    after: Scalar
    because: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write to one system. `record` is None for what is created first."""

    action: Action
    connection: str
    object: str
    kind: Kind
    entity: str
    record: str | None
    values: tuple[Value, ...] = ()
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    expected: Mapping[str, Scalar] = field(default_factory=dict)
    relation: str = ""
    to_object: str = ""
    to_entity: str = ""
    primary: bool = False
    scope: str = ""
    at: datetime | None = None
    because: str = ""

    @property
    def ref(self) -> Ref | None:
        return None if self.record is None else Ref(self.connection, self.object, self.record)

    @property
    def order(self) -> tuple[Any, ...]:
        """Where a change stands in a plan: consent first, then what others refer to, removals last."""
        place = (_ORDER[self.action], _KINDS[self.kind], self.connection, self.object)
        return (*place, self.entity, self.record or "", self.relation, self.to_entity)

    @property
    def digest(self) -> str:
        """The same for the same write, on any day."""
        parts = [self.action, self.connection, self.object, self.entity, self.relation, self.to_entity, self.scope]
        fields = {name: pack(value) for name, value in sorted(self.fields.items())}
        return hashlib.sha256(msgspec.json.encode([parts, fields])).hexdigest()

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "action": self.action,
            "connection": self.connection,
            "object": self.object,
            "kind": self.kind.value,
            "entity": self.entity,
            "record": self.record,
            "values": [
                {"name": v.name, "field": v.field, "before": pack(v.before), "after": pack(v.after), "why": v.because}
                for v in self.values
            ],
        }
        if self.relation:
            document |= {"relation": self.relation, "to": self.to_entity}
        if self.scope:
            document["scope"] = self.scope
        return document


@dataclass(slots=True)
class Planning:
    """What planning one run needs to know across entities."""

    session: Session
    entity_of: Mapping[Ref, str]
    quarantined: Mapping[tuple[str, str, str], tuple[str, bool, str]]


def plan(session: Session, decisions: Decisions, states: Sequence[EntityState]) -> list[Change]:
    """What has to be written for these decided entities, in no particular order yet."""
    planning = Planning(session, decisions.entity_of, _quarantined(session))
    changes: list[Change] = []
    for state in states:
        found = _plan_entity(planning, state)
        kept = [change for change in found if not _is_held_back(planning, change)]
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
            changes += _plan_record(planning, state, record)
        if not here:
            changes += _plan_create(planning, state, live, mapping)
    return changes


# --- a record that is there ------------------------------------------------------------------------------------


def _plan_record(planning: Planning, state: EntityState, record: RecordState) -> list[Change]:
    consent = _plan_consent(planning.session, state, record)
    if record.frozen:
        return [change for change in consent if change.action == "opt_out"]
    values = [v for m in record.mapping.fields if m.tells for v in _field_values(planning.session, state, record, m)]
    values += _stage_value(planning.session, state, record)
    values += _flag_value(state, record)
    changes = list(consent)
    if values:
        changes.append(_update(state, record, values))
    for relation in record.mapping.relations:
        if relation.direction != "in":
            changes += _plan_relation(planning, state, record, relation)
    return changes


def _update(state: EntityState, record: RecordState, values: Sequence[Value]) -> Change:
    fields = {value.field: value.after for value in values}
    id_field = record.mapping.instep_id
    if id_field is not None and id_field in record.fields and record.fields[id_field] != state.id:
        fields[id_field] = state.id
    expected = {name: record.fields[name] for name in fields if name in record.fields}
    return Change("update", *record.ref[:2], state.kind, state.id, record.ref.id, tuple(values), fields, expected)


def canonical(state: EntityState, name: str) -> Scalar:
    """The canonical value of a field, computed ones included."""
    match name:
        case "instep_stage":
            return state.stage
        case "score":
            published = state.score.get("published")
            return None if published is None else int(published)
        case "instep_id":
            return state.id
    return state.values.get(name)


def _field_values(session: Session, state: EntityState, record: RecordState, mapped: FieldMapping) -> list[Value]:
    """What has to be written for one field of one record; nothing if it already says so, in its own words."""
    name, value = mapped.name, canonical(state, mapped.name)
    if name in state.stopped or mapped.field in record.masked:
        return []
    if mapped.field not in record.fields:
        _report_missing(session, record.live, record.ref.object, mapped)
        return []
    heard = hear(mapped, record.fields, record.live.directory)
    if isinstance(heard, Unheard) or heard == value or (is_blank(heard) and is_blank(value)):
        return []
    if is_blank(value) and (name in DERIVED or record.is_new_to(mapped.field) or name not in state.reasons):
        return []
    if name == "score" and value == 0 and is_blank(heard):
        return []
    told = tell(mapped, value, record.fields, record.live.directory)
    if isinstance(told, Untold):
        _report_untold(session, record, name, told)
        return []
    because = str(state.reasons.get(name, {}).get("rule", "canonical value"))
    return [
        Value(name, field, record.fields.get(field), after, because)
        for field, after in told.items()
        if not _is_said(session, record, field, after)
    ]


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


def _report_missing(session: Session, live: Live, object: str, mapped: FieldMapping) -> None:
    if not live.has_field(object, mapped.field):
        remedy = (
            f"Run: instep doctor --create-fields {live.name}" if mapped.name in DERIVED else "Correct the mapping."
        )
        session.ledger.note("no-field", live.name, f"{object} has no field {mapped.field}.", remedy)


def _report_untold(session: Session, record: RecordState, name: str, told: Untold) -> None:
    session.ledger.note(
        "untold",
        record.connection,
        f"{record.mapping.kind} {name} {quoted(told.value)}: {told.why}.",
        f"Add it to mappings/{record.connection}.toml or team.toml; the rest of the record is written.",
        str(record.ref),
    )


# --- stages ----------------------------------------------------------------------------------------------------


def _stage_value(session: Session, state: EntityState, record: RecordState) -> list[Value]:
    table = table_for(record.mapping, record.fields)
    if table is None or table.field not in record.fields or table.field in record.masked:
        return []
    if record.ref in state.stage_left_alone:
        record.waiting.add(table.field)
        return []
    raw = record.fields[table.field]
    if not is_blank(raw) and table.outcome(str(raw)) is None and str(raw) not in table.values.values():
        return []  # a value that nothing translates is left alone
    wanted, degraded = stage_word(session, state, table)
    if wanted is None or raw == wanted or _is_said(session, record, table.field, wanted):
        return []
    because = f"stage {state.stage}" + (f", shown as {degraded}" if degraded else "")
    return [Value("stage", table.field, raw, wanted, because)]


def stage_word(session: Session, state: EntityState, table: StageTable) -> tuple[str | None, str | None]:
    """What a system's stage field should hold, and the earlier stage that stands in where it lacks the true one."""
    process = session.workspace.process
    outcome = state.score.get("outcome")
    if state.kind is Kind.OPPORTUNITY and outcome is not None:
        spelled = table.outcomes.get(Outcome(outcome))
        if spelled is not None or Outcome(outcome).closes:
            return spelled, None
    if state.stage is None or not process.has_stage(state.stage):
        return None, None
    shown = process.at_or_before(state.stage, table.values)
    return table.put(state.stage, process), shown if shown != state.stage else None


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
            (Value("consent", flag[0], record.fields[flag[0]], wanted, f"said by {standing.source}"),),
            scope=mapping.scope,
            at=standing.at,
            because=standing.source,
        )
    ]


def _flag_value(state: EntityState, record: RecordState) -> list[Value]:
    """Consent that is kept in a field of the record."""
    mapping = record.mapping.consent
    if mapping is None or mapping.field is None or mapping.field not in record.fields or not state.consent:
        return []
    held = record.fields[mapping.field]
    wanted = is_opted_out(state.consent, mapping.scope)
    if wanted == is_flagged_out(held, mapping.out_values):
        return []
    after: Scalar = (mapping.out_values[0] if mapping.out_values else True) if wanted else None
    if isinstance(held, bool):
        after = wanted
    return [Value("consent", mapping.field, held, after, "an opt-out holds everywhere" if wanted else "opted in")]


# --- relations -------------------------------------------------------------------------------------------------


def _plan_relation(
    planning: Planning, state: EntityState, record: RecordState, relation: RelationMapping
) -> list[Change]:
    name = relation.name
    if f"@{name}" in record.waiting:
        return []
    here, _ = ends(record, relation, planning.entity_of)
    wanted = state.relations.get(name, frozenset())
    before = state.relations_before.get(name, frozenset())
    missing = sorted(wanted - set(here if relation.many else here[:1]))
    surplus = sorted((before - wanted) & set(here))
    changes = [_relate(state, record.ref, relation, "relate", end) for end in missing]
    if relation.many or not wanted:
        changes += [_relate(state, record.ref, relation, "unrelate", end) for end in surplus]
    return changes


def _relate(
    state: EntityState, ref: Ref | tuple[str, str, None], relation: RelationMapping, action: Action, end: str
) -> Change:
    connection, object, id = ref
    because = str(state.reasons.get(relation.name, {}).get("rule", "canonical value"))
    return Change(
        action,
        connection,
        object,
        state.kind,
        state.id,
        id,
        relation=relation.name,
        to_object=relation.object,
        to_entity=end,
        primary=not relation.many,
        because=because,
    )


# --- a record that is to be created ----------------------------------------------------------------------------


def _plan_create(planning: Planning, state: EntityState, live: Live, mapping: EntityMapping) -> list[Change]:
    session = planning.session
    facts = {**state.values, "stage": state.stage, "segment": state.segment, "opted_out": bool(state.consent)}
    moment = Moment(session.at, frozenset(state.changed))
    if not mapping.create.value(facts, moment) or not mapping.include.value(facts, moment):
        return []
    if live.name in state.tombstones or state.waits is not None:
        return []
    if all(record.frozen for record in state.records):
        return []
    if mapping.instep_id is None or not live.has_field(mapping.create_as, mapping.instep_id):
        session.ledger.note(
            "no-create",
            live.name,
            f"{mapping.create_as} cannot be created: there is no field {mapping.instep_id or 'instep_id'} there.",
            f"Run: instep doctor --create-fields {live.name}",
            state.id,
        )
        return []
    values = _create_values(session, state, live, mapping)
    fields = {value.field: value.after for value in values}
    fields[mapping.instep_id] = state.id
    created = Change("create", live.name, mapping.create_as, state.kind, state.id, None, tuple(values), fields)
    return [created, *_after_create(state, live, mapping)]


def _after_create(state: EntityState, live: Live, mapping: EntityMapping) -> list[Change]:
    place = (live.name, mapping.create_as, None)
    changes = [
        _relate(state, place, relation, "relate", end)
        for relation in mapping.relations
        if relation.direction != "in"
        for end in sorted(state.relations.get(relation.name, ()))
    ]
    consent = mapping.consent
    if consent is not None and consent.field is None and is_opted_out(state.consent, consent.scope):
        standing = state.consent.get(consent.scope) or state.consent["all"]
        out = (Value("consent", "consent", None, True, f"said by {standing.source}"),)
        opt_out = Change("opt_out_new", *place[:2], state.kind, state.id, None, out, scope=consent.scope)
        changes.append(replace(opt_out, at=standing.at, because=standing.source))
    return changes


def _create_values(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> list[Value]:
    values: list[Value] = []
    for mapped in mapping.fields:
        value = canonical(state, mapped.name)
        if not mapped.tells or is_blank(value) or mapped.name in state.stopped:
            continue
        if not live.has_field(mapping.create_as, mapped.field):
            _report_missing(session, live, mapping.create_as, mapped)
            continue
        if mapped.name == "score" and value == 0:
            continue
        told = tell(mapped, value, {}, live.directory)
        if isinstance(told, Untold):
            _note_untold(session, live, state, mapped.name, told)
            continue
        because = str(state.reasons.get(mapped.name, {}).get("rule", "canonical value"))
        values += [Value(mapped.name, field, None, after, because) for field, after in told.items()]
    values += _create_stage(session, state, mapping)
    given = {value.field for value in values}
    for name, default in mapping.required.items():
        if name not in given:
            values.append(Value(name, name, None, default, "required there"))
    consent = mapping.consent
    if consent is not None and consent.field is not None and is_opted_out(state.consent, consent.scope):
        out = consent.out_values[0] if consent.out_values else True
        values.append(Value("consent", consent.field, None, out, "an opt-out holds everywhere"))
    return values


def _note_untold(session: Session, live: Live, state: EntityState, name: str, told: Untold) -> None:
    session.ledger.note(
        "untold",
        live.name,
        f"{state.kind} {name} {quoted(told.value)}: {told.why}.",
        f"Add it to mappings/{live.name}.toml or team.toml; the rest of the record is written.",
        state.id,
    )


def _create_stage(session: Session, state: EntityState, mapping: EntityMapping) -> list[Value]:
    table = mapping.stages
    if mapping.pipelines:
        wanted = mapping.segment_pipelines.get(state.segment or "", mapping.segment_pipelines.get(""))
        table = next((t for t in mapping.pipelines if t.pipeline == wanted), mapping.pipelines[0])
    if table is None:
        return []
    word, degraded = stage_word(session, state, table)
    if word is None and mapping.pipelines:
        word = next(iter(table.values.values()), None)  # a record in a pipeline needs a stage: the first
        degraded = "the pipeline's first stage"
    if word is None:
        return []
    because = f"stage {state.stage}" + (f", shown as {degraded}" if degraded else "")
    values = [Value("stage", table.field, None, word, because)]
    if table.pipeline_field is not None and table.pipeline is not None:
        values.append(Value("pipeline", table.pipeline_field, None, table.pipeline, f"segment {state.segment}"))
    return values


# --- quarantine ------------------------------------------------------------------------------------------------


def _quarantined(session: Session) -> dict[tuple[str, str, str], tuple[str, bool, str]]:
    """What was refused before: (connection, entity, action) to (digest, permanent, code)."""
    rows = session.store.rows("SELECT connection, entity, action, digest, permanent, code FROM quarantine")
    return {(c, e, a): (digest, bool(permanent), code) for c, e, a, digest, permanent, code in rows}


def quarantine_key(change: Change) -> tuple[str, str, str]:
    """What a refusal is kept under: the same write of the same entity."""
    detail = f":{change.relation}:{change.to_entity}" if change.relation else ""
    return change.connection, change.entity, change.action + detail


def _is_held_back(planning: Planning, change: Change) -> bool:
    """Whether the very same write was refused for good before: it is not repeated, and stays reported."""
    held = planning.quarantined.get(quarantine_key(change))
    if held is None or held[0] != change.digest or not held[1]:
        return False
    ref = change.ref or Ref(change.connection, change.object, f"(new: {change.entity})")
    planning.session.ledger.quarantine(ref, held[2])
    return True


# --- the plan as a whole ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would write, and what it was computed from."""

    changes: tuple[Change, ...]
    at: datetime
    made_from: Mapping[str, str]
    notes: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes

    @property
    def digest(self) -> str:
        """The same whenever the same changes are planned from the same state."""
        parts = [change.digest for change in self.changes]
        return hashlib.sha256(msgspec.json.encode([parts, dict(sorted(self.made_from.items()))])).hexdigest()

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Connection to object to action to how many."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for change in self.changes:
            actions = counts.setdefault(change.connection, {}).setdefault(change.object, {})
            name = "opt_out" if change.action == "opt_out_new" else change.action
            actions[name] = actions.get(name, 0) + 1
        return counts

    def as_json(self) -> dict[str, Any]:
        return {
            "format_version": 1,
            "at": self.at.isoformat(),
            "made_from": dict(self.made_from),
            "digest": self.digest,
            "counts": self.counts(),
            "changes": [change.as_json() for change in self.changes],
            "notes": list(self.notes),
        }


def without_dangling(session: Session, changes: Sequence[Change], links: Mapping[Ref, str]) -> list[Change]:
    """The changes without associations to something that neither is in that system nor will be created there."""
    created = {(change.connection, change.entity) for change in changes if change.action == "create"}
    linked = {(ref.connection, entity) for ref, entity in links.items()}
    ends = sorted({change.to_entity for change in changes if change.relation})
    there = created | linked
    there |= set(
        session.store.among("SELECT connection, entity FROM mirror WHERE state = 'live' AND entity IN (?)", ends)
    )
    kept = []
    for change in changes:
        if change.relation and (change.connection, change.to_entity) not in there:
            text = (
                f"A {change.kind}'s {change.relation} is not in {change.connection}, so it is not associated there."
            )
            session.ledger.note(
                "not-there", change.connection, text, "See why it is not created there.", change.entity
            )
        else:
            kept.append(change)
    return kept


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes in the order in which they are applied, the same every time."""
    return tuple(sorted(changes, key=lambda change: change.order))


__all__ = [
    "Change",
    "Plan",
    "Value",
    "canonical",
    "ordered",
    "pack",
    "plan",
    "quarantine_key",
    "stage_word",
    "unpack",
]
