"""Single records and lists of them: `/crm/v3/objects/{type}`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from urllib.parse import urlencode

from instep.sandbox import Request, Response
from instep_hubspot.sandbox import writing
from instep_hubspot.sandbox.bodies import Body, body_of, mapping, maybe_text, offset, page_size, text
from instep_hubspot.sandbox.errors import RefusedError, invalid, not_found
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import NOTHING, Operation, ScopeOf
from instep_hubspot.sandbox.portal import API, Portal
from instep_hubspot.sandbox.records import Record
from instep_hubspot.sandbox.rendering import View, shown

_ROOT = "/crm/v3/objects/{objectType}"
PAGE_LIMIT, HISTORY_PAGE_LIMIT = 100, 50


class ObjectCalls:
    """Create, read, list, change, archive, merge and erase single records."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = object_scope(self._portal, "read"), object_scope(self._portal, "write")
        one = f"{_ROOT}/{{objectId}}"
        return [
            Operation("GET", _ROOT, self.list_page, "objects.list", read),
            Operation("POST", _ROOT, self.create, "objects.create", write),
            Operation("GET", one, self.read, "objects.read", read),
            Operation("PATCH", one, self.update, "objects.update", write),
            Operation("DELETE", one, self.archive, "objects.archive", write),
            Operation("POST", f"{_ROOT}/merge", self.merge, "objects.merge", write),
            Operation("POST", f"{_ROOT}/gdpr-delete", self.erase, "objects.gdpr_delete", write),
        ]

    def _kind(self, request: Request) -> ObjectType:
        return self._portal.kind(request.params["objectType"])

    def _view(self, kind: ObjectType, request: Request) -> View:
        return View.of(
            self._portal,
            kind,
            request.many("properties"),
            request.many("propertiesWithHistory"),
            request.many("associations"),
        )

    def list_page(self, request: Request) -> Response:
        """A page of records by ascending id."""
        kind, view = self._kind(request), self._view(self._kind(request), request)
        limit = page_size(request, 10, HISTORY_PAGE_LIMIT if view.history else PAGE_LIMIT)
        limit = min(limit, self._portal.personality.page_size or limit)
        archived = request.flag("archived")
        found = self._page(kind, offset(request), limit + 1, archived)
        page = found[:limit]
        body: Body = {"results": [shown(self._portal, kind, record, view) for record in page]}
        if len(found) > limit:
            after = page[-1].id
            query = {**request.query, "after": [after]}
            link = f"{self._portal.base_url}{request.path}?{urlencode(query, doseq=True)}"
            body["paging"] = {"next": {"after": after, "link": link}}
        return Response.of(body)

    def _page(self, kind: ObjectType, after: int, size: int, archived: bool) -> list[Record]:
        table = self._portal.table(kind)
        if archived:
            return [table.bin[number] for number in sorted(table.bin) if number > after][:size]
        live = (record for record in table.after(after) if record.archived_at is None)
        return list(islice(live, size))

    def create(self, request: Request) -> Response:
        """Make one record, with associations if the body has some."""
        kind, body = self._kind(request), body_of(request)
        links = associations_in(self._portal, kind, body)
        record = writing.create(self._portal, kind, mapping(body, "properties"), API)
        for there, other, types in links:
            writing.tie(self._portal, kind.name, record.id, there, other, types=types)
        return Response.of(self._written(kind, record, body), 201)

    def read(self, request: Request) -> Response:
        """One record by id or by a unique property."""
        kind = self._kind(request)
        record = resolve(self._portal, kind, request.params["objectId"], request.one("idProperty"))
        archived = request.flag("archived")
        if record is None or (record.archived_at is not None) != archived:
            raise not_found()
        return Response.of(shown(self._portal, kind, record, self._view(kind, request)))

    def update(self, request: Request) -> Response:
        """Change one record."""
        kind, body = self._kind(request), body_of(request)
        record = resolve(self._portal, kind, request.params["objectId"], request.one("idProperty"))
        if record is None or record.archived_at is not None:
            raise not_found()
        writing.update(self._portal, kind, record, mapping(body, "properties"), API)
        return Response.of(self._written(kind, record, body))

    def _written(self, kind: ObjectType, record: Record, body: Body) -> Body:
        names = (*kind.shown, *mapping(body, "properties"))
        return shown(self._portal, kind, record, View.of(self._portal, kind, names))

    def archive(self, request: Request) -> Response:
        """Archive one record; 204 even if there is none."""
        writing.archive(self._portal, self._kind(request), request.params["objectId"])
        return NOTHING

    def merge(self, request: Request) -> Response:
        """Merge two records into a new one."""
        kind, body = self._kind(request), body_of(request)
        survivor = writing.merge(self._portal, kind, text(body, "primaryObjectId"), text(body, "objectIdToMerge"))
        return Response.of(shown(self._portal, kind, survivor, View.of(self._portal, kind)))

    def erase(self, request: Request) -> Response:
        """Delete for privacy."""
        kind, body = self._kind(request), body_of(request)
        writing.erase(self._portal, kind, text(body, "objectId"), maybe_text(body, "idProperty"))
        return NOTHING


def object_scope(portal: Portal, action: str) -> ScopeOf:
    """The scope by the kind of record that a path names."""
    return lambda request: portal.kind(request.params["objectType"]).scope_for(action)


def resolve(portal: Portal, kind: ObjectType, word: str, by: str | None) -> Record | None:
    """The record that a call means, by id or by the value of a unique property."""
    if by in (None, "", "hs_object_id"):
        return portal.table(kind).get(word)
    require_unique(portal, kind, str(by))
    return portal.holder(kind, str(by), word)


def require_unique(portal: Portal, kind: ObjectType, name: str) -> None:
    """Refuse to find records by a property whose values may repeat."""
    prop = portal.property(kind, name)
    if prop is None or not prop.unique:
        raise invalid(f"Unable to perform update/upsert by non-unique {kind.type_id} property")


Link = tuple[str, str, tuple[int, ...]]


def associations_in(portal: Portal, kind: ObjectType, body: Body) -> list[Link]:
    """The associations that a new record shall have, checked."""
    given = body.get("associations") or []
    if not isinstance(given, list):
        raise invalid("associations must be a list")
    return [link for item in given for link in _link(portal, kind, item)]


def _link(portal: Portal, kind: ObjectType, item: object) -> Iterable[Link]:
    if not isinstance(item, dict):
        raise invalid("An association must be an object")
    other, specs = text(mapping(item, "to"), "id"), item.get("types")
    for spec in specs if isinstance(specs, list) else ():
        type_id = spec.get("associationTypeId")
        there = _other_end(portal, kind, type_id)
        if there is None:
            raise invalid(f"Association type {type_id} does not exist for {kind.type_id}")
        if portal.table(portal.types[there]).live(other) is None:
            raise RefusedError(404, f"Object with id {other} not found", category="OBJECT_NOT_FOUND")
        yield there, other, (type_id,)


def _other_end(portal: Portal, kind: ObjectType, type_id: object) -> str | None:
    for (here, there), types in portal.associations.types.items():
        if here == kind.name and type_id in types:
            return there
    return None


def require_types(portal: Portal, here: ObjectType, there: ObjectType, specs: object) -> tuple[int, ...]:
    """The association types named in a body; an unknown one is refused."""
    given = specs if isinstance(specs, list) else []
    if not given:
        raise invalid("At least one association type is required")
    ids: list[int] = []
    for type_id in (spec.get("associationTypeId") for spec in given if isinstance(spec, dict)):
        if not isinstance(type_id, int) or portal.associations.type(here.name, there.name, type_id) is None:
            raise invalid(f"Association type {type_id} is not defined from {here.type_id} to {there.type_id}")
        ids.append(type_id)
    return tuple(ids)
