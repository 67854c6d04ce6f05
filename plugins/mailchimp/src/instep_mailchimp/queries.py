"""Finds members by a merge field. Mailchimp cannot be asked for that: all are read once, then what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from instep_mailchimp.walk import Walker
from instep_mailchimp.wire import ARCHIVED, Member


@dataclass(slots=True)
class _Known:
    since: datetime | None = None
    keys: dict[str, str] = field(default_factory=dict)
    """The key of every member that has one, by its id."""
    holders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Nearly every key has one holder, and a set of one takes four times as much memory as a tuple."""

    def take(self, member: Member, key: str) -> None:
        before = self.keys.pop(member.contact_id, None)
        if before is not None:
            left = tuple(id for id in self.holders.pop(before) if id != member.contact_id)
            self.holders |= {before: left} if left else {}
        if key:
            self.keys[member.contact_id] = key
            self.holders[key] = (*self.holders.get(key, ()), member.contact_id)


class KeyIndex:
    """Who holds a key, archived members included.

    The first question costs a call for each thousand members, later ones two calls: for those that changed since.
    """

    def __init__(self, walker: Walker, overlap: timedelta) -> None:
        self._walker, self._overlap = walker, overlap
        self._known: dict[tuple[str, str], _Known] = {}

    def holders(self, list_id: str, tag: str, keys: Iterable[str]) -> dict[str, list[str]]:
        """The ids of the members that hold each key now."""
        known = self._known.setdefault((list_id, tag), _Known())
        started: datetime | None = None
        for status in (ARCHIVED, None):
            for stretch in self._walker.walk(list_id, known.since, status):
                started = started or stretch.at
                for row in stretch.rows:
                    if isinstance(row, Member):
                        known.take(row, str(row.merge_fields.get(tag) or ""))
        known.since = started - self._overlap if started else known.since
        return {key: sorted(known.holders.get(key, ())) for key in keys}
