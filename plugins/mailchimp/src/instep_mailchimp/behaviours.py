"""Reads what members did with campaigns: opens, clicks and bounces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from instep.contract import BehaviourPage, BehaviourSeen
from instep.errors import RetryLaterError
from instep_mailchimp import wire
from instep_mailchimp.answers import Answer, Call, RefusedError
from instep_mailchimp.client import MailchimpClient

_PAGE: Final = 1000
_RESTARTS: Final = 5
_SECOND: Final = timedelta(seconds=1)
Actor = Literal["buyer", "seller", "system"]
_ACTORS: Final[dict[str, Actor]] = {"open": "buyer", "click": "buyer", "bounce": "system"}


class _Cursor(msgspec.Struct, omit_defaults=True, frozen=True):
    """When each kind was read last, by Mailchimp's own clock."""

    since: dict[str, datetime] = {}


class _Recipients(msgspec.Struct):
    list_id: str = ""


class _Settings(msgspec.Struct):
    subject_line: str = ""
    title: str = ""


class _Campaign(msgspec.Struct):
    id: str
    recipients: _Recipients = msgspec.field(default_factory=_Recipients)
    settings: _Settings = msgspec.field(default_factory=_Settings)


class _Campaigns(msgspec.Struct):
    campaigns: list[_Campaign]
    total_items: int


class _Act(msgspec.Struct):
    action: str
    timestamp: datetime
    url: str = ""
    type: str = ""


class _Email(msgspec.Struct):
    email_id: str
    email_address: str
    activity: list[_Act] = []


class _Emails(msgspec.Struct):
    emails: list[_Email]
    total_items: int


_cursor: Final = msgspec.json.Decoder(_Cursor)
_campaigns: Final = msgspec.json.Decoder(_Campaigns)
_emails: Final = msgspec.json.Decoder(_Emails)


class MailchimpBehaviours:
    """Opens, clicks and bounces of the campaigns that went to the audiences that take part.

    Mailchimp has no account-wide feed: each campaign is asked for what happened since. So one call is needed for the
    campaigns, and one for each campaign of the last `activity_days` (and each further thousand of its recipients).
    Mail programs open mail by themselves: an open is weak evidence, a click is good evidence.
    mailchimp.com/developer/marketing
    """

    kinds = tuple(_ACTORS)

    def __init__(self, client: MailchimpClient) -> None:
        settings = client.settings
        self._client = client
        self._lists = frozenset(settings.audiences.values())
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        self._kept = timedelta(days=settings.activity_days)

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was done since `cursor`, campaign by campaign. Some may come again."""
        marks = dict(_cursor.decode(cursor).since) if cursor else {}
        wanted = [kind for kind in dict.fromkeys(kinds) if kind in _ACTORS]
        known = [marks.get(kind) for kind in wanted]
        since = min((mark for mark in known if mark is not None), default=None) if None not in known else None
        before = msgspec.json.encode(_Cursor(marks)).decode()
        if wanted:
            campaigns, started = self._sent(since)
            if since is not None and started is not None and started < since:
                # The read before went by a clock that ran ahead: what was done since then would be skipped.
                since = None
                campaigns, started = self._sent(since)
            for campaign in campaigns:
                if campaign.recipients.list_id in self._lists:
                    for emails in self._emails(campaign, since):
                        items = [item for email in emails for item in _told(campaign, email)]
                        yield BehaviourPage(tuple(item for item in items if item.kind in wanted), before)
            if started is not None:
                marks |= dict.fromkeys(wanted, started - self._overlap)
        yield BehaviourPage((), msgspec.json.encode(_Cursor(marks)).decode())

    def _sent(self, since: datetime | None) -> tuple[list[_Campaign], datetime | None]:
        """The campaigns that may still be acted on, and Mailchimp's own time."""
        query = {
            "status": "sent",
            "sort_field": "send_time",
            "sort_dir": "ASC",
            "fields": "campaigns.id,campaigns.recipients.list_id,campaigns.settings.subject_line,"
            "campaigns.settings.title,total_items",
        }
        if since is not None:
            query["since_send_time"] = _iso(since - self._kept)
        found: dict[str, _Campaign] = {}
        started: datetime | None = None
        while True:
            answer = self._page(wire.path("campaigns"), "campaigns/list", query, len(found), _campaigns)
            started = started or answer.at
            before = len(found)
            found |= {campaign.id: campaign for campaign in answer.value.campaigns}
            if len(found) in (before, answer.value.total_items):
                return list(found.values()), started

    def _emails(self, campaign: _Campaign, since: datetime | None) -> Iterator[list[_Email]]:
        """The recipients that did something, page by page. If the report grows while it is read, it is read again."""
        path = wire.path("reports", campaign.id, "email-activity")
        query = {"exclude_fields": "_links,emails._links"}
        if since is not None:
            query["since"] = _iso(since - _SECOND)
        for _ in range(_RESTARTS):
            seen, total = 0, None
            while True:
                try:
                    page = self._page(path, "reports/email-activity", query, seen, _emails).value
                except RefusedError as refused:
                    if refused.status == 404:
                        return  # deleted since it was listed
                    raise
                if total is not None and page.total_items != total:
                    break
                total = page.total_items
                seen += len(page.emails)
                yield [email for email in page.emails if email.activity]
                if not page.emails or seen >= total:
                    return
        raise RetryLaterError("Mailchimp (reports/email-activity): a report grows while it is read. Run again later.")

    def _page(self, path: str, label: str, query: dict[str, str], offset: int, decoder: Any) -> Answer[Any]:
        call = Call("GET", path, label, {**query, "count": str(_PAGE), "offset": str(offset)})
        return self._client.fetch(call, decoder)


def _told(campaign: _Campaign, email: _Email) -> list[BehaviourSeen]:
    return [
        BehaviourSeen(
            id=_id(campaign, email, act),
            kind=act.action,
            at=act.timestamp.astimezone(UTC),
            actor=_ACTORS[act.action],
            email=email.email_address,
            details={
                "campaign": campaign.settings.title or campaign.settings.subject_line,
                "campaign_id": campaign.id,
                "subject": campaign.settings.subject_line,
                "url": act.url or None,
                "bounce": act.type or None,
            },
        )
        for act in email.activity
        if act.action in _ACTORS
    ]


def _id(campaign: _Campaign, email: _Email, act: _Act) -> str:
    """An activity has no id in Mailchimp: who did what, with what, at which second is its id."""
    link = hashlib.sha256(act.url.encode()).hexdigest()[:8] if act.url else ""
    return ":".join((campaign.id, email.email_id, act.action, f"{act.timestamp.timestamp():.0f}", link))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
