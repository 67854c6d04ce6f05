"""The closed vocabulary of rules. Total: a rule never raises on a blank; a blank satisfies only `is_blank`.

A rule file says `{ field = "company.industry", in = ["Biotechnology"] }`, `{ not = … }`, `{ all = [ … ] }`.
There is no expression language, on purpose: everything that a rule can do can be read, checked and listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

from instep.model.values import Scalar, is_blank

Facts = Mapping[str, Scalar]
"""Field name to value, as a rule sees them: `industry`, or `company.industry` for the linked company's."""


def with_company(own: Facts, company: Facts) -> dict[str, Scalar]:
    """An entity's own facts and those of its company, each under the name that rules give it."""
    return {**own, **{f"company.{name}": value for name, value in company.items()}}


@dataclass(frozen=True, slots=True)
class Moment:
    """What a rule may know besides the facts: the instant it is asked, and which fields just changed."""

    now: datetime
    changed: frozenset[str] = frozenset()


class Rule(Protocol):
    def value(self, facts: Facts, moment: Moment) -> bool:
        """Whether the rule holds."""
        ...

    def fields(self) -> frozenset[str]:
        """Every field that the rule looks at."""
        ...

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        """When it may judge otherwise by the time alone; None if time changes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    rules: tuple[Rule, ...]

    def value(self, facts: Facts, moment: Moment) -> bool:
        return all(rule.value(facts, moment) for rule in self.rules)

    def fields(self) -> frozenset[str]:
        return frozenset().union(*(rule.fields() for rule in self.rules))

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return earliest(rule.turns_at(facts, now) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Any:
    rules: tuple[Rule, ...]

    def value(self, facts: Facts, moment: Moment) -> bool:
        return any(rule.value(facts, moment) for rule in self.rules)

    def fields(self) -> frozenset[str]:
        return frozenset().union(*(rule.fields() for rule in self.rules))

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return earliest(rule.turns_at(facts, now) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Not:
    rule: Rule

    def value(self, facts: Facts, moment: Moment) -> bool:
        return not self.rule.value(facts, moment)

    def fields(self) -> frozenset[str]:
        return self.rule.fields()

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return self.rule.turns_at(facts, now)


@dataclass(frozen=True, slots=True)
class _Field:
    field: str

    def fields(self) -> frozenset[str]:
        return frozenset({self.field})

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return None


@dataclass(frozen=True, slots=True)
class Equals(_Field):
    wanted: Scalar

    def value(self, facts: Facts, moment: Moment) -> bool:
        return _same(facts.get(self.field), self.wanted)


@dataclass(frozen=True, slots=True)
class In(_Field):
    wanted: tuple[Scalar, ...]

    def value(self, facts: Facts, moment: Moment) -> bool:
        found = facts.get(self.field)
        return any(_same(found, wanted) for wanted in self.wanted)


@dataclass(frozen=True, slots=True)
class Between(_Field):
    """From `low` to `high`, both included; numbers, amounts or dates."""

    low: Decimal | date
    high: Decimal | date

    def value(self, facts: Facts, moment: Moment) -> bool:
        found = _comparable(facts.get(self.field))
        if found is None or isinstance(found, Decimal) != isinstance(self.low, Decimal):
            return False
        return self.low <= found <= self.high  # type: ignore[operator]  # same kind, checked above


@dataclass(frozen=True, slots=True)
class Matches(_Field):
    """A regular expression found anywhere in the text, letter case ignored."""

    pattern: str

    def value(self, facts: Facts, moment: Moment) -> bool:
        found = facts.get(self.field)
        return isinstance(found, str) and re.search(self.pattern, found[:10_000], re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class IsBlank(_Field):
    wanted: bool = True

    def value(self, facts: Facts, moment: Moment) -> bool:
        return is_blank(facts.get(self.field)) is self.wanted


@dataclass(frozen=True, slots=True)
class Changed(_Field):
    """The canonical value changed in this run."""

    def value(self, facts: Facts, moment: Moment) -> bool:
        return self.field in moment.changed


@dataclass(frozen=True, slots=True)
class OlderThan(_Field):
    """A date or instant that lies more than `days` in the past."""

    days: int

    def value(self, facts: Facts, moment: Moment) -> bool:
        begun = self._begun(facts)
        return begun is not None and moment.now > begun

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        begun = self._begun(facts)
        return begun + timedelta(seconds=1) if begun is not None and begun >= now else None

    def _begun(self, facts: Facts) -> datetime | None:
        """The instant after which the field is too old."""
        found = facts.get(self.field)
        if isinstance(found, date) and not isinstance(found, datetime):
            found = datetime.combine(found, time(), UTC)
        if not isinstance(found, datetime) or found > datetime.max.replace(tzinfo=UTC) - timedelta(days=self.days):
            return None
        return found + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Always:
    def value(self, facts: Facts, moment: Moment) -> bool:
        return True

    def fields(self) -> frozenset[str]:
        return frozenset()

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return None


@dataclass(frozen=True, slots=True)
class Never:
    def value(self, facts: Facts, moment: Moment) -> bool:
        return False

    def fields(self) -> frozenset[str]:
        return frozenset()

    def turns_at(self, facts: Facts, now: datetime) -> datetime | None:
        return None


def earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """The first of some instants; None where there is none."""
    return min((instant for instant in instants if instant is not None), default=None)


def _same(found: Scalar, wanted: Scalar) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    if isinstance(found, tuple):
        return wanted in found
    return found is not None and found == wanted


def _comparable(value: Scalar) -> Decimal | date | None:
    match value:
        case bool() | None:
            return None
        case int() | Decimal():
            return Decimal(value)
        case datetime():
            return value.date()
        case date():
            return value
    amount = getattr(value, "amount", None)
    return amount if isinstance(amount, Decimal) else None
