"""Stages of many persons at once, whose journeys are their own and were moved by what they did and by edits alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from instep.model.acts import is_buyers
from instep.model.process import Entry, Half, Process, Stage

if TYPE_CHECKING:
    import polars as pl


PLACES = 4
"""Of a person's journeys: two known ones, and one of each half that acts open."""
ACQUISITION, RETENTION = 1, 2
_BIT = {Half.ACQUISITION: ACQUISITION, Half.RETENTION: RETENTION}
_NEVER = 2**62
"""Later than every moment; its negative is earlier."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the journeys of some persons, each by a number (`entity`)."""

    numbers: int
    """All are below this."""
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

        matters, halves = pl.Series(self._matters()), pl.Series(self._halves(), dtype=pl.UInt8)
        acts = told.acts.filter(pl.lit(matters).gather("key") & (pl.col("at") <= self._now))
        people = _People(told.numbers, asserted)
        lists = people.each(told.persons["entity"], self._lists(told.persons["segment"]), None)
        where = pl.when(pl.lit(halves).gather("key") & ACQUISITION > 0).then(2).otherwise(3)
        counts = pl.lit(value=True)
        for place in (1, 0):
            if (own := people.own(place)) is not None:
                takes = (own.halves_at(pl.col("at")) & pl.lit(halves).gather("key")) > 0
                where = pl.when(takes).then(place).otherwise(where)
                counts = pl.when(takes).then(pl.col("at") > own.of_acts(own.set_at)).otherwise(counts)
        slot = _slot(pl.col("entity"), where)
        found = acts.select(slot, pl.lit(lists).gather("entity").alias("list"), "key", "at", counts.alias("counts"))
        return found.filter(pl.col("list").is_not_null())

    def _lists(self, segments: pl.Series) -> pl.Series:
        """For each segment the place of the list of stages that its buyers go through."""
        import polars as pl

        own = [key for key in self._variants if key is not None]
        if not own:
            return pl.Series([0], dtype=pl.UInt32).new_from_index(0, segments.len())
        return segments.replace_strict(own, list(range(1, len(own) + 1)), default=0, return_dtype=pl.UInt32)

    def _matters(self) -> list[bool]:
        """For each behaviour whether it is a buyer's that enters any stage."""
        return [bool(self._process.halves_of(key)) and is_buyers(self._process, key) for key in self._behaviours]

    def _halves(self) -> list[int]:
        """For each behaviour the halves of the stages that it enters."""
        return [sum(_BIT[half] for half in self._process.halves_of(key)) for key in self._behaviours]

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


class _People:
    """What acts need to know of the persons who did them, by number."""

    def __init__(self, numbers: int, asserted: pl.DataFrame) -> None:
        self._numbers, self._asserted = numbers, asserted

    def each(self, who: pl.Series, what: pl.Series, default: Any) -> pl.Series:
        """A value for every number: `what` of those named in `who`, and the default of all others."""
        import polars as pl

        return pl.Series([default], dtype=what.dtype).new_from_index(0, self._numbers).scatter(who, what)

    def own(self, place: int) -> _Own | None:
        """The journeys at a place, if anybody has one there."""
        import polars as pl

        here = self._asserted.filter(pl.col("place") == place)
        if here.is_empty():
            return None
        bits = {half.value: bit for half, bit in _BIT.items()}
        half, half_set = (
            here[name].replace_strict(bits, default=None, return_dtype=pl.UInt8) for name in ("half", "half_set")
        )
        who = here["entity"]
        return _Own(
            self.each(who, here["first_at"].fill_null(_NEVER), _NEVER),
            self.each(who, here["set_at"].fill_null(-_NEVER), -_NEVER),
            self.each(who, half.fill_null(ACQUISITION | RETENTION), 0),
            self.each(who, half_set.fill_null(0), 0),
        )


@dataclass(frozen=True, slots=True)
class _Own:
    """An own journey of each person, by number: when it was first and last set, and its halves before and since."""

    first_at: pl.Series
    set_at: pl.Series
    before: pl.Series
    since: pl.Series

    def of_acts(self, each: pl.Series) -> pl.Expr:
        """The value of whoever did an act."""
        import polars as pl

        return pl.lit(each).gather("entity")

    def halves_at(self, at: pl.Expr) -> pl.Expr:
        """The halves of which it takes acts at a moment; either one before everything that is known."""
        import polars as pl

        is_before = at < self.of_acts(self.first_at)
        return pl.when(is_before).then(self.of_acts(self.before)).otherwise(self.of_acts(self.since))


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
