"""The Tooling API, as far as custom fields are concerned.

developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_customfield.htm
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, cast

from instep.sandbox import Response
from instep_salesforce.sandbox import customfields, rights
from instep_salesforce.sandbox.errors import RefusedError, malformed, not_found, refused
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.operations import NOTHING, Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row
from instep_salesforce.sandbox.soql.execution import ask
from instep_salesforce.sandbox.standard.making import AUDIT, make
from instep_salesforce.sandbox.tables import Table

CUSTOMIZE = "PermissionsCustomizeApplication"
_FIELD = f"""
Id id [dL]; DeveloperName string(80); TableEnumOrId picklist(40); NamespacePrefix string(15);
FullName string(255); Metadata complexvalue; InlineHelpText string(510); Description string(1000) [x];
EntityDefinitionId string(150); {AUDIT}
"""


class ToolingCalls:
    """Custom fields by the Tooling API."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        path = "tooling/sobjects/CustomField"
        return [
            Operation("POST", path, self.create, "tooling.create"),
            Operation("GET", f"{path}/{{id}}", self.read, "tooling.read"),
            Operation("PATCH", f"{path}/{{id}}", self.update, "tooling.update"),
            Operation("DELETE", f"{path}/{{id}}", self.delete, "tooling.delete"),
            Operation("GET", "tooling/query", self.query, "tooling.query"),
        ]

    def create(self, call: Call) -> Response:
        """Add a field to an object. Nobody can see it before somebody grants it."""
        rights.require(self._org, call.user, CUSTOMIZE)
        body = call.body()
        object, _, name = str(body.get("FullName") or "").partition(".")
        metadata = body.get("Metadata")
        if not isinstance(metadata, dict):
            raise refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]", "Metadata")
        kind = self._org.known(object)
        if kind is None or not name:
            raise refused("INVALID_INPUT", f"Entity type cannot be resolved: {body.get('FullName')}", "FullName")
        item = customfields.build(self._org, kind, name, str(metadata.get("type")), metadata)
        customfields.add(self._org, kind, item, visible=False)
        return reply({"id": item.id, "success": True, "errors": [], "warnings": [], "infos": []}, 201)

    def _fields(self) -> Iterator[tuple[ObjectType, Field]]:
        for kind in self._org.kinds.values():
            for item in kind.fields.values():
                if item.custom:
                    yield kind, item

    def _found(self, call: Call) -> tuple[ObjectType, Field]:
        id = normalise(call.params["id"])
        for kind, item in self._fields():
            if item.id == id:
                return kind, item
        raise not_found()

    def read(self, call: Call) -> Response:
        """Show the definition of a field."""
        row = self._row(*self._found(call))
        attributes = {"type": "CustomField", "url": f"{call.base}/tooling/sobjects/CustomField/{row['Id']}"}
        return reply({"attributes": attributes, **row})

    def update(self, call: Call) -> Response:
        """Replace the definition of a field: what is left out takes its default."""
        rights.require(self._org, call.user, CUSTOMIZE)
        kind, item = self._found(call)
        metadata = call.body().get("Metadata")
        if not isinstance(metadata, dict):
            raise malformed("Metadata must be given completely", "INVALID_INPUT")
        customfields.change(self._org, kind, item, metadata)
        return NOTHING

    def delete(self, call: Call) -> Response:
        """Take a field away."""
        rights.require(self._org, call.user, CUSTOMIZE)
        kind, item = self._found(call)
        customfields.remove(self._org, kind, item.name)
        return NOTHING

    def query(self, call: Call) -> Response:
        """Ask for definitions."""
        text = call.request.one("q")
        if text is None:
            raise RefusedError(400, "MALFORMED_QUERY", "A query string has to be specified")
        result = ask(self._view(), text, call.user, with_deleted=False, version=str(call.version))
        rows = result.rows if result.rows is not None else result.show(result.ids)
        if len(rows) > 1 and any("Metadata" in row or "FullName" in row for row in rows):
            message = (
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify no "
                f"more than one row for retrieval. Result size: {len(rows)}"
            )
            raise RefusedError(400, "MALFORMED_QUERY", message)
        entity = {"entityTypeName": "CustomField", "queryLocator": None, "size": len(rows)}
        return reply({"totalSize": result.size, "done": True, **entity, "records": rows})

    def _view(self) -> Org:
        """The org as the Tooling API shows it: one object, `CustomField`."""
        kind = make("CustomField", "00N", _FIELD, name_field="DeveloperName")
        table = Table(kind)
        for owner, item in self._fields():
            table.insert(self._row(owner, item))
        view = copy.copy(self._org)
        view.show_only(kind, table)
        return view

    def _row(self, kind: ObjectType, item: Field) -> Row:
        described = self._org.described_at(kind)
        row: dict[str, Any] = {
            "Id": item.id,
            "DeveloperName": item.name.removesuffix("__c"),
            "TableEnumOrId": kind.name,
            "EntityDefinitionId": kind.name,
            "FullName": f"{kind.name}.{item.name}",
            "Metadata": customfields.to_metadata(item),
            "InlineHelpText": item.help,
            "Description": item.description,
            "CreatedDate": described,
            "LastModifiedDate": described,
            "SystemModstamp": described,
        }
        return cast(Row, row)
