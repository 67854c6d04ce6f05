"""Reads the members of an audience in the order in which they changed.

Mailchimp pages by offset, and has no cursor: while pages are read, members that change move to the end, and all
others move up by one, so that some would be missed. Each page therefore begins where the last one ended by time, not
by offset. Only where a whole page changed in one second are its neighbours read by offset, and again if they moved.
mailchimp.com/developer/marketing: methods-parameters
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from instep.errors import RetryLaterError
from instep_mailchimp import wire
from instep_mailchimp.answers import Answer, Call
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.wire import Member, MemberPage, Odd

UNWANTED: Final = ("_links", "stats", "location", "interests", "marketing_permissions", "last_note")
_SECOND: Final = timedelta(seconds=1)
_RESTARTS: Final = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some members, the time up to which all that changed are known, and Mailchimp's own clock."""

    rows: list[Member | Odd]
    reached: datetime | None
    at: datetime | None


class Walker:
    """Walks through the members of an audience."""

    def __init__(self, client: MailchimpClient) -> None:
        self._client = client

    def walk(self, list_id: str, since: datetime | None, status: str | None = None) -> Iterator[Stretch]:
        """Every member that changed since then, or every one; at least one stretch.

        One that changes meanwhile comes again. Without a `status` archived members may be left out.
        """
        reached, told = since, set[tuple[str, datetime | None]]()
        while True:
            answer = self._page(list_id, status, reached, None, 0)
            page = answer.value
            newest = _newest(page)
            if len(page.members) >= page.total:
                yield Stretch(_fresh(page.members, told), newest or reached, answer.at)
                return
            if newest is None:
                raise RetryLaterError(
                    "Mailchimp (members/list): gives a page on which nobody can be read. Run again later."
                )
            if reached is None or newest > reached:
                yield Stretch(_fresh(page.members, told), newest, answer.at)
                reached, told = newest, {_key(row) for row in page.members}
                continue
            group = self._of_one_second(list_id, status, reached)
            reached += _SECOND
            yield Stretch(_fresh(group, told), reached, answer.at)
            told = {_key(row) for row in group}

    def _of_one_second(self, list_id: str, status: str | None, at: datetime) -> list[Member | Odd]:
        """All that changed in one second: by offset, and from the beginning if one of them changed meanwhile."""
        for _ in range(_RESTARTS):
            rows: list[Member | Odd] = []
            total: int | None = None
            while True:
                page = self._page(list_id, status, at, at + _SECOND, len(rows)).value
                if total is not None and page.total != total:
                    break
                total = page.total
                rows += page.members
                if not page.members or len(rows) >= total:
                    return rows
        raise RetryLaterError(
            "Mailchimp (members/list): members change faster than they can be read. Run again later."
        )

    def _page(
        self, list_id: str, status: str | None, since: datetime | None, before: datetime | None, offset: int
    ) -> Answer[MemberPage]:
        query = {
            "count": str(self._client.settings.page_size),
            "offset": str(offset),
            "sort_field": "last_changed",
            "sort_dir": "ASC",
            "exclude_fields": ",".join(("_links", *(f"members.{name}" for name in UNWANTED))),
        }
        if status is not None:
            query["status"] = status
        if since is not None:  # a second early: nobody says whether the second itself is meant as well
            query["since_last_changed"] = _iso(since - _SECOND)
        if before is not None:
            query["before_last_changed"] = _iso(before)
        return self._client.fetch(Call("GET", wire.members_path(list_id), "members/list", query), wire.members)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _newest(page: MemberPage) -> datetime | None:
    return max((row.last_changed for row in page.members if isinstance(row, Member)), default=None)


def _key(row: Member | Odd) -> tuple[str, datetime | None]:
    return row.contact_id, row.last_changed if isinstance(row, Member) else None


def _fresh(rows: list[Member | Odd], told: set[tuple[str, datetime | None]]) -> list[Member | Odd]:
    return [row for row in rows if _key(row) not in told]
