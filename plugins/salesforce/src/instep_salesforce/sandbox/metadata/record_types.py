"""Record types, and what they offer for each picklist.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_recordtype.htm
"""

from __future__ import annotations

from collections.abc import Iterable

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import names, processes
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.offering import PROCESSED, Chosen
from instep_salesforce.sandbox.schema import ObjectType, Row
from instep_salesforce.sandbox.writing import create, update


class RecordTypes(Kind):
    """Record types named `Object.DeveloperName`."""

    type = "RecordType"
    directory = "objects"
    suffix = "object"

    def listed(self) -> Iterable[Listed]:
        """Every record type."""
        for row in self.org.tables["RecordType"].all():
            name = f"{row['SobjectType']}.{row['DeveloperName']}"
            yield Listed(name, str(row["Id"]), str(row["SystemModstamp"]))

    def read(self, name: str) -> Definition | None:
        """A record type with what it offers; what a process offers stands in the process."""
        row = self._row(*name.partition(".")[::2])
        if row is None:
            return None
        kind, process = self.org.kinds[str(row["SobjectType"])], None
        if row.get("BusinessProcessId"):
            process = names.encode(
                str(self.org.tables["BusinessProcess"].rows[str(row["BusinessProcessId"])]["Name"])
            )
        return {
            "fullName": name,
            "active": bool(row["IsActive"]),
            "businessProcess": process,
            "description": row.get("Description"),
            "label": row["Name"],
            "picklistValues": self._offers(kind, str(row["Id"])),
        }

    def _offers(self, kind: ObjectType, id: str) -> list[Definition]:
        items = [item for _, item in sorted(kind.fields.items()) if self._decides(kind, item.name)]
        found = ((item, self.org.offering.types.get((id, item.name))) for item in items)
        return [
            {"picklist": item.name, "values": processes.shown(self.org, kind, item, values)}
            for item, values in found
            if values
        ]

    def _decides(self, kind: ObjectType, field: str) -> bool:
        """Whether record types, and not processes, say what is offered for a field."""
        return kind.fields[field].is_picklist and PROCESSED.get(kind.name) != field

    def create(self, definition: Definition, user: str) -> None:
        """Make a record type."""
        kind, name = names.split(self.org, definition["fullName"], self.type)
        names.require_developer_name(self.type, name)
        if self._row(kind.name, name) is not None:
            raise refused("DUPLICATE_DEVELOPER_NAME", f"Duplicate developer name: {name}", "fullName")
        offers = self._read_offers(kind, definition)
        values = {"DeveloperName": name, "SobjectType": kind.name, **self._values(kind, definition)}
        id = create(self.org, self.org.kinds["RecordType"], values, Caller(user=user, by_api=False))
        if self.org.personality.new_record_types_offer == "nothing":
            for field in kind.fields:
                self.org.offering.types.pop((id, field), None)
            offers = {**{field: {} for field in kind.fields if self._decides(kind, field)}, **offers}
        self._offer(kind, id, offers)

    def update(self, definition: Definition, user: str) -> None:
        """Replace a record type; what it offers for a picklist is replaced where the definition names that."""
        kind, row = self._found(definition["fullName"])
        offers, values = self._read_offers(kind, definition), self._values(kind, definition)
        update(self.org, self.org.kinds["RecordType"], row, values, Caller(user=user, by_api=False))
        self._offer(kind, str(row["Id"]), offers)

    def delete(self, name: str) -> None:
        """Take away a record type that is inactive and that no record has."""
        kind, row = self._found(name)
        if row["IsActive"] or self.org.tables[kind.name].holders("RecordTypeId", row["Id"]):
            raise refused("DELETE_NOT_ALLOWED", f"The record type is active or in use: {name}")
        self.org.tables["RecordType"].remove(str(row["Id"]))
        self.org.schema_changed(kind)

    def rename(self, old: str, new: str) -> None:
        """Give a record type another developer name."""
        kind, row = self._found(old)
        _, name = names.split(self.org, new, self.type)
        names.require_developer_name(self.type, name)
        if self._row(kind.name, name) is not None:
            raise refused("DUPLICATE_DEVELOPER_NAME", f"Duplicate developer name: {name}", "fullName")
        self.org.tables["RecordType"].change(row, {"DeveloperName": name})
        self.org.schema_changed(kind)

    def _row(self, object: str, name: str) -> Row | None:
        wanted = object.lower(), name.lower()
        rows = self.org.tables["RecordType"].all()
        return next(
            (r for r in rows if (str(r["SobjectType"]).lower(), str(r["DeveloperName"]).lower()) == wanted), None
        )

    def _found(self, full_name: str) -> tuple[ObjectType, Row]:
        kind, name = names.split(self.org, full_name, self.type)
        row = self._row(kind.name, name)
        if row is None:
            raise self.missing(full_name)
        return kind, row

    def _values(self, kind: ObjectType, definition: Definition) -> dict[str, object]:
        for name, most in (("label", 80), ("description", 255)):
            names.require_short(name, definition.get(name), most)
        return {
            "Name": definition["label"],
            "Description": definition.get("description"),
            "IsActive": definition["active"],
            "BusinessProcessId": self._process(kind, definition.get("businessProcess")),
        }

    def _process(self, kind: ObjectType, name: str | None) -> str | None:
        """The id of the process, which some objects need and others cannot have."""
        if kind.name not in PROCESSED:
            if name is not None:
                message = f"A business process is not allowed for a record type of {kind.name}"
                raise refused("FIELD_INTEGRITY_EXCEPTION", message, "businessProcess")
            return None
        if not name:
            raise refused("REQUIRED_FIELD_MISSING", "Required field is missing: businessProcess", "businessProcess")
        row = processes.find(self.org, kind.name, names.unquote(name))
        if row is None:
            message = f"In field: businessProcess - no BusinessProcess named {kind.name}.{name} found"
            raise refused("INVALID_CROSS_REFERENCE_KEY", message, "businessProcess")
        return str(row["Id"])

    def _read_offers(self, kind: ObjectType, definition: Definition) -> dict[str, Chosen]:
        found: dict[str, Chosen] = {}
        for one in definition.get("picklistValues", []):
            item = kind.find(one["picklist"])
            if item is None or not self._decides(kind, item.name):
                message = f"In field: picklist - no Picklist named {one['picklist']} found"
                raise refused("INVALID_CROSS_REFERENCE_KEY", message, "picklist")
            found[item.name] = processes.chosen(self.org, kind, item, one.get("values", []))
        return found

    def _offer(self, kind: ObjectType, id: str, offers: dict[str, Chosen]) -> None:
        for field, values in offers.items():
            self.org.offering.types[id, field] = values
        self.org.schema_changed(kind)
