# ruff: noqa: E501 - messages stand here as they are printed
"""Rules are a closed vocabulary: each word is compiled exactly, and everything else is a mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from instep.model.rules import All, Any, Between, Changed, Equals, In, IsBlank, Matches, Not, OlderThan
from instep.model.rulewords import spelled

Said = Callable[..., list[str]]
P = "mappings/process.toml"

RULES = {
    '{ field = "city", eq = "Bonn" }': Equals("city", "Bonn"),
    '{ field = "employees", eq = 3 }': Equals("employees", 3),
    '{ field = "city", in = ["Bonn", "Ulm"] }': In("city", ("Bonn", "Ulm")),
    '{ field = "employees", between = [10, 99.5] }': Between("employees", Decimal(10), Decimal("99.5")),
    '{ field = "close_date", between = [2026-01-01, 2026-12-31] }': Between(
        "close_date", date(2026, 1, 1), date(2026, 12, 31)
    ),
    '{ field = "email", matches = "@us$" }': Matches("email", "@us$"),
    '{ field = "company.domain", is_blank = false }': IsBlank("company.domain", False),
    '{ field = "owner", changed = true }': Changed("owner"),
    '{ field = "opened_on", older_than = "30d" }': OlderThan("opened_on", 30),
    '{ not = { field = "city", is_blank = true } }': Not(IsBlank("city", True)),
    '{ all = [{ field = "city", eq = "a" }, { any = [{ field = "city", eq = "b" }] }] }': All(
        (Equals("city", "a"), Any((Equals("city", "b"),)))
    ),
}

MISTAKES = {
    '{ eq = "Bonn" }': ' is not a rule. Give exactly one of "all", "any", "not" or "field".',
    '{ fild = "city", eq = "Bonn" }': ' is not a rule. Did you mean "field"?',
    '{ field = "city", not = { field = "city", eq = "a" } }': ' is not a rule. Give exactly one of "all", "any", '
    '"not" or "field".',
    '{ field = "city" }': ' does not say how to compare its field. Give exactly one of "eq", "in", "between", '
    '"matches", "is_blank", "changed" or "older_than".',
    '{ field = "city", match = "x" }': ' does not say how to compare its field. Did you mean "matches"?',
    '{ field = "city", eq = "a", in = ["b"] }': ' does not say how to compare its field. Give exactly one of "eq", '
    '"in", "between", "matches", "is_blank", "changed" or "older_than".',
    '{ field = "city", eq = "a", eqq = 1 }': '.eqq is not a known key. Did you mean "eq"?',
    '{ field = "city", eq = ["a"] }': ".eq is not a single value. Write a text, number, date, true or false.",
    '{ field = "city", in = "a" }': '.in is not a list of values. Write a list, such as ["a", "b"].',
    '{ field = "city", in = [] }': '.in is not a list of values. Write a list, such as ["a", "b"].',
    '{ field = "city", between = [1] }': ".between is not two numbers or two dates. "
    "Write [lowest, highest], both included.",
    '{ field = "city", between = [1, 2026-01-01] }': ".between is not two numbers or two dates. "
    "Write [lowest, highest], both included.",
    '{ field = "city", between = [2, 1] }': ".between has its bounds the wrong way round. Write the lower one first.",
    '{ field = "city", matches = "(" }': '.matches is "(", which is not a regular expression: '
    "missing ), unterminated subpattern at position 0. Put a \\ before signs that are meant literally.",
    '{ field = "city", changed = false }': ".changed is not true. Write changed = true, inside { not = … } if need be.",
    '{ field = "city", is_blank = "yes" }': ".is_blank is not true or false. Write true or false.",
    '{ field = "opened_on", older_than = "30" }': '.older_than is "30", which is not a whole number of days. '
    'Write a number and s, m, h or d, such as "90s" or "7d".',
    "{ all = [] }": ".all holds no rule. Write at least one rule in it, or remove it.",
    '"city is Bonn"': " is not a table. Write when = { … }, or a table of that name.",
    '{ field = "cty", eq = "Bonn" }': '.field names "cty", which is no field that this rule can see. Did you mean "city"?',
    '{ not = { field = "compny.city", eq = "a" } }': '.not.field names "compny.city", which is no field that this rule can see. '
    'Did you mean "company.city"?',
}


@pytest.mark.parametrize("text", RULES)
def test_a_rule_is_compiled_as_it_is_written(folder, text: str) -> None:
    process = folder.loaded(process=f'preset = "b2b-11"\n[[segments]]\nkey = "a"\nwhen = {text}\n').process

    assert process.segments[0].when == RULES[text]


@pytest.mark.parametrize("text", MISTAKES)
def test_what_is_no_rule_is_told_with_its_line_and_remedy(said: Said, text: str) -> None:
    found = said(process=f'preset = "b2b-11"\n[[segments]]\nkey = "a"\nwhen = {text}\n')

    assert found == [f"{P}:4: segments[0].when{MISTAKES[text]}"]


@pytest.mark.parametrize("text", RULES)
def test_a_rule_is_spelled_as_it_was_written(text: str) -> None:
    assert spelled(RULES[text]) == text


def test_a_pattern_is_spelled_so_that_it_can_be_written() -> None:
    assert spelled(Matches("email", r"@us\.example$")) == r"""{ field = "email", matches = '@us\.example$' }"""
