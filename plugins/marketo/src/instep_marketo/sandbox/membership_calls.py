"""Static lists and smart campaigns."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import MAX_INPUT, Body, Operation, body_of, inputs_of, result
from instep_marketo.sandbox.subscription import API, Subscription, numbers

MOST_REQUESTED = 100


class MembershipCalls:
    """`/rest/v1/lists/{id}/leads` and `/rest/v1/campaigns/{id}/trigger`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        leads = "/rest/v1/lists/{id}/leads"
        trigger = "/rest/v1/campaigns/{id}/trigger.json"
        return [
            Operation("GET", f"{leads}/ismember.json", self.is_member, "lists.ismember", "Read-Only Lead"),
            Operation("POST", f"{leads}.json", self.add, "lists.add", "Read-Write Lead"),
            Operation("DELETE", f"{leads}.json", self.remove, "lists.remove", "Read-Write Lead"),
            Operation("POST", trigger, self.trigger, "campaigns.trigger", "Execute Campaign"),
        ]

    def is_member(self, request: Request) -> Body:
        """Which of some leads are on a list."""
        _, on = self._list(request)
        return result([self._standing(id, on) for id in self._ids(request)])

    def _standing(self, id: int, on: set[int]) -> Body:
        if id not in self._state.leads:
            return {"id": id, **RefusedError("1004", "Lead not found").to_skip()}
        return {"id": id, "status": "memberof" if id in on else "notmemberof"}

    def add(self, request: Request) -> Body:
        """Put leads on a list."""
        name, on = self._list(request)
        return result([self._added(id, name, on, request) for id in self._ids(request)])

    def _added(self, id: int, name: str, on: set[int], request: Request) -> Body:
        if id not in self._state.leads:
            return {"id": id, **RefusedError("1004", "Lead not found").to_skip()}
        if id not in on:
            on.add(id)
            self._state.write(id, 24, int(request.params["id"]), name, {"Source": API})
        return {"id": id, "status": "added"}

    def remove(self, request: Request) -> Body:
        """Take leads off a list."""
        name, on = self._list(request)
        return result([self._removed(id, name, on, request) for id in self._ids(request)])

    def _removed(self, id: int, name: str, on: set[int], request: Request) -> Body:
        if id not in on:
            return {"id": id, **RefusedError("1015", "Lead not in list").to_skip()}
        on.discard(id)
        self._state.write(id, 25, int(request.params["id"]), name, {"Source": API})
        return {"id": id, "status": "removed"}

    def trigger(self, request: Request) -> Body:
        """Let a campaign run for some leads."""
        (id,) = numbers([request.params["id"]]) or [0]
        campaign = self._state.campaigns.get(id)
        if campaign is None:
            raise RefusedError("1013", "Campaign not found")
        if not campaign.active or not campaign.requestable:
            raise RefusedError("1003", "Campaign is not active, or not triggered by Web Service API")
        given = body_of(request).get("input")
        leads = given.get("leads") if isinstance(given, dict) else None
        ids = [int(one.get("id") or 0) for one in inputs_of({"input": leads}, MOST_REQUESTED)]
        for lead in ids:
            if lead not in self._state.leads:
                raise RefusedError("1004", f"Lead '{lead}' not found")
        for lead in ids:
            self._state.write(lead, 47, id, campaign.name, {"Source": API})
            campaign.flow(lead)
        return result([{"id": id}])

    def _ids(self, request: Request) -> list[int]:
        given = numbers(request.many("id"))
        if not given:
            given = [one["id"] for one in inputs_of(body_of(request)) if isinstance(one.get("id"), int)]
        if len(given) > MAX_INPUT:
            raise RefusedError("1003", f"At most {MAX_INPUT} leads are allowed")
        return given

    def _list(self, request: Request) -> tuple[str, set[int]]:
        (id,) = numbers([request.params["id"]]) or [0]
        if id not in self._state.lists:
            raise RefusedError("1013", f"List '{id}' not found")
        return self._state.lists[id]
