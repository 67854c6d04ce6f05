"""Reads what changed in one object: all records, or those since a cursor, with the deleted, merged and converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Final

from instep.contract import ConvertedTo, FieldChange, Garbled, Gone, Item, MergedInto, Page, Related, Seen
from instep_salesforce import wire
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import select
from instep_salesforce.walk import Walker, read_position
from instep_salesforce.wire import Record

STAGE: Final = "StageName"
STAGE_CHANGED: Final = "LastStageChangeDate"
_SYSTEM: Final = ("Id", "IsDeleted", "SystemModstamp")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "Contact": ("MasterRecordId", "AccountId"),
    "Lead": ("MasterRecordId", "IsConverted", "ConvertedContactId"),
    "Account": ("MasterRecordId",),
    "Opportunity": (STAGE_CHANGED,),
}
"""What is read beside the fields that were asked for: where a record went, and what comes free of cost."""
_LONGEST_CHAIN: Final = 20


def columns_for(object: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Every column that is needed to say what became of a record, and the fields that were asked for."""
    return tuple(dict.fromkeys((*_SYSTEM, *_ALSO.get(object, ()), *fields)))


class Shape:
    """How records of one object become items: which fields were asked for, and which columns can be seen."""

    def __init__(self, object: str, fields: Sequence[str], types: Mapping[str, str]) -> None:
        self.object = object
        self.types = types
        self._names = tuple(name for name in fields if name in types)
        self._has_account = object == "Contact" and "AccountId" in types
        self._dates_stage = STAGE in fields and STAGE_CHANGED in types

    def seen(self, record: Record) -> Seen:
        """A live record. An opportunity's stage is dated, and a contact's account comes with it."""
        get = record.get
        return Seen(
            record["Id"],
            {name: get(name) for name in self._names},
            record["SystemModstamp"],
            self._changes(record) if self._dates_stage else {},
            self._related(record) if self._has_account else None,
        )

    def item(self, record: Record) -> Item:
        """What became of a record: deleted, merged, converted, or still there."""
        if not (record.get("IsDeleted") or record.get("IsConverted")):
            return self.seen(record)
        id, at = record["Id"], record["SystemModstamp"]
        master = record.get("MasterRecordId")
        if record.get("IsDeleted") and master:
            return MergedInto(id, master, at, {name: record.get(name) for name in self._names})
        if record.get("IsConverted"):
            return self._converted(record)
        return Gone(id, at, fields={name: record.get(name) for name in self._names})

    def _converted(self, record: Record) -> Item:
        """A lead that was converted can no longer be changed, and nobody works with it.

        Its contact is blank only if that contact was deleted since: then the person is gone. Where the login may not
        see which contact it became, nothing can be told.
        """
        id, at = record["Id"], record["SystemModstamp"]
        if "ConvertedContactId" not in self.types:
            return Garbled(
                id,
                "This lead was converted, and the login may not see into which contact. "
                "Give its user read access to the lead's field ConvertedContactId.",
            )
        contact = record.get("ConvertedContactId")
        if not contact:
            return Gone(id, at)
        return ConvertedTo(id, "Contact", contact, at, {name: record.get(name) for name in self._names})

    def _changes(self, record: Record) -> dict[str, FieldChange]:
        at = record.get(STAGE_CHANGED)
        return {STAGE: FieldChange(at)} if at else {}

    def _related(self, record: Record) -> tuple[Related, ...]:
        """A contact's account. What is given here stands for all associations, so no other object gives any."""
        account = record.get("AccountId")
        return (Related("Account", account, primary=True),) if account else ()


class ChangeReader:
    """Reads the changes of any object: one call while nothing changes, one more for each further 2,000 records."""

    def __init__(self, client: SalesforceClient, walker: Walker) -> None:
        self._client = client
        self._walker = walker

    def read(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages in order of change. The bin is part of every read, so a first one tells of deletions too."""
        wanted = columns_for(object, fields)
        for step in self._walker.steps(object, wanted, read_position(cursor)):
            shape = Shape(object, fields, step.types)
            yield Page(self._items(shape, step.records, step.garbled), step.position.text())

    def _items(self, shape: Shape, records: Sequence[Record], garbled: Mapping[str, str]) -> tuple[Item, ...]:
        """Merges come first, then deletions, then records."""
        merged: list[MergedInto] = []
        gone: list[Item] = []
        others: list[Item] = []
        for record in records:
            item = shape.item(record)
            if isinstance(item, MergedInto):
                merged.append(item)
            elif isinstance(item, Gone):
                gone.append(item)
            else:
                others.append(item)
        alive = {item.id for item in others}
        merged = follow(self._client, shape.object, merged, alive)
        return (*merged, *gone, *others, *(Garbled(id, reason) for id, reason in garbled.items()))


def follow(
    client: SalesforceClient, object: str, merges: Sequence[MergedInto], alive: Set[str] = frozenset()
) -> list[MergedInto]:
    """Merges with the record that is left in the end: a master may have lost a later merge itself.

    developer.salesforce.com/docs/atlas.en-us.apexcode.meta/apexcode/langCon_apex_dml_examples_merge.htm
    """
    masters = {merge.id: merge.survivor for merge in merges}
    open_ends = {merge.survivor for merge in merges} - masters.keys() - alive
    for _ in range(_LONGEST_CHAIN):
        if not open_ends:
            break
        further = _masters(client, object, sorted(open_ends))
        masters |= further
        open_ends = set(further.values()) - masters.keys() - alive
    return [replace(merge, survivor=_end(masters, merge.survivor)) for merge in merges]


def _masters(client: SalesforceClient, object: str, ids: Sequence[str]) -> dict[str, str]:
    columns = wire.Columns({"Id": "id", "MasterRecordId": "reference"})
    found: dict[str, str] = {}
    for record in select(client, object, columns, ids, "Id", " AND IsDeleted = TRUE AND MasterRecordId != NULL"):
        found[record["Id"]] = record["MasterRecordId"]
    return found


def _end(masters: Mapping[str, str], id: str) -> str:
    met = {id}
    while id in masters and masters[id] not in met:
        id = masters[id]
        met.add(id)
    return id
