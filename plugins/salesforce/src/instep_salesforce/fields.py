"""Reads the fields of an object, and creates the few that Instep needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar

import msgspec

from instep.contract import (
    FieldLimits,
    FieldSpec,
    Offer,
    Option,
    Outcome,
    Rejected,
    SystemField,
    SystemStage,
    Unknown,
    Written,
)
from instep.errors import UnknownOutcomeError
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import Component, SalesforceClient
from instep_salesforce.lists import Kept, Lists
from instep_salesforce.metadata import Metadata, is_taken, refusal
from instep_salesforce.permissions import PermissionSet
from instep_salesforce.schema import RECORD_TYPE, RECORD_TYPE_ID, Described, Field, RecordType, Schema
from instep_salesforce.values import NUMBERS, UNREADABLE
from instep_salesforce.valuesets import Values

T = TypeVar("T")
FieldType = Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
_TYPES: Final[dict[str, FieldType]] = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "instant",
    "picklist": "choice",
    "combobox": "choice",
    "reference": "choice",
    "multipicklist": "choices",
    **dict.fromkeys(NUMBERS, "number"),
}
_MADE_AS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "Text", "length": 255},
    "number": {"type": "Number", "precision": 18, "scale": 2},
    "boolean": {"type": "Checkbox", "defaultValue": "false"},
    "date": {"type": "Date"},
    "instant": {"type": "DateTime"},
    "choice": {"type": "Picklist"},
    "choices": {"type": "MultiselectPicklist", "visibleLines": 4},
}
_CHOICES: Final = frozenset(("choice", "choices"))


class _Chosen(msgspec.Struct):
    value: str


class _OfField(msgspec.Struct):
    values: list[_Chosen]


class _Offered(msgspec.Struct):
    picklistFieldValues: dict[str, _OfField]  # noqa: N815


_offered = msgspec.json.Decoder(_Offered)


class SalesforceFields:
    """The fields of leads, contacts, accounts and opportunities, as this login sees them."""

    def __init__(self, client: SalesforceClient, schema: Schema, permission_set: PermissionSet) -> None:
        self._client = client
        self._metadata = Metadata(client)
        self._permission_set = permission_set
        self._schema = schema

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Every field that can be read. `options` are given where only listed values can be written.

        developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
        """
        described = self._schema.read(object)
        fields = [_field(described, field) for field in described.fields if field.type not in UNREADABLE]
        return (*fields, *_record_type(described))

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a custom field, and make it visible through the permission set, which is made when it is missing.

        One of the same name and type counts as created (`Written.created` is false), and is made visible where it
        is hidden. Codes of a refusal: `bad_name` (custom names end in __c), `different` (another kind has the name).
        """
        return self.create_all([spec])[0]

    def create_all(self, specs: Sequence[FieldSpec]) -> list[Outcome]:
        """Create custom fields, ten in a call, and show all of them in another."""
        outcomes: dict[str, Outcome] = {}
        missing: list[FieldSpec] = []
        for spec in specs:
            there = _attempt(partial(self._found, spec))
            if there is None:
                missing.append(spec)
            else:
                outcomes[_full(spec)] = there
        outcomes |= self._made(missing)
        return [outcomes[_full(spec)] for spec in specs]

    def _found(self, spec: FieldSpec) -> Outcome | None:
        """What it means that a field of this name can be seen; None where none can, as far as is known.

        Where none was known before it is not looked again: making it tells.
        """
        if not spec.name.endswith("__c"):
            reason = f'Salesforce ends the names of custom fields in "__c"; call it {spec.name}__c.'
            return Rejected("bad_name", reason, spec.name)
        if self._schema.of(spec.object).field(spec.name) is None:
            return None
        there = _there(spec, self._schema.read(spec.object))
        return None if there is None else self._completed(spec, there)

    def _made(self, specs: Sequence[FieldSpec]) -> dict[str, Outcome]:
        """Make fields that were not seen, and show them. One of that name was hidden, or somebody made it meanwhile.

        developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
        """
        failures = self._metadata.save("create", "CustomField", [_component(spec) for spec in specs])
        there = [spec for spec in specs if _full(spec) not in failures or is_taken(failures[_full(spec)])]
        unshown = self._shown(there)
        for object in {spec.object for spec in there}:
            self._schema.forget(object)
        outcomes = failures | unshown
        for spec in (spec for spec in there if _full(spec) not in unshown):
            is_new = _full(spec) not in failures
            outcomes[_full(spec)] = (
                Written(spec.name, {}, created=True) if is_new else _attempt(partial(self._met, spec))
            )
        return outcomes

    def _met(self, spec: FieldSpec) -> Outcome:
        """What it means that there was a field of this name, now that it can be seen."""
        return self._completed(spec, _there(spec, self._schema.of(spec.object)) or Written(spec.name, {}))

    def _shown(self, specs: Sequence[FieldSpec]) -> dict[str, Outcome]:
        """Show fields. Gives what went wrong."""
        if not specs:
            return {}
        names = [(spec.object, spec.name) for spec in specs]
        shown = _attempt(lambda: self._permission_set.show_fields(names))
        return shown if isinstance(shown, dict) else dict.fromkeys(map(_full, specs), shown)

    def _completed(self, spec: FieldSpec, there: Outcome) -> Outcome:
        """A choice that was there is given the options that it lacks."""
        if not isinstance(there, Written) or not spec.options:
            return there
        known = self._schema.of(spec.object).field(spec.name)
        held = {choice.value for choice in known.choices} if known is not None else set()
        lacking = [option for option in spec.options if option.value not in held]
        return self.extend(spec.object, spec.name, lacking) if lacking else there

    def limits(self) -> FieldLimits:
        """A custom name is one of Salesforce's own kind with __c at its end: 40 characters before it.

        help.salesforce.com: Custom Field Attributes
        """
        return FieldLimits(name=r"[A-Za-z](?:_?[A-Za-z0-9])*__c", name_length=43, label_length=40)

    def extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        """Add options at the end of a picklist's values. Fields that share the list have them too.

        Record types do not offer what is new until somebody adds it there.
        """
        failures: list[Outcome] = []

        def edit(kept: Kept, values: Values) -> None:
            added = (values.add(SystemStage(one.value, one.label, 0)) for one in options if not values.has(one.value))
            failures.extend(outcome for outcome in added if not isinstance(outcome, Written))

        try:
            failure = Lists(self._client, self._schema).edit(object, name, edit)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            return refusal(refused)
        return failure or next(iter(failures), None) or Written(name, {})


def offers(client: SalesforceClient, described: Described) -> tuple[Offer, ...]:
    """What each record type offers for each picklist: a new value is offered to none until somebody adds it there.

    Nothing where the org does not tell.
    """
    found: list[Offer] = []
    for of in described.record_types:
        if of.active:
            try:
                fields = offered(client, described.name, of)
            except RefusedError:
                return ()
            found += [Offer(described.name, of.developerName, name, values) for name, values in fields.items()]
    return tuple(found)


def offered(client: SalesforceClient, object: str, of: RecordType) -> dict[str, frozenset[str]]:
    """The values that one record type offers, by picklist. Needs no more than the right to read the records.

    developer.salesforce.com/docs/atlas.en-us.uiapi.meta/uiapi/ui_api_resources_picklist_values_collection.htm
    """
    path = client.path("ui-api", "object-info", object, "picklist-values", of.recordTypeId)
    fields = client.fetch(Call("GET", path, f"{object}/offers"), _offered).value.picklistFieldValues
    return {name: frozenset(one.value for one in field.values) for name, field in fields.items()}


def _attempt(ask: Callable[[], T]) -> T | Outcome:
    """What an answer means; that it was lost, or a refusal."""
    try:
        return ask()
    except UnknownOutcomeError as lost:
        return Unknown(str(lost))
    except RefusedError as refused:
        return refusal(refused)


def _full(spec: FieldSpec) -> str:
    return f"{spec.object}.{spec.name}"


def _component(spec: FieldSpec) -> Component:
    metadata = {"label": spec.label, "description": spec.description or None, **_MADE_AS[spec.type]}
    if spec.unique:
        metadata |= {"unique": True, "externalId": True, "caseSensitive": False}
    if spec.type in _CHOICES:
        metadata["valueSet"] = _value_set(spec.options)
    return {"fullName": _full(spec), **metadata}


def _there(spec: FieldSpec, described: Described) -> Outcome | None:
    """What it means that a field of this name can be seen; None where none can."""
    known = described.field(spec.name)
    if known is None:
        return None
    field = _field(described, known)
    if field.type == spec.type and (field.unique or not spec.unique):
        return Written(field.name, {})
    what = f"{field.type}{'' if field.unique else ', not unique'}"
    reason = f'Salesforce already has a field "{spec.name}" of {spec.object}, of another kind ({what}).'
    return Rejected("different", reason, spec.name)


def _value_set(options: Sequence[Option]) -> dict[str, Any]:
    """Values of a field's own, and no others."""
    values = [{"fullName": one.value, "label": one.label, "default": False} for one in options]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}


def _field(described: Described, field: Field) -> SystemField:
    return SystemField(
        object=described.name,
        name=field.name,
        label=field.label or field.name,
        type="owner" if field.name == "OwnerId" else _TYPES.get(field.type, "text"),
        read_only=not field.updateable,
        required=_is_required(field),
        unique=field.unique,
        max_length=field.length or None if field.type not in _TYPES else None,
        options=_options(described, field),
    )


def _is_required(field: Field) -> bool:
    """Whether a record cannot be created without it; a checkbox is never blank."""
    return field.createable and not field.nillable and not field.defaultedOnCreate and field.type != "boolean"


def _options(described: Described, field: Field) -> tuple[Option, ...] | None:
    if not field.choices or not described.is_closed_list(field):
        return None
    return tuple(Option(choice.value, choice.label or choice.value) for choice in field.choices)


def _record_type(described: Described) -> tuple[SystemField, ...]:
    """The record type by its developer name, where there is one to choose."""
    types = [found for found in described.record_types if found.active]
    held = described.field(RECORD_TYPE_ID)
    if held is None or not types:
        return ()
    options = tuple(Option(found.developerName, found.name) for found in types)
    read_only = not held.updateable
    return (SystemField(described.name, RECORD_TYPE, "Record type", "choice", read_only=read_only, options=options),)
