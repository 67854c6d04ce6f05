"""Acts of many buyers at once, each told once: what `model.acts.told_once` makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from instep.model.acts import Act, told_once
from instep.model.process import Process

if TYPE_CHECKING:
    import polars as pl

SAID = ("entity", "key", "at", "actor", "named")


def acts_once(frame: pl.DataFrame, process: Process, preferred: Sequence[str]) -> pl.DataFrame:
    """Each act once: entity (a number), key, at, actor, named. `frame` has `connection` and `id` as well.

    Acts of the same kind stand in a row by their time. One can be told by two systems only where the next one follows
    within `same_within`, from another system: these stretches alone are looked at.
    """
    import polars as pl

    doubtful = _doubtful(frame, process)
    if doubtful.is_empty():
        return frame.select(SAID)
    is_doubtful = pl.Series([False]).new_from_index(0, frame.height).scatter(doubtful["row"], values=True)
    several = frame[doubtful["row"]].with_columns(doubtful["stretch"])
    return pl.concat([frame.filter(~is_doubtful).select(SAID), *_merged(several, process, preferred)])


def _doubtful(frame: pl.DataFrame, process: Process) -> pl.DataFrame:
    """`row` and `stretch` of acts in stretches in which something may be told twice."""
    import polars as pl

    kinds = frame.select("key", "actor").unique(maintain_order=True).with_row_index("kind")
    group = pl.col("entity").cast(pl.Int64) * kinds.height + pl.col("kind")
    within, system = _within(frame, process).alias("within"), pl.col("connection").cast(pl.Categorical)
    short = frame.select("entity", "key", "actor", "at", within, system.to_physical().alias("system"))
    short = (
        short.with_row_index("row")
        .join(kinds, on=["key", "actor"])
        .select("row", group.alias("group"), "at", "within", "system")
        .sort("group", "at")
    )
    gap = pl.col("at") - pl.col("at").shift(1)
    near = ((pl.col("group") == pl.col("group").shift(1)) & (gap <= pl.col("within"))).fill_null(value=False)
    differs = near & (pl.col("system") != pl.col("system").shift(1))
    short = short.select("row", (~near).cum_sum().alias("stretch"), differs.alias("differs"))
    stretches = short.filter(pl.col("differs"))["stretch"].unique()
    return short.filter(pl.col("stretch").is_in(stretches.implode())).select("row", "stretch")


def _within(frame: pl.DataFrame, process: Process) -> pl.Expr:
    """How near to each other two acts of a kind may be one; of none, never."""
    import polars as pl

    spans = {key: _span(process, key) for key in frame["key"].unique()}
    return pl.col("key").replace_strict(list(spans), list(spans.values()), default=-1, return_dtype=pl.Int64)


def _span(process: Process, key: str) -> int:
    behaviour = process.behaviour(key)
    within = behaviour.same_within if behaviour is not None else timedelta(days=1)
    return within // timedelta(microseconds=1) if within else -1


def _merged(frame: pl.DataFrame, process: Process, preferred: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Stretches in which something is told twice: those that are one act at once, all others by the row."""
    import polars as pl

    of = pl.col("stretch")
    is_one = (pl.col("connection").n_unique().over(of) == pl.len().over(of)) & (
        pl.col("at").max().over(of) - pl.col("at").min().over(of) <= _within(frame, process)
    )
    one = frame.select(is_one.alias("one")).to_series()
    rank = {name: place for place, name in enumerate(preferred)}
    ranked = pl.col("connection").replace_strict(list(rank), list(rank.values()), default=len(rank))
    best = frame.filter(one).with_columns(ranked.alias("rank"), pl.col("named").any().over(of))
    yield best.sort("stretch", "rank").unique("stretch", keep="first", maintain_order=True).select(SAID)
    rows = frame.filter(~one).select("stretch", "connection", "id", *SAID).iter_rows()
    found = [row for _, told in groupby(rows, lambda row: row[0]) for row in _row_by_row(told, process, preferred)]
    yield pl.DataFrame(found, schema={name: frame.schema[name] for name in SAID}, orient="row")


def _row_by_row(
    told: Iterator[tuple[Any, ...]], process: Process, preferred: Sequence[str]
) -> Iterator[tuple[int, str, int, str, bool]]:
    """One stretch, as rows have it."""
    said = {f"{connection}/behaviour/{id}": row for _, connection, id, *row in told}
    acts = [Act(key, _instant(at), actor, source) for source, (_, key, at, actor, _) in said.items()]
    for act in told_once(acts, process, preferred):
        entity, _, at, *_ = said[act.source]
        yield entity, act.key, at, act.actor, any(said[source][4] for source in (act.source, *act.also))


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
