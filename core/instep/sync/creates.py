"""Planning what a system lacks: new records, with everything that is known of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from instep.mapping.compiled import EntityMapping
from instep.mapping.translate import Untold
from instep.model.consent import is_opted_out
from instep.model.entities import FieldType
from instep.model.identity import normalised_key
from instep.model.rules import Moment, with_company
from instep.model.rulewords import spelled
from instep.model.stagetable import StageTable
from instep.model.values import Scalar, is_blank
from instep.sync.changes import CONSENT, OPT_OUT_HOLDS, Change, Value
from instep.sync.fields import flag_for
from instep.sync.match import INSTEP_ID, LEFT_OUT
from instep.sync.session import Live, Session
from instep.sync.stagelists import is_usable
from instep.sync.stages import table_for
from instep.sync.state import EntityState
from instep.sync.words import canonical, relate, report_missing, report_untold, say, stage_word


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a system gets no record of an entity, and what to do. What a file asks for is not noted in each run."""

    code: str
    text: str
    remedy: str
    is_noted: bool = False


def plan_create(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> list[Change]:
    """The record to create for an entity in a connection that has none, if nothing is in its way."""
    if (found := obstacle(session, state, live, mapping)) is not None:
        if found.is_noted:
            session.ledger.note(found.code, live.name, found.text, found.remedy, state.id)
        return []
    object = _object_of_new(session, state, mapping)
    way = live.mapping.entity_of(object) if object is not None else None
    if object is None or way is None or way.instep_id is None:
        return []
    values = _create_values(session, state, live, way, object)
    values.append(Value("instep_id", way.instep_id, None, state.id, "our own id, to find it again"))
    created = Change("create", live.name, object, state.kind, state.id, None, tuple(values))
    return [created, *_after_create(state, live, way, object)]


def obstacle(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> Obstacle | None:
    """The first thing that keeps an entity from being created in a connection that has no record of it."""
    found = _rule_against(session, state, live, mapping) or _bar(state, live)
    if found is not None:
        return found
    if _is_half_read(session, state):
        text = f"{state.kind}: not created, because what it belongs to was not read to the end."
        return Obstacle("half-read", text, "It is created once that is read: run again.", is_noted=True)
    if _has_namesake(session, state, live, mapping):
        text = f"{state.kind}: not created, because a record there that is not linked has the same key."
        return Obstacle("namesake", text, "Link or remove that record.", is_noted=True)
    if mapping.pipelines and (_has_unknown_stage(state) or not _create_stage(session, state, live, mapping)):
        text = f"{state.kind}: not created, because no stage of it is known that can be said there."
        return Obstacle("no-stage", text, "Map its stage, or give it one; then it is created.", is_noted=True)
    object = _object_of_new(session, state, mapping)
    way = live.mapping.entity_of(object) if object is not None else None
    if object is None or way is None:
        text = f"No way in create_as of mappings/{live.name}.toml fits this {state.kind}."
        return Obstacle("no-way", text, "Add one that does, or leave it out.")
    if way.instep_id is None or not live.has_field(object, way.instep_id):
        text = f"{object} cannot be created: there is no field {way.instep_id or 'instep_id'} there."
        return Obstacle("no-create", text, f"Run: instep doctor --create-fields {live.name}", is_noted=True)
    return None


def _rule_against(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> Obstacle | None:
    facts, moment = _facts(state), Moment(session.at, frozenset(state.changed))
    place = f"mappings/{live.name}.toml, [{state.kind}]"
    if not mapping.create.value(facts, moment):
        text = f"{place} says create = {spelled(mapping.create)}, which does not fit it."
        return Obstacle("create-rule", text, "Change the rule, or make the record there by hand: it is linked then.")
    if not mapping.include.value(facts, moment):
        text = f"{place} leaves it out: include = {spelled(mapping.include)}."
        return Obstacle("left-out", text, "Change the rule, or what it looks at.")
    return None


def _bar(state: EntityState, live: Live) -> Obstacle | None:
    if state.waits is not None:
        return Obstacle("question", f"Nothing is created for it: {state.waits}.", "See: instep conflicts")
    if live.name in state.tombstones:
        remedy = f"To let it be created there again: instep allow {state.id} {live.name}"
        return Obstacle("tombstone", "Its record there was deleted or merged, so none is made again.", remedy)
    if all(record.frozen for record in state.records):
        text = "Every record of it is left out by the include rule of its own system."
        return Obstacle("left-out", text, "Change that rule, or what it looks at.")
    return None


def _object_of_new(session: Session, state: EntityState, mapping: EntityMapping) -> str | None:
    facts, moment = _facts(state), Moment(session.at, frozenset(state.changed))
    return next((way.object for way in mapping.create_as if way.when.value(facts, moment)), None)


def _facts(state: EntityState) -> dict[str, Scalar]:
    """What rules about a new record may look at."""
    return {
        **state.values,
        "stage": state.stage,
        "segment": state.segment,
        "opted_out": bool(state.consent),
        "has_opportunity": state.has_opportunity,
    }


def _is_half_read(session: Session, state: EntityState) -> bool:
    """Whether a record was read, and its associations were not, because its connection was left early."""
    return any(
        record.connection in session.stopped
        and record.mapping.relations
        and session.store.row(
            "SELECT 1 FROM mirror WHERE connection = ? AND object = ? AND id = ? AND related_at IS NULL", record.ref
        )
        for record in state.records
    )


def _has_namesake(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> bool:
    """Whether a live record there holds one of this entity's keys: creating would make a twin."""
    for name in mapping.match:
        mapped = mapping.mapped(name)
        value = state.id if name == INSTEP_ID else state.values.get(name)
        key = normalised_key(mapped.type if mapped and name != INSTEP_ID else FieldType.TEXT, value)
        if key is not None and session.store.row(
            "SELECT 1 FROM key JOIN mirror m USING (connection, object, id) "
            "WHERE key.kind = ? AND key.name IN (?, ?) AND key.value = ? AND key.connection = ? AND m.state = 'live'",
            (state.kind.value, name, LEFT_OUT + name, key, live.name),
        ):
            return True
    return False


def _has_unknown_stage(state: EntityState) -> bool:
    """Whether a record holds a stage that nobody mapped: then no other stage is put in its place."""
    tables = [(record, table_for(record.mapping, record.fields)) for record in state.records]
    return any(table is not None and table.field in record.waiting for record, table in tables)


def _after_create(state: EntityState, live: Live, mapping: EntityMapping, object: str) -> list[Change]:
    place = (live.name, object, None)
    changes = [
        relate(state, place, relation, "relate", end)
        for relation in mapping.relations
        if relation.direction != "in"
        for end in sorted(state.relations.get(relation.name, ()))
    ]
    consent = mapping.consent
    if consent is not None and consent.field is None and is_opted_out(state.consent, consent.scope):
        standing = state.consent.get(consent.scope) or state.consent["all"]
        out = (Value(CONSENT, "opted_out", None, True, f"said by {standing.source}"),)
        opt_out = Change("opt_out_new", *place[:2], state.kind, state.id, None, out, scope=consent.scope)
        changes.append(replace(opt_out, at=standing.at, because=standing.source))
    return changes


def _create_values(
    session: Session, state: EntityState, live: Live, mapping: EntityMapping, object: str
) -> list[Value]:
    values: list[Value] = []
    for mapped in mapping.fields:
        value = canonical(state, mapped.name)
        if not mapped.tells or is_blank(value) or mapped.name in state.stopped:
            continue
        if not live.has_field(object, mapped.field):
            report_missing(session, live, object, mapped)
            continue
        if mapped.name == "score" and value == 0:
            continue
        told = say(live, object, mapped, value, {})
        if isinstance(told, Untold):
            report_untold(session, live.name, state.kind, mapped.name, told, state.id)
            continue
        why = state.reason(mapped.name)
        values += [Value(mapped.name, field, None, after, why) for field, after in told.items()]
    values += _create_stage(session, state, live, mapping) if _has_stage_field(live, mapping, object) else []
    given = {value.field for value in values}
    values += [v for v in _required_values(state, live, mapping, object) if v.field not in given]
    consent = mapping.consent
    if consent is not None and consent.field is not None and is_opted_out(state.consent, consent.scope):
        out = flag_for(consent.out_values, None, is_out=True)
        values.append(Value(CONSENT, consent.field, None, out, OPT_OUT_HOLDS))
    return values


def _required_values(state: EntityState, live: Live, mapping: EntityMapping, object: str) -> list[Value]:
    """What the system demands of a new record, from what is known of the entity or its company, else the default."""
    known = with_company(state.values, state.company)
    found: list[Value] = []
    for name, required in mapping.required.items():
        if not live.has_field(object, name):
            continue  # another object of the same kind demands it
        value = known.get(required.field) if required.field else None
        because = f"required there, from {required.field}" if not is_blank(value) else "required there"
        found.append(Value(name, name, None, required.default if is_blank(value) else value, because))
    return found


def _create_stage(session: Session, state: EntityState, live: Live, mapping: EntityMapping) -> list[Value]:
    table = _table_of_new(state, mapping)
    if table is not None and not is_usable(live, mapping, table):
        return []
    word, because = (None, "") if table is None else stage_word(session, state, table)
    if word is None or table is None:
        return []
    values = [Value("stage", table.field, None, word, because)]
    if table.pipeline_field is not None:
        segment = f"segment {state.segment or 'any'}"
        values.append(Value("pipeline", table.pipeline_field, None, table.pipeline, segment))
    return values


def _has_stage_field(live: Live, mapping: EntityMapping, object: str) -> bool:
    """Whether the object keeps the stage; another object of the same kind may."""
    return any(live.has_field(object, table.field) for table in mapping.tables())


def _table_of_new(state: EntityState, mapping: EntityMapping) -> StageTable | None:
    """The table of a new record: of the pipeline that its segment's records go to, or the plain one."""
    if not mapping.pipelines:
        return mapping.stages
    wanted = mapping.segment_pipelines.get(state.segment or "", mapping.segment_pipelines.get(""))
    return next((table for table in mapping.pipelines if table.pipeline == wanted), None)
