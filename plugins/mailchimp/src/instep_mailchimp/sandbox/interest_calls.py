"""Interests: what members tick on a form, under the titles of categories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Audience, Category, Interest
from instep_mailchimp.sandbox.audience_calls import LIST
from instep_mailchimp.sandbox.errors import invalid, not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page

CATEGORY = LIST + "/interest-categories/{category_id}"
INTEREST = CATEGORY + "/interests/{interest_id}"
_TYPES = ("checkboxes", "dropdown", "radio", "hidden")


class InterestCalls:
    """The calls about interests and their categories."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", LIST + "/interest-categories", self.list_categories, "categories.list")
        yield Route("POST", LIST + "/interest-categories", self.create_category, "categories.create")
        yield Route("GET", CATEGORY, self.read_category, "categories.read")
        yield Route("PATCH", CATEGORY, self.update_category, "categories.update")
        yield Route("DELETE", CATEGORY, self.delete_category, "categories.delete")
        yield Route("GET", CATEGORY + "/interests", self.list_interests, "interests.list")
        yield Route("POST", CATEGORY + "/interests", self.create_interest, "interests.create")
        yield Route("GET", INTEREST, self.read_interest, "interests.read")
        yield Route("PATCH", INTEREST, self.update_interest, "interests.update")
        yield Route("DELETE", INTEREST, self.delete_interest, "interests.delete")

    # --- categories ----------------------------------------------------------------------------------------------

    def list_categories(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        wanted = request.one("type")
        rows = [category for category in audience.categories.values() if wanted in (None, category.type)]
        found = page(request, "categories", rows, lambda row: _category(audience, row), self._account.personality)
        return answer(request, {**found, "list_id": audience.id})

    def create_category(self, request: Request) -> Response:
        audience, given = self._account.audience(request.params["list_id"]), body(request)
        title, kind = _text(given, "title"), given.get("type")
        if kind not in _TYPES:
            raise invalid("type", "This value is not one of the choices.")
        order = int(given.get("display_order", len(audience.categories)))
        made = Category(self._account.hex(10), title, str(kind), order)
        audience.categories[made.id] = made
        return self._told(request, _category(audience, made))

    def read_category(self, request: Request) -> Response:
        audience, category = self._category(request)
        return self._told(request, _category(audience, category))

    def update_category(self, request: Request) -> Response:
        audience, category = self._category(request)
        category.title = _text(body(request), "title", category.title)
        return self._told(request, _category(audience, category))

    def delete_category(self, request: Request) -> Response:
        audience, category = self._category(request)
        del audience.categories[category.id]
        _untick(audience, category.interests)
        return Response(204)

    # --- interests -----------------------------------------------------------------------------------------------

    def list_interests(self, request: Request) -> Response:
        audience, category = self._category(request)
        rows = list(category.interests.values())
        found = page(
            request, "interests", rows, lambda row: _interest(audience, category, row), self._account.personality
        )
        return answer(request, {**found, "list_id": audience.id, "category_id": category.id})

    def create_interest(self, request: Request) -> Response:
        audience, category = self._category(request)
        given = body(request)
        order = int(given.get("display_order", len(category.interests) + 1))
        made = Interest(self._account.hex(10), _text(given, "name"), order)
        category.interests[made.id] = made
        return self._told(request, _interest(audience, category, made))

    def read_interest(self, request: Request) -> Response:
        return self._told(request, _interest(*self._interest(request)))

    def update_interest(self, request: Request) -> Response:
        audience, category, interest = self._interest(request)
        interest.name = _text(body(request), "name", interest.name)
        return self._told(request, _interest(audience, category, interest))

    def delete_interest(self, request: Request) -> Response:
        audience, category, interest = self._interest(request)
        del category.interests[interest.id]
        _untick(audience, [interest.id])
        return Response(204)

    # --- common --------------------------------------------------------------------------------------------------

    def _category(self, request: Request) -> tuple[Audience, Category]:
        audience = self._account.audience(request.params["list_id"])
        found = audience.categories.get(request.params["category_id"])
        if found is None:
            raise not_found()
        return audience, found

    def _interest(self, request: Request) -> tuple[Audience, Category, Interest]:
        audience, category = self._category(request)
        found = category.interests.get(request.params["interest_id"])
        if found is None:
            raise not_found()
        return audience, category, found

    def _told(self, request: Request, shown: Shown) -> Response:
        return answer(request, linked(shown, request, self._account.personality))


def _category(audience: Audience, category: Category) -> Shown:
    return {
        "list_id": audience.id,
        "id": category.id,
        "title": category.title,
        "display_order": category.order,
        "type": category.type,
    }


def _interest(audience: Audience, category: Category, interest: Interest) -> Shown:
    count = sum(member.interests.get(interest.id, False) for member in audience.members.values())
    return {
        "category_id": category.id,
        "list_id": audience.id,
        "id": interest.id,
        "name": interest.name,
        "subscriber_count": str(count),  # a text, as the API describes it
        "display_order": interest.order,
    }


def _untick(audience: Audience, ids: Iterable[str]) -> None:
    gone = set(ids)
    for member in audience.members.values():
        member.interests = {id: ticked for id, ticked in member.interests.items() if id not in gone}


def _text(given: Shown, name: str, default: object = None) -> str:
    found = given.get(name, default)
    if not isinstance(found, str) or not found:
        raise invalid(name, "Schema describes string, NULL found instead")
    return found
