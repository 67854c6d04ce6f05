"""The whole imitated service: paths, sessions, limits, headers and the calls behind them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace

from instep.sandbox import MalformedJsonError, Request, Response, Route, Routes
from instep_salesforce.sandbox.bulk_calls import BulkCalls
from instep_salesforce.sandbox.collection_calls import CollectionCalls
from instep_salesforce.sandbox.composite_calls import CompositeCalls
from instep_salesforce.sandbox.conditional import PreconditionError
from instep_salesforce.sandbox.describe_calls import DescribeCalls, versions
from instep_salesforce.sandbox.errors import OAuthRefusedError, RefusedError, malformed, not_found
from instep_salesforce.sandbox.login_calls import LoginCalls
from instep_salesforce.sandbox.metadata import calls as metadata
from instep_salesforce.sandbox.metadata import envelopes
from instep_salesforce.sandbox.metadata.faults import FaultError
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import ALLOWANCE, Org
from instep_salesforce.sandbox.query_calls import QueryCalls
from instep_salesforce.sandbox.record_calls import RecordCalls
from instep_salesforce.sandbox.replication_calls import ReplicationCalls
from instep_salesforce.sandbox.tokens import Session
from instep_salesforce.sandbox.tooling_calls import ToolingCalls
from instep_salesforce.sandbox.tree_calls import TreeCalls

DATA = "/services/data/"
MAX_URI = 16_384
WORTH_COMPRESSING = 1_000
_VERSION = re.compile(r"v(\d{1,3}\.0)")
_OLDEST, _NEWEST = 31.0, 68.0


class SalesforceService:
    """Answers calls as Salesforce would, for one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._login = LoginCalls(org)
        self._metadata = metadata.MetadataCalls(org, self._user_of)
        groups = (
            DescribeCalls(org),
            QueryCalls(org),
            RecordCalls(org),
            CollectionCalls(org),
            ReplicationCalls(org),
            CompositeCalls(org, self.inside),
            TreeCalls(org),
            ToolingCalls(org),
            BulkCalls(org),
        )
        self._operations: dict[Route, Operation] = {}
        self._open: dict[Route, Callable[[Request], Response]] = {}
        self._routes = Routes()
        for operation in (item for group in groups for item in group.operations()):
            self._add(operation)
        self._add_open()

    def _add(self, operation: Operation) -> None:
        template = f"{DATA}{{version}}/{operation.template}"
        route = Route(operation.method, template, _unused, operation.label, operation.writes)
        self._routes.add(route)
        self._operations[route] = operation

    def _add_open(self) -> None:
        for method, path, answer, label in (
            ("GET", DATA, lambda _: reply(versions()), "versions"),
            ("POST", "/services/oauth2/token", self._login.token, "oauth.token"),
            ("POST", "/services/oauth2/revoke", self._login.revoke, "oauth.revoke"),
            ("GET", "/services/oauth2/revoke", self._login.revoke, "oauth.revoke"),
            ("GET", "/services/oauth2/userinfo", self._user_info, "oauth.userinfo"),
        ):
            route = Route(method, path, _unused, label, writes=False)
            self._routes.add(route)
            self._open[route] = answer
        route = Route("POST", metadata.PATH, _unused, "metadata", metadata.writes)
        self._routes.add(route)
        self._open[route] = self._metadata.answer

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        return self._routes

    def canonical(self, path: str) -> str:
        """Paths have one form only."""
        return path

    # --- answering ---------------------------------------------------------------------------------------------

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included."""
        with self._org.lock:
            self._org.pass_time()
            if (too_long := _too_long(request)) is not None:
                return too_long
            if route in self._open:
                return self._answered_openly(request, self._open[route])
            return self._headed(request, self.guarded(lambda: self._admitted(request, route)))

    def _answered_openly(self, request: Request, answer: Callable[[Request], Response]) -> Response:
        try:
            return self.guarded(lambda: answer(request))
        except OAuthRefusedError as refusal:
            return reply(refusal.to_body(), refusal.status)

    def guarded(self, answer: Callable[[], Response]) -> Response:
        """An answer, or the refusal that came instead."""
        try:
            return answer()
        except RefusedError as refusal:
            headers = (("WWW-Authenticate", "Token"),) if refusal.status == 401 else ()
            return reply(refusal.to_body(), refusal.status, headers)
        except MalformedJsonError as error:
            return reply(malformed(str(error)).to_body(), 400)
        except PreconditionError:
            return Response(412)

    def _admitted(self, request: Request, route: Route | None) -> Response:
        session = self._session(request)
        self._require_allowance()
        if route is None:
            raise self._unknown(request)
        operation = self._operations[route]
        version = _version(request.params["version"])
        if operation.counts:
            self._org.usage.add(self._org.now())
        _require_type(request, operation)
        return operation.answer(Call(request, session.user, version))

    def inside(self, call: Call, request: Request) -> Response:
        """The answer to a call that another call carries."""
        match = self._routes.find(request.method, request.path)
        if match is None or match.route not in self._operations:
            return self.guarded(lambda: self._refuse(request))
        request = replace(request, params=match.params)
        operation = self._operations[match.route]

        def answer() -> Response:
            return operation.answer(Call(request, call.user, _version(match.params["version"])))

        return self.guarded(answer)

    def _refuse(self, request: Request) -> Response:
        raise self._unknown(request)

    def _session(self, request: Request) -> Session:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        session = self._living(token.strip()) if scheme.lower() in {"bearer", "oauth"} else None
        if session is None:
            raise RefusedError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return session

    def _living(self, token: str) -> Session | None:
        """The session of a token, used now; None where it is over."""
        character, now, session = self._org.personality, self._org.now(), self._org.tokens.get(token)
        if session is None or not session.lives(now, character.token_expiry, character.session_seconds):
            return None
        session.used = now
        return session

    def _user_of(self, token: str) -> str | None:
        session = self._living(token)
        return None if session is None else session.user

    def _user_info(self, request: Request) -> Response:
        return self._login.user_info(self._session(request).user)

    def _require_allowance(self) -> None:
        most = self._org.personality.daily_limit
        if most is not None and self._org.usage.used(self._org.now()) >= most:
            raise RefusedError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def _unknown(self, request: Request) -> RefusedError:
        if allowed := self._routes.methods(request.path):
            message = f"HTTP Method '{request.method}' not allowed. Allowed are {','.join(sorted(allowed))}"
            return RefusedError(405, "METHOD_NOT_ALLOWED", message)
        return not_found()

    # --- what goes with every answer ---------------------------------------------------------------------------

    def _headed(self, request: Request, response: Response) -> Response:
        headers = (*response.headers, ("Sforce-Limit-Info", self._limit_info()))
        wants_less = "gzip" in request.headers.get("accept-encoding", "")
        if self._org.personality.gzip and wants_less and len(response.body) >= WORTH_COMPRESSING:
            headers = (*headers, ("Content-Encoding", "gzip"))
            response = replace(response, body=gzip.compress(response.body, 1))
        return replace(response, headers=headers)

    def _limit_info(self) -> str:
        character = self._org.personality
        used, most = self._org.usage.used(self._org.now()), character.daily_limit or ALLOWANCE
        more = {
            "short": "",
            "per_app": f"; per-app-api-usage={used}/{most}(appName=instep)",
            "bursts": "; api-bursts=1/750",
        }
        return f"api-usage={used}/{most}{more[character.limit_info]}"

    def throttled(self, request: Request) -> Response:
        """The refusal for too many long calls at once."""
        message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        if metadata.is_soap(request):
            return envelopes.fault(FaultError("REQUEST_LIMIT_EXCEEDED", message))
        return self._failing(request, RefusedError(403, "REQUEST_LIMIT_EXCEEDED", message))

    def failed(self, request: Request) -> Response:
        """Salesforce's own server error."""
        message = "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567-89012"
        if metadata.is_soap(request):
            return envelopes.fault(FaultError("UNKNOWN_EXCEPTION", message))
        return self._failing(request, RefusedError(500, "UNKNOWN_EXCEPTION", message))

    def _failing(self, request: Request, refusal: RefusedError) -> Response:
        with self._org.lock:
            return self._headed(request, reply(refusal.to_body(), refusal.status))


def _unused(request: Request) -> Response:
    raise AssertionError("Salesforce's operations are answered by the service.")


def _version(text: str) -> float:
    match = _VERSION.fullmatch(text)
    version = float(match[1]) if match else 0.0
    if match and version < _OLDEST:
        raise RefusedError(410, "UNSUPPORTED_API_VERSION", "The requested API version is no longer supported")
    if not _OLDEST <= version <= _NEWEST:
        raise not_found()
    return version


def _require_type(request: Request, operation: Operation) -> None:
    said = request.headers.get("content-type", operation.body_type).lower()
    if request.body and operation.body_type not in said:
        raise RefusedError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Type must be {operation.body_type}, not {said}")


def _too_long(request: Request) -> Response | None:
    """Salesforce's edge turns away long addresses before anybody reads them (help article 000386264)."""
    size = len(request.target)
    if size > MAX_URI:
        return Response(414, b"<html><body>URI Too Long</body></html>", content_type="text/html")
    if size + sum(len(name) + len(value) + 4 for name, value in request.headers.items()) > MAX_URI:
        return Response(431, b"<html><body>Request Header Fields Too Large</body></html>", content_type="text/html")
    return None
