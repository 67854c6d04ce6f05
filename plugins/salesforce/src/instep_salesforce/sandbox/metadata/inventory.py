"""What components there are, and what types of them.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_utility_calls.htm
"""

from __future__ import annotations

from collections.abc import Mapping

from instep_salesforce.sandbox.metadata import markup, shapes
from instep_salesforce.sandbox.metadata.custom_fields import CustomFields
from instep_salesforce.sandbox.metadata.envelopes import Asked
from instep_salesforce.sandbox.metadata.faults import FaultError
from instep_salesforce.sandbox.metadata.global_sets import GlobalValueSets
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.permission_sets import PermissionSets
from instep_salesforce.sandbox.metadata.processes import BusinessProcesses
from instep_salesforce.sandbox.metadata.record_types import RecordTypes
from instep_salesforce.sandbox.metadata.shapes import Part
from instep_salesforce.sandbox.metadata.value_sets import StandardValueSets
from instep_salesforce.sandbox.org import Org

KINDS: tuple[type[Kind], ...] = (
    BusinessProcesses,
    CustomFields,
    GlobalValueSets,
    PermissionSets,
    RecordTypes,
    StandardValueSets,
)
MOST_QUERIES = 3
_SOAP = {"flag": "boolean", "whole": "int", "forecast": "ForecastCategories", "fieldType": "FieldType"}


class Inventory:
    """Lists components and describes their types."""

    def __init__(self, org: Org, kinds: Mapping[str, Kind]) -> None:
        self._org = org
        self._kinds = kinds

    def list(self, asked: Asked, user: str) -> str:
        """The components of up to three types."""
        types = [query.words("type") or "" for query in asked.operation.all("queries")]
        if len(types) > MOST_QUERIES:
            raise FaultError("LIMIT_EXCEEDED", f"Cannot list more than {MOST_QUERIES} types in a call")
        if unknown := [type for type in types if type not in self._kinds]:
            raise FaultError("INVALID_TYPE", f"Unknown type: {unknown[0]}")
        kinds = [self._kinds[type] for type in types]
        return "".join(self._listed(kind, one) for kind in kinds for one in kind.listed())

    def _listed(self, kind: Kind, one: Listed) -> str:
        admin = self._org.tables["User"].rows[self._org.admin]
        changed = (one.changed or str(self._org.organization()["CreatedDate"])).replace("+0000", "Z")
        values = {
            "createdById": admin["Id"],
            "createdByName": admin["Name"],
            "createdDate": changed,
            "fileName": f"{kind.directory}/{one.full_name}.{kind.suffix}",
            "fullName": one.full_name,
            "id": one.id,
            "lastModifiedById": admin["Id"],
            "lastModifiedByName": admin["Name"],
            "lastModifiedDate": changed,
            "type": kind.type,
        }
        return markup.write("result", "".join(markup.leaf(name, value) for name, value in values.items()))

    def describe(self, asked: Asked, user: str) -> str:
        """Every type that there is here."""
        types = "".join(_type(kind) for kind in self._kinds.values())
        more = {"organizationNamespace": "", "partialSaveAllowed": True, "testRequired": False}
        return markup.write("result", types + "".join(markup.leaf(name, value) for name, value in more.items()))

    def describe_type(self, asked: Asked, user: str) -> str:
        """What the definitions of one type are made of."""
        type = (asked.operation.words("type") or "").rpartition("}")[2]
        if type not in self._kinds:
            raise FaultError("INVALID_TYPE", f"Unknown type: {type}")
        made = type != "StandardValueSet"
        can = {"apiCreatable": made, "apiDeletable": made, "apiReadable": True, "apiUpdatable": True}
        parts = "".join(_part(part) for part in shapes.SHAPES[type].values())
        return markup.write("result", "".join(markup.leaf(name, value) for name, value in can.items()) + parts)


def _type(kind: Kind) -> str:
    values = {"directoryName": kind.directory, "inFolder": False, "metaFile": False}
    values |= {"suffix": kind.suffix, "xmlName": kind.type}
    return markup.write("metadataObjects", "".join(markup.leaf(name, value) for name, value in values.items()))


def _part(part: Part, name: str = "valueTypeFields") -> str:
    inner = "".join(_part(one, "fields") for one in shapes.SHAPES.get(part.kind, {}).values())
    soap = "string" if part.kind == "text" else _SOAP.get(part.kind, part.kind)
    values = {
        "isForeignKey": False,
        "isNameField": part.name == "fullName",
        "minOccurs": int(part.needed),
        "name": part.name,
        "soapType": soap,
        "valueRequired": part.needed,
    }
    return markup.write(name, inner + "".join(markup.leaf(key, value) for key, value in values.items()))
