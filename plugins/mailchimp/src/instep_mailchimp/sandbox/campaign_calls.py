"""Campaigns that were sent, and what members did with them."""

from __future__ import annotations

from collections.abc import Iterator

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account, Campaign
from instep_mailchimp.sandbox.audience import Event, iso
from instep_mailchimp.sandbox.errors import not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, moment, page

REPORT = "/3.0/reports/{campaign_id}"
KINDS = ("open", "click", "bounce")
_MOST_OF_A_KIND = 1000


class CampaignCalls:
    """The calls about campaigns and their reports."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", "/3.0/campaigns", self.listing, "campaigns.list")
        yield Route("GET", REPORT, self.summary, "reports.read")
        yield Route("GET", REPORT + "/email-activity", self.activity, "reports.activity")
        yield Route("GET", "/3.0/lists/{list_id}/members/{member}/activity-feed", self.feed, "members.feed")

    def listing(self, request: Request) -> Response:
        since, wanted = moment(request, "since_send_time"), request.one("list_id")
        rows = [
            campaign
            for campaign in self._account.campaigns.values()
            if (since is None or campaign.sent_at > since) and wanted in (None, campaign.list_id)
        ]
        if request.one("status") not in (None, "sent"):
            rows = []
        if request.one("sort_field") == "send_time":
            rows.sort(key=lambda campaign: campaign.sent_at, reverse=request.one("sort_dir") == "DESC")
        return answer(request, page(request, "campaigns", rows, self._shown, self._account.personality))

    def _shown(self, campaign: Campaign) -> Shown:
        return {
            "id": campaign.id,
            "web_id": campaign.web_id,
            "type": "regular",
            "create_time": iso(campaign.sent_at),
            "archive_url": "",
            "long_archive_url": "",
            "status": "sent",
            "emails_sent": len(campaign.recipients),
            "send_time": iso(campaign.sent_at),
            "content_type": "template",
            "recipients": {"list_id": campaign.list_id, "list_is_active": True},
            "settings": {"subject_line": campaign.subject, "title": campaign.subject},
        }

    def summary(self, request: Request) -> Response:
        campaign = self._campaign(request)
        done = [event for _, events in self._done(campaign) for event in events]
        opens = [event for event in done if event.kind == "open"]
        clicks = [event for event in done if event.kind == "click"]
        return answer(
            request,
            {
                "id": campaign.id,
                "campaign_title": campaign.subject,
                "list_id": campaign.list_id,
                "emails_sent": len(campaign.recipients),
                "send_time": iso(campaign.sent_at),
                "opens": {"opens_total": len(opens)},
                "clicks": {"clicks_total": len(clicks)},
            },
        )

    def activity(self, request: Request) -> Response:
        """Every recipient is listed; one that did nothing since then has an empty list."""
        campaign, since = self._campaign(request), moment(request, "since")
        audience = self._account.audience(campaign.list_id)

        def show(row: tuple[str, list[Event]]) -> Shown:
            member = audience.members[row[0]]
            return {
                "campaign_id": campaign.id,
                "list_id": audience.id,
                "list_is_active": True,
                "email_id": member.hash,
                "email_address": member.email,
                "activity": [_act(event) for event in row[1] if since is None or event.at > since],
            }

        found = page(request, "emails", list(self._done(campaign)), show, self._account.personality)
        return answer(request, {**found, "campaign_id": campaign.id})

    def _done(self, campaign: Campaign) -> Iterator[tuple[str, list[Event]]]:
        members = self._account.audience(campaign.list_id).members
        for id in campaign.recipients:
            if id in members:
                acts = [event for event in members[id].events if event.campaign == campaign.id]
                capped = [event for kind in KINDS for event in [e for e in acts if e.kind == kind][:_MOST_OF_A_KIND]]
                yield id, sorted(capped, key=lambda event: event.at)

    def feed(self, request: Request) -> Response:
        audience = self._account.audience(request.params["list_id"])
        member = audience.find(request.params["member"])
        if member is None:
            raise not_found()
        wanted = request.many("activity_filters")
        rows = [event for event in reversed(member.events) if not wanted or event.kind in wanted]

        def show(event: Event) -> Shown:
            return {
                "activity_type": event.kind,
                "created_at_timestamp": iso(event.at),
                "campaign_id": event.campaign,
            }

        found = page(request, "activity", rows, show, self._account.personality)
        return answer(request, {**found, "email_id": member.hash, "list_id": audience.id})

    def _campaign(self, request: Request) -> Campaign:
        found = self._account.campaigns.get(request.params["campaign_id"])
        if found is None:
            raise not_found()
        return found


def _act(event: Event) -> Shown:
    shown: Shown = {"action": event.kind, "timestamp": iso(event.at), "ip": "203.0.113.7"}
    if event.kind == "click":
        shown["url"] = event.url
    if event.kind == "bounce":
        shown["type"] = event.bounce
    return shown
