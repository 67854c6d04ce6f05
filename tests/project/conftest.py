"""The project's files, as a checkout has them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis", ".instep", "dist", "build"}


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the project, relative to its root: as git lists them, or all where there is no checkout."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        return tuple(sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()))
    found = (place.relative_to(ROOT) for place in ROOT.rglob("*") if place.is_file())
    return tuple(sorted(str(place) for place in found if not _SKIPPED & set(place.parts)))


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def files() -> tuple[str, ...]:
    return tracked()
