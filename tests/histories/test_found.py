"""Histories that once came to a wrong end, each kept as the steps that led there: they are played first."""

from __future__ import annotations

from pathlib import Path

import pytest

from .history import replay
from .world import Systems

HERE = Path(__file__).parent
FOUND = sorted((HERE / "found").glob("*.txt"))
OPEN = sorted((HERE / "open").glob("*.txt"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_once_went_wrong_ends_well(systems: Systems, memory: Path, path: Path) -> None:
    replay(systems, memory / "workspace", path.read_text(encoding="utf-8"))


@pytest.mark.xfail(strict=True, reason="known, and not mended yet")
@pytest.mark.parametrize("path", OPEN, ids=lambda path: path.stem)
def test_what_still_goes_wrong(systems: Systems, memory: Path, path: Path) -> None:
    replay(systems, memory / "workspace", path.read_text(encoding="utf-8"))
