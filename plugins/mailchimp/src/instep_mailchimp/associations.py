"""Segments as fields of members: `segment:NAME` is true for whoever is in it.

Nobody is told who came or left: a saved segment is a rule, and members enter and leave it without having changed.
So each one is read whole, and compared with what it held before. Its members tell neither their contact id nor their
tags, but an id of their address that nobody outside Mailchimp can compute. mailchimp.com/developer/marketing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from instep.contract import SystemField
from instep.errors import RemoteError, RetryLaterError
from instep_mailchimp import values, wire
from instep_mailchimp.answers import Call, RefusedError
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.walk import UNWANTED
from instep_mailchimp.wire import ARCHIVED, Member, Odd

Held = Mapping[str, frozenset[str]]
"""Who is in each segment: `unique_email_id`s by the field that tells of it."""
_MOST: Final = "1000"
_EVERYBODY: Final = dict.fromkeys(("include_cleaned", "include_transactional", "include_unsubscribed"), "true")


class Segments:
    """The segments that the settings name, in every audience that has them."""

    def __init__(self, client: MailchimpClient) -> None:
        self._client = client
        self._wanted = client.settings.segments
        self._known: dict[str, dict[str, wire.Segment]] = {}

    def described(self, object: str, list_id: str) -> list[SystemField]:
        """The fields of an audience's members that tell of segments, as they are now."""
        return [
            SystemField(object, name, f"In the segment {segment.name}", "boolean", read_only=True)
            for name, segment in self._read(list_id).items()
        ]

    def held(self, list_id: str, fields: Iterable[str], before: Held | None = None) -> Held:
        """Who is in each segment that is asked for: a call for each thousand members of it.

        Pages go by number, so a member who moves up meanwhile is missed. Whoever seems to have left since `before` is
        therefore believed to have left only where a second look agrees. A segment that is not there is left out.
        """
        found: dict[str, frozenset[str]] = {}
        for name in dict.fromkeys(fields):
            segment = self._of(list_id).get(name) if name.startswith(values.SEGMENT) else None
            if segment is not None:
                members = self._members(list_id, segment, (before or {}).get(name, frozenset()))
                found |= {name: members} if members is not None else {}
        return found

    def look_up(self, list_id: str, unique_email_id: str) -> Member | Odd | None:
        """The member with this id; None where there is none, or an archived one. No path takes it: a listing does."""
        query = {
            "unique_email_id": unique_email_id,
            "exclude_fields": ",".join(("_links", *(f"members.{name}" for name in UNWANTED))),
        }
        call = Call("GET", wire.members_path(list_id), "members/list", query)
        rows = self._client.fetch(call, wire.members).value.members
        if any(isinstance(row, Member) and row.unique_email_id != unique_email_id for row in rows):
            raise RemoteError("Mailchimp (members/list): tells of others than the member who was asked for.")
        return next((row for row in rows if isinstance(row, Odd) or row.status != ARCHIVED), None)

    # --- reading -------------------------------------------------------------------------------------------------

    def _of(self, list_id: str) -> dict[str, wire.Segment]:
        return self._known[list_id] if list_id in self._known else self._read(list_id)

    def _read(self, list_id: str) -> dict[str, wire.Segment]:
        """The segments by their fields: a call for each thousand tags and segments, if any is wanted at all."""
        there = self._there(list_id) if self._wanted else []
        found = {word: _meant(word, there) for word in self._wanted}
        self._known[list_id] = {values.SEGMENT + word: one for word, one in found.items() if one is not None}
        return self._known[list_id]

    def _there(self, list_id: str) -> list[wire.Segment]:
        rows: list[wire.Segment] = []
        while True:
            fields = "segments.id,segments.name,segments.type,total_items"
            query = {"count": _MOST, "offset": str(len(rows)), "fields": fields}
            call = Call("GET", wire.path("lists", list_id, "segments"), "segments/list", query)
            page = self._client.fetch(call, wire.segments).value
            rows += page.segments
            if not page.segments or len(rows) >= page.total_items:
                return list({segment.id: segment for segment in rows}.values())

    def _members(self, list_id: str, segment: wire.Segment, before: frozenset[str]) -> frozenset[str] | None:
        """Everybody in a segment; None where it is not there."""
        path = wire.path("lists", list_id, "segments", str(segment.id), "members")
        try:
            found, is_one_page, is_whole = self._whole(path)
            if not is_whole or (not is_one_page and before - found):
                found |= self._whole(path)[0]
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def _whole(self, path: str) -> tuple[frozenset[str], bool, bool]:
        """All pages, as many as there were at first, so that it ends; if there was only one; if none shifted."""
        first = self._page(path, 0)
        if first.total_items and not first.members:
            raise RetryLaterError(
                "Mailchimp (segments/members): tells of members, and of none of them. Run again later."
            )
        size = len(first.members) or 1
        pages = [first, *(self._page(path, offset) for offset in range(size, first.total_items, size))]
        found = frozenset(member.unique_email_id for page in pages for member in page.members)
        is_whole = len(found) == first.total_items and all(p.total_items == first.total_items for p in pages)
        return found, len(pages) == 1, is_whole

    def _page(self, path: str, offset: int) -> wire.SegmentMembers:
        fields = "members.unique_email_id,total_items"
        size = str(self._client.settings.page_size)
        query = {"count": size, "offset": str(offset), "fields": fields, **_EVERYBODY}
        return self._client.fetch(Call("GET", path, "segments/members", query), wire.segment_members).value


def moved(before: Held, now: Held) -> list[str]:
    """Who is in a segment and was not, or the other way round; in a stable order."""
    return sorted({id for name, members in now.items() for id in members ^ before.get(name, frozenset())})


def _meant(word: str, there: Iterable[wire.Segment]) -> wire.Segment | None:
    """The segment with this id or name; None where there is none, or a tag and a saved segment have one name.

    Anybody can give a tag a name at any time: the field is then left out like one that is gone, and nothing else is.
    """
    found = [segment for segment in there if str(segment.id) == word]
    found = found or [segment for segment in there if segment.name == word]
    return found[0] if len(found) == 1 else None
