"""Leads: reading by a filter, sync, delete and merge."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, body_of, each, inputs_of, need, result, whole
from instep_marketo.sandbox.paging import page_of
from instep_marketo.sandbox.subscription import Subscription, numbers
from instep_marketo.sandbox.upserts import Upserts, require_filter
from instep_marketo.sandbox.values import shown

DEFAULT = ("id", "email", "updatedAt", "createdAt", "firstName", "lastName")
MOST_MERGED = 25


class LeadCalls:
    """The calls of `/rest/v1/leads`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        many, read, write = "/rest/v1/leads.json", "Read-Only Lead", "Read-Write Lead"
        return [
            Operation("GET", "/rest/v1/lead/{file}", self.read_one, "leads.read_one", read),
            Operation("GET", many, self.read, "leads.read", read),
            Operation("POST", many, self.sync, "leads.sync", write),
            Operation("POST", "/rest/v1/leads/delete.json", self.delete, "leads.delete", write),
            Operation("POST", "/rest/v1/leads/{winner}/merge.json", self.merge, "leads.merge", write),
        ]

    # --- reading -----------------------------------------------------------------------------------------------

    def read_one(self, request: Request) -> Body:
        """One lead by id; an unknown one is an empty result."""
        ids = numbers([request.params["file"].removesuffix(".json")])
        names = lead_fields(self._state, request)
        return result([shown_lead(self._state, id, names) for id in ids if id in self._state.leads])

    def read(self, request: Request) -> Body:
        """Leads by a filter, in order of id."""
        character = self._state.personality
        kind, values = need(request, "filterType"), need(request, "filterValues").split(",")
        if len(values) > character.input_limit:
            raise RefusedError("1003", f"Too many filterValues, at most {character.input_limit} are allowed")
        require_filter(self._state, kind)
        names = lead_fields(self._state, request)
        found = self._matching(kind, values)
        if len(found) > character.matches_limit:
            raise RefusedError("1003", "Too many results match the filter")
        page, more = page_of(found, "leads", request, character)
        return result([shown_lead(self._state, id, names) for id in page], **more)

    def _matching(self, kind: str, values: list[str]) -> list[int]:
        leads = self._state.leads
        if kind == "id":
            return sorted({id for id in numbers(values) if id in leads})
        if kind == "cookies":
            return sorted({id for cookie, id in self._state.cookies.items() if cookie in values})
        wanted = {value.casefold() for value in values}
        return sorted(id for id, lead in leads.items() if str(lead.get(kind) or "").casefold() in wanted)

    # --- writing -----------------------------------------------------------------------------------------------

    def sync(self, request: Request) -> Body:
        """Create or update; one result for each lead, in order, and none of them says "unchanged"."""
        body = body_of(request)
        action, lookup = str(body.get("action", "createOrUpdate")), str(body.get("lookupField", "email"))
        inputs = inputs_of(body, self._state.personality.input_limit)
        upserts = Upserts(self._state, action=action, lookup=lookup, partition=body.get("partitionName"))
        return each(inputs, upserts.take)

    def delete(self, request: Request) -> Body:
        """Delete for good."""
        inputs = inputs_of(body_of(request), self._state.personality.input_limit)
        return each(inputs, self._deleted)

    def _deleted(self, given: Body) -> Body:
        id = known_lead(self._state, given.get("id"))
        self._state.delete(id)
        return {"id": id, "status": "deleted"}

    def merge(self, request: Request) -> Body:
        """Merge leads into the winner; success has no result."""
        (winner,) = numbers([request.params["winner"]]) or [0]
        losers = numbers([*request.many("leadId"), *request.many("leadIds")])
        if len(losers) > MOST_MERGED:
            raise RefusedError("1080", "Too many leads to merge")
        for id in (winner, *losers):
            known_lead(self._state, id)
        for id in losers:
            self._state.merge(winner, id)
        return {}


def known_lead(state: Subscription, id: object) -> int:
    """The id of a lead that is there."""
    found = whole(id)
    if found is None or found not in state.leads:
        raise RefusedError("1004", f"Lead '{id}' not found")
    return found


def lead_fields(state: Subscription, request: Request) -> list[str]:
    """The fields that a call asks for."""
    names = request.many("fields") or list(DEFAULT)
    for name in names:
        state.field(name)
    return names


def shown_lead(state: Subscription, id: int, names: list[str]) -> Body:
    """A lead as it is read."""
    return {"id": id, **shown(state.leads[id], names, omit_nulls=state.personality.omits_nulls)}
