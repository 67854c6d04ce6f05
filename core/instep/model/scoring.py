"""Lead scores: points for what a buyer did, fading with time, and for who they are; published only when it matters.

With weight w at time t0 and half-life h, engagement at t is the sum of w · 2^((t0 - t)/h), so one number and its
instant stand for any number of acts. `computed` moves all the time; `published` is what systems receive. It moves
only when the band or grade changes, a cut is crossed, or it grows too old, and is rounded down, so that it never
shows a band that it is not in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from instep.model.rules import Facts, Moment, Rule


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points for who the buyer is; they do not fade."""

    points: float
    when: Rule


@dataclass(frozen=True, slots=True)
class Counted:
    """One act with the points that it gave on its day, within the cap of its behaviour."""

    key: str
    at: datetime
    points: float
    source: str = ""

    def worth(self, now: datetime, half_life_days: float) -> float:
        """What is left of the points at `now`; nothing yet of an act that lies ahead."""
        return 0.0 if self.at > now else self.points * faded(now - self.at, half_life_days)


@dataclass(frozen=True, slots=True)
class Engagement:
    """Any number of acts in closed form: what they are worth together at one instant, and so at any later one."""

    value: float
    at: datetime

    def worth(self, now: datetime, half_life_days: float) -> float:
        return self.value * faded(now - self.at, half_life_days)


def faded(time: timedelta, half_life_days: float) -> float:
    """What is left of one point after some time; more than one where the time is negative."""
    return float(2.0 ** (-time / timedelta(days=half_life_days)))


@dataclass(frozen=True, slots=True)
class Scoring:
    """How buyers are scored. `points` by behaviour key, negative ones included.

    `bands` maps a name to its lower bound; `cuts` are further lines that matter.
    """

    points: Mapping[str, float] = field(default_factory=dict)
    half_life_days: float = 30.0
    caps: Mapping[str, float] = field(default_factory=dict)
    """The most that one behaviour may add (or take away) in all, before fading."""
    fit: tuple[FitRule, ...] = ()
    bands: Mapping[str, float] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()
    republish_after_days: int = 30
    fit_grades: Mapping[str, float] = field(default_factory=dict)
    """The first half of a grade: a word to the least points for fit that it takes."""
    engagement_grades: Mapping[str, float] = field(default_factory=dict)
    """The second half of a grade: a word to the least engagement that it takes."""
    company: Scoring | None = None
    """How companies are scored, by what their people and they themselves did; None: like persons, but for fit."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is scored."""
        return not self.points and not self.fit

    def of_companies(self) -> Scoring:
        """How companies are scored."""
        if self.company is not None:
            return self.company
        return Scoring(
            self.points, self.half_life_days, self.caps, (), self.bands, self.cuts, self.republish_after_days
        )

    def lines(self) -> tuple[float, ...]:
        """Every value at which the published score has to move, ascending."""
        return tuple(sorted({*self.bands.values(), *self.cuts}))

    def band(self, score: float) -> str | None:
        """The band that a score lies in, or None below the lowest."""
        return _reached(self.bands, score)

    def grade(self, fit: float, engagement: float) -> str | None:
        """Fit and engagement side by side ("A1"); None where no grades are defined, or a half is not reached."""
        if not self.fit_grades and not self.engagement_grades:
            return None
        halves = (
            _reached(self.fit_grades, fit) if self.fit_grades else "",
            _reached(self.engagement_grades, engagement + 1e-9) if self.engagement_grades else "",
        )
        return None if None in halves else "".join(half or "" for half in halves)

    # --- engagement ---------------------------------------------------------------------------------------------

    def counted(self, acts: Iterable[tuple[str, datetime, str]]) -> list[Counted]:
        """What each act gives (behaviour key, instant, source), oldest first, each behaviour up to its cap."""
        spent: dict[str, float] = {}
        found: list[Counted] = []
        for key, at, source in sorted(acts, key=lambda act: (act[1], act[2], act[0])):
            points = self.points.get(key, 0.0)
            cap = self.caps.get(key)
            if cap is not None:
                left = cap - spent.get(key, 0.0)
                points = max(-left, min(points, left))
                spent[key] = spent.get(key, 0.0) + abs(points)
            found.append(Counted(key, at, points, source))
        return found

    def engagement(self, counted: Iterable[Counted], now: datetime) -> Engagement:
        """Everything that was done until `now`, in closed form."""
        return Engagement(math.fsum(one.worth(now, self.half_life_days) for one in counted), now)

    # --- fit ----------------------------------------------------------------------------------------------------

    def fits(self, facts: Facts, now: datetime) -> list[FitRule]:
        """The rules that hold for somebody."""
        moment = Moment(now)
        return [rule for rule in self.fit if rule.when.value(facts, moment)]

    def fit_points(self, facts: Facts, now: datetime) -> float:
        return sum(rule.points for rule in self.fits(facts, now))

    def fit_due(self, facts: Facts, now: datetime) -> datetime | None:
        """When a rule that looks at the time will judge otherwise, if nothing else changes."""
        due = (rule.when.turns_at(facts, now) for rule in self.fit)
        return min((instant for instant in due if instant is not None), default=None)

    # --- the score ----------------------------------------------------------------------------------------------

    def computed(self, acts: Iterable[tuple[str, datetime]], facts: Facts, now: datetime) -> float:
        """The score at `now` of a buyer who did `acts` (behaviour key, instant)."""
        return self.engagement(self.counted((key, at, "") for key, at in acts), now).value + self.fit_points(
            facts, now
        )

    def published(
        self,
        computed: float,
        before: int | None,
        published_at: datetime | None,
        now: datetime,
        *,
        is_regraded: bool = False,
    ) -> int:
        """What systems should show now, given what they show."""
        rounded = max(0, math.floor(computed + 1e-9))
        if before is None or published_at is None:
            return rounded
        if is_regraded or self._zone(rounded) != self._zone(before):
            return rounded
        if now - published_at > timedelta(days=self.republish_after_days):
            return rounded
        return before

    def next_crossing(self, engagement: float, fit: float, now: datetime) -> datetime | None:
        """When the score or the grade, left alone, crosses its next line: known in advance, nothing polls for it."""
        score = _next_line(self._whole_lines(), engagement, fit)
        grade = _next_line(tuple(self.engagement_grades.values()), engagement, 0.0)
        halvings = min((h for h in (score, grade) if h is not None), default=None)
        if halvings is None:
            return None
        return now + timedelta(days=self.half_life_days * halvings) + timedelta(seconds=1)

    def _whole_lines(self) -> tuple[float, ...]:
        """The lines as a score that is rounded down meets them."""
        return tuple(float(math.ceil(line)) for line in self.lines())

    def _zone(self, score: float) -> int:
        return sum(score >= line for line in self.lines())


def _reached(bounds: Mapping[str, float], value: float) -> str | None:
    reached = [(bound, name) for name, bound in bounds.items() if value >= bound]
    return max(reached)[1] if reached else None


def _next_line(lines: Sequence[float], fading: float, fixed: float) -> float | None:
    """After how many half-lives `fixed + fading` falls below, or rises to, its next line; None if it never does."""
    current = fading + fixed + 1e-9
    if fading > 0:
        ahead = max((line for line in lines if fixed < line <= current), default=None)
    else:
        ahead = min((line for line in lines if current < line < fixed), default=None)
    return None if ahead is None else max(0.0, math.log2(fading / (ahead - fixed)))
