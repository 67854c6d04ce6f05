"""A pytest plugin for runs against mutants: the quick tests first, none that takes seconds, no test without end."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

SLOW = ("test_any_value_at_any_place", "test_fields_come_back", "test_a_value_comes_back_with")
READERS = ("instep.mapping.stages", "instep.mapping.positions")
"""Every run of every test reads files; what reads them has tests of its own."""

SECONDS = 10
"""Of computing, not of waiting: a busy machine changes no score."""

settings.register_profile(
    "mutation",
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    left = [item for item in items if not any(slow in item.nodeid for slow in SLOW)]
    if os.environ.get("MUTANT_UNDER_TEST", "").startswith(READERS):
        left = [item for item in left if "tests/unit/" in item.nodeid]
    items[:] = sorted(left, key=lambda item: "tests/unit/" not in item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, 1)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _stop(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds of computing: the program no longer ends")
