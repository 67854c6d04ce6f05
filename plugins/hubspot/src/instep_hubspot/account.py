"""Says which HubSpot account a login belongs to."""

from __future__ import annotations

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
    return ConnectionInfo(
        org=str(answer.value.portalId),
        time_zone=answer.value.timeZone,
        currency=answer.value.companyCurrency,
        now=answer.at,
        granted=client.granted,
        calls_left_today=answer.calls_left_today,
    )
