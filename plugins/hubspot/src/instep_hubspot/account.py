"""Says which HubSpot account a login belongs to."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from instep.contract import ConnectionInfo, Scopes, Use
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


_HARMLESS: Final = frozenset(("oauth",))
_FORMS: Final = "form-submission"
_SCOPED_AS_ONE: Final = frozenset(("tickets",))
_AREAS: Final = frozenset(("contacts", "companies", "deals"))


def scopes(client: HubSpotClient, use: Use) -> Scopes:
    """What a login needs for a use, and what it has.

    HubSpot tells an OAuth login's scopes. Those of a private app's token or a service key are not known: it tells
    them only to those who put the token into an address.
    developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/scopes
    """
    needed = {f"crm.objects.{object}.read" for object in use.reads}
    needed |= {f"crm.schemas.{object}.read" for object in use.reads}
    needed |= {f"crm.objects.{object}.write" for object in use.writes}
    needed |= {scope for object in use.configures for scope in _configuring(object)}
    needed |= {"crm.objects.owners.read"} if use.owners else set()
    needed |= {"communication_preferences.read_write"} if use.consents else set()
    needed |= {"forms"} if _FORMS in use.behaviours else set()
    return Scopes(frozenset(needed), client.granted or client.asked_scopes(), harmless=_HARMLESS)


def _configuring(object: str) -> set[str]:
    """What reading and changing an object's pipelines and properties takes, and seeing who holds a stage.

    developers.hubspot.com/docs/guides/api/crm/pipelines
    """
    if object in _SCOPED_AS_ONE:
        return {object}
    area = object if object in _AREAS else "custom"
    return {f"crm.schemas.{area}.read", f"crm.schemas.{area}.write", f"crm.objects.{area}.read"}


def _zone(name: str) -> tzinfo | None:
    """A time zone by its name; None for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
