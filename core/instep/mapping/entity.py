"""`[person]`, `[company]` and `[opportunity]` of one connection's mapping file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from instep.mapping.compiled import (
    ConsentMapping,
    CreateAs,
    Direction,
    EntityMapping,
    ErasePolicy,
    FieldMapping,
    RelationMapping,
    Required,
)
from instep.mapping.facts import FactUses
from instep.mapping.fields import DIRECTIONS, FieldEntry, read_field
from instep.mapping.journeys import OfKind, check_pipelines, read_journey_tables
from instep.mapping.mistakes import listed
from instep.mapping.rules import FieldCheck, take_rule, take_rule_or_word
from instep.mapping.section import Section
from instep.model.configuration import ListIds, Path, WantedList
from instep.model.consent import ALL
from instep.model.entities import FIELDS, RELATIONS, Kind
from instep.model.process import Process, Role
from instep.model.rules import Never, Rule

ERASING: tuple[ErasePolicy, ...] = ("erase", "delete", "keep")
"""What becomes of a person's records in a system when the person is erased."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a mapping file is read against."""

    process: Process
    connections: tuple[str, ...]
    uses: FactUses
    ids: Mapping[str, Mapping[Path, ListIds]] = dataclasses.field(default_factory=dict)
    """By connection, the ids of what is managed there."""


@dataclass(frozen=True, slots=True)
class EntityDraft:
    """An entity's mapping whose fields wait for the other files."""

    mapping: EntityMapping
    section: Section
    entries: tuple[FieldEntry, ...]
    stage_entry: FieldEntry | None
    lists: tuple[WantedList, ...] = ()


def read_entity(
    section: Section, kind: Kind, connection: str, objects: Mapping[Kind, tuple[str, ...]], around: Surroundings
) -> EntityDraft:
    """One kind's table. `objects` are those that the file maps to each kind."""
    seen = around.uses.about(kind, extra=("stage", "segment", "opted_out", "has_opportunity"))
    creating = take_rule_or_word(section, "create", seen, Never())
    ids = around.ids.get(connection, {})
    of_kind = OfKind(kind, connection, objects[kind], around.process, around.connections, ids)
    journeys = read_journey_tables(section, of_kind)
    check_pipelines(section, journeys, around.process, creates=not isinstance(creating, Never))
    mapping = EntityMapping(
        kind=kind,
        objects=objects[kind],
        create_as=_create_as(section, objects[kind], creating, seen),
        match=_match(section),
        create=creating,
        include=take_rule(section, "include", around.uses.about(kind, noted=False)),
        speaks_for=section.members("speaks_for", "role", Role),
        required=_required(section, around.uses.about(kind, company=kind is not Kind.COMPANY)),
        stages=journeys.stages,
        pipelines=journeys.pipelines,
        segment_pipelines=journeys.segment_pipelines,
        relations=_relations(section, kind, objects),
        consent=_consent(section) if kind is Kind.PERSON else None,
        instep_id=_instep_id(section, creating),
        modified_field=section.text("modified_field"),
        erase=section.choice("erase", ERASING) if kind is Kind.PERSON else None,  # type: ignore[arg-type]
    )
    entries = _entries(section, kind, connection, around.connections, objects[kind])
    section.finish()
    return EntityDraft(mapping, section, entries, journeys.entry, journeys.lists)


def objects_of(section: Section, kind: Kind) -> tuple[str, ...] | None:
    """The objects that a file maps to a kind; None where it does not map the kind."""
    table = section.table(kind.value)
    if table is None:
        return None
    objects = tuple(dict.fromkeys(table.words("objects") or ()))
    if not objects and not (table.has("objects") and not isinstance(table.data["objects"], list)):
        table.mistake("MISSING_KEY", 'has no "objects"', 'Add objects = ["…"], the names in that system.')
    return objects


def check_keys(draft: EntityDraft, mapping: EntityMapping) -> None:
    """Report keys to match by that this connection does not map, once its fields are known."""
    known = [*(["instep_id"] if mapping.instep_id else []), *(field.name for field in mapping.fields)]
    for place, key in enumerate(mapping.match):
        if key not in known:
            problem = f'names "{key}", which this connection does not map'
            usable = f"Map it under {mapping.kind}.fields, or use {listed(known)}." if known else "Map it first."
            draft.section.mistake("UNMAPPED_KEY", problem, usable, "match", place)
    for name in sorted(mapping.include.fields()):
        if name in FIELDS[mapping.kind] and mapping.mapped(name) is None:
            problem = f'looks at "{name}", which this connection does not map: it is always blank here'
            remedy = f'Map it under {mapping.kind}.fields; direction = "in" is enough.'
            draft.section.mistake("BLIND_RULE", problem, remedy, "include")


def with_fields(
    mapping: EntityMapping, fields: tuple[FieldEntry, ...], compiled: Mapping[str, FieldMapping]
) -> EntityMapping:
    """The mapping with the fields that could be compiled, by name."""
    found = [compiled[entry.name] for entry in sorted(fields, key=lambda e: e.name) if entry.name in compiled]
    return dataclasses.replace(mapping, fields=tuple(found))


def _create_as(section: Section, objects: tuple[str, ...], creating: Rule, seen: FieldCheck) -> tuple[CreateAs, ...]:
    """`create_as = "Lead"`, or a list of tables with `object` and `when`: the first that fits wins."""
    if isinstance(section.data.get("create_as"), list):
        return _create_as_rules(section, objects, seen)
    found = section.text("create_as")
    first = objects[0] if objects else ""
    if found is None:
        if not isinstance(creating, Never) and not section.has("create_as"):
            remedy = f'Add create_as = "{first or "…"}", the object that new records become.'
            section.mistake("MISSING_KEY", 'creates records, but has no "create_as"', remedy, "create")
        return (CreateAs(first),)
    if objects and found not in objects:
        section.unknown("object", found, objects, "create_as")
        return (CreateAs(first),)
    return (CreateAs(found),)


def _create_as_rules(section: Section, objects: tuple[str, ...], seen: FieldCheck) -> tuple[CreateAs, ...]:
    found: list[CreateAs] = []
    tables = section.tables("create_as")
    for place, table in enumerate(tables):
        name = table.required_text("object")
        if name is not None and objects and name not in objects:
            table.unknown("object", name, objects, "object")
            name = None
        is_last = place == len(tables) - 1
        if is_last == table.has("when"):
            remedy = "Leave it out of the last one, which is for everybody else, and give it to every other one."
            table.mistake("MISPLACED_RULE", 'must have a "when", unless it is the last', remedy)
        when = take_rule(table, "when", seen)
        table.finish()
        if name is not None:
            found.append(CreateAs(name, when))
    return tuple(found) or (CreateAs(objects[0] if objects else ""),)


def _match(section: Section) -> tuple[str, ...]:
    found = section.words("match")
    if not section.has("match") or found == []:
        remedy = 'Add match = ["instep_id"] and other keys, in the order in which to try them.'
        section.mistake("MISSING_KEY", "does not say how its records are recognised", remedy)
    return tuple(dict.fromkeys(found or ()))


def _instep_id(section: Section, creating: Rule) -> str | None:
    if section.data.get("instep_id") is False:
        section.known["instep_id"] = None
        if not isinstance(creating, Never):
            problem = "is false, but records are created here: without it Instep cannot find them again"
            section.mistake(
                "CREATE_WITHOUT_ID", problem, 'Name a field for it, or write create = "never".', "instep_id"
            )
        return None
    return section.text("instep_id", "instep_id")


def _required(section: Section, seen: FieldCheck) -> dict[str, Required]:
    """`Company = "[unknown]"`, or `{ field = "company.name", default = "[unknown]" }`."""
    table = section.table_or_empty("required")
    found: dict[str, Required] = {}
    for name, value in table.entries():
        if isinstance(value, dict):
            inner = table.below(value, name)
            if not inner.has("default"):
                inner.mistake("MISSING_KEY", 'has no "default"', 'Add default = "…".')
            field = inner.text("field")
            if field is not None:
                seen(inner, field)
            found[name] = Required(inner.scalar("default", value.get("default", "")), field)
            inner.known["default"] = None
            inner.finish()
        else:
            found[name] = Required(table.scalar(name, value))
    return found


def _relations(section: Section, kind: Kind, objects: Mapping[Kind, tuple[str, ...]]) -> tuple[RelationMapping, ...]:
    table = section.table_or_empty("relations")
    found = []
    for name in sorted(table.data):
        if name not in RELATIONS[kind]:
            table.known[name] = None
            table.unknown(f"relation of a {kind}", name, RELATIONS[kind], name)
        elif relation := _relation(table, kind, name, objects):
            found.append(relation)
    return tuple(found)


def _relation(
    table: Section, kind: Kind, name: str, objects: Mapping[Kind, tuple[str, ...]]
) -> RelationMapping | None:
    to_kind, many = RELATIONS[kind][name]
    direction: Direction = "both"
    if isinstance(table.data[name], str):
        object_name = table.text(name)
    else:
        entry = table.table(name)
        object_name = entry.required_text("object") if entry else None
        if entry:
            direction = entry.choice("direction", DIRECTIONS, "both")  # type: ignore[assignment]
            entry.finish()
    if object_name is None:
        return None
    if to_kind not in objects:
        problem = f"leads to a {to_kind}, which this connection does not map"
        table.mistake("RELATION_TO_NOTHING", problem, f"Add [{to_kind}], or remove the relation.", name)
    elif object_name not in objects[to_kind]:
        table.unknown(f"object of a {to_kind}", object_name, objects[to_kind], name)
    return RelationMapping(name, to_kind, many, object_name, direction)


def _consent(section: Section) -> ConsentMapping | None:
    table = section.table("consent")
    if table is None:
        return None
    field = table.text("field")
    out_values = tuple(table.words("out_values") or ())
    if field and not out_values:
        remedy = "Add out_values: what it holds for a person who opted out, the first one is written."
        table.mistake("MISSING_KEY", 'names a field, but has no "out_values"', remedy)
    if table.has("out_values") and not field:
        remedy = "Add field, or remove out_values to use the system's own consent."
        table.mistake("MISSING_KEY", 'has "out_values", but no "field"', remedy, "out_values")
    scope = table.text("scope", ALL) or ALL
    if scope != ALL and not field:
        remedy = f'Write scope = "{ALL}", or name a field that holds the opt-out from it.'
        table.mistake("NOT_ALLOWED", "is narrower than what is heard of a system's own consent", remedy, "scope")
    consent = ConsentMapping(scope, field, out_values)
    table.finish()
    return consent


def _entries(
    section: Section, kind: Kind, connection: str, connections: tuple[str, ...], objects: tuple[str, ...]
) -> tuple[FieldEntry, ...]:
    table = section.table("fields")
    if table is None:
        return ()
    found = (read_field(table, name, kind, connection, connections, objects) for name in list(table.data))
    return tuple(entry for entry in found if entry)
