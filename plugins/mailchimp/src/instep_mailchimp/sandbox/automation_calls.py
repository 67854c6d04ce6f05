"""What an app can set off: a step of a customer journey, or an e-mail of a classic automation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account, AutomationEmail
from instep_mailchimp.sandbox.audience import Audience, Member, iso
from instep_mailchimp.sandbox.errors import ProblemError, invalid, not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, body, linked, page

_TRIGGER = "/3.0/customer-journeys/journeys/{journey_id}/steps/{step_id}/actions/trigger"
_QUEUE = "/3.0/automations/{workflow_id}/emails/{email_id}/queue"
_WAIT = timedelta(hours=1)


class AutomationCalls:
    """The calls about journeys and automations. Both are made by people only, so the world makes them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("POST", _TRIGGER, self.trigger, "journeys.trigger")
        yield Route("GET", _QUEUE, self.listing, "automations.queue")
        yield Route("POST", _QUEUE, self.queue, "automations.queue.add")

    def trigger(self, request: Request) -> Response:
        key = (request.params["journey_id"], request.params["step_id"])
        step = self._account.journeys.get(key)
        if step is None:
            raise not_found()
        _, member = self._member(request, step.list_id)
        step.triggered.append(member.contact_id)
        return Response(204)

    def queue(self, request: Request) -> Response:
        """A member gets each e-mail of an automation once. The wording of that refusal is unconfirmed."""
        email = self._email(request)
        audience, member = self._member(request, email.list_id)
        if member.contact_id in email.queue:
            raise ProblemError(400, "Bad Request", "The subscriber has already been triggered for this email.")
        email.queue[member.contact_id] = self._account.now() + _WAIT
        shown = self._shown(email, audience, member)
        return answer(request, linked(shown, request, self._account.personality))

    def listing(self, request: Request) -> Response:
        email = self._email(request)
        audience = self._account.audience(email.list_id)
        rows = [audience.members[id] for id in email.queue if id in audience.members]
        found = page(request, "queue", rows, lambda row: self._shown(email, audience, row), self._account.personality)
        return answer(request, {**found, "workflow_id": email.workflow_id, "email_id": email.id})

    def _email(self, request: Request) -> AutomationEmail:
        found = self._account.automations.get(request.params["email_id"])
        if found is None or found.workflow_id != request.params["workflow_id"]:
            raise not_found()
        return found

    def _member(self, request: Request, list_id: str) -> tuple[Audience, Member]:
        """The member of the audience; what is said of somebody who is none is unconfirmed."""
        email = body(request).get("email_address")
        if not isinstance(email, str):
            raise invalid("email_address", "Schema describes string, NULL found instead")
        audience = self._account.audience(list_id)
        member = audience.find(email)
        if member is None:
            raise invalid("email_address", "This address is not on the list.")
        return audience, member

    def _shown(self, email: AutomationEmail, audience: Audience, member: Member) -> Shown:
        return {
            "id": member.hash,
            "workflow_id": email.workflow_id,
            "email_id": email.id,
            "list_id": audience.id,
            "list_is_active": True,
            "email_address": member.email,
            "next_send": iso(email.queue[member.contact_id]),
        }
