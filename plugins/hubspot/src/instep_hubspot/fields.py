"""Reads the properties of an object, and creates the few that Instep needs."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from instep.contract import FieldSpec, Option, Outcome, Rejected, SystemField, Unknown, Written
from instep.errors import UnknownOutcomeError
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.refusals import outcome_of

GROUP: Final = "instep"
_LONGEST_TEXT: Final = 65_536
_NEEDED: Final = {"deals": frozenset(("dealname", "dealstage"))}

FieldType = Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
_TYPES: Final[dict[str, FieldType]] = {
    "number": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "instant",
    "enumeration": "choice",
}
_MADE_AS: Final = {
    "text": ("string", "text"),
    "number": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "instant": ("datetime", "date"),
}
_YES_NO: Final = (
    {"label": "Yes", "value": "true", "displayOrder": 0, "hidden": False},
    {"label": "No", "value": "false", "displayOrder": 1, "hidden": False},
)


class _Option(msgspec.Struct):
    value: str
    label: str


class _Rules(msgspec.Struct):
    readOnlyValue: bool = False  # noqa: N815


class _Property(msgspec.Struct):
    name: str
    label: str
    type: str
    fieldType: str = ""  # noqa: N815
    options: list[_Option] = []
    calculated: bool = False
    externalOptions: bool = False  # noqa: N815
    hasUniqueValue: bool = False  # noqa: N815
    referencedObjectType: str | None = None  # noqa: N815
    modificationMetadata: _Rules | None = None  # noqa: N815


class _Properties(msgspec.Struct):
    results: list[_Property]


class _Anything(msgspec.Struct):
    name: str


_properties = msgspec.json.Decoder(_Properties)
_property = msgspec.json.Decoder(_Property)
_anything = msgspec.json.Decoder(_Anything)


class HubSpotFields:
    """The properties of contacts, companies and deals."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Every property in use. Where choices live elsewhere (owners, pipelines), `options` is None.

        developers.hubspot.com/docs/guides/api/crm/properties
        """
        call = Call("GET", self._client.path("properties", object), "properties/list")
        found = self._client.fetch(call, _properties).value.results
        return tuple(_field(object, property) for property in found)

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a property in the group "instep", which is made when it is missing.

        One of the same name and type counts as created (`Written.created` is false). Codes of a refusal: `archived`
        (the name is in the bin), `different` (the name is taken by a property of another kind).
        """
        try:
            if (there := self._there(spec)) is not None:
                return there
            self._make_group(spec.object)
            return self._make(spec)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            return outcome_of(refused.body, refused.status)

    def _there(self, spec: FieldSpec) -> Outcome | None:
        """What is known under that name already, the bin included."""
        if (known := self._one(spec, archived=False)) is not None:
            return _same_or_different(spec, known)
        if self._one(spec, archived=True) is None:
            return None
        return Rejected(
            "archived",
            f'HubSpot keeps a property "{spec.name}" of {spec.object} in its bin. '
            "Restore it or delete it for good in HubSpot's property settings.",
            spec.name,
        )

    def _one(self, spec: FieldSpec, *, archived: bool) -> _Property | None:
        path = self._client.path("properties", spec.object, spec.name)
        try:
            call = Call("GET", path, "properties/read", {"archived": str(archived).lower()})
            return self._client.fetch(call, _property).value
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def _make_group(self, object: str) -> None:
        path = self._client.path("properties", object, "groups")
        body = {"name": GROUP, "label": "Instep", "displayOrder": -1}
        try:
            self._client.fetch(Call("POST", path, "properties/groups", body=body, writes=True), _anything)
        except RefusedError as refused:
            if refused.status != 409:
                raise

    def _make(self, spec: FieldSpec) -> Outcome:
        path = self._client.path("properties", spec.object)
        try:
            call = Call("POST", path, "properties/create", body=_body(spec), writes=True)
            made = self._client.fetch(call, _property).value
        except RefusedError as refused:
            known = self._one(spec, archived=False) if refused.status == 409 else None
            if known is None:
                raise
            return _same_or_different(spec, known)
        return Written(made.name, {}, created=True)


def _body(spec: FieldSpec) -> dict[str, object]:
    type, field_type = _MADE_AS[spec.type]
    return {
        "name": spec.name,
        "label": spec.label,
        "description": spec.description,
        "groupName": GROUP,
        "type": type,
        "fieldType": field_type,
        "hasUniqueValue": spec.unique,
        "options": list(_YES_NO) if type == "bool" else [],
    }


def _same_or_different(spec: FieldSpec, known: _Property) -> Outcome:
    field = _field(spec.object, known)
    if field.type == spec.type and (field.unique or not spec.unique):
        return Written(known.name, {})
    what = f"{field.type}{'' if field.unique else ', not unique'}"
    return Rejected(
        "different",
        f'HubSpot already has a property "{spec.name}" of {spec.object}, of another kind ({what}).',
        spec.name,
    )


def _field(object: str, property: _Property) -> SystemField:
    rules = property.modificationMetadata
    return SystemField(
        object=object,
        name=property.name,
        label=property.label,
        type=_type(property),
        read_only=property.calculated or bool(rules and rules.readOnlyValue),
        required=property.name in _NEEDED.get(object, ()),
        unique=property.hasUniqueValue or (object == "contacts" and property.name == "email"),
        max_length=_LONGEST_TEXT if property.type == "string" else None,
        options=_options(property),
    )


def _type(property: _Property) -> FieldType:
    if property.referencedObjectType == "OWNER" or property.name == "hubspot_owner_id":
        return "owner"
    if property.type == "enumeration" and property.fieldType == "checkbox":
        return "choices"
    return _TYPES.get(property.type, "text")


def _options(property: _Property) -> tuple[Option, ...] | None:
    if property.type != "enumeration" or property.externalOptions:
        return None
    return tuple(Option(option.value, option.label) for option in property.options)
