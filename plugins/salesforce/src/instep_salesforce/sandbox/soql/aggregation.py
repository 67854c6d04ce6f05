"""Counting, summing and grouping rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from instep_salesforce.sandbox.schema import NUMERIC, Row
from instep_salesforce.sandbox.soql.binding import Get, Scope
from instep_salesforce.sandbox.soql.nodes import (
    Aggregate,
    AliasedField,
    Compare,
    Condition,
    Constant,
    Either,
    Every,
    FieldRef,
    Negation,
    Query,
)
from instep_salesforce.sandbox.soql.refusals import at

Fold: TypeAlias = Callable[[list[Row]], object]
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


class Grouping:
    """The groups of one statement."""

    def __init__(self, scope: Scope, query: Query) -> None:
        self._scope, self._query = scope, query
        self._keys = [(ref.text.lower(), scope.bind_groupable(ref)) for ref in query.group_by]
        self._columns = self._named_columns()

    def _named_columns(self) -> dict[str, Fold]:
        found: dict[str, Fold] = {}
        unnamed = 0
        for column in self._query.select:
            match column:
                case Aggregate():
                    name = column.alias
                    if name is None:
                        name, unnamed = f"expr{unnamed}", unnamed + 1
                    found[name] = self._fold(column)
                case AliasedField(field, alias):
                    found[alias] = self._grouped(field)
                case FieldRef():
                    found[self._scope.bind(column).item.name] = self._grouped(column)
                case _:
                    raise at(self._query.text, 0, "Only fields and functions can be selected of groups")
        return found

    def _grouped(self, ref: FieldRef) -> Fold:
        if ref.text.lower() not in [name for name, _ in self._keys]:
            raise at(self._query.text, ref.position, f"Field must be grouped or aggregated: {ref.text}")
        get = self._scope.bind(ref).get
        return lambda rows: get(rows[0])

    def _fold(self, column: Aggregate) -> Fold:
        if column.field is None:
            return len
        bound = self._scope.bind(column.field)
        if column.function in {"SUM", "AVG"} and bound.item.type not in NUMERIC:
            reason = f"field {bound.item.name} does not support aggregate operator {column.function}"
            raise at(self._query.text, column.position, reason)
        return _fold_of(column.function, bound.get)

    def rows(self, rows: list[Row]) -> list[Shown]:
        """The groups as the answer shows them."""
        if len(self._query.select) and not self._query.group_by:
            groups = [rows]
        else:
            found: dict[tuple[object, ...], list[Row]] = {}
            for row in rows:
                found.setdefault(tuple(_fold_case(bound.get(row)) for _, bound in self._keys), []).append(row)
            groups = list(found.values())
        if self._query.having is not None:
            groups = [group for group in groups if self._holds(self._query.having, group)]
        groups = self._sorted(groups)
        start = self._query.offset
        groups = groups[start : None if self._query.limit is None else start + self._query.limit]
        if len(groups) > MAX_GROUPS:
            raise at(
                self._query.text, 0, "Aggregate query has too many rows for direct assignment", "EXCEEDED_ID_LIMIT"
            )
        return [self._shown(group) for group in groups]

    def _shown(self, group: list[Row]) -> Shown:
        values = {name: fold(group) for name, fold in self._columns.items()}
        return {"attributes": {"type": "AggregateResult"}, **values}

    def _value(self, field: FieldRef | Aggregate) -> Fold:
        if isinstance(field, Aggregate):
            return self._fold(field)
        if len(field.path) == 1 and field.path[0] in self._columns:
            return self._columns[field.path[0]]
        return self._grouped(field)

    def _sorted(self, groups: list[list[Row]]) -> list[list[Row]]:
        for key in reversed(self._query.order_by):
            fold = self._value(key.field)
            nulls = [group for group in groups if fold(group) is None]
            some = [group for group in groups if fold(group) is not None]
            some.sort(key=lambda group: _fold_case(fold(group)), reverse=key.descending)  # type: ignore[arg-type, return-value]
            groups = nulls + some if key.nulls_first else some + nulls
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
                return _compare(self._value(field)(group), operator, value)
            case _:
                raise at(self._query.text, 0, "HAVING compares functions and grouped fields with values")


def _fold_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _compare(found: object, operator: str, value: Constant) -> bool:
    wanted = _fold_case(value.value)
    found = _fold_case(found)
    if operator in {"=", "!="}:
        return (found == wanted) == (operator == "=")
    if not isinstance(found, int | float | str) or type(wanted) not in {int, float, str}:
        return False
    order = (found > wanted) - (found < wanted)  # type: ignore[operator]
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}.get(operator, False)


def _fold_of(function: str, get: Get) -> Fold:
    def values(rows: list[Row]) -> list[object]:
        return [value for row in rows if (value := get(row)) is not None]

    def numbers(rows: list[Row]) -> list[float]:
        return [value for value in values(rows) if isinstance(value, int | float)]

    match function:
        case "COUNT":
            return lambda rows: len(values(rows))
        case "COUNT_DISTINCT":
            return lambda rows: len({_fold_case(value) for value in values(rows)})
        case "MIN":
            return lambda rows: min(values(rows), key=_fold_case, default=None)  # type: ignore[arg-type]
        case "MAX":
            return lambda rows: max(values(rows), key=_fold_case, default=None)  # type: ignore[arg-type]
        case "SUM":
            return lambda rows: sum(found) if (found := numbers(rows)) else None
        case _:
            return lambda rows: sum(found) / len(found) if (found := numbers(rows)) else None
