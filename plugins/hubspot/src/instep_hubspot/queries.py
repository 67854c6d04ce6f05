"""Which records hold a stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from instep_hubspot import wire
from instep_hubspot.answers import Call
from instep_hubspot.changes import search_call
from instep_hubspot.client import HubSpotClient

_PAGE: Final = 100


def holding(client: HubSpotClient, object: str, values: Mapping[str, str]) -> Iterator[str]:
    """The ids of the live records that hold all of these values, in order of id.

    They are searched by windows of ids, so that there is no limit of 10,000; then each is read directly, because the
    search index still shows records that moved on a moment ago. One that came to hold the values a moment ago may be
    missing. developers.hubspot.com/docs/guides/api/crm/search
    """
    last = None
    while True:
        filters = [_equals(name, value) for name, value in values.items()]
        if last is not None:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": last})
        page = client.fetch(search_call(client, object, filters, ()), wire.record_page).value
        found = [record.id for record in page.results]
        for start in range(0, len(found), _PAGE):
            yield from _confirmed(client, object, found[start : start + _PAGE], values)
        if not page.after or page.last_id in (None, last):
            return
        last = page.last_id


def is_held(client: HubSpotClient, object: str, values: Mapping[str, str]) -> bool:
    """Whether any live record holds all of these values."""
    return next(holding(client, object, values), None) is not None


def _confirmed(client: HubSpotClient, object: str, ids: list[str], values: Mapping[str, str]) -> list[str]:
    """Those of some records that hold the values now."""
    body: dict[str, Any] = {"inputs": [{"id": id} for id in ids], "properties": list(values)}
    call = Call("POST", client.path("objects", object, "batch", "read"), f"{object}/batch/read", body=body)
    records = {record.id: record.properties for record in client.fetch(call, wire.batch_answer).value.results}
    return [id for id in ids if id in records and all(records[id].get(n) == v for n, v in values.items())]


def _equals(name: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": "EQ", "value": value}
