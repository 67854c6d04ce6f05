"""Counting, summing and grouping rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from instep_salesforce.sandbox.schema import NUMERIC, Row
from instep_salesforce.sandbox.soql.binding import Bound, Scope
from instep_salesforce.sandbox.soql.filters import has_letters
from instep_salesforce.sandbox.soql.nodes import (
    Aggregate,
    AliasedField,
    Compare,
    Condition,
    Either,
    Every,
    FieldRef,
    Negation,
    Query,
)
from instep_salesforce.sandbox.soql.refusals import at

Fold: TypeAlias = Callable[[list[Row]], object]
Key: TypeAlias = Callable[[object], Any]
Shown: TypeAlias = dict[str, object]
MAX_GROUPS = 2_000


def is_count(query: Query) -> bool:
    """Whether a statement only counts: `SELECT COUNT() FROM …`."""
    (first, *rest) = query.select
    return (
        not rest
        and isinstance(first, Aggregate)
        and first.field is None
        and first.alias is None
        and not query.group_by
    )


def is_aggregated(query: Query) -> bool:
    """Whether the answer consists of groups."""
    return bool(query.group_by) or any(isinstance(column, Aggregate | AliasedField) for column in query.select)


@dataclass(frozen=True, slots=True)
class Column:
    """What is told of a group, and how such values are compared."""

    fold: Fold
    key: Key


class Grouping:
    """The groups of one statement."""

    def __init__(self, scope: Scope, query: Query) -> None:
        self._scope, self._query = scope, query
        self._keys = [(ref.text.lower(), scope.bind_groupable(ref)) for ref in query.group_by]
        self._columns = self._named_columns()

    def _named_columns(self) -> dict[str, Column]:
        found: dict[str, Column] = {}
        unnamed = 0
        for column in self._query.select:
            match column:
                case Aggregate():
                    name = column.alias
                    if name is None:
                        name, unnamed = f"expr{unnamed}", unnamed + 1
                    found[name] = self._folded(column)
                case AliasedField(field, alias):
                    found[alias] = self._grouped(field)
                case FieldRef():
                    found[self._scope.bind(column).item.name] = self._grouped(column)
                case _:
                    raise at(self._query.text, 0, "Only fields and functions can be selected of groups")
        return found

    def _grouped(self, ref: FieldRef) -> Column:
        if ref.text.lower() not in [name for name, _ in self._keys]:
            raise at(self._query.text, ref.position, f"Field must be grouped or aggregated: {ref.text}")
        bound = self._scope.bind(ref)
        get = bound.get
        return Column(lambda rows: get(rows[0]), key_of(bound))

    def _folded(self, column: Aggregate) -> Column:
        if column.field is None:
            return Column(len, _as_it_is)
        bound = self._scope.bind(column.field)
        if column.function in {"SUM", "AVG"} and bound.item.type not in NUMERIC:
            reason = f"field {bound.item.name} does not support aggregate operator {column.function}"
            raise at(self._query.text, column.position, reason)
        is_number = column.function not in {"MIN", "MAX"}
        return Column(_fold_of(column.function, bound), _as_it_is if is_number else key_of(bound))

    def rows(self, rows: list[Row]) -> list[Shown]:
        """The groups as the answer shows them."""
        groups = self._groups(rows)
        if self._query.having is not None:
            groups = [group for group in groups if self._holds(self._query.having, group)]
        groups = self._sorted(groups)
        start = self._query.offset
        groups = groups[start : None if self._query.limit is None else start + self._query.limit]
        if len(groups) > MAX_GROUPS:
            reason = (
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            )
            raise at(self._query.text, 0, reason, "EXCEEDED_ID_LIMIT")
        return [self._shown(group) for group in groups]

    def _groups(self, rows: list[Row]) -> list[list[Row]]:
        if not self._query.group_by:
            return [rows]
        reads = [(bound.get, key_of(bound)) for _, bound in self._keys]
        found: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            found.setdefault(tuple(key(get(row)) for get, key in reads), []).append(row)
        return list(found.values())

    def _shown(self, group: list[Row]) -> Shown:
        values = {name: column.fold(group) for name, column in self._columns.items()}
        return {"attributes": {"type": "AggregateResult"}, **values}

    def _column(self, field: FieldRef | Aggregate) -> Column:
        if isinstance(field, Aggregate):
            return self._folded(field)
        if len(field.path) == 1 and field.path[0] in self._columns:
            return self._columns[field.path[0]]
        return self._grouped(field)

    def _sorted(self, groups: list[list[Row]]) -> list[list[Row]]:
        for order in reversed(self._query.order_by):
            column = self._column(order.field)
            told = [(column.fold(group), group) for group in groups]
            nulls = [group for value, group in told if value is None]
            some = [(column.key(value), group) for value, group in told if value is not None]
            some.sort(key=lambda pair: pair[0], reverse=order.descending)
            known = [group for _, group in some]
            groups = nulls + known if order.nulls_first else known + nulls
        return groups

    def _holds(self, condition: Condition, group: list[Row]) -> bool:
        match condition:
            case Every(parts):
                return all(self._holds(part, group) for part in parts)
            case Either(parts):
                return any(self._holds(part, group) for part in parts)
            case Negation(part):
                return not self._holds(part, group)
            case Compare(field, operator, value):
                column = self._column(field)
                return _compare(column.key(column.fold(group)), operator, column.key(value.value))
            case _:
                raise at(self._query.text, 0, "HAVING compares functions and grouped fields with values")


def _as_it_is(value: object) -> Any:
    return value


def _in_small_letters(value: object) -> Any:
    return value.lower() if isinstance(value, str) else value


def key_of(bound: Bound) -> Key:
    """How the values of a field are compared: texts in any letter case, ids and dates as they are."""
    return _in_small_letters if has_letters(bound) and not bound.item.case_sensitive else _as_it_is


def _compare(found: Any, operator: str, wanted: Any) -> bool:
    if operator in {"=", "!="}:
        return bool((found == wanted) == (operator == "="))
    if found is None or wanted is None or isinstance(found, str) != isinstance(wanted, str):
        return False
    order = (found > wanted) - (found < wanted)
    return bool({"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}.get(operator, False))


def _fold_of(function: str, bound: Bound) -> Fold:
    get, key = bound.get, key_of(bound)

    def values(rows: list[Row]) -> list[object]:
        return [value for row in rows if (value := get(row)) is not None]

    def numbers(rows: list[Row]) -> list[float]:
        return [value for value in values(rows) if isinstance(value, int | float)]

    match function:
        case "COUNT":
            return lambda rows: len(values(rows))
        case "COUNT_DISTINCT":
            return lambda rows: len({key(value) for value in values(rows)})
        case "MIN":
            return lambda rows: min(values(rows), key=key, default=None)
        case "MAX":
            return lambda rows: max(values(rows), key=key, default=None)
        case "SUM":
            return lambda rows: sum(found) if (found := numbers(rows)) else None
        case _:
            return lambda rows: sum(found) / len(found) if (found := numbers(rows)) else None
