"""Campaigns that were sent, and reports of what members did with them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from instep.sandbox import Request, Response, Route
from instep_mailchimp.sandbox.account import Account, Campaign
from instep_mailchimp.sandbox.audience import Audience, Event, Member, iso
from instep_mailchimp.sandbox.errors import not_found
from instep_mailchimp.sandbox.shaping import Shown, answer, moment, page

REPORT = "/3.0/reports/{campaign_id}"
_KINDS = ("open", "click", "bounce")
_MOST_OF_A_KIND = 1000
T = TypeVar("T")
_Row = tuple[Member, list[Event]]


class CampaignCalls:
    """The calls about campaigns and their reports."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> Iterator[Route]:
        """Every operation."""
        yield Route("GET", "/3.0/campaigns", self.listing, "campaigns.list")
        yield Route("GET", REPORT, self.summary, "reports.read")
        yield Route("GET", REPORT + "/email-activity", self.activity, "reports.activity")
        yield Route("GET", REPORT + "/open-details", self.opens, "reports.opens")
        yield Route("GET", REPORT + "/click-details", self.clicks, "reports.clicks")
        yield Route("GET", REPORT + "/click-details/{link_id}/members", self.clickers, "reports.clickers")
        yield Route("GET", REPORT + "/unsubscribed", self.unsubscribed, "reports.unsubscribed")
        yield Route("GET", REPORT + "/sent-to", self.sent_to, "reports.sent_to")

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

    # --- reports -------------------------------------------------------------------------------------------------

    def summary(self, request: Request) -> Response:
        campaign = self._campaign(request)
        rows = list(self._rows(campaign))
        opens, clicks, bounces = (_of_kind(rows, kind) for kind in _KINDS)
        delivered = max(1, len(campaign.recipients) - len(bounces))
        return answer(
            request,
            {
                "id": campaign.id,
                "campaign_title": campaign.subject,
                "type": "regular",
                "list_id": campaign.list_id,
                "emails_sent": len(campaign.recipients),
                "unsubscribed": len(_of_kind(rows, "unsub")),
                "send_time": iso(campaign.sent_at),
                "bounces": {
                    "hard_bounces": sum(event.bounce == "hard" for _, event in bounces),
                    "soft_bounces": sum(event.bounce == "soft" for _, event in bounces),
                    "syntax_errors": 0,
                },
                "opens": {
                    "opens_total": len(opens),
                    "unique_opens": _people(opens),
                    "open_rate": _people(opens) / delivered,
                    "last_open": _last(event for _, event in opens),
                },
                "clicks": {
                    "clicks_total": len(clicks),
                    "unique_clicks": len({(member.contact_id, event.url) for member, event in clicks}),
                    "unique_subscriber_clicks": _people(clicks),
                    "click_rate": _people(clicks) / delivered,
                    "last_click": _last(event for _, event in clicks),
                },
            },
        )

    def activity(self, request: Request) -> Response:
        """Every recipient is listed; one that did nothing since then has an empty list."""
        campaign, since = self._campaign(request), moment(request, "since")

        def show(row: _Row) -> Shown:
            told = [event for event in row[1] if event.kind in _KINDS and (since is None or event.at > since)]
            return {**_recipient(campaign, row[0]), "activity": [_act(event) for event in told]}

        return self._listed(request, campaign, "emails", list(self._rows(campaign)), show)

    def opens(self, request: Request) -> Response:
        campaign, since = self._campaign(request), moment(request, "since")
        rows = [
            (member, [event for event in events if event.kind == "open" and (since is None or event.at > since)])
            for member, events in self._rows(campaign)
        ]

        def show(row: _Row) -> Shown:
            opens = [{"timestamp": iso(event.at)} for event in row[1]]
            return {**self._person(campaign, row[0]), "opens_count": len(opens), "opens": opens}

        return self._listed(request, campaign, "members", [row for row in rows if row[1]], show)

    def clicks(self, request: Request) -> Response:
        campaign = self._campaign(request)
        clicks = _of_kind(self._rows(campaign), "click")
        count = Counter(event.url for _, event in clicks)

        def show(url: str) -> Shown:
            here = [(member, event) for member, event in clicks if event.url == url]
            return {
                "id": _link_id(url),
                "url": url,
                "total_clicks": count[url],
                "click_percentage": count[url] / len(clicks),
                "unique_clicks": _people(here),
                "unique_click_percentage": _people(here) / _people(clicks),
                "last_click": _last(event for _, event in here),
                "campaign_id": campaign.id,
            }

        return self._listed(request, campaign, "urls_clicked", list(count), show)

    def clickers(self, request: Request) -> Response:
        campaign, link = self._campaign(request), request.params["link_id"]
        clicks = [row for row in _of_kind(self._rows(campaign), "click") if _link_id(row[1].url) == link]
        if not clicks:
            raise not_found()
        count = Counter(member.contact_id for member, _ in clicks)
        people = {member.contact_id: member for member, _ in clicks}

        def show(id: str) -> Shown:
            return {**self._person(campaign, people[id]), "clicks": count[id], "url_id": link}

        return self._listed(request, campaign, "members", list(count), show)

    def unsubscribed(self, request: Request) -> Response:
        campaign = self._campaign(request)

        def show(row: tuple[Member, Event]) -> Shown:
            return {**self._person(campaign, row[0]), "timestamp": iso(row[1].at), "reason": row[1].reason}

        return self._listed(request, campaign, "unsubscribes", _of_kind(self._rows(campaign), "unsub"), show)

    def sent_to(self, request: Request) -> Response:
        campaign = self._campaign(request)

        def show(row: _Row) -> Shown:
            opens = [event for event in row[1] if event.kind == "open"]
            bounced = [event.bounce for event in row[1] if event.kind == "bounce"]
            status = bounced[-1] if bounced else "sent"
            shown = {**self._person(campaign, row[0]), "status": status, "open_count": len(opens)}
            return {**shown, "last_open": _last(opens)}

        return self._listed(request, campaign, "sent_to", list(self._rows(campaign)), show)

    # --- common --------------------------------------------------------------------------------------------------

    def _listed(
        self, request: Request, campaign: Campaign, name: str, rows: Sequence[T], show: Callable[[T], Shown]
    ) -> Response:
        found = page(request, name, rows, show, self._account.personality)
        return answer(request, {**found, "campaign_id": campaign.id})

    def _rows(self, campaign: Campaign) -> Iterator[_Row]:
        """Every recipient who is still a member, with what they did: a thousand acts of a kind at most."""
        members = self._account.audience(campaign.list_id).members
        for id in campaign.recipients:
            if id in members:
                acts = [event for event in members[id].events if event.campaign == campaign.id]
                kinds = (*_KINDS, "unsub")
                capped = [event for kind in kinds for event in [e for e in acts if e.kind == kind][:_MOST_OF_A_KIND]]
                yield members[id], sorted(capped, key=lambda event: event.at)

    def _person(self, campaign: Campaign, member: Member) -> Shown:
        audience: Audience = self._account.audience(campaign.list_id)
        shown = audience.shown(member)
        return {**_recipient(campaign, member), "merge_fields": shown["merge_fields"], "vip": member.vip}

    def _campaign(self, request: Request) -> Campaign:
        found = self._account.campaigns.get(request.params["campaign_id"])
        if found is None:
            raise not_found()
        return found


def _recipient(campaign: Campaign, member: Member) -> Shown:
    return {
        "campaign_id": campaign.id,
        "list_id": campaign.list_id,
        "list_is_active": True,
        "email_id": member.hash,
        "email_address": member.email,
    }


def _of_kind(rows: Iterable[_Row], kind: str) -> list[tuple[Member, Event]]:
    return [(member, event) for member, events in rows for event in events if event.kind == kind]


def _people(acts: Iterable[tuple[Member, Event]]) -> int:
    return len({member.contact_id for member, _ in acts})


def _last(events: Iterable[Event]) -> str:
    return iso(max((event.at for event in events), default=None))


def _link_id(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:10]


def _act(event: Event) -> Shown:
    shown: Shown = {"action": event.kind, "timestamp": iso(event.at), "ip": "203.0.113.7"}
    if event.kind == "click":
        shown["url"] = event.url
    if event.kind == "bounce":
        shown["type"] = event.bounce
    return shown
