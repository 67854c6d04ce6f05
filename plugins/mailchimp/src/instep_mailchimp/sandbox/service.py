"""The whole imitated service: logins, limits, problems, and the calls behind them."""

from __future__ import annotations

import base64
import binascii
import threading
from dataclasses import replace

from instep.sandbox import MalformedJsonError, Request, Response, Route, Routes
from instep_mailchimp.sandbox.account import ACCESS_TOKEN, API_KEY, DATA_CENTRE, Account
from instep_mailchimp.sandbox.audience_calls import AudienceCalls
from instep_mailchimp.sandbox.automation_calls import AutomationCalls
from instep_mailchimp.sandbox.batch_calls import BatchCalls
from instep_mailchimp.sandbox.campaign_calls import CampaignCalls
from instep_mailchimp.sandbox.errors import ProblemError, not_found
from instep_mailchimp.sandbox.event_calls import EventCalls
from instep_mailchimp.sandbox.interest_calls import InterestCalls
from instep_mailchimp.sandbox.member_calls import MemberCalls
from instep_mailchimp.sandbox.segment_calls import SegmentCalls
from instep_mailchimp.sandbox.shaping import answer
from instep_mailchimp.sandbox.webhook_calls import WebhookCalls

_OPEN = ("/batch-results/", "/oauth2/")


class MailchimpService:
    """Answers calls as Mailchimp would, for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._busy, self._counting = 0, threading.Lock()
        self._batches = BatchCalls(account, self._operate)
        self._routes = Routes(
            [
                Route("GET", "/3.0", self._root, "root.read"),
                Route("GET", "/3.0/ping", self._ping, "ping"),
                Route("GET", "/oauth2/metadata", self._metadata, "oauth.metadata"),
                *MemberCalls(account).routes(),
                *AudienceCalls(account).routes(),
                *InterestCalls(account).routes(),
                *SegmentCalls(account).routes(),
                *CampaignCalls(account).routes(),
                *EventCalls(account).routes(),
                *AutomationCalls(account).routes(),
                *WebhookCalls(account).routes(),
                *self._batches.routes(),
            ]
        )

    @property
    def routes(self) -> Routes:
        """The operations of the service."""
        return self._routes

    def canonical(self, path: str) -> str:
        """The path as it is: there is one family."""
        return path

    def answer(self, request: Request, route: Route | None) -> Response:
        """The answer to a call, refusals included."""
        with self._counting:
            self._busy += 1
            is_too_much = self._busy > self._account.personality.connections
        try:
            if is_too_much:
                return self.throttled(request)
            with self._account.lock:
                self._batches.work()
                return self._answered(request, route)
        finally:
            with self._counting:
                self._busy -= 1

    def deliver(self) -> int:
        """Post what webhooks are to hear by now, the end of batches included; gives how many posts were sent."""
        with self._account.lock:
            self._batches.work()
        return self._account.postman.deliver(self._account.personality)

    def throttled(self, request: Request) -> Response:
        """The refusal of too many calls at one time. It never says when to come back."""
        character = self._account.personality
        if character.bare_403 or character.bare_429:
            return Response(403 if character.bare_403 else 429, b"")
        detail = "You have exceeded the limit of 10 simultaneous connections."
        return self._refused(ProblemError(429, "Too Many Requests", detail))

    def failed(self, request: Request) -> Response:
        """Mailchimp's own server error."""
        detail = "An unexpected internal error has occurred. Please contact Support for more information."
        return self._refused(ProblemError(500, "InternalServerError", detail))

    def _answered(self, request: Request, route: Route | None) -> Response:
        try:
            if not request.path.startswith(_OPEN):
                self._admit(request)
            if route is None:
                raise self._unknown(request)
            return route.handler(request)
        except ProblemError as problem:
            return self._refused(problem)
        except MalformedJsonError:
            detail = "We encountered an unspecified JSON parsing error."
            return self._refused(ProblemError(400, "JSON Parse Error", detail))

    def _operate(self, request: Request) -> Response:
        """One operation of a batch."""
        match = self._routes.find(request.method, request.path)
        if match is None or match.route.label.startswith("batches"):
            return self._refused(not_found())
        try:
            return match.route.handler(replace(request, params=match.params))
        except (ProblemError, MalformedJsonError) as refused:
            problem = refused if isinstance(refused, ProblemError) else ProblemError(400, "JSON Parse Error", "")
            return self._refused(problem)

    def _refused(self, problem: ProblemError) -> Response:
        return problem.to_response(self._account.ids.uuid(), typed=self._account.personality.problem_type)

    def _unknown(self, request: Request) -> ProblemError:
        if self._routes.methods(request.path):
            return ProblemError(405, "Method Not Allowed", "The requested method and resource are not compatible.")
        return not_found()

    def _admit(self, request: Request) -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and value == ACCESS_TOKEN:
            return
        key = _password(value) if scheme.lower() == "basic" else ""
        if key == API_KEY:
            return
        same, _, centre = key.partition("-")
        if same == API_KEY.partition("-")[0] and centre != DATA_CENTRE:
            detail = f"The API key provided is linked to data center {DATA_CENTRE}."
            raise ProblemError(403, "Wrong Datacenter", detail)
        detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
        raise ProblemError(401, "API Key Invalid", detail)

    # --- the account ---------------------------------------------------------------------------------------------

    def _root(self, request: Request) -> Response:
        members = sum(len(audience.members) for audience in self._account.audiences.values())
        return answer(
            request,
            {
                "account_id": self._account.id,
                "login_id": "1",
                "account_name": "Sandbox",
                "email": "admin@sandbox.example",
                "role": "owner",
                "pricing_plan_type": "monthly",
                "account_timezone": "Europe/Berlin",
                "total_subscribers": members,
                "contact": {"company": "Sandbox"},
            },
        )

    def _ping(self, request: Request) -> Response:
        return answer(request, {"health_status": "Everything's Chimpy!"})

    def _metadata(self, request: Request) -> Response:
        """What tells an OAuth login its data centre."""
        if request.headers.get("authorization") != f"OAuth {ACCESS_TOKEN}":
            return Response.of({"error": "invalid_token"}, 401)
        base = self._account.base_url
        return Response.of({"dc": DATA_CENTRE, "login_url": base, "api_endpoint": base})


def _password(value: str) -> str:
    """The key of a Basic login; any user name will do."""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
