"""Reads what changed in one object: all records, or those since a cursor, and the ones that were deleted."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import msgspec

from instep.contract import Garbled, Gone, Item, MergedInto, Page, Seen
from instep.errors import RemoteError
from instep.model.values import Scalar
from instep_hubspot import values, wire
from instep_hubspot.answers import Answer, Call
from instep_hubspot.client import HubSpotClient

MERGED: Final = "hs_merged_object_ids"
"""The property of a survivor that lists the ids it took over, separated by semicolons.

developers.hubspot.com/changelog/updated-merge-functionality-for-contacts-and-companies
"""
_LIST_LIMIT: Final = 100
_SEARCH_LIMIT: Final = 200
_LONGEST_PROPERTY_LIST: Final = 6000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Alive(NamedTuple):
    """Records by the id that was asked for, and why others cannot be read."""

    records: Mapping[str, wire.WireRecord]
    garbled: Mapping[str, str] = {}


ReadAlive = Callable[[str, Sequence[str], Sequence[str]], Alive]


def modified_field(object: str) -> str:
    """The property that says when a record changed; contacts have a name of their own for it."""
    return "lastmodifieddate" if object == "contacts" else "hs_lastmodifieddate"


def _archived_at(record: wire.WireRecord) -> datetime:
    """When a record was deleted; where HubSpot does not say, its last change stands in."""
    return record.archivedAt or record.updatedAt


def merged_ids(record: wire.WireRecord) -> list[str]:
    """The ids that this record took over in merges."""
    return [id for id in (record.properties.get(MERGED) or "").split(";") if id]


class _Cursor(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where a read stands: first it goes through the bin, then through the records.

    `since` is where it begins (everything, where there is none), `started` HubSpot's own time when it began, and
    where the next one takes up. `told` are the late deletions that the read before reported and this one must not
    repeat; `dead` are those that it met itself, each with the time of its deletion.
    """

    phase: Literal["bin", "records"] = "bin"
    since: datetime | None = None
    started: datetime | None = None
    last: str | None = None
    newest: datetime | None = None
    told: dict[str, datetime] = {}
    dead: dict[str, datetime] = {}

    @property
    def begun(self) -> datetime:
        """When this read began; without a clock in the answers, the latest time seen stands in."""
        return self.started or self.newest or self.since or _EPOCH

    def is_ahead_of(self, now: datetime | None, overlap: timedelta) -> bool:
        """Whether the read before went by a clock that ran ahead: what changed since then would be skipped."""
        return bool(self.since and now and now < self.since - overlap)

    def moved(self, **changes: Any) -> _Cursor:
        return msgspec.structs.replace(self, **changes)

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_cursor = msgspec.json.Decoder(_Cursor)


class ChangeReader:
    """Reads the changes of any object. An incremental read costs two calls while nothing changes."""

    def __init__(self, client: HubSpotClient, overlap: timedelta, alive: ReadAlive) -> None:
        self._client = client
        self._overlap = overlap
        self._alive = alive

    def read(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages, deletions first: a search index that lags still shows what was deleted a moment ago."""
        at = _cursor.decode(cursor) if cursor else _Cursor()
        if at.phase == "bin":
            at = yield from self._deleted(object, fields, at)
        hidden = at.dead if at.since else ()  # a listing, unlike a search, never lags
        yield from self._records(_PageReader(object, fields, hidden), at)

    # --- deletions ---------------------------------------------------------------------------------------------

    def _deleted(self, object: str, fields: Sequence[str], at: _Cursor) -> Generator[Page, None, _Cursor]:
        """Report records that were archived since the last read. Search never shows them.

        developers.hubspot.com/docs/guides/api/crm/search
        """
        query = {"archived": "true", "limit": str(_LIST_LIMIT)}
        names = ",".join(fields)
        if at.since is None and len(names) <= _LONGEST_PROPERTY_LIST:
            query["properties"] = names
        while at.phase == "bin":
            answer = self._fetch(self._list_call(object, query, at.last))
            if at.is_ahead_of(answer.at, self._overlap):
                return (yield from self._deleted(object, fields, _Cursor()))
            recent = [record for record in answer.value.results if self._is_recent(record, at)]
            news = [record for record in recent if at.told.get(record.id, _EPOCH) < _archived_at(record)]
            items = self._confirmed(object, news, fields if "properties" in query else ())
            restored = {record.id for record in news} - {item.id for item in items}
            dead = at.dead | {r.id: _archived_at(r) for r in recent if r.id not in restored}
            after = answer.value.after
            at = at.moved(started=at.started or answer.at, last=after)
            at = at.moved(dead=self._in_view(dead, at))
            at = at if after else at.moved(phase="records", told={})
            if items or after:
                yield Page(items, at.text())
        return at

    def _in_view(self, dead: Mapping[str, datetime], at: _Cursor) -> dict[str, datetime]:
        """The deletions so late that an index may still show the record, and that the next read looks back upon."""
        horizon = at.begun - self._overlap
        return {id: when for id, when in dead.items() if when >= horizon}

    def _is_recent(self, record: wire.WireRecord, at: _Cursor) -> bool:
        return at.since is None or _archived_at(record) >= at.since - self._overlap

    def _confirmed(self, object: str, records: Sequence[wire.WireRecord], fields: Sequence[str]) -> tuple[Item, ...]:
        """What became of archived records, by a direct read: one that answers was restored or merged meanwhile."""
        if not records:
            return ()
        alive, garbled = self._alive(object, [record.id for record in records], ())
        merges = [MergedInto(r.id, alive[r.id].id) for r in records if r.id in alive and alive[r.id].id != r.id]
        gone = [r for r in records if r.id not in alive and r.id not in garbled]
        return (*merges, *(Gone(r.id, r.archivedAt, fields=values.typed(r.properties, fields)) for r in gone))

    # --- records -----------------------------------------------------------------------------------------------

    def _records(self, page: _PageReader, at: _Cursor) -> Iterator[Page]:
        """Yield all records from a listing, or the changed ones from searches."""
        is_last = False
        while not is_last:
            answer = self._listed(page, at.last) if at.since is None else self._searched(page, at)
            items = page.items(answer.value)
            after = answer.value.after
            is_last = not after
            if at.since and not (page.size or is_last):
                raise RemoteError(f"HubSpot ({page.object}): promised more records and gave none. Run again later.")
            last = after if at.since is None else page.last_id
            at = at.moved(started=at.started or answer.at, newest=page.newest, last=last)
            yield Page(items, (self._end(at) if is_last else at).text())

    def _end(self, at: _Cursor) -> _Cursor:
        """Where the next read begins, and the deletions that it must not repeat."""
        return _Cursor(since=at.begun, told=at.dead)

    # --- calls -------------------------------------------------------------------------------------------------

    def _listed(self, page: _PageReader, after: str | None) -> Answer[wire.RecordPage]:
        """One page of all records. Where the names are too many for an address, values are read by id."""
        names = ",".join(page.asked)
        query = {"limit": str(_LIST_LIMIT)}
        if len(names) <= _LONGEST_PROPERTY_LIST:
            return self._fetch(self._list_call(page.object, query | {"properties": names}, after))
        answer = self._fetch(self._list_call(page.object, query | {"properties": MERGED}, after))
        ids = [record.id for record in answer.value.results]
        whole, garbled = self._alive(page.object, ids, page.asked)
        records = [whole[id] for id in ids if id in whole]
        garbled = {**answer.value.garbled, **garbled}
        return Answer(msgspec.structs.replace(answer.value, results=records, garbled=garbled), answer.at)

    def _fetch(self, call: Call) -> Answer[wire.RecordPage]:
        return self._client.fetch(call, wire.record_page)

    def _list_call(self, object: str, query: Mapping[str, str], after: str | None) -> Call:
        paged = {**query, "after": after} if after else query
        return Call("GET", self._client.path("objects", object), f"{object}/list", paged)

    def _searched(self, page: _PageReader, at: _Cursor) -> Answer[wire.RecordPage]:
        filters = []
        if at.since:
            begin = str(int((at.since - self._overlap).timestamp() * 1000))
            filters.append({"propertyName": modified_field(page.object), "operator": "GTE", "value": begin})
        if at.last:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": at.last})
        return self._fetch(search_call(self._client, page.object, filters, page.asked))


def search_call(
    client: HubSpotClient, object: str, filters: Sequence[Mapping[str, str]], properties: Sequence[str]
) -> Call:
    """A search for 200 records that pass every filter, in order of id.

    The next page begins after the last id instead of at an offset: HubSpot refuses to page past 10,000 results,
    and an offset skips a record whenever one before it leaves the results.
    """
    body = {
        "filterGroups": [{"filters": filters}] if filters else [],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": _SEARCH_LIMIT,
    }
    path = client.path("objects", object, "search")
    return Call("POST", path, f"{object}/search", body=body, lane="search")


class _PageReader:
    """Turns pages of one object into items, in one tight loop."""

    def __init__(self, object: str, fields: Sequence[str], dead: Container[str]) -> None:
        self.object = object
        self._dead = dead
        self.asked = tuple(dict.fromkeys((*fields, MERGED)))
        self.size = 0
        self.last_id: str | None = None
        self.newest: datetime | None = None
        self._wanted = frozenset(fields)
        self._parsers = tuple(values.parsers(fields).items())
        self._modified = modified_field(object)
        self._extras = tuple({MERGED, "createdate", "hs_object_id", self._modified} - self._wanted)

    def items(self, page: wire.RecordPage) -> tuple[Item, ...]:
        """The items of a page: merges, then records, then the ones that cannot be read.

        A record that is known to be deleted or merged is left out: the index has not heard of it yet.
        """
        merges = {
            old: MergedInto(old, record.id)
            for record in page.results
            if record.properties.get(MERGED)
            for old in merged_ids(record)
        }
        items: list[Item] = []
        parsers, dead = self._parsers, self._dead
        for record in page.results:
            if record.id in dead or record.id in merges:
                continue
            modified_at = self._modified_at(record)
            fields = self._asked_for(record.properties)
            for name, parse in parsers:
                text = fields.get(name)
                if text:
                    fields[name] = parse(text)  # type: ignore[arg-type]
            items.append(Seen(record.id, fields, modified_at))
        self._note(page)
        return (*merges.values(), *items, *(Garbled(id, reason) for id, reason in page.garbled.items()))

    def _modified_at(self, record: wire.WireRecord) -> datetime:
        """When a record changed, as far as these values know: an index that lags may give old ones a new date."""
        known = record.properties.get(self._modified)
        return min(record.updatedAt, datetime.fromisoformat(known)) if known else record.updatedAt

    def _asked_for(self, properties: dict[str, str | None]) -> dict[str, Scalar]:
        """Only what was asked for, and None for an empty text. Reuses the parsed dictionary: this runs per record."""
        for name in self._extras:
            properties.pop(name, None)
        if "" in properties.values() or not properties.keys() <= self._wanted:
            return {name: text or None for name, text in properties.items() if name in self._wanted}
        return properties  # type: ignore[return-value]

    def _note(self, page: wire.RecordPage) -> None:
        self.size = len(page.results) + len(page.garbled)
        self.last_id = page.last_id
        if page.results:
            self.newest = max(self.newest or _EPOCH, *(record.updatedAt for record in page.results))
