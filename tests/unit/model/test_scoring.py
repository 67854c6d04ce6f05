"""Scores fade in closed form, and are published when it matters."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.rules import Equals, Not, OlderThan
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


# --- in closed form --------------------------------------------------------------------------------------------

BOTH = Scoring(
    {"webinar": 40.0, "visit": 1.0, "unsubscribes": -30.0},
    half_life_days=10,
    caps={"visit": 3.0, "unsubscribes": 50.0},
    bands={"warm": 20, "hot": 60},
    cuts=(5,),
)
ACTS = st.lists(
    st.tuples(st.sampled_from(["webinar", "visit", "unsubscribes", "nothing"]), st.floats(-90, 20)), max_size=12
)


def told(acts: list[tuple[str, float]]) -> list[tuple[str, datetime, str]]:
    return [(key, NOW + days(day), f"a/behaviour/{number}") for number, (key, day) in enumerate(acts)]


@given(ACTS, st.floats(0, 500))
def test_one_number_and_its_instant_stand_for_any_number_of_acts(acts: list[tuple[str, float]], later: float) -> None:
    counted = BOTH.counted(told([(key, min(day, 0)) for key, day in acts]))
    then = NOW + days(later)
    summed = sum(one.points * 2 ** (-((then - one.at) / days(10))) for one in counted)
    assert BOTH.engagement(counted, NOW).worth(then, 10) == pytest.approx(summed, abs=1e-9)
    assert BOTH.engagement(counted, then).value == pytest.approx(summed, abs=1e-9)


@given(ACTS, st.randoms())
def test_the_order_in_which_acts_are_told_gives_no_other_points(
    acts: list[tuple[str, float]], chance: random.Random
) -> None:
    shuffled = told(acts)
    chance.shuffle(shuffled)
    assert BOTH.counted(shuffled) == BOTH.counted(told(acts))


@given(ACTS)
def test_no_behaviour_adds_or_takes_away_more_than_its_cap(acts: list[tuple[str, float]]) -> None:
    counted = BOTH.counted(told(acts))
    for key, cap in BOTH.caps.items():
        assert abs(sum(one.points for one in counted if one.key == key)) <= cap


def test_what_takes_away_is_capped_like_what_adds() -> None:
    counted = BOTH.counted(told([("unsubscribes", -3), ("unsubscribes", -2), ("unsubscribes", -1)]))
    assert [one.points for one in counted] == [-30, -20, 0]


def test_what_lies_ahead_is_worth_nothing_yet() -> None:
    (ahead,) = BOTH.counted([("webinar", NOW + days(3), "s")])
    assert (ahead.worth(NOW, 10), ahead.worth(NOW + days(3), 10)) == (0, 40)


def test_nothing_below_zero_is_published() -> None:
    assert BOTH.published(-7.5, None, None, NOW) == 0


# --- lines -----------------------------------------------------------------------------------------------------

GRADED = Scoring(
    {"webinar": 40.0},
    half_life_days=10,
    bands={"warm": 20, "hot": 60},
    cuts=(7.5, 33.3),
    fit_grades={"A": 15, "B": 0},
    engagement_grades={"1": 30, "2": 5, "3": 0},
)


def lines_crossed(engagement: float, fit: float, at: datetime) -> tuple[object, ...]:
    """On which side of every line somebody is, with what is left at an instant of what they did."""
    left = engagement * 2 ** (-((at - NOW) / days(10)))
    published = GRADED.published(left + fit, None, None, at)
    return GRADED.grade(fit, left), sum(published >= line for line in GRADED.lines())


@given(st.floats(-150, 150).filter(lambda points: abs(points) > 0.01), st.integers(0, 80))
def test_right_before_the_next_crossing_no_line_is_crossed_and_right_after_it_one_is(
    engagement: float, fit: int
) -> None:
    crossing, now = GRADED.next_crossing(engagement, fit, NOW), lines_crossed(engagement, fit, NOW)
    if crossing is None:
        assert lines_crossed(engagement, fit, NOW + days(100)) == now
    else:
        assert lines_crossed(engagement, fit, max(NOW, crossing - timedelta(seconds=2))) == now
        assert lines_crossed(engagement, fit, crossing) != now


def test_a_score_that_was_pulled_down_rises_to_its_next_line() -> None:
    crossing = GRADED.next_crossing(-40, 25, NOW)
    assert crossing is not None
    assert 25 - 40 * 2 ** (-((crossing - NOW) / days(10))) == pytest.approx(8, abs=0.01)


@pytest.mark.parametrize(
    ("fit", "engagement", "grade"),
    [(20, 40, "A1"), (15, 30, "A1"), (14.9, 29.9, "B2"), (0, 0, "B3"), (-1, 40, None), (20, -1, None)],
)
def test_a_grade_is_fit_and_engagement_side_by_side(fit: float, engagement: float, grade: str | None) -> None:
    assert GRADED.grade(fit, engagement) == grade


def test_a_grade_may_have_one_half_alone() -> None:
    assert Scoring(fit_grades={"A": 10}).grade(12, 0) == "A"
    assert Scoring(engagement_grades={"1": 10}).grade(0, 12) == "1"
    assert SCORING.grade(100, 100) is None


def test_another_grade_is_published_although_no_line_is_crossed() -> None:
    assert GRADED.published(45, 50, NOW, NOW) == 50
    assert GRADED.published(45, 50, NOW, NOW, is_regraded=True) == 45


# --- companies -------------------------------------------------------------------------------------------------


def test_companies_are_scored_like_their_people_but_for_fit() -> None:
    scoring = Scoring({"webinar": 40.0}, 10, fit=(FitRule(15, Equals("country", "CH")),), bands={"hot": 60})
    companies = scoring.of_companies()
    assert (companies.points, companies.half_life_days, companies.bands, companies.fit) == (
        scoring.points,
        10,
        {"hot": 60},
        (),
    )


def test_what_is_said_of_companies_holds_for_them() -> None:
    own = Scoring({"webinar": 40.0}, bands={"busy": 100})
    assert Scoring({"webinar": 40.0}, company=own).of_companies() is own


# --- rules of fit that look at the time ------------------------------------------------------------------------

DATES = st.floats(-90, 90).map(lambda number: NOW + days(number))


@given(DATES, DATES.map(lambda instant: instant.date()) | DATES)
def test_a_rule_judges_otherwise_exactly_when_it_says_it_will(now: datetime, founded: date) -> None:
    scoring = Scoring(fit=(FitRule(10, OlderThan("founded_on", 30)), FitRule(5, Not(OlderThan("founded_on", 60)))))
    facts = {"founded_on": founded}
    due, points = scoring.fit_due(facts, now), scoring.fit_points(facts, now)
    if due is None:
        assert scoring.fit_points(facts, now + days(4000)) == points
    else:
        assert due > now
        assert scoring.fit_points(facts, max(now, due - timedelta(seconds=2))) == points
        assert scoring.fit_points(facts, due) != points
