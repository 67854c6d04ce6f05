"""Salesforce for Instep: leads and contacts as one person, accounts, opportunities, and what buyers did."""

from __future__ import annotations

from pathlib import Path

from instep.contract import Absent, Connection, ConnectorPlugin, Effects, RateLimit, hookimpl
from instep_salesforce.settings import SalesforceSettings


def connect(settings: SalesforceSettings, effects: Effects) -> Connection:
    """One Salesforce org. Sends nothing: the first request goes out when a part is used."""
    from instep_salesforce.account import check, scopes
    from instep_salesforce.behaviours import SalesforceBehaviours
    from instep_salesforce.bulk import BulkJobs
    from instep_salesforce.client import SalesforceClient
    from instep_salesforce.fields import SalesforceFields, offers
    from instep_salesforce.owners import SalesforceOwners
    from instep_salesforce.permissions import PermissionSet
    from instep_salesforce.records import SalesforceRecords
    from instep_salesforce.schema import Schema
    from instep_salesforce.stages import SalesforceStages

    client = SalesforceClient(settings, effects)
    schema = Schema(client)
    permission_set = PermissionSet(client, settings.permission_set)
    return Connection(
        records=SalesforceRecords(client, settings, schema),
        consents=Absent(
            "Salesforce keeps the opt-out from e-mail in a field of the record. "
            'Map it under [person.consent] with field = "HasOptedOutOfEmail".'
        ),
        stages=SalesforceStages(client, schema, permission_set),
        fields=SalesforceFields(client, schema, permission_set),
        owners=SalesforceOwners(client),
        behaviours=SalesforceBehaviours(client, settings, schema),
        audiences=Absent("Campaigns are read for what buyers did, not written."),
        limits=(RateLimit(_CALLS_PER_SECOND, 1),),
        check=lambda: check(client),
        close=client.close,
        scopes=lambda use: scopes(client, use),
        offers=lambda object: offers(client, schema.of(object)),
        settle=BulkJobs(client).settle if settings.bulk else lambda: None,
    )


_CALLS_PER_SECOND = 25
"""Salesforce has no limit per second; this one keeps a run from crowding out others in the org."""

salesforce = ConnectorPlugin(
    name="salesforce",
    settings=SalesforceSettings,
    connect=connect,
    starter_mapping=Path(__file__).with_name("mapping.toml").read_text(encoding="utf-8"),
    sandbox="instep_salesforce.sandbox:salesforce_sandbox",
    contract=1,
    summary="Leads and contacts, accounts and opportunities; stages by record type; owners and queues; activities.",
)


@hookimpl
def instep_connectors() -> list[ConnectorPlugin[SalesforceSettings]]:
    """The connectors that this distribution brings."""
    return [salesforce]


__all__ = ["SalesforceSettings", "instep_connectors", "salesforce"]
