"""Custom fields by the Metadata API.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
"""

from __future__ import annotations

from collections.abc import Iterable

from instep_salesforce.sandbox import customfields
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import names
from instep_salesforce.sandbox.metadata import values as lists
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.schema import Field, ObjectType

ACTIVITIES = ("Task", "Event")


class CustomFields(Kind):
    """Fields named `Object.Name__c`; those of tasks and events are named `Activity.Name__c`, and both have them."""

    type = "CustomField"
    directory = "objects"
    suffix = "object"

    def listed(self) -> Iterable[Listed]:
        """Every custom field."""
        for kind in self.org.kinds.values():
            for item in kind.fields.values():
                if item.custom and kind.name != "Event":
                    owner = "Activity" if kind.name == "Task" else kind.name
                    yield Listed(f"{owner}.{item.name}", item.id or "", self.org.described_at(kind))

    def read(self, name: str) -> Definition | None:
        """The definition of a field; standard ones are not told."""
        object, _, own = name.partition(".")
        kind = self.org.known("Task" if object == "Activity" else object)
        item = None if kind is None or object in ACTIVITIES else kind.find(own)
        if kind is None or item is None or not item.custom:
            return None
        shown = {"fullName": name, **customfields.to_metadata(item)}
        if item.is_picklist and item.value_set is None:
            inner = {"sorted": False, "value": lists.shown(self.org, item.options)}
            shown["valueSet"] = {"restricted": item.restricted, "valueSetDefinition": inner}
        return shown

    def create(self, definition: Definition, user: str) -> None:
        """Add a field; nobody is granted it."""
        kinds, name = self._owners(definition["fullName"])
        _require_type_and_label(definition)
        made = [customfields.build(self.org, kind, name, definition["type"], definition) for kind in kinds]
        for kind, item in zip(kinds, made, strict=True):
            customfields.add(self.org, kind, item, visible=False)

    def update(self, definition: Definition, user: str) -> None:
        """Replace the definition of a field; choices that are left out become inactive."""
        found = self._found(definition["fullName"])
        _require_type_and_label(definition)
        for kind, item in found:
            customfields.change(self.org, kind, item, definition)

    def delete(self, name: str) -> None:
        """Take a field away, with all its values."""
        for kind, item in self._found(name):
            customfields.remove(self.org, kind, item.name)

    def _owners(self, full_name: str) -> tuple[list[ObjectType], str]:
        object, _, name = full_name.partition(".")
        if object == "Activity":
            return [self.org.kinds[one] for one in ACTIVITIES], name
        kind, name = names.split(self.org, full_name, self.type)
        if kind.name in ACTIVITIES:
            message = f"Custom fields of {kind.name} belong to Activity: Activity.{name}"
            raise refused("INVALID_CROSS_REFERENCE_KEY", message, "fullName")
        return [kind], name

    def _found(self, full_name: str) -> list[tuple[ObjectType, Field]]:
        kinds, name = self._owners(full_name)
        items = [(kind, kind.find(name)) for kind in kinds]
        found = [(kind, item) for kind, item in items if item is not None and item.custom]
        if not found:
            raise self.missing(full_name)
        return found


def _require_type_and_label(definition: Definition) -> None:
    for name in ("type", "label"):
        if not definition.get(name):
            raise refused("REQUIRED_FIELD_MISSING", f"Required field is missing: {name}", name)
