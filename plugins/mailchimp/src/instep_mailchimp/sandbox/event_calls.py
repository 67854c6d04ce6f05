"""What is known of one member's doings: custom events, which apps tell, and the feed of everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account
from instep_mailchimp.sandbox.audience import Audience, CustomEvent, Event, Member, iso
from instep_mailchimp.sandbox.errors import invalid, not_found
from instep_mailchimp.sandbox.member_calls import MEMBER
from instep_mailchimp.sandbox.shaping import Shown, answer, body, page

_SHORTEST, _LONGEST = 2, 30


class EventCalls:
    """The calls about the events and the activity of a member."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", MEMBER + "/events", self.listing, "members.events")
        yield Route("POST", MEMBER + "/events", self.add, "members.events.add")
        yield Route("GET", MEMBER + "/activity-feed", self.feed, "members.feed")

    def listing(self, request: Request) -> Response:
        _, member = self._found(request)

        def show(event: CustomEvent) -> Shown:
            return {"name": event.name, "occurred_at": iso(event.at), "properties": event.properties}

        found = page(request, "events", member.custom, show, self._account.personality)
        found["events"] = [
            {name: value for name, value in event.items() if name != "_links"} for event in found["events"]
        ]
        return answer(request, found)

    def add(self, request: Request) -> Response:
        """An event is history: it is neither changed nor deleted by any call."""
        _, member = self._found(request)
        given = body(request)
        name, properties = given.get("name"), given.get("properties", {})
        if not isinstance(name, str) or not _SHORTEST <= len(name) <= _LONGEST:
            raise invalid("name", f"This value should have between {_SHORTEST} and {_LONGEST} characters.")
        if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
            raise invalid("properties", "Schema describes string, but another type was found instead")
        at = self._occurred(given)
        member.custom.append(CustomEvent(name, at, dict(properties), bool(given.get("is_syncing"))))
        return Response(204)

    def _occurred(self, given: Shown) -> datetime:
        text = given.get("occurred_at")
        if text is None:
            return self._account.now()
        try:
            found = datetime.fromisoformat(str(text))
        except ValueError:
            raise invalid("occurred_at", "This value is not a valid datetime.") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def feed(self, request: Request) -> Response:
        """Everything that is known of a member, newest first."""
        audience, member = self._found(request)
        wanted = request.many("activity_filters")
        rows = sorted(self._activity(member), key=lambda row: row["created_at_timestamp"], reverse=True)
        rows = [row for row in rows if not wanted or row["activity_type"] in wanted]
        found = page(request, "activity", rows, lambda row: row, self._account.personality)
        return answer(request, {**found, "email_id": member.hash, "list_id": audience.id})

    def _activity(self, member: Member) -> Iterator[Shown]:
        """What came later stands first where two things happened in one second."""
        campaigns = self._account.campaigns
        for custom in reversed(member.custom):
            properties = [{"name": name, "value": value} for name, value in custom.properties.items()]
            yield _row("event", custom.at, event_name=custom.name, event_properties=properties)
        for event in reversed(member.events):
            title = campaigns[event.campaign].subject
            yield _row(event.kind, event.at, campaign_id=event.campaign, campaign_title=title, **_more(event))
        for campaign in campaigns.values():
            if member.contact_id in campaign.recipients:
                yield _row("sent", campaign.sent_at, campaign_id=campaign.id, campaign_title=campaign.subject)
        if member.timestamp_signup is not None:
            yield _row("generic_signup", member.timestamp_signup, signup_category=member.source)

    def _found(self, request: Request) -> tuple[Audience, Member]:
        audience = self._account.audience(request.params["list_id"])
        member = audience.find(request.params["member"])
        if member is None:
            raise not_found()
        return audience, member


def _row(kind: str, at: datetime, **more: object) -> Shown:
    return {"activity_type": kind, "created_at_timestamp": iso(at), **more}


def _more(event: Event) -> Shown:
    match event.kind:
        case "click":
            return {"link_clicked": event.url}
        case "bounce":
            return {"bounce_type": event.bounce, "bounce_has_open_activity": False}
        case "unsub":
            return {"is_admin_unsubscribed": False, "unsubscribe_reason": event.reason}
        case _:
            return {}
