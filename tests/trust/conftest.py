"""One theatre for all tests of a session, and how often its stories were stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .theatre import Theatre, in_memory, theatre

COUNTED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def counts(request: pytest.FixtureRequest) -> Counter[str]:
    """How many stops there were."""
    return request.config.stash.setdefault(COUNTED, Counter())


@pytest.fixture(scope="session")
def stage(counts: Counter[str]) -> Iterator[Theatre]:
    """Where stories are played again and again."""
    with theatre(counts) as opened:
        yield opened


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory."""
    with in_memory() as folder:
        yield folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many stops there were: these are the figures to publish."""
    counts = config.stash.get(COUNTED, Counter())
    points = counts["single"] + counts["double"]
    if points or counts["killed"]:
        terminalreporter.write_line(
            f"stopped once at {counts['single']:,} effects and twice at {counts['double']:,} pairs, "
            f"{counts['ms'] / max(points, 1):.0f} ms each, killed {counts['killed']:,} times"
        )
