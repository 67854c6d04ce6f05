"""OAuth: asking for tokens, giving them back, and who one is.

help.salesforce.com: OAuth Authorization Flows
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs

import jwt

from instep.sandbox import Request, Response
from instep_salesforce.sandbox.errors import OAuthRefusedError
from instep_salesforce.sandbox.operations import reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row
from instep_salesforce.sandbox.times import to_ms
from instep_salesforce.sandbox.tokens import CLIENT_ID, CLIENT_SECRET, PASSWORD, private_key

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LEEWAY_SECONDS = 180
_AUDIENCES = {"https://login.salesforce.com", "https://test.salesforce.com"}
Form = Mapping[str, str]


class LoginCalls:
    """The token endpoint and its neighbours."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def token(self, request: Request) -> Response:
        """A new session."""
        form = _form(request)
        match form.get("grant_type"):
            case "client_credentials":
                self._require_client(form, request)
                return self._issue(self._org.api_user)
            case "password":
                self._require_client(form, request)
                return self._issue(self._user_with_password(form))
            case "refresh_token":
                return self._refresh(form, request)
            case grant if grant == JWT_GRANT:
                return self._issue(self._user_of(form.get("assertion", "")))
            case _:
                raise OAuthRefusedError("unsupported_grant_type", "grant type not supported")

    def _require_client(self, form: Form, request: Request, *, needs_secret: bool = True) -> None:
        id, secret = _client(form, request)
        if id != CLIENT_ID:
            raise OAuthRefusedError("invalid_client_id", "client identifier invalid")
        if secret != CLIENT_SECRET and (secret is not None or needs_secret):
            status = self._org.personality.bad_secret_status
            raise OAuthRefusedError("invalid_client", "invalid client credentials", status)

    def _user_with_password(self, form: Form) -> str:
        user = self._user_named(form.get("username", ""))
        if user is None or not form.get("password", "").startswith(PASSWORD):
            raise OAuthRefusedError("invalid_grant", "authentication failure")
        return str(user["Id"])

    def _user_named(self, username: str) -> Row | None:
        table = self._org.tables["User"]
        ids = table.holders("Username", username)
        return table.rows[ids[0]] if ids else None

    def _refresh(self, form: Form, request: Request) -> Response:
        self._require_client(form, request, needs_secret=False)
        refresh = form.get("refresh_token", "")
        user = self._org.tokens.refresh.get(refresh)
        if user is None:
            raise OAuthRefusedError("invalid_grant", "expired access/refresh token")
        if not self._org.personality.refresh_rotation:
            return self._issue(user)
        return self._issue(user, refresh_token=self._org.tokens.rotate(refresh))

    def _user_of(self, assertion: str) -> str:
        try:
            claims = jwt.decode(
                assertion, _public_key(), algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False}
            )
        except jwt.InvalidTokenError:
            raise OAuthRefusedError("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != CLIENT_ID:
            raise OAuthRefusedError("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in {*_AUDIENCES, self._org.base_url}:
            raise OAuthRefusedError("invalid_grant", "audience is invalid")
        self._require_fresh(claims.get("exp"))
        user = self._user_named(str(claims.get("sub")))
        if user is None or user["Id"] not in self._org.tokens.approved:
            raise OAuthRefusedError("invalid_grant", "user hasn't approved this consumer")
        return str(user["Id"])

    def _require_fresh(self, expires: object) -> None:
        now = self._org.now().timestamp()
        try:
            left = float(str(expires)) - now
        except ValueError:
            raise OAuthRefusedError("invalid_grant", "invalid assertion") from None
        if not -_LEEWAY_SECONDS < left <= 2 * _LEEWAY_SECONDS:
            raise OAuthRefusedError("invalid_grant", "expired authorization code")

    def _issue(self, user: str, **more: str) -> Response:
        row = self._org.tables["User"].rows.get(user, {})
        if not row.get("IsActive"):
            raise OAuthRefusedError("inactive_user", "user is inactive")
        if not self._org.tokens.admit(user, self._org.personality.logins_per_hour):
            raise OAuthRefusedError("rate_limit_exceeded", "login rate exceeded")
        session = self._org.tokens.issue(user, self._org.id)
        issued = str(to_ms(session.issued))
        url = f"{self._org.base_url}/id/{self._org.id}/{user}"
        digest = hmac.new(CLIENT_SECRET.encode(), f"{url}{issued}".encode(), hashlib.sha256).digest()
        return reply(
            {
                "access_token": session.token,
                **more,
                "signature": base64.b64encode(digest).decode(),
                "scope": self._org.scope,
                "instance_url": self._org.base_url,
                "id": url,
                "token_type": "Bearer",
                "issued_at": issued,
            }
        )

    def revoke(self, request: Request) -> Response:
        """End a session or a refresh token."""
        token = _form(request).get("token") or request.one("token") or ""
        if not self._org.tokens.revoke(token):
            raise OAuthRefusedError("invalid_token", "invalid token")
        return Response(200)

    def user_info(self, user: str) -> Response:
        """Who is logged in."""
        row, url = self._org.tables["User"].rows[user], self._org.base_url
        rest = f"{url}/services/data/v{{version}}/"
        return reply(
            {
                "sub": f"{url}/id/{self._org.id}/{user}",
                "user_id": user,
                "organization_id": self._org.id,
                "preferred_username": row["Username"],
                "nickname": row["Alias"],
                "name": row["Name"],
                "email": row["Email"],
                "email_verified": True,
                "given_name": row.get("FirstName"),
                "family_name": row["LastName"],
                "zoneinfo": row["TimeZoneSidKey"],
                "urls": {"rest": rest, "sobjects": f"{rest}sobjects/", "query": f"{rest}query/"},
                "active": row["IsActive"],
                "user_type": "STANDARD",
                "language": "en_US",
                "locale": "en_US",
                "utcOffset": -28800000,
                "updated_at": row["LastModifiedDate"],
            }
        )


def _public_key() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    key = load_pem_private_key(private_key().encode(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _client(form: Form, request: Request) -> tuple[str | None, str | None]:
    """The client's id and secret, from the form or from Basic authentication."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            id, _, secret = base64.b64decode(text).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, None
        return id, secret
    return form.get("client_id"), form.get("client_secret")
