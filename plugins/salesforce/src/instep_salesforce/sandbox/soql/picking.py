"""Choosing the rows of a statement: by an index where one helps, in an order that needs no sorting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.soql.binding import Bound, Scope
from instep_salesforce.sandbox.soql.filters import Clause, Test, has_letters
from instep_salesforce.sandbox.soql.nodes import Aggregate, Query
from instep_salesforce.sandbox.tables import STAMP, Span

_CROWDED = {"OwnerId", "CreatedById", "LastModifiedById", "RecordTypeId"}


class Picking:
    """The rows of one statement."""

    def __init__(self, scope: Scope, query: Query, clause: Clause | None, *, with_deleted: bool) -> None:
        self._scope, self._query, self._clause = scope, query, clause
        self._table = scope.org.tables[scope.kind.name]
        self._with_deleted = with_deleted
        self._order = self._bind_order()
        self._names = [bound.direct for bound, _, _ in self._order]
        self._backwards = bool(self._order) and all(descending for _, descending, _ in self._order)
        self._is_uniform = len({descending for _, descending, _ in self._order}) < 2

    def _bind_order(self) -> list[tuple[Bound, bool, bool]]:
        found = []
        for key in self._query.order_by:
            if isinstance(key.field, Aggregate):
                continue
            found.append((self._scope.bind_sortable(key.field), key.descending, key.nulls_first))
        return found

    def ids(self, limit: int | None) -> list[str]:
        """The ids of the rows, in order, as far as LIMIT and OFFSET reach."""
        start = self._query.offset
        end = None if limit is None else start + limit
        found, is_ordered = self._found()
        if is_ordered:
            return list(islice(found, start, end))
        return self._sorted(list(found))[start:end]

    def unordered(self) -> Iterable[str]:
        """The ids of all rows."""
        return self._found()[0]

    def among(self, ids: list[str], limit: int | None) -> list[str]:
        """Those of `ids` that the statement selects, in its order."""
        test = self._clause.test if self._clause else None
        return self._sorted(list(self._passing(ids, test)))[:limit]

    def _found(self) -> tuple[Iterator[str], bool]:
        if self._table.has_past:
            return self._as_believed(), not self._order
        ids, test, is_ordered = self._candidates()
        return self._passing(ids, test), is_ordered or not self._order

    def _as_believed(self) -> Iterator[str]:
        """What a replica finds that has not heard of everything: it looks at every record that it has."""
        for id in self._table.believed():
            row = self._table.seen(id)
            if row is None or (row.get("IsDeleted") and not self._with_deleted):
                continue
            if self._clause is None or self._clause.test(row):
                yield id

    def _candidates(self) -> tuple[Iterable[str], Test | None, bool]:
        table, clause = self._table, self._clause or Clause(lambda row: True)
        test = None if self._clause is None else clause.test
        if "Id" in clause.keys:
            return self._timely([str(id) for id in clause.keys["Id"] if id in table.rows]), test, False
        if (name := self._indexed(clause)) is not None:
            values = clause.keys[name]
            return self._timely([id for value in values for id in table.index(name).ids(value)]), test, False
        span = clause.spans.get(STAMP, Span())
        if STAMP in self._scope.kind.fields and (not span.is_open or self._names[:1] == [STAMP]):
            return self._by_stamp(span, clause)
        span = clause.spans.get("Id", Span())
        ids = table.ids_between(span) if not span.is_open or self._names == ["Id"] else table.rows
        if self._names == ["Id"] and self._backwards:
            ids = list(reversed(table.ids_between(span)))
        return self._timely(ids), test if span.is_open else self._rest(clause, "Id"), self._names == ["Id"]

    def _by_stamp(self, span: Span, clause: Clause) -> tuple[Iterable[str], Test | None, bool]:
        is_ordered = self._names in ([STAMP], [STAMP, "Id"]) and self._is_uniform
        self._require_time(self._table.stamps.size(span, clause.floor))
        backwards = is_ordered and self._backwards
        ids = self._table.stamps.between(span, self._table.rows, floor=clause.floor, backwards=backwards)
        return ids, self._rest(clause, STAMP), is_ordered

    def _rest(self, clause: Clause, name: str) -> Test | None:
        return None if self._clause is None else clause.beside(name)

    def _indexed(self, clause: Clause) -> str | None:
        fields = self._scope.kind.fields
        names = [name for name in clause.keys if name not in _CROWDED]
        for name in names:
            item = fields[name]
            if item.external_id or item.unique or item.id_lookup or item.type == "reference":
                return name
        return None

    def _timely(self, ids: Iterable[str]) -> Iterable[str]:
        if self._scope.org.personality.query_timeout_rows is not None:
            ids = list(ids)
            self._require_time(len(ids))
        return ids

    def _require_time(self, rows: int) -> None:
        most = self._scope.org.personality.query_timeout_rows
        if most is not None and rows > most:
            raise RefusedError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")

    def _passing(self, ids: Iterable[str], test: Test | None) -> Iterator[str]:
        table = self._table
        if not self._with_deleted and table.bin:
            gone = table.bin
            ids = (id for id in ids if id not in gone)
        if test is None:
            return iter(ids)
        seen, passes = table.seen, test
        return (id for id in ids if (row := seen(id)) is not None and passes(row))

    def _sorted(self, ids: list[str]) -> list[str]:
        seen = self._table.seen
        for bound, descending, nulls_first in reversed(self._order):
            values = [bound.get(seen(id) or {}) for id in ids]
            if has_letters(bound) and not bound.item.case_sensitive:
                values = [value.lower() if isinstance(value, str) else value for value in values]
            ids = _sorted_by(ids, values, descending, nulls_first)
        return ids


def _sorted_by(ids: list[str], values: list[object], descending: bool, nulls_first: bool) -> list[str]:
    pairs = list(zip(values, ids, strict=True))
    nulls = [id for value, id in pairs if value is None]
    some = [(value, id) for value, id in pairs if value is not None]
    some.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type, return-value]
    sorted_ids = [id for _, id in some]
    return nulls + sorted_ids if nulls_first else sorted_ids + nulls
