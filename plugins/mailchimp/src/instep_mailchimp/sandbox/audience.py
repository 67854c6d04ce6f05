"""One audience: its merge fields, its tags and its members, and how each looks outside."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Value = str | int | float | dict[str, str]


def subscriber_hash(email: str) -> str:
    """The id of a member: MD5 over the lower-cased address."""
    return hashlib.md5(email.lower().encode()).hexdigest()  # noqa: S324 - Mailchimp's own way of naming members


def iso(moment: datetime | None) -> str:
    """A time as Mailchimp writes it: to the second, with offset; blank where there is none."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class MergeField:
    """One merge field. Its type is fixed when it is made."""

    merge_id: int
    tag: str
    name: str
    type: str
    required: bool = False
    public: bool = False
    default_value: str = ""
    help_text: str = ""
    order: int = 0
    choices: list[str] = field(default_factory=list)

    def to_dict(self, list_id: str) -> dict[str, object]:
        """The field as the API tells it."""
        options: dict[str, object] = {}
        if self.type in {"radio", "dropdown"}:
            options["choices"] = list(self.choices)
        if self.type in {"text", "radio", "dropdown"}:
            options["size"] = 25
        if self.type == "date":
            options["date_format"] = "MM/DD/YYYY"
        return {
            "merge_id": self.merge_id,
            "tag": self.tag,
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default_value": self.default_value,
            "public": self.public,
            "display_order": self.order,
            "options": options,
            "help_text": self.help_text,
            "list_id": list_id,
        }


@dataclass(slots=True)
class Interest:
    """One interest that members tick, or do not."""

    id: str
    name: str
    order: int = 0


@dataclass(slots=True)
class Category:
    """Interests under one title."""

    id: str
    title: str
    type: str
    order: int = 0
    interests: dict[str, Interest] = field(default_factory=dict)


@dataclass(slots=True)
class Segment:
    """A saved segment: whoever fits its conditions is in it, and nobody is put there by hand."""

    id: int
    name: str
    match: str
    conditions: list[dict[str, Any]]
    made: datetime
    updated: datetime


@dataclass(slots=True)
class CustomEvent:
    """What an app says that a member did. It is never changed or taken back."""

    name: str
    at: datetime
    properties: dict[str, str] = field(default_factory=dict)
    is_syncing: bool = False


@dataclass(slots=True)
class Event:
    """What a member did with one campaign."""

    kind: str
    at: datetime
    campaign: str = ""
    url: str = ""
    bounce: str = ""
    reason: str = ""


@dataclass(slots=True)
class Member:
    """One member. `ended_by` says who unsubscribed them: "contact", "admin" or "api"."""

    contact_id: str
    unique_email_id: str
    web_id: int
    email: str
    status: str
    last_changed: datetime
    source: str = "API - Generic"
    merge: dict[str, Value] = field(default_factory=dict)
    interests: dict[str, bool] = field(default_factory=dict)
    tags: dict[str, datetime] = field(default_factory=dict)
    language: str = ""
    vip: bool = False
    email_type: str = "html"
    rating: int = 2
    ended_by: str = ""
    is_under_review: bool = False
    reason: str = ""
    timestamp_signup: datetime | None = None
    timestamp_opt: datetime | None = None
    ip_signup: str = ""
    ip_opt: str = ""
    events: list[Event] = field(default_factory=list)
    custom: list[CustomEvent] = field(default_factory=list)

    @property
    def hash(self) -> str:
        """The id by which it is addressed now; another address has another."""
        return subscriber_hash(self.email)


@dataclass(slots=True)
class Audience:
    """One list, as the API calls it."""

    id: str
    name: str
    web_id: int
    made: datetime
    fields: dict[str, MergeField] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    """By `contact_id`, which stays when the address changes."""
    forgotten: set[str] = field(default_factory=set)
    """Hashes of addresses that were deleted for good."""
    tags: dict[str, int] = field(default_factory=dict)
    """Tags and their ids; each is a static segment, too."""
    segments: dict[int, Segment] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """What the API tells of how many members there are, as counted at `counted`."""
    counted: datetime | None = None

    def find(self, key: str) -> Member | None:
        """A member by hash, plain address or contact id."""
        if key in self.members:
            return self.members[key]
        wanted = subscriber_hash(key) if "@" in key else key.lower()
        return next((member for member in self.members.values() if member.hash == wanted), None)

    def count(self) -> dict[str, int]:
        """How many members there are now, by what they are."""
        statuses = Counter(member.status for member in self.members.values())
        return {
            "member_count": statuses["subscribed"],
            "total_contacts": sum(statuses.values()),
            "unsubscribe_count": statuses["unsubscribed"],
            "cleaned_count": statuses["cleaned"],
            "merge_field_count": len(self.fields),
        }

    @property
    def interests(self) -> dict[str, Interest]:
        """The interests of every category, by their ids."""
        return {id: one for category in self.categories.values() for id, one in category.interests.items()}

    def shown(self, member: Member) -> dict[str, object]:
        """A member as the API tells it: every merge field has a value, a blank one the empty text."""
        values = {tag: self._value(tag, member) for tag in self.fields}
        tags = [{"id": self.tags[name], "name": name} for name in list(member.tags)[:50]]
        return {
            "id": member.hash,
            "email_address": member.email,
            "unique_email_id": member.unique_email_id,
            "contact_id": member.contact_id,
            "full_name": " ".join(str(values.get(tag) or "") for tag in ("FNAME", "LNAME")).strip(),
            "web_id": member.web_id,
            "email_type": member.email_type,
            "status": member.status,
            **({"unsubscribe_reason": member.reason} if member.reason else {}),
            "consents_to_one_to_one_messaging": True,
            "merge_fields": values,
            "interests": {id: member.interests.get(id, False) for id in self.interests},
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
            "ip_signup": member.ip_signup,
            "timestamp_signup": iso(member.timestamp_signup),
            "ip_opt": member.ip_opt,
            "timestamp_opt": iso(member.timestamp_opt),
            "member_rating": member.rating,
            "last_changed": iso(member.last_changed),
            "language": member.language,
            "vip": member.vip,
            "email_client": "",
            "location": {
                "latitude": 0,
                "longitude": 0,
                "gmtoff": 0,
                "dstoff": 0,
                "country_code": "",
                "timezone": "",
                "region": "",
            },
            "source": member.source,
            "tags_count": len(member.tags),
            "tags": tags,
            "list_id": self.id,
        }

    def announced(self, member: Member) -> dict[str, object]:
        """A member as webhooks tell it. The id is as short as in Mailchimp's own example, so it is no hash."""
        names = [one.name for id, one in self.interests.items() if member.interests.get(id)]
        values = {tag: self._value(tag, member) for tag in self.fields}
        return {
            "id": member.unique_email_id,
            "list_id": self.id,
            "email": member.email,
            "email_type": member.email_type,
            "ip_opt": member.ip_opt,
            "ip_signup": member.ip_signup,
            "merges": {"EMAIL": member.email, **values, "INTERESTS": ", ".join(names)},
        }

    def _value(self, tag: str, member: Member) -> Value:
        return member.merge.get(tag, "")
