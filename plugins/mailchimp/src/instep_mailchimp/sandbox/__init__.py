"""A stateful imitation of Mailchimp's Marketing API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from instep.sandbox import Clock, Personality, Sandbox, SystemClock, serving
from instep_mailchimp.sandbox.account import ACCESS_TOKEN, API_KEY, AUDIENCE, DATA_CENTRE, Account
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.controls import AccountControls
from instep_mailchimp.sandbox.service import MailchimpService
from instep_mailchimp.sandbox.world import MailchimpWorld

if TYPE_CHECKING:
    from instep_mailchimp.sandbox.demo import MailchimpDemo

__all__ = [
    "ACCESS_TOKEN",
    "API_KEY",
    "AUDIENCE",
    "DATA_CENTRE",
    "MailchimpPersonality",
    "MailchimpSandbox",
    "MailchimpWorld",
    "mailchimp_sandbox",
]


class MailchimpSandbox(Sandbox[MailchimpWorld]):
    """A running account, which can take part in the demo."""

    @cached_property
    def demo(self) -> MailchimpDemo:
        """Those who write the demo company's newsletter."""
        from instep_mailchimp.sandbox.demo import MailchimpDemo

        return MailchimpDemo(self.world, self.url)


@contextmanager
def mailchimp_sandbox(
    *,
    clock: Clock | None = None,
    personality: Personality | None = None,
    port: int = 0,
    seed: int = 0,
) -> Iterator[MailchimpSandbox]:
    """A Mailchimp account with one audience, for as long as the context lasts; one `seed`, the same ids."""
    clock = clock or SystemClock()
    account = Account(clock, MailchimpPersonality.of(personality or MailchimpPersonality()), seed)
    with serving(MailchimpService(account), account, AccountControls(account), port=port, seed=seed) as server:
        account.base_url = server.url
        yield MailchimpSandbox(
            server,
            account,
            settings={"api_key": API_KEY, "base_url": server.url, "audiences": {"members": AUDIENCE}},
            world=MailchimpWorld(account),
        )
