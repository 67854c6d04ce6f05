"""Asks for records, by id or by a query, as many at a time as one call gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from instep.errors import RemoteError
from instep_salesforce import wire
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.schema import RECORD_TYPE, RECORD_TYPE_ID, Described, Schema
from instep_salesforce.values import is_id
from instep_salesforce.wire import Columns, Page, Record

_MOST_IDS: Final = 2000
_IDLE_PAGES: Final = 100
STAMP: Final = "SystemModstamp"
"""When a record was changed, by people and by automations alike; indexed, whole seconds."""


def select(
    client: SalesforceClient, object: str, columns: Columns, values: Sequence[str], among: str, more: str = ""
) -> Iterator[Record]:
    """All records, the deleted included, whose field `among` holds one of these values."""
    for query in wire.chunks(values, f"{select_clause(columns, object)} WHERE {wire.identifier(among)}", more):
        yield from query_all(client, object, columns, query)


def query_all(client: SalesforceClient, object: str, columns: Columns, query: str) -> Iterator[Record]:
    """All records of a query, page by page, the deleted included.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall.htm
    """
    call = query_call(client, object, query)
    known, before, idle = {call.path}, None, 0
    while True:
        page = client.fetch(call, columns.pages).value
        for id, reason in page.garbled.items():
            raise RemoteError(f"Salesforce ({object}/query): record {id}: {reason}")
        yield from page.records
        if page.done:
            return
        call = next_call(client, object, page)
        idle = idle + 1 if page.records == before else 0
        if call.path in known or idle == _IDLE_PAGES:
            raise RemoteError(f"Salesforce ({object}/query): gives the same pages again and again. Run again later.")
        known.add(call.path)
        before = page.records


def query_call(client: SalesforceClient, object: str, query: str) -> Call:
    return Call("GET", client.path("queryAll"), f"{object}/query", {"q": query})


def next_call(client: SalesforceClient, object: str, page: Page) -> Call:
    """The call for the page after this one. Pages may be of any size: only `done` ends a query.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm
    """
    if not page.next:
        raise RemoteError(
            f"Salesforce ({object}/query): promised more records and did not say where. Run again later."
        )
    return Call("GET", wire.own_path(page.next, client.host), f"{object}/query/next")


def select_clause(columns: Columns, object: str) -> str:
    """The beginning of a query. Names come from describe or the mapping, never from values, and are names only.

    `Columns` holds nothing else. Raises `RemoteError` for an object that is more.
    """
    return f"SELECT {','.join(columns)} FROM {wire.identifier(object)}"  # noqa: S608 - values are quoted where they are put in


# --- by id -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Live records by the id that was asked for; a text says why one cannot be read. `types` are visible columns."""

    types: Mapping[str, str]
    records: Mapping[str, Record | str]


def by_id(client: SalesforceClient, schema: Schema, object: str, ids: Sequence[str], names: Sequence[str]) -> Found:
    """Live records, up to 2,000 a call; ids that belong to none are left out.

    developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_retrieve.htm
    """
    described = schema.of(object)
    asked = list(dict.fromkeys(id for id in ids if is_id(id)))
    try:
        return Found(described.types(names), _read(client, described, object, asked, names))
    except RefusedError as refused:
        if refused.code != "INVALID_FIELD" or schema.read(object).types(names) == described.types(names):
            raise
    described = schema.of(object)
    return Found(described.types(names), _read(client, described, object, asked, names))


def _read(
    client: SalesforceClient, described: Described, object: str, ids: Sequence[str], names: Sequence[str]
) -> dict[str, Record | str]:
    types = described.types(dict.fromkeys(("Id", *names)))
    if RECORD_TYPE in types:
        types = {name: type for name, type in types.items() if name != RECORD_TYPE} | {RECORD_TYPE_ID: "reference"}
    columns = Columns(types)
    found: dict[str, Record | str] = {}
    for start in range(0, len(ids), _MOST_IDS):
        found |= _part(client, object, ids[start : start + _MOST_IDS], columns)
    if RECORD_TYPE in names and RECORD_TYPE_ID in types:
        for record in found.values():
            if isinstance(record, dict):
                record[RECORD_TYPE] = described.record_type_name(record.get(RECORD_TYPE_ID))
    return found


def _part(client: SalesforceClient, object: str, ids: Sequence[str], columns: Columns) -> dict[str, Record | str]:
    """One call; two of half the size where Salesforce finds it too large."""
    body = {"ids": ids, "fields": list(columns)}
    call = Call("POST", client.path("composite", "sobjects", object), f"{object}/read", body=body)
    try:
        records = client.fetch(call, columns.lists).value
    except RefusedError as refused:
        if refused.code not in ("EXCEEDED_ID_LIMIT", "OPERATION_TOO_LARGE") or len(ids) == 1:
            raise
        middle = len(ids) // 2
        return _part(client, object, ids[:middle], columns) | _part(client, object, ids[middle:], columns)
    if len(records) != len(ids):
        raise RemoteError(f"Salesforce ({object}/read): answered with another number of records. Run again later.")
    return {id: record for id, record in zip(ids, records, strict=True) if record is not None}
