"""What stops brought to light, and was mended: each the smallest story that showed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ..semantics.cases import Stage, play
from .checks import view
from .journeys import Journey, Story, in_step
from .rehearsal import LATER, SOON, Rehearsal, rehearsal
from .stops import Weather, stopped, undisturbed


def label(story: Rehearsal, text: str) -> int:
    """The last effect of the whole run with that label."""
    story.put_back()
    return max(place for place, label in enumerate(story.run().labels, 1) if text in label)


def seen(story: Rehearsal, system: str, name: str) -> str:
    """What a system shows of somebody or something."""
    return next("; ".join(words) for (_, known), words in view(story.held())[system].items() if known == name)


def test_a_tie_that_took_effect_and_is_not_found_yet_is_no_refusal(memory: Path) -> None:
    with rehearsal("salesforce", "everyday", memory) as story:
        told = undisturbed(story)
        at = label(story, "OpportunityContactRole/create, answered")
        assert stopped(story, told, [at], Weather.LAG).wrong == []
        assert story.rows("SELECT action, code FROM quarantine") == []


def test_a_create_that_took_effect_and_is_not_found_yet_is_confirmed_in_the_end(memory: Path) -> None:
    with rehearsal("salesforce", "first load", memory) as story:
        at = label(story, "Account/upsert, answered")
        story.put_back()
        for place in story.places:
            place.lag()
        story.run(at)
        story.wait(SOON)
        story.run()
        assert story.rows("SELECT state FROM journal WHERE action = 'create' AND object = 'Account' AND run = 1") == [
            ("confirmed",)
        ]


def merged(story: Story) -> None:
    """Two records of HubSpot are one from now on; the opportunity's people come along. Somebody edits it, too."""
    story.first.merge("person", "Kim", "Kit")
    story.second.edit("opportunity", "Ledger", amount="1700")


def two_of_one(story: Story) -> None:
    in_step(story)
    story.first.make("person", "Kim", email="kim@acme.example")
    story.first.make("person", "Kit", email="kit@acme.example")
    story.first.tie("opportunity", "Ledger", "person", "Kim")
    story.first.edit("opportunity", "Ledger", amount="1600")
    story.sync()


def test_an_opportunity_keeps_a_person_whose_record_was_merged(memory: Path) -> None:
    with rehearsal("hubspot", Journey(two_of_one, merged), memory) as story:
        story.put_back()
        assert "Kim" in seen(story, "b", "Ledger")
        story.bring_in_step()
        assert "Kim" in seen(story, "a", "Ledger")
        assert "Kim" in seen(story, "b", "Ledger")


def test_a_job_that_a_dead_run_left_behind_overwrites_nobody(memory: Path) -> None:
    with rehearsal("salesforce", "jobs", memory) as story:
        at = label(story, "Lead/bulk/close, answered")
        story.put_back()
        story.run(at)
        story.wait(SOON)
        story.run()
        story.wait(LATER)
        story.places[0].edit("person", "Many1", title="Founder")
        story.run()
        assert "title=Founder" in seen(story, "b", "Many1")
        story.wait(timedelta(minutes=10))  # now the vendor works off what it has
        story.bring_in_step()
        assert "title=Founder" in seen(story, "a", "Many1")


def on_the_same_day(story: Story) -> None:
    """A colleague notes the day of an edit, and not the hour, in a row that was made by a run on that very day."""
    folder = story.first.folder
    today = datetime.fromtimestamp((folder / "people.csv").stat().st_mtime, UTC).date()
    story.first.edit("person", "Moe", title="Chief", modified=today.isoformat())


def test_an_edit_on_the_day_on_which_we_made_the_row_is_heard(memory: Path) -> None:
    with rehearsal("files", Journey(in_step, on_the_same_day), memory) as story:
        story.put_back()
        story.bring_in_step()
        assert "title=Chief" in seen(story, "b", "Moe")


@pytest.mark.parametrize("remedy", ["a.jane title=CTO", "b.jane title=CEO", "a.jane deleted; b.jane deleted"])
def test_a_refusal_of_what_nobody_wants_any_more_is_over(tmp_path: Path, remedy: str) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane title=CTO; b.jane; sync; b refuses title=CEO; a.jane title=CEO; sync")
    play(stage, f"{remedy}; sync; sync")
    assert stage.outcome is not None
    assert stage.outcome.status == "done"
