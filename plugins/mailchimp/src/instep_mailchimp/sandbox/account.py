"""One Mailchimp account: everything the sandbox remembers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from instep.sandbox import Clock, Personality, SeededIds
from instep_mailchimp.sandbox.audience import Audience, Member, MergeField, Segment
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.errors import forgotten, in_compliance_state, not_found
from instep_mailchimp.sandbox.webhooks import Postman, Webhook

API_KEY = "0123456789abcdef0123456789abcdef-us1"
ACCESS_TOKEN = "sandbox-oauth-token"  # noqa: S105 - opens this sandbox only
DATA_CENTRE = "us1"
AUDIENCE = "a1b2c3d4e5"
_STARTS, _ENDS = 0.1, 0.9
"""The shares of a batch's time at which its operations begin and are all done."""


@dataclass(slots=True)
class Campaign:
    """One campaign that was sent."""

    id: str
    web_id: int
    list_id: str
    subject: str
    sent_at: datetime
    recipients: list[str] = field(default_factory=list)
    """Contact ids."""


@dataclass(slots=True)
class JourneyStep:
    """The step of a customer journey that waits for apps."""

    list_id: str
    triggered: list[str] = field(default_factory=list)
    """Contact ids, one for each time."""


@dataclass(slots=True)
class AutomationEmail:
    """One e-mail of a classic automation that waits for apps."""

    id: str
    workflow_id: str
    list_id: str
    queue: dict[str, datetime] = field(default_factory=dict)
    """Contact ids, and when each is sent to."""


@dataclass(slots=True)
class Batch:
    """Operations that are done one after the other, later."""

    id: str
    operations: list[dict[str, Any]]
    submitted: datetime
    begins: datetime
    """When those before it are finished."""
    due: datetime
    results: list[dict[str, object]] = field(default_factory=list)
    completed: datetime | None = None
    links: dict[str, datetime] = field(default_factory=dict)
    """Signed links to the results, and when each ends."""

    def phase(self, now: datetime) -> tuple[str, int]:
        """What its status is, and how many operations are done by then."""
        if now >= self.due:
            return "finished", len(self.operations)
        share = max(0.0, (now - self.begins) / (self.due - self.begins))
        if share < _STARTS:
            return ("preprocessing" if share else "pending"), 0
        if share >= _ENDS:
            return "finalizing", len(self.operations)
        return "started", int(len(self.operations) * (share - _STARTS) / (_ENDS - _STARTS))


class Account:
    """Everything that one account holds. Whoever touches it holds `lock`."""

    def __init__(self, clock: Clock, personality: MailchimpPersonality, seed: int) -> None:
        self.clock = clock
        self.personality = personality
        self.seed = seed
        self.lock = threading.RLock()
        self.base_url = ""
        self.reset()

    def behave(self, wanted: Personality) -> None:
        """Behave otherwise from now on."""
        with self.lock:
            self.personality = MailchimpPersonality.of(wanted)

    def reset(self) -> None:
        """A new account with one audience."""
        self.ids = SeededIds(self.seed)
        self.id = self.hex(25)
        self.audiences: dict[str, Audience] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.batches: dict[str, Batch] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.postman = Postman(self.clock, self.lock)
        self.journeys: dict[tuple[str, str], JourneyStep] = {}
        self.automations: dict[str, AutomationEmail] = {}
        self.add_audience("Newsletter", AUDIENCE)

    def hex(self, length: int) -> str:
        """A fresh name of hexadecimal digits."""
        return hashlib.sha256(self.ids.uuid().encode()).hexdigest()[:length]

    def now(self) -> datetime:
        """The time, to the second, as everything here is dated."""
        return self.clock.now().replace(microsecond=0)

    # --- audiences -----------------------------------------------------------------------------------------------

    def add_audience(self, name: str, id: str = "") -> Audience:
        """A new audience with the merge fields that every new one has."""
        audience = Audience(id or self.hex(10), name, self.ids.number(), self.now())
        self.audiences[audience.id] = audience
        for tag, label, kind in (
            ("ADDRESS", "Address", "address"),
            ("PHONE", "Phone Number", "phone"),
            ("FNAME", "First Name", "text"),
            ("LNAME", "Last Name", "text"),
            ("BIRTHDAY", "Birthday", "birthday"),
        ):
            self.add_field(audience, MergeField(0, tag, label, kind))
        return audience

    def add_field(self, audience: Audience, made: MergeField) -> MergeField:
        """A further merge field; it gets its id and place."""
        made.merge_id = max((known.merge_id for known in audience.fields.values()), default=0) + 1
        made.order = len(audience.fields) + 1
        audience.fields[made.tag] = made
        return made

    def audience(self, id: str) -> Audience:
        """An audience by its id; raises a problem where there is none."""
        if id not in self.audiences:
            raise not_found()
        return self.audiences[id]

    # --- members -------------------------------------------------------------------------------------------------

    def add_member(self, audience: Audience, email: str, status: str, source: str) -> Member:
        """A new member; raises a problem for an address that was deleted for good."""
        made = Member(self.hex(32), self.hex(10), self.ids.number(), email, status, self.now(), source)
        if made.hash in audience.forgotten:
            raise forgotten(email)
        audience.members[made.contact_id] = made
        return made

    def set_status(self, audience: Audience, member: Member, status: str, by: str) -> None:
        """Another status; raises a problem where only the person may subscribe again."""
        is_lost = member.status == "cleaned" or member.ended_by == "contact" or member.is_under_review
        if status == "subscribed" and by != "contact" and is_lost and member.status != "subscribed":
            raise in_compliance_state(member.email)
        if status == member.status:
            return
        if status == "unsubscribed":
            member.ended_by = by
            member.reason = "N/A (Unsubscribed by admin)" if by == "admin" else "N/A"
        if status == "subscribed":
            member.ended_by, member.reason = "", ""
            if member.timestamp_opt is None:
                member.timestamp_opt = self.now()
        member.status = status
        self.touch(member)
        self._tell_status(audience, member, by)

    def archive(self, audience: Audience, member: Member, by: str) -> None:
        """Put a member away; the earlier status is lost."""
        was_subscribed, member.status = member.status == "subscribed", "archived"
        self.touch(member)
        if was_subscribed:
            self.tell(audience, member, "unsubscribe", by, {"action": "delete", "reason": "manual"})

    def forget(self, audience: Audience, member: Member, by: str) -> None:
        """Delete a member for good; the address can never be imported again."""
        audience.forgotten.add(member.hash)
        del audience.members[member.contact_id]
        if member.status == "subscribed":
            self.tell(audience, member, "unsubscribe", by, {"action": "delete", "reason": "manual"})

    def touch(self, member: Member) -> None:
        """Something of a member changed."""
        member.last_changed = self.now()

    # --- webhooks ------------------------------------------------------------------------------------------------

    def tell_new(self, audience: Audience, member: Member, by: str) -> None:
        """Let webhooks hear of somebody new, who counts only when subscribed."""
        if member.status == "subscribed":
            self.tell(audience, member, "subscribe", by)

    def tell_changed(self, audience: Audience, member: Member, old_email: str, by: str) -> None:
        """Let webhooks hear of a changed profile, and of a changed address."""
        if member.email == old_email:
            self.tell(audience, member, "profile", by)
            return
        more = {"old_email": old_email, "new_email": member.email, "new_id": member.unique_email_id}
        self._tell(audience, "upemail", by, {"list_id": audience.id, **more})

    def tell(
        self, audience: Audience, member: Member, event: str, by: str, more: Mapping[str, object] | None = None
    ) -> None:
        """Let webhooks hear what happened to a member; `by` is "contact", "admin", "api", or "bounce" for nobody."""
        self._tell(audience, event, by, {**audience.announced(member), **(more or {})})

    def tell_campaign(self, audience: Audience, campaign: Campaign) -> None:
        """Let webhooks hear that a campaign was sent. What this tells is unconfirmed."""
        data = {"id": campaign.id, "subject": campaign.subject, "status": "sent", "list_id": audience.id}
        self._tell(audience, "campaign", "admin", data)

    def tell_batch(self, data: Mapping[str, object]) -> None:
        """Let webhooks hear that a batch is finished."""
        for hook in self.webhooks.values():
            if not hook.list_id and hook.enabled:
                self.postman.add(hook, "batch_operation_completed", data)

    def _tell_status(self, audience: Audience, member: Member, by: str) -> None:
        match member.status:
            case "subscribed":
                self.tell(audience, member, "subscribe", by)
            case "unsubscribed":
                self.tell(audience, member, "unsubscribe", by, {"action": "unsub", "reason": "manual"})
            case "cleaned":
                data = {"list_id": audience.id, "email": member.email, "reason": "hard"}
                self._tell(audience, "cleaned", by, data)

    def _tell(self, audience: Audience, event: str, by: str, data: Mapping[str, object]) -> None:
        source = {"contact": "user", "bounce": ""}.get(by, by)
        for hook in self.webhooks.values():
            if hook.list_id == audience.id and hook.hears(event, source):
                self.postman.add(hook, event, data)

    # --- tags and segments ---------------------------------------------------------------------------------------

    def add_tag(self, audience: Audience, name: str) -> None:
        """A tag is made by its first use."""
        audience.tags.setdefault(name, self.ids.number())

    def change_tag(self, audience: Audience, name: str, members: Iterable[Member], *, has: bool) -> list[Member]:
        """Give a tag to members, or take it from them; gives those for whom that was a change."""
        changed = []
        for member in members:
            if (name in member.tags) is has:
                continue
            if has:
                self.add_tag(audience, name)
                member.tags[name] = self.now()
            else:
                del member.tags[name]
            if self.personality.tags_move_last_changed:
                self.touch(member)
            changed.append(member)
        return changed

    def add_segment(self, audience: Audience, name: str, match: str, conditions: list[dict[str, Any]]) -> Segment:
        """A saved segment, whose members are whoever fits."""
        now = self.now()
        made = Segment(self.ids.number(), name, match, conditions, now, now)
        audience.segments[made.id] = made
        return made
