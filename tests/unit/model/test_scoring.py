"""Scores fade in closed form, and are published when it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from instep.model.rules import Equals
from instep.model.scoring import FitRule, Scoring

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SCORING = Scoring({"webinar": 40.0}, half_life_days=10, bands={"warm": 20, "hot": 60}, republish_after_days=30)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_points_halve_with_every_half_life() -> None:
    assert SCORING.computed([("webinar", NOW - days(10))], {}, NOW) == 20.0


def test_a_cap_limits_what_one_behaviour_may_add() -> None:
    capped = Scoring({"webinar": 40.0}, caps={"webinar": 50.0})
    assert capped.computed([("webinar", NOW), ("webinar", NOW)], {}, NOW) == 50.0


def test_fit_counts_without_fading() -> None:
    fit = Scoring(fit=(FitRule(15, Equals("country", "CH")),))
    assert fit.computed([], {"country": "ch"}, NOW) == 15
    assert fit.computed([], {"country": None}, NOW) == 0


def test_a_published_score_moves_only_when_a_line_is_crossed_or_it_grows_old() -> None:
    assert SCORING.published(39.9, 45, NOW - days(1), NOW) == 45
    assert SCORING.published(19.9, 45, NOW - days(1), NOW) == 19
    assert SCORING.published(60.2, 45, NOW - days(1), NOW) == 60
    assert SCORING.published(39.9, 45, NOW - days(31), NOW) == 39


@given(st.floats(0, 200), st.one_of(st.none(), st.integers(0, 200)))
def test_a_published_score_never_shows_a_band_that_it_is_not_in(computed: float, before: int | None) -> None:
    published = SCORING.published(computed, before, NOW if before is not None else None, NOW)
    assert SCORING.band(published) == SCORING.band(max(0, int(computed + 1e-9)))


@given(st.floats(21, 200))
def test_the_next_crossing_is_known_in_advance(fading: float) -> None:
    crossing = SCORING.next_crossing(fading, 0, NOW)
    assert crossing is not None
    line = 60 if fading >= 60 else 20
    left = fading * 2 ** (-(crossing - NOW) / days(10))
    assert line - 0.05 < left < line
