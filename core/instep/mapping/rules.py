"""Rules as files write them: `{ field = "company.industry", in = ["Biotechnology"] }`, `{ not = … }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any as Anything

from instep.mapping.mistakes import listed, suggestion
from instep.mapping.section import Section, is_number
from instep.model.rules import (
    All,
    Always,
    Any,
    Between,
    Changed,
    Equals,
    In,
    IsBlank,
    Matches,
    Never,
    Not,
    OlderThan,
    Rule,
)
from instep.model.values import Scalar

FieldCheck = Callable[[Section, str], None]
"""Told of every field that a rule looks at, with its place."""

OPERATORS = ("eq", "in", "between", "matches", "is_blank", "changed", "older_than")


def no_check(section: Section, field: str) -> None:
    """For rules over a system's own fields, which only that system knows."""


def take_rule(section: Section, key: str, check: FieldCheck = no_check, default: Rule = Always()) -> Rule:
    """The rule under `key`, or `default` where there is none or it is wrong."""
    found = section.table(key)
    return default if found is None else _rule(found, check)


def take_rule_or_word(section: Section, key: str, check: FieldCheck, default: Rule) -> Rule:
    """A rule, or one of the words "always" and "never"."""
    words: dict[str, Rule] = {"always": Always(), "never": Never()}
    if isinstance(section.data.get(key), str):
        return words.get(section.choice(key, tuple(words)) or "", default)
    return take_rule(section, key, check, default)


def _rule(section: Section, check: FieldCheck) -> Rule:
    present = [word for word in ("all", "any", "not", "field") if section.has(word)]
    if len(present) != 1:
        remedy = 'Give exactly one of "all", "any", "not" or "field".'
        unknown = [key for key in section.data if key not in ("all", "any", "not", "field", *OPERATORS)]
        if unknown:
            remedy = suggestion(unknown[0], ("all", "any", "not", "field", *OPERATORS), remedy)
        section.mistake("NOT_A_RULE", "is not a rule", remedy)
        return Never()
    rule = _compound(section, present[0], check) if present[0] != "field" else _comparison(section, check)
    section.finish()
    return rule


def _compound(section: Section, word: str, check: FieldCheck) -> Rule:
    if word == "not":
        return Not(take_rule(section, "not", check, Never()))
    rules = tuple(_rule(part, check) for part in section.tables(word))
    if not rules:
        section.mistake("NOT_A_RULE", "holds no rule", "Write at least one rule in it, or remove it.", word)
    return All(rules) if word == "all" else Any(rules)


def _comparison(section: Section, check: FieldCheck) -> Rule:
    field = section.text("field")
    section.known.update(dict.fromkeys(OPERATORS))
    present = [word for word in OPERATORS if section.has(word)]
    if field is None or len(present) != 1:
        if field is not None:
            _no_operator(section)
        return Never()
    check(section, field)
    return _BUILD[present[0]](section, field) or Never()


def _no_operator(section: Section) -> None:
    wrong = [key for key in section.data if key not in section.known]
    remedy = f"Give exactly one of {listed(OPERATORS)}."
    section.mistake(
        "NOT_A_RULE",
        "does not say how to compare its field",
        suggestion(wrong[0], OPERATORS, remedy) if wrong else remedy,
    )
    section.known.update(dict.fromkeys(section.data))


def _equals(section: Section, field: str) -> Rule | None:
    return Equals(field, section.scalar("eq", section.data["eq"]))


def _in(section: Section, field: str) -> Rule | None:
    values = section.data["in"]
    if not isinstance(values, list) or not values or not all(_is_scalar(value) for value in values):
        section.mistake("WRONG_TYPE", "is not a list of values", 'Write a list, such as ["a", "b"].', "in")
        return None
    return In(field, tuple(values))


def _between(section: Section, field: str) -> Rule | None:
    bounds = section.data["between"]
    pair = [_bound(value) for value in bounds] if isinstance(bounds, list) else []
    low, high = pair if len(pair) == 2 else (None, None)
    if low is None or high is None or isinstance(low, Decimal) != isinstance(high, Decimal):
        problem, remedy = "is not two numbers or two dates", "Write [lowest, highest], both included."
        section.mistake("WRONG_TYPE", problem, remedy, "between")
        return None
    if low > high:  # type: ignore[operator]  # same kind, checked above
        section.mistake("NOT_A_RULE", "has its bounds the wrong way round", "Write the lower one first.", "between")
        return None
    return Between(field, low, high)


def _matches(section: Section, field: str) -> Rule | None:
    pattern = section.text("matches")
    if pattern is None:
        return None
    try:
        re.compile(pattern)
    except re.error as error:
        problem = f'is "{pattern}", which is not a regular expression: {error}'
        section.mistake("BAD_PATTERN", problem, "Put a \\ before signs that are meant literally.", "matches")
        return None
    return Matches(field, pattern)


def _is_blank(section: Section, field: str) -> Rule | None:
    return IsBlank(field, section.flag("is_blank", True))


def _changed(section: Section, field: str) -> Rule | None:
    if section.data["changed"] is not True:
        section.mistake(
            "WRONG_TYPE", "is not true", "Write changed = true, inside { not = … } if need be.", "changed"
        )
        return None
    return Changed(field)


def _older_than(section: Section, field: str) -> Rule | None:
    return OlderThan(field, section.span("older_than", "d", 1))


_BUILD: dict[str, Callable[[Section, str], Rule | None]] = {
    "eq": _equals,
    "in": _in,
    "between": _between,
    "matches": _matches,
    "is_blank": _is_blank,
    "changed": _changed,
    "older_than": _older_than,
}


def _is_scalar(value: Anything) -> bool:
    return isinstance(value, (str, bool, int, Decimal, date, datetime))


def _bound(value: Scalar) -> Decimal | date | None:
    match value:
        case bool():
            return None
        case int() | Decimal():
            return Decimal(value) if is_number(value) else None
        case datetime():
            return value.date()
        case date():
            return value
    return None
