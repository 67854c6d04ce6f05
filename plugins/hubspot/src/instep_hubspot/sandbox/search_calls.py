"""`POST /crm/v3/objects/{type}/search`."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

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
_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Found:
    """The records that a search found, with what the index believes about those it lags behind on."""

    records: list[Record]
    believed: Mapping[int, Values | None]

    def values(self, record: Record) -> Values:
        """A record's values as the index knows them."""
        return self.believed.get(record.number) or record.values

    def joined(self, others: list[Record]) -> Found:
        """These and other records, each once, by number."""
        both = {record.number: record for record in (*self.records, *others)}
        return Found([both[number] for number in sorted(both)], self.believed)

    def sorted_by(self, sort: tuple[Property, bool] | None) -> Found:
        """The records in the wanted order; blank values come last."""
        if sort is None:
            return self
        prop, descending = sort
        if prop.name == "hs_object_id":
            return Found(self.records[::-1], self.believed) if descending else self
        known = [record for record in self.records if prop.name in self.values(record)]
        blank = [record for record in self.records if prop.name not in self.values(record)]
        known.sort(key=lambda record: _rank(prop, self.values(record)[prop.name]), reverse=descending)
        return Found([*known, *blank], self.believed)


class SearchCalls:
    """Searching records. The last answers are remembered, so that paging through them is quick."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._remembered: OrderedDict[bytes, Found] = OrderedDict()

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
        found = self._found(kind, body)
        view = View.of(self._portal, kind, texts(body, "properties"))
        limit = min(limit, self._portal.personality.page_size or limit)
        page = found.records[after : after + limit]
        reply: Body = {
            "total": len(found.records),
            "results": [shown_values(record, view.properties, found.values(record)) for record in page],
        }
        if after + limit < len(found.records):
            reply["paging"] = {"next": {"after": str(after + limit)}}
        return Response.of(reply)

    def _found(self, kind: ObjectType, body: Body) -> Found:
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

    def _find(self, kind: ObjectType, table: Table, body: Body) -> Found:
        groups = parse_groups(self._portal, kind, body) or [[]]
        query = str(body.get("query") or "").lower()
        if len(query) > MAX_QUERY:
            raise invalid(f"The query is too long. The maximum is {MAX_QUERY} characters")
        sort = _sort(self._portal, kind, body)
        believed = table.index_view()
        found = Found(_matching(kind, table, groups[0], believed), believed)
        for group in groups[1:]:
            found = found.joined(_matching(kind, table, group, believed))
        if query:
            found = Found([r for r in found.records if _mentions(kind, found.values(r), query)], believed)
        return found.sorted_by(sort)


def _matching(
    kind: ObjectType, table: Table, group: list[Filter], believed: Mapping[int, Values | None]
) -> list[Record]:
    """The records that pass every filter as the index knows them, by number."""
    modified, numbered, rest = _split(kind, group)
    first, last = _narrowest(numbered)
    low, high = _narrowest(modified)
    found = table.numbered_between(first, last)
    if modified and table.count_modified(low, high) < len(found):
        bottom, top = first or 0, last if last is not None else _FOREVER
        found = [record for record in table.modified_between(low, high) if bottom <= record.number <= top]
    elif modified:
        bottom, top = -_FOREVER if low is None else low, _FOREVER if high is None else high
        found = [record for record in found if bottom <= record.modified <= top]
    if rest:
        tests = [item.test for item in rest]
        found = [record for record in found if all(test(record.values) for test in tests)]
    if not believed:
        return [record for record in found if record.archived_at is None]
    current = {r.number: r for r in found if r.archived_at is None and r.number not in believed}
    for number, values in believed.items():
        late = table.records.get(str(number))
        if late is not None and values is not None and all(item.test(values) for item in group):
            current[number] = late
    return [current[number] for number in sorted(current)]


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
