"""The whole imitated service: paths, tokens, limits, envelopes and the calls behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

from instep.sandbox import Request, Response, Route, Routes
from instep_marketo.sandbox.activity_calls import ActivityCalls
from instep_marketo.sandbox.bulk_calls import BulkCalls
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import LeadCalls
from instep_marketo.sandbox.membership_calls import MembershipCalls
from instep_marketo.sandbox.operations import Body, Operation, result
from instep_marketo.sandbox.program_calls import ProgramCalls
from instep_marketo.sandbox.sales_calls import SalesCalls
from instep_marketo.sandbox.schema_calls import SchemaCalls
from instep_marketo.sandbox.subscription import Subscription

CLIENT_ID = "5b1c6a4e-sandbox"
CLIENT_SECRET = "sandbox-secret-of-the-custom-service"  # noqa: S105 - of a sandbox
API_USER = "instep@api.sandbox.example"
IDENTITY = "/identity/oauth/token"
LONGEST_TARGET = 8 * 1024
LONGEST_BODY = 1024 * 1024


class MarketoService:
    """Answers calls as Marketo would, for one subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription
        calls = (
            LeadCalls(subscription),
            SchemaCalls(subscription),
            ActivityCalls(subscription),
            ProgramCalls(subscription),
            MembershipCalls(subscription),
            SalesCalls(subscription),
            BulkCalls(subscription),
        )
        found = [operation for group in calls for operation in group.operations()]
        found.append(Operation("GET", "/rest/v1/stats/usage.json", self._usage, "stats.usage"))
        for method in ("GET", "POST"):
            found.append(Operation(method, IDENTITY, self._identify, "identity.token", writes=False))
        self._operations: dict[Route, Operation] = {}
        self._routes = Routes()
        for operation in found:
            # Any answer will do here: `answer` calls the operation itself.
            route = Route(operation.method, operation.template, _unused, operation.label, operation.writes)
            self._routes.add(route)
            self._operations[route] = operation

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        return self._routes

    def canonical(self, path: str) -> str:
        """The path of a list of leads has two spellings."""
        return path.replace("/rest/v1/list/", "/rest/v1/lists/", 1)

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included: nearly all of them with status 200."""
        if len(request.target) > LONGEST_TARGET:
            return Response(414, b"URI Too Long", content_type="text/plain")
        if len(request.body) > LONGEST_BODY:
            return Response(413, b"Request Entity Too Large", content_type="text/plain")
        if "form-urlencoded" in request.headers.get("content-type", ""):
            form = parse_qs(request.body.decode(), keep_blank_values=True)
            request = replace(request, query={**request.query, **form})
        with self._state.lock, self._in_flight():
            operation = self._operations[route] if route is not None else None
            if operation is not None and operation.template == IDENTITY:
                return self._identify(request)
            try:
                self._require_token(request)
                self._state.spend()
                if operation is None:
                    raise self._unknown(request)
                if operation.permission in self._state.denied:
                    raise RefusedError("603", "Access denied")
                answer = operation.handler(request)
            except RefusedError as refused:
                return self._refused(refused)
            return answer if isinstance(answer, Response) else self._enveloped(answer)

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
    def _in_flight(self) -> Iterator[None]:
        self._state.usage.in_flight += 1
        try:
            yield
        finally:
            self._state.usage.in_flight -= 1

    def _unknown(self, request: Request) -> RefusedError:
        if self._routes.methods(self.canonical(request.path)):
            return RefusedError("605", "HTTP Method not supported")
        return RefusedError("610", "Requested resource not found")

    def _enveloped(self, body: Body) -> Response:
        return Response.of({"requestId": self._request_id(), "success": True, **body})

    def _refused(self, refused: RefusedError) -> Response:
        return Response.of({"requestId": self._request_id(), "success": False, "errors": [refused.to_dict()]})

    def _request_id(self) -> str:
        return f"{self._state.uuid()[:4]}#{self._state.uuid()[:11].replace('-', '')}"

    # --- who calls ---------------------------------------------------------------------------------------------

    def _require_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = (request.one("access_token") or "") if self._state.personality.token_in_query else ""
        issued = self._state.tokens.get(token.strip())
        if issued is None:
            raise RefusedError("601", "Access token invalid")
        if self._state.now() >= issued + self._lifetime():
            raise RefusedError("602", "Access token expired")

    def _lifetime(self) -> timedelta:
        return self._state.personality.token_expiry or timedelta(seconds=3600)

    def _identify(self, request: Request) -> Response:
        """The token of the custom service: the same one until it has expired."""
        if request.one("client_id") != CLIENT_ID:
            said = f"No client with requested id: {request.one('client_id')}"
            return Response.of({"error": "unauthorized", "error_description": said}, 401)
        if request.one("client_secret") != CLIENT_SECRET:
            return Response.of({"error": "invalid_client", "error_description": "Bad client credentials"}, 401)
        now, lifetime = self._state.now(), self._lifetime()
        token = next((token for token, at in self._state.tokens.items() if now < at + lifetime), None)
        if token is None:
            token = f"{self._state.uuid()}:int"
            self._state.tokens[token] = now
        left = int((self._state.tokens[token] + lifetime - now).total_seconds())
        return Response.of({"access_token": token, "token_type": "bearer", "expires_in": left, "scope": API_USER})

    def _usage(self, request: Request) -> Body:
        used = self._state.used_today()
        users = [{"userId": API_USER, "count": used}]
        return result([{"date": self._state.now().date().isoformat(), "total": used, "users": users}])


def _unused(request: Request) -> Response:
    raise AssertionError(f"{request.path} is answered by its operation")
