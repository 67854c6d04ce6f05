"""`mappings/<connection>.toml`: how one system spells people, companies, opportunities and behaviours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instep.mapping.compiled import BehaviourMapping, ConnectionMapping, EntityMapping
from instep.mapping.entity import EntityDraft, Surroundings, check_keys, objects_of, read_entity, with_fields
from instep.mapping.fields import FieldEntry, compiled_field, finish_untyped
from instep.mapping.ids import Ids
from instep.mapping.rules import take_rule
from instep.mapping.section import Section
from instep.mapping.wantedlists import read_more_lists
from instep.model.configuration import Configuration, WantedList
from instep.model.entities import FieldType, Kind


@dataclass(frozen=True, slots=True)
class MappingDraft:
    """A mapping file whose fields wait for the other files."""

    connection: str
    entities: Mapping[Kind, EntityDraft]
    behaviours: tuple[BehaviourMapping, ...]
    more_lists: tuple[WantedList, ...] = ()

    def configuration(self, ids: Ids) -> Configuration:
        """How the system is to be configured, and what of it is managed already."""
        lists = [wanted for draft in self.entities.values() for wanted in draft.lists]
        return Configuration((*lists, *self.more_lists), ids.lists, ids.org)

    def entries(self) -> list[FieldEntry]:
        return [entry for draft in self.entities.values() for entry in draft.entries]

    def stage_entries(self) -> list[FieldEntry]:
        return [draft.stage_entry for draft in self.entities.values() if draft.stage_entry]


def read_mapping(section: Section, connection: str, around: Surroundings) -> MappingDraft:
    """One connection's file, all but its fields' types."""
    objects = {kind: found for kind in Kind if (found := objects_of(section, kind)) is not None}
    _check_objects(section, objects)
    entities = {}
    for kind in objects:
        table = section.table_or_empty(kind.value)
        table.known["objects"] = None
        entities[kind] = read_entity(table, kind, connection, objects, around)
    told = [_behaviour(table, around) for table in section.tables("behaviours")]
    behaviours = tuple(behaviour for behaviour in told if behaviour is not None)
    more = tuple(read_more_lists(section))
    section.finish()
    return MappingDraft(connection, entities, behaviours, more)


def compiled_mapping(draft: MappingDraft, types: Mapping[tuple[Kind, str], FieldType]) -> ConnectionMapping:
    """The finished mapping, once the types of all fields are settled."""
    entities = {kind: _compiled_entity(entity, types) for kind, entity in draft.entities.items()}
    return ConnectionMapping(draft.connection, entities, draft.behaviours)


def _compiled_entity(draft: EntityDraft, types: Mapping[tuple[Kind, str], FieldType]) -> EntityMapping:
    compiled = {}
    for entry in draft.entries:
        kind = types.get((entry.kind, entry.name))
        if kind is None:
            finish_untyped(entry)
        else:
            compiled[entry.name] = compiled_field(entry, kind)
    mapping = with_fields(draft.mapping, draft.entries, compiled)
    check_keys(draft, mapping)
    return mapping


def _check_objects(section: Section, objects: Mapping[Kind, tuple[str, ...]]) -> None:
    taken: dict[str, Kind] = {}
    for kind, names in objects.items():
        for name in names:
            other = taken.setdefault(name, kind)
            if other is not kind:
                problem = f'names "{name}", which [{other}] maps already'
                section.mistake("TWICE", problem, "Map an object to one kind only.", kind.value, "objects")


def _behaviour(table: Section, around: Surroundings) -> BehaviourMapping | None:
    """One activity; None where the behaviour is one that only another version of the process has."""
    kind, behaviour = table.required_text("kind"), table.required_text("behaviour")
    known = [found.key for found in around.process.behaviours]
    if behaviour is not None and behaviour not in known:
        table.unknown("behaviour", behaviour, known, "behaviour")
    mapping = BehaviourMapping(
        kind=kind or "",
        behaviour=behaviour or "",
        where=take_rule(table, "where"),
        refers=table.text("refers"),
    )
    table.finish()
    return None if table.is_elsewhere("behaviour", behaviour) else mapping
