"""Search: filters over the index, which may lag behind the records."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instep_hubspot.sandbox.bodies import Body, texts
from instep_hubspot.sandbox.definitions import Property
from instep_hubspot.sandbox.errors import RefusedError, invalid
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import parse_ms

Values = Mapping[str, str]
Test = Callable[[Values], bool]
Comparable = float | str
MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
_NEEDS_VALUE = {"EQ", "NEQ", "LT", "LTE", "GT", "GTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}
_OPERATORS = _NEEDS_VALUE | {"BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `low` and `high` bound the modification date or number where it sets them."""

    name: str
    operator: str
    test: Test
    low: int | None = None
    high: int | None = None


def parse_groups(portal: Portal, kind: ObjectType, body: Body) -> list[list[Filter]]:
    """The filter groups of a search, checked against HubSpot's limits."""
    given = body.get("filterGroups") or []
    if not isinstance(given, list):
        raise invalid("filterGroups must be a list")
    if len(given) > MAX_GROUPS:
        raise invalid(f"Too many filter groups: {len(given)}. The maximum is {MAX_GROUPS}")
    groups = [group.get("filters") or [] for group in given if isinstance(group, dict)]
    if any(len(group) > MAX_FILTERS for group in groups):
        raise invalid(f"Too many filters in a group. The maximum is {MAX_FILTERS}")
    if sum(len(group) for group in groups) > MAX_TOTAL:
        raise invalid(f"Too many filters. The maximum is {MAX_TOTAL} in total")
    return [[_filter(portal, kind, item) for item in group] for group in groups]


def _filter(portal: Portal, kind: ObjectType, item: Body) -> Filter:
    name, operator = str(item.get("propertyName", "")), str(item.get("operator", ""))
    if operator not in _OPERATORS:
        raise invalid(f"Invalid operator: {operator}")
    if name.startswith("associations."):
        return _by_association(portal, kind, name, operator, item)
    prop = portal.property(kind, name)
    if prop is None:
        raise RefusedError(400, f"There was a problem with the request. Unknown property: {name}")
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        if "value" in item or "values" in item:
            raise invalid(f"{operator} must not have a value")
        wanted = operator == "HAS_PROPERTY"
        return Filter(name, operator, lambda values: (name in values) is wanted)
    return _compared(kind, prop, operator, item)


def _compared(kind: ObjectType, prop: Property, operator: str, item: Body) -> Filter:
    name = prop.name
    if operator in {"IN", "NOT_IN"}:
        return Filter(name, operator, _membership(prop, texts(item, "values"), operator == "IN"))
    if operator == "BETWEEN":
        low, high = _wanted(prop, item, "value"), _wanted(prop, item, "highValue")
        both = (_test(prop, "GTE", low), _test(prop, "LTE", high))
        return Filter(name, operator, lambda values: both[0](values) and both[1](values), *_bounds(low, high))
    wanted = _wanted(prop, item, "value")
    test = _test(prop, operator, wanted)
    if name not in {kind.modified, "hs_object_id"} or not isinstance(wanted, float):
        return Filter(name, operator, test)
    whole = int(wanted)
    match operator:
        case "GTE":
            return Filter(name, operator, test, low=whole)
        case "GT":
            return Filter(name, operator, test, low=whole + 1)
        case "LTE":
            return Filter(name, operator, test, high=whole)
        case "LT":
            return Filter(name, operator, test, high=whole - 1)
        case "EQ":
            return Filter(name, operator, test, low=whole, high=whole)
        case _:
            return Filter(name, operator, test)


def _bounds(low: Comparable, high: Comparable) -> tuple[int | None, int | None]:
    return (
        int(low) if isinstance(low, float) else None,
        int(high) if isinstance(high, float) else None,
    )


def _wanted(prop: Property, item: Body, key: str) -> Comparable:
    if item.get(key) in (None, ""):
        raise invalid(f"A filter on {prop.name} needs a {key}")
    value = comparable(prop, str(item[key]))
    if value is None:
        raise invalid(f"{item[key]} is not a valid {prop.type} for {prop.name}")
    return value


def comparable(prop: Property, text: str) -> Comparable | None:
    """A value in the form in which it is compared; None if it cannot be read."""
    match prop.type:
        case "number":
            try:
                return float(text)
            except ValueError:
                return None
        case "date" | "datetime":
            ms = parse_ms(text)
            return None if ms is None else float(ms)
        case _:
            return text.lower()


def _test(prop: Property, operator: str, wanted: Comparable) -> Test:
    name = prop.name
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        pattern = _token_pattern(str(wanted))
        sought = operator == "CONTAINS_TOKEN"
        return lambda values: bool(pattern.search(values.get(name, "").lower())) is sought
    if operator in {"EQ", "NEQ"}:
        return _equality(prop, wanted, operator == "EQ")

    def ordered(values: Values) -> bool:
        held = values.get(name)
        value = None if held is None else comparable(prop, held)
        if value is None or isinstance(value, str) is not isinstance(wanted, str):
            return False
        below, same = value < wanted, value == wanted  # type: ignore[operator]
        return {"LT": below, "LTE": below or same, "GT": not (below or same), "GTE": not below}[operator]

    return ordered


def _equality(prop: Property, wanted: Comparable, sought: bool) -> Test:
    name = prop.name

    def equal(values: Values) -> bool:
        held = values.get(name)
        if held is None:
            return not sought
        same = comparable(prop, held) == wanted
        if name == "email" and not same:
            same = wanted in values.get("hs_additional_emails", "").lower().split(";")
        return same is sought

    return equal


def _membership(prop: Property, wanted: list[str], sought: bool) -> Test:
    if not wanted:
        raise invalid(f"A filter on {prop.name} needs values")
    if prop.type == "string" and any(value != value.lower() for value in wanted):
        # HubSpot finds nothing for capital letters here: texts are indexed in lower case.
        wanted = [value for value in wanted if value == value.lower()]
    chosen = {comparable(prop, value) for value in wanted}
    name = prop.name

    def member(values: Values) -> bool:
        held = values.get(name)
        return (held is not None and comparable(prop, held) in chosen) is sought

    return member


def _token_pattern(token: str) -> re.Pattern[str]:
    inner = re.escape(token).replace(r"\*", r"\S*")
    return re.compile(rf"(?<![a-z0-9]){inner}(?![a-z0-9])")


def _by_association(portal: Portal, kind: ObjectType, name: str, operator: str, item: Body) -> Filter:
    there = portal.kind(name.removeprefix("associations.")).name
    if operator not in {"EQ", "IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        raise invalid(f"Invalid operator for associations: {operator}")
    wanted = set(texts(item, "values")) | ({str(item["value"])} if "value" in item else set())

    def tied(values: Values) -> bool:
        links = portal.associations.links(kind.name, values["hs_object_id"], there)
        if operator == "HAS_PROPERTY":
            return bool(links)
        if operator == "NOT_HAS_PROPERTY":
            return not links
        return not wanted.isdisjoint(links)

    return Filter(name, operator, tied)
