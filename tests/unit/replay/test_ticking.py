"""A tick by columns says what the engine's own functions say of one person after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.model.rules import Always
from instep.model.scoring import Engagement, FitRule, Scoring
from instep.sync.replay.ticking import crossings

from ...thorough import examples

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCHEMA = {
    "entity": pl.String,
    "engagement": pl.Float64,
    "engaged_at": pl.String,
    "fit": pl.Float64,
    "published": pl.Int64,
    "published_at": pl.String,
    "grade": pl.String,
    "is_graded": pl.Boolean,
}


@dataclass(frozen=True)
class Person:
    """What is kept of one person's last score."""

    engagement: float
    engaged_at: datetime
    fit: float
    published: int
    published_at: datetime
    grade: str | None
    is_graded: bool

    def at(self, scoring: Scoring, now: datetime) -> Person:
        """What the engine would publish, if it decided this person at that instant because they are due."""
        if now <= self.engaged_at:
            return self
        engagement = Engagement(self.engagement, self.engaged_at).worth(now, scoring.half_life_days)
        grade = scoring.grade(self.fit, engagement)
        is_regraded = self.is_graded and grade != self.grade
        then = self.published_at if self.published else now  # nobody is due because a 0 grew old
        said = scoring.published(engagement + self.fit, self.published, then, now, is_regraded=is_regraded)
        is_old = bool(self.published) and now - then > timedelta(days=scoring.republish_after_days)
        if said == self.published and not is_regraded and not is_old:
            return self
        return replace(self, published=said, published_at=now, grade=grade)

    def row(self, entity: str) -> tuple[object, ...]:
        instants = self.engaged_at.isoformat(), self.published_at.isoformat()
        scored = (self.engagement, instants[0], self.fit, self.published, instants[1])
        return (entity, *scored, self.grade, self.is_graded)


points = st.one_of(st.integers(-40, 120).map(float), st.floats(-40, 120))
bounds = st.integers(-10, 90).map(float)
past = st.timedeltas(timedelta(0), timedelta(days=70)).map(lambda span: NOW - span)
words = st.none() | st.sampled_from(["A1", "A2", "B1", "A", "1"])
people = st.builds(Person, points, past, points, st.integers(0, 120), past, words, st.booleans())
scorings = st.builds(
    Scoring,
    points=st.just({"webinar": 10.0}),
    half_life_days=st.sampled_from([0.5, 7.0, 30.0, 45.25]),
    fit=st.sampled_from([(), (FitRule(5.0, Always()),)]),
    bands=st.dictionaries(st.sampled_from(["cold", "warm", "hot"]), bounds, max_size=3),
    cuts=st.lists(st.floats(0, 90), max_size=3).map(tuple),
    republish_after_days=st.integers(1, 40),
    fit_grades=st.dictionaries(st.sampled_from("AB"), bounds, max_size=2),
    engagement_grades=st.dictionaries(st.sampled_from("12"), bounds, max_size=2),
)
spans = st.timedeltas(timedelta(0), timedelta(days=90))


@settings(deadline=None, max_examples=examples(300))
@given(people=st.lists(people, max_size=8), scoring=scorings, waited=spans, span=spans)
def test_columns_and_single_persons_cross_the_same_lines(
    people: list[Person], scoring: Scoring, waited: timedelta, span: timedelta
) -> None:
    since, until = NOW + waited, NOW + waited + span
    expected = []
    for number, person in enumerate(people):
        before = person.at(scoring, since)
        after = before.at(scoring, until)
        if (before.published, before.grade) != (after.published, after.grade):
            band = scoring.band(after.published)
            expected.append((f"e{number}", before.published, before.grade, after.published, band, after.grade))
    frame = pl.DataFrame([p.row(f"e{n}") for n, p in enumerate(people)], schema=SCHEMA, orient="row")
    assert crossings(frame, scoring, since, until).rows() == expected


def test_nobody_crosses_a_line_where_nothing_is_scored() -> None:
    frame = pl.DataFrame([Person(50.0, NOW, 0.0, 50, NOW, None, True).row("e")], schema=SCHEMA, orient="row")
    assert crossings(frame, Scoring(), NOW, NOW + timedelta(days=300)).is_empty()


def test_whoever_was_never_scored_crosses_nothing() -> None:
    frame = pl.DataFrame([("e", None, None, None, None, None, None, False)], schema=SCHEMA, orient="row")
    scoring = Scoring({"webinar": 10.0}, bands={"warm": 5.0})
    assert crossings(frame, scoring, NOW, NOW + timedelta(days=300)).is_empty()
