"""A stateful imitation of Mailchimp's Marketing API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from instep.sandbox import (
    CallLog,
    Clock,
    Personality,
    Sandbox,
    SandboxServer,
    SystemClock,
    control_routes,
)
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

    def change(wanted: Personality) -> None:
        with account.lock:
            account.personality = MailchimpPersonality.of(wanted)

    def log() -> CallLog:
        return server.log

    server = SandboxServer(
        MailchimpService(account),
        clock=clock,
        personality=lambda: account.personality,
        control=control_routes(AccountControls(account), clock, log),
        port=port,
        seed=seed,
    )
    with server:
        account.base_url = server.url
        yield MailchimpSandbox(
            settings={"api_key": API_KEY, "base_url": server.url, "audiences": {"members": AUDIENCE}},
            url=server.url,
            log=server.log,
            clock=clock,
            world=MailchimpWorld(account),
            faults=server.faults,
            read_personality=lambda: account.personality,
            change_personality=change,
        )
