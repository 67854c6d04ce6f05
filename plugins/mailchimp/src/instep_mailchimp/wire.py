"""What Mailchimp's answers look like."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from instep.errors import RemoteError

ARCHIVED: Final = "archived"
"""The status of a member who was put away."""


def path(*parts: str) -> str:
    """The path of a resource; every path is built here. No part can lead elsewhere."""
    if any(part in ("", ".", "..") for part in parts):
        raise RemoteError(f"Mailchimp: {parts} is no path. Nothing was sent.")
    return "".join("/" + quote(part, safe="") for part in parts)


def subscriber_hash(email: str) -> str:
    """The id of a member: MD5 over the lower-cased address.

    mailchimp.com/developer/marketing: methods-parameters
    """
    return hashlib.md5(email.strip().lower().encode()).hexdigest()  # noqa: S324 - a name, not a safeguard


def members_path(list_id: str, *more: str) -> str:
    """The path of an audience's members, or of one by hash or contact id. A newer family of paths would go here."""
    return path("lists", list_id, "members", *more)


class Tag(msgspec.Struct, frozen=True):
    name: str
    id: int = 0


class Member(msgspec.Struct):
    """One member. Empty dates are empty texts. `contact_id` stays when the address, and with it `id`, changes."""

    id: str
    contact_id: str
    email_address: str
    status: str
    last_changed: datetime
    merge_fields: dict[str, Any] = {}
    language: str = ""
    vip: bool = False
    email_type: str = ""
    member_rating: int | None = None
    source: str = ""
    timestamp_signup: str = ""
    timestamp_opt: str = ""
    unsubscribe_reason: str = ""
    tags: list[Tag] = []
    tags_count: int = 0
    unique_email_id: str = ""


class Odd(msgspec.Struct):
    """A member that cannot be read, and why."""

    contact_id: str
    reason: str


class _Identity(msgspec.Struct):
    contact_id: str


class _RawPage(msgspec.Struct):
    members: list[msgspec.Raw]
    total_items: int


class MemberPage(msgspec.Struct):
    """A page of members; one that cannot be read does not take its neighbours along."""

    members: list[Member | Odd]
    total: int


class Problem(msgspec.Struct):
    """What Mailchimp says when it refuses; no part of it is guaranteed, and `type` least of all.

    mailchimp.com/developer/marketing/docs/errors
    """

    title: str = ""
    detail: str = ""
    errors: list[dict[str, Any]] = []

    def says(self, *words: str) -> bool:
        """Whether title or detail has one of these: titles have changed over the years."""
        text = f"{self.title} {self.detail}".lower()
        return any(word in text for word in words)


class TagPage(msgspec.Struct):
    tags: list[Tag]
    total_items: int


class Segment(msgspec.Struct, frozen=True):
    id: int
    name: str
    type: str = ""


class SegmentPage(msgspec.Struct):
    segments: list[Segment]
    total_items: int


class SegmentMember(msgspec.Struct):
    unique_email_id: str


class SegmentMembers(msgspec.Struct):
    members: list[SegmentMember]
    total_items: int


class Root(msgspec.Struct):
    account_id: str
    account_name: str = ""
    email: str = ""
    login_id: str = ""
    account_timezone: str = ""


class FieldOptions(msgspec.Struct):
    choices: list[str] = []
    size: int | None = None


class MergeField(msgspec.Struct):
    merge_id: int
    tag: str
    name: str
    type: str
    required: bool = False
    help_text: str = ""
    options: FieldOptions = msgspec.field(default_factory=FieldOptions)


class FieldPage(msgspec.Struct):
    merge_fields: list[MergeField]
    total_items: int


class Batch(msgspec.Struct):
    id: str
    status: str
    response_body_url: str = ""


class BatchPage(msgspec.Struct):
    batches: list[Batch]
    total_items: int


class BatchResult(msgspec.Struct):
    """What one operation of a batch came to; `response` is JSON in a text."""

    status_code: int
    operation_id: str = ""
    response: str = ""


class _OneMember:
    """Decodes one member, which may be one that cannot be read."""

    def decode(self, data: bytes, /) -> Member | Odd:
        return _one(msgspec.Raw(data))


class _MemberPages:
    """Decodes pages of members, one by one where one of them cannot be read."""

    def decode(self, data: bytes, /) -> MemberPage:
        raw = _raw_page.decode(data)
        return MemberPage([_one(row) for row in raw.members], raw.total_items)


member: Final = msgspec.json.Decoder(Member)
one_member: Final = _OneMember()
members: Final = _MemberPages()
tags: Final = msgspec.json.Decoder(TagPage)
segments: Final = msgspec.json.Decoder(SegmentPage)
segment_members: Final = msgspec.json.Decoder(SegmentMembers)
root: Final = msgspec.json.Decoder(Root)
merge_field: Final = msgspec.json.Decoder(MergeField)
merge_fields: Final = msgspec.json.Decoder(FieldPage)
batch: Final = msgspec.json.Decoder(Batch)
batches: Final = msgspec.json.Decoder(BatchPage)
batch_results: Final = msgspec.json.Decoder(list[BatchResult])
_raw_page: Final = msgspec.json.Decoder(_RawPage)
_identity: Final = msgspec.json.Decoder(_Identity)
_problem: Final = msgspec.json.Decoder(Problem, strict=False)


def _one(row: msgspec.Raw) -> Member | Odd:
    try:
        return member.decode(row)
    except msgspec.ValidationError as error:
        return Odd(_identity.decode(row).contact_id, f"Mailchimp's answer for this member cannot be read: {error}.")


def read_member(data: bytes) -> Member | None:
    """A member as an answer tells it; None where it makes no sense."""
    try:
        return member.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def read_problem(data: bytes) -> Problem | None:
    """What a refusal says; None where it is HTML, nothing, cut off or not text at all."""
    try:
        return _problem.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
