"""Sales processes and lead processes: which stages and statuses record types offer.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_businessprocess.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instep_salesforce.sandbox.birth import put
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import names
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.offering import PROCESSED, Chosen
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row


class BusinessProcesses(Kind):
    """Processes named `Object.Name`."""

    type = "BusinessProcess"
    directory = "objects"
    suffix = "object"

    def listed(self) -> Iterable[Listed]:
        """Every process."""
        for row in self.org.tables["BusinessProcess"].all():
            name = names.encode(str(row["Name"]))
            yield Listed(f"{row['TableEnumOrId']}.{name}", str(row["Id"]), str(row["SystemModstamp"]))

    def read(self, name: str) -> Definition | None:
        """A process with its values in the order of the picklist."""
        object, _, own = name.partition(".")
        row = find(self.org, object, names.unquote(own))
        if row is None:
            return None
        kind = self.org.kinds[str(row["TableEnumOrId"])]
        item = kind.fields[PROCESSED[kind.name]]
        return {
            "fullName": name,
            "description": row.get("Description"),
            "isActive": bool(row["IsActive"]),
            "values": shown(self.org, kind, item, self.org.offering.processes.get(str(row["Id"]), {})),
        }

    def create(self, definition: Definition, user: str) -> None:
        """Make a process."""
        kind, name = names.split(self.org, definition["fullName"], self.type)
        name = names.unquote(name)
        if kind.name not in PROCESSED:
            raise refused("INVALID_CROSS_REFERENCE_KEY", f"{kind.name} has no business processes", "fullName")
        if find(self.org, kind.name, name) is not None:
            raise refused("DUPLICATE_DEVELOPER_NAME", f"There is already a process named {name}", "fullName")
        names.require_short("fullName", name, 80)
        values = self._values(kind, definition)
        make(self.org, kind, name, values, user, **self._more(definition, active=True))

    def update(self, definition: Definition, user: str) -> None:
        """Let a process offer these values, and no others."""
        kind, row = self._found(definition["fullName"])
        self.org.offering.processes[str(row["Id"])] = self._values(kind, definition)
        now, more = self.org.stamp(), self._more(definition, active=bool(row["IsActive"]))
        touched: Row = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": user}
        self.org.tables["BusinessProcess"].change(row, {**more, **touched})
        self.org.schema_changed(kind)

    def delete(self, name: str) -> None:
        """Take away a process that no record type uses."""
        kind, row = self._found(name)
        for used in self.org.tables["RecordType"].all():
            if used.get("BusinessProcessId") == row["Id"]:
                message = f"This process is in use by the record type {used['DeveloperName']}"
                raise refused("DEPENDENCY_EXISTS", message)
        self.org.tables["BusinessProcess"].remove(str(row["Id"]))
        self.org.schema_changed(kind)

    def rename(self, old: str, new: str) -> None:
        """Give a process another name."""
        kind, row = self._found(old)
        name = names.unquote(names.split(self.org, new, self.type)[1])
        if find(self.org, kind.name, name) is not None:
            raise refused("DUPLICATE_DEVELOPER_NAME", f"There is already a process named {name}", "fullName")
        names.require_short("fullName", name, 80)
        self.org.tables["BusinessProcess"].change(row, {"Name": name})

    def _found(self, full_name: str) -> tuple[ObjectType, Row]:
        kind, name = names.split(self.org, full_name, self.type)
        row = find(self.org, kind.name, names.unquote(name))
        if row is None:
            raise self.missing(full_name)
        return kind, row

    def _values(self, kind: ObjectType, definition: Definition) -> Chosen:
        item = kind.fields[PROCESSED[kind.name]]
        values = definition.get("values", [])
        if not values:
            raise refused("REQUIRED_FIELD_MISSING", "Required field is missing: values", "values")
        return chosen(self.org, kind, item, values)

    def _more(self, definition: Definition, *, active: bool) -> Row:
        names.require_short("description", definition.get("description"), 255)
        return {"Description": definition.get("description"), "IsActive": definition.get("isActive", active)}


def find(org: Org, object: str, name: str) -> Row | None:
    """The process of that name."""
    rows = org.tables["BusinessProcess"].all()
    wanted = object.lower(), name.lower()
    return next((r for r in rows if (str(r["TableEnumOrId"]).lower(), str(r["Name"]).lower()) == wanted), None)


def make(org: Org, kind: ObjectType, name: str, values: Chosen, user: str, **more: str | float | bool | None) -> str:
    """Put a process in; gives its id."""
    row = put(
        org, "BusinessProcess", Name=name, TableEnumOrId=kind.name, CreatedById=user, LastModifiedById=user, **more
    )
    org.offering.processes[str(row["Id"])] = values
    org.schema_changed(kind)
    return str(row["Id"])


def chosen(org: Org, kind: ObjectType, item: Field, values: Sequence[Definition]) -> Chosen:
    """The values that a definition lists, which must all be active choices of the picklist."""
    active = {option.value for option in org.options(kind, item)}
    found: Chosen = {}
    for value in values:
        name = names.decode(org, value["fullName"])
        if name not in active:
            message = f"Picklist value: {name} in picklist: {item.name} not found"
            raise refused("INVALID_CROSS_REFERENCE_KEY", message, item.name)
        if name in found:
            raise refused("DUPLICATE_VALUE", f"Duplicate picklist value: {name}", item.name)
        found[name] = bool(value["default"])
    if sum(found.values()) > 1:
        raise refused("FIELD_INTEGRITY_EXCEPTION", "Only one value can be the default", item.name)
    return found


def shown(org: Org, kind: ObjectType, item: Field, values: Chosen) -> list[Definition]:
    """The values that are offered, as definitions list them."""
    offered = [option.value for option in org.options(kind, item) if option.value in values]
    return [{"fullName": names.encode(value), "default": values[value]} for value in offered]
