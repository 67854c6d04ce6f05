"""Columns and the engine's own functions: what is asked of each different value once, and said of all who hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from instep.model import rules
from instep.model.rules import Moment, Rule
from instep.model.values import Scalar, of_comparable

if TYPE_CHECKING:
    import polars as pl


def scalar(text: str | None) -> Scalar:
    """The value that a column's text stands for; nothing where it is absent."""
    return None if text is None else of_comparable(text)


class Asked:
    """A function of a few columns, asked of each different combination once, however many partitions there are."""

    def __init__(self, ask: Callable[..., Any], into: Any) -> None:
        self._ask, self._into = ask, into
        self._known: dict[tuple[Any, ...], Any] = {}

    def of(self, frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
        """What the function says for every row."""
        import polars as pl

        if not columns:
            return pl.Series([self.said(())] * frame.height, dtype=self._into)
        different = frame.select(columns).unique()
        said = pl.Series("said", [self.said(row) for row in different.iter_rows()], dtype=self._into)
        joined = frame.select(columns).join(
            different.with_columns(said), on=list(columns), how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["said"]

    def said(self, row: tuple[Any, ...]) -> Any:
        """What the function says of one combination."""
        if row not in self._known:
            self._known[row] = self._ask(*row)
        return self._known[row]


class Ruled:
    """A rule over columns: what it asks of single fields is asked in Python, once for each different value."""

    def __init__(self, rule: Rule, now: datetime) -> None:
        self._rule, self._moment = rule, Moment(now)
        self._leaves: dict[int, Asked] = {}

    def holds(self, frame: pl.DataFrame) -> pl.Series:
        """Whether the rule holds for each row; a field that is no column is blank."""
        return self._judge(self._rule, frame)

    def _judge(self, rule: Rule, frame: pl.DataFrame) -> pl.Series:
        import polars as pl

        match rule:
            case rules.All(several) | rules.Any(several):
                found = pl.Series([isinstance(rule, rules.All)] * frame.height, dtype=pl.Boolean)
                for one in several:
                    judged = self._judge(one, frame)
                    found = found & judged if isinstance(rule, rules.All) else found | judged
                return found
            case rules.Not(inner):
                return ~self._judge(inner, frame)
        fields = [field for field in sorted(rule.fields()) if field in frame.columns]
        leaf = self._leaves.setdefault(id(rule), Asked(self._leaf(rule, fields), pl.Boolean))
        return leaf.of(frame, fields)

    def _leaf(self, rule: Rule, fields: Sequence[str]) -> Callable[..., bool]:
        def ask(*texts: str | None) -> bool:
            return rule.value(dict(zip(fields, map(scalar, texts), strict=True)), self._moment)

        return ask


def first_that_holds(frame: pl.DataFrame, ruled: Sequence[tuple[str, Ruled | None]]) -> pl.Series:
    """The word of the first rule that holds for each row; None always does."""
    import polars as pl

    found = pl.Series([None] * frame.height, dtype=pl.String)
    for word, rule in ruled:
        here = pl.Series([True] * frame.height) if rule is None else rule.holds(frame)
        found = pl.select(pl.when(found.is_null() & here).then(pl.lit(word)).otherwise(found)).to_series()
    return found


def begins(*columns: str) -> pl.Expr:
    """Whether a row is the first of a stretch of rows that hold the same in these columns."""
    import polars as pl

    differs = (pl.col(column) != pl.col(column).shift(1) for column in columns)
    return pl.any_horizontal(*differs).fill_null(value=True)


def nth(*columns: str) -> pl.Expr:
    """How many rows of its stretch stand before each row. A window would say the same twenty times slower."""
    import polars as pl

    row = pl.int_range(pl.len())
    return row - pl.when(begins(*columns)).then(row).forward_fill()


def numbered(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """The rows of those who have a `number`, which takes the place of their `entity`.

    Where the rows of one entity stand together they still do, and each entity is looked up once.
    """
    run = frame["entity"].rle_id()
    ones = frame.select("entity").filter(run != run.shift(1, fill_value=run.len()))
    found = ones.join(numbers, on="entity", how="left", maintain_order="left")["number"]
    entity = found.gather(run).alias("entity")
    frame = frame.with_columns(entity)
    return frame.filter(entity.is_not_null()) if found.null_count() else frame
