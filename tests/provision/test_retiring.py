"""A stage is retired when its records are elsewhere, and not a moment before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.errors import ConfigError, GuardError
from instep.mapping.load import load_workspace
from instep.provision.steps import MoveRecords
from instep.store import Store
from instep_salesforce.sandbox.library import library

from .systems import Files, Listed, Systems, Table, systems

STEPS = {
    "first": ("First talk", 0.1),
    "second": ("Short list", 0.3),
    "third": ("Offer", 0.6),
    "fourth": ("Contract", 0.9),
}


def files(*, without: str = "", retire: dict[str, str] | None = None, moved: dict[str, str] | None = None) -> Files:
    """A process of four steps, in both systems; perhaps without one of them."""
    keys = [key for key in STEPS if key != without or not moved]
    listed = [Listed(key, *STEPS[key]) for key in STEPS if key != without]
    tables = {name: [Table("line", "Line", list(listed), retire=retire or {})] for name in ("hubspot", "salesforce")}
    return Files(keys, tables, moved or {})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Systems]:
    with systems(tmp_path / "ws") as place:
        place.write(files())
        place.apply()
        yield place


def deal(place: Systems, name: str, step: str) -> str:
    """A deal at a step, made by a colleague in that system."""
    known = place.ids(name)[("opportunity", "pipelines", "line")]
    every = {**known.retiring, **known.stages}
    (stage,) = next(ids for key, ids in every.items() if key.name == step)
    if name == "hubspot":
        fields = {"dealname": "A deal", "pipeline": known.pipeline, "dealstage": stage}
        return str(place.boxes[name].world.create("deals", **fields))
    with library(place.boxes[name].settings) as sf:
        type = sf.query(f"SELECT Id FROM RecordType WHERE DeveloperName = '{known.pipeline}'")["records"][0]["Id"]
        fields = {"Name": "A deal", "StageName": stage, "CloseDate": "2027-01-01", "RecordTypeId": type}
        return str(sf.Opportunity.create(fields)["id"])


def stage_of(place: Systems, name: str, id: str) -> str:
    """What people see of a deal's stage."""
    if name == "hubspot":
        world = place.boxes[name].world
        held = world.read("deals", id)
        return next(one.label for one in world.stages("deals", held["pipeline"]) if one.id == held["dealstage"])
    with library(place.boxes[name].settings) as sf:
        return str(sf.Opportunity.get(id)["StageName"])


def labels(place: Systems, name: str) -> set[str]:
    """The stages that people can choose in our pipeline."""
    (system,) = [one for one in place.plan().systems if one.connection == name]
    (bound,) = system.compared.bounds
    assert bound.pipeline is not None
    return {stage.label for stage in bound.pipeline.stages if stage.active}


def journal(place: Systems) -> list[tuple[Any, ...]]:
    with Store(load_workspace(place.root).store) as store:
        return store.rows("SELECT connection, action, state, record, before, after, reason FROM journal ORDER BY seq")


def test_records_go_first_and_the_journal_knows_of_each(place: Systems) -> None:
    ids = {name: [deal(place, name, "third"), deal(place, name, "third")] for name in place.boxes}
    stays = {name: deal(place, name, "fourth") for name in place.boxes}
    place.write(files(without="third", retire={"third": "second"}))
    plan = place.plan()
    moves = [step for system in plan.systems for step in system.steps if isinstance(step.doing, MoveRecords)]
    assert [len(step.doing.records) for step in moves] == [2, 2]  # type: ignore[union-attr]
    report = place.apply()
    assert report.exit_code == 0, report.as_json()
    for name in place.boxes:
        assert [stage_of(place, name, id) for id in ids[name]] == ["Short list", "Short list"]
        assert stage_of(place, name, stays[name]) == "Contract"
        assert "Offer" not in labels(place, name)
    rows = journal(place)
    assert sorted((row[0], row[1], row[2]) for row in rows) == sorted(
        (name, "update", "confirmed") for name in place.boxes for _ in range(2)
    )
    assert {row[3] for row in rows} == {id for of in ids.values() for id in of}
    assert all("its stage is retired" in json.loads(row[6])["why"].values() for row in rows)
    assert place.plan().is_empty


def test_without_a_destination_nothing_is_done_and_the_count_is_said(place: Systems) -> None:
    for name in place.boxes:
        deal(place, name, "third")
    place.write(files(without="third"))
    with pytest.raises(ConfigError, match="1 record is in it"):
        place.apply()
    assert all("Offer" in labels(place, name) for name in place.boxes)
    assert "second" in str([finding.remedy for finding in place.plan().wrong])


def test_a_stage_without_records_needs_no_destination(place: Systems) -> None:
    place.write(files(without="third"))
    assert place.apply().exit_code == 0
    assert all("Offer" not in labels(place, name) for name in place.boxes)


def test_a_stage_whose_key_moved_to_another_takes_its_records_along(place: Systems) -> None:
    ids = {name: deal(place, name, "third") for name in place.boxes}
    place.write(files(without="third", moved={"third": "fourth"}))
    assert place.apply().exit_code == 0
    assert {name: stage_of(place, name, id) for name, id in ids.items()} == dict.fromkeys(place.boxes, "Contract")


def test_a_renamed_key_keeps_its_stage(place: Systems) -> None:
    changed = files()
    changed.process = ["third-step" if key == "third" else key for key in changed.process]
    for tables in changed.tables.values():
        for stage in tables[0].stages:
            stage.key = "third-step" if stage.key == "third" else stage.key
    changed.moved = {"third": "third-step"}
    before = {name: place.ids(name)[("opportunity", "pipelines", "line")].pipeline for name in place.boxes}
    place.write(changed)
    report = place.apply()
    assert report.done == []
    assert {name: place.ids(name)[("opportunity", "pipelines", "line")].pipeline for name in place.boxes} == before
    assert place.plan().is_empty


def test_too_many_records_to_move_stop_at_the_guard(place: Systems) -> None:
    sync = place.root / "sync.toml"
    sync.write_text(sync.read_text() + "\n[guards.provision]\nmoves = 1\n")
    for name in place.boxes:
        deal(place, name, "third")
        deal(place, name, "third")
    place.write(files(without="third", retire={"third": "second"}))
    with pytest.raises(GuardError, match="2 records are moved, and at most 1"):
        place.apply()
    assert all("Offer" in labels(place, name) for name in place.boxes)
    assert place.apply(past_guards=True).exit_code == 0


def test_a_record_that_enters_at_the_last_moment_keeps_its_stage_and_the_next_apply_takes_it(place: Systems) -> None:
    gone = deal(place, "hubspot", "third")
    place.write(files(without="third", retire={"third": "second"}))
    late: list[str] = []

    def boundary(label: str) -> None:
        if "stage" in label and "delete" in label and not late and not label.endswith("answered"):
            late.append(deal(place, "hubspot", "third"))

    report = place.apply(boundary)
    assert late, "no request deletes a stage"
    assert [one.state for one in report.done if one.connection == "hubspot"] == ["applied", "failed"]
    assert stage_of(place, "hubspot", gone) == "Short list"
    assert stage_of(place, "hubspot", late[0]) == "Offer"
    assert place.apply().exit_code == 0
    assert stage_of(place, "hubspot", late[0]) == "Short list"
    assert "Offer" not in labels(place, "hubspot")


def test_a_pipeline_whose_table_has_another_name_is_found_again(place: Systems) -> None:
    before = {name: place.ids(name)[("opportunity", "pipelines", "line")] for name in place.boxes}
    changed = files()
    for tables in changed.tables.values():
        tables[0].key = "renamed"
    place.write(changed)
    assert place.apply().done == []
    after = {name: place.ids(name) for name in place.boxes}
    assert after == {name: {("opportunity", "pipelines", "renamed"): ids} for name, ids in before.items()}


def test_a_pipeline_that_no_file_names_any_more_is_left_alone_and_named(place: Systems) -> None:
    changed = files()
    for tables in changed.tables.values():
        tables[0].key, tables[0].label = "other", "Other"
    place.write(changed)
    assert {one.step.action for one in place.apply().done} == {"add-pipeline"}
    plan = place.plan()
    assert plan.is_empty
    found = [(one.connection, one.code) for system in plan.systems for one in system.findings]
    assert [one for one in found if one[1] == "pipeline-unwanted"] == [
        (name, "pipeline-unwanted") for name in place.boxes
    ]
