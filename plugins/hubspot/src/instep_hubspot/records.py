"""Reads contacts, companies and deals; writing and associating are next door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import timedelta
from typing import Any, Final

from instep.contract import (
    BatchSizes,
    Capabilities,
    Garbled,
    Gone,
    Item,
    MergedInto,
    Outcome,
    Page,
    Related,
    Relation,
    Seen,
    Write,
)
from instep.errors import RemoteError
from instep_hubspot import associations, wire
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.changes import MERGED, Alive, ChangeReader, merged_ids
from instep_hubspot.client import HubSpotClient
from instep_hubspot.settings import HubSpotSettings
from instep_hubspot.stages import LifecycleOrder
from instep_hubspot.values import typed
from instep_hubspot.writes import Writer

_CALLS_OF_A_BATCH: Final = 8
"""Clear, set, read what was set and the order of stages, and once more where a record is in it twice."""


class HubSpotRecords:
    """The record store of one HubSpot account.

    Values are typed by the tables in `values`. No field history is read, because HubSpot gives it for 50 records a
    call only: `Seen.changes` is empty, and edits are dated by the record's modification time.
    """

    objects = ("contacts", "companies", "deals")
    batch = BatchSizes(read=100, find=100, write=100, related=1000, relate=2000, consent=100, calls=_CALLS_OF_A_BATCH)
    capabilities = Capabilities(
        upsert_by_key=True,
        batch_partial=True,
        delete_feed=True,
        merge_signal=True,
        can_regress={"lifecyclestage": "clear_then_set"},
    )

    def __init__(self, client: HubSpotClient, settings: HubSpotSettings) -> None:
        self._client = client
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        self._changes = ChangeReader(client, self._overlap, self._alive)
        self._writer = Writer(client, self.read, LifecycleOrder(client))

    @property
    def index_lag(self) -> timedelta:
        """How late the search index may be; every incremental read looks back that far."""
        return self._overlap

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages of everything, or of what changed: the deleted records first, then the others.

        The first read lists the bin and all records, 100 a page. Later ones list the bin and search by modification
        time, 200 a page: two calls while nothing changes, one more for each 100 records that were deleted.
        developers.hubspot.com/docs/guides/api/crm/search
        """
        return self._changes.read(object, fields, cursor)

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Read records by id. One that answers under another id was merged; one that is in the bin is gone."""
        alive = self._alive(object, ids, fields)
        found: dict[str, Item] = {id: _item(id, record, fields) for id, record in alive.records.items()}
        found |= {id: Garbled(id, reason) for id, reason in alive.garbled.items()}
        missing = [id for id in dict.fromkeys(ids) if id not in found]
        found |= self._archived(object, missing)
        for id in missing:
            if id not in found:
                found[id] = self._read_alone(object, id, fields)
        return [found[id] for id in ids]

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen | Gone, ...]]:
        """Find records by a unique property (or a contact's e-mail), read-after-write; deleted ones are `Gone`.

        A contact is found by its secondary addresses too. HubSpot refuses a property that is not unique, such as
        a company's `domain`: that raises `RemoteError`. developers.hubspot.com/docs/guides/api/crm/objects/contacts
        """
        keys = [key_field]
        if object == "contacts" and key_field == "email":
            keys.append("hs_additional_emails")
        wanted = list(dict.fromkeys(value for value in values if value))
        if not wanted:
            return [() for _ in values]
        found: dict[str, dict[str, Seen | Gone]] = {}
        for record in self._batch(object, wanted, (*fields, *keys), id_property=key_field).results:
            for text in _key_texts(record, keys):
                found.setdefault(text, {})[record.id] = _seen(record, fields)
        missing = {value.casefold() for value in wanted} - found.keys()
        if missing:
            for text, record in self._archived_with(object, keys, missing):
                found.setdefault(text, {})[record.id] = Gone(record.id, record.archivedAt)
        return [tuple(found.get(value.casefold(), {}).values()) for value in values]

    def _archived_with(
        self, object: str, keys: Sequence[str], wanted: Set[str]
    ) -> Iterator[tuple[str, wire.WireRecord]]:
        """Deleted records that hold one of these values: they are listed, and not found by a property."""
        query = {"limit": "100", "archived": "true", "properties": ",".join(keys)}
        call = Call("GET", self._client.path("objects", object), f"{object}/list", query)
        for page in self._client.pages(call, wire.record_page):
            for record in page.value.results:
                yield from ((text, record) for text in _key_texts(record, keys) if text in wanted)

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write records, all of one kind; `writes` says how each kind is sent."""
        return self._writer.write(object, writes, fields)

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """What each record is associated with; `primary` marks the company that HubSpot labels Primary."""
        return associations.related(self._client, object, ids, to_object)

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Associate. A new primary company takes the place of the old one, which stays associated."""
        return associations.relate(self._client, relations)

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Remove every association, labelled or not, between the two records."""
        return associations.unrelate(self._client, relations)

    # --- calls -------------------------------------------------------------------------------------------------

    def _alive(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> Alive:
        """The records that answer to these ids, by the id that was asked for."""
        asked = list(dict.fromkeys(ids))
        if not asked:
            return Alive({})
        answer = self._batch(object, asked, (*fields, MERGED))
        records: dict[str, wire.WireRecord] = {}
        for record in answer.results:
            for id in (*merged_ids(record), record.id):
                records[id] = record
        return Alive({id: records[id] for id in asked if id in records}, answer.garbled)

    def _archived(self, object: str, ids: Sequence[str]) -> dict[str, Item]:
        if not ids:
            return {}
        records = self._batch(object, ids, (), archived=True).results
        return {record.id: Gone(record.id, record.archivedAt) for record in records}

    def _read_alone(self, object: str, id: str, fields: Sequence[str]) -> Item:
        """The last word on one id: HubSpot resolves the id of a merged record here, and says 404 of no record."""
        path = self._client.path("objects", object, id)
        try:
            call = Call("GET", path, f"{object}/read", {"properties": MERGED})
            record = self._client.fetch(call, wire.one_record).value
        except RefusedError as refused:
            if refused.status in (404, 410):
                return Gone(id)
            raise
        if record.id != id:
            return MergedInto(id, record.id)
        back = self._alive(object, [id], fields).records
        if id not in back:
            raise RemoteError(f"HubSpot ({object}/batch/read): left out a record that it has. Run again later.")
        return _item(id, back[id], fields)

    def _batch(
        self,
        object: str,
        ids: Sequence[str],
        fields: Iterable[str],
        *,
        id_property: str | None = None,
        archived: bool = False,
    ) -> wire.BatchAnswer:
        body: dict[str, Any] = {
            "inputs": [{"id": id} for id in ids],
            "properties": list(dict.fromkeys(fields)),
        }
        if id_property:
            body["idProperty"] = id_property
        path = self._client.path("objects", object, "batch", "read")
        query = {"archived": "true"} if archived else {}
        call = Call("POST", path, f"{object}/batch/read", query, body)
        return self._client.fetch(call, wire.batch_answer).value


def _item(id: str, record: wire.WireRecord, fields: Sequence[str]) -> Item:
    return _seen(record, fields) if record.id == id else MergedInto(id, record.id)


def _seen(record: wire.WireRecord, fields: Sequence[str]) -> Seen:
    return Seen(record.id, typed(record.properties, fields), record.updatedAt)


def _key_texts(record: wire.WireRecord, keys: Sequence[str]) -> list[str]:
    """Every value that this record can be found by, without regard to case."""
    texts = [record.properties.get(keys[0]) or ""]
    for name in keys[1:]:
        texts += (record.properties.get(name) or "").split(";")
    return [text.casefold() for text in texts if text]
