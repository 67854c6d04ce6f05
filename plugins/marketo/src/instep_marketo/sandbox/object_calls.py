"""The calls that sales persons, companies, opportunities and roles share."""

from __future__ import annotations

from typing import Any

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.object_kinds import Kind
from instep_marketo.sandbox.operations import Body, Operation, body_of, each, inputs_of, need, result
from instep_marketo.sandbox.paging import page_of
from instep_marketo.sandbox.subscription import Record, Subscription
from instep_marketo.sandbox.values import iso_twice, plain, stored

ACTIONS = ("createOrUpdate", "createOnly", "updateOnly")
BY_KEYS, BY_ID = "dedupeFields", "idField"


class ObjectCalls:
    """`describe`, reading by a filter, sync and delete, for one kind of object."""

    def __init__(self, subscription: Subscription, *, kind: Kind) -> None:
        self._state = subscription
        self._kind = kind

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        name, path = self._kind.name, self._kind.path
        read, write = f"Read-Only {self._kind.permission}", f"Read-Write {self._kind.permission}"
        return [
            Operation("GET", f"{path}/describe.json", self.describe, f"{name}.describe", read),
            Operation("GET", f"{path}.json", self.read, f"{name}.read", read),
            Operation("POST", f"{path}.json", self.sync, f"{name}.sync", write),
            Operation("POST", f"{path}/delete.json", self.delete, f"{name}.delete", write),
        ]

    # --- reading -----------------------------------------------------------------------------------------------

    def describe(self, request: Request) -> Body:
        """The fields, and by which of them an object is found."""
        self._require_readable()
        kind, born = self._kind, iso_twice(self._state.born)
        compound = [list(kind.keys)] if len(kind.keys) > 1 else []
        single = [[name] for name in self._single()]
        described = {
            "name": kind.name,
            "displayName": kind.label,
            "description": f"{kind.label} object",
            "createdAt": born,
            "updatedAt": born,
            "idField": kind.id_field,
            "dedupeFields": list(kind.keys),
            "searchableFields": [*compound, *single],
            "fields": [
                {
                    "name": field.name,
                    "displayName": field.label,
                    "dataType": field.type,
                    **({"length": field.length} if field.length else {}),
                    "updateable": field.updateable,
                }
                for field in kind.fields
            ],
        }
        return result([described])

    def read(self, request: Request) -> Body:
        """Objects by a filter: nobody can list them. By several keys at once in the body of a POST."""
        self._require_readable()
        if "json" in request.headers.get("content-type", "") and request.body:
            return self._read_by_keys(request)
        name, values = self._filter(need(request, "filterType")), request.many("filterValues")
        need(request, "filterValues")
        self._require_few(values)
        wanted = {value.casefold() for value in values}
        found = [one for one in self._all() if str(plain(one.get(name))).casefold() in wanted]
        return self._page(found, request.many("fields"), request)

    def _read_by_keys(self, request: Request) -> Body:
        body = body_of(request)
        if body.get("filterType") != BY_KEYS:
            raise RefusedError("1011", f"Field '{body.get('filterType')}' not supported")
        inputs = inputs_of(body, self._state.personality.input_limit)
        wanted = {self._key(one) for one in inputs}
        found = [one for one in self._all() if self._key(one) in wanted]
        return self._page(found, [str(name) for name in body.get("fields") or []], request)

    def _page(self, found: list[Record], names: list[str], request: Request) -> Body:
        names = names or [self._kind.id_field, *self._kind.keys, "createdAt", "updatedAt"]
        for name in names:
            self._field(name)
        page, more = page_of(list(enumerate(found)), self._kind.name, request, self._state.personality)
        return result(
            [{"seq": n, **{name: _shown(name, one.get(name)) for name in names}} for n, one in page], **more
        )

    def _single(self) -> list[str]:
        """The fields that find an object alone."""
        keys = self._kind.keys if len(self._kind.keys) == 1 else ()
        return list(dict.fromkeys([*keys, self._kind.id_field, *self._kind.found_by]))

    def _filter(self, name: str) -> str:
        is_alone = len(self._kind.keys) == 1
        name = {BY_KEYS: self._kind.keys[0] if is_alone else name, BY_ID: self._kind.id_field}.get(name, name)
        if name not in self._single():
            raise RefusedError("1011", f"Field '{name}' not supported")
        return name

    # --- writing -----------------------------------------------------------------------------------------------

    def sync(self, request: Request) -> Body:
        """Create or update, unless a CRM says what there is."""
        self._require_writable()
        body = body_of(request)
        action, by = body.get("action", ACTIONS[0]), body.get("dedupeBy", BY_KEYS)
        if action not in ACTIONS or by not in (BY_KEYS, BY_ID) or (by == BY_ID and action == "createOnly"):
            raise RefusedError("1003", f"Invalid data: action '{action}' by '{by}'")
        inputs = inputs_of(body, self._state.personality.input_limit)
        seen: set[Any] = set()
        return each(inputs, lambda one: self._synced(one, action, by, seen), numbered=True)

    def _synced(self, given: Body, action: str, by: str, seen: set[Any]) -> Body:
        self._state.reject_now_and_then()
        known = self._named(given, by)
        key = self._key(given) if by == BY_KEYS else given.get(self._kind.id_field)
        if key in seen:
            raise RefusedError("1036", "Duplicate object found in input")
        seen.add(key)
        if known is not None and action == "createOnly":
            raise RefusedError("1017", "Object already exists")
        if known is None and (action == "updateOnly" or by == BY_ID):
            raise RefusedError("1013", "Object not found")
        values = {name: self._value(name, value) for name, value in given.items() if name != self._kind.id_field}
        if by == BY_ID and any(name in values for name in self._kind.keys):
            raise RefusedError("1003", "Invalid data: the dedupe fields cannot be changed")
        self._kind.check(self._state, values)
        record = self._created(values) if known is None else known
        record |= {**values, "updatedAt": self._state.now()}
        self._kind.written(self._state, record)
        return {**self._id(record), "status": "created" if known is None else "updated"}

    def _created(self, values: Body) -> Record:
        for name in self._kind.required:
            if not values.get(name):
                raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
        is_number = self._kind.names[self._kind.id_field].type == "integer"
        id: int | str = self._state.ids.number() if is_number else self._state.uuid()
        record: Record = {self._kind.id_field: id, "createdAt": self._state.now()}
        self._all().append(record)
        return record

    def delete(self, request: Request) -> Body:
        """Delete; what is in use is skipped."""
        self._require_writable()
        body = body_of(request)
        by = body.get("deleteBy", BY_KEYS)
        inputs = inputs_of(body, self._state.personality.input_limit)
        return each(inputs, lambda one: self._deleted(one, by), numbered=True)

    def _deleted(self, given: Body, by: str) -> Body:
        record = self._named(given, by)
        if record is None:
            raise RefusedError("1013", "Object not found")
        self._kind.spare(self._state, record)
        self._all().remove(record)
        return {**self._id(record), "status": "deleted"}

    # --- what is meant -----------------------------------------------------------------------------------------

    def _named(self, given: Body, by: str) -> Record | None:
        """The object that an input means; refuses one that does not say."""
        names = self._kind.keys if by == BY_KEYS else (self._kind.id_field,)
        for name in names:
            if given.get(name) in (None, ""):
                raise RefusedError("1002", f"Missing value for the required parameter '{name}'")
        wanted = _folded(given, names)
        return next((one for one in self._all() if _folded(one, names) == wanted), None)

    def _key(self, given: Body) -> tuple[str, ...]:
        return _folded(given, self._kind.keys)

    def _value(self, name: str, value: Any) -> Any:
        field = self._field(name)
        if not field.updateable:
            raise RefusedError("1011", f"Field '{name}' not supported")
        return stored(field, value)

    def _field(self, name: str) -> Any:
        found = self._kind.names.get(name)
        if found is None:
            raise RefusedError("1006", f"Field '{name}' not found")
        return found

    def _id(self, record: Record) -> Body:
        return {self._kind.id_field: record[self._kind.id_field]}

    def _all(self) -> list[Record]:
        return self._state.objects.setdefault(self._kind.name, [])

    def _require_few(self, values: list[str]) -> None:
        most = self._state.personality.input_limit
        if len(values) > most:
            raise RefusedError("1003", f"Too many filterValues, at most {most} are allowed")

    def _require_readable(self) -> None:
        character = self._state.personality
        if character.crm_sync != "none" and (self._kind.hidden_by_crm or character.crm_sync_hides):
            raise RefusedError("1018", "CRM Enabled")

    def _require_writable(self) -> None:
        if self._state.personality.crm_sync != "none":
            raise RefusedError("1018", "CRM Enabled")


def _folded(given: Body, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(plain(given.get(name))).casefold() for name in names)


def _shown(name: str, value: Any) -> Any:
    """A value as it is read; an amount is a text. Marketo developer guide: Opportunities"""
    return str(value) if name == "amount" and value is not None else plain(value)
