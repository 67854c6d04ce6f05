"""Many records in one call: `/crm/v3/objects/{type}/batch/…`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from instep.sandbox import Request, Response
from instep_hubspot.sandbox import writing
from instep_hubspot.sandbox.bodies import Body, body_of, inputs_of, mapping, maybe_text, text, texts
from instep_hubspot.sandbox.errors import RefusedError, invalid
from instep_hubspot.sandbox.object_calls import (
    associations_in,
    object_scope,
    require_unique,
    resolve,
)
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import NOTHING, Operation, batch_reply
from instep_hubspot.sandbox.portal import API, Portal
from instep_hubspot.sandbox.records import Record
from instep_hubspot.sandbox.rendering import View, shown
from instep_hubspot.sandbox.validation import checked_values

_ROOT = "/crm/v3/objects/{objectType}/batch"
LIMIT, HISTORY_LIMIT = 100, 50


@dataclass(frozen=True, slots=True)
class Write:
    """One input of a batch as it will be written: to `record`, or as a new one."""

    given: Body
    values: Body
    record: Record | None
    checked: dict[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str, tuple[int, ...]], ...] = ()


Prepare = Callable[[ObjectType, Body], Write]


class BatchCalls:
    """Create, read, update, upsert and archive records by the hundred."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._random = random.Random(portal.seed)  # noqa: S311 - repeatable, not secret

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = object_scope(self._portal, "read"), object_scope(self._portal, "write")
        return [
            Operation("POST", f"{_ROOT}/read", self.read, "objects.batch_read", read, writes=False),
            Operation("POST", f"{_ROOT}/create", self.create, "objects.batch_create", write),
            Operation("POST", f"{_ROOT}/update", self.update, "objects.batch_update", write),
            Operation("POST", f"{_ROOT}/upsert", self.upsert, "objects.batch_upsert", write),
            Operation("POST", f"{_ROOT}/archive", self.archive, "objects.batch_archive", write),
        ]

    def _kind(self, request: Request) -> ObjectType:
        return self._portal.kind(request.params["objectType"])

    def read(self, request: Request) -> Response:
        """Records by id or unique property; what is missing is an error of its own."""
        kind, body = self._kind(request), body_of(request)
        history = texts(body, "propertiesWithHistory")
        inputs = inputs_of(body, LIMIT)
        if history and len(inputs) > HISTORY_LIMIT:
            raise invalid(
                "The maximum number of inputs supported in a batch request for property histories is "
                f"{HISTORY_LIMIT}. Please reduce the number of items and try again"
            )
        view = View.of(self._portal, kind, texts(body, "properties"), history)
        archived, by = request.flag("archived"), maybe_text(body, "idProperty")
        found: dict[int, Record] = {}
        missing: list[str] = []
        for item in inputs:
            record = resolve(self._portal, kind, text(item, "id"), by)
            if record is None or (record.archived_at is not None) != archived:
                missing.append(text(item, "id"))
            else:
                found[record.number] = record
        results = [shown(self._portal, kind, record, view) for record in found.values()]
        return batch_reply(self._portal, self._shuffled(results), _not_found(missing))

    def create(self, request: Request) -> Response:
        """New records. Without a trace id on each input one mistake refuses them all."""
        return self._write(request, self._new, 201)

    def update(self, request: Request) -> Response:
        """Changes to known records."""
        return self._write(request, self._known, 200)

    def upsert(self, request: Request) -> Response:
        """Changes to records found by a unique property, which are made where they are missing."""
        return self._write(request, self._either, 200, tell_new=True)

    def archive(self, request: Request) -> Response:
        """Archive records; unknown ids are no mistake."""
        kind = self._kind(request)
        for item in inputs_of(body_of(request), LIMIT):
            writing.archive(self._portal, kind, text(item, "id"))
        return NOTHING

    def _new(self, kind: ObjectType, item: Body) -> Write:
        links = tuple(associations_in(self._portal, kind, item))
        return Write(item, mapping(item, "properties"), None, links=links)

    def _known(self, kind: ObjectType, item: Body) -> Write:
        record = resolve(self._portal, kind, text(item, "id"), maybe_text(item, "idProperty"))
        if record is None or record.archived_at is not None:
            raise _missing([text(item, "id")])
        return Write(item, mapping(item, "properties"), record)

    def _either(self, kind: ObjectType, item: Body) -> Write:
        id, by = text(item, "id"), maybe_text(item, "idProperty")
        if by is None:
            return self._known(kind, item)
        require_unique(self._portal, kind, by)
        return Write(item, {by: id, **mapping(item, "properties")}, self._portal.holder(kind, by, id))

    def _write(self, request: Request, prepare: Prepare, status: int, tell_new: bool = False) -> Response:
        kind, body = self._kind(request), body_of(request)
        inputs = inputs_of(body, LIMIT)
        partial = _is_traced(inputs)
        _refuse_repeats(inputs)
        writes: list[Write] = []
        errors: list[Mapping[str, object]] = []
        for item in inputs:
            try:
                self._refuse_some()
                writes.append(self._checked(kind, prepare(kind, item)))
            except RefusedError as refusal:
                if not (partial or refusal.is_of_one_input):
                    raise
                errors.append(refusal.to_item(_trace(item) or _named(item)))
        if not partial:
            self._refuse_twins(kind, writes)
        return self._reply(kind, writes, errors, status, tell_new)

    def _checked(self, kind: ObjectType, write: Write) -> Write:
        current = write.record.values if write.record else {}
        values = checked_values(self._portal, kind, write.values, current)
        writing.require_free(self._portal, kind, values, write.record)
        writing.require_possible(self._portal, kind, values, write.record)
        return Write(write.given, write.values, write.record, values, write.links)

    def _reply(
        self,
        kind: ObjectType,
        writes: Sequence[Write],
        errors: list[Mapping[str, object]],
        status: int,
        tell_new: bool,
    ) -> Response:
        results: list[dict[str, object]] = []
        views = _Views(self._portal, kind)
        for write in writes:
            try:
                results.append(self._apply(kind, write, views, tell_new))
            except RefusedError as refusal:
                errors.append(refusal.to_item(_trace(write.given)))
        return batch_reply(self._portal, self._shuffled(results), errors, status)

    def _apply(self, kind: ObjectType, write: Write, views: _Views, tell_new: bool) -> dict[str, object]:
        record = write.record
        if record is None:
            record = writing.create_checked(self._portal, kind, write.checked, API)
            for there, other, types in write.links:
                writing.tie(self._portal, kind.name, record.id, there, other, types=types)
        else:
            writing.update_checked(self._portal, kind, record, write.checked, API)
        result = shown(self._portal, kind, record, views.of(write.values))
        if tell_new:
            result["new"] = write.record is None
        return result | {name: value[0] for name, value in _trace(write.given).items()}

    def _refuse_some(self) -> None:
        every = self._portal.personality.partial_failure
        self._portal.batch_inputs += 1
        if every and self._portal.batch_inputs % every == 0:
            raise RefusedError(400, "This input was rejected", is_of_one_input=True)

    def _refuse_twins(self, kind: ObjectType, writes: Sequence[Write]) -> None:
        for name in self._portal.unique_names(kind):
            seen: set[str] = set()
            for value in (str(write.values.get(name) or "").lower() for write in writes):
                if value and value in seen:
                    raise RefusedError(409, f"Duplicate {name} found in batch input: {value}", category="CONFLICT")
                seen.add(value)

    def _shuffled(self, results: list[dict[str, object]]) -> list[dict[str, object]]:
        if self._portal.personality.shuffle_results:
            self._random.shuffle(results)
        return results


class _Views:
    """What each written record shows: its default properties and those that were written."""

    def __init__(self, portal: Portal, kind: ObjectType) -> None:
        self._portal, self._kind = portal, kind
        self._known: dict[tuple[str, ...], View] = {}

    def of(self, written: Mapping[str, object]) -> View:
        names = tuple(written)
        if names not in self._known:
            self._known[names] = View.of(self._portal, self._kind, (*self._kind.shown, *names))
        return self._known[names]


def _is_traced(inputs: Sequence[Body]) -> bool:
    traces = [item.get("objectWriteTraceId") for item in inputs]
    return bool(traces) and None not in traces and len(set(map(str, traces))) == len(traces)


def _trace(item: Body) -> dict[str, list[str]]:
    trace = item.get("objectWriteTraceId")
    return {} if trace is None else {"objectWriteTraceId": [str(trace)]}


def _named(item: Body) -> dict[str, list[str]]:
    return {"ids": [str(item["id"])]} if "id" in item else {}


def _refuse_repeats(inputs: Sequence[Body]) -> None:
    repeated = sorted(set(_repeated(str(item["id"]) for item in inputs if "id" in item)))
    if repeated:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(repeated)}]. IDs must be unique")


def _repeated(ids: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for id in ids:
        if id in seen:
            yield id
        seen.add(id)


def _missing(ids: list[str]) -> RefusedError:
    return RefusedError(
        404, "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
        category="OBJECT_NOT_FOUND", context={"ids": ids}, is_of_one_input=True,
    )  # fmt: skip


def _not_found(ids: list[str]) -> list[dict[str, object]]:
    return [_missing(ids).to_item({})] if ids else []
