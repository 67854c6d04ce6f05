"""Mailchimp for Instep: the members of audiences, their consent, and what they did with campaigns."""

from __future__ import annotations

from pathlib import Path

from instep.contract import Absent, Connection, ConnectorPlugin, Effects, RateLimit, hookimpl
from instep_mailchimp.settings import MailchimpSettings


def connect(settings: MailchimpSettings, effects: Effects) -> Connection:
    """One Mailchimp account. Sends nothing: the first request goes out when a part is used."""
    from instep_mailchimp.account import check
    from instep_mailchimp.associations import Segments
    from instep_mailchimp.batches import Operations
    from instep_mailchimp.behaviours import MailchimpBehaviours
    from instep_mailchimp.client import MailchimpClient
    from instep_mailchimp.consents import MailchimpConsents
    from instep_mailchimp.fields import MailchimpFields
    from instep_mailchimp.records import MailchimpRecords
    from instep_mailchimp.schema import MergeFields

    client = MailchimpClient(settings, effects)
    merge_fields = MergeFields(client)
    segments = Segments(client)
    records = MailchimpRecords(client, merge_fields, segments)
    return Connection(
        records=records,
        consents=MailchimpConsents(settings, Operations(client)),
        stages=Absent("Mailchimp has audiences, not pipelines: keep the step in a merge field, or in tags."),
        fields=MailchimpFields(client, merge_fields, segments),
        owners=Absent("Members of a Mailchimp audience belong to nobody."),
        behaviours=MailchimpBehaviours(client),
        audiences=Absent("Segments are fields of members here: name them in the setting segments."),
        limits=(RateLimit(settings.calls_per_second, 1),),
        check=lambda: check(client),
        close=client.close,
        settle=records.settle,
    )


mailchimp = ConnectorPlugin(
    name="mailchimp",
    settings=MailchimpSettings,
    connect=connect,
    starter_mapping=Path(__file__).with_name("mapping.toml").read_text(encoding="utf-8"),
    sandbox="instep_mailchimp.sandbox:mailchimp_sandbox",
    contract=1,
    summary="Members of audiences; merge fields, tags and segments; consent; opens, clicks and bounces.",
)


@hookimpl
def instep_connectors() -> list[ConnectorPlugin[MailchimpSettings]]:
    """The connectors that this distribution brings."""
    return [mailchimp]


__all__ = ["MailchimpSettings", "instep_connectors", "mailchimp"]
