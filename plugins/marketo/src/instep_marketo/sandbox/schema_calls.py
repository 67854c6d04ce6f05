"""The fields of leads: describing and creating them."""

from __future__ import annotations

import re

from instep.sandbox import Request
from instep_marketo.sandbox.definitions import Field
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, body_of, each, inputs_of, result
from instep_marketo.sandbox.paging import page_of
from instep_marketo.sandbox.subscription import Subscription

TYPES = {"boolean", "currency", "date", "datetime", "email", "float", "integer", "percent", "phone", "score"}
TYPES |= {"string", "url"}
READ = ("Read-Write Schema Custom Field", "Read-Write Schema Standard Field")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CHANGEABLE = {"displayName", "description", "isHidden", "isHtmlEncodingInEmail", "isSensitive"}
LABEL = re.compile(r"[A-Za-z0-9 _-]+")


class SchemaCalls:
    """`describe`, `describe2` and `schema/fields`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        schema = "/rest/v1/leads/schema/fields"
        return [
            Operation("GET", "/rest/v1/leads/describe.json", self.describe, "leads.describe", "Read-Only Lead"),
            Operation("GET", "/rest/v1/leads/describe2.json", self.describe2, "leads.describe2", "Read-Only Lead"),
            Operation("GET", f"{schema}.json", self.list, "fields.list", READ),
            Operation("POST", f"{schema}.json", self.create, "fields.create", READ[0]),
            Operation("GET", f"{schema}/{{name}}", self.read, "fields.read", READ),
            Operation("POST", f"{schema}/{{name}}", self.update, "fields.update", READ),
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
        page, more = page_of(list(self._state.fields.values()), "fields", request, self._state.personality)
        return result([_defined(field) for field in page], **more)

    def read(self, request: Request) -> Body:
        """One definition."""
        return result([_defined(self._named(request))])

    def update(self, request: Request) -> Body:
        """Another label, description or visibility. Type, name and length stay, and nothing deletes a field."""
        field, inputs = self._named(request), inputs_of(body_of(request), 1)
        return each(inputs, lambda one: self._changed(field, one))

    def _changed(self, field: Field, given: Body) -> Body:
        if unknown := given.keys() - CHANGEABLE:
            raise RefusedError("1011", f"Field '{min(unknown)}' not supported")
        if "isHidden" in given and not field.custom:
            raise RefusedError("1003", "Invalid data: only a field that was made by API can be hidden")
        label = given.get("displayName", field.label)
        if not LABEL.fullmatch(label) or any(
            f.label == label and f is not field for f in self._state.fields.values()
        ):
            raise RefusedError("1003", "Invalid data: displayName")
        field.label, field.hidden = label, bool(given.get("isHidden", field.hidden))
        field.description = given.get("description", field.description)
        return {"name": field.name, "status": "updated"}

    def _named(self, request: Request) -> Field:
        return self._state.field(request.params["name"].removesuffix(".json"))

    def create(self, request: Request) -> Body:
        """Make custom fields; nobody can delete them again."""
        inputs = inputs_of(body_of(request), self._state.personality.input_limit)
        return each(inputs, self._made)

    def _made(self, given: Body) -> Body:
        for name in ("displayName", "name", "dataType"):
            if not given.get(name):
                raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
        name, label, kind = given["name"], given["displayName"], given["dataType"]
        if kind not in TYPES or not NAME.fullmatch(name) or not LABEL.fullmatch(label):
            raise RefusedError("1003", "Invalid data")
        if name in self._state.fields or any(item.label == label for item in self._state.fields.values()):
            raise RefusedError("1017", "Object already exists")
        if sum(item.custom for item in self._state.fields.values()) >= self._state.personality.custom_fields_limit:
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
