"""What the org says of its objects: fields, their types, and record types, as this login sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from instep.errors import AccessError
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.values import UNREADABLE

RECORD_TYPE: Final = "RecordType.DeveloperName"
"""A record's type by its developer name: a field to read and to write, kept by Salesforce as an id."""
RECORD_TYPE_ID: Final = "RecordTypeId"
_ORDERED: Final[Mapping[str, str]] = {"Opportunity": "StageName", "Lead": "Status"}
"""Choices that mean something to a process. Salesforce takes any text for them, and so misspelled ones too."""


class PicklistValue(msgspec.Struct):
    value: str
    label: str | None = None
    active: bool = True


class Field(msgspec.Struct):
    """A field as describe shows it to this login; one that is hidden is not listed at all.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
    """

    name: str
    type: str
    label: str = ""
    length: int = 0
    caseSensitive: bool = False  # noqa: N815
    createable: bool = False
    defaultedOnCreate: bool = False  # noqa: N815
    filterable: bool = True
    nillable: bool = True
    picklistValues: list[PicklistValue] | None = None  # noqa: N815
    restrictedPicklist: bool = False  # noqa: N815
    unique: bool = False
    updateable: bool = False

    @property
    def choices(self) -> tuple[PicklistValue, ...]:
        """The values that may be chosen now."""
        return tuple(value for value in self.picklistValues or () if value.active)


class RecordType(msgspec.Struct):
    recordTypeId: str  # noqa: N815
    name: str = ""
    developerName: str = ""  # noqa: N815
    active: bool = True
    master: bool = False


class Described(msgspec.Struct):
    """An object as this login sees it."""

    name: str
    fields: list[Field]
    recordTypeInfos: list[RecordType] = []  # noqa: N815

    @property
    def record_types(self) -> tuple[RecordType, ...]:
        """The record types that people made; the master type stands for none."""
        return tuple(found for found in self.recordTypeInfos if not found.master)

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def type_of(self, name: str) -> str | None:
        """The type of a field, or None where there is no such field to read."""
        return self.types((name,)).get(name)

    def types(self, names: Iterable[str]) -> dict[str, str]:
        """The types of those fields that can be seen; a parent's column, always a text here, by its lookup."""
        known = {field.name: field.type for field in self.fields if field.type not in UNREADABLE}
        found: dict[str, str] = {}
        for name in names:
            parent, dot, _ = name.partition(".")
            if dot and f"{parent}Id" in known:
                found[name] = "string"
            elif name in known:
                found[name] = known[name]
        return found

    def record_type_name(self, id: str | None) -> str | None:
        return next((found.developerName for found in self.record_types if found.recordTypeId == id), None)

    def record_type_id(self, name: str) -> str | None:
        return next((found.recordTypeId for found in self.record_types if found.developerName == name), None)


_described = msgspec.json.Decoder(Described)


class Schema:
    """The objects of one org, each described once, when it is first needed."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._known: dict[str, Described] = {}

    def of(self, object: str) -> Described:
        """An object's description. Raises `AccessError` where the login may not see it."""
        return self._known.get(object) or self.read(object)

    def known(self, object: str) -> Described | None:
        """The description, if it was read already."""
        return self._known.get(object)

    def read(self, object: str) -> Described:
        """Ask anew.

        developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
        """
        call = Call("GET", self._client.path("sobjects", object, "describe"), f"{object}/describe")
        try:
            self._known[object] = self._client.fetch(call, _described).value
        except RefusedError as refused:
            if refused.status == 404:
                raise AccessError(
                    f"Salesforce: the login may not see {object}. Give its user read access to that object."
                ) from None
            raise
        return self._known[object]

    def allows(self, object: str, name: str, value: str) -> bool:
        """Whether a stage or status is one that the org has; every other field may hold any text.

        Before a value is called unknown, the org is asked anew: someone may have just added it.
        """
        if _ORDERED.get(object) != name:
            return True
        was_known = object in self._known
        return self._has(self.of(object), name, value) or (was_known and self._has(self.read(object), name, value))

    @staticmethod
    def is_closed_list(object: str, field: Field) -> bool:
        """Whether only the listed values can be written: restricted by Salesforce, or checked by this connector."""
        return field.restrictedPicklist or _ORDERED.get(object) == field.name

    @staticmethod
    def _has(described: Described, name: str, value: str) -> bool:
        field = described.field(name)
        return field is None or not field.choices or any(choice.value == value for choice in field.choices)
