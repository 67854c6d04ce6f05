"""Reads what changed: all leads month by month, or what the activity log tells since a paging token."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

import msgspec

from instep.contract import FieldChange, Gone, Item, MergedInto, Page, Seen
from instep_marketo import bulk
from instep_marketo.answers import Call
from instep_marketo.associations import LIST, PROGRAM
from instep_marketo.client import MarketoClient
from instep_marketo.queries import BATCH, Leads
from instep_marketo.schema import Schema
from instep_marketo.settings import MarketoSettings
from instep_marketo.walk import CHANGED, NEW_LEAD, OLDEST_TOKEN, Activity, Merges, of_types, stream, token_since

_ALWAYS: Final = (22, 23, 32)
"""Change Score, Change Owner, Merge Leads: none of them is a lead change."""
_LISTS: Final = (24, 25)
_PROGRAMS: Final = (104,)
_REVENUE: Final = (101, 102)
_REVENUE_FIELDS: Final = frozenset(("leadRevenueStageId", "leadRevenueCycleModelId"))
_DELETIONS_KEPT: Final = timedelta(days=14)
_LONGEST_FIELD_LIST: Final = 6000
_API: Final = "Web service API"


class _Cursor(msgspec.Struct, frozen=True):
    """Where a read stands. `window` is where a first read goes on; then only the three streams count.

    `begun` is Marketo's own time when the last read that came to its end began: no stream has anything older to tell,
    so tokens that are very old are made anew from it.
    """

    begun: datetime
    changes: str
    others: str
    deleted: str
    window: datetime | None = None

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_cursor = msgspec.json.Decoder(_Cursor)


class ChangeReader:
    """Reads the changes of leads. While nothing changes a read costs three calls."""

    def __init__(
        self, client: MarketoClient, settings: MarketoSettings, schema: Schema, leads: Leads, merges: Merges
    ) -> None:
        self._client = client
        self._schema = schema
        self._leads = leads
        self._merges = merges
        self._first = datetime.combine(settings.first_lead_created, time(), UTC)
        self._lag = timedelta(seconds=settings.activity_lag_seconds)

    def read(self, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages: merges, then deletions, then leads."""
        at = self._renewed(_cursor.decode(cursor)) if cursor else self._started()
        self._schema.known(fields, again=cursor is None)
        if at.window is not None:
            at = yield from self._deletions(at)
            yield from self._everything(fields, at)
            return
        at, begun = yield from self._others(fields, at)
        at = yield from self._deletions(at)
        at = yield from self._changes(fields, at)
        yield Page((), msgspec.structs.replace(at, begun=begun).text())

    # --- where to begin ----------------------------------------------------------------------------------------

    def _started(self) -> _Cursor:
        """The streams begin before the first lead is read, so that nothing that changes meanwhile is lost."""
        clock = self._client.now()
        deleted, answer = token_since(self._client, clock - _DELETIONS_KEPT)
        begun = answer.at or clock
        token, _ = token_since(self._client, begun - self._lag)
        return _Cursor(begun, token, token, deleted, min(self._first, begun))

    def _renewed(self, at: _Cursor) -> _Cursor:
        """How long a token is good for, Marketo does not say: one of more than a month is made anew.

        After a clock that ran ahead everything is read again: what changed since then would be skipped.
        """
        now = self._client.now()
        if at.begun - self._lag > now:
            return self._started()
        if at.window is not None or now - at.begun < OLDEST_TOKEN:
            return at
        token, _ = token_since(self._client, at.begun - self._lag)
        return _Cursor(at.begun, token, token, token)

    # --- everything --------------------------------------------------------------------------------------------

    def _everything(self, fields: Sequence[str], at: _Cursor) -> Iterator[Page]:
        """One extract of ids for each month since the oldest lead; the leads themselves from the lead database."""
        window = at.window
        while window is not None:
            end = min(window + timedelta(days=bulk.LONGEST_DAYS), at.begun)
            ids = bulk.created_ids(self._client, window, end)
            following = end if end < at.begun else None
            for start in range(0, max(1, len(ids)), BATCH):
                found = self._leads.by_id(ids[start : start + BATCH], fields)
                is_last = start + BATCH >= len(ids)
                at = msgspec.structs.replace(at, window=following if is_last else window)
                yield Page(tuple(found.values()), at.text())
            window = following

    # --- since a token -----------------------------------------------------------------------------------------

    def _others(self, fields: Sequence[str], at: _Cursor) -> Generator[Page, None, tuple[_Cursor, datetime]]:
        """What is no lead change. Gives where it came to, and when it began."""
        types = list(_ALWAYS)
        types += _PROGRAMS if any(name.startswith(PROGRAM) for name in fields) else ()
        types += _LISTS if any(name.startswith(LIST) for name in fields) else ()
        types += _REVENUE if _REVENUE_FIELDS & set(fields) else ()
        begun: datetime | None = None
        for found, token, now in stream(self._client, of_types(types), at.others):
            at = msgspec.structs.replace(at, others=token)
            begun = begun or now or at.begun
            lost = self._merges.learn(found)
            merges = [MergedInto(id, *self._merges.known(id)) for id in dict.fromkeys(lost)]
            if found:
                yield Page((*merges, *self._seen(found, fields)), at.text())
        return at, begun or at.begun

    def _deletions(self, at: _Cursor) -> Generator[Page, None, _Cursor]:
        """A lead that a merge took away is never told as deleted, whatever the log says of it."""
        call = Call("GET", "/rest/v1/activities/deletedleads.json", "activities/deletedleads", {"batchSize": "300"})
        for found, token, _ in stream(self._client, call, at.deleted):
            at = msgspec.structs.replace(at, deleted=token)
            merged = self._merges.survivors([activity.lead for activity in found])
            gone = {a.lead: Gone(a.lead, a.at) for a in found if a.lead not in merged}
            moved = [MergedInto(id, survivor, when) for id, (survivor, when) in merged.items()]
            if found:
                yield Page((*moved, *gone.values()), at.text())
        return at

    def _changes(self, fields: Sequence[str], at: _Cursor) -> Generator[Page, None, _Cursor]:
        for found, token, _ in stream(self._client, self._changes_call(fields), at.changes):
            at = msgspec.structs.replace(at, changes=token)
            if found:
                yield Page(tuple(self._seen(found, fields)), at.text())
        return at

    def _changes_call(self, fields: Sequence[str]) -> Call:
        """Changes of the fields that are read, and new leads. Too many names for an address: changes of any field."""
        names = ",".join(self._schema.known((*fields, "email")))
        if len(names) > _LONGEST_FIELD_LIST:
            return of_types([NEW_LEAD, CHANGED])
        query = {"fields": names, "batchSize": "300"}
        return Call("GET", "/rest/v1/activities/leadchanges.json", "activities/leadchanges", query)

    def _seen(self, activities: Sequence[Activity], fields: Sequence[str]) -> Iterable[Item]:
        """The leads of some activities as they are now. One that is not there is told by another stream.

        A lead's own `updatedAt` stands still when a custom field changes, so its activities date it too.
        """
        latest = {a.lead: a.at for a in sorted(activities, key=lambda a: a.at)}
        changes = _field_changes(activities)
        for id, seen in self._leads.by_id(list(latest), fields).items():
            own = {name: change for name, change in changes.get(id, {}).items() if name in seen.fields}
            yield Seen(id, seen.fields, max(seen.modified_at, latest[id]), own)


def _field_changes(activities: Sequence[Activity]) -> dict[str, dict[str, FieldChange]]:
    """When each field got its value. What came by the API came from an integration; of the rest Marketo's own
    source names are too many to tell people from campaigns."""
    found: dict[str, dict[str, FieldChange]] = {}
    for activity in activities:
        is_ours = activity.named("Source") == _API
        for field in activity.fields:
            change = FieldChange(activity.at, "integration" if is_ours else "unknown")
            found.setdefault(activity.lead, {})[field.name] = change
    return found
