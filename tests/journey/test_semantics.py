"""Every row of every table in docs/reference/semantics, played against real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..semantics.cases import Case, cases_in, run_case

PAGES = sorted((Path(__file__).parents[2] / "docs" / "reference" / "semantics").glob("*.md"))
CASES = [case for page in PAGES for case in cases_in(page)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_table_says_is_what_happens(case: Case) -> None:
    assert run_case(case) == []


def test_the_tables_are_read() -> None:
    names = [case.name for case in CASES]
    assert len(names) > 250
    assert sorted(set(names)) == sorted(names)


def test_every_policy_is_shown_by_rows() -> None:
    lines = (PAGES[0].parents[1] / "policies.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    shown = [row[3] for row in rows if row[3] not in ("", "shown by")]
    named = [f"{page} {number}" for cell in shown for page, *numbers in [cell.split(" ")] for number in numbers]
    assert len(named) > 40
    assert {name.rstrip(",") for name in named} - {case.name for case in CASES} == set()
