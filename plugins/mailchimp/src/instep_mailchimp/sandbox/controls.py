"""What another process may steer in a Mailchimp sandbox."""

from __future__ import annotations

from typing import Any

from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.world import MailchimpWorld


class AccountControls:
    """Reset, seed and look at one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._world = MailchimpWorld(account)

    def reset(self) -> None:
        """Return to the state of a new account."""
        with self._account.lock:
            self._account.reset()

    def load(self, object: str, records: list[dict[str, Any]]) -> list[str]:
        """Load members of one audience; gives their contact ids."""
        return self._world.load(object, records)

    def snapshot(self) -> dict[str, object]:
        """Everything the account holds."""
        with self._account.lock:
            return {
                "audiences": {
                    audience.id: [audience.shown(member) for member in audience.members.values()]
                    for audience in self._account.audiences.values()
                },
            }

    def quota(self) -> dict[str, object]:
        """Mailchimp counts no calls, only connections that are open at one time."""
        return {"connections": self._account.personality.connections}

    def flush(self) -> None:
        """Post what webhooks are to hear by now; there is no search index to wait for."""
        self._world.deliver()
