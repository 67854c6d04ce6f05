"""What a spreadsheet makes of what systems sent: text, and never a formula."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.cli.csvfile import cell, csv_text


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+", "-", "-1e", "+a"])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["-12", "-12.50", "-1,200.5", "+1 (555) 010-9999", "+4930123456", "1-2", "a=b", ""])
def test_numbers_and_telephone_numbers_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_quotes_commas_and_lines_survive() -> None:
    assert csv_text(["a", "b"], [['say "x", y', None]]) == 'a,b\r\n"say ""x"", y",\r\n'


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_every_cell_comes_back_without_anything_that_acts(row: list[str]) -> None:
    text = csv_text(["h"] * len(row), [row])
    (_, read) = list(csv.reader(io.StringIO(text, newline=""))) if any(row) or len(row) > 1 else ([], [""])
    assert len(read) == len(row)
    for found in read:
        assert found == "" or found.isprintable()
        assert not found.startswith(("=", "@", "\t", "\r"))
