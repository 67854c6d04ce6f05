"""Audiences, their merge fields, and their tags as static segments."""

from __future__ import annotations

from collections.abc import Iterator

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Audience, MergeField, iso
from instep_mailchimp.sandbox.errors import ProblemError, invalid, not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page

LIST = "/3.0/lists/{list_id}"
_TYPES = frozenset(
    ["text", "number", "address", "phone", "date", "url", "imageurl", "radio", "dropdown", "birthday", "zip"],
)
_LONGEST_TAG = 10
_MOST_AT_ONCE = 500


class AudienceCalls:
    """The calls about audiences themselves."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", "/3.0/lists", self.listing, "lists.list")
        yield Route("GET", LIST, self.read, "lists.read")
        yield Route("GET", LIST + "/merge-fields", self.list_fields, "fields.list")
        yield Route("POST", LIST + "/merge-fields", self.create_field, "fields.create")
        yield Route("PATCH", LIST + "/merge-fields/{merge_id}", self.update_field, "fields.update")
        yield Route("DELETE", LIST + "/merge-fields/{merge_id}", self.delete_field, "fields.delete")
        yield Route("GET", LIST + "/tag-search", self.search_tags, "tags.search")
        yield Route("GET", LIST + "/segments", self.list_segments, "segments.list")
        yield Route("POST", LIST + "/segments", self.create_segment, "segments.create")
        yield Route("POST", LIST + "/segments/{segment_id}", self.change_segment, "segments.change")

    # --- audiences -----------------------------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        rows = list(self._account.audiences.values())
        return answer(request, page(request, "lists", rows, self._shown, self._account.personality))

    def read(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        return answer(request, linked(self._shown(audience), request, self._account.personality))

    def _shown(self, audience: Audience) -> Shown:
        count = {
            status: sum(member.status == status for member in audience.members.values())
            for status in ("subscribed", "unsubscribed", "cleaned")
        }
        return {
            "id": audience.id,
            "web_id": audience.web_id,
            "name": audience.name,
            "permission_reminder": "You asked for it.",
            "email_type_option": False,
            "date_created": iso(audience.made),
            "double_optin": False,
            "marketing_permissions": False,
            "stats": {
                "member_count": count["subscribed"],
                "unsubscribe_count": count["unsubscribed"],
                "cleaned_count": count["cleaned"],
            },
        }

    # --- merge fields --------------------------------------------------------------------------------------------

    def list_fields(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        rows = list(audience.fields.values())
        found = page(
            request, "merge_fields", rows, lambda field: field.to_dict(audience.id), self._account.personality
        )
        return answer(request, {**found, "list_id": audience.id})

    def create_field(self, request: Request) -> Response:
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        name, kind = given.get("name"), given.get("type")
        if not isinstance(name, str) or not name:
            raise invalid("name", "Schema describes string, NULL found instead")
        if kind not in _TYPES:
            raise invalid("type", "This value is not one of the choices.")
        tag = str(given.get("tag") or f"MMERGE{len(audience.fields) + 1}").upper()
        if len(tag) > _LONGEST_TAG or not tag.replace("_", "").isalnum():
            raise invalid("tag", f"This value should have {_LONGEST_TAG} characters or less.")
        if tag in audience.fields:
            detail = f'A Merge Field with the tag "{tag}" already exists for this list.'
            raise ProblemError(400, "Invalid Resource", detail)
        made = MergeField(0, tag, name, str(kind))
        _take(made, given)
        if kind in {"radio", "dropdown"} and not made.choices:
            raise invalid("options.choices", "This value should not be blank.")
        self._account.add_field(audience, made)
        return self._told(request, audience, made)

    def update_field(self, request: Request) -> Response:
        audience, field = self._field(request)
        given = body(request)
        if given.get("type", field.type) != field.type:
            raise invalid("type", "The type of a merge field cannot be changed.")
        _take(field, given)
        return self._told(request, audience, field)

    def delete_field(self, request: Request) -> Response:
        """Deleting a field wipes its values from every member."""
        audience, field = self._field(request)
        del audience.fields[field.tag]
        for member in audience.members.values():
            member.merge.pop(field.tag, None)
        return Response(204)

    def _field(self, request: Request) -> tuple[Audience, MergeField]:
        audience = self._account.audience(request.params["list_id"])
        for field in audience.fields.values():
            if str(field.merge_id) == request.params["merge_id"]:
                return audience, field
        raise not_found()

    def _told(self, request: Request, audience: Audience, field: MergeField) -> Response:
        return answer(request, linked(field.to_dict(audience.id), request, self._account.personality))

    # --- tags and segments ---------------------------------------------------------------------------------------

    def search_tags(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        word = (request.one("name") or "").lower()
        found = [{"id": id, "name": name} for name, id in audience.tags.items() if name.lower().startswith(word)]
        return answer(request, {"tags": found, "total_items": len(found)})

    def list_segments(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        rows = list(audience.tags)
        found = page(request, "segments", rows, lambda name: self._segment(audience, name), self._account.personality)
        return answer(request, {**found, "list_id": audience.id})

    def create_segment(self, request: Request) -> Response:
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        name = given.get("name")
        if not isinstance(name, str) or not name:
            raise invalid("name", "Schema describes string, NULL found instead")
        if name in audience.tags:
            raise ProblemError(400, "Bad Request", f"Sorry, that tag already exists: {name}.")
        self._account.add_tag(audience, name)
        self._add(audience, name, given.get("static_segment") or [])
        return answer(request, linked(self._segment(audience, name), request, self._account.personality))

    def change_segment(self, request: Request) -> Response:
        """Add and remove members, 500 at most of each. Addresses that are no members are told as errors."""
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        wanted = request.params["segment_id"]
        name = next((name for name, id in audience.tags.items() if str(id) == wanted), None)
        if name is None:
            raise not_found()
        adding, removing = given.get("members_to_add") or [], given.get("members_to_remove") or []
        for field, addresses in (("members_to_add", adding), ("members_to_remove", removing)):
            if len(addresses) > _MOST_AT_ONCE:
                raise invalid(field, f"This collection should contain {_MOST_AT_ONCE} elements or less.")
        added = self._add(audience, name, adding)
        removed = [member for email in removing if (member := audience.find(email)) and name in member.tags]
        for member in removed:
            del member.tags[name]
        lost = [email for email in adding if audience.find(email) is None]
        errors = [{"email_addresses": lost, "error": "Email addresses are not on the list."}] if lost else []
        return answer(
            request,
            {
                "members_added": added,
                "members_removed": [audience.shown(member) for member in removed],
                "errors": errors,
                "total_added": len(added),
                "total_removed": len(removed),
                "error_count": len(errors),
            },
        )

    def _add(self, audience: Audience, name: str, emails: Iterator[str] | list[str]) -> list[Shown]:
        found = [member for email in emails if (member := audience.find(email)) is not None]
        for member in found:
            member.tags.setdefault(name, self._account.now())
        return [audience.shown(member) for member in found]

    def _segment(self, audience: Audience, name: str) -> Shown:
        count = sum(name in member.tags for member in audience.members.values())
        return {
            "id": audience.tags[name],
            "name": name,
            "member_count": count,
            "type": "static",
            "created_at": iso(audience.made),
            "updated_at": iso(audience.made),
            "list_id": audience.id,
        }


def _take(field: MergeField, given: Shown) -> None:
    field.name = str(given.get("name", field.name))
    field.required = bool(given.get("required", field.required))
    field.public = bool(given.get("public", field.public))
    field.default_value = str(given.get("default_value", field.default_value))
    field.help_text = str(given.get("help_text", field.help_text))
    choices = (given.get("options") or {}).get("choices")
    if choices is not None:
        field.choices = [str(choice) for choice in choices]
