"""Turning conditions into tests of rows, and into what an index can tell about them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from instep_salesforce.sandbox.schema import NUMERIC, Row, Value
from instep_salesforce.sandbox.soql.binding import Bound, Get, Scope
from instep_salesforce.sandbox.soql.constants import Read, read_constant
from instep_salesforce.sandbox.soql.nodes import (
    Aggregate,
    Among,
    Compare,
    Condition,
    Constant,
    Either,
    Every,
    Negation,
    SemiJoin,
)
from instep_salesforce.sandbox.soql.refusals import at
from instep_salesforce.sandbox.tables import LAST, STAMP, Span

Test: TypeAlias = Callable[[Row], bool]
Inner: TypeAlias = Callable[[SemiJoin], frozenset[Value]]
_ORDERING: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition: how to test a row, and what must hold of indexed fields for it to pass.

    `spans` and `keys` may promise too little, never too much. `exact` names the field whose span says everything.
    """

    test: Test
    spans: Mapping[str, Span] = field(default_factory=dict)
    keys: Mapping[str, frozenset[Value]] = field(default_factory=dict)
    exact: str | None = None
    parts: tuple[Clause, ...] = ()
    floor: tuple[str, str] | None = None
    """No row passes that comes before this stamp and id."""

    def beside(self, name: str) -> Test | None:
        """What is left to be tested of rows that lie in the span of a field; None if nothing is."""
        parts = self.parts or (self,)
        return every([part.test for part in parts if part.exact != name])


def every(tests: Sequence[Test]) -> Test | None:
    """One test for all; None for no test."""
    if len(tests) < 2:
        return tests[0] if tests else None
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) and second(row)
    return lambda row: all(test(row) for test in tests)


class Filters:
    """Compiles the conditions of one statement."""

    def __init__(self, scope: Scope, inner: Inner) -> None:
        self._scope, self._inner = scope, inner

    def compile(self, condition: Condition) -> Clause:
        """The clause of a condition."""
        match condition:
            case Every(parts):
                return _conjunction([self.compile(part) for part in parts])
            case Either(parts):
                return _disjunction([self.compile(part) for part in parts])
            case Negation(part):
                test = self.compile(part).test
                return Clause(lambda row: not test(row))
            case Compare():
                return self._comparison(condition)
            case Among():
                return self._among(condition)
            case SemiJoin():
                return self._semi_join(condition)

    def _comparison(self, condition: Compare) -> Clause:
        if isinstance(condition.field, Aggregate):
            raise at(self._scope.text, condition.field.position, "aggregate function not allowed in WHERE clause")
        bound = self._scope.bind_filterable(condition.field)
        if condition.operator == "LIKE":
            return Clause(self._like(bound, condition.value))
        read = read_constant(self._scope, bound, condition.value, condition.operator)
        return compare(bound, condition.operator, read)

    def _like(self, bound: Bound, constant: Constant) -> Test:
        item = bound.item
        if item.type in {"id", "reference", "boolean", "date", "datetime"} | NUMERIC:
            reason = f"invalid operator on {item.type} field"
            raise at(self._scope.text, constant.position, reason, "INVALID_QUERY_FILTER_OPERATOR")
        if constant.kind != "string":
            raise at(self._scope.text, constant.position, "LIKE needs a string", "INVALID_FIELD")
        pattern, get = _pattern(str(constant.value)), bound.get
        return lambda row: isinstance(value := get(row), str) and pattern.fullmatch(value) is not None

    def _among(self, condition: Among) -> Clause:
        bound = self._scope.bind_filterable(condition.field)
        if condition.operator in {"INCLUDES", "EXCLUDES"}:
            return self._includes(bound, condition)
        values: set[Value] = set()
        for constant in condition.values:
            values.add(read_constant(self._scope, bound, constant, "IN").low)
        return among(bound, frozenset(values), negated=condition.operator == "NOT IN")

    def _includes(self, bound: Bound, condition: Among) -> Clause:
        if bound.item.type != "multipicklist":
            reason = f"invalid operator on {bound.item.type} field"
            raise at(self._scope.text, condition.field.position, reason, "INVALID_QUERY_FILTER_OPERATOR")
        wanted = [frozenset(str(value.value).lower().split(";")) for value in condition.values]
        get, includes = bound.get, condition.operator == "INCLUDES"

        def test(row: Row) -> bool:
            value = get(row)
            chosen = frozenset(value.lower().split(";")) if isinstance(value, str) else frozenset()
            return any(choice <= chosen for choice in wanted) == includes

        return Clause(test)

    def _semi_join(self, condition: SemiJoin) -> Clause:
        bound = self._scope.bind_filterable(condition.field)
        if bound.item.type not in {"id", "reference"}:
            reason = "The left operand field in the where expression for semi-join must be an id or reference"
            raise at(self._scope.text, condition.field.position, reason)
        return among(bound, self._inner(condition), negated=condition.negated)


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    pattern = "".join(signs.get(part) or re.escape(part[1:] if len(part) == 2 else part) for part in parts)
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _folded(bound: Bound, values: frozenset[Value]) -> tuple[Get, frozenset[Value]]:
    """How to read a field for comparing, and values to compare it with."""
    get = bound.get
    if bound.item.case_sensitive or not has_letters(bound):
        return get, values

    def fold(row: Row) -> object:
        value = get(row)
        return value.lower() if isinstance(value, str) else value

    return fold, frozenset(value.lower() if isinstance(value, str) else value for value in values)


def has_letters(bound: Bound) -> bool:
    """Whether values are compared as texts are: in any letter case."""
    return bound.item.type not in {"id", "reference", "date", "datetime", "time", "boolean"} | NUMERIC


def among(bound: Bound, values: frozenset[Value], *, negated: bool) -> Clause:
    """The clause of IN; a value that is missing passes NOT IN."""
    get, wanted = _folded(bound, values)
    if negated:
        return Clause(lambda row: get(row) not in wanted)
    keys = {bound.direct: values} if bound.direct and None not in values else {}
    return Clause(lambda row: get(row) in wanted, keys=keys)


def compare(bound: Bound, operation: str, read: Read) -> Clause:
    """The clause of a comparison; a missing value differs from everything and has no order."""
    low, high = read.low, read.high
    if high is not None:
        return _compare_period(bound, operation, str(low), high)
    if operation == "=":
        found = among(bound, frozenset({low}), negated=False)
        span = {bound.direct: Span(low, low)} if bound.direct and isinstance(low, str) else {}
        is_exact = bound.item.type == "datetime" and low is not None
        exact = bound.direct if is_exact else None
        return Clause(found.test, span, found.keys, exact, floor=_floor(bound, span))
    if operation == "!=":
        return among(bound, frozenset({low}), negated=True)
    return _ordered(bound, operation, low)


def _ordered(bound: Bound, operation: str, limit: Value) -> Clause:
    if limit is None:
        return Clause(lambda row: False)
    get, (folded,) = _folded(bound, frozenset({limit}))
    is_before = _ORDERING[operation]

    def test(row: Row) -> bool:
        value = get(row)
        return value is not None and is_before(value, folded)

    if not bound.direct or not isinstance(limit, str) or has_letters(bound):
        return Clause(test)
    span = (
        Span(low=limit, with_low=operation == ">=")
        if ">" in operation
        else Span(high=limit, with_high="=" in operation)
    )
    spans = {bound.direct: span}
    return Clause(test, spans, exact=bound.direct, floor=_floor(bound, spans))


def _floor(bound: Bound, spans: Mapping[str, Span]) -> tuple[str, str] | None:
    span = spans.get(STAMP) if bound.direct == STAMP else None
    if span is None or span.low is None:
        return None
    return span.low, "" if span.with_low else LAST


def _compare_period(bound: Bound, operation: str, start: str, after: str) -> Clause:
    get = bound.get
    if operation in {"=", "!="}:

        def test(row: Row) -> bool:
            value = get(row)
            return (isinstance(value, str) and start <= value < after) == (operation == "=")

        span = {bound.direct: Span(start, after, with_high=False)} if bound.direct and operation == "=" else {}
        return Clause(test, span, exact=bound.direct if operation == "=" else None)
    limit = after if operation in {">", "<="} else start
    return _ordered(bound, {">": ">=", "<=": "<"}.get(operation, operation), limit)


def _conjunction(clauses: list[Clause]) -> Clause:
    spans: dict[str, Span] = {}
    keys: dict[str, frozenset[Value]] = {}
    for clause in clauses:
        for name, span in clause.spans.items():
            spans[name] = _both(spans[name], span) if name in spans else span
        for name, values in clause.keys.items():
            keys[name] = min(keys.get(name, values), values, key=len)
    test = every([clause.test for clause in clauses])
    parts = tuple(part for clause in clauses for part in (clause.parts or (clause,)))
    floors = [clause.floor for clause in clauses if clause.floor is not None]
    if (exact := _floor_within_stamp(spans)) is not None:
        floors.append(exact)
    return Clause(test or (lambda row: True), spans, keys, parts=parts, floor=max(floors, default=None))


def _floor_within_stamp(spans: Mapping[str, Span]) -> tuple[str, str] | None:
    """Where reading goes on among rows that share one stamp: `SystemModstamp = t AND Id > 'i'`."""
    stamp, id = spans.get(STAMP, Span()), spans.get("Id", Span())
    if stamp.low is None or stamp.low != stamp.high or id.low is None:
        return None
    return stamp.low, id.low


def _disjunction(clauses: list[Clause]) -> Clause:
    tests = [clause.test for clause in clauses]
    names = set.intersection(*(set(clause.spans) for clause in clauses))
    spans = {name: _hull([clause.spans[name] for clause in clauses]) for name in names}
    names = set.intersection(*(set(clause.keys) for clause in clauses))
    keys = {name: frozenset().union(*(clause.keys[name] for clause in clauses)) for name in names}
    floors = [clause.floor for clause in clauses]
    floor = None if None in floors else min(floor for floor in floors if floor is not None)
    return Clause(lambda row: any(test(row) for test in tests), spans, keys, floor=floor)


def _both(one: Span, other: Span) -> Span:
    low, with_low = _later(one, other)
    high, with_high = _earlier(one, other)
    return Span(low, high, with_low, with_high)


def _later(one: Span, other: Span) -> tuple[str | None, bool]:
    ends = [(s.low, s.with_low) for s in (one, other) if s.low is not None]
    return max(ends, key=lambda end: (str(end[0]), not end[1])) if ends else (None, True)


def _earlier(one: Span, other: Span) -> tuple[str | None, bool]:
    ends = [(s.high, s.with_high) for s in (one, other) if s.high is not None]
    return min(ends, key=lambda end: (str(end[0]), end[1])) if ends else (None, True)


def _hull(spans: list[Span]) -> Span:
    lows = [s.low for s in spans]
    highs = [s.high for s in spans]
    low = None if None in lows else min(str(end) for end in lows)
    high = None if None in highs else max(str(end) for end in highs)
    return Span(low, high)
