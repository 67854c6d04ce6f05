"""Segments: static ones, which are the tags, and saved ones, which are rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Audience, Member, Segment, iso
from instep_mailchimp.sandbox.audience_calls import LIST
from instep_mailchimp.sandbox.errors import ProblemError, invalid, not_found
from instep_mailchimp.sandbox.rules import checked, fits
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page

SEGMENT = LIST + "/segments/{segment_id}"
_MOST_AT_ONCE = 500
_NOT_TOLD = ("contact_id", "tags", "tags_count", "consents_to_one_to_one_messaging", "source", "web_id")
"""What the members of a segment do not tell, though members do."""


class SegmentCalls:
    """The calls about tags and segments."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", LIST + "/tag-search", self.search_tags, "tags.search")
        yield Route("GET", LIST + "/segments", self.listing, "segments.list")
        yield Route("POST", LIST + "/segments", self.create, "segments.create")
        yield Route("GET", SEGMENT, self.read, "segments.read")
        yield Route("POST", SEGMENT, self.change_members, "segments.change")
        yield Route("PATCH", SEGMENT, self.update, "segments.update")
        yield Route("DELETE", SEGMENT, self.delete, "segments.delete")
        yield Route("GET", SEGMENT + "/members", self.list_members, "segments.members")
        yield Route("POST", SEGMENT + "/members", self.add_one, "segments.members.add")
        yield Route("DELETE", SEGMENT + "/members/{member}", self.remove_one, "segments.members.remove")

    # --- reading -------------------------------------------------------------------------------------------------

    def search_tags(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        word = (request.one("name") or "").lower()
        found = [{"id": id, "name": name} for name, id in audience.tags.items() if name.lower().startswith(word)]
        return answer(request, {"tags": found, "total_items": len(found)})

    def listing(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        rows: list[str | Segment] = [*audience.tags, *audience.segments.values()]
        wanted = request.one("type")
        rows = [row for row in rows if wanted in (None, "static" if isinstance(row, str) else "saved")]
        found = page(
            request, "segments", rows, lambda row: self._shown(request, audience, row), self._account.personality
        )
        return answer(request, {**found, "list_id": audience.id})

    def read(self, request: Request) -> Response:
        audience, segment = self._found(request)
        return self._told(request, audience, segment)

    def list_members(self, request: Request) -> Response:
        """Subscribed members; others where they are asked for. Pending and archived ones are never told."""
        audience, segment = self._found(request)
        rows = self._members(request, audience, segment)
        return answer(
            request,
            page(request, "members", rows, lambda member: _of_segment(audience, member), self._account.personality),
        )

    def _members(self, request: Request, audience: Audience, segment: str | Segment) -> list[Member]:
        others = ("cleaned", "transactional", "unsubscribed")
        statuses = {"subscribed", *(status for status in others if request.flag(f"include_{status}"))}
        return [
            member
            for member in audience.members.values()
            if member.status in statuses and _is_in(audience, member, segment)
        ]

    # --- writing -------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Response:
        """A static segment, which is a tag, or one with conditions; never both."""
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        name = given.get("name")
        if not isinstance(name, str) or not name:
            raise invalid("name", "Schema describes string, NULL found instead")
        if "options" in given and "static_segment" in given:
            raise invalid("static_segment", "This field cannot be provided with the options field.")
        if "options" in given:
            made = self._account.add_segment(audience, name, *checked(given["options"]))
            return self._told(request, audience, made)
        if name in audience.tags:
            raise ProblemError(400, "Bad Request", f"Sorry, that tag already exists: {name}.")
        addresses = _addresses(given, "static_segment")
        self._account.add_tag(audience, name)
        self._add(audience, name, addresses)
        return self._told(request, audience, name)

    def update(self, request: Request) -> Response:
        """Another name, other conditions, or (of a static one) exactly these members."""
        audience, segment = self._found(request)
        given = body(request)
        if isinstance(segment, str):
            segment = self._renamed(audience, segment, str(given.get("name") or segment))
            if "static_segment" in given:
                addresses = _addresses(given, "static_segment")
                self._empty(audience, segment)
                self._add(audience, segment, addresses)
            return self._told(request, audience, segment)
        segment.name = str(given.get("name") or segment.name)
        if "options" in given:
            segment.match, segment.conditions = checked(given["options"])
        segment.updated = self._account.now()
        return self._told(request, audience, segment)

    def delete(self, request: Request) -> Response:
        """Deleting a static segment takes the tag from every member."""
        audience, segment = self._found(request)
        if isinstance(segment, str):
            self._empty(audience, segment)
            del audience.tags[segment]
        else:
            del audience.segments[segment.id]
        return Response(204)

    def change_members(self, request: Request) -> Response:
        """Add and remove members, 500 at most of each. Addresses that are no members are told as errors."""
        audience, name = self._static(request)
        given = body(request)
        adding, removing = _addresses(given, "members_to_add"), _addresses(given, "members_to_remove")
        added, removed = self._add(audience, name, adding), self._remove(audience, name, removing)
        lost = [email for email in adding if audience.find(email) is None]
        errors = [{"email_addresses": lost, "error": "Email addresses are not on the list."}] if lost else []
        return answer(
            request,
            {
                "members_added": [audience.shown(member) for member in added],
                "members_removed": [audience.shown(member) for member in removed],
                "errors": errors,
                "total_added": len(added),
                "total_removed": len(removed),
                "error_count": len(errors),
            },
        )

    def add_one(self, request: Request) -> Response:
        audience, name = self._static(request)
        email = body(request).get("email_address")
        member = audience.find(email) if isinstance(email, str) else None
        if member is None:
            raise not_found()
        self._add(audience, name, [member.email])
        return answer(request, linked(_of_segment(audience, member), request, self._account.personality))

    def remove_one(self, request: Request) -> Response:
        audience, name = self._static(request)
        if not self._remove(audience, name, [request.params["member"]]):
            raise not_found()
        return Response(204)

    def _add(self, audience: Audience, name: str, keys: Iterable[str]) -> list[Member]:
        return self._account.change_tag(audience, name, _members(audience, keys), has=True)

    def _remove(self, audience: Audience, name: str, keys: Iterable[str]) -> list[Member]:
        return self._account.change_tag(audience, name, _members(audience, keys), has=False)

    def _empty(self, audience: Audience, name: str) -> None:
        self._account.change_tag(audience, name, audience.members.values(), has=False)

    def _renamed(self, audience: Audience, before: str, name: str) -> str:
        if name != before:
            audience.tags = {name if tag == before else tag: id for tag, id in audience.tags.items()}
            for member in audience.members.values():
                member.tags = {name if tag == before else tag: at for tag, at in member.tags.items()}
        return name

    # --- common --------------------------------------------------------------------------------------------------

    def _found(self, request: Request) -> tuple[Audience, str | Segment]:
        """A segment by its id: a tag by its name, or a saved one."""
        audience, wanted = self._account.audience(request.params["list_id"]), request.params["segment_id"]
        rows: list[str | Segment] = [*audience.tags, *audience.segments.values()]
        for row in rows:
            if str(audience.tags[row] if isinstance(row, str) else row.id) == wanted:
                return audience, row
        raise not_found()

    def _static(self, request: Request) -> tuple[Audience, str]:
        audience, segment = self._found(request)
        if isinstance(segment, Segment):
            raise ProblemError(400, "Bad Request", "Members can be added to and removed from static segments only.")
        return audience, segment

    def _told(self, request: Request, audience: Audience, segment: str | Segment) -> Response:
        return answer(request, linked(self._shown(request, audience, segment), request, self._account.personality))

    def _shown(self, request: Request, audience: Audience, segment: str | Segment) -> Shown:
        is_static = isinstance(segment, str)
        return {
            "id": audience.tags[segment] if isinstance(segment, str) else segment.id,
            "name": segment if isinstance(segment, str) else segment.name,
            "member_count": len(self._members(request, audience, segment)),
            "type": "static" if is_static else "saved",
            "created_at": iso(audience.made if isinstance(segment, str) else segment.made),
            "updated_at": iso(audience.made if isinstance(segment, str) else segment.updated),
            **({} if isinstance(segment, str) else {"options": _options(segment)}),
            "list_id": audience.id,
        }


def _members(audience: Audience, keys: Iterable[str]) -> list[Member]:
    return [member for key in keys if (member := audience.find(key)) is not None]


def _options(segment: Segment) -> Shown:
    return {"match": segment.match, "conditions": [dict(condition) for condition in segment.conditions]}


def _is_in(audience: Audience, member: Member, segment: str | Segment) -> bool:
    if isinstance(segment, str):
        return segment in member.tags
    return fits(audience, member, segment.match, segment.conditions)


def _of_segment(audience: Audience, member: Member) -> Shown:
    return {name: value for name, value in audience.shown(member).items() if name not in _NOT_TOLD}


def _addresses(given: Shown, field: str) -> list[str]:
    found = given.get(field) or []
    if not isinstance(found, list):
        raise invalid(field, "Schema describes array, but another type was found instead")
    if len(found) > _MOST_AT_ONCE:
        raise invalid(field, f"This collection should contain {_MOST_AT_ONCE} elements or less.")
    return [str(address) for address in found]
