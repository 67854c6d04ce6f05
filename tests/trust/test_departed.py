"""A colleague deletes a record at any moment of a run: it stays deleted, and nobody else loses anything by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .journeys import Journey, Story, in_step
from .place import by_name
from .rehearsal import SYSTEMS, Rehearsal, rehearsal

TWO = [name for name in SYSTEMS if name != "mixed"]


def all_about_doe(story: Story) -> None:
    """Everything that a run can write about a person: fields, ties, an opt-out."""
    story.second.edit("person", "Doe", title="Founder")
    story.second.untie("person", "Doe", "company", "Acme")
    story.second.tie("person", "Doe", "company", "Bolt")
    story.second.tie("opportunity", "Rent", "person", "Doe")
    story.second.opt_out("Doe")


def deletes(story: Rehearsal, at: int) -> Callable[[str], None]:
    """Doe's record in the first system goes right before that effect of the run."""
    left = iter(range(1, at + 1))

    def hear(_: str) -> None:
        if next(left, 0) == at:
            story.places[0].delete("person", "Doe")

    return hear


def wrong_after(story: Rehearsal, at: int) -> list[str]:
    """What is not as it should be where the record goes at that effect."""
    story.put_back()
    story.run(meanwhile=deletes(story, at))
    story.bring_in_step()
    held = story.held()
    ((doe,),) = (records for what, records in by_name(held["b"]).items() if what == ("person", "Doe"))
    wrong = [] if doe.values["title"] == "Founder" else ["an edit is lost"]
    wrong += ["it came back"] if ("person", "Doe") in by_name(held["a"]) else []
    wrong += [f"refused: {row}" for row in story.rows("SELECT action, reason FROM quarantine")]
    story.places[1].edit("person", "Doe", first_name="Dorothea")
    story.places[1].edit("opportunity", "Rent", amount="275")
    story.bring_in_step()
    held = story.held()
    wrong += ["it came back later"] if ("person", "Doe") in by_name(held["a"]) else []
    rents = by_name(held["a"]).get(("opportunity", "Rent"), [])
    wrong += [] if [rent.values["amount"] for rent in rents] == ["275"] else ["what it was to be tied to went, too"]
    return wrong + ([] if story.rows(TOMBSTONES) else ["no tombstone"])


TOMBSTONES = "SELECT entity FROM tombstone WHERE connection = 'a'"


def planned(story: Rehearsal) -> range:
    """The effects of the run from its first write on."""
    story.put_back()
    labels = story.run().labels
    return range(labels.index("journal: intended") + 1, len(labels) + 1)


@pytest.mark.parametrize("systems", TWO)
def test_a_record_that_goes_between_plan_and_write_stays_away(memory: Path, systems: str) -> None:
    with rehearsal(systems, Journey(in_step, all_about_doe), memory) as story:
        effects = planned(story)
        found = {at: wrong_after(story, at) for at in effects[:: max(1, len(effects) // 6)]}
        assert {at: wrong for at, wrong in found.items() if wrong} == {}


@pytest.mark.ci
@pytest.mark.parametrize(
    "systems", [pytest.param(one, marks=pytest.mark.nightly) if one == "five" else one for one in TWO]
)
def test_a_record_that_goes_at_any_moment_of_a_run_stays_away(memory: Path, systems: str) -> None:
    with rehearsal(systems, Journey(in_step, all_about_doe), memory) as story:
        story.put_back()
        found = {at: wrong_after(story, at) for at in range(1, len(story.run().labels) + 1)}
        assert {at: wrong for at, wrong in found.items() if wrong} == {}
