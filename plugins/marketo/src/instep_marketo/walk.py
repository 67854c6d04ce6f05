"""The activity log: streams of activities from a paging token on, and the merges among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from instep.errors import RemoteError
from instep_marketo.answers import Answer, Call, instant, instant_text
from instep_marketo.client import MarketoClient

NEW_LEAD: Final = 12
CHANGED: Final = 13
MERGE: Final = 32
MOST_TYPES: Final = 10
OLDEST_TOKEN: Final = timedelta(days=30)
"""How long a paging token is good for, Marketo does not say: one of more than a month is made anew."""
_IDLE_PAGES: Final = 1000


class Pair(msgspec.Struct, frozen=True):
    """One attribute of an activity."""

    name: str
    value: Any = None


class ChangedField(msgspec.Struct, frozen=True):
    """One field of a lead change."""

    name: str
    newValue: Any = None  # noqa: N815
    oldValue: Any = None  # noqa: N815


class Activity(msgspec.Struct, frozen=True):
    """Something that happened to a lead. `marketoGUID` is the only key: `id` may be missing."""

    leadId: int  # noqa: N815
    activityDate: str  # noqa: N815
    activityTypeId: int  # noqa: N815
    marketoGUID: str = ""  # noqa: N815
    campaignId: int | None = None  # noqa: N815
    primaryAttributeValueId: int | None = None  # noqa: N815
    primaryAttributeValue: Any = None  # noqa: N815
    attributes: list[Pair] = []
    fields: list[ChangedField] = []

    @property
    def lead(self) -> str:
        """The lead's id."""
        return str(self.leadId)

    @property
    def at(self) -> datetime:
        """When it happened."""
        found = instant(self.activityDate)
        if found is None:
            raise RemoteError("Marketo (activities): answered with a date that cannot be read. Run again later.")
        return found

    def named(self, name: str) -> str:
        """The value of an attribute; blank where there is none."""
        return next((str(pair.value) for pair in self.attributes if pair.name == name and pair.value is not None), "")


def token_since(client: MarketoClient, since: datetime) -> tuple[str, Answer]:
    """A paging token that begins at a moment, and the answer that it came with.

    Marketo developer guide: Activities
    """
    query = {"sinceDatetime": instant_text(since)}
    answer = client.fetch(Call("GET", "/rest/v1/activities/pagingtoken.json", "activities/pagingtoken", query))
    if not answer.token:
        raise RemoteError("Marketo (activities/pagingtoken): gave no token. Run again later.")
    return answer.token, answer


def of_types(types: Sequence[int], more: Mapping[str, str] | None = None) -> Call:
    """The call for activities of some types, ten at most."""
    query = {"activityTypeIds": ",".join(str(type) for type in types), "batchSize": "300", **(more or {})}
    return Call("GET", "/rest/v1/activities.json", "activities/read", query)


def stream(client: MarketoClient, call: Call, token: str) -> Iterator[tuple[list[Activity], str, datetime | None]]:
    """Pages of activities, each with the token that follows it and Marketo's own time.

    A page may be empty though more are to come.
    """
    idle = 0
    while True:
        answer = client.fetch(replace(call, query={**call.query, "nextPageToken": token}))
        try:
            found = msgspec.convert(answer.result, list[Activity])
        except msgspec.ValidationError:
            raise RemoteError(f"Marketo ({call.label}): answered with activities that cannot be read.") from None
        idle = idle + 1 if answer.token == token else 0
        token = answer.token or token
        yield found, token, answer.at
        if not answer.has_more:
            return
        if idle == _IDLE_PAGES or not answer.token:
            raise RemoteError(f"Marketo ({call.label}): promises more and gives none. Run again later.")


def merged_ids(activity: Activity) -> list[str]:
    """The leads that a merge took away."""
    text = "".join(c if c.isdecimal() else " " for c in activity.named("Merge IDs"))
    return [id for id in text.split() if id != activity.lead]


class Merges:
    """Where the ids of merged leads went, as far back as the settings say; read when a lead is not there any more."""

    def __init__(self, client: MarketoClient, back: timedelta) -> None:
        self._client = client
        self._back = back
        self._token = ""
        self._known: dict[str, tuple[str, datetime]] = {}

    def survivors(self, ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """The leads that took these over, and when. One that is not among the merges is left out."""
        if not ids:
            return {}
        if not self._token:
            self._token, _ = token_since(self._client, self._client.now() - self._back)
        for activities, token, _ in stream(self._client, of_types([MERGE]), self._token):
            self.learn(activities)
            self._token = token
        return {id: self._last(id) for id in ids if id in self._known}

    def learn(self, activities: Sequence[Activity]) -> list[str]:
        """Take in the merges among some activities; gives the ids that they took away."""
        lost: list[str] = []
        for activity in activities:
            for id in merged_ids(activity) if activity.activityTypeId == MERGE else ():
                self._known[id] = (activity.lead, activity.at)
                lost.append(id)
        return lost

    def known(self, id: str) -> tuple[str, datetime]:
        """Where a merged lead went in the end."""
        return self._last(id)

    def _last(self, id: str) -> tuple[str, datetime]:
        survivor, at = self._known[id]
        seen = {id}
        while survivor in self._known and survivor not in seen:
            seen.add(survivor)
            survivor, at = self._known[survivor]
        return survivor, at
