"""Acts of many buyers at once, each told once: what `model.acts.told_once` makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from instep.model.acts import Act, told_once
from instep.model.process import Actor, Process
from instep.sync.replay.frames import begins

if TYPE_CHECKING:
    import polars as pl

SAID = ("entity", "key", "at")


def numbered_keys(acts: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Acts with the place of their behaviour among `keys` instead of its word; none where it is no one of these."""
    import polars as pl

    words = acts["key"]
    known = words.unique()
    codes, places = known.to_physical(), {key: place for place, key in enumerate(keys)}
    table = pl.Series([None], dtype=pl.UInt32).new_from_index(0, max(codes, default=0) + 1)
    table = table.scatter(codes, pl.Series([places.get(key) for key in known.to_list()], dtype=pl.UInt32))
    return acts.with_columns(table.gather(words.to_physical()).alias("key"))


def acts_once(acts: pl.DataFrame, keys: Sequence[str], process: Process, preferred: Sequence[str]) -> pl.DataFrame:
    """Each act once: entity, key (its place in `keys`), at. `acts` are of buyers, and have `connection` too.

    Those of one entity and key stand together, the earlier ones first. One can be told by two systems only where the
    next one follows within `same_within`, from another system: these stretches alone are looked at. Their ids make no
    difference: of two acts that one system tells at one instant, either leaves the same.
    """
    import polars as pl

    spans = [_span(process, key) for key in keys]
    doubtful = _doubtful(acts, spans)
    if doubtful.is_empty():
        return acts.select(SAID)
    several = acts[doubtful["row"]].with_columns(*doubtful, _each("key", spans, pl.Int64).alias("within"))
    stays = pl.Series([True]).new_from_index(0, acts.height).scatter(doubtful["row"], values=False)
    for rows in _merged(several, keys, process, preferred):
        stays = stays.scatter(rows, values=True)
    return acts.select(SAID).filter(stays)


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

    near = ~begins("entity", "key") & (pl.col("at") - pl.col("at").shift(1) <= _each("key", spans, pl.Int64))
    near = near.fill_null(value=False)
    differs = near & (pl.col("connection") != pl.col("connection").shift(1))
    short = acts.select((~near).cum_sum().alias("stretch"), differs.alias("differs")).with_row_index("row")
    stretches = short.filter("differs")["stretch"].unique()
    return short.filter(pl.col("stretch").is_in(stretches.implode())).select("row", "stretch")


def _merged(
    acts: pl.DataFrame, keys: Sequence[str], process: Process, preferred: Sequence[str]
) -> Iterator[Sequence[int] | pl.Series]:
    """The rows that stay of stretches in which something is told twice: one of one act; else the engine is asked."""
    import polars as pl

    of = pl.col("stretch")
    is_one = (pl.col("connection").n_unique().over(of) == pl.len().over(of)) & (
        pl.col("at").max().over(of) - pl.col("at").min().over(of) <= pl.col("within")
    )
    one = acts.select(is_one.alias("one")).to_series()
    rank = {name: place for place, name in enumerate(preferred)}
    ranked = pl.col("connection").cast(pl.String).replace_strict(list(rank), list(rank.values()), default=len(rank))
    best = acts.filter(one).with_columns(ranked.alias("rank")).sort("stretch", "rank")
    yield best.unique("stretch", keep="first", maintain_order=True)["row"]
    rows = acts.filter(~one).select("stretch", "row", pl.col("connection").cast(pl.String), "key", "at").iter_rows()
    yield [
        row for _, told in groupby(rows, lambda row: row[0]) for row in _row_by_row(told, keys, process, preferred)
    ]


def _row_by_row(
    told: Iterator[tuple[Any, ...]], keys: Sequence[str], process: Process, preferred: Sequence[str]
) -> Iterator[int]:
    """The rows that stay of one stretch, as the engine says."""
    said: dict[str, int] = {}
    acts: list[Act] = []
    for _, row, connection, key, at in told:
        source = f"{connection}/behaviour/{row}"
        said[source] = row
        acts.append(Act(keys[key], _instant(at), Actor.BUYER, source))
    return (said[act.source] for act in told_once(acts, process, preferred))


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
