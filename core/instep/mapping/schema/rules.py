"""What a rule may look like."""

from __future__ import annotations

from instep.mapping.rules import OPERATORS
from instep.mapping.schema.shapes import DAY, Schema, duration, flag, scalar, shared, table, tables, text, words

RULE = shared("rule")

_BOUND: Schema = {"type": ["number", "string"], "pattern": DAY}
_OPERANDS: dict[str, Schema] = {
    "eq": scalar("it is that value; letter case does not count"),
    "in": words("it is one of them", scalar(), minItems=1),
    "between": words("two numbers or dates, both included", _BOUND, minItems=2, maxItems=2),
    "matches": text("a regular expression that is found in it"),
    "is_blank": flag("there is nothing there; false turns it round"),
    "changed": {"const": True, "description": "it changed in this run"},
    "older_than": duration("it lies longer ago; whole days"),
}


def rule() -> Schema:
    """The definition `rule`: exactly one of `all`, `any`, `not`, or a field with one way of comparing it."""
    properties = {
        "field": text("the field to look at"),
        **{operator: _OPERANDS[operator] for operator in OPERATORS},
        "not": {**RULE, "description": "the rule does not hold"},
        "all": {**tables(RULE, "every one holds"), "minItems": 1},
        "any": {**tables(RULE, "at least one holds"), "minItems": 1},
    }
    alone = [{"required": [word], "maxProperties": 1} for word in ("not", "all", "any")]
    compared = [{"required": ["field", operator], "maxProperties": 2} for operator in OPERATORS]
    return table(properties, "A rule over fields.", oneOf=[*alone, *compared])
