"""The activity log: paging tokens, activities, lead changes, deleted leads, types."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from instep.sandbox import Request
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, moment, need, result
from instep_marketo.sandbox.paging import page_size, place_of, token_of
from instep_marketo.sandbox.subscription import Activity, Subscription, numbers
from instep_marketo.sandbox.values import iso

MOST_TYPES = 10
MOST_LEADS = 30
KIND = "log"


class ActivityCalls:
    """The calls of `/rest/v1/activities`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        root, read = "/rest/v1/activities", "Read-Only Activity"
        return [
            Operation("GET", f"{root}/pagingtoken.json", self.token, "activities.pagingtoken", read),
            Operation("GET", f"{root}.json", self.read, "activities.read", read),
            Operation("GET", f"{root}/leadchanges.json", self.changes, "activities.leadchanges", read),
            Operation("GET", f"{root}/deletedleads.json", self.deleted, "activities.deletedleads", read),
            Operation("GET", f"{root}/types.json", self.types, "activities.types", read),
        ]

    def token(self, request: Request) -> Body:
        """Where the log stands at a moment; there is no result."""
        since = moment(need(request, "sinceDatetime"))
        log = self._state.log
        place = next((a.seq for a in log if a.at.replace(microsecond=0) >= since), len(log))
        return {"nextPageToken": token_of(KIND, place)}

    def types(self, request: Request) -> Body:
        """The kinds of activity that the log can hold."""
        return result(
            [
                {
                    "id": kind.id,
                    "name": kind.name,
                    "description": kind.name,
                    "primaryAttribute": {"name": kind.primary, "dataType": "string"},
                    "attributes": [{"name": name, "dataType": "string"} for name in kind.attributes],
                }
                for kind in self._state.activity_types().values()
            ]
        )

    def read(self, request: Request) -> Body:
        """Activities of up to ten types."""
        types = set(numbers(_many(request, "activityTypeIds")))
        if not types or len(types) > MOST_TYPES:
            raise RefusedError("1003", f"Between 1 and {MOST_TYPES} activity types are allowed")
        if unknown := types - self._state.activity_types().keys():
            raise RefusedError("1003", f"Unknown activity types {sorted(unknown)}")
        leads, assets = self._leads(request), set(numbers(_many(request, "assetIds")))

        def concerns(activity: Activity) -> bool:
            is_it = activity.type in types and (not assets or activity.primary_id in assets)
            return is_it and (leads is None or activity.lead in leads)

        return self._page(request, concerns, self._shown)

    def changes(self, request: Request) -> Body:
        """New leads, and changes of the fields that are named."""
        fields = _many(request, "fields")
        if not fields:
            raise RefusedError("1002", "Missing value for the required parameter 'fields'")
        wanted = {self._state.field(name).name for name in fields}
        leads = self._leads(request)

        def concerns(activity: Activity) -> bool:
            is_it = activity.type == 12 or (activity.type == 13 and activity.field in wanted)
            return is_it and (leads is None or activity.lead in leads)

        return self._page(request, concerns, self._changed)

    def deleted(self, request: Request) -> Body:
        """Leads that were deleted, as long as deletions are kept."""
        days = self._state.personality.deletions_kept_days
        oldest = self._state.now() - timedelta(days=days) if days is not None else self._state.born
        return self._page(request, lambda activity: activity.type == 37 and activity.at >= oldest, self._shown)

    def _leads(self, request: Request) -> set[int] | None:
        """The leads that are asked about, by their ids or by a list that is not too long; None for all."""
        leads = set(numbers(_many(request, "leadIds")))
        if len(leads) > MOST_LEADS:
            raise RefusedError("1003", f"At most {MOST_LEADS} leads are allowed")
        lists = [self._state.lists.get(id) for id in numbers(_many(request, "listId"))]
        for static_list in lists:
            if static_list is None:
                raise RefusedError("1013", "List not found")
            if len(static_list.leads) >= self._state.personality.list_limit:
                raise RefusedError("1003", "The list has too many leads")
            leads |= static_list.leads.keys()
        return leads if leads or lists else None

    def _page(self, request: Request, concerns: Callable[[Activity], bool], show: Callable[[Activity], Body]) -> Body:
        """A stretch of the log: short or empty pages may be followed by others."""
        start, end = place_of(KIND, need(request, "nextPageToken")), self._state.visible()
        size = page_size(request, self._state.personality)
        every = self._state.personality.empty_pages
        self._state.answered_pages += 1
        after = min(start + size, end) if start < end else start
        found = [show(activity) for activity in self._state.log[start:after] if concerns(activity)]
        if every and found and self._state.answered_pages % every == 0:
            found, after = [], start  # as if the log had been searched in vain
        more = {"nextPageToken": token_of(KIND, after), "moreResult": after < end}
        return result(found, **more) if found else dict(more)

    def _shown(self, activity: Activity) -> Body:
        shown: Body = {
            "marketoGUID": str(activity.seq + 100_000),
            "leadId": activity.lead,
            "activityDate": self._date(activity),
            "activityTypeId": activity.type,
            "primaryAttributeValue": activity.primary,
            "attributes": [{"name": name, "value": value} for name, value in activity.attributes.items()],
        }
        if self._state.personality.activity_ids:
            shown["id"] = activity.seq + 100_000
        if activity.primary_id is not None:
            shown["primaryAttributeValueId"] = activity.primary_id
        if activity.campaign is not None:
            shown["campaignId"] = activity.campaign
        return shown

    def _changed(self, activity: Activity) -> Body:
        shown = self._shown(activity)
        del shown["primaryAttributeValue"]
        shown["fields"] = []
        if activity.field:
            values = activity.attributes
            told = {"newValue": values["New Value"], "oldValue": values["Old Value"]}
            shown["fields"] = [{"id": 1, "name": activity.field, **told}]
            kept = ("Reason", "Source")
            shown["attributes"] = [{"name": name, "value": values[name]} for name in kept]
        return shown

    def _date(self, activity: Activity) -> str:
        """Both spellings occur."""
        text = iso(activity.at)
        return text if activity.seq % 2 else text.replace("Z", "+0000")


def _many(request: Request, name: str) -> list[str]:
    return [text.strip() for text in request.many(name)]
