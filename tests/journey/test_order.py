"""The order in which independent things happen, and the size of batches, change nothing."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instep.contract import BatchSizes

from ..semantics.cases import Stage, play
from ..thorough import examples

PEOPLE, FIELDS, SYSTEMS = ("jane", "joan", "kim"), ("title", "city", "stage"), "abc"
VALUES = {"title": ("CEO", "CTO"), "city": ("Bern", "Rome"), "stage": ("interest", "decision", "purchase")}

edits = st.lists(
    st.tuples(st.sampled_from(SYSTEMS), st.sampled_from(PEOPLE), st.sampled_from(FIELDS), st.integers(0, 1)),
    min_size=2,
    max_size=9,
    unique_by=lambda edit: edit[:3],
)


def played(given_edits: list[tuple[str, str, str, int]], size: int) -> tuple[Any, Any]:
    """What every system holds at the end, and what waits for a person; edits all happen at one instant."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, "files: systems = a b c; files: law of title = manual")
        play(stage, ";".join(f"{s}.{p}" for p in PEOPLE for s in SYSTEMS) + ";sync")
        for system, person, name, value in given_edits:
            play(stage, f"{system}.{person} {name}={VALUES[name][value]}")
        for system in stage.systems.values():
            system.batch = BatchSizes(write=size, relate=size)
        play(stage, "sync; sync")
        held = {
            (system, person): {n: row.fields.get(n) for n in (*FIELDS, "exact_stage")}
            for system in SYSTEMS
            for person in PEOPLE
            if (row := stage.systems[system].objects["people"][str(stage.find(system, person))])
        }
        assert stage.outcome is not None
        return held, {name: account["conflicts"] for name, account in stage.outcome.account.items()}


@given(st.data(), edits, st.integers(1, 4))
@settings(max_examples=examples(16), deadline=None, suppress_health_check=list(HealthCheck))
def test_independent_changes_come_out_the_same_in_any_order_and_any_batches(
    data: st.DataObject, changes: list[tuple[str, str, str, int]], size: int
) -> None:
    other = data.draw(st.permutations(changes))
    assert played(changes, 10) == played(other, size)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_changes_of_everybody_come_out_the_same_in_batches_of_any_size(size: int) -> None:
    changes = [("abc"[number % 3], person, field, 1) for number, person in enumerate(PEOPLE) for field in FIELDS]
    assert played(changes, 10) == played(changes[::-1], size)


@pytest.mark.ci
def test_many_independent_changes_come_out_the_same_in_any_order_and_any_batches() -> None:
    every = [(s, p, f, v) for s in SYSTEMS for p in PEOPLE for f in FIELDS for v in (0, 1)]
    for seed in range(60):
        chance = random.Random(seed)
        changes = list({change[:3]: change for change in chance.sample(every, 12)}.values())
        other = chance.sample(changes, len(changes))
        assert played(changes, 10) == played(other, chance.randrange(1, 5)), f"seed {seed}"


def test_another_change_comes_out_differently() -> None:
    assert played([("a", "jane", "city", 0)], 10) != played([("a", "jane", "city", 1)], 10)
