"""What the definitions of each type are made of, read from XML and written to it in the order of the WSDL.

Only those elements stand here that the sandbox understands; any other one is refused, as Salesforce refuses what it
does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import markup
from instep_salesforce.sandbox.metadata.faults import malformed
from instep_salesforce.sandbox.metadata.markup import Node
from instep_salesforce.sandbox.standard.picklists import FORECASTS

METADATA = "http://soap.sforce.com/2006/04/metadata"
Definition = dict[str, Any]
"""One component: its elements by their names; those that repeat are lists."""


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a definition."""

    name: str
    kind: str
    needed: bool = False
    many: bool = False


_VALUE = "fullName text!; color text; default flag!; description text; isActive flag; label text"
_STANDARD = """
allowEmail flag; closed flag; converted flag; cssExposed flag; forecastCategory forecast; groupingString text;
highPriority flag; probability whole; reverseRole text; reviewed flag; won flag
"""
_TYPES = {
    "CustomValue": _VALUE,
    "StandardValue": f"{_VALUE}; {_STANDARD}",
    "BusinessProcess": "fullName text!; description text; isActive flag; values PicklistValue*",
    "CustomField": """
        fullName text!; caseSensitive flag; defaultValue text; deleteConstraint text; description text;
        externalId flag; inlineHelpText text; label text; length whole; precision whole; referenceTo text;
        relationshipLabel text; relationshipName text; required flag; scale whole; trackFeedHistory flag;
        trackHistory flag; trackTrending flag; type fieldType; unique flag; valueSet ValueSet; visibleLines whole
    """,
    "GlobalValueSet": "fullName text!; customValue CustomValue*; description text; masterLabel text!; sorted flag!",
    "PermissionSet": """
        fullName text!; description text; fieldPermissions PermissionSetFieldPermissions*;
        hasActivationRequired flag; label text!; license text; userPermissions PermissionSetUserPermission*
    """,
    "PermissionSetFieldPermissions": "editable flag!; field text!; readable flag",
    "PermissionSetUserPermission": "enabled flag!; name text!",
    "PicklistValue": """
        fullName text!; color text; default flag!; description text; isActive flag; allowEmail flag;
        closed flag; controllingFieldValues text*; converted flag; cssExposed flag; forecastCategory forecast;
        highPriority flag; probability whole; reverseRole text; reviewed flag; won flag
    """,
    "RecordType": """
        fullName text!; active flag!; businessProcess text; compactLayoutAssignment text; description text;
        label text!; picklistValues RecordTypePicklistValue*
    """,
    "RecordTypePicklistValue": "picklist text!; values PicklistValue*",
    "ValueSet": "restricted flag; valueSetDefinition ValueSetValuesDefinition; valueSetName text",
    "ValueSetValuesDefinition": "sorted flag!; value CustomValue*",
    "StandardValueSet": "fullName text!; groupingStringEnum text; sorted flag!; standardValue StandardValue*",
}
FIELD_TYPES = frozenset(
    (
        *("AutoNumber", "Lookup", "MasterDetail", "Checkbox", "Currency", "Date", "DateTime", "Email", "Number"),
        *("Percent", "Phone", "Picklist", "MultiselectPicklist", "Text", "TextArea", "LongTextArea", "Html", "Url"),
        *("EncryptedText", "Summary", "Hierarchy", "File", "MetadataRelationship", "Location", "ExternalLookup"),
        *("IndirectLookup", "CustomDataType", "Time", "Address", "Array"),
    )
)
_ENUMS = {"forecast": ("ForecastCategories", frozenset(FORECASTS)), "fieldType": ("FieldType", FIELD_TYPES)}
_NOTATION = re.compile(r"(\w+) (\w+)([!*]?)")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def _parts(text: str) -> Iterator[Part]:
    for one in " ".join(text.split()).split("; "):
        match = _NOTATION.fullmatch(one.strip())
        if match is None:
            raise ValueError(f"This is no part: {one!r}")
        name, kind, mark = match.groups()
        yield Part(name, kind, needed=mark == "!", many=mark == "*")


SHAPES: Mapping[str, Mapping[str, Part]] = {
    type: {part.name: part for part in _parts(text)} for type, text in _TYPES.items()
}


def parse(node: Node, type: str) -> Definition:
    """The definition that an element holds; a fault where an element is unknown or of a wrong type."""
    found: Definition = {}
    for child in node.children:
        part = SHAPES[type].get(child.name)
        if part is None or child.namespace != METADATA:
            name = f"{{{child.namespace}}}{child.name}"
            raise malformed(f"Element {name} invalid at this location in type {type}")
        if child.is_nil:
            continue
        value = _value(child, part)
        if part.many:
            found.setdefault(part.name, []).append(value)
        else:
            found[part.name] = value
    return found


def _value(node: Node, part: Part) -> object:
    if part.kind in SHAPES:
        return parse(node, part.kind)
    if node.children:
        raise malformed(f"Unexpected element {node.children[0].name} during simple type deserialization")
    text = node.text.strip()
    if part.kind == "flag":
        if text not in _TRUTHS:
            raise malformed(f"'{text}' is not a valid value for the type xsd:boolean")
        return _TRUTHS[text]
    if part.kind == "whole":
        if not re.fullmatch(r"[+-]?[0-9]{1,10}", text):
            raise malformed(f"'{text}' is not a valid value for the type xsd:int")
        return int(text)
    if part.kind in _ENUMS:
        name, values = _ENUMS[part.kind]
        if text not in values:
            raise malformed(f"'{text}' is not a valid value for the enum '{name}'")
    return text


def require(definition: Definition, type: str) -> None:
    """Refuse a definition that lacks what its type needs, in its parts as well."""
    for part in SHAPES[type].values():
        value = definition.get(part.name)
        if part.needed and (value is None or value == ""):
            raise refused("REQUIRED_FIELD_MISSING", f"Required field is missing: {part.name}", part.name)
        if part.kind in SHAPES and value is not None:
            for one in value if part.many else [value]:
                require(one, part.kind)


def render(name: str, definition: Definition, type: str, attributes: str = "") -> str:
    """A definition as an element; what it holds nothing of is left out."""
    content = "".join(_rendered(part, definition.get(part.name)) for part in SHAPES[type].values())
    return markup.write(name, content, attributes)


def _rendered(part: Part, value: Any) -> str:
    if value is None:
        return ""
    values = value if part.many else [value]
    if part.kind in SHAPES:
        return "".join(render(part.name, one, part.kind) for one in values)
    return "".join(markup.leaf(part.name, one) for one in values)
