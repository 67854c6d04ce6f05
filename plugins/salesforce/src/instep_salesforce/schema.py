"""What the org says of its objects: fields, their types, and record types, as this login sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec

from instep.errors import AccessError
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.values import UNREADABLE

RECORD_TYPE: Final = "RecordType.DeveloperName"
"""A record's type by its developer name: a field to read and to write, kept by Salesforce as an id."""
RECORD_TYPE_ID: Final = "RecordTypeId"
_COLUMN: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)
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


class Described(msgspec.Struct, dict=True):
    """An object as this login sees it."""

    name: str
    fields: list[Field]
    recordTypeInfos: list[RecordType] = []  # noqa: N815

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @property
    def record_types(self) -> tuple[RecordType, ...]:
        """The record types that people made; the master type stands for none."""
        return tuple(found for found in self.recordTypeInfos if not found.master)

    def field(self, name: str) -> Field | None:
        return self._by_name.get(name)

    def type_of(self, name: str) -> str | None:
        """The type of a field, or None where it cannot be seen; a parent's column, always a text, by its lookup."""
        parent, dot, column = name.partition(".")
        if dot:
            return "string" if f"{parent}Id" in self._by_name and _COLUMN.fullmatch(column) else None
        field = self._by_name.get(name)
        return field.type if field and field.type not in UNREADABLE else None

    def types(self, names: Iterable[str]) -> dict[str, str]:
        """The types of those fields that can be seen."""
        return {name: type for name in names if (type := self.type_of(name))}

    def has_value(self, name: str, value: str) -> bool:
        """Whether a record type, a stage or a status is one that the org has; other fields may hold any text."""
        if name == RECORD_TYPE:
            return self.record_type_id(value) is not None
        field = self.field(name) if _ORDERED.get(self.name) == name else None
        return field is None or not field.choices or any(choice.value == value for choice in field.choices)

    def is_closed_list(self, field: Field) -> bool:
        """Whether only the listed values can be written: restricted by Salesforce, or checked by this connector."""
        return field.restrictedPicklist or _ORDERED.get(self.name) == field.name

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

    def forget(self, object: str) -> None:
        """What is known of an object is outdated."""
        self._known.pop(object, None)

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
