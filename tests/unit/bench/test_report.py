"""The table that the measurements end in."""

from __future__ import annotations

import pytest
from bench.report import Row, table


@pytest.mark.parametrize(
    ("measured", "baseline", "goal", "verdict"),
    [(29, 29, 1.0, "ok"), (30, 29, 1.0, "over"), (30, 29, 1.1, "ok"), (30, 29, None, ""), (249, None, 250, "ok")],
)
def test_a_goal_bounds_the_ratio_or_the_figure_where_nothing_stands_beside_it(
    measured: float, baseline: float | None, goal: float | None, verdict: str
) -> None:
    row = Row("a", "b", measured, "calls", baseline=baseline, goal=goal)
    assert row.verdict == verdict


def test_a_row_is_followed_by_its_formula() -> None:
    row = Row("calls: no change", "two accounts", 14, "calls", "floor", 14, 1.0, "7 + 7")
    head, _, line, formula = table([row]).splitlines()
    assert head.split() == ["measurement", "size", "measured", "floor", "or", "baseline", "ratio", "goal"]
    assert line.endswith(" ok")
    assert formula.strip() == "= 7 + 7"


def test_machines_are_told_the_same_as_people() -> None:
    told = Row("a", "b", 30, "calls", "floor", 20, 1.1).as_json()
    assert (told["ratio"], told["verdict"]) == (1.5, "over")
