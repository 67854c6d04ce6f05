"""Communication preferences: v3, v4 and dated paths over the same choices."""

from __future__ import annotations

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.agreement import choose, opt_out_of_all
from instep_hubspot.sandbox.bodies import Body, body_of, inputs_of, malformed, text, within
from instep_hubspot.sandbox.consents import (
    LEGAL_BASES,
    SUBSCRIBED,
    UNSPECIFIED,
    UNSUBSCRIBED,
    Choice,
    Subscription,
)
from instep_hubspot.sandbox.errors import RefusedError, invalid
from instep_hubspot.sandbox.operations import Operation, batch_reply, fixed
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import iso

_V3 = "/communication-preferences/v3"
_V4 = "/communication-preferences/v4"
_SCOPE = fixed("communication_preferences.read_write")
LIMIT = 100


class ConsentCalls:
    """Read and change who wants which mail."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        one, batch = f"{_V4}/statuses/{{email}}", f"{_V4}/statuses/batch"
        table = [
            ("GET", f"{_V3}/definitions", self.definitions_v3, "consents.definitions", None),
            ("GET", f"{_V3}/status/email/{{email}}", self.read_v3, "consents.read", None),
            ("POST", f"{_V3}/subscribe", self.subscribe, "consents.subscribe", None),
            ("POST", f"{_V3}/unsubscribe", self.unsubscribe, "consents.unsubscribe", None),
            ("GET", f"{_V4}/definitions", self.definitions, "consents.definitions", None),
            ("GET", one, self.read, "consents.read", None),
            ("POST", one, self.write, "consents.write", None),
            ("GET", f"{one}/unsubscribe-all", self.read_opt_out, "consents.read_opt_out", None),
            ("POST", f"{one}/unsubscribe-all", self.opt_out, "consents.opt_out", None),
            ("POST", f"{batch}/read", self.read_many, "consents.batch_read", False),
            ("POST", f"{batch}/write", self.write_many, "consents.batch_write", None),
            ("POST", f"{batch}/unsubscribe-all", self.opt_out_many, "consents.batch_opt_out", None),
            (
                "POST",
                f"{batch}/unsubscribe-all/read",
                self.read_opt_outs,
                "consents.batch_read_opt_out",
                False,
            ),
        ]
        return [Operation(verb, path, call, label, _SCOPE, writes) for verb, path, call, label, writes in table]

    def definitions(self, _: Request) -> Response:
        """All subscriptions, as v4 shows them."""
        return batch_reply(self._portal, [_definition(s) for s in self._subscriptions()])

    def definitions_v3(self, _: Request) -> Response:
        """All subscriptions, as v3 shows them."""
        return Response.of({"subscriptionDefinitions": [_definition(s) for s in self._subscriptions()]})

    def _subscriptions(self) -> list[Subscription]:
        return list(self._portal.consents.subscriptions.values())

    def _subscription(self, id: object) -> Subscription:
        word = str(id)
        found = self._portal.consents.subscriptions.get(int(word)) if word.isdigit() else None
        if found is None:
            raise RefusedError(400, f"Subscription {id} does not exist")
        return found

    def read_v3(self, request: Request) -> Response:
        """Every choice of one person, as v3 shows them."""
        email = request.params["email"]
        statuses = [self._status_v3(email, item) for item in self._subscriptions()]
        return Response.of({"recipient": email, "subscriptionStatuses": statuses})

    def _status_v3(self, email: str, subscription: Subscription) -> Body:
        choice = self._portal.consents.choice(email, subscription.id)
        out = self._portal.consents.opted_out(email)
        wanted = choice is not None and choice.status == SUBSCRIBED and out is None
        return {
            "id": str(subscription.id),
            "name": subscription.name,
            "description": subscription.description,
            "status": "SUBSCRIBED" if wanted else "NOT_SUBSCRIBED",
            "sourceOfStatus": "PORTAL_WIDE_STATUS" if out else "SUBSCRIPTION_STATUS",
            "legalBasis": choice.legal_basis if choice else None,
            "legalBasisExplanation": choice.explanation if choice else None,
        }

    def subscribe(self, request: Request) -> Response:
        """Subscribe one person; refused where the person has opted out."""
        return self._write_v3(request, SUBSCRIBED)

    def unsubscribe(self, request: Request) -> Response:
        """Unsubscribe one person."""
        return self._write_v3(request, UNSUBSCRIBED)

    def _write_v3(self, request: Request, status: str) -> Response:
        body = body_of(request)
        email, subscription = text(body, "emailAddress"), self._subscription(text(body, "subscriptionId"))
        choose(self._portal, email, subscription.id, self._choice(status, body))
        return Response.of(self._status_v3(email, subscription))

    def _choice(self, status: str, body: Body) -> Choice:
        basis = body.get("legalBasis")
        if basis is not None and basis not in LEGAL_BASES:
            raise invalid(f"Invalid legalBasis: {basis}")
        explanation = body.get("legalBasisExplanation")
        return Choice(
            status,
            self._portal.now(),
            "PUBLIC_API",
            None if basis is None else str(basis),
            None if explanation is None else str(explanation),
        )

    def read(self, request: Request) -> Response:
        """Every choice of one person."""
        _require_channel(request.one("channel"))
        email = request.params["email"]
        return batch_reply(self._portal, self._statuses(email))

    def _statuses(self, email: str) -> list[Body]:
        return [self._status(email, item) for item in self._subscriptions()]

    def _status(self, email: str, subscription: Subscription) -> Body:
        choice = self._portal.consents.choice(email, subscription.id)
        shown: Body = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "subscriptionId": subscription.id,
            "subscriptionName": subscription.name,
            "status": choice.status if choice else UNSPECIFIED,
            "source": choice.source if choice else "NONE",
            "timestamp": iso(choice.at if choice else 0),
        }
        if choice and choice.legal_basis:
            shown["legalBasis"] = choice.legal_basis
        if choice and choice.explanation:
            shown["legalBasisExplanation"] = choice.explanation
        return shown

    def write(self, request: Request) -> Response:
        """One choice of one person."""
        body = body_of(request)
        return batch_reply(self._portal, [self._write(request.params["email"], body)])

    def _write(self, email: str, body: Body) -> Body:
        _require_channel(body.get("channel"))
        subscription = self._subscription(body.get("subscriptionId"))
        status = text(body, "statusState")
        if status not in {SUBSCRIBED, UNSUBSCRIBED, UNSPECIFIED}:
            raise invalid(f"Invalid statusState: {status}")
        choose(self._portal, email, subscription.id, self._choice(status, body))
        return self._status(email, subscription)

    def write_many(self, request: Request) -> Response:
        """One choice for each of many people."""
        results, errors = [], []
        for item in inputs_of(body_of(request), LIMIT):
            try:
                results.append(self._write(text(item, "subscriberIdString"), item))
            except RefusedError as refusal:
                errors.append(refusal.to_item({"subscriberIdString": [str(item.get("subscriberIdString"))]}))
        return batch_reply(self._portal, results, errors)

    def read_many(self, request: Request) -> Response:
        """Every choice of many people."""
        _require_channel(request.one("channel"))
        return batch_reply(
            self._portal,
            [{"subscriberIdString": email, "statuses": self._statuses(email)} for email in _emails(request)],
        )

    def read_opt_out(self, request: Request) -> Response:
        """The opt-out of one person; no result where there is none."""
        _require_channel(request.one("channel"))
        return batch_reply(self._portal, self._wide(request.params["email"]))

    def _wide(self, email: str) -> list[Body]:
        choice = self._portal.consents.opted_out(email)
        if choice is None:
            return []
        return [
            {
                "channel": "EMAIL",
                "subscriberIdString": email,
                "status": UNSUBSCRIBED,
                "wideStatusType": "PORTAL_WIDE",
                "timestamp": iso(choice.at),
            }
        ]

    def opt_out(self, request: Request) -> Response:
        """Opt one person out from everything."""
        _require_channel(request.one("channel"))
        email = request.params["email"]
        opt_out_of_all(self._portal, email, self._choice(UNSUBSCRIBED, {}))
        return batch_reply(self._portal, self._statuses(email))

    def opt_out_many(self, request: Request) -> Response:
        """Opt many people out from everything."""
        _require_channel(request.one("channel"))
        emails, verbose = _emails(request), request.flag("verbose")
        for email in emails:
            opt_out_of_all(self._portal, email, self._choice(UNSUBSCRIBED, {}))
        results: list[Body] = [{"subscriberIdString": email} for email in emails]
        if verbose:
            results = [{**item, "statuses": self._statuses(str(item["subscriberIdString"]))} for item in results]
        return batch_reply(self._portal, results)

    def read_opt_outs(self, request: Request) -> Response:
        """The opt-outs of many people."""
        _require_channel(request.one("channel"))
        return batch_reply(
            self._portal,
            [{"subscriberIdString": email, "wideStatuses": self._wide(email)} for email in _emails(request)],
        )


def _emails(request: Request) -> list[str]:
    inputs = body_of(request).get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(item, str) for item in inputs):
        raise malformed("Cannot deserialize value: inputs must be a list of texts")
    within(len(inputs), LIMIT)
    return inputs


def _require_channel(channel: object) -> None:
    if channel != "EMAIL":
        raise invalid("channel must be EMAIL")


def _definition(subscription: Subscription) -> Body:
    return {
        "id": str(subscription.id),
        "name": subscription.name,
        "description": subscription.description,
        "purpose": subscription.purpose,
        "communicationMethod": "Email",
        "isActive": True,
        "isDefault": subscription.is_default,
        "isInternal": subscription.is_internal,
        "createdAt": iso(0),
        "updatedAt": iso(0),
    }
