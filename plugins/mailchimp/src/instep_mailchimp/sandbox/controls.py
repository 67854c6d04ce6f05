"""What another process may steer in a Mailchimp sandbox."""

from __future__ import annotations

from instep_mailchimp.sandbox.account import AUDIENCE, Account
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

    def seed(self, records: dict[str, list[dict[str, str]]]) -> dict[str, list[str]]:
        """Load members by the id of their audience ("members" means the first); gives their contact ids."""
        return {name: [self._load(name, dict(row)) for row in rows] for name, rows in records.items()}

    def _load(self, name: str, row: dict[str, str]) -> str:
        audience = AUDIENCE if name == "members" else name
        email, status = row.pop("email_address"), row.pop("status", "subscribed")
        id = self._world.add_member(email, status, audience=audience)
        self._world.edit(id, audience=audience, **row)
        return id

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
