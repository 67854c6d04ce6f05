"""The mutation score is of the files that it says, and what is left out of it says why."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def mutmut(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    return found


def test_every_file_and_test_that_is_named_is_there(root: Path, mutmut: dict[str, Any]) -> None:
    files = [path.replace("src/", "core/", 1) for path in mutmut["only_mutate"]]
    tests = mutmut["pytest_add_cli_args_test_selection"]
    assert [path for path in [*files, *tests] if not (root / path).exists()] == []


def test_a_mutant_that_is_called_equivalent_says_why_it_changes_nothing(root: Path) -> None:
    listed = tomllib.loads((root / "tests" / "mutation" / "equivalent.toml").read_text(encoding="utf-8"))["mutants"]
    assert [one for one in listed if len(one["why"]) < 20 or one["before"] == one["after"]] == []


def test_every_page_names_the_files_that_are_changed(root: Path, mutmut: dict[str, Any]) -> None:
    page = (root / "bench" / "README.md").read_text(encoding="utf-8")
    assert [path for path in mutmut["only_mutate"] if path.removeprefix("src/instep/") not in page] == []
