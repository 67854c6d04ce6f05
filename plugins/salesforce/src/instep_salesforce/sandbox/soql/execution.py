"""Answering a statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from instep_salesforce.sandbox import rights
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row, Value
from instep_salesforce.sandbox.soql.aggregation import Grouping, is_aggregated, is_count
from instep_salesforce.sandbox.soql.binding import Scope
from instep_salesforce.sandbox.soql.filters import Clause, Filters
from instep_salesforce.sandbox.soql.nodes import Condition, Either, Every, FieldsOf, Negation, Query, SemiJoin
from instep_salesforce.sandbox.soql.parser import parse
from instep_salesforce.sandbox.soql.picking import Picking
from instep_salesforce.sandbox.soql.refusals import at, no_such_object
from instep_salesforce.sandbox.soql.relations import child_of
from instep_salesforce.sandbox.soql.rendering import Renderer, Shown

MAX_ALL_FIELDS = 200


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a statement: ids that are shown page by page, or rows that are there at once."""

    size: int
    ids: list[str]
    show: Callable[[list[str]], list[Shown]]
    rows: list[Shown] | None = None
    renderer: Renderer | None = None
    object: str = ""


def ask(org: Org, text: str, user: str, *, with_deleted: bool, version: str) -> Result:
    """Answer a statement as `user` may see it."""
    return Asking(org, user, with_deleted=with_deleted, version=version).answer(parse(text))


def check(org: Org, text: str, user: str) -> Renderer:
    """What a statement shows; it is refused as asking it would be, but nothing is looked up."""
    asking = Asking(org, user, with_deleted=False, version="")
    return asking.checked(parse(text))


class Asking:
    """One statement of one user."""

    def __init__(self, org: Org, user: str, *, with_deleted: bool, version: str) -> None:
        self._org, self._user, self._with_deleted = org, user, with_deleted
        self._version = version
        self._base = f"/services/data/v{version}/sobjects/"

    def answer(self, query: Query) -> Result:
        """The rows that a statement selects."""
        scope = self._scope(query)
        self._require_few_semi_joins(query)
        clause = self._clause(scope, query)
        if is_count(query):
            ids = self._picking(scope, query, clause).ids(limit=query.limit)
            return Result(len(ids), [], lambda ids: [], [], object=scope.kind.name)
        if is_aggregated(query):
            return self._aggregated(scope, query, clause)
        self._require_bounded(scope, query)
        renderer = Renderer(scope, query.select, self._children(scope), self._base)
        ids = self._picking(scope, query, clause).ids(limit=query.limit)
        return Result(len(ids), ids, self._show(scope, renderer), renderer=renderer, object=scope.kind.name)

    def checked(self, query: Query) -> Renderer:
        """How the rows of a statement are shown."""
        scope = self._scope(query)
        self._require_bounded(scope, query)
        self._picking(scope, query, self._clause(scope, query))
        return Renderer(scope, query.select, self._children(scope), self._base)

    def _show(self, scope: Scope, renderer: Renderer) -> Callable[[list[str]], list[Shown]]:
        table = self._org.tables[scope.kind.name]

        def show(ids: list[str]) -> list[Shown]:
            found = [table.seen(id) for id in ids]
            return renderer.rows([row for row in found if row is not None])

        return show

    def _scope(self, query: Query) -> Scope:
        kind = self._org.known(query.object)
        if kind is None:
            raise no_such_object(query.text, query.object_position, query.object)
        if kind.name == "UserPermissionAccess":
            rights.show_own(self._org, self._user)
        return Scope(self._org, self._user, kind, query.text, query.alias)

    def _clause(self, scope: Scope, query: Query) -> Clause | None:
        return None if query.where is None else Filters(scope, self._inner).compile(query.where)

    def _picking(self, scope: Scope, query: Query, clause: Clause | None) -> Picking:
        return Picking(scope, query, clause, with_deleted=self._with_deleted or query.all_rows)

    def _aggregated(self, scope: Scope, query: Query, clause: Clause | None) -> Result:
        grouping = Grouping(scope, query)
        table = self._org.tables[scope.kind.name]
        ids = self._picking(scope, query, clause).unordered()
        seen = (table.seen(id) for id in ids)
        rows = grouping.rows([row for row in seen if row is not None])
        return Result(len(rows), [], lambda ids: [], rows, object=scope.kind.name)

    def _inner(self, join: SemiJoin) -> frozenset[Value]:
        query = join.query
        scope = self._scope(query)
        if len(query.select) != 1 or isinstance(query.select[0], Query | FieldsOf):
            raise at(query.text, query.object_position, "A semi-join selects one field")
        renderer = Renderer(scope, query.select, self._children(scope), self._base)
        get = renderer.bound[0][1].get
        table = self._org.tables[scope.kind.name]
        ids = self._picking(scope, query, self._clause(scope, query)).ids(limit=query.limit)
        found = {get(row) for id in ids if (row := table.seen(id)) is not None}
        return frozenset(value for value in found if isinstance(value, str))

    def _require_few_semi_joins(self, query: Query) -> None:
        most = self._org.personality.max_semi_joins
        if _semi_joins(query.where) > most:
            raise at(query.text, 0, f"maximum {most} semi join sub-selects are allowed")

    def _require_bounded(self, scope: Scope, query: Query) -> None:
        for column in query.select:
            if isinstance(column, FieldsOf) and column.which != "STANDARD" and (query.limit or 1000) > MAX_ALL_FIELDS:
                reason = "The SOQL FIELDS function must have a LIMIT of at most 200"
                raise at(query.text, column.position, reason)

    def _children(self, scope: Scope) -> Callable[[Query], tuple[str, Callable[[Row], object]]]:
        def children(query: Query) -> tuple[str, Callable[[Row], object]]:
            name, kind, field = child_of(scope, query)
            inner = Scope(self._org, self._user, kind, query.text, query.alias)
            clause = self._clause(inner, query)
            renderer = Renderer(inner, query.select, self._children(inner), self._base)
            picking = self._picking(inner, query, clause)
            table = self._org.tables[kind.name]

            def show(row: Row) -> object:
                ids = picking.among(list(table.index(field).ids(row["Id"])), query.limit)
                rows = renderer.rows([table.rows[id] for id in ids])
                return {"totalSize": len(rows), "done": True, "records": rows} if rows else None

            return name, show

        return children


def _semi_joins(condition: Condition | None) -> int:
    match condition:
        case SemiJoin(query=query):
            return 1 + _semi_joins(query.where)
        case Every(parts) | Either(parts):
            return sum(_semi_joins(part) for part in parts)
        case Negation(part):
            return _semi_joins(part)
        case _:
            return 0
