"""What holds of every configuration that both systems can hold."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from instep.mapping.load import load_workspace
from instep.provision.plan import system_plan

from .drawn import changed, drawn, planted
from .systems import Systems, systems

FEW, MANY = range(1), (1, 2, *range(100, 112))
SEEDS = [*FEW, *(pytest.param(seed, marks=pytest.mark.ci) for seed in MANY)]


def settle(place: Systems) -> None:
    """Apply; the plan after it is empty, and applying once more sends nothing."""
    report = place.apply(past_guards=True)
    assert [one for one in report.done if one.state != "applied"] == []
    after = place.plan()
    assert after.is_empty, after.as_json()["systems"]
    assert place.drift() == []
    place.writes()
    assert place.apply().done == []
    assert place.writes() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_applied_is_there_and_one_change_is_one_difference(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    with systems(tmp_path / "ws") as place:
        files = drawn(chance)
        for _ in range(3):
            place.write(files)
            settle(place)
            name, deed = planted(place, files, chance)
            found = place.plan()
            (drifted,) = place.drift()
            assert drifted.connection == name
            steps = [(system.connection, step) for system in found.systems for step in system.steps]
            if deed == "add":
                assert steps == []
                assert [s.connection for s in found.systems if s.unlisted] == [name]
            else:
                assert {connection for connection, _ in steps} == {name}
                assert len(steps) == (2 if deed == "remove" and len(steps) == 2 else 1), (deed, steps)
            settle(place)
            files = changed(files, chance)


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_the_order_of_files_nor_that_of_answers_matters(seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    with systems(tmp_path / "ws") as place:
        files = drawn(chance)
        place.write(files)
        place.apply()
        files = changed(files, chance)
        place.write(files)
        first = place.plan()
        place.write(files, chance=chance)
        second = place.plan()
        assert second.digest == first.digest
        for system in first.systems:
            found = system.compared.found
            pipelines, fields = list(found.pipelines), {o: list(f) for o, f in found.fields.items()}
            chance.shuffle(pipelines)
            for of_object in fields.values():
                chance.shuffle(of_object)
            other = replace(
                found, pipelines=tuple(pipelines), fields={o: tuple(f) for o, f in reversed(fields.items())}
            )
            again = system_plan(system.compared.wanted, other)
            assert [step.identity for step in again.steps] == [step.identity for step in system.steps]


def test_a_workspace_without_a_state_gets_none_by_planning_and_applying(tmp_path: Path) -> None:
    with systems(tmp_path / "ws") as place:
        place.write(drawn(random.Random(1)))
        settle(place)
        assert not load_workspace(place.root).store.exists()
