"""The suite is awake: every seeded fault in `tests/mutants` is caught by the test that claims to catch it.

A mutant is a patch with two lines before it: `promise: R06` and `caught by: tests/….py::test_…` (several with spaces
between them, one that has spaces in quotation marks). It is applied to a copy of the project; nothing in the product
knows of it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "mutants"
COPIED = (
    "core",
    "plugins",
    "tests",
    "docs",
    "mappings",
    "bench",
    "conftest.py",
    "pyproject.toml",
    "sync.toml",
    "README.md",
)


@dataclass(frozen=True)
class Mutant:
    """A seeded fault, and the test that must notice it."""

    path: Path
    promise: str
    caught_by: str

    def __str__(self) -> str:
        return self.path.stem


def mutants() -> list[Mutant]:
    found = []
    for path in sorted(FOLDER.glob("*.patch")):
        head = dict(re.findall(r"^(promise|caught by): (.+)$", path.read_text(encoding="utf-8"), flags=re.M))
        found.append(Mutant(path, head["promise"], head["caught by"]))
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that may be spoilt."""
    place = tmp_path_factory.mktemp("mutants")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / name)
    return place


def git(copy: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", "--whitespace=nowarn", *arguments]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True, env=environment)


def played(copy: Path, test: str) -> subprocess.CompletedProcess[str]:
    """Run one test with the copy's code. What is compiled is kept: no run is so short that a file's age misleads."""
    sources = [copy / "core", *sorted(copy.glob("plugins/*/src"))]
    ours = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "PYTHONPYCACHEPREFIX": str(copy / "bytecode")}
    environment = {**os.environ, **ours, "INSTEP_THOROUGH": "1"}  # a fault may need every example to show
    plugin = ("-p", "tests.project.unshrunk")
    command = [sys.executable, "-m", "pytest", "-q", "-x", *plugin, "-m", "not nightly", *shlex.split(test)]
    return subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("mutant", mutants(), ids=str)
def test_the_fault_can_still_be_seeded(mutant: Mutant) -> None:
    git(ROOT, "--check", str(mutant.path))


@pytest.mark.ci
@pytest.mark.parametrize("mutant", mutants(), ids=str)
def test_the_fault_is_caught(copy: Path, mutant: Mutant) -> None:
    git(copy, str(mutant.path))
    try:
        outcome = played(copy, mutant.caught_by)
    finally:
        git(copy, "--reverse", str(mutant.path))
    assert outcome.returncode == 1, outcome.stdout[-2000:] + outcome.stderr[-2000:]
    assert "failed" in outcome.stdout


@pytest.mark.nightly
def test_without_a_fault_the_same_tests_pass(copy: Path) -> None:
    tests = sorted({test for mutant in mutants() for test in shlex.split(mutant.caught_by)})
    outcome = played(copy, shlex.join(tests))
    assert outcome.returncode == 0, outcome.stdout[-3000:]


def test_every_fault_names_a_promise_and_a_test() -> None:
    for mutant in mutants():
        assert re.fullmatch(r"R\d\d", mutant.promise), mutant
        for test in shlex.split(mutant.caught_by):
            path, _, name = test.partition("::")
            assert (ROOT / path).is_file(), mutant
            assert not name or f"def {name.split('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8"), mutant
