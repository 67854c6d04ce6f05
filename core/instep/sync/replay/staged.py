"""Stages of many persons at once, whose journeys are their own and were moved by what they did and by edits alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from instep.model.acts import is_buyers
from instep.model.process import Entry, Half, Process, Stage

if TYPE_CHECKING:
    import polars as pl


PLACES = 4
"""Of a person's journeys: two known ones, and one of each half that acts open."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the journeys of some persons, each by a number (`entity`)."""

    persons: pl.DataFrame
    """entity, segment."""
    acts: pl.DataFrame
    """entity, key (a place), at: each act of theirs once."""
    journeys: pl.DataFrame
    """entity, journey, half, place: their own ones, at most two each, in order (0, 1)."""
    assertions: pl.DataFrame
    """entity, journey, at, value, source: the accepted ones."""


class Staged:
    """Which stage persons show by a process at one moment."""

    def __init__(self, process: Process, now: datetime, behaviours: Sequence[str]) -> None:
        """`behaviours` are those that acts name by their place."""
        self._process, self._order = process, process.order()
        self._now = int(now.timestamp() * 1_000_000)
        self._keys = list(self._order)
        own = [segment.key for segment in process.segments if segment.stages]
        self._variants: dict[str | None, tuple[Stage, ...]] = {None: process.stages_of(None)}
        self._variants |= {key: process.stages_of(key) for key in own}
        self._behaviours = behaviours

    @property
    def has_behaviours_of_both_halves(self) -> bool:
        """Whether what somebody does may enter stages of either half: then the order of acts opens journeys."""
        known = {key for stage in self._process.every_stage() for key in stage.enter.behaviours}
        return any(len(self._process.halves_of(key)) > 1 for key in known)

    def stages(self, told: Told) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`entity` and `stage` of persons; and `furthest`, a stage for each of their journeys that ever had one."""
        import polars as pl

        asserted = self._asserted(told).with_columns(_slot(pl.col("entity"), pl.col("place")))
        acts = self._in_journeys(told, asserted)
        reached = self._reached(acts)
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
        """Every act that can move a stage, with the journey that it counts for: slot, list, key, at, counts.

        A journey that an act opens stands at place 2 or 3, by its half. `list` is the place of the list of stages
        that its person goes through, `key` that of the behaviour. It `counts` for the stage that is shown if the
        journey was not set since.
        """
        import polars as pl

        matters, acquires, retains = (pl.lit(pl.Series(flags, dtype=pl.Boolean)) for flags in self._flags())
        proofs = (
            told.acts.filter(matters.gather("key") & (pl.col("at") <= self._now))
            .with_columns(acquires.gather("key").alias("in_acquisition"), retains.gather("key").alias("in_retention"))
            .join(self._slots(told, asserted), on="entity", how="inner")
        )
        new = pl.when(pl.col("in_acquisition")).then(2).otherwise(3)
        place = pl.when(_takes(0)).then(0).when(_takes(1)).then(1).otherwise(new).cast(pl.Int64)
        proofs = proofs.with_columns(place.alias("place"))
        set_at = pl.when(pl.col("place") == 0).then("set_at0").when(pl.col("place") == 1).then("set_at1")
        counts = set_at.is_null() | (pl.col("at") > set_at)
        slot = _slot(pl.col("entity"), pl.col("place"))
        return proofs.select(slot, "list", "key", "at", counts.alias("counts"))

    def _slots(self, told: Told, asserted: pl.DataFrame) -> pl.DataFrame:
        """One row for each person: their list of stages, and what acts need to know of their first two journeys."""
        import polars as pl

        own = [key for key in self._variants if key is not None]
        list_ = (
            pl.col("segment").replace_strict(own, list(range(1, len(own) + 1)), default=0, return_dtype=pl.UInt32)
            if own
            else pl.lit(0, pl.UInt32)
        )
        found = told.persons.select("entity", list_.alias("list"))
        for place in (0, 1):
            known = ("half", "first_at", "half_set", "set_at")
            here = asserted.filter(pl.col("place") == place).select(
                "entity", pl.lit(value=True).alias(f"is{place}"), *(pl.col(n).alias(f"{n}{place}") for n in known)
            )
            found = found.join(here, on="entity", how="left")
        return found

    def _flags(self) -> Iterator[list[bool]]:
        """For each behaviour whether it is a buyer's that enters any stage, one of one half, and of the other."""
        halves = [self._process.halves_of(key) for key in self._behaviours]
        yield [bool(of) and is_buyers(self._process, key) for key, of in zip(self._behaviours, halves, strict=True)]
        for half in (Half.ACQUISITION, Half.RETENTION):
            yield [half in of for of in halves]

    # --- which stages acts reach --------------------------------------------------------------------------------

    def _reached(self, acts: pl.DataFrame) -> pl.DataFrame:
        """Which stage, by its place, is reached by which act: slot, counts, order."""
        import polars as pl

        at_once = pl.lit(pl.Series(self._entered_at_once(), dtype=pl.Int64))
        order = at_once.gather(pl.col("list") * len(self._behaviours) + pl.col("key")).alias("order")
        frames = [acts.select("slot", "counts", order).filter(pl.col("order").is_not_null())]
        for number, stages in enumerate(self._variants.values()):
            ways = [(stage, way) for stage in stages for way in stage.enter.ways]
            if any(not _is_at_once(way) for _, way in ways):
                here = acts.filter(pl.col("list") == number)
                frames += [part for stage, way in ways for part in self._entered(here, stage, way)]
        return pl.concat(frames)

    def _entered_at_once(self) -> list[int | None]:
        """For each list of stages and behaviour, the furthest stage that doing it once enters."""
        found: list[int | None] = []
        for stages in self._variants.values():
            entered: dict[str, int] = {}
            for stage in stages:
                for way in stage.enter.ways:
                    if way.any and way.times == 1:
                        entered |= {key: max(entered.get(key, 0), self._order[stage.key]) for key in way.any}
            found += [entered.get(key) for key in self._behaviours]
        return found

    def _entered(self, acts: pl.DataFrame, stage: Stage, way: Entry) -> Iterator[pl.DataFrame]:
        """The acts by which somebody enters a stage in a way that takes several."""
        import polars as pl

        order = pl.lit(self._order[stage.key], pl.Int64).alias("order")
        place = {key: number for number, key in enumerate(self._behaviours)}
        any_, all_ = ([place[key] for key in sorted(keys) if key in place] for keys in (way.any, way.all))
        if way.any and way.times > 1:
            done = acts.filter(pl.col("key").is_in(any_))
            yield _often_enough(done, way.times, way.within).select("slot", "counts", order)
        if way.all and len(all_) == len(way.all):
            done = acts.filter(pl.col("key").is_in(all_))
            yield _all_of(done, all_, way.within).select("slot", "counts", order)

    # --- the fold -----------------------------------------------------------------------------------------------

    def _folded(self, asserted: pl.DataFrame, reached: pl.DataFrame) -> pl.DataFrame:
        """Each journey with a stage: entity, order (of the stage that it is at), furthest."""
        import polars as pl

        set_ = asserted.filter(pl.col("set_to").is_not_null()).select("slot", "set_to", "set_furthest")
        raised = pl.when("counts").then("order")
        proven = reached.group_by("slot").agg(raised.max().alias("raised"), pl.col("order").max().alias("proven"))
        both = proven.join(set_, on="slot", how="full", coalesce=True)
        return both.select(
            (pl.col("slot") // PLACES).cast(pl.UInt32).alias("entity"),
            pl.max_horizontal("raised", "set_to").alias("order"),
            pl.max_horizontal("proven", "set_furthest").alias("furthest"),
        )


def _slot(entity: pl.Expr, place: pl.Expr) -> pl.Expr:
    """One number for a person's journey."""
    import polars as pl

    return (entity.cast(pl.Int64) * PLACES + place).alias("slot")


def _is_at_once(way: Entry) -> bool:
    """Whether doing one thing once is all that it takes."""
    return way.times == 1 and not way.all


def _takes(place: int) -> pl.Expr:
    """Whether an own journey takes an act: by its half at that time, or because the act lies before all we know."""
    import polars as pl

    half, first_at = pl.col(f"half{place}"), pl.col(f"first_at{place}")
    is_before = first_at.is_null() | (pl.col("at") < first_at)
    then = pl.when(is_before).then(half).otherwise(pl.col(f"half_set{place}"))
    fits = (then.eq_missing(pl.lit(Half.ACQUISITION.value)) & pl.col("in_acquisition")) | (
        then.eq_missing(pl.lit(Half.RETENTION.value)) & pl.col("in_retention")
    )
    return pl.col(f"is{place}").is_not_null() & ((half.is_null() & is_before) | fits)


def _often_enough(done: pl.DataFrame, times: int, within: timedelta | None) -> pl.DataFrame:
    """The acts with which so many were done, within so long."""
    import polars as pl

    if times == 1:
        return done
    earliest = pl.col("at").shift(times - 1)
    enough = (pl.col("slot") == pl.col("slot").shift(times - 1)).fill_null(value=False)
    if within is not None:
        enough &= (pl.col("at") - earliest) <= within // timedelta(microseconds=1)
    return done.sort("slot", "at").filter(enough)


def _all_of(done: pl.DataFrame, keys: list[int], within: timedelta | None) -> pl.DataFrame:
    """The acts with which each of these was done, within so long."""
    import polars as pl

    done = done.sort("at")
    # at one instant, the last of several acts sees them all
    latest = [
        pl.when(pl.col("key") == key).then(pl.col("at")).forward_fill().over("slot").alias(f"last {key}")
        for key in keys
    ]
    seen = done.with_columns(latest)
    oldest = pl.min_horizontal(*(f"last {key}" for key in keys))
    enough = pl.all_horizontal(*(pl.col(f"last {key}").is_not_null() for key in keys))
    if within is not None:
        enough &= (pl.col("at") - oldest) <= within // timedelta(microseconds=1)
    return seen.filter(enough)
