"""Acts of many buyers at once, each told once: what `model.acts.told_once` makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from instep.model.acts import Act, told_once
from instep.model.process import Actor, Process

if TYPE_CHECKING:
    import polars as pl

SAID = ("entity", "key", "at")


def numbered_keys(acts: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The acts of these behaviours, each by its place among `keys`: whoever works with acts asks for places."""
    import polars as pl

    place = pl.col("key").replace_strict(list(keys), list(range(len(keys))), default=None, return_dtype=pl.UInt32)
    return acts.with_columns(place if keys else pl.lit(None, pl.UInt32).alias("key")).filter(
        pl.col("key").is_not_null()
    )


def acts_once(acts: pl.DataFrame, keys: Sequence[str], process: Process, preferred: Sequence[str]) -> pl.DataFrame:
    """Each act once: entity, key (its place in `keys`), at. `acts` are of buyers, and have `connection` and `id` too.

    Acts of the same kind stand in a row by their time. One can be told by two systems only where the next one follows
    within `same_within`, from another system: these stretches alone are looked at.
    """
    import polars as pl

    spans = [_span(process, key) for key in keys]
    doubtful = _doubtful(acts, spans)
    if doubtful.is_empty():
        return acts.select(SAID)
    is_doubtful = pl.Series([False]).new_from_index(0, acts.height).scatter(doubtful["row"], values=True)
    several = acts[doubtful["row"]].with_columns(doubtful["stretch"], _each("key", spans, pl.Int64).alias("within"))
    return pl.concat([acts.filter(~is_doubtful).select(SAID), *_merged(several, keys, process, preferred)])


def _span(process: Process, key: str) -> int:
    """How near to each other two acts of a kind may be one, in microseconds; of none, never."""
    behaviour = process.behaviour(key)
    within = behaviour.same_within if behaviour is not None else timedelta(days=1)
    return within // timedelta(microseconds=1) if within else -1


def _each(column: str, values: Sequence[Any], type: type[pl.DataType]) -> pl.Expr:
    """The value at the place that a column holds."""
    import polars as pl

    return pl.lit(pl.Series(values, dtype=type)).gather(column)


def _doubtful(acts: pl.DataFrame, spans: Sequence[int]) -> pl.DataFrame:
    """`row` and `stretch` of acts in stretches in which something may be told twice."""
    import polars as pl

    group = (pl.col("entity").cast(pl.Int64) * len(spans) + pl.col("key")).alias("group")
    system = pl.col("connection").cast(pl.Categorical).to_physical().alias("system")
    short = acts.select(group, "at", _each("key", spans, pl.Int64).alias("within"), system)
    short = short.with_row_index("row").sort("group", "at")
    gap = pl.col("at") - pl.col("at").shift(1)
    near = ((pl.col("group") == pl.col("group").shift(1)) & (gap <= pl.col("within"))).fill_null(value=False)
    differs = near & (pl.col("system") != pl.col("system").shift(1))
    short = short.select("row", (~near).cum_sum().alias("stretch"), differs.alias("differs"))
    stretches = short.filter(pl.col("differs"))["stretch"].unique()
    return short.filter(pl.col("stretch").is_in(stretches.implode())).select("row", "stretch")


def _merged(
    acts: pl.DataFrame, keys: Sequence[str], process: Process, preferred: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """Stretches in which something is told twice: those that are one act at once, all others by the row."""
    import polars as pl

    of = pl.col("stretch")
    is_one = (pl.col("connection").n_unique().over(of) == pl.len().over(of)) & (
        pl.col("at").max().over(of) - pl.col("at").min().over(of) <= pl.col("within")
    )
    one = acts.select(is_one.alias("one")).to_series()
    rank = {name: place for place, name in enumerate(preferred)}
    ranked = pl.col("connection").replace_strict(list(rank), list(rank.values()), default=len(rank))
    best = acts.filter(one).with_columns(ranked.alias("rank")).sort("stretch", "rank")
    yield best.unique("stretch", keep="first", maintain_order=True).select(SAID)
    rows = acts.filter(~one).select("stretch", "connection", "id", *SAID).iter_rows()
    found = [
        row for _, told in groupby(rows, lambda row: row[0]) for row in _row_by_row(told, keys, process, preferred)
    ]
    yield pl.DataFrame(found, schema={name: acts.schema[name] for name in SAID}, orient="row")


def _row_by_row(
    told: Iterator[tuple[Any, ...]], keys: Sequence[str], process: Process, preferred: Sequence[str]
) -> Iterator[tuple[int, int, int]]:
    """One stretch, as rows have it."""
    said = {f"{connection}/behaviour/{id}": row for _, connection, id, *row in told}
    acts = [Act(keys[key], _instant(at), Actor.BUYER, source) for source, (_, key, at) in said.items()]
    for act in told_once(acts, process, preferred):
        entity, key, at = said[act.source]
        yield entity, key, at


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
