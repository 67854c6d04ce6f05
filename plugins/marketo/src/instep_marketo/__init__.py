"""Marketo Engage for Instep: leads, program statuses, lists, consent and what buyers did."""

from __future__ import annotations

from pathlib import Path

from instep.contract import Absent, Connection, ConnectorPlugin, Effects, RateLimit, hookimpl
from instep_marketo.settings import MarketoSettings


def connect(settings: MarketoSettings, effects: Effects) -> Connection:
    """One Marketo subscription. Sends nothing: the first request goes out when a part is used."""
    from instep_marketo.account import check
    from instep_marketo.behaviours import MarketoBehaviours
    from instep_marketo.client import MarketoClient
    from instep_marketo.consents import MarketoConsents
    from instep_marketo.fields import MarketoFields
    from instep_marketo.owners import MarketoOwners
    from instep_marketo.records import MarketoRecords
    from instep_marketo.schema import Schema
    from instep_marketo.stages import MarketoStages

    client = MarketoClient(settings, effects)
    schema = Schema(client)
    return Connection(
        records=MarketoRecords(client, settings, schema),
        consents=MarketoConsents(client, settings),
        stages=MarketoStages(client, settings)
        if settings.programs
        else Absent("No program is named in the setting programs, so no progression statuses are read."),
        fields=MarketoFields(client, settings, schema),
        owners=MarketoOwners(client, settings)
        if settings.owner_emails
        else Absent(
            "Marketo cannot list its sales persons. Name their e-mail addresses in the setting owner_emails, "
            "if owners are kept in Marketo and not in a CRM that it is synchronised with."
        ),
        behaviours=MarketoBehaviours(client, settings),
        audiences=Absent("Marketo's smart lists are not read; static lists are fields of leads (setting lists)."),
        limits=(RateLimit(settings.calls_per_20_seconds, 20),),
        check=lambda: check(client, settings),
        close=client.close,
    )


marketo = ConnectorPlugin(
    name="marketo",
    settings=MarketoSettings,
    connect=connect,
    starter_mapping=Path(__file__).with_name("mapping.toml").read_text(encoding="utf-8"),
    sandbox="instep_marketo.sandbox:marketo_sandbox",
    contract=1,
    summary="Leads; custom fields; program statuses and static lists; consent; activities.",
)


@hookimpl
def instep_connectors() -> list[ConnectorPlugin[MarketoSettings]]:
    """The connectors that this distribution brings."""
    return [marketo]


__all__ = ["MarketoSettings", "instep_connectors", "marketo"]
