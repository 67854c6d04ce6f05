"""`docs/promises.md` says no more than the tests show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PROMISES = [f"R{number:02}" for number in range(1, 43)]


@pytest.fixture
def rows(root: Path) -> list[list[str]]:
    text = (root / "docs" / "promises.md").read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "| R" in line
    ]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_promise_has_one_row(rows: list[list[str]]) -> None:
    assert [row[0] for row in rows] == PROMISES


def test_a_row_is_proven_or_says_why_not(rows: list[list[str]]) -> None:
    assert [row[0] for row in rows if not re.fullmatch(r"proven|not yet: .{10,}", row[2])] == []


def test_a_proven_row_names_a_test_a_seeded_fault_and_a_dated_figure(root: Path, rows: list[list[str]]) -> None:
    for id, _, state, test, fault, figure in rows:
        if state != "proven":
            assert (test, fault, figure) == ("", "", ""), id
            continue
        assert all((root / path.partition("::")[0]).is_file() for path in names(test)), id
        assert re.search(r"\((test|ci|nightly), \d{4}-\d\d-\d\d\)", figure), id
        for name in names(fault):
            assert (root / name).is_dir() or (root / "tests" / "mutants" / f"{name}.patch").is_file(), id


def test_every_seeded_fault_is_in_the_row_of_its_promise(root: Path, rows: list[list[str]]) -> None:
    told = {name: row[0] for row in rows for name in names(row[4])}
    for path in (root / "tests" / "mutants").glob("*.patch"):
        promise = re.findall(r"^promise: (R\d\d)$", path.read_text(encoding="utf-8"), flags=re.M)
        assert told.get(path.stem) == promise[0], path.stem


def test_the_tests_of_a_row_are_those_that_catch_its_faults(root: Path, rows: list[list[str]]) -> None:
    for id, _, _, test, fault, _ in rows:
        paths = [root / "tests" / "mutants" / f"{name}.patch" for name in names(fault)]
        heads = [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
        lines = [line for head in heads for line in re.findall(r"^caught by: (.+)$", head, re.M)]
        caught = {part for line in lines for part in shlex.split(line)}
        if heads:
            assert {part.partition("::")[0] for part in caught} >= set(names(test)), id


def test_the_number_of_seeded_faults_is_the_true_one(root: Path, rows: list[list[str]]) -> None:
    count = len(list((root / "tests" / "mutants").glob("*.patch")))
    assert f"{count} of {count} caught" in next(row[5] for row in rows if row[0] == "R35")
