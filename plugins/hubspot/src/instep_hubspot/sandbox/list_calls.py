"""Lists: `/crm/v3/lists`."""

from __future__ import annotations

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, body_of, malformed, page_size, text, texts
from instep_hubspot.sandbox.errors import RefusedError, conflict, invalid, not_found
from instep_hubspot.sandbox.lists import DYNAMIC, MANUAL, SNAPSHOT, RecordList
from instep_hubspot.sandbox.operations import NOTHING, Operation, fixed
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import iso

_ALL = "/crm/v3/lists"
_ONE = f"{_ALL}/{{listId}}"
_MEMBERS = f"{_ONE}/memberships"
MEMBERS_LIMIT, CHANGE_LIMIT, EMPTY_LIMIT, SEARCH_LIMIT = 250, 100_000, 100_000, 500


class ListCalls:
    """Make, find, rename and delete lists; say who is on them."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        read, write = fixed("crm.lists.read"), fixed("crm.lists.write")
        named = f"{_ALL}/object-type-id/{{typeId}}/name/{{name}}"
        of_record = f"{_ALL}/records/{{typeId}}/{{recordId}}/memberships"
        return [
            Operation("POST", _ALL, self.create, "lists.create", write),
            Operation("GET", _ALL, self.read_many, "lists.batch_read", read),
            Operation("POST", f"{_ALL}/search", self.search, "lists.search", read, writes=False),
            Operation("GET", _ONE, self.read, "lists.read", read),
            Operation("GET", named, self.read_named, "lists.read", read),
            Operation("DELETE", _ONE, self.delete, "lists.delete", write),
            Operation("PUT", f"{_ONE}/restore", self.restore, "lists.restore", write),
            Operation("PUT", f"{_ONE}/update-list-name", self.rename, "lists.update", write),
            Operation("GET", _MEMBERS, self.members, "lists.members", read),
            Operation("GET", f"{_MEMBERS}/join-order", self.members_by_time, "lists.members", read),
            Operation("PUT", f"{_MEMBERS}/add", self.add, "lists.members.add", write),
            Operation("PUT", f"{_MEMBERS}/remove", self.remove, "lists.members.remove", write),
            Operation("PUT", f"{_MEMBERS}/add-and-remove", self.change, "lists.members.change", write),
            Operation("DELETE", _MEMBERS, self.empty, "lists.members.empty", write),
            Operation("GET", of_record, self.lists_of, "lists.of_record", read),
        ]

    def _list(self, request: Request) -> RecordList:
        found = self._portal.lists.known.get(request.params["listId"])
        if found is None or found.deleted is not None:
            raise not_found("List does not exist")
        return found

    def create(self, request: Request) -> Response:
        """A new list."""
        body = body_of(request)
        name, processing = text(body, "name"), text(body, "processingType")
        kind = self._portal.kind(text(body, "objectTypeId"))
        if processing not in {MANUAL, SNAPSHOT, DYNAMIC}:
            raise invalid(f"Invalid processingType: {processing}")
        if processing == DYNAMIC and not body.get("filterBranch"):
            raise invalid("A DYNAMIC list needs a filterBranch")
        if self._portal.lists.named(kind.type_id, name) is not None:
            raise conflict(f"List with name {name} already exists")
        now = self._portal.now()
        made = RecordList(str(self._portal.ids.number()), name, kind.type_id, processing, now, now)
        self._portal.lists.known[made.id] = made
        return Response.of({"list": made.to_dict()})

    def read(self, request: Request) -> Response:
        """One list."""
        return Response.of({"list": self._list(request).to_dict()})

    def read_named(self, request: Request) -> Response:
        """One list by its name."""
        kind = self._portal.kind(request.params["typeId"])
        found = self._portal.lists.named(kind.type_id, request.params["name"])
        if found is None:
            raise not_found("List does not exist")
        return Response.of({"list": found.to_dict()})

    def read_many(self, request: Request) -> Response:
        """Lists by id; unknown ones are left out."""
        wanted = request.many("listIds")
        return Response.of({"lists": [one.to_dict() for one in self._portal.lists.live() if one.id in wanted]})

    def search(self, request: Request) -> Response:
        """A page of lists whose names hold a text; paging goes by offset."""
        body = body_of(request)
        offset, count = _whole(body, "offset", 0), _whole(body, "count", 20)
        if count > SEARCH_LIMIT:
            raise invalid(f"Invalid count: {count}. The maximum is {SEARCH_LIMIT}")
        query, ids, kinds = str(body.get("query") or ""), texts(body, "listIds"), texts(body, "processingTypes")
        found = [
            one
            for one in self._portal.lists.live()
            if query.lower() in one.name.lower()
            and (not ids or one.id in ids)
            and (not kinds or one.processing in kinds)
        ]
        page = found[offset : offset + count]
        return Response.of(
            {
                "lists": [_searched(one) for one in page],
                "offset": offset + len(page),
                "hasMore": offset + count < len(found),
                "total": len(found),
            }
        )

    def delete(self, request: Request) -> Response:
        """Delete a list; it can be restored."""
        self._list(request).deleted = self._portal.now()
        return NOTHING

    def restore(self, request: Request) -> Response:
        """Bring a deleted list back."""
        found = self._portal.lists.known.get(request.params["listId"])
        if found is None:
            raise not_found("List does not exist")
        found.deleted = None
        return NOTHING

    def rename(self, request: Request) -> Response:
        """Another name."""
        one, name = self._list(request), request.one("listName") or ""
        taken = self._portal.lists.named(one.type_id, name)
        if not name or taken not in (None, one):
            raise conflict(f"List with name {name} already exists")
        one.name, one.updated, one.version = name, self._portal.now(), one.version + 1
        return Response.of({"updatedList": one.to_dict()})

    def members(self, request: Request) -> Response:
        """A page of members by record id."""
        return self._members(request, sorted(self._list(request).members, key=int))

    def members_by_time(self, request: Request) -> Response:
        """A page of members by the time they joined."""
        members = self._list(request).members
        return self._members(request, sorted(members, key=lambda id: (members[id], int(id))))

    def _members(self, request: Request, ids: list[str]) -> Response:
        limit, after = page_size(request, 100, MEMBERS_LIMIT), request.one("after")
        start = ids.index(after) + 1 if after in ids else 0
        members, page = self._list(request).members, ids[start : start + limit]
        body: Body = {
            "results": [{"recordId": id, "membershipTimestamp": iso(members[id])} for id in page],
            "total": len(ids),
        }
        if start + limit < len(ids):
            body["paging"] = {"next": {"after": page[-1], "link": ""}}
        return Response.of(body)

    def add(self, request: Request) -> Response:
        """Add records; unknown ids are told, present members ignored."""
        return self._change(request, _ids(request), [])

    def remove(self, request: Request) -> Response:
        """Remove records."""
        return self._change(request, [], _ids(request))

    def change(self, request: Request) -> Response:
        """Add some records and remove others."""
        body = body_of(request)
        return self._change(request, texts(body, "recordIdsToAdd"), texts(body, "recordIdsToRemove"))

    def _change(self, request: Request, more: list[str], fewer: list[str]) -> Response:
        one = self._by_hand(request)
        if len(more) + len(fewer) > CHANGE_LIMIT:
            raise invalid(f"At most {CHANGE_LIMIT} members can be changed at once")
        table = self._portal.table(self._portal.kind(one.type_id))
        missing = [id for id in (*more, *fewer) if table.live(id) is None]
        added = one.add((id for id in more if id not in missing), self._portal.now())
        removed = one.remove(fewer)
        return Response.of({"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing})

    def _by_hand(self, request: Request) -> RecordList:
        one = self._list(request)
        if not one.is_filled_by_hand:
            raise RefusedError(400, f"List {one.id} is DYNAMIC: its members cannot be changed")
        return one

    def empty(self, request: Request) -> Response:
        """Remove all members of a list that is not too large for it."""
        one = self._by_hand(request)
        if len(one.members) >= EMPTY_LIMIT:
            raise invalid(f"A list with {EMPTY_LIMIT} or more members cannot be emptied")
        one.members.clear()
        return NOTHING

    def lists_of(self, request: Request) -> Response:
        """The lists that a record is on."""
        id, kind = request.params["recordId"], self._portal.kind(request.params["typeId"])
        found = [
            {
                "listId": one.id,
                "listVersion": one.version,
                "firstAddedTimestamp": iso(one.members[id]),
                "lastAddedTimestamp": iso(one.members[id]),
            }
            for one in self._portal.lists.live()
            if one.type_id == kind.type_id and id in one.members
        ]
        return Response.of({"results": found, "total": len(found)})


def _ids(request: Request) -> list[str]:
    found = request.json()
    if not isinstance(found, list):
        raise malformed("Cannot deserialize value: a list of texts was expected")
    return [str(id) for id in found]


def _whole(body: Body, name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or value < 0:
        raise invalid(f"Invalid {name}: {value}")
    return value


def _searched(one: RecordList) -> Body:
    shown = one.to_dict()
    size = shown.pop("size")
    return {**shown, "additionalProperties": {"hs_list_size": str(size)}}
