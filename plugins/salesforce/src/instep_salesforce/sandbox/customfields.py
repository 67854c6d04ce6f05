"""Custom fields: how they are defined, added, changed and taken away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from instep_salesforce.sandbox.errors import RefusedError, refused
from instep_salesforce.sandbox.metadata import values as lists
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, label_of

FORMS = {
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Time": "time",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Lookup": "reference",
}
"""The kinds of custom fields, and the types that describes give them."""

_KEYS = {"Text", "Number", "Email"}
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?!_))*(?<!_)__c")
_LONGEST = {"name": 40, "label": 40, "inlineHelpText": 510, "description": 1000}
_LENGTHS = {"TextArea": 255, "Email": 80, "Phone": 40, "Url": 255, "Picklist": 255, "MultiselectPicklist": 4099}


def build(org: Org, kind: ObjectType, name: str, form: str, definition: Mapping[str, object]) -> Field:
    """A custom field from its definition, in the words of the Metadata API."""
    if not _NAME.fullmatch(name):
        raise _bad(f"The Custom Field Name '{name}' can only contain alphanumeric characters and ends in __c")
    if len(name.removesuffix("__c")) > _LONGEST["name"]:
        raise _bad(f"The Custom Field Name '{name}' cannot exceed {_LONGEST['name']} characters")
    for text in ("label", "inlineHelpText", "description"):
        _require_short(definition, text)
    if form not in FORMS:
        raise _bad(f"'{form}' is not a valid value for the enum 'FieldType'")
    is_key = bool(definition.get("externalId") or definition.get("unique"))
    if is_key and form not in _KEYS:
        raise _bad(f"Can not specify 'externalId' or 'unique' for a CustomField of type {form}")
    item = Field(
        name=name,
        type=FORMS[form],
        label=str(definition.get("label") or label_of(name)),
        createable=True,
        updateable=True,
        custom=True,
        required=bool(definition.get("required")),
        unique=bool(definition.get("unique")),
        external_id=bool(definition.get("externalId")),
        id_lookup=is_key,
        case_sensitive=bool(definition.get("caseSensitive")),
        help=_text(definition.get("inlineHelpText")),
        description=_text(definition.get("description")),
        id=org.ids.new("00N"),
        form=form,
    )
    return _sized(org, replace(item, **_shape(form, definition)), form, definition)


def _require_short(definition: Mapping[str, object], name: str) -> None:
    if len(str(definition.get(name) or "")) > _LONGEST[name]:
        message = f"{name}: data value too large (max length={_LONGEST[name]})"
        raise refused("STRING_TOO_LONG", message, name)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _bad(message: str) -> RefusedError:
    return refused("FIELD_INTEGRITY_EXCEPTION", message)


def _shape(form: str, definition: Mapping[str, object]) -> dict[str, Any]:
    """What only some forms have."""
    match form:
        case "Text":
            return {"length": _between(definition, "length", 1, 255)}
        case "LongTextArea":
            lines, length = _between(definition, "visibleLines", 2, 50), _between(definition, "length", 256, 131_072)
            return {"length": length, "filterable": False, "visible_lines": lines}
        case "MultiselectPicklist":
            return {"length": _LENGTHS[form], "visible_lines": _between(definition, "visibleLines", 3, 10)}
        case "Number" | "Currency" | "Percent":
            return {
                "precision": _between(definition, "precision", 1, 18),
                "scale": _between(definition, "scale", 0, 17),
            }
        case "Checkbox":
            if definition.get("defaultValue") is None:
                raise _bad("Must specify 'defaultValue' for a CustomField of type Checkbox")
            return {"default": str(definition["defaultValue"]).lower() == "true"}
        case _:
            return {"length": _LENGTHS.get(form, 0)}


def _between(definition: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = definition.get(name)
    if not isinstance(value, int | str) or isinstance(value, bool) or not str(value).isdigit():
        raise _bad(f"Must specify '{name}' for a CustomField of this type")
    if not least <= int(value) <= most:
        raise _bad(f"{name} must be between {least} and {most}")
    return int(value)


def _sized(org: Org, item: Field, form: str, definition: Mapping[str, object]) -> Field:
    if form == "Lookup":
        target = org.known(str(definition.get("referenceTo") or ""))
        if target is None:
            raise _bad("Must specify 'referenceTo' for a CustomField of type Lookup")
        return replace(item, refers_to=(target.name,))
    if form in {"Picklist", "MultiselectPicklist"}:
        return _with_choices(org, item, definition.get("valueSet"))
    return item


def _with_choices(org: Org, item: Field, value_set: object) -> Field:
    """A picklist with the choices that it defines, or with those of the global set that it names."""
    if not isinstance(value_set, Mapping):
        raise _bad("Must specify either 'valueSet' for a CustomField of type Picklist")
    restricted, name = bool(value_set.get("restricted")), value_set.get("valueSetName")
    if name is not None:
        shared = org.global_sets.get(str(name))
        if shared is None:
            raise refused(
                "INVALID_CROSS_REFERENCE_KEY", f"In field: valueSetName - no GlobalValueSet named {name} found"
            )
        return replace(item, options=shared.options, restricted=restricted, value_set=str(name))
    inner = value_set.get("valueSetDefinition")
    given = inner.get("value") if isinstance(inner, Mapping) else None
    if not isinstance(given, Sequence):
        raise _bad("Must specify either 'valueSet' for a CustomField of type Picklist")
    values = [_worded(value) for value in given if isinstance(value, Mapping)]
    lists.require_sound(values)
    return replace(item, options=lists.merged((), values), restricted=restricted)


def _worded(value: Mapping[str, object]) -> dict[str, object]:
    """A value in the words of the Metadata API; the Tooling API has others for some."""
    name = str(value.get("fullName") or value.get("valueName") or value.get("label"))
    return {**value, "fullName": name, "default": bool(value.get("default"))}


def change(org: Org, kind: ObjectType, item: Field, definition: Mapping[str, object]) -> None:
    """Replace the definition of a custom field: what is left out takes its default, choices become inactive."""
    if definition.get("type") != item.form:
        raise _bad(f"Cannot change the type of {item.name} by this call")
    changed = replace(build(org, kind, item.name, str(item.form), definition), id=item.id)
    longest = max((len(str(row.get(item.name) or "")) for row in org.tables[kind.name].rows.values()), default=0)
    if changed.type == "string" and changed.length < longest:
        raise _bad("There is data that is longer than the new length")
    if changed.value_set != item.value_set:
        raise _bad(f"Cannot change the value set of {item.name}")
    if changed.is_picklist and changed.value_set is None:
        changed = replace(changed, options=lists.kept(item.options, changed.options))
    org.tables[kind.name].forget_index(item.name)
    org.redefine(kind, changed)


def add(org: Org, kind: ObjectType, item: Field, *, visible: bool) -> None:
    """Let an object have a custom field; unless `visible`, nobody is granted it."""
    if kind.find(item.name) is not None:
        message = f"There is already a field named {item.name.removesuffix('__c')} on {kind.label}."
        raise refused("DUPLICATE_DEVELOPER_NAME", message)
    own = [field for field in kind.fields.values() if field.custom]
    character = org.personality
    if len(own) >= character.fields_per_object:
        raise refused("NUM_CUSTOM_FIELDS_EXCEEDED", f"Limit of {character.fields_per_object} custom fields reached")
    if item.external_id and sum(field.external_id for field in own) >= character.external_ids_per_object:
        raise refused("LIMIT_EXCEEDED", f"Limit of {character.external_ids_per_object} external ids reached")
    kind.put(item)
    if item.default is not None:
        for row in org.tables[kind.name].rows.values():
            row.setdefault(item.name, item.default)
    if not visible and not item.required:
        org.visibility.withhold(kind.name, item.name)
    if not visible and character.field_lag:
        org.visibility.delay(kind.name, item.name, org.now() + character.field_lag)
    if item.is_picklist:
        org.offering.note_picklist(org, kind, item, offered=visible or character.new_picklists_offered)
    org.schema_changed(kind)


def remove(org: Org, kind: ObjectType, name: str) -> None:
    """Take a custom field and its values away."""
    item = kind.fields[name]
    if not item.custom:
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", f"{name} is a standard field")
    kind.drop(name)
    table = org.tables[kind.name]
    table.forget_index(name)
    for row in table.rows.values():
        row.pop(name, None)
    org.visibility.withhold(kind.name, name)
    org.visibility.grant(kind.name, name)
    org.schema_changed(kind)


def to_metadata(item: Field) -> dict[str, object]:
    """A custom field as its definition."""
    shown: dict[str, object] = {
        "label": item.label,
        "type": item.form,
        "description": item.description,
        "inlineHelpText": item.help,
        "required": item.required,
        "unique": item.unique,
        "externalId": item.external_id,
        "caseSensitive": item.case_sensitive,
        "length": item.length or None,
        "precision": item.precision or None,
        "scale": item.scale if item.precision else None,
        "visibleLines": item.visible_lines or None,
        "defaultValue": item.default,
        "referenceTo": next(iter(item.refers_to), None),
    }
    if item.value_set is not None:
        shown["valueSet"] = {"restricted": item.restricted, "valueSetName": item.value_set}
    elif item.is_picklist:
        inner = {"sorted": False, "value": [lists.defined(option) for option in item.options]}
        shown["valueSet"] = {"restricted": item.restricted, "valueSetDefinition": inner}
    return shown


def plainly(form: str, definition: Mapping[str, object]) -> dict[str, object]:
    """A definition in Python's words, with sensible sizes, in the words of the Metadata API."""
    words = {"external_id": "externalId", "case_sensitive": "caseSensitive", "default": "defaultValue"}
    words |= {"help": "inlineHelpText", "refers_to": "referenceTo"}
    found = {
        words.get(name, name): value for name, value in definition.items() if name not in {"options", "restricted"}
    }
    sizes: dict[str, dict[str, object]] = {
        "Text": {"length": 255},
        "LongTextArea": {"length": 32_768, "visibleLines": 3},
        "MultiselectPicklist": {"visibleLines": 4},
        "Checkbox": {"defaultValue": False},
    }
    number: dict[str, object] = {"precision": 18, "scale": 2}
    sizes |= {"Number": number, "Currency": number, "Percent": number}
    if "options" in definition:
        options = definition["options"]
        values = [_listed(option) for option in options] if isinstance(options, Iterable) else []
        inner = {"sorted": False, "value": values}
        found["valueSet"] = {"restricted": bool(definition.get("restricted")), "valueSetDefinition": inner}
    return {**sizes.get(form, {}), **found}


def _listed(option: object) -> dict[str, object]:
    value, label = option if isinstance(option, tuple) else (option, option)
    return {"fullName": value, "label": label}
