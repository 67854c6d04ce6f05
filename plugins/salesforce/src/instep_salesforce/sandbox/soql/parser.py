"""Reading a SOQL statement.

The grammar: developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NoReturn, cast

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.soql.conditions import ConditionParser
from instep_salesforce.sandbox.soql.lexer import Token
from instep_salesforce.sandbox.soql.nodes import (
    Aggregate,
    AliasedField,
    Condition,
    FieldRef,
    FieldsOf,
    Order,
    Query,
    Selected,
    TypeOf,
)
from instep_salesforce.sandbox.soql.refusals import at

MAX_LENGTH = 100_000
MAX_OFFSET = 2_000
_AFTER_OBJECT = {"WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL", "USING", "HAVING", "WITH", "UPDATE"}


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The tree of a statement; a refusal if it is none."""
    if len(text) > MAX_LENGTH:
        raise RefusedError(400, "QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000 characters.")
    parser = Parser(text)
    query = parser.query()
    if parser.token.kind != "end":
        parser.fail()
    return query


class Parser(ConditionParser):
    """Walks over the words of one statement."""

    def query(self, *, is_inner: bool = False) -> Query:
        """A statement, or one inside another."""
        self.need("SELECT")
        select = self._selected()
        self.need("FROM")
        name, alias = self._source()
        where = self.condition() if self.take("WHERE") else None
        groups, having = self._groups()
        order = self._order()
        limit = self._number("LIMIT")
        offset = self._offset()
        if self.take("FOR"):
            self.one_of("VIEW", "REFERENCE", "UPDATE")
        all_rows = bool(self.take("ALL") and self.need("ROWS"))
        return Query(
            text=self.text,
            select=select,
            object=name.text,
            object_position=name.position,
            alias=alias,
            where=where,
            group_by=groups,
            having=having,
            order_by=order,
            limit=limit,
            offset=offset,
            all_rows=all_rows,
        )

    def _source(self) -> tuple[Token, str | None]:
        """The object, and what the statement calls it."""
        name, alias = self.name(), None
        self.take("AS")
        if self.token.kind == "name" and self.token.upper not in _AFTER_OBJECT:
            alias = self.name().text
        if self.take("USING"):
            self.need("SCOPE")
            self.name()
        return name, alias

    def _selected(self) -> tuple[Selected, ...]:
        found = [self._column()]
        while self.take(","):
            found.append(self._column())
        return tuple(found)

    def _column(self) -> Selected:
        if self.take("("):
            inner = self.query(is_inner=True)
            self.need(")")
            return inner
        if self.is_word("TYPEOF"):
            return self._type_of()
        name = self.name()
        if self.is_mark("("):
            return self._function(name.text.upper(), name.position)
        field = FieldRef(tuple(name.text.split(".")), name.position)
        if self.token.kind == "name" and self.token.upper != "FROM":
            return AliasedField(field, self.name().text)
        return field

    def _function(self, function: str, position: int) -> Selected:
        if function == "FIELDS":
            self.need("(")
            which = self.one_of("ALL", "STANDARD", "CUSTOM")
            self.need(")")
            return FieldsOf(cast("Literal['ALL', 'STANDARD', 'CUSTOM']", which), position)
        found = self.aggregate(function, position)
        if self.token.kind == "name" and self.token.upper != "FROM":
            return Aggregate(found.function, found.field, self.name().text, position)
        return found

    def _type_of(self) -> TypeOf:
        position = self.token.position
        self.need("TYPEOF")
        relation, cases = self.field(), []
        otherwise: tuple[FieldRef, ...] = ()
        while self.take("WHEN"):
            kind = self.name().text
            self.need("THEN")
            cases.append((kind, self._fields()))
        if self.take("ELSE"):
            otherwise = self._fields()
        self.need("END")
        return TypeOf(relation, tuple(cases), otherwise, position)

    def _fields(self) -> tuple[FieldRef, ...]:
        found = [self.field()]
        while self.take(","):
            found.append(self.field())
        return tuple(found)

    def _groups(self) -> tuple[tuple[FieldRef, ...], Condition | None]:
        if not self.take("GROUP"):
            return (), None
        self.need("BY")
        groups = self._fields()
        return groups, self.condition() if self.take("HAVING") else None

    def _order(self) -> tuple[Order, ...]:
        if not self.take("ORDER"):
            return ()
        self.need("BY")
        found = [self._order_key()]
        while self.take(","):
            found.append(self._order_key())
        return tuple(found)

    def _order_key(self) -> Order:
        field = self.field_or_aggregate()
        descending = bool(self.take("DESC"))
        if not descending:
            self.take("ASC")
        nulls_first = True
        if self.take("NULLS"):
            nulls_first = self.one_of("FIRST", "LAST") == "FIRST"
        return Order(field, descending, nulls_first)

    def _number(self, word: str) -> int | None:
        if not self.take(word):
            return None
        token = self.token
        if token.kind != "number" or not token.text.isdigit():
            self.fail()
        self.advance()
        return int(token.text)

    def _offset(self) -> int:
        position = self.token.position
        offset = self._number("OFFSET") or 0
        if offset > MAX_OFFSET:
            reason = "Maximum SOQL offset allowed is 2000"
            raise at(self.text, position, reason, "NUMBER_OUTSIDE_VALID_RANGE")
        return offset

    def fail(self) -> NoReturn:
        """Refuse the word that stands here."""
        raise self.unexpected()
