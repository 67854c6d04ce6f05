"""Words that change hands, keys that are not what they seem, and records that are elsewhere by now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from instep.contract import Gone, Seen
from instep.errors import StalePlanError
from instep.mapping.load import load_workspace
from instep.model.entities import Kind
from instep.provision.steps import RetireStage
from instep.sync.moving import Move

from .systems import Files, Listed, Systems, Table, systems
from .test_retiring import deal, files, stage_of

MORE = """
[provision.pipelines.onboarding]
object = "tickets"
field = "hs_pipeline_stage"
pipeline = "Onboarding"
stages = [{ key = "second", label = "Kick-off" }, { key = "live", label = "Live", ticketState = "CLOSED" }]
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Systems]:
    with systems(tmp_path / "ws") as place:
        place.write(files())
        place.apply()
        yield place


def table(words: dict[str, list[str]]) -> Files:
    """One line in both systems, with these words for each key."""
    listed = [Listed(key, spelled[0]) for key, spelled in words.items()]
    return Files(list(words), {name: [Table("line", "Line", listed)] for name in ("hubspot", "salesforce")})


def write(place: Systems, words: dict[str, list[str]], more: str = "") -> None:
    place.write(table(words))
    for name in place.boxes:
        file = place.root / "mappings" / f"{name}.toml"
        text = file.read_text()
        for spelled in words.values():
            if len(spelled) > 1:
                text = text.replace(f'"{spelled[0]}"', "[" + ", ".join(f'"{word}"' for word in spelled) + "]", 1)
        file.write_text(text.replace("probabilities", f"{more}\nprobabilities"))


def test_a_moved_key_of_the_process_is_nothing_to_a_pipeline_that_is_not_synced(tmp_path: Path) -> None:
    with systems(tmp_path / "ws", ["hubspot"]) as place:
        first, then = files(), files(without="second", moved={"second": "third"})
        for one in (first, then):
            one.tables = {"hubspot": one.tables["hubspot"]}
        mapping = place.root / "mappings" / "hubspot.toml"
        place.write(first)
        mapping.write_text(mapping.read_text() + MORE)
        place.apply()
        place.write(then)
        mapping.write_text(mapping.read_text() + MORE)
        report = place.apply()
        assert {one.step.object for one in report.done} == {"deals"}
        assert place.plan().is_empty


def test_a_word_that_goes_to_another_key_takes_its_stage_and_its_records_along(tmp_path: Path) -> None:
    with systems(tmp_path / "ws") as place:
        write(place, {"first": ["Talk"], "second": ["Offer", "Bargain"]})
        place.apply()
        held = {name: place.ids(name)[("opportunity", "pipelines", "line")].stages for name in place.boxes}
        offers = {name: next(ids for key, ids in of.items() if key.name == "second")[0] for name, of in held.items()}
        write(place, {"first": ["Talk", "Offer"], "second": ["Bargain"]})
        for name in place.boxes:
            (tables,) = load_workspace(place.root).mappings[name].entities.values()
            assert all(one.unmade for one in tables.tables()), "a sync would write by the old places"
        report = place.apply()
        assert not [one for one in report.done if isinstance(one.step.doing, RetireStage)]
        for name in place.boxes:
            now = place.ids(name)[("opportunity", "pipelines", "line")].stages
            assert offers[name] in next(ids for key, ids in now.items() if key.name == "first")
        assert place.plan().is_empty


def test_a_value_that_two_stages_shared_can_be_split(tmp_path: Path) -> None:
    with systems(tmp_path / "ws") as place:
        write(place, {"first": ["Talk"], "second": ["Talk"]}, 'lands_on = { Talk = "first" }')
        place.apply()
        write(place, {"first": ["Talk"], "second": ["Offer"]})
        report = place.apply()
        assert report.exit_code == 0, report.as_json()
        assert {one.step.action for one in report.done} >= {"add-stage"}
        assert place.plan().is_empty


def test_a_stage_may_be_an_outcome_too(tmp_path: Path) -> None:
    with systems(tmp_path / "ws") as place:
        write(place, {"first": ["Talk"], "second": ["Order won"]})
        assert place.apply().exit_code == 0
        assert place.plan().is_empty


def test_a_plan_is_stale_when_other_records_are_in_the_stage(place: Systems) -> None:
    first = deal(place, "hubspot", "third")
    place.write(files(without="third", retire={"third": "second"}))
    saved = place.plan().as_json()
    world, ids = place.boxes["hubspot"].world, place.ids("hubspot")[("opportunity", "pipelines", "line")]
    fourth = next(found for key, (found,) in ids.stages.items() if key.name == "fourth")
    world.edit("deals", first, dealstage=fourth)
    later = deal(place, "hubspot", "third")
    with pytest.raises(StalePlanError):
        place.apply(saved=saved)
    assert stage_of(place, "hubspot", later) == "Offer"


def test_a_record_that_left_the_pipeline_meanwhile_is_not_meant() -> None:
    place = ("salesforce", "Opportunity", "StageName", "Offer", "Talk")
    move = Move(*place, ("006A",), Kind.OPPORTUNITY, ("RecordType.DeveloperName", "Line"))
    there = {"StageName": "Offer", "RecordType.DeveloperName": "Line"}
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert move.is_meant(Seen("006A", there, at))
    assert not move.is_meant(Seen("006A", {**there, "RecordType.DeveloperName": "Other"}, at))
    assert not move.is_meant(Seen("006A", {**there, "StageName": "Talk"}, at))
    assert not move.is_meant(Gone("006A"))
