"""Reading the conditions of a SOQL statement.

AND and OR never stand side by side, and NOT stands alone, unless parentheses keep them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.soql.lexer import Token, tokens, unquoted
from instep_salesforce.sandbox.soql.nodes import (
    Aggregate,
    Among,
    Compare,
    Condition,
    Constant,
    Either,
    Every,
    FieldRef,
    Negation,
    SemiJoin,
)
from instep_salesforce.sandbox.soql.periods import is_period, needs_count
from instep_salesforce.sandbox.soql.refusals import at, unexpected

if TYPE_CHECKING:
    from instep_salesforce.sandbox.soql.nodes import Query

MAX_STRING = 4_000
_FUNCTIONS = {"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"}


class ConditionParser:
    """The words of a statement, and how conditions are made of them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._place = 0

    # --- words -------------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        """The word that stands here."""
        return self._tokens[self._place]

    def advance(self) -> Token:
        """Go on by one word; gives the word that was left behind."""
        token = self.token
        self._place += token.kind != "end"
        return token

    def unexpected(self) -> RefusedError:
        """A refusal of the word that stands here."""
        return unexpected(self.text, self.token.position, self.token.text)

    def is_word(self, word: str) -> bool:
        """Whether this keyword stands here."""
        return self.token.kind == "name" and self.token.upper == word

    def is_mark(self, mark: str) -> bool:
        """Whether this sign stands here."""
        return self.token.kind == "mark" and self.token.text == mark

    def take(self, word: str) -> bool:
        """Go on if this keyword or sign stands here."""
        found = self.is_word(word) or self.is_mark(word)
        if found:
            self.advance()
        return found

    def need(self, word: str) -> bool:
        """Go on over this keyword or sign; anything else is refused."""
        if not self.take(word):
            raise self.unexpected()
        return True

    def one_of(self, *words: str) -> str:
        """Go on over one of these keywords."""
        for word in words:
            if self.take(word):
                return word
        raise self.unexpected()

    def name(self) -> Token:
        """Go on over a name."""
        if self.token.kind != "name":
            raise self.unexpected()
        return self.advance()

    def field(self) -> FieldRef:
        """A field, perhaps of a parent."""
        token = self.name()
        return FieldRef(tuple(token.text.split(".")), token.position)

    def field_or_aggregate(self) -> FieldRef | Aggregate:
        """A field, or a function over a group."""
        token = self.name()
        if self.is_mark("("):
            return self.aggregate(token.upper, token.position)
        return FieldRef(tuple(token.text.split(".")), token.position)

    def aggregate(self, function: str, position: int) -> Aggregate:
        """The rest of a function over a group."""
        if function not in _FUNCTIONS:
            raise at(self.text, position, f"Invalid function name: {function}")
        self.need("(")
        field = None if self.is_mark(")") else self.field()
        self.need(")")
        if field is None and function != "COUNT":
            raise at(self.text, position, f"{function} requires a field")
        return Aggregate(function, field, None, position)

    # --- conditions --------------------------------------------------------------------------------------------

    def condition(self) -> Condition:
        """Everything after WHERE or HAVING, or between parentheses."""
        if self.take("NOT"):
            return Negation(self._simple())
        parts = [self._simple()]
        if self.is_word("AND"):
            while self.take("AND"):
                parts.append(self._simple())
            return Every(tuple(parts))
        while self.take("OR"):
            parts.append(self._simple())
        return Either(tuple(parts)) if len(parts) > 1 else parts[0]

    def _simple(self) -> Condition:
        if self.take("("):
            found = self.condition()
            self.need(")")
            return found
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self.field_or_aggregate()
        if self.token.kind == "operator":
            operator = self.advance().text
            return Compare(field, "!=" if operator == "<>" else operator, self._constant(for_like=False))
        if self.take("LIKE"):
            return Compare(field, "LIKE", self._constant(for_like=True))
        if isinstance(field, Aggregate):
            raise self.unexpected()
        if self.is_word("INCLUDES") or self.is_word("EXCLUDES"):
            return Among(field, self.advance().upper, self._constants())
        negated = self.take("NOT")
        self.need("IN")
        if self._tokens[self._place + 1].upper == "SELECT":
            self.need("(")
            inner = self.query(is_inner=True)
            self.need(")")
            return SemiJoin(field, negated, inner)
        return Among(field, "NOT IN" if negated else "IN", self._constants())

    def query(self, *, is_inner: bool = False) -> Query:
        """A statement; the parser of statements knows how."""
        raise NotImplementedError

    def _constants(self) -> tuple[Constant, ...]:
        self.need("(")
        found = [self._constant(for_like=False)]
        while self.take(","):
            found.append(self._constant(for_like=False))
        self.need(")")
        return tuple(found)

    def _constant(self, *, for_like: bool) -> Constant:
        token = self.token
        if token.kind not in {"string", "number", "date", "datetime", "name"}:
            raise self.unexpected()
        self.advance()
        match token.kind:
            case "string":
                return self._string(token, for_like=for_like)
            case "number":
                is_whole = token.text.lstrip("+-").isdigit()
                return Constant("number", int(token.text) if is_whole else float(token.text), token.position)
            case "date" | "datetime":
                return Constant(token.kind, token.text, token.position)
            case _:
                return self._named(token)

    def _string(self, token: Token, *, for_like: bool) -> Constant:
        value = unquoted(token, self.text, for_like=for_like)
        if len(value) > MAX_STRING:
            raise at(self.text, token.position, "maximum length of a string in a filter is 4000 characters")
        return Constant("string", value, token.position)

    def _named(self, token: Token) -> Constant:
        word = token.upper
        if word in {"TRUE", "FALSE"}:
            return Constant("boolean", word == "TRUE", token.position)
        if word == "NULL":
            return Constant("null", None, token.position)
        if not is_period(word):
            raise unexpected(self.text, token.position, token.text)
        if not needs_count(word):
            return Constant("period", word, token.position)
        self.need(":")
        count = self.advance()
        if not count.text.isdigit():
            raise unexpected(self.text, count.position, count.text)
        return Constant("period", word, token.position, int(count.text))
