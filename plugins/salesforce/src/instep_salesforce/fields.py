"""Reads the fields of an object, and creates the few that Instep needs."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from instep.contract import FieldSpec, Offer, Option, Outcome, Rejected, SystemField, Unknown, Written
from instep.errors import UnknownOutcomeError
from instep_salesforce import wire
from instep_salesforce.account import user_id
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import query_all
from instep_salesforce.refusals import rejected
from instep_salesforce.schema import RECORD_TYPE, RECORD_TYPE_ID, Described, Field, Schema
from instep_salesforce.settings import SalesforceSettings
from instep_salesforce.values import NUMBERS, UNREADABLE, quoted

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
    "boolean": {"type": "Checkbox", "defaultValue": False},
    "date": {"type": "Date"},
    "instant": {"type": "DateTime"},
}
_TAKEN: Final = frozenset(("DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"))


class _Who(msgspec.Struct):
    user_id: str


class _Chosen(msgspec.Struct):
    value: str


class _OfField(msgspec.Struct):
    values: list[_Chosen]


class _Offered(msgspec.Struct):
    picklistFieldValues: dict[str, _OfField]  # noqa: N815


_offered = msgspec.json.Decoder(_Offered)
_who = msgspec.json.Decoder(_Who)


class SalesforceFields:
    """The fields of leads, contacts, accounts and opportunities, as this login sees them."""

    def __init__(self, client: SalesforceClient, settings: SalesforceSettings, schema: Schema) -> None:
        self._client = client
        self._permission_set = settings.permission_set
        self._permission_set_id: str | None = None
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
        if not spec.name.endswith("__c"):
            reason = f'Salesforce ends the names of custom fields in "__c"; call it {spec.name}__c.'
            return Rejected("bad_name", reason, spec.name)
        try:
            there = _there(spec, self._schema.read(spec.object))
            if there is not None:
                return there
            is_new = self._make(spec)
            self._show(spec)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            return rejected(refused.errors[0] if refused.errors else wire.Problem(message=str(refused)))
        if is_new:
            return Written(spec.name, {}, created=True)
        return _there(spec, self._schema.read(spec.object)) or Written(spec.name, {})

    # --- making ------------------------------------------------------------------------------------------------

    def _make(self, spec: FieldSpec) -> bool:
        """Create the field; False where there is one of that name already.

        developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_customfield.htm
        """
        metadata = {"label": spec.label, "description": spec.description, **_MADE_AS[spec.type]}
        if spec.unique:
            metadata |= {"unique": True, "externalId": True, "caseSensitive": False}
        body = {"FullName": f"{spec.object}.{spec.name}", "Metadata": metadata}
        path = self._client.path("tooling", "sobjects", "CustomField")
        return self._made(Call("POST", path, "fields/create", body=body, writes=True)) is not None

    def _show(self, spec: FieldSpec) -> None:
        """Let the permission set read and edit the field: a new one is hidden from everyone.

        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_fieldpermissions.htm
        """
        body = {
            "ParentId": self._permission_set_of_ours(),
            "SobjectType": spec.object,
            "Field": f"{spec.object}.{spec.name}",
            "PermissionsRead": True,
            "PermissionsEdit": True,
        }
        self._made(self._create_call("FieldPermissions", body))

    def _permission_set_of_ours(self) -> str:
        """The permission set, made where it is missing and assigned to the user who runs this."""
        if self._permission_set_id is None:
            name = quoted(self._permission_set)
            id = self._id("PermissionSet", f"Name = {name}")
            if id is None:
                body = {"Name": self._permission_set, "Label": self._permission_set}
                made = self._made(self._create_call("PermissionSet", body))
                id = made or self._id("PermissionSet", f"Name = {name}") or ""
            self._assign(id)
            self._permission_set_id = id
        return self._permission_set_id

    def _assign(self, permission_set: str) -> None:
        user = user_id(self._client) or self._asked_user_id()
        where = f"PermissionSetId = {quoted(permission_set)} AND AssigneeId = {quoted(user)}"
        if self._id("PermissionSetAssignment", where) is None:
            body = {"PermissionSetId": permission_set, "AssigneeId": user}
            self._made(self._create_call("PermissionSetAssignment", body))

    def _asked_user_id(self) -> str:
        call = Call("GET", "/services/oauth2/userinfo", "oauth/userinfo")
        return self._client.fetch(call, _who).value.user_id

    # --- calls -------------------------------------------------------------------------------------------------

    def _create_call(self, object: str, body: dict[str, Any]) -> Call:
        return Call("POST", self._client.path("sobjects", object), f"{object}/create", body=body, writes=True)

    def _made(self, call: Call) -> str | None:
        """The id of what was made; None where it was there already."""
        try:
            return self._client.fetch(call, wire.made).value.id
        except RefusedError as refused:
            if refused.code in _TAKEN:
                return None
            raise

    def _id(self, object: str, where: str) -> str | None:
        query = f"SELECT Id FROM {object} WHERE {where}"  # noqa: S608 - values are quoted
        rows = list(query_all(self._client, object, wire.Columns({"Id": "id"}), query))
        return rows[0]["Id"] if rows else None


def offers(client: SalesforceClient, described: Described) -> tuple[Offer, ...]:
    """What each record type offers for each picklist: a new value is offered to none until somebody adds it there.

    Nothing where the org does not tell.
    developer.salesforce.com/docs/atlas.en-us.uiapi.meta/uiapi/ui_api_resources_picklist_values_collection.htm
    """
    found: list[Offer] = []
    for of in described.record_types:
        if of.active:
            path = client.path("ui-api", "object-info", described.name, "picklist-values", of.recordTypeId)
            try:
                answer = client.fetch(Call("GET", path, f"{described.name}/offers"), _offered)
            except RefusedError:
                return ()
            fields = answer.value.picklistFieldValues
            found += [
                Offer(described.name, of.developerName, name, frozenset(one.value for one in field.values))
                for name, field in fields.items()
            ]
    return tuple(found)


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
