"""Audiences and their merge fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

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

    # --- audiences -----------------------------------------------------------------------------------------------

    def listing(self, request: Request) -> Response:
        rows = list(self._account.audiences.values())
        found = page(request, "lists", rows, lambda row: self._shown(request, row), self._account.personality)
        return answer(request, found)

    def read(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        return answer(request, linked(self._shown(request, audience), request, self._account.personality))

    def _shown(self, request: Request, audience: Audience) -> Shown:
        return {
            "id": audience.id,
            "web_id": audience.web_id,
            "name": audience.name,
            "permission_reminder": "You asked for it.",
            "email_type_option": False,
            "date_created": iso(audience.made),
            "double_optin": False,
            "marketing_permissions": False,
            "stats": self._stats(request, audience),
        }

    def _stats(self, request: Request, audience: Audience) -> dict[str, int]:
        """The counts as they were when they were made last, which may be some minutes ago.

        The total, which only those get who ask for it, has archived members in it, too.
        """
        now, lag = self._account.now(), timedelta(seconds=self._account.personality.stats_seconds)
        if audience.counted is None or now - audience.counted >= lag:
            audience.counted, audience.counts = now, audience.count()
        wants_total = request.flag("include_total_contacts")
        return {name: count for name, count in audience.counts.items() if wants_total or name != "total_contacts"}

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


def _take(field: MergeField, given: Shown) -> None:
    field.name = str(given.get("name", field.name))
    field.required = bool(given.get("required", field.required))
    field.public = bool(given.get("public", field.public))
    field.default_value = str(given.get("default_value", field.default_value))
    field.help_text = str(given.get("help_text", field.help_text))
    choices = (given.get("options") or {}).get("choices")
    if choices is not None:
        field.choices = [str(choice) for choice in choices]
