"""Single records: create, read, update, delete, upsert."""

from __future__ import annotations

from instep.sandbox import Response
from instep_salesforce.sandbox.conditional import is_unmodified, require_conditions, validators
from instep_salesforce.sandbox.deleting import delete
from instep_salesforce.sandbox.errors import RefusedError, not_found, refused
from instep_salesforce.sandbox.operations import NOTHING, Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row
from instep_salesforce.sandbox.soql.binding import reader
from instep_salesforce.sandbox.writing import create, find, key_field, matches, update, upsert

UPSERT_ANSWERS_FROM = 46.0


class RecordCalls:
    """The calls about one record."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        one, keyed = "sobjects/{object}/{id}", "sobjects/{object}/{field}/{value}"
        return [
            Operation("POST", "sobjects/{object}", self.create, "record.create"),
            Operation("POST", "sobjects/{object}/Id", self.create, "record.create"),
            Operation("GET", one, self.read, "record.read"),
            Operation("PATCH", one, self.update, "record.update"),
            Operation("DELETE", one, self.delete, "record.delete"),
            Operation("GET", keyed, self.read_by_key, "record.read_by_key"),
            Operation("PATCH", keyed, self.upsert, "record.upsert"),
            Operation("DELETE", keyed, self.delete_by_key, "record.delete_by_key"),
        ]

    def _kind(self, call: Call) -> ObjectType:
        return self._org.kind(call.params["object"])

    def create(self, call: Call) -> Response:
        """Make a record."""
        kind = self._kind(call)
        with self._org.transaction():
            id = create(self._org, kind, call.body(), call.caller())
        return _made(call, kind, id, {"id": id, "success": True, "errors": []})

    def read(self, call: Call) -> Response:
        """Show a record."""
        kind = self._kind(call)
        row = find(self._org, kind, call.params["id"])
        return self._shown(call, kind, row)

    def read_by_key(self, call: Call) -> Response:
        """Show the record with a key."""
        kind = self._kind(call)
        item = key_field(self._org, kind, call.params["field"], call.user)
        ids = matches(self._org, kind, item, call.params["value"])
        if not ids:
            raise not_found()
        if len(ids) > 1:
            return _choices(call, kind, ids)
        return self._shown(call, kind, self._org.tables[kind.name].rows[ids[0]])

    def _shown(self, call: Call, kind: ObjectType, row: Row) -> Response:
        if is_unmodified(call, kind, row):
            return Response(304)
        fields = self._asked(call, kind)
        url = f"{call.base}/sobjects/{kind.name}/{row['Id']}"
        shown: dict[str, object] = {"attributes": {"type": kind.name, "url": url}}
        shown |= {item.name: reader(self._org, kind, item)(row) for item in fields}
        shown["Id"] = row["Id"]
        return reply(shown, headers=validators(kind, row))

    def _asked(self, call: Call, kind: ObjectType) -> list[Field]:
        hidden = self._org.visibility.hidden(call.user, kind)
        names = call.request.many("fields")
        if not names:
            return [item for item in kind.fields.values() if item.name not in hidden]
        found = []
        for name in names:
            item = kind.find(name.strip())
            if item is None or item.name in hidden:
                raise refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
            found.append(item)
        return found

    def update(self, call: Call) -> Response:
        """Change a record."""
        kind = self._kind(call)
        row = find(self._org, kind, call.params["id"])
        require_conditions(call, kind, row)
        with self._org.transaction():
            update(self._org, kind, row, call.body(), call.caller())
        return NOTHING

    def delete(self, call: Call) -> Response:
        """Put a record into the recycle bin."""
        kind = self._kind(call)
        row = find(self._org, kind, call.params["id"])
        with self._org.transaction():
            delete(self._org, kind, row, call.caller())
        return NOTHING

    def upsert(self, call: Call) -> Response:
        """Update the record with a key, or make it."""
        kind, body = self._kind(call), call.body()
        item = key_field(self._org, kind, call.params["field"], call.user)
        key = call.params["value"]
        if item.name == "Id":
            row = find(self._org, kind, key)
            with self._org.transaction():
                update(self._org, kind, row, body, call.caller())
            return self._upserted(call, kind, str(row["Id"]), is_new=False)
        ids = matches(self._org, kind, item, key)
        if len(ids) > 1:
            return _choices(call, kind, ids)
        if ids:
            require_conditions(call, kind, self._org.tables[kind.name].rows[ids[0]])
        values = self._without_key(body, item)
        with self._org.transaction():
            only = call.request.flag("updateOnly")
            id, is_new = upsert(self._org, kind, item, key, values, call.caller(), update_only=only)
        return self._upserted(call, kind, id, is_new=is_new)

    def _without_key(self, body: dict[str, object], item: Field) -> dict[str, object]:
        repeated = [name for name in body if name.lower() == item.name.lower()]
        if repeated and self._org.personality.key_in_upsert_body == "refuse":
            message = f"The {item.name} field should not be specified in the sobject data."
            raise refused("INVALID_FIELD", message, item.name)
        return {name: value for name, value in body.items() if name not in repeated}

    def _upserted(self, call: Call, kind: ObjectType, id: str, *, is_new: bool) -> Response:
        body: dict[str, object] = {"id": id, "success": True, "errors": []}
        if call.version >= UPSERT_ANSWERS_FROM:
            body["created"] = is_new
        elif not is_new:
            return NOTHING
        return _made(call, kind, id, body) if is_new else reply(body)

    def delete_by_key(self, call: Call) -> Response:
        """Delete the record with a key."""
        kind = self._kind(call)
        item = key_field(self._org, kind, call.params["field"], call.user)
        ids = matches(self._org, kind, item, call.params["value"])
        if len(ids) > 1:
            return _choices(call, kind, ids)
        if not ids:
            raise RefusedError(404, "NOT_FOUND", "The requested resource does not exist")
        with self._org.transaction():
            delete(self._org, kind, self._org.tables[kind.name].rows[ids[0]], call.caller())
        return NOTHING


def _made(call: Call, kind: ObjectType, id: str, body: dict[str, object]) -> Response:
    return reply(body, 201, (("Location", f"{call.base}/sobjects/{kind.name}/{id}"),))


def _choices(call: Call, kind: ObjectType, ids: list[str]) -> Response:
    return reply([f"{call.base}/sobjects/{kind.name}/{id}" for id in ids], 300)
