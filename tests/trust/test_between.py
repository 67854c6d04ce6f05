"""Colleagues go on working between a run that died and the next one: what they said last is what holds."""

from __future__ import annotations

import pytest

from .rehearsal import SYSTEMS, Rehearsal
from .stops import Weather, undisturbed
from .theatre import Theatre


def meanwhile(story: Rehearsal) -> None:
    """They edit what the run was about: the same fields once more, and others of the same records."""
    first, second, last = story.places[0], story.places[1], story.places[-1]
    first.edit("person", "Doe", title="Founder", phone="+41 31 555 0666")
    first.edit("person", "Roe", first_name="Ronald")
    first.edit("company", "Acme", city="Geneva")
    second.edit("opportunity", "Ledger", amount="1800")
    last.edit("company", "Cogs", city="Milan")
    last.edit("person", "Moe", title="")
    last.opt_out("Loe")


def wrong_with(stage: Theatre, systems: str, wanted: int) -> dict[int, list[str]]:
    scene = stage.scene(systems, "everyday")
    told = undisturbed(scene.story, meanwhile)
    assert told.wrong == ()
    points = [at for at, _ in scene.some(wanted)]
    found = {at: scene.stop(at, Weather.FAIR, meanwhile, told) for at in points}
    return {at: wrong for at, wrong in found.items() if wrong}


def test_what_colleagues_do_after_a_stop_is_kept(stage: Theatre) -> None:
    assert wrong_with(stage, "memory", 12) == {}


def over_ours(story: Rehearsal) -> None:
    """A colleague puts another value where a run writes, or would have written."""
    story.places[1].edit("person", "Doe", title="Boss")


def lost(stage: Theatre, systems: str, wanted: int) -> dict[int, list[str]]:
    """Where a colleague's value is not heard once the run has stored what it decided.

    Before that, both values are news to the next run, and the order of systems decides between them.
    """
    scene = stage.scene(systems, "everyday")
    told = undisturbed(scene.story, over_ours)
    decided = told.labels.index("journal: intended") + 1
    assert "title=Boss" in str(told.view["a"][("person", "Doe")])
    points = [at for at, _ in scene.some(wanted) if at > decided]
    found = {at: scene.stop(at, Weather.FAIR, over_ours, told) for at in points}
    return {at: wrong for at, wrong in found.items() if wrong}


def test_a_value_that_a_colleague_puts_over_ours_is_heard(stage: Theatre) -> None:
    assert lost(stage, "memory", 35) == {}


@pytest.mark.ci
@pytest.mark.parametrize("systems", [name for name in SYSTEMS if name != "memory"])
def test_a_value_that_a_colleague_puts_over_ours_is_heard_everywhere(stage: Theatre, systems: str) -> None:
    assert lost(stage, systems, 30) == {}


@pytest.mark.ci
@pytest.mark.parametrize("systems", [name for name in SYSTEMS if name != "memory"])
def test_what_colleagues_do_after_a_stop_is_kept_everywhere(stage: Theatre, systems: str) -> None:
    assert wrong_with(stage, systems, 18) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("systems", list(SYSTEMS))
def test_what_colleagues_do_after_any_stop_is_kept(stage: Theatre, systems: str) -> None:
    assert wrong_with(stage, systems, 1000) == {}
