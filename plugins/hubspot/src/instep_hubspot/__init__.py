"""HubSpot for Instep: contacts, companies, deals, their stages, owners, consent and what buyers did."""

from __future__ import annotations

from pathlib import Path

from instep.contract import Absent, Connection, ConnectorPlugin, Effects, RateLimit, hookimpl
from instep_hubspot.settings import HubSpotSettings


def connect(settings: HubSpotSettings, effects: Effects) -> Connection:
    """One HubSpot account. Sends nothing: the first request goes out when a part is used."""
    from instep_hubspot.account import check, scopes
    from instep_hubspot.behaviours import HubSpotBehaviours
    from instep_hubspot.client import HubSpotClient
    from instep_hubspot.consents import HubSpotConsents
    from instep_hubspot.fields import HubSpotFields
    from instep_hubspot.owners import HubSpotOwners
    from instep_hubspot.records import HubSpotRecords
    from instep_hubspot.schema import Listed
    from instep_hubspot.stages import HubSpotStages

    client = HubSpotClient(settings, effects)
    listed = Listed(client)
    records = HubSpotRecords(client, settings)
    return Connection(
        records=records,
        consents=HubSpotConsents(client),
        stages=HubSpotStages(client, listed),
        fields=HubSpotFields(client, listed),
        owners=HubSpotOwners(client),
        behaviours=HubSpotBehaviours(client, settings, records),
        audiences=Absent("HubSpot's lists are not read yet."),
        limits=(
            RateLimit(settings.calls_per_10_seconds, 10),
            RateLimit(settings.search_calls_per_second, 1, "search"),
        ),
        check=lambda: check(client),
        close=client.close,
        scopes=lambda use: scopes(client, use),
    )


hubspot = ConnectorPlugin(
    name="hubspot",
    settings=HubSpotSettings,
    connect=connect,
    starter_mapping=Path(__file__).with_name("mapping.toml").read_text(encoding="utf-8"),
    sandbox="instep_hubspot.sandbox:hubspot_sandbox",
    contract=1,
    summary="Contacts, companies and deals; lifecycle stages and deal pipelines; owners; consent; engagements.",
)


@hookimpl
def instep_connectors() -> list[ConnectorPlugin[HubSpotSettings]]:
    """The connectors that this distribution brings."""
    return [hubspot]


__all__ = ["HubSpotSettings", "hubspot", "instep_connectors"]
