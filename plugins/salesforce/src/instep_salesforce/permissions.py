"""The permission set through which this login sees what it makes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from instep.contract import Outcome
from instep_salesforce import wire
from instep_salesforce.account import user_id
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.metadata import Metadata
from instep_salesforce.queries import query_all
from instep_salesforce.values import quoted


class _Who(msgspec.Struct):
    user_id: str


_who = msgspec.json.Decoder(_Who)


class PermissionSet:
    """A permission set of ours, made where it is missing and assigned to the user who runs this."""

    def __init__(self, client: SalesforceClient, name: str) -> None:
        self._client = client
        self._name = name
        self._id_of_ours: str | None = None

    def show_field(self, object: str, name: str) -> None:
        """Let the user read and edit a field: a new one is hidden from everyone.

        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_fieldpermissions.htm
        """
        body = {
            "ParentId": self._id(),
            "SobjectType": object,
            "Field": f"{object}.{name}",
            "PermissionsRead": True,
            "PermissionsEdit": True,
        }
        self._made("FieldPermissions", body)

    def show_record_types(self, names: Iterable[str]) -> Outcome | None:
        """Let the user choose record types, by their full names. Gives what went wrong.

        The set is written whole, with everything that it held.
        developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_permissionset.htm
        """
        self._id()
        metadata = Metadata(self._client)
        held = metadata.read("PermissionSet", [self._name]).get(self._name) or {"fullName": self._name}
        known = {str(one["recordType"]): one for one in held.get("recordTypeVisibilities") or ()}
        wanted = {name: {**known.get(name, {}), "recordType": name, "visible": True} for name in names}
        if all(known.get(name, {}).get("visible") for name in wanted):
            return None
        visible = {**held, "recordTypeVisibilities": [*(known | wanted).values()]}
        return metadata.save("update", "PermissionSet", [visible]).get(self._name)

    def _id(self) -> str:
        if self._id_of_ours is None:
            name = quoted(self._name)
            id = self._found("PermissionSet", f"Name = {name}")
            if id is None:
                made = self._made("PermissionSet", {"Name": self._name, "Label": self._name})
                id = made or self._found("PermissionSet", f"Name = {name}") or ""
            self._assign(id)
            self._id_of_ours = id
        return self._id_of_ours

    def _assign(self, permission_set: str) -> None:
        user = user_id(self._client) or self._asked_user_id()
        where = f"PermissionSetId = {quoted(permission_set)} AND AssigneeId = {quoted(user)}"
        if self._found("PermissionSetAssignment", where) is None:
            self._made("PermissionSetAssignment", {"PermissionSetId": permission_set, "AssigneeId": user})

    def _asked_user_id(self) -> str:
        call = Call("GET", "/services/oauth2/userinfo", "oauth/userinfo")
        return self._client.fetch(call, _who).value.user_id

    def _made(self, object: str, body: dict[str, Any]) -> str | None:
        """The id of what was made; None where it was there already."""
        call = Call("POST", self._client.path("sobjects", object), f"{object}/create", body=body, writes=True)
        try:
            return self._client.fetch(call, wire.made).value.id
        except RefusedError as refused:
            if refused.code in ("DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"):
                return None
            raise

    def _found(self, object: str, where: str) -> str | None:
        query = f"SELECT Id FROM {object} WHERE {where}"  # noqa: S608 - values are quoted
        rows = list(query_all(self._client, object, wire.Columns({"Id": "id"}), query))
        return rows[0]["Id"] if rows else None
