"""The custom fields that a mapping needs, and what is to be done where a system lacks them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from instep.contract import FieldSpec, Option, SystemField
from instep.mapping.compiled import ConnectionMapping, EntityMapping, FieldMapping
from instep.mapping.section import titled
from instep.model.configuration import Configuration, WantedList
from instep.model.entities import FieldType
from instep.provision.found import Found
from instep.provision.steps import Difference, ExtendField, Phase, Step
from instep.sync.health.ours import OURS

Type = Literal["text", "number", "boolean", "date", "instant", "choice", "choices"]
_TYPES: dict[FieldType, Type] = {
    FieldType.TEXT: "text",
    FieldType.EMAIL: "text",
    FieldType.PHONE: "text",
    FieldType.DOMAIN: "text",
    FieldType.NUMBER: "number",
    FieldType.MONEY: "number",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.INSTANT: "instant",
    FieldType.CHOICE: "choice",
    FieldType.CHOICES: "choices",
}


@dataclass(frozen=True, slots=True)
class WantedField:
    """A field that a mapping names, as it would be created; `spec` is None for one that only the system can have."""

    object: str
    name: str
    canonical: str
    spec: FieldSpec | None
    options: tuple[Option, ...] = ()
    is_stage: bool = False


def wanted_fields(mapping: ConnectionMapping, configuration: Configuration) -> tuple[WantedField, ...]:
    """Every field of every mapped object that Instep writes, and those that hold stages."""
    found: dict[tuple[str, str], WantedField] = {}
    for object, entity in mapping.objects.items():
        for wanted in _of_object(object, entity):
            found.setdefault((object, wanted.name), wanted)
    for wanted_list in configuration.lists:
        if wanted_list.kind is not None and wanted_list.pipeline is None:
            for object in wanted_list.objects:
                found[object, wanted_list.field] = _stage_field(object, wanted_list)
    return tuple(found[place] for place in sorted(found))


def _of_object(object: str, entity: EntityMapping) -> Iterator[WantedField]:
    if entity.instep_id:
        label, kind, unique, about = OURS["instep_id"]
        yield WantedField(
            object, entity.instep_id, "instep_id", FieldSpec(object, entity.instep_id, label, kind, unique, about)
        )
    for mapped in entity.fields:
        if mapped.tells:
            yield _field(object, entity, mapped)


def _field(object: str, entity: EntityMapping, mapped: FieldMapping) -> WantedField:
    options = tuple(Option(words[0], words[0]) for words in mapped.values.values() if words)
    if mapped.name in OURS:
        label, kind, unique, about = OURS[mapped.name]
        return WantedField(
            object, mapped.field, mapped.name, FieldSpec(object, mapped.field, label, kind, unique, about)
        )
    type = _TYPES.get(mapped.type)
    if type is None:
        return WantedField(object, mapped.field, mapped.name, None)
    about = f"The {mapped.name.replace('_', ' ')} of a {entity.kind.value}, kept in step by Instep."
    of_choice = options if type in ("choice", "choices") else ()
    spec = FieldSpec(object, mapped.field, titled(mapped.name), type, False, about, of_choice)
    return WantedField(object, mapped.field, mapped.name, spec, of_choice)


def _stage_field(object: str, wanted: WantedList) -> WantedField:
    options = tuple(Option(stage.spelled, stage.label or stage.spelled) for stage in wanted.stages)
    about = "The step of the buying process. Kept in step by Instep."
    spec = FieldSpec(object, wanted.field, "Buying stage", "choice", False, about, options)
    return WantedField(object, wanted.field, "stage", spec, (), is_stage=True)


def field_steps(wanted: Iterable[WantedField], found: Found) -> Iterator[Step]:
    """Create what is missing and can be created; add options that a custom choice lacks."""
    wanted = [_as_made(one, found) for one in wanted]
    names = {object: {field.name for field in fields} for object, fields in found.fields.items()}
    for one in wanted:
        there = _there(one, found)
        if there is None and one.spec is not None and is_custom(found, one.name):
            others = [w for w in wanted if w.is_stage and w.name == one.name and w.object != one.object]
            if one.is_stage and any(one.name in names.get(other.object, ()) for other in others):
                continue  # stages are kept in one object of the kind, and this is another one
            yield _create(one, one.spec)
        elif there is not None and there.options is not None and is_custom(found, one.name):
            yield from _extend(one, there)


def _as_made(one: WantedField, found: Found) -> WantedField:
    """The field as the system can have it: a text for a choice, and no labels beside values, where it has neither."""
    limits, spec = found.field_limits, one.spec
    if limits is None or spec is None:
        return one
    if spec.type == "choice" and "choice" not in limits.types:
        spec = replace(spec, type="text", options=())
    if spec.type not in limits.types:
        return replace(one, spec=None)
    if not limits.option_labels:
        spec = replace(spec, options=tuple(Option(option.value, option.value) for option in spec.options))
    # Where no list of stages stands behind a choice, what it lacks is missing from the field itself.
    is_listed = one.is_stage and (one.object, one.name) in found.limits
    return replace(one, spec=spec, options=() if is_listed else spec.options)


def is_custom(found: Found, name: str) -> bool:
    """Whether a field of this name can be created, as far as the system tells."""
    limits = found.field_limits
    if limits is None or name.casefold() in limits.reserved:
        return False
    return bool(re.fullmatch(limits.name, name)) and len(name) <= limits.name_length


def _there(one: WantedField, found: Found) -> SystemField | None:
    return next((field for field in found.fields.get(one.object, ()) if field.name == one.name), None)


def _create(one: WantedField, spec: FieldSpec) -> Step:
    differences = [Difference("type", None, spec.type)]
    if spec.options:
        differences.append(Difference("options", None, tuple(option.label for option in spec.options)))
    return Step(Phase.FIELDS, spec, f"field {one.object}.{one.name} ({one.canonical})", tuple(differences))


def _extend(one: WantedField, there: SystemField) -> Iterator[Step]:
    known = {option.value for option in there.options or ()}
    missing = tuple(option for option in one.options if option.value not in known)
    if missing:
        doing = ExtendField(one.object, one.name, missing)
        change = (Difference("options", None, tuple(option.label for option in missing)),)
        yield Step(Phase.FIELDS, doing, f"field {one.object}.{one.name} ({one.canonical})", change)
