"""Says which Mailchimp account a login belongs to."""

from __future__ import annotations

from instep.contract import ConnectionInfo
from instep_mailchimp import wire
from instep_mailchimp.answers import Call
from instep_mailchimp.client import MailchimpClient


def check(client: MailchimpClient) -> ConnectionInfo:
    """The account behind the login, in one call. mailchimp.com/developer/marketing"""
    answer = client.fetch(Call("GET", "/", "root", {"exclude_fields": "_links"}), wire.root)
    found = answer.value
    return ConnectionInfo(
        org=found.account_id,
        org_name=found.account_name,
        user=found.email,
        time_zone=found.account_timezone or "UTC",
        now=answer.at,
    )
