"""A field that changes in a system while a run goes on stops that field only: the rest is done, and the run says so.

An admin changes the field before any effect of a run, from the first page to the last write. It vanishes, is replaced
by one of another name or type, or gets fewer or more choices. Once it is as before, everything is as if nothing had
been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from .checks import View, differences, orphans, twins, unmatched, view
from .in_hubspot import HubSpotPlace
from .in_salesforce import SalesforcePlace
from .place import Held
from .rehearsal import LATER
from .theatre import Scene, Theatre

A_DAY = timedelta(hours=25)
"""When every system was asked again what it has."""
Hand = Callable[[Any], None]


@dataclass(frozen=True)
class Drift:
    """What an admin does to a field, and how it is undone; `touched` is the field in the story's words."""

    field: str
    touched: str
    happens: Hand
    undone: Hand
    heals: bool = True
    """Whether the values are there again once it is undone. Those that an admin wipes nobody can tell of."""


def hub_hidden(place: HubSpotPlace) -> None:
    place.world.hide_property("contacts", "jobtitle")


def hub_shown(place: HubSpotPlace) -> None:
    place.world.show_property("contacts", "jobtitle")


def hub_renamed(place: HubSpotPlace) -> None:
    hub_hidden(place)
    place.world.add_property("contacts", {"name": "job_title", "label": "Job title"})


def hub_type(place: HubSpotPlace, type: str, field_type: str) -> None:
    kind = place.portal.kind("contacts")
    held = place.portal.properties[kind.name]["jobtitle"]
    place.portal.put_property(kind, replace(held, type=type, field_type=field_type))


def hub_options(place: HubSpotPlace, *, less: str = "", more: str = "") -> None:
    held = place.portal.properties["contacts"]["lifecyclestage"].options
    wanted = [(option.value, option.label) for option in held if option.value != less]
    place.world.set_options("contacts", "lifecyclestage", [*wanted, *([(more, more)] if more else [])])


def sf_hidden(place: SalesforcePlace) -> None:
    place.world.hide_field("Contact", "Title")


def sf_shown(place: SalesforcePlace) -> None:
    place.world.show_field("Contact", "Title")


def sf_renamed(place: SalesforcePlace) -> None:
    sf_hidden(place)
    place.world.add_field("Contact", "Job_Title", "Text", length=128)


def sf_named_back(place: SalesforcePlace) -> None:
    place.world.remove_field("Contact", "Job_Title__c")
    sf_shown(place)


def sf_number(place: SalesforcePlace) -> None:
    place.world.remove_field("Contact", "Instep_Stage__c")
    place.world.add_field("Contact", "Instep_Stage__c", "Number", precision=6, scale=0)


def sf_text(place: SalesforcePlace) -> None:
    place.world.remove_field("Contact", "Instep_Stage__c")
    place.world.add_field("Contact", "Instep_Stage__c", "Text", length=64)


DRIFTS = {
    ("hubspot", "vanishes"): Drift("jobtitle", "title", hub_hidden, hub_shown),
    ("hubspot", "is renamed"): Drift("jobtitle", "title", hub_renamed, hub_shown),
    ("hubspot", "gets another type"): Drift(
        "jobtitle", "title", lambda p: hub_type(p, "number", "number"), lambda p: hub_type(p, "string", "text")
    ),
    ("hubspot", "loses a choice"): Drift(
        "lifecyclestage",
        "stage",
        lambda p: hub_options(p, less="customer"),
        lambda p: hub_options(p, more="customer"),
    ),
    ("hubspot", "gets a choice"): Drift(
        "", "", lambda p: hub_options(p, more="partner"), lambda p: hub_options(p, less="partner")
    ),
    ("salesforce", "vanishes"): Drift("Title", "title", sf_hidden, sf_shown),
    ("salesforce", "is renamed"): Drift("Title", "title", sf_renamed, sf_named_back),
    ("salesforce", "gets another type"): Drift("Instep_Stage__c", "exact_stage", sf_number, sf_text, heals=False),
    ("salesforce", "loses a choice"): Drift(
        "StageName",
        "stage",
        lambda p: p.world.retire_stage("Negotiation/Review"),
        lambda p: p.world.add_stage("Negotiation/Review", probability=90),
    ),
    ("salesforce", "gets a choice"): Drift(
        "", "", lambda p: p.world.add_stage("Extra", probability=50), lambda p: p.world.retire_stage("Extra")
    ),
}


def without(held: dict[str, list[Held]], name: str) -> View:
    """What people see, one field left out."""
    return view(
        {
            system: [replace(row, values={n: v for n, v in row.values.items() if n != name}) for row in rows]
            for system, rows in held.items()
        }
    )


def told_without(scene: Scene, name: str) -> View:
    scene.story.put_back()
    scene.story.bring_in_step()
    return without(scene.story.held(), name)


def wrong_after(scene: Scene, drift: Drift, right: View, at: int) -> Iterator[str]:
    """What is wrong when a field changes before that effect of the run."""
    story, place, seen = scene.story, scene.story.places[0], 0

    def hear(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            drift.happens(place)

    story.put_back()
    runs = [story.run(meanwhile=hear)]
    try:
        for _ in range(2):
            story.wait(LATER)
            runs.append(story.run())
        held = story.held()
    finally:
        drift.undone(place)
    for number, run in enumerate(runs, 1):
        if run.outcome is None or (number > 1 and run.outcome.stopped) or run.outcome.unaccounted:
            yield f"run {number}: {run.error or (run.outcome and run.outcome.as_json())}"
            return
    yield from differences(right, without(held, drift.touched))
    said = str([run.outcome.notes for run in runs if run.outcome])
    if drift.heals and drift.field not in said and scene.told.view != view(held):
        yield f"not a word of {drift.field}: {said}"
    story.wait(A_DAY)
    story.bring_in_step()
    held = story.held()
    if drift.heals:
        yield from differences(scene.told.view, view(held))
    yield from (*twins(held), *orphans(story), *unmatched(story))


def wrong_anywhere(scene: Scene, drift: Drift, points: Iterable[int]) -> dict[str, list[str]]:
    right = told_without(scene, drift.touched)
    found = {at: [*wrong_after(scene, drift, right, at)] for at in points}
    return {f"{at}: {scene.told.labels[at - 1]}": wrong for at, wrong in found.items() if wrong}


@pytest.mark.parametrize(("system", "change"), DRIFTS)
def test_a_field_that_changes_during_a_run_stops_that_field_only(stage: Theatre, system: str, change: str) -> None:
    scene = stage.scene(system, "everyday")
    points = range(1, scene.told.effects + 1, scene.told.effects // 3)
    assert wrong_anywhere(scene, DRIFTS[system, change], points) == {}


@pytest.mark.ci
@pytest.mark.parametrize(("system", "change"), DRIFTS)
def test_a_field_that_changes_at_any_page_stops_that_field_only(stage: Theatre, system: str, change: str) -> None:
    scene = stage.scene(system, "everyday")
    points = [
        at for at, label in enumerate(scene.told.labels, 1) if label.startswith("a: ") and "answered" not in label
    ]
    assert wrong_anywhere(scene, DRIFTS[system, change], points[::3]) == {}
