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
    assert len(CASES) > 60
