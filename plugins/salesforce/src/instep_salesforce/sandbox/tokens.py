"""Who may call: sessions, how long they live, and the app that asks for them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from instep.sandbox import Clock, RollingWindow
from instep_salesforce.sandbox.ids import Ids

CLIENT_ID = "3MVG9sandbox.instep"
CLIENT_SECRET = "client-secret-sandbox"  # noqa: S105 - opens nothing but the sandbox
REFRESH_TOKEN = "5Aep861sandbox"  # noqa: S105
USERNAME = "integration@sandbox.example"
PASSWORD = "sandbox-password"  # noqa: S105
STATIC_TOKEN = "00D5g0000000001!static-sandbox-token"  # noqa: S105


@cache
def private_key() -> str:
    """The key (PEM) with which a test signs its JWT assertions; made when it is first asked for."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass(slots=True)
class Session:
    """One accepted access token. `slides` means that its life is counted from its last use."""

    token: str
    user: str
    issued: datetime
    used: datetime
    slides: bool = True
    is_over: bool = False

    def lives(self, now: datetime, limit: timedelta | None, seconds: int) -> bool:
        """Whether the session is still accepted."""
        if self.is_over or (limit is not None and now >= self.issued + limit):
            return False
        return not self.slides or limit is not None or now < self.used + timedelta(seconds=seconds)


class Tokens:
    """The sessions and refresh tokens of an org. The static token's session has no end of its own."""

    def __init__(self, ids: Ids, clock: Clock, user: str) -> None:
        self._ids, self._clock = ids, clock
        self._known: dict[str, Session] = {}
        self.refresh = {REFRESH_TOKEN: user}
        self.approved = {user}
        self._logins: dict[str, RollingWindow] = {}
        now = clock.now()
        self._known[STATIC_TOKEN] = Session(STATIC_TOKEN, user, now, now, slides=False)

    def get(self, token: str) -> Session | None:
        """The session of that token."""
        return self._known.get(token)

    def admit(self, user: str, most: int) -> bool:
        """Whether a user may log in once more within this hour."""
        window = self._logins.setdefault(user, RollingWindow(timedelta(hours=1)))
        return window.admit(self._clock.now(), most)

    def issue(self, user: str, org: str) -> Session:
        """Begin a session."""
        now = self._clock.now()
        token = f"{org[:15]}!AR8AQ{secrets.token_urlsafe(60)}"
        self._known[token] = session = Session(token, user, now, now)
        return session

    def rotate(self, refresh: str) -> str:
        """Replace a refresh token by a new one."""
        new = f"5Aep861{secrets.token_urlsafe(40)}"
        self.refresh[new] = self.refresh.pop(refresh)
        return new

    def revoke(self, token: str) -> bool:
        """Accept a token, access or refresh, no longer; says whether it was known."""
        return (self._known.pop(token, None) or self.refresh.pop(token, None)) is not None

    def expire_all(self) -> None:
        """End every session."""
        for session in self._known.values():
            session.is_over = True
