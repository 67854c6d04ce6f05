"""Channels, which own the statuses of programs. None of these calls changes one: no call of Marketo's does."""

from __future__ import annotations

from instep.sandbox import Request
from instep_marketo.sandbox.operations import Answer, Body, Operation, need
from instep_marketo.sandbox.paging import asset_page_of
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.values import iso_twice

NOTHING = "No assets found for the given search criteria."


class ChannelCalls:
    """The calls of `/rest/asset/v1/channels`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        asset, read = "/rest/asset/v1", "Read-Only Assets"
        return [
            Operation("GET", f"{asset}/channels.json", self.channels, "channels.list", read),
            Operation("GET", f"{asset}/channel/byName.json", self.by_name, "channels.by_name", read),
        ]

    def channels(self, request: Request) -> Answer:
        """Every channel, with its statuses."""
        return assets(asset_page_of(self._shown(), request))

    def by_name(self, request: Request) -> Answer:
        """The channel of a name; a name with a comma is never found."""
        name = need(request, "name" if request.one("name") else "Name")
        return assets([channel for channel in self._shown() if is_named(channel, name)])

    def _shown(self) -> list[Body]:
        return [
            {
                "id": place,
                "name": name,
                "applicableProgramType": "program",
                "progressionStatuses": [
                    {"name": status, "step": step, "description": None, "hidden": hidden, "success": success}
                    for status, step, hidden, success in statuses
                ],
                "createdAt": iso_twice(self._state.born),
                "updatedAt": iso_twice(self._state.born),
            }
            for place, (name, statuses) in enumerate(self._state.channels.items(), start=1)
        ]


def assets(found: list[Body]) -> Body:
    """An answer with assets: where there are none, it has a warning in plain text, and no result at all."""
    if not found:
        return {"errors": [], "warnings": [NOTHING]}
    return {"result": found, "errors": [], "warnings": []}


def is_named(asset: Body, name: str) -> bool:
    """Whether an asset has a name. One with a comma cannot be searched. Marketo developer guide: Assets"""
    return "," not in name and asset["name"].casefold() == name.casefold()
