"""The permissions that profiles and permission sets grant, and what profiles grant in a new org."""

from __future__ import annotations

from collections.abc import Mapping

PERMISSIONS = (
    "PermissionsApiEnabled",
    "PermissionsBulkApiHardDelete",
    "PermissionsCustomizeApplication",
    "PermissionsManageProfilesPermissionsets",
    "PermissionsModifyAllData",
    "PermissionsModifyMetadata",
    "PermissionsViewAllData",
    "PermissionsViewSetup",
)
"""The names of their fields."""

NOTATION = "; ".join(f"{name} boolean [CUd]" for name in PERMISSIONS) + ";"

PROFILES: Mapping[str, frozenset[str]] = {
    "Standard User": frozenset({"PermissionsApiEnabled", "PermissionsViewSetup"}),
    "System Administrator": frozenset(PERMISSIONS),
    "Read Only": frozenset({"PermissionsApiEnabled", "PermissionsViewSetup"}),
}
"""What the profiles of a new org grant."""
