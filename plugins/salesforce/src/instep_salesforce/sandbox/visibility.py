"""Field-level security: which fields a user can see and change.

A field is visible through the user's profile or through a permission set that is assigned to the user. New fields
that come by the API are granted to nobody.
"""

from __future__ import annotations

from datetime import datetime

from instep_salesforce.sandbox.schema import ObjectType
from instep_salesforce.sandbox.tables import Table

_NOTHING: frozenset[str] = frozenset()


class Visibility:
    """Which fields are hidden from whom."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables
        self._withheld: dict[str, set[str]] = {}
        self._late: dict[tuple[str, str], datetime] = {}
        self._known: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {}

    def changed(self) -> None:
        """Rights or fields have changed."""
        self._known.clear()

    def withhold(self, object: str, name: str) -> None:
        """Take a field from all profiles and permission sets."""
        self._withheld.setdefault(object, set()).add(name)
        table = self._tables["FieldPermissions"]
        for row in table.all():
            if row["Field"] == f"{object}.{name}":
                table.remove(str(row["Id"]))
        self.changed()

    def grant(self, object: str, name: str) -> None:
        """Give all profiles the right to see and change a field."""
        self._withheld.get(object, set()).discard(name)
        self.changed()

    def delay(self, object: str, name: str, until: datetime) -> None:
        """Let nobody see a new field until then, whatever is granted."""
        self._late[object, name] = until
        self.changed()

    def pass_time(self, now: datetime) -> None:
        """Show the fields whose time has come."""
        for field in [field for field, until in self._late.items() if until <= now]:
            del self._late[field]
            self.changed()

    def hidden(self, user: str, kind: ObjectType) -> frozenset[str]:
        """The fields of an object that a user cannot see."""
        shown = self._of(user, kind)[0] if kind.name in self._withheld else _NOTHING
        return shown | {name for object, name in self._late if object == kind.name} if self._late else shown

    def locked(self, user: str, kind: ObjectType) -> frozenset[str]:
        """The fields of an object that a user can see but not change."""
        return self._of(user, kind)[1] if kind.name in self._withheld else _NOTHING

    def _of(self, user: str, kind: ObjectType) -> tuple[frozenset[str], frozenset[str]]:
        key = (user, kind.name)
        if key not in self._known:
            withheld = self._withheld[kind.name]
            seen, changed = self._granted(user, kind.name)
            self._known[key] = frozenset(withheld - seen), frozenset(withheld & seen - changed)
        return self._known[key]

    def _granted(self, user: str, object: str) -> tuple[set[str], set[str]]:
        assigned = {
            row["PermissionSetId"]
            for row in self._tables["PermissionSetAssignment"].all()
            if row["AssigneeId"] == user
        }
        seen, changed = set(), set()
        for row in self._tables["FieldPermissions"].all():
            if row["SobjectType"] != object or row["ParentId"] not in assigned:
                continue
            name = str(row["Field"]).partition(".")[2]
            if row.get("PermissionsRead"):
                seen.add(name)
            if row.get("PermissionsEdit"):
                changed.add(name)
        return seen, changed
