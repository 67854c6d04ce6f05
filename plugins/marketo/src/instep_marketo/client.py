"""The only module that speaks HTTP: one held connection, a token that is renewed once, and patience.

Each request passes the transport once; nothing but this module repeats one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
from pydantic import SecretStr

from instep.contract import Effects, Lost, Reply, answer_of, patiently, secrets_of, without_secrets
from instep.errors import RemoteError
from instep_marketo.answers import (
    Answer,
    Call,
    Envelope,
    ExpiredError,
    again,
    envelope_error,
    status_error,
)
from instep_marketo.settings import MarketoSettings

T = TypeVar("T")

_envelope = msgspec.json.Decoder(Envelope)


class _Token(msgspec.Struct):
    access_token: str
    scope: str = ""


_token = msgspec.json.Decoder(_Token)


class MarketoClient:
    """Sends requests and judges the answers. Cheap to build: `requests` is imported with the first request.

    Raises `AccessError` (fix the login), `RetryLaterError` (wait), `RefusedError` (Marketo said no),
    `UnknownOutcomeError` (a write whose answer was lost) and `RemoteError` (anything else). No error names a secret.
    """

    def __init__(self, settings: MarketoSettings, effects: Effects) -> None:
        self._settings = settings
        self.effects = effects
        self._session: Any = None
        self._token: SecretStr | None = None
        self._told: tuple[datetime, datetime] | None = None
        """When Marketo last said what time it is, by its clock and by this machine's."""
        self.user = ""
        """The e-mail address of the API user, once a token was given."""

    def fetch(self, call: Call) -> Answer:
        """Send, and read the answer. A body that is not what was asked for is never read as empty."""

        def parse(reply: Reply) -> Answer:
            try:
                envelope = _envelope.decode(reply.data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise again(call, f"answered {reply.status} with a body that cannot be read") from None
            if not envelope.success:
                raise envelope_error(call, reply, envelope)
            return Answer(envelope.result, reply.at, envelope.nextPageToken, envelope.moreResult)

        return self._patiently(call, parse)

    def pages(self, call: Call) -> Iterator[Answer]:
        """Every page of a listing: it ends where no token is given, or a page is empty and promises no more."""
        known: set[str] = set()
        while True:
            answer = self.fetch(call)
            yield answer
            if not answer.token or not (answer.result or answer.has_more):
                return
            if answer.token in known:
                raise RemoteError(f"Marketo ({call.label}): gives the same pages again and again. Run again later.")
            known.add(answer.token)
            if call.form is not None:
                call = replace(call, form={**call.form, "nextPageToken": answer.token})
            else:
                call = replace(call, query={**call.query, "nextPageToken": answer.token})

    def download(self, call: Call) -> bytes:
        """A bulk file, which is no JSON: an answer that is one says why there is no file."""

        def parse(reply: Reply) -> bytes:
            try:
                envelope = _envelope.decode(reply.data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return reply.data
            if not envelope.success:
                raise envelope_error(call, reply, envelope)
            raise again(call, "answered with something else than a file")

        return self._patiently(call, parse)

    def now(self) -> datetime:
        """The time by Marketo's own clock; this machine's only measures how long ago that was told.

        Logs in where nothing was heard yet. A system that does not tell has the time of this machine.
        """
        if self._told is None:
            patiently(self.effects, self._renew, repeatable=True)
        if self._told is None:
            return self.effects.clock()
        told, heard = self._told
        return told + max(self.effects.clock() - heard, timedelta(0))

    def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # --- asking ------------------------------------------------------------------------------------------------

    def _patiently(self, call: Call, parse: Callable[[Reply], T]) -> T:
        return patiently(self.effects, lambda: self._authorised(call, parse), repeatable=call.repeatable)

    def _authorised(self, call: Call, parse: Callable[[Reply], T]) -> T:
        """Send; where the token has expired or is not known any more, renew it once and send again."""
        if self._token is None:
            self._renew()
        try:
            return parse(self._judged(call))
        except ExpiredError:
            self._renew()
        try:
            return parse(self._judged(call))
        except ExpiredError:
            self._token = None
            raise again(call, "does not accept the token that it has just given", sent=False) from None

    def _judged(self, call: Call) -> Reply:
        outcome = self._exchange(call)
        if isinstance(outcome, Lost):
            raise again(call, outcome.told("munchkin_id, or base_url where that is set"), sent=outcome.sent)
        if outcome.at is not None:
            self._told = (outcome.at, self.effects.clock())
        is_error = not 200 <= outcome.status < 300 or b'"success":false' in outcome.data.replace(b" ", b"")[:200]
        secrets = (*secrets_of(self._settings), self._token)
        outcome = replace(outcome, data=without_secrets(outcome.data, secrets, is_error=is_error))
        if 200 <= outcome.status < 300:
            return outcome
        raise status_error(call, outcome)

    # --- one request -------------------------------------------------------------------------------------------

    def _exchange(self, call: Call) -> Reply | Lost:
        """Send exactly one request. Only the transport may raise here."""
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        content: bytes | None = None
        if call.form is None and call.body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(call.body)
        session, url = self._opened(), f"{self._settings.base_url}{call.path}"

        def action() -> Reply | Lost:
            return answer_of(
                lambda: _reply(
                    session.request(
                        call.method,
                        url,
                        params=dict(call.query),
                        data=dict(call.form) if call.form is not None else content,
                        headers=headers,
                        timeout=self._settings.timeout_seconds,
                        allow_redirects=False,
                    )
                )
            )

        return self.effects.transport.send(action, label=call.label, writes=call.writes)

    def _opened(self) -> Any:
        if self._session is None:
            import requests

            self._session = requests.Session()
            self._session.auth = _as_it_is  # else a .netrc would replace our token
            logging.getLogger("urllib3.connectionpool").addFilter(_mask)
        return self._session

    def _renew(self) -> None:
        """Ask for a token. Marketo gives the same one until it has expired.

        Marketo developer guide: Authentication
        """
        self._token = None
        query = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
        }
        call = Call("GET", "/identity/oauth/token", "identity/token", query)
        reply = self._judged(call)
        try:
            given = _token.decode(reply.data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise again(call, "answered with a token that cannot be read") from None
        self._token, self.user = SecretStr(given.access_token), given.scope


def _as_it_is(request: Any) -> Any:
    return request


def _reply(response: Any) -> Reply:
    return Reply(response.status_code, response.headers, response.content)


_SECRET: Final = re.compile(r"client_secret=[^&\s]*")


def _mask(record: logging.LogRecord) -> bool:
    """Keep the secret out of the log of the HTTP library: Marketo takes it in the address, and nowhere else."""
    if isinstance(record.args, tuple):
        record.args = tuple(_SECRET.sub("client_secret=***", a) if isinstance(a, str) else a for a in record.args)
    return True
