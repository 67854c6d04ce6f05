"""Reads leads, contacts, accounts and opportunities; writing and associating are next door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

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
from instep_salesforce import associations, wire
from instep_salesforce.changes import ChangeReader, Shape, columns_for, follow
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import by_id, select
from instep_salesforce.schema import Schema
from instep_salesforce.settings import SalesforceSettings
from instep_salesforce.values import NUMBERS, id18, is_id
from instep_salesforce.walk import Walker
from instep_salesforce.writes import Writer

_UNSEARCHED: Final = NUMBERS | {"boolean", "date", "datetime", "multipicklist"}
_CALLS_OF_A_BATCH: Final = 5
"""Describe, write, write again what was created by two at once, look up what is gone, read back."""
_CALLS_OF_A_JOB: Final = 20
"""The same for 10,000 records, with a job that is looked at some times."""


class SalesforceRecords:
    """The record store of one org.

    Changes are read in the order of `SystemModstamp`, the bin included. A field of a formula changes without it:
    such a change is seen with the record's next one.
    """

    objects = ("Contact", "Lead", "Account", "Opportunity")
    capabilities = Capabilities(
        upsert_by_key=True,
        batch_partial=True,
        delete_feed=True,
        merge_signal=True,
        consent_fields=frozenset(("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")),
        relates={"Contact": ("Account",), "Lead": (), "Account": (), "Opportunity": ("Account", "Contact")},
    )

    def __init__(self, client: SalesforceClient, settings: SalesforceSettings, schema: Schema) -> None:
        self._client = client
        self._schema = schema
        self.index_lag = timedelta(seconds=settings.overlap_seconds)
        """Queries may be answered by a replica that lags; reads by id are not."""
        self._changes = ChangeReader(client, Walker(client, schema, timedelta(seconds=settings.overlap_seconds)))
        self._writer = Writer(client, settings, schema, self.read)
        most, calls = (10_000, _CALLS_OF_A_JOB) if settings.bulk else (200, _CALLS_OF_A_BATCH)
        self.batch = BatchSizes(read=2000, find=200, write=most, related=200, relate=200, calls=calls)

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages of everything, or of what changed, the deleted, merged and converted included.

        One call while nothing changes, one more for each further 2,000 records; a first read asks once more, for the
        fields. A record that was removed from the bin as well leaves no trace here: `read` tells.
        developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall.htm
        """
        return self._changes.read(object, fields, cursor)

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Read records by id; of those that are not there, the bin says whether they were merged or deleted.

        A record that the org no longer shares with this login looks like one that was erased: give the integration
        user "View All" on its objects.
        """
        found = by_id(self._client, self._schema, object, ids, columns_for(object, fields))
        shape = Shape(object, fields, found.types)
        items = {id: Garbled(id, r) if isinstance(r, str) else shape.item(r) for id, r in found.records.items()}
        missing = [id for id in dict.fromkeys(ids) if id not in items or _is_binned(items[id])]
        items |= self._binned(object, missing)
        return [items[id] for id in ids]

    def _binned(self, object: str, ids: Sequence[str]) -> dict[str, Item]:
        """What the bin says of records that are not live. An id that not even the bin knows is gone."""
        described = self._schema.of(object)
        columns = wire.Columns(described.types(columns_for(object, ())))
        asked = [id for id in ids if is_id(id)]
        shape = Shape(object, (), columns.types)
        items: dict[str, Item] = {}
        for record in select(self._client, object, columns, asked, "Id"):
            if not record.get("IsDeleted"):
                raise RemoteError(f"Salesforce ({object}/read): left out a record that it has. Run again later.")
            items[record["Id"]] = shape.item(record)
        merges = follow(self._client, object, [item for item in items.values() if isinstance(item, MergedInto)])
        items |= {merge.id: merge for merge in merges}
        return {id: items.get(id18(id), Gone(id)) for id in ids}

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen | Gone, ...]]:
        """Find records by a field's value, read-after-write; deleted ones are `Gone`.

        Any text field that Salesforce searches by will do, unique or not. Raises `RemoteError` for others.
        """
        described = self._schema.of(object)
        key = described.field(key_field)
        if key is None or not key.filterable or key.type in _UNSEARCHED:
            raise RemoteError(f"Salesforce ({object}): records cannot be found by {key_field}. Use a text field.")
        asked = list(dict.fromkeys(text for value in values if (text := value.strip())))
        columns = wire.Columns(described.types((*columns_for(object, fields), key_field)))
        shape = Shape(object, fields, columns.types)
        found: dict[str, list[Seen | Gone]] = {}
        for record in select(self._client, object, columns, asked, key_field):
            text = str(record.get(key_field) or "")
            gone = Gone(record["Id"], record["SystemModstamp"])
            item = gone if record.get("IsDeleted") else shape.seen(record)
            found.setdefault(text if key.caseSensitive else text.casefold(), []).append(item)
        folded = (value.strip() if key.caseSensitive else value.strip().casefold() for value in values)
        return [tuple(found.get(text, ())) for text in folded]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write records, all of one kind; `writes` says how each kind is sent."""
        return self._writer.write(object, writes, fields)

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """What each record is associated with: its account, or an opportunity's contact roles."""
        return associations.related(self._client, self._schema, object, ids, to_object)

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Associate. A record has one account; a new primary contact takes the old one's place."""
        return associations.relate(self._client, self._schema, relations)

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Remove an account, or every role of a contact in an opportunity."""
        return associations.unrelate(self._client, self._schema, relations)


def _is_binned(item: Item) -> bool:
    return isinstance(item, Gone | MergedInto)
