"""Reading ahead: everything is asked for where the disk is slow, little where it is not, and nothing by a search."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.store import Store
from instep.store.ahead import ASKED, PORTION, SLOW, read_ahead

from .rows import new_state

MANY = [f"e{number}" for number in range(5 * PORTION + 3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_state(tmp_path) as opened:
        yield opened


def passing(seconds: float) -> Iterator[float]:
    """What a clock shows each time somebody looks."""
    return itertools.count(0.0, seconds)


def test_from_a_slow_disk_everything_is_read_ahead(store: Store) -> None:
    slow = passing(2 * SLOW * PORTION)
    assert read_ahead(store, MANY, lambda: next(slow)) == len(MANY)


def test_from_memory_only_a_few_are_asked_about(store: Store) -> None:
    fast = passing(SLOW * PORTION / 2)
    assert read_ahead(store, MANY, lambda: next(fast)) == PORTION


def test_of_few_nothing_is_read_ahead(store: Store) -> None:
    assert read_ahead(store, MANY[:PORTION]) == 0


def test_a_state_that_cannot_be_read_ahead_stops_nobody(tmp_path: Path) -> None:
    with new_state(tmp_path) as store:
        slow = passing(2 * SLOW * PORTION)
        store.path = tmp_path / "elsewhere.db"
        assert read_ahead(store, MANY, lambda: next(slow)) == len(MANY)


@pytest.mark.parametrize("statement", ASKED)
def test_whatever_is_asked_is_found_by_an_index(store: Store, statement: str) -> None:
    steps = [row[3] for row in store.rows("EXPLAIN QUERY PLAN " + statement.replace("(?)", "('e1', 'e2')"))]
    assert steps
    for step in steps:
        assert step.startswith("SEARCH "), step
        bound = step.partition("(")[2]
        assert bound.startswith(("entity=", "id=", "to_entity=", "journey=", "doer=")) or bound.count("=?") > 1, step
