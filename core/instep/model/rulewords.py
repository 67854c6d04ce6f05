"""Rules as an admin writes them, for sentences that name one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from instep.model import rules
from instep.model.rules import Rule
from instep.model.values import Scalar


def spelled(rule: Rule) -> str:
    """A rule as it stands in a mapping file."""
    match rule:
        case rules.Always():
            return '"always"'
        case rules.Never():
            return '"never"'
        case rules.Not(inner):
            return f"{{ not = {spelled(inner)} }}"
        case rules.All(several):
            return f"{{ all = [{', '.join(map(spelled, several))}] }}"
        case rules.Any(several):
            return f"{{ any = [{', '.join(map(spelled, several))}] }}"
    field = ", ".join(sorted(rule.fields()))
    return f'{{ field = "{field}", {_comparison(rule)} }}'


def _comparison(rule: Rule) -> str:
    match rule:
        case rules.Equals(_, wanted):
            return f"eq = {_value(wanted)}"
        case rules.In(_, several):
            return f"in = {_values(several)}"
        case rules.Between(_, low, high):
            return f"between = {_values((low, high))}"
        case rules.Matches(_, pattern):
            return f"matches = '{pattern}'" if "\\" in pattern else f'matches = "{pattern}"'
        case rules.IsBlank(_, wanted):
            return f"is_blank = {_value(wanted)}"
        case rules.OlderThan(_, days):
            return f'older_than = "{days}d"'
    return "changed = true"


def _values(several: Iterable[Scalar]) -> str:
    return f"[{', '.join(map(_value, several))}]"


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else value.isoformat() if isinstance(value, date) else str(value)
