"""sObject Collections: up to 200 records in one call, each with a result of its own.

developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from instep.sandbox import Response
from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.deleting import delete
from instep_salesforce.sandbox.errors import RefusedError, malformed, refused
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType
from instep_salesforce.sandbox.soql.binding import reader
from instep_salesforce.sandbox.writing import create, find, key_field, update, upsert

MAX_RECORDS = 200
MAX_CHUNKS = 10
Sent = dict[str, object]
Result = dict[str, object]
ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}


class _RolledBackError(Exception):
    pass


class CollectionCalls:
    """The calls about many records."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._inputs = 0

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        path = "composite/sobjects"
        return [
            Operation("POST", path, self.create, "collections.create"),
            Operation("PATCH", path, self.update, "collections.update"),
            Operation("DELETE", path, self.delete, "collections.delete"),
            Operation("PATCH", f"{path}/{{object}}/{{field}}", self.upsert, "collections.upsert"),
            Operation("GET", f"{path}/{{object}}", self.read, "collections.read"),
            Operation("POST", f"{path}/{{object}}", self.read, "collections.read", writes=False),
        ]

    # --- writing -----------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        """Make records."""
        records, caller = self._records(call), call.caller()
        kinds = [self._kind(record) for record in records]
        self._require_few_chunks(kinds)

        def one(place: int) -> Result:
            return _done(create(self._org, kinds[place], records[place], caller))

        return self._each(call, len(records), one)

    def update(self, call: Call) -> Response:
        """Change records."""
        records, caller = self._records(call), call.caller()
        kinds = [self._kind(record) for record in records]
        self._require_few_chunks(kinds)
        ids = [normalise(str(record.get("id") or record.get("Id") or "")) for record in records]

        def one(place: int) -> Result:
            id = ids[place]
            if id is None:
                raise refused("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
            if ids.count(id) > 1:
                raise refused("DUPLICATE_VALUE", f"Duplicate id specified: {id}", "Id")
            row = self._found(kinds[place], id)
            values = {name: value for name, value in records[place].items() if name not in {"id", "Id"}}
            update(self._org, kinds[place], row, values, caller)
            return _done(id)

        return self._each(call, len(records), one)

    def _found(self, kind: ObjectType, id: str) -> dict[str, str | int | float | bool | None]:
        try:
            return find(self._org, kind, id)
        except RefusedError as refusal:
            if refusal.code == "NOT_FOUND":
                raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id") from None
            raise

    def upsert(self, call: Call) -> Response:
        """Update or make records by an external id."""
        records, caller = self._records(call), call.caller()
        kind = self._org.kind(call.params["object"])
        item = key_field(self._org, kind, call.params["field"], call.user)
        if any(self._kind(record) is not kind for record in records):
            raise malformed("All records of an upsert must have the type that the path names", "INVALID_TYPE")
        keys = [_key_of(record, item) for record in records]
        seen = [key.lower() for key in keys]

        def one(place: int) -> Result:
            if not keys[place] and item.name != "Id":
                raise refused("MISSING_ARGUMENT", f"{item.name} not specified", item.name)
            if keys[place] and seen.count(seen[place]) > 1:
                raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {keys[place]}", item.name)
            return self._upserted(kind, item, keys[place], records[place], caller)

        return self._each(call, len(records), one)

    def _upserted(self, kind: ObjectType, item: Field, key: str, record: Sent, caller: Caller) -> Result:
        values = {name: value for name, value in record.items() if name.lower() != item.name.lower()}
        if item.name == "Id":
            if not key:
                return {**_done(create(self._org, kind, values, caller)), "created": True}
            row = self._found(kind, key)
            update(self._org, kind, row, values, caller)
            return {**_done(str(row["Id"])), "created": False}
        id, is_new = upsert(self._org, kind, item, key, values, caller)
        return {**_done(id), "created": is_new}

    def delete(self, call: Call) -> Response:
        """Put records into the recycle bin."""
        ids = call.request.many("ids")
        if not ids:
            raise malformed("Please provide a valid list of ids.", "MISSING_ARGUMENT")
        _require_few(len(ids))

        def one(place: int) -> Result:
            id = normalise(ids[place])
            kind = None if id is None else self._org.kind_of_id(id)
            if id is None or kind is None:
                raise refused("MALFORMED_ID", f"malformed id {ids[place]}")
            delete(self._org, kind, self._found(kind, id), call.caller())
            return _done(id)

        return self._each(call, len(ids), one, all_or_none=call.request.flag("allOrNone"))

    def _each(
        self, call: Call, size: int, one: Callable[[int], Result], *, all_or_none: bool | None = None
    ) -> Response:
        if all_or_none is None:
            all_or_none = call.body().get("allOrNone") is True
        results: list[Result] = []
        try:
            with self._org.transaction():
                results += [self._tried(one, place) for place in range(size)]
                if all_or_none and not all(result["success"] for result in results):
                    raise _RolledBackError
        except _RolledBackError:
            results = [_rolled_back() if result["success"] else result for result in results]
        return reply(results)

    def _tried(self, one: Callable[[int], Result], place: int) -> Result:
        every = self._org.personality.partial_failure
        self._inputs += 1
        try:
            if every is not None and self._inputs % every == 0:
                raise refused("UNKNOWN_EXCEPTION", "An unexpected error occurred.")
            return one(place)
        except RefusedError as refusal:
            return {"success": False, "errors": [refusal.to_item()]}

    # --- what was sent -----------------------------------------------------------------------------------------

    def _records(self, call: Call) -> list[Sent]:
        records = call.body().get("records")
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise malformed("records must be a list of objects", "INVALID_INPUT")
        if not records:
            raise malformed("records is empty", "INVALID_INPUT")
        _require_few(len(records))
        return records

    def _kind(self, record: Sent) -> ObjectType:
        attributes = record.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        if not isinstance(name, str):
            raise malformed("Each record needs a type in its attributes", "INVALID_INPUT")
        kind = self._org.known(name)
        if kind is None:
            raise malformed(f"sObject type '{name}' is not supported.", "INVALID_TYPE")
        return kind

    def _require_few_chunks(self, kinds: list[ObjectType]) -> None:
        if sum(1 for _ in groupby(kinds, key=lambda kind: kind.name)) > MAX_CHUNKS:
            raise malformed(f"Records of more than {MAX_CHUNKS} chunks of types in one call", "LIMIT_EXCEEDED")
        if len({kind.is_setup for kind in kinds}) > 1:
            message = "DML operation on setup object is not permitted after you have updated a non-setup object"
            raise malformed(message, "MIXED_DML_OPERATION")

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self, call: Call) -> Response:
        """Show records by their ids; null for an id that is not there."""
        kind = self._org.kind(call.params["object"])
        body = call.body() if call.request.method == "POST" else {}
        ids, names = (_strings(body.get(word)) or call.request.many(word) for word in ("ids", "fields"))
        most = self._org.personality.max_collection_reads
        if len(ids) > most:
            raise malformed(f"record limit reached. cannot read more than {most} records", "EXCEEDED_ID_LIMIT")
        items = [self._visible(call, kind, name) for name in names]
        plain = [item.name for item in items if item.type != "address"]
        others = [(item.name, reader(self._org, kind, item)) for item in items if item.type == "address"]
        table, url = self._org.tables[kind.name], f"{call.base}/sobjects/{kind.name}/"
        shown: list[object] = []
        for id in ids:
            row = table.live(normalise(id) or "")
            if row is None:
                shown.append(None)
                continue
            found: dict[str, object] = {"attributes": {"type": kind.name, "url": url + str(row["Id"])}}
            get = row.get
            for name in plain:
                found[name] = get(name)
            for name, read in others:
                found[name] = read(row)
            found["Id"] = row["Id"]
            shown.append(found)
        return reply(shown)

    def _visible(self, call: Call, kind: ObjectType, name: str) -> Field:
        item = kind.find(name)
        if item is None or item.name in self._org.visibility.hidden(call.user, kind):
            raise malformed(f"No such column '{name}' on sobject of type {kind.name}", "INVALID_FIELD")
        return item


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _done(id: str) -> Result:
    return {"id": id, "success": True, "errors": []}


def _rolled_back() -> Result:
    return {"success": False, "errors": [ROLLED_BACK]}


def _key_of(record: Sent, item: Field) -> str:
    value = next((held for name, held in record.items() if name.lower() == item.name.lower()), None)
    return "" if value is None else str(value).strip()


def _require_few(count: int) -> None:
    if count > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise malformed(message, "EXCEEDED_ID_LIMIT")
