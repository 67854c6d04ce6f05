"""One Mailchimp account: everything the sandbox remembers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from instep.sandbox import Clock, Personality, SeededIds
from instep_mailchimp.sandbox.audience import Audience, Member, MergeField, Segment
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.errors import forgotten, in_compliance_state, not_found

API_KEY = "0123456789abcdef0123456789abcdef-us1"
ACCESS_TOKEN = "sandbox-oauth-token"  # noqa: S105 - opens this sandbox only
DATA_CENTRE = "us1"
AUDIENCE = "a1b2c3d4e5"


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
    due: datetime
    results: list[dict[str, object]] | None = None
    completed: datetime | None = None
    errored: int = 0
    links: dict[str, datetime] = field(default_factory=dict)
    """Signed links to the results, and when each ends."""


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

    def set_status(self, member: Member, status: str, by: str) -> None:
        """Another status; raises a problem where only the person may subscribe again."""
        ended_in_person = member.status == "cleaned" or member.ended_by == "contact"
        if status == "subscribed" and by != "contact" and ended_in_person and member.status != "subscribed":
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

    def touch(self, member: Member) -> None:
        """Something of a member changed."""
        member.last_changed = self.now()

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
