"""The only module that speaks HTTP: one held connection through HubSpot's own client library.

The library is used below its generated models: they cost more than the whole rest of a read, and turn an HTML page
with status 200 into an empty record. Each request passes the transport once; nothing but this module repeats one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final, Protocol, TypeVar

import msgspec

from instep.contract import Effects, Lost, Reply, patiently, secrets_of, without_secrets
from instep.errors import AccessError, RemoteError
from instep_hubspot import wire
from instep_hubspot.answers import (
    Answer,
    Call,
    ExpiredError,
    again,
    allowance,
    expired,
    problem,
)
from instep_hubspot.settings import HubSpotSettings

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Listed = TypeVar("Listed", bound="ListPage")

_IDLE_PAGES: Final = 100


class Decoder(Protocol[T_co]):
    """Turns a body into a value, or raises `msgspec.MsgspecError`."""

    def decode(self, data: bytes, /) -> T_co: ...


class ListPage(Protocol):
    """A page of a listing, which says where the next one is."""

    @property
    def results(self) -> Sequence[Any]: ...

    @property
    def paging(self) -> wire.Paging | None: ...


class HubSpotClient:
    """Sends requests and judges the answers. Cheap to build: the library is imported with the first request.

    Raises `AccessError` (fix the login), `RetryLaterError` (wait), `RefusedError` (HubSpot said no),
    `UnknownOutcomeError` (a write whose answer was lost) and `RemoteError` (anything else). No error names a token.
    """

    def __init__(self, settings: HubSpotSettings, effects: Effects) -> None:
        self._settings = settings
        self._effects = effects
        self._held: Any = None
        self._access_token = settings.access_token
        self._refresh_token = settings.refresh_token
        self.granted: frozenset[str] = frozenset()
        self.zone: tzinfo | None = None
        """The account's time zone, once it is known: at midnight there a new day of calls begins."""

    def path(self, area: str, *parts: str) -> str:
        """The path of a resource in the configured family."""
        return wire.path(self._settings.api_version, area, *parts)

    def fetch(self, call: Call, decoder: Decoder[T]) -> Answer[T]:
        """Send, and parse the answer. A body that is not what was asked for is never read as empty."""

        def parse(reply: Reply) -> Answer[T]:
            try:
                value = decoder.decode(reply.data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise again(call, f"answered {reply.status} with a body that cannot be read") from None
            told = allowance(reply, self.zone)
            return Answer(value, reply.at, told.left if told else None)

        return patiently(self._effects, lambda: parse(self._authorised(call)), repeatable=call.repeatable)

    def pages(self, call: Call, decoder: Decoder[Listed]) -> Iterator[Answer[Listed]]:
        """Every page of a listing. Raises `RemoteError` where one follows on another without end."""
        known: set[str] = set()
        before, idle = None, 0
        while True:
            answer = self.fetch(call, decoder)
            yield answer
            after, results = wire.after(answer.value.paging), answer.value.results
            if after is None:
                return
            idle = idle + 1 if results == before else 0
            if after in known or idle == _IDLE_PAGES:
                raise RemoteError(f"HubSpot ({call.label}): gives the same pages again and again. Run again later.")
            known.add(after)
            before, call = results, replace(call, query={**call.query, "after": after})

    def send(self, call: Call) -> None:
        """Send a request whose answer has no body."""
        patiently(self._effects, lambda: self._authorised(call), repeatable=call.repeatable)

    def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        if self._held is not None:
            self._held.rest_client.pool_manager.clear()
            self._held.close()
            self._held = None

    # --- asking ------------------------------------------------------------------------------------------------

    def _authorised(self, call: Call) -> Reply:
        """Send; where the access token has expired, renew it once and send again."""
        if self._access_token is None:
            self._renew()
        try:
            return self._judged(call)
        except ExpiredError:
            if not self._settings.can_refresh:
                raise expired(call) from None
        self._renew()
        try:
            return self._judged(call)
        except ExpiredError:
            raise expired(call) from None

    def _judged(self, call: Call) -> Reply:
        outcome = self._exchange(call)
        if isinstance(outcome, Lost):
            raise again(call, outcome.told("base_url"), sent=outcome.sent)
        if (told := allowance(outcome, self.zone)) is not None:
            self._effects.allowed(told)
        outcome = self._masked(outcome)
        if 200 <= outcome.status < 300:
            return outcome
        raise problem(call, outcome)

    def _masked(self, reply: Reply) -> Reply:
        tokens = (self._access_token, self._refresh_token)
        secrets = (*secrets_of(self._settings), *tokens)
        is_error = not 200 <= reply.status < 300
        return replace(reply, data=without_secrets(reply.data, secrets, is_error=is_error))

    # --- one request -------------------------------------------------------------------------------------------

    def _exchange(self, call: Call, form: list[tuple[str, str]] | None = None) -> Reply | Lost:
        """Send exactly one request. Only the transport may raise here."""
        api = self._api()
        headers = {**api.default_headers, "Accept": "application/json"}
        if form is None:
            api.update_params_for_auth(headers, None, ["oauth2"])
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"

        def action() -> Reply | Lost:
            return _sent(
                lambda: api.request(
                    call.method,
                    f"{self._settings.base_url}{call.path}",
                    query_params=list(call.query.items()),
                    headers=headers,
                    body=call.body,
                    post_params=form,
                    _preload_content=False,
                    _request_timeout=(self._settings.timeout_seconds, self._settings.timeout_seconds),
                )
            )

        return self._effects.transport.send(action, label=call.label, writes=call.writes, lane=call.lane)

    def _api(self) -> Any:
        """The library's API client, built once: each new one would open connections of its own."""
        if self._held is None:
            from hubspot import HubSpot

            token = self._access_token.get_secret_value() if self._access_token else ""
            library = HubSpot(access_token=token, host=self._settings.base_url, retry=False)
            self._held = library.crm.objects.basic_api.api_client
        return self._held

    def _renew(self) -> None:
        """Exchange the refresh token for a new access token.

        developers.hubspot.com/docs/api-reference/auth-oauth-v1/tokens
        """
        settings = self._settings
        call = Call("POST", self.path("oauth", "token"), "oauth/token")
        secret, refresh = settings.client_secret, self._refresh_token
        form = [
            ("grant_type", "refresh_token"),
            ("client_id", settings.client_id or ""),
            ("client_secret", secret.get_secret_value() if secret else ""),
            ("refresh_token", refresh.get_secret_value() if refresh else ""),
        ]
        reply = self._exchange(call, form)
        if isinstance(reply, Lost):
            raise again(call, reply.told("base_url"))
        self._take_token(call, reply)

    def asked_scopes(self) -> frozenset[str] | None:
        """What the access token may do, as HubSpot says of OAuth logins; None where it does not.

        developers.hubspot.com/docs/api-reference/auth-oauth-v1/tokens
        """
        settings, secret = self._settings, self._settings.client_secret
        if not settings.can_refresh or self._access_token is None:
            return None
        form = [
            ("client_id", settings.client_id or ""),
            ("client_secret", secret.get_secret_value() if secret else ""),
            ("token", self._access_token.get_secret_value()),
        ]
        reply = self._exchange(Call("POST", self.path("oauth", "token", "introspect"), "oauth/introspect"), form)
        if isinstance(reply, Lost) or not 200 <= reply.status < 300:
            return None
        try:
            return frozenset(wire.token_info.decode(reply.data).scopes) or None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _take_token(self, call: Call, reply: Reply) -> None:
        from pydantic import SecretStr

        if reply.status in (400, 401, 403):
            raise AccessError(
                "HubSpot (oauth/token): the refresh token was not accepted. "
                "Connect the app again, then set refresh_token, client_id and client_secret of the same app."
            )
        if not 200 <= reply.status < 300:
            raise problem(call, self._masked(reply))
        try:
            token = wire.token.decode(reply.data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise again(call, "answered with a token that cannot be read") from None
        self._access_token = SecretStr(token.access_token)
        self._refresh_token = SecretStr(token.refresh_token) if token.refresh_token else self._refresh_token
        self.granted = frozenset(token.scopes)
        self._api().configuration.access_token = token.access_token


def _sent(request: Callable[[], Any]) -> Reply | Lost:
    """Run one request of the library and turn whatever happens into a value."""
    from hubspot.crm.objects.exceptions import ApiException
    from urllib3 import exceptions

    try:
        response = request()
        return Reply(response.status, response.headers, response.data)
    except ApiException as error:
        if error.status:
            return Reply(error.status, error.headers or {}, error.body or b"")
        return Lost("could not be reached securely", sent=False)
    except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError):
        return Lost("could not be reached", sent=False)
    except exceptions.HTTPError as error:
        slow = isinstance(error, exceptions.TimeoutError)
        return Lost("did not answer in time" if slow else "broke off before its answer was complete", sent=True)
