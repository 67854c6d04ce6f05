"""Permission sets: which fields they show, and which permissions they grant.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_permissionset.htm
"""

from __future__ import annotations

from collections.abc import Iterable

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import names
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.schema import Row
from instep_salesforce.sandbox.standard.permissions import PERMISSIONS
from instep_salesforce.sandbox.writing import create, update


class PermissionSets(Kind):
    """Permission sets by their names."""

    type = "PermissionSet"
    directory = "permissionsets"
    suffix = "permissionset"
    permission = "PermissionsManageProfilesPermissionsets"

    def listed(self) -> Iterable[Listed]:
        """Every permission set."""
        for row in self.org.tables["PermissionSet"].all():
            yield Listed(str(row["Name"]), str(row["Id"]), str(row["SystemModstamp"]))

    def read(self, name: str) -> Definition | None:
        """A permission set."""
        row = self._row(name)
        if row is None:
            return None
        granted = [permission for permission in PERMISSIONS if row.get(permission)]
        return {
            "fullName": row["Name"],
            "description": row.get("Description"),
            "fieldPermissions": [_shown(one) for one in self._fields(row)],
            "hasActivationRequired": bool(row.get("HasActivationRequired")),
            "label": row["Label"],
            "userPermissions": [{"enabled": True, "name": one.removeprefix("Permissions")} for one in granted],
        }

    def create(self, definition: Definition, user: str) -> None:
        """Make a permission set, which is assigned to nobody."""
        name = definition["fullName"]
        names.require_developer_name(self.type, name)
        if self._row(name) is not None:
            raise refused("DUPLICATE_DEVELOPER_NAME", f"Duplicate developer name: {name}", "fullName")
        caller, kind = Caller(user=user, by_api=False), self.org.kinds["PermissionSet"]
        id = create(self.org, kind, {"Name": name, **self._values(definition)}, caller)
        self._grant(self.org.tables[kind.name].rows[id], definition, caller)

    def update(self, definition: Definition, user: str) -> None:
        """Replace a permission set; whether fields that are left out are taken away is the org's character."""
        row = self._row(definition["fullName"])
        if row is None:
            raise self.missing(definition["fullName"])
        caller = Caller(user=user, by_api=False)
        update(self.org, self.org.kinds["PermissionSet"], row, self._values(definition), caller)
        self._grant(row, definition, caller)

    def delete(self, name: str) -> None:
        """Take a permission set away from everybody."""
        row = self._row(name)
        if row is None:
            raise self.missing(name)
        for table, reference in (("FieldPermissions", "ParentId"), ("PermissionSetAssignment", "PermissionSetId")):
            for id in self.org.tables[table].holders(reference, row["Id"]):
                self.org.tables[table].remove(id)
        self.org.tables["PermissionSet"].remove(str(row["Id"]))
        self.org.visibility.changed()

    def _row(self, name: str) -> Row | None:
        rows = self.org.tables["PermissionSet"].all()
        return next((row for row in rows if str(row["Name"]).lower() == name.lower()), None)

    def _fields(self, row: Row) -> list[Row]:
        table = self.org.tables["FieldPermissions"]
        found = [table.rows[id] for id in table.holders("ParentId", row["Id"])]
        return sorted(found, key=lambda one: str(one["Field"]))

    def _values(self, definition: Definition) -> dict[str, object]:
        for name, most in (("label", 80), ("description", 255)):
            names.require_short(name, definition.get(name), most)
        granted = {f"Permissions{one['name']}": one["enabled"] for one in definition.get("userPermissions", [])}
        if unknown := sorted(granted.keys() - set(PERMISSIONS)):
            message = f"Unknown user permission: {unknown[0].removeprefix('Permissions')}"
            raise refused("INVALID_CROSS_REFERENCE_KEY", message, "userPermissions")
        return {
            "Label": definition["label"],
            "Description": definition.get("description"),
            "HasActivationRequired": definition.get("hasActivationRequired", False),
            **(dict.fromkeys(PERMISSIONS, False) if self.org.personality.permission_sets_replace else {}),
            **granted,
        }

    def _grant(self, row: Row, definition: Definition, caller: Caller) -> None:
        kind, wanted = self.org.kinds["FieldPermissions"], definition.get("fieldPermissions", [])
        known = {str(one["Field"]).lower(): one for one in self._fields(row)}
        for one in wanted:
            there = known.pop(one["field"].lower(), None)
            rights = {"PermissionsRead": one.get("readable", False), "PermissionsEdit": one["editable"]}
            if there is not None:
                update(self.org, kind, there, rights, caller)
            else:
                object = one["field"].partition(".")[0]
                create(
                    self.org,
                    kind,
                    {"ParentId": row["Id"], "SobjectType": object, "Field": one["field"], **rights},
                    caller,
                )
        if self.org.personality.permission_sets_replace:
            for left in known.values():
                self.org.tables[kind.name].remove(str(left["Id"]))
        self.org.visibility.changed()


def _shown(row: Row) -> Definition:
    return {
        "editable": bool(row.get("PermissionsEdit")),
        "field": row["Field"],
        "readable": bool(row.get("PermissionsRead")),
    }
