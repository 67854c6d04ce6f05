"""The whole imitated service: paths, tokens, limits, envelopes and the calls behind them."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Protocol
from urllib.parse import parse_qs

from instep.sandbox import Request, Response, Route, Routes
from instep_marketo.sandbox.activity_calls import ActivityCalls
from instep_marketo.sandbox.allowances import NOT_COUNTED
from instep_marketo.sandbox.bulk_calls import ActivityExportCalls, LeadExportCalls
from instep_marketo.sandbox.campaign_calls import CampaignCalls
from instep_marketo.sandbox.channel_calls import ChannelCalls
from instep_marketo.sandbox.custom_activity_calls import CustomActivityCalls
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.form_calls import FormCalls
from instep_marketo.sandbox.import_calls import IMPORT, ImportCalls
from instep_marketo.sandbox.lead_calls import LeadCalls
from instep_marketo.sandbox.list_calls import ListCalls
from instep_marketo.sandbox.logins import Login, Token
from instep_marketo.sandbox.member_calls import MemberCalls
from instep_marketo.sandbox.object_calls import ObjectCalls
from instep_marketo.sandbox.object_kinds import KINDS
from instep_marketo.sandbox.operations import Body, Operation, asks
from instep_marketo.sandbox.partition_calls import PartitionCalls
from instep_marketo.sandbox.program_calls import ProgramCalls
from instep_marketo.sandbox.schema_calls import SchemaCalls
from instep_marketo.sandbox.statistics_calls import StatisticsCalls
from instep_marketo.sandbox.subscription import Subscription


class _Family(Protocol):
    """The calls of one kind of thing."""

    def operations(self) -> list[Operation]:
        """Their table."""
        ...


IDENTITY = "/identity/oauth/token"
FAMILIES: tuple[Callable[[Subscription], _Family], ...] = (
    LeadCalls,
    PartitionCalls,
    FormCalls,
    SchemaCalls,
    ActivityCalls,
    CustomActivityCalls,
    ChannelCalls,
    ProgramCalls,
    MemberCalls,
    ListCalls,
    CampaignCalls,
    LeadExportCalls,
    ActivityExportCalls,
    ImportCalls,
    StatisticsCalls,
    *(partial(ObjectCalls, kind=kind) for kind in KINDS),
)
SHORTEST_ZIPPED = 1024
"""Shorter bodies are never compressed, nor are bulk files."""


class MarketoService:
    """Answers calls as Marketo would, for one subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription
        self._gate = threading.Lock()
        """For what happens to calls that wait for another one's answer."""
        self._in_flight = 0
        found = [operation for family in FAMILIES for operation in family(subscription).operations()]
        for method in ("GET", "POST"):
            found.append(Operation(method, IDENTITY, self._identify, "identity.token", writes=False))
        self._operations = {(operation.method, operation.template): operation for operation in found}
        self._routes = Routes(_routes(found))

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        return self._routes

    def canonical(self, path: str) -> str:
        """The path of a list of leads has two spellings, as has the description of members."""
        path = path.replace("/rest/v1/program/members/", "/rest/v1/programs/members/", 1)
        return path.replace("/rest/v1/list/", "/rest/v1/lists/", 1)

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included: nearly all of them with status 200."""
        character = self._state.personality
        if len(request.target) > character.address_limit:
            return Response(414, b"URI Too Long", content_type="text/plain")
        longest = character.import_limit if request.path == IMPORT else character.body_limit
        if len(request.body) > longest:
            return Response(413, b"Request Entity Too Large", content_type="text/plain")
        if "form-urlencoded" in request.headers.get("content-type", ""):
            form = parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)
            request = replace(request, query={**request.query, **form})
        if request.path == IDENTITY:
            with self._state.held():
                return self._identify(request)
        try:
            with self._flight(), self._state.held():
                return _zipped(request, self._performed(request, self._operation(request, route)))
        except RefusedError as refused:
            return self._refused(refused)

    def throttled(self, request: Request) -> Response:
        """The refusal for too many calls in twenty seconds."""
        if request.path == IDENTITY:
            return Response(503, b"busy", content_type="text/plain")
        return self._refused(RefusedError("606", "Max rate limit '100' exceeded with in '20' secs"))

    def failed(self, request: Request) -> Response:
        """Marketo's own system error."""
        if request.path == IDENTITY:
            return Response(500, b"{}")
        return self._refused(RefusedError("611", "System error"))

    # --- around a call -----------------------------------------------------------------------------------------

    @contextmanager
    def _flight(self) -> Iterator[None]:
        """Hold one of the slots for calls in flight; refuses one too many."""
        limit = self._state.personality.concurrent_limit
        with self._gate:
            if limit is not None and self._in_flight + self._state.usage.occupied >= limit:
                raise RefusedError("615", "Concurrent access limit reached")
            self._in_flight += 1
        try:
            yield
        finally:
            with self._gate:
                self._in_flight -= 1

    def _operation(self, request: Request, route: Route | None) -> Operation | None:
        """What is asked for: a POST may stand for a GET whose address would be too long."""
        if route is None:
            return None
        return self._operations.get(("GET" if asks(request) else route.method, route.template))

    def _performed(self, request: Request, operation: Operation | None) -> Response:
        state = self._state
        state.caller = self._require_token(request).login
        if state.trouble:
            code = state.trouble.pop(0)
            self._count(code)
            raise RefusedError(code, TROUBLE.get(code, "System error"))
        if operation is None and self._routes.methods(self.canonical(request.path)):
            raise RefusedError("605", "HTTP Method not supported")
        self._count()
        if operation is None:
            raise RefusedError("610", "Requested resource not found")
        if not state.caller.may(*operation.permissions):
            raise RefusedError("603", "Access denied")
        answer = operation.handler(request)
        return answer if isinstance(answer, Response) else self._enveloped(answer)

    def _count(self, code: str = "") -> None:
        if code not in NOT_COUNTED:
            self._state.usage.spend(self._state.caller.email, self._state.now(), self._state.personality)

    def _enveloped(self, body: Body) -> Response:
        return Response.of({"requestId": self._request_id(), "success": True, **body})

    def _refused(self, refused: RefusedError) -> Response:
        with self._gate:
            self._state.usage.fail(refused.code, self._state.now())
        return Response.of({"requestId": self._request_id(), "success": False, "errors": [refused.to_dict()]})

    def _request_id(self) -> str:
        return f"{self._state.uuid()[:4]}#{self._state.uuid()[:11].replace('-', '')}"

    # --- who calls ---------------------------------------------------------------------------------------------

    def _require_token(self, request: Request) -> Token:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = (request.one("access_token") or "") if self._state.personality.token_in_query else ""
        found = self._state.tokens.get(token.strip())
        if found is None:
            raise RefusedError("601", "Access token invalid")
        if self._state.now() >= found.issued + self._lifetime():
            raise RefusedError("602", "Access token expired")
        return found

    def _lifetime(self) -> timedelta:
        return self._state.personality.token_expiry or timedelta(seconds=3600)

    def _identify(self, request: Request) -> Response:
        """The token of a custom service: the same one until it has expired."""
        login = self._state.logins.get(request.one("client_id") or "")
        if login is None:
            said = f"No client with requested id: {request.one('client_id')}"
            return Response.of({"error": "unauthorized", "error_description": said}, 401)
        if request.one("client_secret") != login.client_secret:
            return Response.of({"error": "invalid_client", "error_description": "Bad client credentials"}, 401)
        token, left = self._token_of(login)
        told = {"access_token": token, "token_type": "bearer", "expires_in": left, "scope": login.email}
        return Response.of(told)

    def _token_of(self, login: Login) -> tuple[str, int]:
        """The token of a login, and the whole seconds for which it is still good."""
        now, lifetime, known = self._state.now(), self._lifetime(), self._state.tokens
        good = (text for text, token in known.items() if token.login is login and now < token.issued + lifetime)
        text = next(good, None) or f"{self._state.uuid()}:int"
        issued = known.setdefault(text, Token(login, now)).issued
        return text, int((issued + lifetime - now).total_seconds())


TROUBLE = {
    "502": "Bad Gateway",
    "604": "Request timed out",
    "608": "API Temporarily Unavailable",
    "611": "System error",
    "713": "Transient Error",
}


def _routes(operations: list[Operation]) -> list[Route]:
    """Any answer will do in a route: `answer` calls the operation itself. Every GET can be asked by POST too."""
    found = []
    posts = {operation.template for operation in operations if operation.method == "POST"}
    for operation in operations:
        writes = operation.writes
        if writes is None and operation.method == "POST":
            writes = _is_no_question
        found.append(Route(operation.method, operation.template, _unused, operation.label, writes))
        if operation.method == "GET" and operation.template not in posts:
            found.append(Route("POST", operation.template, _unused, operation.label, writes=False))
    return found


def _is_no_question(request: Request) -> bool:
    return not asks(request)


def _zipped(request: Request, response: Response) -> Response:
    """Compressed, where the caller takes that and it is worth it."""
    is_json = response.content_type.startswith("application/json")
    if (
        not is_json
        or len(response.body) < SHORTEST_ZIPPED
        or "gzip" not in request.headers.get("accept-encoding", "")
    ):
        return response
    body = gzip.compress(response.body, compresslevel=1, mtime=0)
    return replace(response, body=body, headers=(*response.headers, ("Content-Encoding", "gzip")))


def _unused(request: Request) -> Response:
    raise AssertionError(f"{request.path} is answered by its operation")
