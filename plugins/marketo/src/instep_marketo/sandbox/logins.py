"""The API-only users of a subscription: their custom services, tokens, and what their roles may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

CLIENT_ID = "5b1c6a4e-sandbox"
CLIENT_SECRET = "sandbox-secret-of-the-custom-service"  # noqa: S105 - of a sandbox
API_USER = "instep@api.sandbox.example"
_BOTH = ("Lead", "Activity", "Activity Metadata", "Assets", "Campaign", "Company", "Opportunity", "Sales Person")
_ONE = (
    "Execute Campaign",
    "Activate Campaign",
    "Deactivate Campaign",
    "Read-Write Schema Standard Field",
    "Read-Write Schema Custom Field",
)
PERMISSIONS = (*(f"{verb} {what}" for what in _BOTH for verb in ("Read-Only", "Read-Write")), *_ONE)
"""Everything that a role can hold, as far as the sandbox has calls for it."""


@dataclass(slots=True)
class Login:
    """An API-only user with its custom service."""

    email: str
    client_id: str
    client_secret: str
    permissions: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    closed_partitions: set[str] = field(default_factory=set)
    """Names of partitions that its workspaces do not show."""

    def may(self, *needed: str) -> bool:
        """Whether its role holds one of some permissions, or none is needed; who may write may read."""
        held = self.permissions | {name.replace("Read-Write", "Read-Only") for name in self.permissions}
        return not any(needed) or any(name in held for name in needed)

    def lose(self, permission: str) -> None:
        """Take a permission away; who may not read may not write."""
        self.permissions -= {permission, permission.replace("Read-Only", "Read-Write")}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, by whose login, and since when."""

    login: Login
    issued: datetime
