"""Stages of many persons at once, whose journeys are their own and were moved by what they did and by edits alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from instep.model.acts import is_buyers
from instep.model.process import Actor, Half, Process, Stage

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the journeys of some persons."""

    persons: pl.DataFrame
    """entity, segment."""
    acts: pl.DataFrame
    """entity, key, at, actor: each act once."""
    journeys: pl.DataFrame
    """entity, journey, half, place: their own ones, at most two each, in order (0, 1)."""
    assertions: pl.DataFrame
    """entity, journey, at, value, source: the accepted ones."""


class Staged:
    """Which stage persons show by a process at one moment."""

    def __init__(self, process: Process, now: datetime) -> None:
        self._process, self._order = process, process.order()
        self._now = int(now.timestamp() * 1_000_000)
        self._keys = list(self._order)
        own = [segment.key for segment in process.segments if segment.stages]
        self._variants: dict[str | None, tuple[Stage, ...]] = {None: process.stages_of(None)}
        self._variants |= {key: process.stages_of(key) for key in own}

    @property
    def has_behaviours_of_both_halves(self) -> bool:
        """Whether what somebody does may enter stages of either half: then the order of acts opens journeys."""
        known = {key for stage in self._process.every_stage() for key in stage.enter.behaviours}
        return any(len(self._process.halves_of(key)) > 1 for key in known)

    def stages(self, told: Told) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`entity` and `stage` of persons; and `furthest`, a stage for each of their journeys that ever had one."""
        import polars as pl

        asserted = self._asserted(told)
        acts = self._in_journeys(told, asserted)
        reached = self._reached(acts, told.persons)
        folded = self._folded(asserted, reached)
        names = pl.DataFrame(
            {"order": range(len(self._keys)), "stage": self._keys}, schema={"order": pl.Int64, "stage": pl.String}
        )
        shown = folded.group_by("entity").agg(pl.col("order").max()).join(names, on="order").select("entity", "stage")
        furthest = folded.select(pl.col("furthest").alias("order")).join(names, on="order").select("stage")
        return shown, furthest

    # --- what was asserted --------------------------------------------------------------------------------------

    def _asserted(self, told: Told) -> pl.DataFrame:
        """For each journey: when it was first and last set, to which stage, and the furthest that it was set to."""
        import polars as pl

        today = {old: self._process.current_key(old) for old in self._process.moved}
        places = pl.DataFrame(
            {"today": self._keys, "order": range(len(self._keys)), "half_set": [self._half(k) for k in self._keys]},
            schema={"today": pl.String, "order": pl.Int64, "half_set": pl.String},
        )
        value = pl.col("value").replace(today) if today else pl.col("value")
        said = (
            told.assertions.with_columns(value.alias("today")).join(places, on="today").sort("at", "source", "value")
        )
        found = said.group_by("entity", "journey", maintain_order=True).agg(
            pl.col("at").first().alias("first_at"),
            pl.col("at").last().alias("set_at"),
            pl.col("order").last().alias("set_to"),
            pl.col("order").max().alias("set_furthest"),
            pl.col("half_set").first(),
        )
        return told.journeys.join(found, on=["entity", "journey"], how="left")

    def _half(self, stage: str) -> str:
        return self._process.stage(stage).half.value

    def of_both_halves(self, assertions: pl.DataFrame) -> pl.DataFrame:
        """`entity` of persons one of whose journeys was set to stages of both halves: these are left to the rows."""
        import polars as pl

        halves = {key: self._half(key) for key in self._keys}
        halves |= {
            old: self._half(new) for old in self._process.moved if (new := self._process.current_key(old)) in halves
        }
        of = pl.col("value").replace_strict(list(halves), list(halves.values()), default=None, return_dtype=pl.String)
        counted = assertions.group_by("entity", "journey").agg(of.drop_nulls().n_unique().alias("halves"))
        return counted.filter(pl.col("halves") > 1).select("entity").unique()

    # --- for which journey acts count ---------------------------------------------------------------------------

    def _in_journeys(self, told: Told, asserted: pl.DataFrame) -> pl.DataFrame:
        """Every act that can move a stage, with the journey that it counts for: entity, journey, key, at."""
        import polars as pl

        proofs = told.acts.filter(pl.col("actor") == Actor.BUYER, pl.col("at") <= self._now).join(
            self._halves(), on="key"
        )
        slots = ("entity", "journey", "half", "first_at", "half_set")
        for place in (0, 1):
            own = asserted.filter(pl.col("place") == place).select(
                "entity", *(pl.col(name).alias(f"{name}{place}") for name in slots[1:])
            )
            proofs = proofs.join(own, on="entity", how="left")
        new = pl.when(pl.col("in_acquisition")).then(pl.lit("new acquisition")).otherwise(pl.lit("new retention"))
        journey = pl.when(_takes(0)).then(pl.col("journey0")).when(_takes(1)).then(pl.col("journey1")).otherwise(new)
        return proofs.select("entity", journey.alias("journey"), "key", "at")

    def _halves(self) -> pl.DataFrame:
        import polars as pl

        keys = {key for stage in self._process.every_stage() for key in stage.enter.behaviours}
        known = sorted(key for key in keys if is_buyers(self._process, key))
        return pl.DataFrame(
            {
                "key": known,
                "in_acquisition": [Half.ACQUISITION in self._process.halves_of(key) for key in known],
                "in_retention": [Half.RETENTION in self._process.halves_of(key) for key in known],
            },
            schema={"key": pl.String, "in_acquisition": pl.Boolean, "in_retention": pl.Boolean},
        )

    # --- which stages acts reach --------------------------------------------------------------------------------

    def _reached(self, acts: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
        """Which stage, by its place, is reached by which act: entity, journey, at, order."""
        import polars as pl

        own = [key for key in self._variants if key is not None]
        variant = pl.when(pl.col("segment").is_in(own)).then(pl.col("segment")).otherwise(pl.lit(None, pl.String))
        placed = acts.join(persons.select("entity", variant.alias("variant")), on="entity")
        frames = [placed.select("entity", "journey", "at", pl.lit(None, pl.Int64).alias("order")).clear()]
        for key, stages in self._variants.items():
            here = placed.filter(pl.col("variant").eq_missing(pl.lit(key, pl.String)))
            frames += [part for stage in stages for part in self._entered(here, stage)]
        return pl.concat(frames)

    def _entered(self, acts: pl.DataFrame, stage: Stage) -> Iterator[pl.DataFrame]:
        """The acts by which somebody enters a stage."""
        import polars as pl

        order = pl.lit(self._order[stage.key], pl.Int64).alias("order")
        for way in stage.enter.ways:
            if way.any:
                done = acts.filter(pl.col("key").is_in(sorted(way.any)))
                yield _often_enough(done, way.times, way.within).select("entity", "journey", "at", order)
            if way.all:
                done = acts.filter(pl.col("key").is_in(sorted(way.all)))
                yield _all_of(done, sorted(way.all), way.within).select("entity", "journey", "at", order)

    # --- the fold -----------------------------------------------------------------------------------------------

    def _folded(self, asserted: pl.DataFrame, reached: pl.DataFrame) -> pl.DataFrame:
        """Each journey with a stage: entity, order (of the stage that it is at), furthest."""
        import polars as pl

        set_ = asserted.filter(pl.col("set_to").is_not_null()).select(
            "entity", "journey", "set_at", "set_to", "set_furthest"
        )
        raised = reached.join(set_.select("entity", "journey", "set_at"), on=["entity", "journey"], how="left")
        counts = pl.col("set_at").is_null() | (pl.col("at") > pl.col("set_at"))
        proven = raised.group_by("entity", "journey").agg(
            pl.col("order").filter(counts).max().alias("raised"), pl.col("order").max().alias("proven")
        )
        both = proven.join(set_, on=["entity", "journey"], how="full", coalesce=True)
        return both.select(
            "entity",
            pl.max_horizontal("raised", "set_to").alias("order"),
            pl.max_horizontal("proven", "set_furthest").alias("furthest"),
        )


def _takes(place: int) -> pl.Expr:
    """Whether an own journey takes an act: by its half at that time, or because the act lies before all we know."""
    import polars as pl

    half, first_at = pl.col(f"half{place}"), pl.col(f"first_at{place}")
    is_before = first_at.is_null() | (pl.col("at") < first_at)
    then = pl.when(is_before).then(half).otherwise(pl.col(f"half_set{place}"))
    fits = (then.eq_missing(pl.lit(Half.ACQUISITION.value)) & pl.col("in_acquisition")) | (
        then.eq_missing(pl.lit(Half.RETENTION.value)) & pl.col("in_retention")
    )
    return pl.col(f"journey{place}").is_not_null() & ((half.is_null() & is_before) | fits)


def _often_enough(done: pl.DataFrame, times: int, within: timedelta | None) -> pl.DataFrame:
    """The acts with which so many were done, within so long."""
    import polars as pl

    if times == 1:
        return done
    earliest = pl.col("at").shift(times - 1).over("entity", "journey")
    enough = earliest.is_not_null()
    if within is not None:
        enough &= (pl.col("at") - earliest) <= within // timedelta(microseconds=1)
    return done.sort("at").filter(enough)


def _all_of(done: pl.DataFrame, keys: list[str], within: timedelta | None) -> pl.DataFrame:
    """The acts with which each of these was done, within so long."""
    import polars as pl

    done = done.sort("at")
    # at one instant, the last of several acts sees them all
    latest = [
        pl.when(pl.col("key") == key).then(pl.col("at")).forward_fill().over("entity", "journey").alias(f"last {key}")
        for key in keys
    ]
    seen = done.with_columns(latest)
    oldest = pl.min_horizontal(*(f"last {key}" for key in keys))
    enough = pl.all_horizontal(*(pl.col(f"last {key}").is_not_null() for key in keys))
    if within is not None:
        enough &= (pl.col("at") - oldest) <= within // timedelta(microseconds=1)
    return seen.filter(enough)
