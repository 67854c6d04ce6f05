"""The whole imitated service: paths, tokens, limits, headers and the calls behind them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from instep.sandbox import MalformedJsonError, Request, Response, Route, Routes
from instep_hubspot.sandbox.account_calls import DAILY_LIMIT, AccountCalls
from instep_hubspot.sandbox.accounts import Token
from instep_hubspot.sandbox.association_calls import AssociationCalls
from instep_hubspot.sandbox.batch_calls import BatchCalls
from instep_hubspot.sandbox.bodies import malformed
from instep_hubspot.sandbox.consent_calls import ConsentCalls
from instep_hubspot.sandbox.errors import RefusedError
from instep_hubspot.sandbox.happening_calls import HappeningCalls
from instep_hubspot.sandbox.list_calls import ListCalls
from instep_hubspot.sandbox.object_calls import ObjectCalls
from instep_hubspot.sandbox.operations import Operation
from instep_hubspot.sandbox.owner_calls import OwnerCalls
from instep_hubspot.sandbox.pipeline_calls import PipelineCalls
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.property_calls import PropertyCalls
from instep_hubspot.sandbox.search_calls import SearchCalls
from instep_hubspot.sandbox.times import iso, to_ms

MAX_URL = 8_000
BURST_SHOWN = 190
_DATED = "(?:2026-03|2026-09)"
_FAMILIES = (
    (re.compile(rf"/crm/objects/{_DATED}/([^/]+/[^/]+/associations/.*)"), r"/crm/v4/objects/\1"),
    (re.compile(rf"/crm/associations/{_DATED}/(.*)"), r"/crm/v4/associations/\1"),
    (re.compile(rf"/crm/(objects|properties|pipelines|owners|lists)/{_DATED}(/.*)?"), r"/crm/v3/\1\2"),
    (re.compile(rf"/communication-preferences/{_DATED}/(.*)"), r"/communication-preferences/v4/\1"),
    (re.compile(rf"/oauth/(?:v3|{_DATED})/(.*)"), r"/oauth/v1/\1"),
    (re.compile(rf"/marketing/forms/{_DATED}(/.*)?"), r"/marketing/v3/forms\1"),
    (re.compile(rf"/account-info/{_DATED}/(.*)"), r"/account-info/v3/\1"),
)


class HubSpotService:
    """Answers calls as HubSpot would, for one account."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        calls = (
            ObjectCalls(portal),
            BatchCalls(portal),
            SearchCalls(portal),
            AssociationCalls(portal),
            PropertyCalls(portal),
            PipelineCalls(portal),
            OwnerCalls(portal),
            ConsentCalls(portal),
            AccountCalls(portal),
            HappeningCalls(portal),
            ListCalls(portal),
        )
        self._operations: dict[Route, Operation] = {}
        self._routes = Routes()
        for operation in (item for group in calls for item in group.operations()):
            route = Route(operation.method, operation.template, operation.handler, operation.label, operation.writes)
            self._routes.add(route)
            self._operations[route] = operation

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        return self._routes

    def canonical(self, path: str) -> str:
        """The older path of an operation that was called by its dated one."""
        if path.startswith("/crm/v"):
            return path
        for pattern, older in _FAMILIES:
            if pattern.fullmatch(path):
                return pattern.sub(older, path)
        return path

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included."""
        with self._portal.lock:
            correlation = self._portal.ids.uuid()
            if len(request.target) > MAX_URL:
                return Response(414, b"<html><body>URI Too Long</body></html>", content_type="text/html")
            token = self._token(request)
            try:
                response = self._admitted(request, route, token)
            except RefusedError as refusal:
                response = _refused(refusal, correlation)
            except MalformedJsonError as error:
                response = _refused(malformed(str(error)), correlation)
            return self._headed(response, route, token, correlation)

    def throttled(self, request: Request) -> Response:
        """The refusal for too many calls in ten seconds."""
        return self._failing(request, self._too_many("TEN_SECONDLY_ROLLING", 10))

    def failed(self, request: Request) -> Response:
        """HubSpot's own server error."""
        return self._failing(request, RefusedError(500, "internal error", category=None))

    def _failing(self, request: Request, refusal: RefusedError) -> Response:
        with self._portal.lock:
            correlation = self._portal.ids.uuid()
            return self._headed(_refused(refusal, correlation), None, self._token(request), correlation)

    def _token(self, request: Request) -> Token | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return self._portal.tokens.get(value.strip()) if scheme.lower() == "bearer" else None

    def _admitted(self, request: Request, route: Route | None, token: Token | None) -> Response:
        operation = self._operations[route] if route is not None else None
        if operation is not None and operation.open_to_all:
            return operation.handler(request)
        if token is None:
            raise RefusedError(
                401,
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
                "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
                category="INVALID_AUTHENTICATION",
            )
        self._require_young(token)
        self._spend(operation, token)
        if operation is None:
            raise self._unknown(request)
        self._require_scope(operation, request, token)
        return operation.handler(request)

    def _unknown(self, request: Request) -> RefusedError:
        if self._routes.methods(self.canonical(request.path)):
            return RefusedError(405, "Method Not Allowed", category=None)
        return RefusedError(404, "resource not found", category=None)

    def _require_young(self, token: Token) -> None:
        ends, now = token.expired_at(self._portal.personality.token_expiry), self._portal.clock.now()
        if ends is not None and now >= ends:
            ago = int((now - ends).total_seconds())
            raise RefusedError(
                401,
                f"The OAuth token used to make this call expired {ago} second(s) ago.",
                category="EXPIRED_AUTHENTICATION",
                context={"expire time": [iso(to_ms(ends))]},
            )

    def _require_scope(self, operation: Operation, request: Request, token: Token) -> None:
        if operation.scope is None:
            return
        scope = operation.scope(request)
        if scope not in token.scopes:
            raise RefusedError(
                403,
                "This app hasn't been granted all required scopes to make this call. Read more about "
                "required scopes here: https://developers.hubspot.com/scopes.",
                category="MISSING_SCOPES",
                links={"scopes": "https://developers.hubspot.com/scopes"},
                errors=[
                    {
                        "message": "One or more of the following scopes are required.",
                        "context": {"requiredGranularScopes": [scope]},
                    }
                ],
            )

    def _spend(self, operation: Operation | None, token: Token) -> None:
        now, quota, character = self._portal.clock.now(), self._portal.quota, self._portal.personality
        if not quota.daily.admit(now, character.daily_limit):
            raise self._too_many("DAILY", _seconds_to_midnight(now))
        if operation is not None and operation.label == "objects.search":
            if not quota.searches.admit(now, character.search_rate_limit):
                raise self._too_many("SECONDLY", 1)
        elif not quota.burst(token.value).admit(now, character.rate_limit):
            raise self._too_many("TEN_SECONDLY_ROLLING", quota.burst(token.value).wait_seconds(now))

    def _too_many(self, policy: str, wait_seconds: int) -> RefusedError:
        extra: dict[str, object] = {
            "errorType": "RATE_LIMIT",
            "policyName": policy,
            "groupName": f"publicapi:private-apps-api-calls:{self._portal.portal_id}",
        }
        if self._portal.personality.retry_after:
            extra["retryAfterSeconds"] = wait_seconds
        word = policy.lower()
        return RefusedError(429, f"You have reached your {word} limit.", category=None, extra=extra)

    def _headed(self, response: Response, route: Route | None, token: Token | None, correlation: str) -> Response:
        headers = [*response.headers, ("X-HubSpot-Correlation-Id", correlation)]
        if token is not None and not (route is not None and route.label == "objects.search"):
            headers += self._allowances(token)
        return replace(response, headers=tuple(headers))

    def _allowances(self, token: Token) -> list[tuple[str, str]]:
        now, character = self._portal.clock.now(), self._portal.personality
        most = character.rate_limit or BURST_SHOWN
        used = self._portal.quota.burst(token.value).used(now)
        headers = [
            ("X-HubSpot-RateLimit-Max", str(most)),
            ("X-HubSpot-RateLimit-Remaining", str(max(0, most - used))),
            ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
        ]
        if not token.is_oauth:
            daily = character.daily_limit or DAILY_LIMIT
            left = max(0, daily - self._portal.quota.daily.used(now))
            headers += [
                ("X-HubSpot-RateLimit-Daily", str(daily)),
                ("X-HubSpot-RateLimit-Daily-Remaining", str(left)),
            ]
        return headers


def _refused(refusal: RefusedError, correlation: str) -> Response:
    wait = refusal.extra.get("retryAfterSeconds")
    body = refusal.to_body(correlation)
    body.pop("retryAfterSeconds", None)
    response = Response.of(body, refusal.status)
    return response if wait is None else replace(response, headers=(("Retry-After", str(wait)),))


def _seconds_to_midnight(now: datetime) -> int:
    return 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)
