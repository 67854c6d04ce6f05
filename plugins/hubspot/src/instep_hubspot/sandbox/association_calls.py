"""Associations v4: single, in batches, and their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from instep.sandbox import Request, Response
from instep_hubspot.sandbox import writing
from instep_hubspot.sandbox.associations import HUBSPOT, LinkType
from instep_hubspot.sandbox.bodies import (
    Body,
    body_of,
    inputs_of,
    list_of,
    mapping,
    maybe_text,
    offset,
    page_size,
    text,
)
from instep_hubspot.sandbox.errors import RefusedError, invalid, not_found
from instep_hubspot.sandbox.object_calls import require_types
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import NOTHING, Operation, batch_reply
from instep_hubspot.sandbox.portal import Portal

_BATCH = "/crm/v4/associations/{from}/{to}/batch"
_ONE = "/crm/v4/objects/{from}/{fromId}/associations"
_LABELS = "/crm/v4/associations/{from}/{to}/labels"
READ_LIMIT, WRITE_LIMIT, PAGE = 1_000, 2_000, 500


class AssociationCalls:
    """Tie records, read what is tied, untie."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = self._scope("read"), self._scope("write")
        pair = f"{_ONE}/{{to}}/{{toId}}"
        return [
            Operation("GET", f"{_ONE}/{{to}}", self.read, "associations.read", read),
            Operation("PUT", pair, self.tie, "associations.create", write),
            Operation("DELETE", pair, self.untie, "associations.archive", write),
            Operation("PUT", f"{_ONE}/default/{{to}}/{{toId}}", self.tie_plainly, "associations.default", write),
            Operation("POST", f"{_BATCH}/read", self.read_many, "associations.batch_read", read, writes=False),
            Operation("POST", f"{_BATCH}/create", self.tie_many, "associations.batch_create", write),
            Operation("POST", f"{_BATCH}/archive", self.untie_many, "associations.batch_archive", write),
            Operation(
                "POST",
                f"{_BATCH}/associate/default",
                self.tie_many_plainly,
                "associations.batch_default",
                write,
            ),
            Operation(
                "POST",
                f"{_BATCH}/labels/archive",
                self.unlabel_many,
                "associations.batch_labels_archive",
                write,
            ),
            Operation("GET", _LABELS, self.list_labels, "associations.labels.list", read),
            Operation("POST", _LABELS, self.add_label, "associations.labels.create", write),
            Operation("PUT", _LABELS, self.rename_label, "associations.labels.update", write),
            Operation("DELETE", f"{_LABELS}/{{typeId}}", self.drop_label, "associations.labels.archive", write),
        ]

    def _scope(self, action: str) -> Callable[[Request], str]:
        return lambda request: self._portal.kind(request.params["from"]).scope_for(action)

    def _ends(self, request: Request) -> tuple[ObjectType, ObjectType]:
        return self._portal.kind(request.params["from"]), self._portal.kind(request.params["to"])

    def _live(self, kind: ObjectType, id: str) -> str:
        record = self._portal.table(kind).live(id)
        if record is None:
            raise not_found(f"Object {kind.type_id} with id {id} was not found")
        return record.id

    def read(self, request: Request) -> Response:
        """A page of what one record is tied to."""
        here, there = self._ends(request)
        id = self._live(here, request.params["fromId"])
        return Response.of(
            self._page(here, id, there, after=offset(request), limit=page_size(request, PAGE, PAGE), key="results")
        )

    def _page(self, here: ObjectType, id: str, there: ObjectType, *, after: int, limit: int, key: str) -> Body:
        tied = [
            (other, links)
            for other, links in self._portal.associations.ordered(here.name, id, there.name)
            if int(other) > after and self._portal.table(there).live(other) is not None
        ]
        results = [
            {
                "toObjectId": int(other) if self._portal.personality.whole_number_targets else other,
                "associationTypes": [link.to_dict() for link in links],
            }
            for other, links in tied[:limit]
        ]
        page: Body = {key: results}
        if len(tied) > limit:
            last = tied[limit - 1][0]
            path = f"/crm/v4/objects/{here.name}/{id}/associations/{there.name}"
            page["paging"] = {
                "next": {"after": last, "link": f"{self._portal.base_url}{path}?after={last}&limit={limit}"}
            }
        return page

    def read_many(self, request: Request) -> Response:
        """What many records are tied to; each input pages on its own."""
        here, there = self._ends(request)
        results: list[Body] = []
        errors: list[Mapping[str, object]] = []
        for item in inputs_of(body_of(request), READ_LIMIT):
            id, after = text(item, "id"), maybe_text(item, "after") or "0"
            record = self._portal.table(here).live(id)
            page = self._page(here, record.id, there, after=int(after), limit=PAGE, key="to") if record else {}
            if page.get("to"):
                results.append({"from": {"id": id}, **page})
            else:
                errors.append(_none_associated(here, id))
        return batch_reply(self._portal, results, errors)

    def tie(self, request: Request) -> Response:
        """Tie two records by the given types, which add up."""
        here, there = self._ends(request)
        types = require_types(self._portal, here, there, list_of(request))
        id, other = self._live(here, request.params["fromId"]), self._live(there, request.params["toId"])
        writing.tie(self._portal, here.name, id, there.name, other, types=types)
        return Response.of(self._pair(here, id, there, other, types), 201)

    def _pair(self, here: ObjectType, id: str, there: ObjectType, other: str, types: tuple[int, ...]) -> Body:
        links = [self._portal.associations.types[(here.name, there.name)][type_id] for type_id in types]
        return {
            "fromObjectTypeId": here.type_id,
            "fromObjectId": id,
            "toObjectTypeId": there.type_id,
            "toObjectId": other,
            "labels": [link.label for link in links if link.label],
        }

    def untie(self, request: Request) -> Response:
        """Remove everything between two records."""
        here, there = self._ends(request)
        writing.untie(self._portal, here.name, request.params["fromId"], there.name, request.params["toId"])
        return NOTHING

    def _plain(self, here: ObjectType, there: ObjectType) -> LinkType:
        plain = self._portal.associations.unlabelled(here.name, there.name)
        if plain is None:
            raise invalid(f"No default association from {here.type_id} to {there.type_id}")
        return plain

    def tie_plainly(self, request: Request) -> Response:
        """Tie two records without a label."""
        here, there = self._ends(request)
        item: Body = {"from": {"id": request.params["fromId"]}, "to": {"id": request.params["toId"]}}
        return batch_reply(self._portal, self._tie_default(here, there, item))

    def tie_many_plainly(self, request: Request) -> Response:
        """Tie many pairs without a label."""
        here, there = self._ends(request)
        return self._each(request, lambda item: self._tie_default(here, there, item), 200)

    def _tie_default(self, here: ObjectType, there: ObjectType, item: Body) -> list[Body]:
        plain = self._plain(here, there)
        id, other = self._pair_in(here, there, item)
        writing.tie(self._portal, here.name, id, there.name, other, types=(plain.id,))
        return [_tied(id, other, plain.id), _tied(other, id, plain.inverse)]

    def _pair_in(self, here: ObjectType, there: ObjectType, item: Body) -> tuple[str, str]:
        id, other = text(mapping(item, "from"), "id"), text(mapping(item, "to"), "id")
        return self._live(here, id), self._live(there, other)

    def tie_many(self, request: Request) -> Response:
        """Tie many pairs by given types."""
        here, there = self._ends(request)

        def tie(item: Body) -> list[Body]:
            types = require_types(self._portal, here, there, item.get("types"))
            id, other = self._pair_in(here, there, item)
            writing.tie(self._portal, here.name, id, there.name, other, types=types)
            return [self._pair(here, id, there, other, types)]

        return self._each(request, tie, 201)

    def _each(self, request: Request, act: Callable[[Body], list[Body]], status: int) -> Response:
        results: list[Body] = []
        errors: list[Mapping[str, object]] = []
        for item in inputs_of(body_of(request), WRITE_LIMIT):
            try:
                results += act(item)
            except RefusedError as refusal:
                errors.append(refusal.to_item(_pair_context(item)))
        return batch_reply(self._portal, results, errors, status)

    def untie_many(self, request: Request) -> Response:
        """Remove everything between many pairs; missing pairs are no mistake."""
        here, there = self._ends(request)
        for item in inputs_of(body_of(request), WRITE_LIMIT):
            id, others = text(mapping(item, "from"), "id"), item.get("to")
            for other in others if isinstance(others, list) else []:
                writing.untie(self._portal, here.name, id, there.name, text(other, "id"))
        return NOTHING

    def unlabel_many(self, request: Request) -> Response:
        """Remove some types between many pairs."""
        here, there = self._ends(request)
        for item in inputs_of(body_of(request), WRITE_LIMIT):
            types = require_types(self._portal, here, there, item.get("types"))
            id, other = text(mapping(item, "from"), "id"), text(mapping(item, "to"), "id")
            self._portal.associations.unlabel(here.name, id, there.name, other, types)
            writing.tell_company(self._portal, here.name, id, there.name, other)
        return NOTHING

    def list_labels(self, request: Request) -> Response:
        """The types between two kinds of record."""
        here, there = self._ends(request)
        types = self._portal.associations.types.get((here.name, there.name), {})
        return Response.of({"results": [link.to_dict() for link in types.values()]})

    def add_label(self, request: Request) -> Response:
        """A new label, with another word for the other direction if one is given."""
        here, there = self._ends(request)
        body = body_of(request)
        link = self._portal.associations.add_label(
            here.name, there.name, text(body, "label"), text(body, "name"), maybe_text(body, "inverseLabel")
        )
        back = self._portal.associations.types[(there.name, here.name)][link.inverse]
        return Response.of({"results": [link.to_dict(), back.to_dict()]})

    def rename_label(self, request: Request) -> Response:
        """Another word for a label of users."""
        here, there = self._ends(request)
        body = body_of(request)
        type_id = self._own_label(here, there, text(body, "associationTypeId"))
        self._portal.associations.rename_label(here.name, there.name, type_id, text(body, "label"))
        return NOTHING

    def drop_label(self, request: Request) -> Response:
        """Forget a label of users."""
        here, there = self._ends(request)
        type_id = self._own_label(here, there, request.params["typeId"])
        self._portal.associations.drop_label(here.name, there.name, type_id)
        return NOTHING

    def _own_label(self, here: ObjectType, there: ObjectType, word: str) -> int:
        known = self._portal.associations.types.get((here.name, there.name), {})
        link = known.get(int(word)) if word.isdigit() else None
        if link is None:
            raise not_found(f"Association type {word} does not exist")
        if link.category == HUBSPOT:
            raise invalid(f"Association type {word} is defined by HubSpot and cannot be changed")
        return link.id


def _tied(id: str, other: str, type_id: int) -> Body:
    spec = {"associationCategory": HUBSPOT, "associationTypeId": type_id}
    return {"from": {"id": id}, "to": {"id": other}, "associationSpec": spec}


def _pair_context(item: Body) -> dict[str, list[str]]:
    return {
        "fromObjectId": [str(mapping(item, "from").get("id"))],
        "toObjectId": [str(mapping(item, "to").get("id"))],
    }


def _none_associated(kind: ObjectType, id: str) -> dict[str, object]:
    refusal = RefusedError(
        404, f"No associations found for object {kind.type_id} with id {id}", category="OBJECT_NOT_FOUND"
    )
    item = refusal.to_item({"fromObjectId": [id]})
    return {**item, "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}
