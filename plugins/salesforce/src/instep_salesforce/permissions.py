"""The permission set through which this login sees what it makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from instep.contract import Outcome
from instep.errors import UnknownOutcomeError
from instep_salesforce import wire
from instep_salesforce.account import user_id
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.batches import MOST
from instep_salesforce.client import SalesforceClient
from instep_salesforce.metadata import Failures, Metadata
from instep_salesforce.queries import query_all
from instep_salesforce.refusals import rejected
from instep_salesforce.values import quoted

_THERE: Final = ("DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE")


class _Who(msgspec.Struct):
    user_id: str


_who = msgspec.json.Decoder(_Who)


class PermissionSet:
    """A permission set of ours, made where it is missing and assigned to the user who runs this."""

    def __init__(self, client: SalesforceClient, name: str) -> None:
        self._client = client
        self._name = name
        self._id_of_ours: str | None = None

    def show_fields(self, fields: Sequence[tuple[str, str]]) -> Failures:
        """Let the user read and edit fields, by object and name: a new one is hidden from everyone.

        Gives what went wrong, by their full names.
        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_fieldpermissions.htm
        """
        failures: Failures = {}
        parent = self._id()
        for start in range(0, len(fields), MOST):
            part = fields[start : start + MOST]
            body = {"allOrNone": False, "records": [_permission(parent, *field) for field in part]}
            path = self._client.path("composite", "sobjects")
            call = Call("POST", path, "FieldPermissions/create", body=body, writes=True)
            answers = self._client.fetch(call, wire.saved).value
            if len(answers) != len(part):
                raise UnknownOutcomeError(f"Salesforce ({call.label}): did not answer for every field. Run again.")
            for (object, name), saved in zip(part, answers, strict=True):
                problem = saved.errors[0] if saved.errors else wire.Problem()
                if not saved.success and problem.code not in _THERE:
                    failures[f"{object}.{name}"] = rejected(problem)
        return failures

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
                self._made("PermissionSetAssignment", {"PermissionSetId": id, "AssigneeId": self._user()})
            else:
                self._assign(id)
            self._id_of_ours = id
        return self._id_of_ours

    def _assign(self, permission_set: str) -> None:
        user = self._user()
        where = f"PermissionSetId = {quoted(permission_set)} AND AssigneeId = {quoted(user)}"
        if self._found("PermissionSetAssignment", where) is None:
            self._made("PermissionSetAssignment", {"PermissionSetId": permission_set, "AssigneeId": user})

    def _user(self) -> str:
        if known := user_id(self._client):
            return known
        call = Call("GET", "/services/oauth2/userinfo", "oauth/userinfo")
        return self._client.fetch(call, _who).value.user_id

    def _made(self, object: str, body: dict[str, Any]) -> str | None:
        """The id of what was made; None where it was there already."""
        call = Call("POST", self._client.path("sobjects", object), f"{object}/create", body=body, writes=True)
        try:
            return self._client.fetch(call, wire.made).value.id
        except RefusedError as refused:
            if refused.code in _THERE:
                return None
            raise

    def _found(self, object: str, where: str) -> str | None:
        query = f"SELECT Id FROM {object} WHERE {where}"  # noqa: S608 - values are quoted
        rows = list(query_all(self._client, object, wire.Columns({"Id": "id"}), query))
        return rows[0]["Id"] if rows else None


def _permission(permission_set: str, object: str, name: str) -> dict[str, Any]:
    return {
        "attributes": {"type": "FieldPermissions"},
        "ParentId": permission_set,
        "SobjectType": object,
        "Field": f"{object}.{name}",
        "PermissionsRead": True,
        "PermissionsEdit": True,
    }
