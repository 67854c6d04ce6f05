"""Global value sets: choices that several custom picklists share.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_globalvalueset.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import names
from instep_salesforce.sandbox.metadata import values as lists
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.schema import Field, GlobalSet, ObjectType, Option


class GlobalValueSets(Kind):
    """Sets named by their developer names."""

    type = "GlobalValueSet"
    directory = "globalValueSets"
    suffix = "globalValueSet"

    def listed(self) -> Iterable[Listed]:
        """Every set."""
        return [Listed(name, one.id) for name, one in self.org.global_sets.items()]

    def read(self, name: str) -> Definition | None:
        """A set with its values."""
        found = self.org.global_sets.get(name)
        if found is None:
            return None
        return {
            "fullName": name,
            "customValue": lists.shown(self.org, found.options),
            "description": found.description,
            "masterLabel": found.label,
            "sorted": False,
        }

    def create(self, definition: Definition, user: str) -> None:
        """Make a set, which no field has yet."""
        name = definition["fullName"]
        names.require_developer_name(self.type, name)
        if name.lower() in {known.lower() for known in self.org.global_sets}:
            message = f"The developer name is already in use: {name}"
            raise refused("DUPLICATE_DEVELOPER_NAME", message, "fullName")
        self.org.global_sets[name] = self._made(self.org.ids.new("0Nt"), (), definition)

    def update(self, definition: Definition, user: str) -> None:
        """Let a set, and the fields that have it, have these values; those that are left out become inactive."""
        name = definition["fullName"]
        found = self._found(name)
        changed = self._made(found.id, found.options, definition)
        self.org.global_sets[name] = changed
        for kind, item in self._users(name):
            self.org.redefine(kind, replace(item, options=changed.options))

    def delete(self, name: str) -> None:
        """Take away a set that no field has."""
        self._found(name)
        for kind, item in self._users(name):
            message = f"This value set is in use: {kind.name}.{item.name}"
            raise refused("DEPENDENCY_EXISTS", message)
        del self.org.global_sets[name]

    def _found(self, name: str) -> GlobalSet:
        found = self.org.global_sets.get(name)
        if found is None:
            raise self.missing(name)
        return found

    def _users(self, name: str) -> Iterator[tuple[ObjectType, Field]]:
        for kind in self.org.kinds.values():
            for item in list(kind.fields.values()):
                if item.value_set == name:
                    yield kind, item

    def _made(self, id: str, known: tuple[Option, ...], definition: Definition) -> GlobalSet:
        values = definition.get("customValue", [])
        lists.require_sound(values)
        names.require_short("masterLabel", definition["masterLabel"], 80)
        if definition["sorted"]:
            values = sorted(values, key=lambda value: lists.label_of(value).lower())
        label, description = definition["masterLabel"], definition.get("description")
        return GlobalSet(id, label, description, lists.merged(known, values))
