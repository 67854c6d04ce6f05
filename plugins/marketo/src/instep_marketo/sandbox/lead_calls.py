"""Leads: reading by a filter, sync, delete and merge."""

from __future__ import annotations

from typing import Any

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import MAX_INPUT, Body, Operation, body_of, inputs_of, need, result, skipped
from instep_marketo.sandbox.paging import place_of, token_of
from instep_marketo.sandbox.subscription import API, Subscription, numbers
from instep_marketo.sandbox.values import shown, stored
from instep_marketo.schema import COMPANY_FIELDS

DEFAULT = ("id", "email", "updatedAt", "createdAt", "firstName", "lastName")
FILTERS = {"cookies", "facebookId", "linkedInId", "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId"}
FILTERS |= {"sfdcOpptyId", "twitterId"}
ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")


class LeadCalls:
    """The calls of `/rest/v1/leads`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription
        self._written = 0

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        many, write = "/rest/v1/leads.json", "Read-Write Lead"
        return [
            Operation("GET", "/rest/v1/lead/{file}", self.read_one, "leads.read_one", "Read-Only Lead"),
            Operation("GET", many, self.read, "leads.read", "Read-Only Lead"),
            Operation("POST", many, self.read_or_sync, "leads.sync", "", lambda r: r.one("_method") != "GET"),
            Operation("POST", "/rest/v1/leads/delete.json", self.delete, "leads.delete", write),
            Operation("POST", "/rest/v1/leads/{winner}/merge.json", self.merge, "leads.merge", write),
        ]

    # --- reading -----------------------------------------------------------------------------------------------

    def read_one(self, request: Request) -> Body:
        """One lead by id; an unknown one is an empty result."""
        ids = numbers([request.params["file"].removesuffix(".json")])
        names = self._names(request)
        return result([self._shown(id, names) for id in ids if id in self._state.leads])

    def read(self, request: Request) -> Body:
        """Leads by a filter, in order of id."""
        kind, values = need(request, "filterType"), need(request, "filterValues").split(",")
        if len(values) > MAX_INPUT:
            raise RefusedError("1003", f"Too many filterValues, at most {MAX_INPUT} are allowed")
        self._require_filter(kind)
        names = self._names(request)
        found = self._matching(kind, values)
        if len(found) > self._state.personality.matches_limit:
            raise RefusedError("1003", "Too many results match the filter")
        start = place_of("leads", request.one("nextPageToken"))
        size = min(int(request.one("batchSize") or MAX_INPUT), MAX_INPUT)
        size = min(size, self._state.personality.page_size or size)
        page = [self._shown(id, names) for id in found[start : start + size]]
        more = {"nextPageToken": token_of("leads", start + size)} if start + size < len(found) else {}
        return result(page, **more)

    def _matching(self, kind: str, values: list[str]) -> list[int]:
        if kind == "id":
            return sorted({id for id in numbers(values) if id in self._state.leads})
        wanted = {value.casefold() for value in values}
        leads = self._state.leads.items()
        return sorted(id for id, lead in leads if str(lead.get(kind) or "").casefold() in wanted)

    def _require_filter(self, name: str) -> None:
        known = self._state.fields.get(name)
        own = known is not None and known.custom and known.type in ("string", "email", "integer")
        if name not in FILTERS and not own and not (known is not None and known.searchable):
            raise RefusedError("1011", f"Field '{name}' not supported")

    def _names(self, request: Request) -> list[str]:
        names = request.many("fields") or list(DEFAULT)
        for name in names:
            self._state.field(name)
        return names

    def _shown(self, id: int, names: list[str]) -> Body:
        omit = self._state.personality.omits_nulls
        return {"id": id, **shown(self._state.leads[id], names, omit_nulls=omit)}

    # --- writing -----------------------------------------------------------------------------------------------

    def read_or_sync(self, request: Request) -> Body:
        """A long filter comes by POST too."""
        reads = request.one("_method") == "GET"
        permission = "Read-Only Lead" if reads else "Read-Write Lead"
        if permission in self._state.denied:
            raise RefusedError("603", "Access denied")
        return self.read(request) if reads else self.sync(request)

    def sync(self, request: Request) -> Body:
        """Create or update; one result for each lead, in order, and none of them says "unchanged"."""
        body = body_of(request)
        action, lookup = body.get("action", "createOrUpdate"), body.get("lookupField", "email")
        if action not in ACTIONS:
            raise RefusedError("1003", f"Invalid data: unknown action '{action}'")
        inputs = inputs_of(body)
        if lookup != "id" or action != "updateOnly":
            self._require_filter(lookup)
        seen: set[str] = set()
        return result([skipped(lambda one=one: self._synced(action, lookup, one, seen)) for one in inputs])  # type: ignore[misc]

    def _synced(self, action: str, lookup: str, given: Body, seen: set[str]) -> Body:
        self._written += 1
        every = self._state.personality.partial_failure
        if every and self._written % every == 0:
            raise RefusedError("1003", "Invalid data")
        key = given.get(lookup)
        if action in ("createOrUpdate", "updateOnly") and key in (None, ""):
            raise RefusedError("1002", f"Missing value for the required parameter '{lookup}'")
        if "id" in given and action != "updateOnly":
            raise RefusedError("1003", "Invalid data: id cannot be sent here")
        if str(key).casefold() in seen and action != "createDuplicate":
            raise RefusedError("1036", "Duplicate object found in input")
        values = {name: self._value(name, value) for name, value in given.items() if name != "id"}
        found = self._state.holders(lookup, key)
        if len(found) > 1 and action != "createDuplicate":
            raise RefusedError("1007", "Multiple lead match lookup criteria")
        seen.add(str(key).casefold())
        if found and action == "createOnly":
            raise RefusedError("1005", "Lead already exists")
        if found and action != "createDuplicate":
            self._state.change(found[0], values, API)
            return {"id": found[0], "status": "updated"}
        if action == "updateOnly":
            raise RefusedError("1004", "Lead not found")
        return {"id": self._state.create(values, API), "status": "created"}

    def _value(self, name: str, value: Any) -> Any:
        known = self._state.field(name)
        if not known.updateable:
            raise RefusedError("1011", f"Field '{name}' not supported")
        if name in COMPANY_FIELDS and self._state.personality.refuses_company_fields:
            raise RefusedError("1021", f"Company update not allowed: Field '{name}'")
        if name == "externalSalesPersonId" and value and value not in self._state.salespeople:
            raise RefusedError("1013", f"Object not found: Field '{name}'")
        return stored(known, value, trim=self._state.personality.normalise)

    def delete(self, request: Request) -> Body:
        """Delete for good."""
        return result([skipped(lambda one=one: self._deleted(one)) for one in inputs_of(body_of(request))])  # type: ignore[misc]

    def _deleted(self, given: Body) -> Body:
        id = given.get("id")
        if not isinstance(id, int) or id not in self._state.leads:
            raise RefusedError("1004", "Lead not found")
        self._state.delete(id)
        return {"id": id, "status": "deleted"}

    def merge(self, request: Request) -> Body:
        """Merge leads into the winner; success has no result."""
        (winner,) = numbers([request.params["winner"]]) or [0]
        losers = numbers([*request.many("leadId"), *request.many("leadIds")])
        if len(losers) > 25:
            raise RefusedError("1080", "Too many leads to merge")
        for id in (winner, *losers):
            if id not in self._state.leads:
                raise RefusedError("1004", f"Lead '{id}' not found")
        for id in losers:
            self._state.merge(winner, id)
        return {}
