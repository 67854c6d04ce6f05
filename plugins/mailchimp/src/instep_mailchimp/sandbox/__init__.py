"""A stateful imitation of Mailchimp's Marketing API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from instep.sandbox import Clock, Personality, Sandbox, SystemClock, serving
from instep_mailchimp.sandbox.account import ACCESS_TOKEN, API_KEY, AUDIENCE, DATA_CENTRE, Account
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.controls import AccountControls
from instep_mailchimp.sandbox.service import MailchimpService
from instep_mailchimp.sandbox.world import MailchimpWorld

__all__ = [
    "ACCESS_TOKEN",
    "API_KEY",
    "AUDIENCE",
    "DATA_CENTRE",
    "MailchimpPersonality",
    "MailchimpWorld",
    "mailchimp_sandbox",
]


@contextmanager
def mailchimp_sandbox(
    *,
    clock: Clock | None = None,
    personality: Personality | None = None,
    port: int = 0,
    seed: int = 0,
) -> Iterator[Sandbox[MailchimpWorld]]:
    """A Mailchimp account with one audience, for as long as the context lasts; one `seed`, the same ids."""
    clock = clock or SystemClock()
    account = Account(clock, MailchimpPersonality.of(personality or MailchimpPersonality()), seed)
    with serving(MailchimpService(account), account, AccountControls(account), port=port, seed=seed) as server:
        account.base_url = server.url
        yield Sandbox(
            server,
            account,
            settings={"api_key": API_KEY, "base_url": server.url, "audiences": {"members": AUDIENCE}},
            world=MailchimpWorld(account),
        )
