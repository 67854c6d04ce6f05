"""What a measurement found, and the table that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside what it is judged by. `goal` bounds the ratio, or the figure itself without a baseline."""

    what: str
    size: str
    measured: float
    unit: str
    against: str = ""
    baseline: float | None = None
    goal: float | None = None
    formula: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the baseline was measured."""
        return self.measured / self.baseline if self.baseline else None

    @property
    def verdict(self) -> str:
        """Whether the goal was kept; nothing where there is none."""
        if self.goal is None:
            return ""
        judged = self.measured if self.baseline is None else self.ratio
        return "ok" if judged is not None and judged <= self.goal else "over"

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "size": self.size,
            "measured": self.measured,
            "unit": self.unit,
            "against": self.against,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": self.goal,
            "verdict": self.verdict,
            "formula": self.formula,
        }


HEAD = ("measurement", "size", "measured", "floor or baseline", "ratio", "goal", "")


def table(rows: Sequence[Row]) -> str:
    """The rows as text, each formula under its row."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [_line(cells[0], widths), "  ".join("-" * width for width in widths).rstrip()]
    for row, line in zip(rows, cells[1:], strict=True):
        lines.append(_line(line, widths))
        lines += [f"    = {row.formula}"] if row.formula else []
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    baseline = "" if row.baseline is None else f"{_number(row.baseline)} {row.unit}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    goal = "" if row.goal is None else f"{_number(row.goal)}{'' if row.baseline is not None else ' ' + row.unit}"
    against = " ".join(part for part in (baseline, f"({row.against})" if row.against else "") if part)
    return row.what, row.size, f"{_number(row.measured)} {row.unit}", against, ratio, goal, row.verdict


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
