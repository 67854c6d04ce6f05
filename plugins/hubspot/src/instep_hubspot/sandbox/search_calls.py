"""`POST /crm/v3/objects/{type}/search`."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from instep.sandbox import Request, Response
from instep_hubspot.sandbox.bodies import Body, body_of, texts
from instep_hubspot.sandbox.definitions import Property
from instep_hubspot.sandbox.errors import invalid
from instep_hubspot.sandbox.object_calls import object_scope
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.operations import Operation
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.records import Record, Table
from instep_hubspot.sandbox.rendering import View, shown_values
from instep_hubspot.sandbox.search import Filter, Values, comparable, parse_groups

MAX_PAGE, MAX_RESULTS, MAX_QUERY = 200, 10_000, 3_000
_REMEMBERED = 8
Hit = tuple[Record, Values]


class SearchCalls:
    """Searching records. The last answers are remembered, so that paging through them is quick."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._remembered: OrderedDict[bytes, list[Hit]] = OrderedDict()

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        scope = object_scope(self._portal, "read")
        path = "/crm/v3/objects/{objectType}/search"
        return [Operation("POST", path, self.search, "objects.search", scope, writes=False)]

    def search(self, request: Request) -> Response:
        """One page of what matches."""
        kind, body = self._portal.kind(request.params["objectType"]), body_of(request)
        limit, after = _limit(body), _after(body)
        if after + limit > MAX_RESULTS:
            raise invalid(f"The offset and limit exceed the maximum of {MAX_RESULTS} results")
        hits = self._hits(kind, body)
        view = View.of(self._portal, kind, texts(body, "properties"))
        page = hits[after : after + limit]
        reply: Body = {
            "total": len(hits),
            "results": [shown_values(record, view.properties, values) for record, values in page],
        }
        if after + limit < len(hits):
            reply["paging"] = {"next": {"after": str(after + limit)}}
        return Response.of(reply)

    def _hits(self, kind: ObjectType, body: Body) -> list[Hit]:
        table = self._portal.table(kind)
        self._portal.let_index_catch_up(table)
        asked = {name: body.get(name) for name in ("filterGroups", "sorts", "query")}
        hidden = sorted(self._portal.hidden.get(kind.name, ()))
        key = msgspec.json.encode([kind.name, id(table), table.version, hidden, asked])
        if b"associations." in key:
            return self._find(kind, table, body)
        if key not in self._remembered:
            self._remembered[key] = self._find(kind, table, body)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return self._remembered[key]

    def _find(self, kind: ObjectType, table: Table, body: Body) -> list[Hit]:
        groups = parse_groups(self._portal, kind, body)
        query = str(body.get("query") or "")
        if len(query) > MAX_QUERY:
            raise invalid(f"The query is too long. The maximum is {MAX_QUERY} characters")
        sort = _sort(self._portal, kind, body)
        believed = table.index_view()
        found: dict[int, Hit] = {}
        for group in groups or [[]]:
            for record in _matching(kind, table, group, believed.keys()):
                found[record.number] = (record, record.values)
            for number, values in believed.items():
                late = table.records.get(str(number))
                if late and values and all(item.test(values) for item in group):
                    found[number] = (late, values)
        hits = list(found.values())
        if query:
            hits = [hit for hit in hits if _mentions(kind, hit[1], query.lower())]
        return _ordered(hits, sort)


def _matching(kind: ObjectType, table: Table, group: list[Filter], late: Iterable[int]) -> list[Record]:
    modified, numbered, rest = _split(kind, group)
    low, high = _narrowest(modified)
    first, last = _narrowest(numbered)
    start = 0 if first is None else bisect_left(table.numbers, first)
    end = len(table.numbers) if last is None else bisect_right(table.numbers, last)
    if modified and table.count_modified(low, high) < end - start:
        found = table.modified_between(low, high)
        bottom, top = first if first is not None else 0, last if last is not None else 1 << 62
        found = [record for record in found if bottom <= record.number <= top]
    else:
        records = table.records
        found = [records[str(number)] for number in table.numbers[start:end]]
        if modified:
            bottom, top = low if low is not None else -(1 << 62), high if high is not None else 1 << 62
            found = [record for record in found if bottom <= record.modified <= top]
    hidden = set(late)
    return [
        record
        for record in found
        if record.archived_at is None
        and record.number not in hidden
        and all(item.test(record.values) for item in rest)
    ]


def _split(kind: ObjectType, group: list[Filter]) -> tuple[list[Filter], list[Filter], list[Filter]]:
    bounding = [item for item in group if item.low is not None or item.high is not None]
    modified = [item for item in bounding if item.name == kind.modified]
    numbered = [item for item in bounding if item.name == "hs_object_id"]
    rest = [item for item in group if item not in modified and item not in numbered]
    return modified, numbered, rest


def _narrowest(filters: list[Filter]) -> tuple[int | None, int | None]:
    lows = [item.low for item in filters if item.low is not None]
    highs = [item.high for item in filters if item.high is not None]
    return (max(lows) if lows else None), (min(highs) if highs else None)


def _ordered(hits: list[Hit], sort: tuple[Property, bool] | None) -> list[Hit]:
    if sort is None:
        return sorted(hits, key=lambda hit: hit[0].number)
    prop, descending = sort
    if prop.name == "hs_object_id":
        return sorted(hits, key=lambda hit: hit[0].number, reverse=descending)
    known = [hit for hit in hits if prop.name in hit[1]]
    blank = sorted((hit for hit in hits if prop.name not in hit[1]), key=lambda hit: hit[0].number)
    known.sort(key=lambda hit: hit[0].number)
    known.sort(key=lambda hit: _rank(prop, hit[1][prop.name]), reverse=descending)
    return [*known, *blank]


def _rank(prop: Property, text: str) -> tuple[float, str]:
    value = comparable(prop, text)
    return (value, "") if isinstance(value, float) else (0.0, value or "")


def _sort(portal: Portal, kind: ObjectType, body: Body) -> tuple[Property, bool] | None:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("Only one sort is supported")
    if not sorts:
        return None
    given = sorts[0]
    if isinstance(given, str):
        name, descending = given.lstrip("-"), given.startswith("-")
    else:
        name, descending = str(given.get("propertyName", "")), given.get("direction") == "DESCENDING"
    prop = portal.property(kind, name)
    if prop is None:
        raise invalid(f"Unknown property to sort by: {name}")
    return prop, descending


def _mentions(kind: ObjectType, values: Values, query: str) -> bool:
    words = re.split(r"\s+", query.strip())
    return all(any(word in values.get(name, "").lower() for name in kind.searched) for word in words)


def _limit(body: Body) -> int:
    limit = body.get("limit", 10)
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise invalid(f"Invalid limit: {limit}. The maximum is {MAX_PAGE}")
    return limit


def _after(body: Body) -> int:
    after = str(body.get("after") or "0")
    if not after.isdigit():
        raise invalid(f"Invalid after: {after}")
    return int(after)
