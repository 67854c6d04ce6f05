"""The only module that speaks HTTP. Each request passes the transport once; nothing but this module repeats one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

import msgspec

from instep.contract import Effects, secrets_of, without_secrets
from instep.errors import UnknownOutcomeError
from instep_mailchimp.answers import Answer, Call, Lost, RepeatError, Reply, again, date, failure
from instep_mailchimp.settings import MailchimpSettings

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_ATTEMPTS: Final = 5


class Decoder(Protocol[T_co]):
    """Turns a body into a value, or raises `msgspec.MsgspecError`."""

    def decode(self, data: bytes, /) -> T_co: ...


class MailchimpClient:
    """Sends requests and judges the answers. Cheap to build: `requests` is imported with the first request.

    Raises `AccessError` (fix the login), `RetryLaterError` (wait), `RefusedError` (Mailchimp said no),
    `UnknownOutcomeError` (a write whose answer was lost) and `RemoteError` (anything else). No error names a secret.
    """

    def __init__(self, settings: MailchimpSettings, effects: Effects) -> None:
        self.settings = settings
        self.effects = effects
        self._session: Any = None
        self._open = threading.BoundedSemaphore(settings.connections)

    def fetch(self, call: Call, decoder: Decoder[T]) -> Answer[T]:
        """Send, and parse the answer. A body that is not what was asked for is never read as empty."""

        def parse(reply: Reply) -> Answer[T]:
            try:
                return Answer(decoder.decode(reply.data), date(reply))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise again(call, f"answered {reply.status} with a body that cannot be read") from None

        return self._patiently(call, parse)

    def send(self, call: Call) -> bytes:
        """Send, and give the body as it is."""
        return self._patiently(call, lambda reply: reply.data)

    def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # --- repeating ---------------------------------------------------------------------------------------------

    def _patiently(self, call: Call, parse: Callable[[Reply], T]) -> T:
        """Send until it passes or patience ends. What the transport raises goes through untouched."""
        import tenacity  # here, so that importing the plugin stays quick

        lost: list[UnknownOutcomeError] = []

        def attempt() -> T:
            try:
                return parse(self._judged(call))
            except RepeatError as failed:
                lost.extend([failed.error] if isinstance(failed.error, UnknownOutcomeError) else [])
                raise

        attempts = tenacity.Retrying(
            sleep=self.effects.sleep,
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=self._wait_seconds,
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, RepeatError) and _may_repeat(call, e)),
            reraise=True,
        )
        try:
            return attempts(attempt)
        except RepeatError as last:
            # A write that was lost once stays unknown, even if the last attempt surely did nothing.
            raise (lost[0] if lost else last.error) from None

    def _wait_seconds(self, state: Any) -> float:
        """Mailchimp never says how long to wait, so waits grow, and differ from those of other apps."""
        return float(2 ** (state.attempt_number - 1)) * (1 + self.effects.random.random())

    def _judged(self, call: Call) -> Reply:
        outcome = self._exchange(call)
        if isinstance(outcome, Lost):
            raise again(call, outcome.reason, sent=outcome.sent)
        is_error = not 200 <= outcome.status < 300
        if not call.link:
            secrets = secrets_of(self.settings)
            outcome = replace(outcome, data=without_secrets(outcome.data, secrets, is_error=is_error))
        if is_error:
            raise failure(call, outcome)
        return outcome

    # --- one request -------------------------------------------------------------------------------------------

    def _exchange(self, call: Call) -> Reply | Lost:
        """Send exactly one request. Only the transport may raise here."""
        session = self._opened()
        settings = self.settings
        url = call.link or settings.address + call.path
        headers = {"Accept": "application/json, application/problem+json"}
        body = None if call.body is None else msgspec.json.encode(call.body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        login = _no_login if call.link else self._login()

        def action() -> Reply | Lost:
            with self._open:
                return _sent(
                    lambda: session.request(
                        call.method,
                        url,
                        params=dict(call.query),
                        data=body,
                        headers=headers,
                        auth=login,
                        timeout=settings.timeout_seconds,
                        allow_redirects=False,
                    )
                )

        return self.effects.transport.send(action, label=call.label, writes=call.writes)

    def _login(self) -> Any:
        """The login as `requests` wants it; given for each request, so that no file of this machine has a say."""
        key, token = self.settings.api_key, self.settings.access_token
        if key is not None:
            return ("instep", key.get_secret_value())

        def bearer(request: Any) -> Any:
            request.headers["Authorization"] = f"Bearer {token.get_secret_value() if token else ''}"
            return request

        return bearer

    def _opened(self) -> Any:
        if self._session is None:
            import requests

            self._session = requests.Session()
        return self._session


def _no_login(request: Any) -> Any:
    """A signed link needs no login, and is not Mailchimp's own host."""
    return request


def _may_repeat(call: Call, failed: RepeatError) -> bool:
    """Whether no harm can come of it: what surely did nothing may always be sent again."""
    return call.repeatable or not isinstance(failed.error, UnknownOutcomeError)


def _sent(request: Callable[[], Any]) -> Reply | Lost:
    """Run one request and turn whatever happens into a value."""
    import requests
    from urllib3.exceptions import HTTPError, NewConnectionError

    try:
        response = request()
        return Reply(response.status_code, response.headers, response.content)
    except requests.exceptions.ConnectTimeout:
        return Lost("could not be reached", sent=False)
    except requests.exceptions.SSLError:
        return Lost("could not be reached securely", sent=False)
    except requests.exceptions.ConnectionError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(reason, NewConnectionError):
            return Lost("could not be reached", sent=False)
        return Lost("broke off before its answer was complete", sent=True)
    except requests.exceptions.Timeout:
        return Lost("did not answer in time", sent=True)
    except (requests.exceptions.RequestException, HTTPError):
        return Lost("broke off before its answer was complete", sent=True)
