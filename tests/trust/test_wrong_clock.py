"""The clock of this machine may be wrong: years ahead or behind, corrected meanwhile, or set while a run goes on.

The systems know what time it is. What a run does, what everybody holds in the end, and what the journal says of it
are the same as by the right clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from instep.sync.run import apply_plan, plan_only

from .checks import differences, disagreements, orphans, twins, unmatched, view
from .effects import Watch
from .rehearsal import LATER, SOON, Rehearsal
from .stops import Hands, Told, undisturbed
from .test_between import meanwhile
from .theatre import Scene, Theatre

YEARS = timedelta(days=3653)
SKEWS = {"years ahead": YEARS, "years behind": -YEARS}
JUMPS = {**SKEWS, "an hour ahead": timedelta(hours=1), "an hour behind": -timedelta(hours=1)}


def turn(story: Rehearsal, by: timedelta) -> None:
    """Set this machine's clock wrong by so much; nothing sets it right."""
    story.clock = lambda: story.time.now() + by


def journal(story: Rehearsal) -> list[tuple[Any, ...]]:
    """What the journal says, its own times left out."""
    query = "SELECT run, connection, object, record, entity, action, before, after, state FROM journal ORDER BY seq"
    return story.rows(query)


class Right(NamedTuple):
    """The same story by the right clock: what it came to, what the journal says, and when it was over."""

    told: Told
    journal: list[tuple[Any, ...]]
    over: datetime


def right(scene: Scene, hands: Hands | None = None) -> Right:
    """Play the story by the right clock."""
    told = undisturbed(scene.story, hands)
    return Right(told, journal(scene.story), scene.story.time.at)


def wrong(scene: Scene, by: Right, play: Callable[[Rehearsal], None], hands: Hands | None = None) -> Iterator[str]:
    """How a story by a wrong clock differs from the same story by the right one."""
    story = scene.story
    story.put_back()
    try:
        play(story)
        story.wait(SOON)
        if hands is not None:
            hands(story)
        story.bring_in_step()
    finally:
        turn(story, timedelta(0))
    held, said = story.held(), journal(story)
    yield from differences(by.told.view, view(held))
    yield from (*twins(held), *disagreements(held), *orphans(story), *unmatched(story))
    yield from (
        f"journal: {mine} instead of {row}" for mine, row in zip(said, by.journal, strict=False) if mine != row
    )
    if len(said) != len(by.journal):
        yield f"{len(said)} journal rows instead of {len(by.journal)}"
    if abs(story.time.at - by.over) > timedelta(hours=1):
        yield f"it took until {story.time.at} instead of {by.over}"


def edits(story: Rehearsal) -> None:
    """Colleagues go on, stages included."""
    meanwhile(story)
    story.places[0].edit("opportunity", "Ledger", stage="won")
    story.places[-1].edit("person", "Moe", stage="decision")


def always(by: timedelta) -> Callable[[Rehearsal], None]:
    """The clock is wrong from beginning to end."""

    def play(story: Rehearsal) -> None:
        turn(story, by)
        story.run()

    return play


def corrected(by: timedelta) -> Callable[[Rehearsal], None]:
    """The clock is wrong during one run, and right again after it."""

    def play(story: Rehearsal) -> None:
        turn(story, by)
        story.run()
        turn(story, timedelta(0))

    return play


def jumping(by: timedelta, at: int) -> Callable[[Rehearsal], None]:
    """The clock is set at some effect of the run, and stays so."""

    def play(story: Rehearsal) -> None:
        seen = 0

        def hear(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                turn(story, by)

        story.run(meanwhile=hear)

    return play


@pytest.mark.parametrize("by", SKEWS.values(), ids=SKEWS)
@pytest.mark.parametrize("journey", ["first load", "everyday"])
@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce"])
def test_a_clock_that_is_always_wrong_changes_nothing(
    stage: Theatre, systems: str, journey: str, by: timedelta
) -> None:
    scene = stage.scene(systems, journey)
    assert [*wrong(scene, right(scene, edits), always(by), edits)] == []


@pytest.mark.parametrize("by", SKEWS.values(), ids=SKEWS)
@pytest.mark.parametrize("journey", ["first load", "everyday"])
@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce"])
def test_a_clock_that_was_wrong_for_one_run_changes_nothing(
    stage: Theatre, systems: str, journey: str, by: timedelta
) -> None:
    scene = stage.scene(systems, journey)
    assert [*wrong(scene, right(scene, edits), corrected(by), edits)] == []


def jumps(scene: Scene, stride: int) -> dict[str, list[str]]:
    """Where a clock that is set while a run goes on changes something: each effect with the next of the jumps."""
    found, by = {}, right(scene, edits)
    for number, at in enumerate(range(1, scene.told.effects + 1, stride)):
        name = list(JUMPS)[number % len(JUMPS)]
        if told := [*wrong(scene, by, jumping(JUMPS[name], at), edits)]:
            found[f"{name} from {at} on ({scene.told.labels[at - 1]})"] = told
    return found


@pytest.mark.parametrize("systems", ["memory", "hubspot", "salesforce"])
def test_a_clock_that_is_set_during_a_run_changes_nothing(stage: Theatre, systems: str) -> None:
    assert jumps(stage.scene(systems, "everyday"), 25) == {}


@pytest.mark.ci
@pytest.mark.parametrize("journey", ["first load", "everyday"])
@pytest.mark.parametrize(("systems", "stride"), [("memory", 9), ("hubspot", 9), ("salesforce", 9), ("mixed", 31)])
def test_a_clock_that_is_set_at_many_moments_changes_nothing(
    stage: Theatre, systems: str, stride: int, journey: str
) -> None:
    assert jumps(stage.scene(systems, journey), stride) == {}


@pytest.mark.parametrize("by", SKEWS.values(), ids=SKEWS)
def test_a_plan_that_was_made_by_a_wrong_clock_overwrites_nobody(stage: Theatre, by: timedelta) -> None:
    story = stage.scene("memory", "everyday").story
    story.put_back()
    turn(story, by)
    planned = plan_only(story.workspace, story.world(Watch(story.time)))
    turn(story, timedelta(0))
    assert any(change.fields.get("title") == "CEO" for change in planned.plan.changes)
    story.wait(LATER)
    story.places[1].edit("person", "Doe", title="Boss")
    story.wait(LATER)
    apply_plan(story.workspace, story.world(Watch(story.time)), planned.plan.as_json())
    assert {row.values["title"] for row in story.places[1].held() if row.name == "Doe"} == {"Boss"}
