"""Scores of many persons at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from instep.model.scoring import Scoring
from instep.sync.replay.frames import Ruled, nth

if TYPE_CHECKING:
    import polars as pl


class Scored:
    """What persons score by a scoring at one moment, and what of it would be published."""

    def __init__(self, scoring: Scoring, now: datetime, keys: Sequence[str]) -> None:
        """`keys` are the behaviours that acts name by their place."""
        self._scoring, self._now, self._keys = scoring, now, keys
        self._fit = [(rule.points, Ruled(rule.when, now)) for rule in scoring.fit]

    def engagement(self, acts: pl.DataFrame) -> pl.DataFrame:
        """`entity` and `engagement`, from `acts` of buyers, each told once: entity, key (a place), at (us).

        Those of one entity and key stand together, the earlier ones first.
        """
        import polars as pl

        now = int(self._now.timestamp() * 1_000_000)
        halvings = (now - pl.col("at")) / (self._scoring.half_life_days * 86_400_000_000)
        worth = pl.when(pl.col("at") <= now).then(self._points() * (halvings * -math.log(2)).exp()).otherwise(0.0)
        counted = acts.select("entity", worth.alias("engagement"))
        return counted.group_by("entity").agg(pl.col("engagement").sum())

    def _points(self) -> pl.Expr:
        """The points that each act gives, within the cap of its behaviour, the earlier ones first."""
        import polars as pl

        scoring = self._scoring
        given = [float(scoring.points.get(key, 0.0)) for key in self._keys]
        points = pl.lit(pl.Series(given, dtype=pl.Float64)).gather("key")
        if not scoring.caps:
            return points
        caps = [float(scoring.caps.get(key, math.inf)) for key in self._keys]
        left = pl.lit(pl.Series(caps, dtype=pl.Float64)).gather("key") - nth("entity", "key") * points.abs()
        return left.clip(0.0, points.abs()) * points.sign()

    def fit(self, facts: pl.DataFrame) -> pl.Series:
        """The points for who somebody is. `facts` has a column of comparable text for every field that rules name."""
        import polars as pl

        found = pl.Series("fit", [0.0] * facts.height, dtype=pl.Float64)
        for points, rule in self._fit:
            found = found + rule.holds(facts).cast(pl.Float64) * points
        return found.alias("fit")

    def published(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`published`, `band` and `grade` of persons.

        `frame` has `engagement` and `fit`, and of what was published before `published`, `published_at` and `grade`.
        """
        import polars as pl

        scoring = self._scoring
        computed = pl.col("engagement") + pl.col("fit")
        rounded = pl.max_horizontal(pl.lit(0.0), (computed + 1e-9).floor())
        grade = grade_of(scoring)
        is_regraded = pl.col("is_graded") & grade.ne_missing(pl.col("grade"))
        at = pl.col("published_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC")
        is_old = (pl.lit(self._now) - at) > timedelta(days=scoring.republish_after_days)
        before = pl.col("published").cast(pl.Float64)
        moves = (
            before.is_null() | at.is_null() | is_regraded | is_old | (zone(scoring, rounded) != zone(scoring, before))
        )
        published = pl.when(moves).then(rounded).otherwise(before)
        return frame.select(published.cast(pl.Int64).alias("published"), grade.alias("grade")).with_columns(
            reached(scoring.bands, pl.col("published").cast(pl.Float64)).alias("band")
        )


def grade_of(scoring: Scoring) -> pl.Expr:
    """The grade of whoever has these `fit` and `engagement`."""
    import polars as pl

    if not scoring.fit_grades and not scoring.engagement_grades:
        return pl.lit(None, pl.String)
    fit = reached(scoring.fit_grades, pl.col("fit")) if scoring.fit_grades else pl.lit("")
    did = pl.col("engagement") + 1e-9
    engagement = reached(scoring.engagement_grades, did) if scoring.engagement_grades else pl.lit("")
    return pl.concat_str(fit, engagement, ignore_nulls=False)


def zone(scoring: Scoring, score: pl.Expr) -> pl.Expr:
    """How many of the lines a score has reached."""
    import polars as pl

    return pl.sum_horizontal(pl.lit(0), *((score >= line).cast(pl.Int32) for line in scoring.lines()))


def reached(bounds: Mapping[str, float], value: pl.Expr) -> pl.Expr:
    """The word of the highest bound that a value reaches; none below the lowest."""
    import polars as pl

    found = pl.lit(None, pl.String)
    for name, bound in sorted(bounds.items(), key=lambda entry: (entry[1], entry[0])):
        found = pl.when(value >= bound).then(pl.lit(name)).otherwise(found)
    return found
