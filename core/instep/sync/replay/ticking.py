"""The tick: whose score crosses a line by fading alone, worked out from the last decisions without reading an act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.model.scoring import Scoring
from instep.store.segments import Projection, Segments
from instep.sync.projections import entities
from instep.sync.replay.scored import grade_of, reached, zone

if TYPE_CHECKING:
    import polars as pl

SCORED = ("engagement", "engaged_at", "fit", "published", "published_at", "grade", "is_graded")
"""What the columns of a person keep of the last decision, and a tick reads."""


def persons(workspace: Workspace) -> Projection:
    """The columns of persons that a tick reads; a replay reads more of the same."""
    return entities(Kind.PERSON, sorted(name for kind, name in workspace.types if kind is Kind.PERSON))


def ticks(segments: Segments, workspace: Workspace, since: datetime, until: datetime) -> Iterator[pl.DataFrame]:
    """What `crossings` says of everybody, partition by partition. The columns must have been refreshed."""
    projection = persons(workspace)
    for partition in range(segments.partitions):
        frame = segments.read(projection, partition, SCORED)
        yield crossings(frame, workspace.scoring, since, until)


def crossings(frame: pl.DataFrame, scoring: Scoring, since: datetime, until: datetime) -> pl.DataFrame:
    """Who is to be told another score or grade at `until` than at `since`, if nothing happens but time.

    `frame` has `entity` and `SCORED`. Gives `entity`, `was`, `was_grade`, `published`, `band` and `grade`. The engine
    decides all of these by then: each is due. A published 0 is not said again because it grew old.
    """
    import polars as pl

    known = frame.lazy().filter(pl.col("engagement").is_not_null() & (not scoring.is_empty))
    known = known.with_columns(
        pl.col("published").cast(pl.Float64),
        _instant("published_at"),
        _instant("engaged_at"),
        decided=pl.col("engagement"),
    )
    before = _decided(known, scoring, since).with_columns(was=pl.col("published"), was_grade=pl.col("grade"))
    after = _decided(before, scoring, until)
    moved = pl.col("published").ne_missing(pl.col("was")) | pl.col("grade").ne_missing(pl.col("was_grade"))
    whole = pl.col("was", "published").cast(pl.Int64)
    band = reached(scoring.bands, pl.col("published").cast(pl.Float64)).alias("band")
    told = after.filter(moved).with_columns(whole)
    return told.select("entity", "was", "was_grade", "published", band, "grade").collect()


def _decided(frame: pl.LazyFrame, scoring: Scoring, at: datetime) -> pl.LazyFrame:
    """What would be published at an instant; whoever was decided later stays as they are."""
    import polars as pl

    half_life = timedelta(days=scoring.half_life_days) // timedelta(microseconds=1)
    time = (pl.lit(at) - pl.col("engaged_at")).dt.total_microseconds()
    frame = frame.with_columns(engagement=pl.col("decided") * pl.lit(2.0).pow(-time / half_life))
    frame = frame.with_columns(grade_of(scoring).alias("now"))
    rounded = pl.max_horizontal(pl.lit(0.0), (pl.col("engagement") + pl.col("fit") + 1e-9).floor())
    is_regraded = pl.col("is_graded") & pl.col("now").ne_missing(pl.col("grade"))
    is_old = (pl.lit(at) - pl.col("published_at")) > timedelta(days=scoring.republish_after_days)
    crosses = zone(scoring, rounded) != zone(scoring, pl.col("published"))
    moves = (is_regraded | crosses | (is_old & (pl.col("published") != 0))) & (time > 0)
    return frame.with_columns(
        pl.when(moves).then(rounded).otherwise("published").alias("published"),
        pl.when(moves).then(pl.lit(at)).otherwise("published_at").alias("published_at"),
        pl.when(moves).then("now").otherwise("grade").alias("grade"),
    )


def _instant(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", time_zone="UTC")
