"""Who may call: tokens, their scopes and how long they live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from instep.sandbox import Clock, SeededIds

STATIC_TOKEN = "pat-na1-sandbox"  # noqa: S105 - opens nothing but the sandbox
REFRESH_TOKEN = "refresh-sandbox"  # noqa: S105
CLIENT_ID, CLIENT_SECRET = "client-sandbox", "secret-sandbox"
OAUTH_SECONDS = 1800

_OBJECTS = ("contacts", "companies", "deals", "leads", "custom", "owners", "marketing_events")
_SCHEMAS = ("contacts", "companies", "deals", "custom")
ALL_SCOPES = frozenset(
    {
        *(f"crm.objects.{name}.{action}" for name in _OBJECTS for action in ("read", "write")),
        *(f"crm.schemas.{name}.{action}" for name in _SCHEMAS for action in ("read", "write")),
        "crm.lists.read",
        "crm.lists.write",
        "tickets",
        "communication_preferences.read_write",
        "forms",
        "oauth",
        "behavioral_events.event_definitions.read_write",
        "analytics.behavioral_events.send",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """One bearer token."""

    value: str
    scopes: frozenset[str]
    issued: datetime
    lifetime: timedelta | None = None
    is_oauth: bool = False

    def expired_at(self, limit: timedelta | None) -> datetime | None:
        """When the token stops working, given a limit on all tokens."""
        lives = [span for span in (self.lifetime, limit) if span is not None]
        return self.issued + min(lives) if lives else None


class Tokens:
    """The tokens an account accepts."""

    def __init__(self, ids: SeededIds, clock: Clock) -> None:
        self._ids, self._clock = ids, clock
        self._known: dict[str, Token] = {}
        self.refresh = {REFRESH_TOKEN: ALL_SCOPES}
        self.grant(STATIC_TOKEN)

    def get(self, value: str) -> Token | None:
        """The token of that text."""
        return self._known.get(value)

    def grant(self, value: str, scopes: Iterable[str] = ALL_SCOPES) -> Token:
        """Accept a static token with `scopes`; repeating it changes the scopes."""
        token = Token(value, frozenset(scopes), self._clock.now())
        self._known[value] = token
        return token

    def issue(self, scopes: frozenset[str], lifetime: timedelta | None) -> Token:
        """Make an OAuth access token."""
        span = lifetime if lifetime is not None else timedelta(seconds=OAUTH_SECONDS)
        value = f"oauth-{self._ids.uuid()}"
        token = Token(value, scopes, self._clock.now(), span, is_oauth=True)
        self._known[value] = token
        return token

    def narrow(self, value: str, without: Iterable[str]) -> None:
        """Take scopes away from a token."""
        token = self._known[value]
        self._known[value] = replace(token, scopes=token.scopes - frozenset(without))

    def expire_all(self) -> None:
        """Let every access token run out."""
        self._known = {value: replace(token, lifetime=timedelta(0)) for value, token in self._known.items()}

    def revoke(self, value: str) -> None:
        """Accept a token, access or refresh, no longer."""
        self._known.pop(value, None)
        self.refresh.pop(value, None)
