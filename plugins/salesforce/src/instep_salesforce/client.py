"""The only module that speaks HTTP and SOAP: simple-salesforce below its conveniences, over one held connection.

The library writes every address with https, logs in again without end, drops a call's headers when it does, knows
no timeout, and reads some answers as Latin-1. So it sends here, and nothing else: addresses, tokens, repeating and
reading are this module's. Its client of the Metadata API only writes and reads XML: it would send over a connection
of its own, with the environment's proxies. Every single request passes the transport once; nothing but this module
repeats one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from instep.contract import Effects, Lost, Reply, answer_of, patiently, secrets_of, without_secrets
from instep.errors import ConfigError, RemoteError, UnknownOutcomeError
from instep_salesforce import wire
from instep_salesforce.answers import (
    Answer,
    Call,
    ExpiredError,
    again,
    allowance,
    expired,
    fault,
    login_problem,
    problem,
)
from instep_salesforce.settings import SalesforceSettings

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Component = dict[str, Any]
"""One thing that admins set up, in the words of the Metadata API."""

_ASSERTION_LIVES: Final = timedelta(minutes=3)
_LOGIN: Final = Call("POST", "/services/oauth2/token", "oauth/token")
_SOAP_HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
_to_json = msgspec.json.Encoder(decimal_format="number").encode


class Decoder(Protocol[T_co]):
    """Turns a body into a value, or raises `msgspec.MsgspecError`."""

    def decode(self, data: bytes, /) -> T_co: ...


class _LostError(Exception):
    """Carries a lost answer out of the library."""

    def __init__(self, lost: Lost) -> None:
        super().__init__()
        self.lost = lost


class SalesforceClient:
    """Sends requests and judges the answers. Cheap to build: the library is imported with the first request.

    An access token that was renewed with a refresh token may bring a new refresh token along; that one is kept for
    this process only. Where the app rotates refresh tokens, the one in the settings ends with its first use: use
    client credentials or JWT bearer there.

    Raises `AccessError` (fix the login), `RetryLaterError` (wait), `RefusedError` (Salesforce said no),
    `UnknownOutcomeError` (a write whose answer was lost) and `RemoteError` (anything else). No error names a secret.
    """

    def __init__(self, settings: SalesforceSettings, effects: Effects) -> None:
        self._settings = settings
        self.effects = effects
        self.host = urlsplit(settings.instance_url).netloc.rpartition("@")[2]
        self._session: Any = None
        self._library: Any = None
        self._gates: dict[str, Any] = {}
        self._access_token = settings.access_token
        self._refresh_token = settings.refresh_token
        self.identity = ""
        """The address that names org and user, where a login told it."""
        self.granted: frozenset[str] = frozenset()

    def path(self, *parts: str) -> str:
        """The path of a resource in the configured version."""
        return wire.path(self._settings.api_version, *parts)

    def fetch(self, call: Call, decoder: Decoder[T]) -> Answer[T]:
        """Send, and parse the answer. A body that is not what was asked for is never read as empty."""

        def parse(reply: Reply) -> Answer[T]:
            try:
                value = decoder.decode(reply.data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                raise again(call, f"answered {reply.status} with a body that cannot be read") from None
            told = allowance(reply)
            return Answer(value, reply.at, told.left if told else None)

        return patiently(
            self.effects, lambda: parse(self._authorised(call, self._judged)), repeatable=call.repeatable
        )

    def send(self, call: Call) -> None:
        """Send a request whose answer has no body, or none that matters."""
        patiently(self.effects, lambda: self._authorised(call, self._judged), repeatable=call.repeatable)

    def log_in(self) -> None:
        """Make sure that there is an access token; with it comes who it is for."""
        if self._access_token is None:
            patiently(self.effects, self._renew, repeatable=_LOGIN.repeatable)

    def close(self) -> None:
        """Close the connection. A later request opens a new one."""
        if self._session is not None:
            self._session.close()
        self._session = self._library = None
        self._gates = {}

    # --- the Metadata API --------------------------------------------------------------------------------------

    def read_metadata(self, type: str, names: Sequence[str]) -> list[Component | None]:
        """Components of one type by their full names, in that order; None for one that is not there.

        developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_readMetadata.htm
        """
        call = Call("POST", _soap().path, f"metadata/{type}/read")
        found = self._metadata(call, lambda soap: soap.message("readMetadata", self._token, type, list(names)))
        if len(found) != len(names):
            raise RemoteError(f"Salesforce ({call.label}): answered with another number of components. Run again.")
        return [component if component and component.get("fullName") else None for component in found]

    def write_metadata(
        self, verb: Literal["create", "update"], type: str, components: Sequence[Component]
    ) -> list[wire.SavedComponent]:
        """What became of each component. Not repeated where it may have taken effect: what it says may be outdated.

        developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_updateMetadata.htm
        """
        call = Call("POST", _soap().path, f"metadata/{type}/{verb}", writes=True, repeatable=False)
        operation = f"{verb}Metadata"

        def message(soap: _Soap) -> bytes:
            return soap.message(operation, self._token, [soap.component(type, one) for one in components])

        saved = [msgspec.convert(one, wire.SavedComponent) for one in self._metadata(call, message)]
        if len(saved) != len(components):
            raise UnknownOutcomeError(f"Salesforce ({call.label}): did not answer for every component. Run again.")
        return saved

    def _metadata(self, call: Call, message: Callable[[_Soap], bytes]) -> list[Any]:
        soap = _soap()

        def ask(call: Call) -> list[Any]:
            def post(url: str) -> None:
                self._held_session().post(url, data=message(soap), headers=_SOAP_HEADERS, allow_redirects=False)

            return soap.read(call, self._heard(call, self._passed(call, self._settings.instance_url, post)))

        return patiently(self.effects, lambda: self._authorised(call, ask), repeatable=call.repeatable)

    @property
    def _token(self) -> str:
        return self._access_token.get_secret_value() if self._access_token else ""

    # --- asking ------------------------------------------------------------------------------------------------

    def _authorised(self, call: Call, ask: Callable[[Call], T]) -> T:
        """Send; where the access token has expired, renew it once and send again, with all of its headers."""
        renews = self._settings.login != "token"
        if self._access_token is None:
            self._renew()
        for has_renewed in (False, True):
            try:
                return ask(call)
            except ExpiredError:
                if has_renewed or not renews:
                    raise expired(call, renews=renews) from None
            self._renew()
        raise AssertionError("unreachable")

    def _judged(self, call: Call) -> Reply:
        reply = self._heard(call, self._exchange(call))
        if 200 <= reply.status < 300:
            return reply
        raise problem(call, reply)

    def _heard(self, call: Call, outcome: Reply | Lost) -> Reply:
        """An answer, without our secrets, once it was noted what it says of the calls that are left."""
        if isinstance(outcome, Lost):
            raise again(call, outcome.told("instance_url"), sent=outcome.sent)
        if (told := allowance(outcome)) is not None:
            self.effects.allowed(told)
        return self._masked(outcome)

    def _masked(self, reply: Reply) -> Reply:
        tokens = (self._access_token, self._refresh_token)
        secrets = (*secrets_of(self._settings), *tokens)
        is_error = not 200 <= reply.status < 300
        return replace(reply, data=without_secrets(reply.data, secrets, is_error=is_error))

    # --- one request -------------------------------------------------------------------------------------------

    def _exchange(self, call: Call) -> Reply | Lost:
        """Send exactly one request. Only the transport may raise here."""
        library = self._held_library()

        def request(url: str) -> None:
            body = call.data if call.body is None else _to_json(call.body)
            library._call_salesforce(
                call.method,
                url,
                name=call.label,
                params=dict(call.query),
                headers=dict(call.headers),
                data=body,
                allow_redirects=False,
            )

        return self._passed(call, self._settings.instance_url, request)

    def _passed(self, call: Call, origin: str, request: Callable[[str], object]) -> Reply | Lost:
        """Let one request out, and give the answer as it arrived. The library's errors keep no headers."""
        from requests import RequestException
        from simple_salesforce.exceptions import SalesforceError

        self._held_session()
        gate = self._gates[origin]
        gate.begin(call)
        try:
            request(gate.address + call.path)
        except _LostError as error:
            return error.lost
        except (SalesforceError, RequestException):
            pass
        reply: Reply | None = gate.reply
        return reply or Lost("could not be asked", sent=False)

    def _held_session(self) -> Any:
        """One session for everything. It can reach the org and the login address, and nothing else."""
        if self._session is None:
            import requests

            self._session = requests.Session()
            self._session.trust_env = False
            self._session.adapters.clear()
            for origin in {self._settings.instance_url, self._login_origin}:
                gate = _gate(origin, self.effects, self._settings.timeout_seconds)
                self._gates[origin] = gate
                self._session.mount(f"{gate.address}/", gate)
        return self._session

    def _held_library(self) -> Any:
        if self._library is None:
            from simple_salesforce.api import Salesforce

            self._library = Salesforce(
                session_id=self._token,
                instance=self.host,  # an address would lose the brackets of an IPv6 host
                session=self._held_session(),
                version=self._settings.api_version,
            )
        return self._library

    # --- logging in --------------------------------------------------------------------------------------------

    @property
    def _login_origin(self) -> str:
        return self._settings.login_url or self._settings.instance_url

    def _renew(self) -> None:
        """Ask for an access token. Raises `AccessError` where the login is refused.

        developer.salesforce.com/docs: OAuth 2.0 client credentials, JWT bearer and refresh token flows
        """
        form = self._form()

        def request(url: str) -> None:
            self._held_session().post(url, data=form, allow_redirects=False)

        reply = self._passed(_LOGIN, self._login_origin, request)
        if isinstance(reply, Lost):
            raise again(_LOGIN, reply.told("login_url, or instance_url where that is not set"))
        if not 200 <= reply.status < 300:
            raise login_problem(_LOGIN, self._masked(reply))
        try:
            token = wire.token.decode(reply.data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise again(_LOGIN, "answered with a token that cannot be read") from None
        self._access_token = SecretStr(token.access_token)
        self._refresh_token = SecretStr(token.refresh_token) if token.refresh_token else self._refresh_token
        self.identity, self.granted = token.id, frozenset(token.scope.split())
        self._library = None

    def _form(self) -> Mapping[str, str]:
        settings = self._settings
        if settings.login == "jwt":
            return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}
        form = {"grant_type": "client_credentials", "client_id": settings.client_id or ""}
        if settings.client_secret:
            form["client_secret"] = settings.client_secret.get_secret_value()
        if self._refresh_token:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token.get_secret_value()}
        return form

    def _assertion(self) -> str:
        """A signed claim to be the integration user, good for a few minutes."""
        import jwt

        settings = self._settings
        claims = {
            "iss": settings.client_id,
            "sub": settings.username,
            "aud": settings.audience,
            "exp": int((self.effects.clock() + _ASSERTION_LIVES).timestamp()),
        }
        key = self._private_key()
        try:
            return jwt.encode(claims, key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            pass  # what the library says may quote the key
        raise ConfigError(
            "Salesforce: the private key cannot be used. Give an RSA key in PEM form, without a password, "
            "in private_key or private_key_file."
        )

    def _private_key(self) -> str:
        settings = self._settings
        if settings.private_key:
            return settings.private_key.get_secret_value()
        try:
            return settings.private_key_file.read_text(encoding="utf-8") if settings.private_key_file else ""
        except (OSError, UnicodeDecodeError):
            pass
        raise ConfigError(f"Salesforce: {settings.private_key_file} cannot be read. Correct private_key_file.")


class _Soap:
    """Writes and reads the Metadata API's XML as the library describes it. It sends nothing.

    What is broken off, unknown to the description, or declares entities is no answer: a list that was read in part
    would be written back in part.
    """

    def __init__(self) -> None:
        from simple_salesforce.metadata import SfdcMetadataApi

        made: Any = SfdcMetadataApi(None, "", "", "", {}, None)  # type: ignore[arg-type]
        self._zeep, self._service = made._client, made._service
        settings = self._zeep.settings
        settings.strict = settings.forbid_dtd = settings.forbid_entities = settings.forbid_external = True
        self._zeep.transport.session.adapters.clear()
        (service,) = self._zeep.wsdl.services.values()
        (port,) = service.ports.values()
        self.path = urlsplit(port.binding_options["address"]).path.rstrip("/") + "/"
        """Where the Metadata API is, in the version of the description, whatever the version of other calls."""

    def component(self, type: str, values: Component) -> Any:
        return self._zeep.get_type(f"ns0:{type}")(**values)

    def message(self, operation: str, token: str, *arguments: Any) -> bytes:
        from zeep.wsdl.utils import etree_to_string

        header = self._zeep.get_element("ns0:SessionHeader")(sessionId=token)
        envelope = self._zeep.create_message(self._service, operation, *arguments, _soapheaders=[header])
        write: Callable[[Any], bytes] = etree_to_string
        return write(envelope)

    def read(self, call: Call, reply: Reply) -> list[Any]:
        """What an answer holds, as dictionaries, lists and scalars; a refusal raises what it means."""
        from zeep.exceptions import Fault
        from zeep.helpers import serialize_object

        plainly: Callable[[Any, type], Any] = serialize_object
        binding = self._service._binding
        operation = binding.get(call.label.rpartition("/")[2] + "Metadata")
        answer = SimpleNamespace(status_code=reply.status, headers={}, content=reply.data, encoding="utf-8")
        error = wire.Problem()
        try:
            found: list[Any] = plainly(binding.process_reply(self._zeep, operation, answer), dict)
            return found or []
        except Fault as refusal:
            error = wire.Problem(str(refusal.message or ""), str(refusal.code or "").rpartition(":")[2])
        except Exception:  # noqa: S110 - hostile XML makes the library raise anything, and quote what it read
            pass
        if 200 <= reply.status < 300 and not error.code:
            raise again(call, f"answered {reply.status} with a body that cannot be read")
        raise fault(call, reply, error)


@cache
def _soap() -> _Soap:
    """One for all connections: reading the description takes a second."""
    return _Soap()


def _gate(origin: str, effects: Effects, timeout_seconds: float) -> Any:
    """The adapter through which all requests to one address leave."""
    import requests
    from requests.adapters import HTTPAdapter

    class Gate(HTTPAdapter):
        """Puts the configured scheme back, sets a timeout, and passes every request through the transport."""

        def __init__(self) -> None:
            super().__init__()
            parts = urlsplit(origin)
            host = parts.netloc.rpartition("@")[2]
            self.address, self.origin = f"https://{host}", f"{parts.scheme}://{host}"

        def begin(self, call: Call) -> None:
            self.call = call
            self.reply: Reply | None = None

        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
            parts = urlsplit(str(request.url))
            request.url = self.origin + parts.path + (f"?{parts.query}" if parts.query else "")
            options["timeout"] = (timeout_seconds, timeout_seconds)

            def action() -> requests.Response | Lost:
                return answer_of(read)

            def read() -> requests.Response:
                response = super(Gate, self).send(request, **options)
                response.content  # noqa: B018 - reads the body, which may break off
                return response

            outcome = effects.transport.send(action, label=self.call.label, writes=self.call.writes)
            if isinstance(outcome, Lost):
                raise _LostError(outcome)
            self.reply = Reply(outcome.status_code, outcome.headers.copy(), outcome.content)
            outcome.headers.pop("Location", None)  # nothing is followed, so nothing need be made of it
            return outcome

    return Gate()
