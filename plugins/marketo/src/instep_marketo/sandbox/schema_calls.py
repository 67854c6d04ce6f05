"""The fields of leads: describing and creating them."""

from __future__ import annotations

import re

from instep.sandbox import Request
from instep_marketo.sandbox.definitions import Field
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import MAX_INPUT, Body, Operation, body_of, inputs_of, result, skipped
from instep_marketo.sandbox.paging import place_of, token_of
from instep_marketo.sandbox.subscription import Subscription

TYPES = {"boolean", "currency", "date", "datetime", "email", "float", "integer", "percent", "phone", "score"}
TYPES |= {"string", "url"}
MOST_MADE = 100
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LABEL = re.compile(r"[A-Za-z0-9 _-]+")


class SchemaCalls:
    """`describe`, `describe2` and `schema/fields`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        schema = "/rest/v1/leads/schema/fields.json"
        return [
            Operation("GET", "/rest/v1/leads/describe.json", self.describe, "leads.describe", "Read-Only Lead"),
            Operation("GET", "/rest/v1/leads/describe2.json", self.describe2, "leads.describe2", "Read-Only Lead"),
            Operation("GET", schema, self.list, "fields.list", "Read-Write Schema Custom Field"),
            Operation("POST", schema, self.create, "fields.create", "Read-Write Schema Custom Field"),
        ]

    def describe(self, request: Request) -> Body:
        """The older description, which is flat and does not say what can be filtered."""
        return result(
            [
                {
                    "id": place,
                    "displayName": field.label,
                    "dataType": field.type,
                    "length": field.length,
                    "rest": {"name": field.name, "readOnly": not field.updateable},
                }
                for place, field in enumerate(self._state.fields.values())
            ]
        )

    def describe2(self, request: Request) -> Body:
        """The newer description, which says what can be updated and filtered."""
        fields = [item for item in self._state.fields.values() if not item.hidden]
        searchable = [[item.name] for item in fields if item.searchable or _is_own_key(item)]
        described = [
            {
                "name": field.name,
                "displayName": field.label,
                "dataType": field.type,
                **({"length": field.length} if field.length else {}),
                "updateable": field.updateable,
                "crmManaged": False,
            }
            for field in fields
        ]
        return result([{"name": "API Lead", "searchableFields": searchable, "fields": described}])

    def list(self, request: Request) -> Body:
        """Definitions, with what `describe2` leaves out."""
        fields = list(self._state.fields.values())
        start = place_of("fields", request.one("nextPageToken"))
        size = min(
            int(request.one("batchSize") or MAX_INPUT), MAX_INPUT, self._state.personality.page_size or MAX_INPUT
        )
        more = {"nextPageToken": token_of("fields", start + size)} if start + size < len(fields) else {}
        return result([_defined(field) for field in fields[start : start + size]], **more)

    def create(self, request: Request) -> Body:
        """Make custom fields; nobody can delete them again."""
        return result([skipped(lambda one=one: self._made(one)) for one in inputs_of(body_of(request))])  # type: ignore[misc]

    def _made(self, given: Body) -> Body:
        for name in ("displayName", "name", "dataType"):
            if not given.get(name):
                raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
        name, label, kind = given["name"], given["displayName"], given["dataType"]
        if kind not in TYPES or not NAME.fullmatch(name) or not LABEL.fullmatch(label):
            raise RefusedError("1003", "Invalid data")
        if name in self._state.fields or any(item.label == label for item in self._state.fields.values()):
            raise RefusedError("1017", "Object already exists")
        if sum(item.custom for item in self._state.fields.values()) >= MOST_MADE:
            raise RefusedError("1014", "Failed to create Object")
        length = 255 if kind in ("string", "email", "phone", "url") else None
        self._state.fields[name] = Field(
            name, label, kind, length, custom=True, description=given.get("description") or ""
        )
        return {"name": name, "status": "created"}


def _is_own_key(field: Field) -> bool:
    return field.custom and field.type in ("string", "email", "integer")


def _defined(field: Field) -> Body:
    return {
        "displayName": field.label,
        "name": field.name,
        "description": field.description,
        "dataType": field.type,
        **({"length": field.length} if field.length else {}),
        "isHidden": field.hidden,
        "isHtmlEncodingInEmail": True,
        "isSensitive": False,
        "isCustom": field.custom,
        "isApiCreated": field.custom,
    }
