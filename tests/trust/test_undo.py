"""A run is taken back in every system, whatever happens meanwhile: what nobody touched is as it was before.

Records that the run made stay, opt-outs stay, what a colleague changed since stays. A sync leaves it like that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.errors import InstepError
from instep.sync.run import Outcome, undo

from ..thorough import examples
from .checks import View, differences, orphans, unmatched, view
from .journeys import Journey, Story, in_step
from .rehearsal import LATER, SOON, SYSTEMS, Rehearsal, Run, Runner, rehearsal

IN_CI = ("memory", "salesforce")
"""The others are stopped at every effect at night."""


def a_day(story: Story) -> None:
    """Edits from every side, stages forth and back, ties that come and go, a new person, a cleared field."""
    a, b, z = story.first, story.second, story.last
    a.edit("person", "Doe", title="CEO", first_name="")
    a.edit("company", "Acme", city="Basel")
    a.make("person", "Kim", email="kim@acme.example", first_name="Kim", title="Engineer")
    a.tie("person", "Kim", "company", "Acme")
    b.edit("person", "Roe", title="Head Buyer", phone="+47 22 555 010")
    b.edit("opportunity", "Ledger", stage="purchase", amount="1750")
    z.edit("person", "Moe", stage="purchase")
    z.edit("person", "Loe", stage="interest")
    z.tie("opportunity", "Ledger", "person", "Moe")
    z.tie("person", "Moe", "company", "Cogs")
    z.opt_out("Doe")


A_DAY = Journey(in_step, a_day)


def taking_back(run: int) -> Runner:
    """What takes a run back at once."""
    return lambda workspace, world: undo(workspace, world, run, write=True)


def undone(story: Rehearsal, run: int, stop_at: int | None = None) -> Run:
    story.wait(LATER)
    return story.run(stop_at, runner=taking_back(run))


def outcome_of(run: Run) -> Outcome:
    assert run.outcome is not None, run.error
    return run.outcome


def shown(story: Rehearsal) -> View:
    """What every system shows, opt-outs apart."""
    found = view(story.held())
    return {
        system: {key: [row.replace("opted_out=yes, ", "") for row in rows] for key, rows in records.items()}
        for system, records in found.items()
    }


def expected(before: View, after: View) -> View:
    """What the systems show once a run is taken back: as before it, with the records that it made."""
    return {system: {**after[system], **records} for system, records in before.items()}


def opted_out(story: Rehearsal) -> set[tuple[str, str]]:
    """Where a record says that its person opted out."""
    held = story.held().items()
    return {(name, one.name) for name, records in held for one in records if one.values.get("opted_out") == "yes"}


def staged(story: Rehearsal) -> set[tuple[str, str]]:
    """Whatever is at a stage in the first system."""
    return {(one.kind, one.name) for one in story.held()["a"] if one.values.get("stage")}


def played(story: Rehearsal) -> tuple[View, View, int]:
    """What every system shows before the run and after it, and the run's number."""
    story.put_back()
    before = shown(story)
    run = story.run()
    assert outcome_of(run).status == "done"
    return before, shown(story), run.number


@pytest.mark.parametrize("systems", SYSTEMS)
def test_every_system_shows_what_it_showed_before_the_run(memory: Path, systems: str) -> None:
    with rehearsal(systems, A_DAY, memory) as story:
        before, after, run = played(story)
        back = undone(story, run)
        assert back.writes > 0
        assert [*differences(expected(before, after), shown(story))] == []
        assert [*orphans(story), *unmatched(story)] == []
        story.wait(LATER)
        assert story.run().writes == 0
        again = undone(story, back.number)
        assert again.writes > 0
        assert [*differences(after, shown(story))] == []
        story.wait(LATER)
        assert story.run().writes == 0


@pytest.mark.parametrize("systems", ["memory", "mixed"])
def test_what_a_colleague_changed_since_stays_and_is_listed(memory: Path, systems: str) -> None:
    with rehearsal(systems, A_DAY, memory) as story:
        before, after, run = played(story)
        story.wait(SOON)
        story.places[1].edit("person", "Doe", title="Chair")
        story.wait(LATER)
        found = outcome_of(undone(story, run))
        left = [one["what"] for one in found.plan.left if "changed since" in one["why"]]
        assert len(left) == 1
        wanted = {system: dict(records) for system, records in expected(before, after).items()}
        (doe,) = wanted["b"]["person", "Doe"]
        wanted["b"]["person", "Doe"] = [doe.replace("title=CTO", "title=Chair")]
        assert [*differences(wanted, shown(story))] == []


def test_an_opt_out_is_never_taken_back(memory: Path) -> None:
    with rehearsal("mixed", A_DAY, memory) as story:
        _, _, run = played(story)
        out = opted_out(story)
        assert {("a", "Doe"), ("b", "Doe")} <= out
        found = outcome_of(undone(story, run))
        assert {one["what"] for one in found.plan.left if "never taken back" in one["why"]}
        assert opted_out(story) == out


def wrong_after(story: Rehearsal, wanted: View, run: int, stop: int) -> Iterator[str]:
    """What is not as it should be where the undo dies at that effect and is asked for again."""
    played(story)
    undone(story, run, stop)
    story.wait(SOON)
    try:
        outcome_of(story.run(runner=taking_back(run)))
    except InstepError as error:
        yield str(error)
    yield from differences(wanted, shown(story))
    yield from orphans(story)
    yield from unmatched(story)
    story.wait(LATER)
    if story.run().writes:
        yield "the next sync wrote something"


def effects(story: Rehearsal, run: int) -> int:
    return len(undone(story, run).labels)


@pytest.mark.parametrize("systems", ["memory", "hubspot"])
def test_an_undo_that_dies_is_completed_by_the_next_one(memory: Path, systems: str) -> None:
    with rehearsal(systems, A_DAY, memory) as story:
        before, after, run = played(story)
        wanted, points = expected(before, after), range(1, effects(story, run) + 1)
        some = points[:: max(1, len(points) // examples(8))]
        found = {point: [*wrong_after(story, wanted, run, point)] for point in some}
        assert {point: wrong for point, wrong in found.items() if wrong} == {}


@pytest.mark.ci
@pytest.mark.parametrize(
    "systems", [one if one in IN_CI else pytest.param(one, marks=pytest.mark.nightly) for one in SYSTEMS]
)
def test_an_undo_that_dies_at_any_effect_is_completed_by_the_next_one(memory: Path, systems: str) -> None:
    with rehearsal(systems, A_DAY, memory) as story:
        before, after, run = played(story)
        wanted = expected(before, after)
        found = {n: [*wrong_after(story, wanted, run, n)] for n in range(1, effects(story, run) + 1)}
        assert {point: wrong for point, wrong in found.items() if wrong} == {}


@pytest.mark.ci
def test_an_undo_that_dies_leaves_nothing_half_written_for_the_next_sync(memory: Path) -> None:
    with rehearsal("hubspot", A_DAY, memory) as story:
        story.put_back()
        somewhere = staged(story)
        before, after, run = played(story)
        wanted = expected(before, after)
        for point in range(1, effects(story, run) + 1, 3):
            played(story)
            undone(story, run, point)
            story.bring_in_step()
            assert somewhere <= staged(story), point
            undone(story, run)
            assert [*differences(wanted, shown(story))] == [], point
