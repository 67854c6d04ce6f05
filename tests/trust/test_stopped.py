"""A run that dies at any effect, or two that do, one after the other: the next one completes what they began.

Nothing is lost, nothing is doubled, every system says the same, the journal tells what was sent, and the run after
that writes nothing. Every pair of stops has a number, from which it is drawn: the same on every machine.
"""

from __future__ import annotations

import pytest

from .theatre import CELLS, WEATHERS, Cell, Theatre

A_FEW = [
    ("memory", "departures", 16),
    ("hubspot", "everyday", 9),
    ("salesforce", "first load", 8),
    ("salesforce", "jobs", 6),
    ("files", "everyday", 12),
    ("mixed", "departures", 5),
    ("five", "campaign", 3),
]
SOME, PAIRS = 30, 7
"""How many stops of one story, and how many pairs, are played in CI."""
FEWER = {"five": (9, 3)}
"""Stories of so many systems take longer."""
every_cell = pytest.mark.parametrize(("systems", "journey"), CELLS)


@pytest.mark.parametrize(("systems", "journey", "wanted"), A_FEW)
def test_a_run_stopped_somewhere_is_completed_by_the_next(
    stage: Theatre, systems: str, journey: str, wanted: int
) -> None:
    scene = stage.scene(systems, journey)
    assert scene.wrong_at(scene.some(wanted)) == {}


@pytest.mark.ci
@every_cell
def test_a_run_stopped_at_many_effects_is_completed_by_the_next(stage: Theatre, systems: str, journey: str) -> None:
    scene = stage.scene(systems, journey)
    assert scene.wrong_at(scene.some(FEWER.get(systems, (SOME, PAIRS))[0])) == {}


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("systems", "journey", "weather"), [(*cell, weather) for cell in CELLS for weather in WEATHERS[cell[0]]]
)
def test_a_run_stopped_anywhere_is_completed_by_the_next(
    stage: Theatre, systems: str, journey: str, weather: str
) -> None:
    scene = stage.scene(systems, journey)
    assert scene.wrong_at(scene.every(next(w for w in WEATHERS[systems] if w == weather))) == {}


def wrong_after_two(stage: Theatre, cell: Cell, numbers: range) -> dict[str, list[str]]:
    """Where two stops leave something wrong, by their number."""
    scene, found = stage.scene(*cell), {}
    for number in numbers:
        weather = WEATHERS[cell[0]][number % len(WEATHERS[cell[0]])]
        stops, wrong = scene.stop_twice(number, weather)
        if wrong:
            found[f"pair {number}, {weather}, {stops}"] = wrong
    return found


@pytest.mark.ci
@every_cell
def test_two_runs_stopped_one_after_the_other_are_completed(stage: Theatre, systems: str, journey: str) -> None:
    assert wrong_after_two(stage, (systems, journey), range(FEWER.get(systems, (SOME, PAIRS))[1])) == {}


@pytest.mark.nightly
@every_cell
def test_many_pairs_of_stopped_runs_are_completed(stage: Theatre, systems: str, journey: str) -> None:
    assert wrong_after_two(stage, (systems, journey), range(PAIRS, 140)) == {}
