"""Says which HubSpot account a login belongs to."""

from __future__ import annotations

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from instep.contract import ConnectionInfo
from instep_hubspot import wire
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient


def check(client: HubSpotClient) -> ConnectionInfo:
    """The account behind the token, in one call.

    `granted` is filled only where a token was just renewed: HubSpot tells an access token's scopes only to those
    who put the token into an address, where logs would keep it.
    developers.hubspot.com/docs/guides/api/settings/account-information-api
    """
    answer = client.fetch(Call("GET", client.path("account", "details"), "account/details"), wire.account)
    client.zone = _zone(answer.value.timeZone)
    return ConnectionInfo(
        org=str(answer.value.portalId),
        time_zone=answer.value.timeZone,
        currency=answer.value.companyCurrency,
        now=answer.at,
        granted=client.granted,
        calls_left_today=answer.calls_left_today,
    )


def _zone(name: str) -> tzinfo | None:
    """A time zone by its name; None for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
