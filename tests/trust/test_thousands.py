"""So many records that Salesforce's Bulk API takes fewer calls: a run stopped around its jobs is completed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .journeys import Journey, Story
from .rehearsal import rehearsal
from .stops import Weather
from .theatre import Scene

MANY = 1_500
"""More than seven collections of 200 records: from there on a job costs less."""


def known(story: Story) -> None:
    """Everybody is known to both systems."""
    for number in range(MANY):
        story.second.make("person", f"Known{number}", email=f"known{number}@many.example")
    story.sync()


def all_change(story: Story) -> None:
    """Everybody gets another title, and as many new people come along."""
    people = story.second.system
    for id in list(people.objects["people"]):
        people.put("people", id, title="Chief")
    for number in range(MANY):
        story.second.make("person", f"New{number}", first_name="Max")


@pytest.mark.nightly
def test_a_run_stopped_around_a_job_of_thousands_is_completed(memory: Path, counts: Counter[str]) -> None:
    with rehearsal("salesforce", Journey(known, all_change), memory) as story:
        scene = Scene(("salesforce", "thousands"), story, counts)
        assert scene.told.wrong == ()
        around = [at for at, label in enumerate(scene.told.labels, 1) if "/bulk/" in label]
        assert {scene.told.labels[at - 1].split("/")[-1].split(",")[0] for at in around} >= {"upload", "close", "job"}
        assert scene.wrong_at((at, Weather.FAIR) for at in [*around[1::4], around[-1] + 1]) == {}
