"""The only module that speaks HTTP. Each request passes the transport once; nothing but this module repeats one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

import msgspec

from instep.contract import Effects, Lost, Reply, answer_of, patiently, secrets_of, without_secrets
from instep_mailchimp.answers import Answer, Call, again, failure
from instep_mailchimp.settings import MailchimpSettings

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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
                return Answer(decoder.decode(reply.data), reply.at)
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

    # --- asking ------------------------------------------------------------------------------------------------

    def _patiently(self, call: Call, parse: Callable[[Reply], T]) -> T:
        return patiently(self.effects, lambda: parse(self._judged(call)), repeatable=call.repeatable)

    def _judged(self, call: Call) -> Reply:
        outcome = self._exchange(call)
        if isinstance(outcome, Lost):
            raise again(call, outcome.told("data_centre, or base_url where that is set"), sent=outcome.sent)
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
                return answer_of(
                    lambda: _reply(
                        session.request(
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
                )

        _signed.update({call.link} - {""})
        try:
            return self.effects.transport.send(action, label=call.label, writes=call.writes)
        finally:
            _signed.discard(call.link)

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
            logging.getLogger("urllib3.connectionpool").addFilter(_mask)
        return self._session


_signed: Final[set[str]] = set()
"""The links to results that are followed now: whoever has one reads what members hold."""


def _mask(record: logging.LogRecord) -> bool:
    """Keep signed links out of the log of the HTTP library, which names every path with its query."""
    if isinstance(record.args, tuple):
        record.args = tuple("(a signed link)" if _is_signed(value) else value for value in record.args)
    return True


def _is_signed(value: object) -> bool:
    return isinstance(value, str) and len(value) > 1 and any(link.endswith(value) for link in _signed)


def _no_login(request: Any) -> Any:
    """A signed link needs no login, and is not Mailchimp's own host."""
    return request


def _reply(response: Any) -> Reply:
    return Reply(response.status_code, response.headers, response.content)
