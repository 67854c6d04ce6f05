"""The account itself: who it is, what is left of its quota, and its tokens."""

from __future__ import annotations

from urllib.parse import parse_qs

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.accounts import CLIENT_ID, CLIENT_SECRET, Token
from instep_hubspot.sandbox.bodies import Body
from instep_hubspot.sandbox.errors import RefusedError, not_found
from instep_hubspot.sandbox.operations import NOTHING, Operation
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import DAY_MS, iso

DAILY_LIMIT = 1_000_000


class AccountCalls:
    """Account details, usage and OAuth."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        usage = "/account-info/v3/api-usage/daily/private-apps"
        oauth = [
            ("POST", "/oauth/v1/token", self.token, "oauth.token"),
            ("GET", "/oauth/v1/access-tokens/{token}", self.access_token, "oauth.access_token"),
            ("GET", "/oauth/v1/refresh-tokens/{token}", self.refresh_token, "oauth.refresh_token"),
            ("DELETE", "/oauth/v1/refresh-tokens/{token}", self.revoke, "oauth.revoke"),
            ("POST", "/oauth/v1/token/revoke", self.revoke_named, "oauth.revoke"),
            ("POST", "/oauth/v1/token/introspect", self.introspect, "oauth.introspect"),
        ]
        return [
            Operation("GET", "/account-info/v3/details", self.details, "account.details"),
            Operation("GET", usage, self.usage, "account.usage"),
            *(
                Operation(verb, path, call, label, writes=False, open_to_all=True)
                for verb, path, call, label in oauth
            ),
        ]

    def details(self, _: Request) -> Response:
        """Which account this is."""
        return Response.of(
            {
                "portalId": self._portal.portal_id,
                "accountType": "STANDARD",
                "timeZone": "UTC",
                "companyCurrency": "USD",
                "additionalCurrencies": ["EUR", "GBP"],
                "utcOffset": "+00:00",
                "utcOffsetMilliseconds": 0,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def usage(self, _: Request) -> Response:
        """How many calls today has seen."""
        now = self._portal.clock.now()
        limit = self._portal.personality.daily_limit or DAILY_LIMIT
        usage: Body = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": limit,
            "currentUsage": self._portal.quota.daily.used(now),
            "collectedAt": iso(self._portal.now()),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso(self._portal.now() // DAY_MS * DAY_MS + DAY_MS),
        }
        return Response.of({"results": [usage]})

    def token(self, request: Request) -> Response:
        """A new access token for a refresh token."""
        form = _form(request)
        if form.get("client_id") != CLIENT_ID:
            raise _oauth_refusal("BAD_CLIENT_ID", "missing or unknown client id", "invalid_client")
        if form.get("client_secret") != CLIENT_SECRET:
            raise _oauth_refusal("BAD_CLIENT_SECRET", "missing or invalid client secret", "invalid_client")
        if form.get("grant_type") != "refresh_token":
            raise _oauth_refusal("BAD_GRANT_TYPE", "missing or unknown grant type", "unsupported_grant_type")
        refresh = form.get("refresh_token", "")
        scopes = self._portal.tokens.refresh.get(refresh)
        if scopes is None:
            raise _oauth_refusal("BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked", "invalid_grant")
        token = self._portal.tokens.issue(scopes, self._portal.personality.token_expiry)
        return Response.of(
            {
                "token_type": "bearer",
                "access_token": token.value,
                "refresh_token": refresh,
                "expires_in": self._seconds_left(token),
                "hub_id": self._portal.portal_id,
                "scopes": sorted(scopes),
                "user_id": 9,
                "token_use": "access_token",
            }
        )

    def _seconds_left(self, token: Token) -> int:
        ends = token.expired_at(self._portal.personality.token_expiry)
        return 0 if ends is None else int((ends - self._portal.clock.now()).total_seconds())

    def access_token(self, request: Request) -> Response:
        """What an access token may do."""
        return Response.of(self._described(request.params["token"]))

    def introspect(self, request: Request) -> Response:
        """The same, with the token in the body."""
        return Response.of(self._described(_form(request).get("token", "")))

    def _described(self, value: str) -> Body:
        token = self._portal.tokens.get(value)
        if token is None:
            raise not_found("access token not found")
        return {
            "token": value,
            "user": "admin@sandbox.example",
            "hub_domain": "sandbox.example",
            "scopes": sorted(token.scopes),
            "hub_id": self._portal.portal_id,
            "app_id": 7654321,
            "expires_in": self._seconds_left(token),
            "user_id": 9,
            "token_type": "access",
        }

    def refresh_token(self, request: Request) -> Response:
        """What a refresh token may do."""
        value = request.params["token"]
        if (scopes := self._portal.tokens.refresh.get(value)) is None:
            raise not_found("refresh token not found")
        return Response.of(
            {
                "token": value,
                "user": "admin@sandbox.example",
                "hub_domain": "sandbox.example",
                "scopes": sorted(scopes),
                "hub_id": self._portal.portal_id,
                "client_id": CLIENT_ID,
                "user_id": 9,
                "token_type": "refresh",
            }
        )

    def revoke(self, request: Request) -> Response:
        """Accept a refresh token no longer."""
        self._portal.tokens.revoke(request.params["token"])
        return NOTHING

    def revoke_named(self, request: Request) -> Response:
        """The same, with the token in the body."""
        self._portal.tokens.revoke(_form(request).get("token", ""))
        return NOTHING


def _form(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}


def _oauth_refusal(status: str, message: str, error: str) -> RefusedError:
    return RefusedError(
        400,
        message,
        category=None,
        extra={"status": status, "error": error, "error_description": message},
    )
