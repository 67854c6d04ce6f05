"""Lead scores: points for what a buyer did, fading with time, published only when it matters.

With weight w at time t0 and half-life h, the score at t is the sum of w · 2^((t0 - t)/h). `computed` moves all
the time; `published` is what systems receive. It moves only when the band changes, a cut is crossed, or it grows
too old, and is rounded down, so that it never shows a band that it is not in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from instep.model.rules import Facts, Moment, Rule


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points for who the buyer is; they do not fade."""

    points: float
    when: Rule


@dataclass(frozen=True, slots=True)
class Scoring:
    """`points` by behaviour key. `bands` maps a name to its lower bound; `cuts` are further lines that matter."""

    points: Mapping[str, float] = field(default_factory=dict)
    half_life_days: float = 30.0
    caps: Mapping[str, float] = field(default_factory=dict)
    """The most that one behaviour may add in all, before fading."""
    fit: tuple[FitRule, ...] = ()
    bands: Mapping[str, float] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()
    republish_after_days: int = 30

    def lines(self) -> tuple[float, ...]:
        """Every value at which the published score has to move, ascending."""
        return tuple(sorted({*self.bands.values(), *self.cuts}))

    def band(self, score: float) -> str | None:
        """The band that a score lies in, or None below the lowest."""
        reached = [(bound, name) for name, bound in self.bands.items() if score >= bound]
        return max(reached)[1] if reached else None

    def computed(self, acts: Iterable[tuple[str, datetime]], facts: Facts, now: datetime) -> float:
        """The score at `now` of a buyer who did `acts` (behaviour key, instant)."""
        spent: dict[str, float] = {}
        total = 0.0
        for key, at in sorted(acts, key=lambda act: act[1]):
            points = self.points.get(key, 0.0)
            cap = self.caps.get(key)
            if cap is not None:
                points = min(points, cap - spent.get(key, 0.0))
                spent[key] = spent.get(key, 0.0) + points
            if points and at <= now:
                total += points * 2.0 ** (-(now - at) / timedelta(days=self.half_life_days))
        moment = Moment(now)
        return total + sum(rule.points for rule in self.fit if rule.when.value(facts, moment))

    def published(self, computed: float, before: int | None, published_at: datetime | None, now: datetime) -> int:
        """What systems should show now, given what they show."""
        rounded = max(0, math.floor(computed + 1e-9))
        if before is None or published_at is None:
            return rounded
        if self._zone(rounded) != self._zone(before):
            return rounded
        if now - published_at > timedelta(days=self.republish_after_days):
            return rounded
        return before

    def next_crossing(self, fading: float, fixed: float, now: datetime) -> datetime | None:
        """When the score, left alone, falls below its next line: known in advance, so nothing polls for it."""
        current = fading + fixed
        below = [line for line in self.lines() if line <= current and line > fixed]
        if not below or fading <= 0:
            return None
        line = max(below)
        days = self.half_life_days * math.log2(fading / (line - fixed))
        return now + timedelta(days=days) + timedelta(seconds=1)

    def _zone(self, score: float) -> int:
        return sum(score >= line for line in self.lines())
