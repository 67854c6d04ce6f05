"""What users may do: the permissions of their profile and of the permission sets that are assigned to them.

developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_profile.htm
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.schema import ObjectType, Row
from instep_salesforce.sandbox.standard.permissions import PERMISSIONS

if TYPE_CHECKING:
    from instep_salesforce.sandbox.org import Org

READ_ONLY = "Read Only"
"""The profile whose users change nothing, unless a permission set lets them."""

_BY_OBJECT = {
    "RecordType": "PermissionsCustomizeApplication",
    "BusinessProcess": "PermissionsCustomizeApplication",
    "PermissionSet": "PermissionsManageProfilesPermissionsets",
    "FieldPermissions": "PermissionsManageProfilesPermissionsets",
    "ObjectPermissions": "PermissionsManageProfilesPermissionsets",
    "PermissionSetAssignment": "PermissionsManageProfilesPermissionsets",
}


def of_user(org: Org, user: str) -> frozenset[str]:
    """The permissions that a user has, by the names of their fields."""
    row = org.tables["User"].rows.get(user, {})
    assigned = org.tables["PermissionSetAssignment"].all()
    sources = [org.tables["Profile"].rows.get(str(row.get("ProfileId")))]
    sources += [
        org.tables["PermissionSet"].rows.get(str(one["PermissionSetId"]))
        for one in assigned
        if one["AssigneeId"] == user
    ]
    return frozenset(name for source in sources if source for name in PERMISSIONS if source.get(name))


def is_reader(org: Org, user: str) -> bool:
    """Whether a user can change no records at all."""
    row = org.tables["User"].rows.get(user, {})
    profile = org.tables["Profile"].rows.get(str(row.get("ProfileId")), {})
    return profile.get("Name") == READ_ONLY and "PermissionsModifyAllData" not in of_user(org, user)


def require(org: Org, user: str, permission: str) -> None:
    """Refuse who lacks a permission."""
    if permission not in of_user(org, user):
        raise RefusedError(403, "INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id", ())


def require_write(org: Org, user: str, kind: ObjectType) -> None:
    """Refuse who may not change records of a kind."""
    if (permission := _BY_OBJECT.get(kind.name)) is not None:
        require(org, user, permission)
    elif is_reader(org, user):
        raise RefusedError(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())


def show_own(org: Org, user: str) -> None:
    """Let `UserPermissionAccess` hold the one row that the asking user sees there: about that user."""
    kind, table = org.kinds["UserPermissionAccess"], org.tables["UserPermissionAccess"]
    granted = of_user(org, user)
    row: Row = {"Id": kind.prefix + user[3:], **{name: name in granted for name in PERMISSIONS}}
    for id in list(table.rows):
        table.remove(id)
    table.insert(row)
