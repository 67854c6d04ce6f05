"""Sales persons, to whom leads belong where no CRM is synchronised natively."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, body_of, inputs_of, need, result
from instep_marketo.sandbox.subscription import Subscription

KEY = "externalSalesPersonId"
SEARCHABLE = ("email", "id", KEY, "dedupeFields", "idField")


class SalesCalls:
    """The calls of `/rest/v1/salespersons`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        path = "/rest/v1/salespersons.json"
        return [
            Operation("GET", path, self.read, "salespersons.read", "Read-Only Sales Person"),
            Operation("POST", path, self.sync, "salespersons.sync", "Read-Write Sales Person"),
        ]

    def read(self, request: Request) -> Body:
        """Sales persons by a filter: nobody can list them."""
        kind, values = need(request, "filterType"), {value.casefold() for value in request.many("filterValues")}
        if kind not in SEARCHABLE:
            raise RefusedError("1011", f"Field '{kind}' not supported")
        names = request.many("fields") or [KEY, "email", "firstName", "lastName"]
        name = {"dedupeFields": KEY, "idField": "id"}.get(kind, kind)
        found = [one for one in self._state.salespeople.values() if str(one.get(name, "")).casefold() in values]
        return result([{"seq": n, **{name: one.get(name) for name in names}} for n, one in enumerate(found)])

    def sync(self, request: Request) -> Body:
        """Create or update, unless a CRM says who they are."""
        if self._state.personality.crm_sync != "none":
            raise RefusedError("1018", "CRM Enabled")
        done = []
        for seq, given in enumerate(inputs_of(body_of(request))):
            id = given.get(KEY)
            if not isinstance(id, str) or not id:
                refused = RefusedError("1002", f"Missing value for the required parameter '{KEY}'")
                done.append({"seq": seq, **refused.to_skip()})
                continue
            is_new = id not in self._state.salespeople
            known = self._state.salespeople.setdefault(id, {"id": self._state.ids.number()})
            known |= given
            done.append({"seq": seq, "id": known["id"], "status": "created" if is_new else "updated"})
        return result(done)
