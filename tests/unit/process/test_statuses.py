"""`process coverage` names the statuses that a system has and no stage stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.contract import Pipeline, SystemStage
from instep.mapping.load import load_workspace
from instep.mapping.statuses import Status, listed_statuses, unmapped_statuses
from instep.sync.run import sync
from instep.sync.transport import World
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox

EXTRA = [
    {"label": "Scouting", "metadata": {"probability": "0.1"}, "stageId": "scouting"},
    {"label": "Done", "metadata": {"probability": "1.0"}, "stageId": "done"},
]


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with hubspot_sandbox() as running:
        yield running


@pytest.fixture
def root(tmp_path: Path, sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", sandbox.settings["access_token"])
    (tmp_path / "mappings").mkdir()
    (tmp_path / "sync.toml").write_text(f'[connections.hubspot]\nplugin = "hubspot"\nbase_url = "{sandbox.url}"\n')
    (tmp_path / "mappings/process.toml").write_text('preset = "b2b-11"\n')
    (tmp_path / "mappings/hubspot.toml").write_text(hubspot.starter_mapping)
    return tmp_path


def coverage(root: Path, *more: str) -> Result:
    result = CliRunner().invoke(instep, ["process", "coverage", "-w", str(root), *more])
    assert result.exit_code == 0, result.output
    return result


def test_asked_live_a_system_in_which_all_is_mapped_has_none(root: Path) -> None:
    assert coverage(root, "--live").stdout.endswith("\nhubspot: every status that it has is mapped.\n")


def test_asked_live_every_pipeline_and_list_is_looked_at(root: Path, sandbox: Any) -> None:
    sandbox.world.add_pipeline("deals", "Scouts", EXTRA, id="scouts")
    sandbox.world.set_options("contacts", "lifecyclestage", [("lead", "Lead"), ("trial", "In trial")])
    lines = coverage(root, "--live").stdout.splitlines()
    assert lines[-4:] == [
        "hubspot has 3 statuses that mean nothing here:",
        '  deals in pipeline scouts: "scouting" (Scouting)',
        '  deals in pipeline scouts: "done" (Done)',
        '  contacts: "trial" (In trial)',
    ]
    found = json.loads(coverage(root, "--live", "--json").stdout)
    assert found["statuses_from"] == "systems"
    assert [(one["pipeline"], one["value"]) for one in found["unmapped"]] == [
        ("scouts", "scouting"),
        ("scouts", "done"),
        (None, "trial"),
    ]


def test_before_anything_was_read_nothing_is_claimed(root: Path) -> None:
    result = coverage(root)
    assert "mean nothing here" not in result.stdout
    assert "--live asks for them" in result.stderr
    assert json.loads(coverage(root, "--json").stdout)["statuses_from"] is None


def test_what_was_read_is_counted_record_by_record(root: Path, sandbox: Any) -> None:
    sandbox.world.add_pipeline("deals", "Scouts", EXTRA, id="scouts")
    for name in ("One", "Two"):
        sandbox.world.create("deals", dealname=name, pipeline="scouts", dealstage="scouting")
    sandbox.world.create("contacts", email="a@x.example", lifecyclestage="lead")
    sandbox.world.create("contacts", email="b@x.example")
    sync(load_workspace(root), World())
    assert coverage(root).stdout.splitlines()[-2:] == [
        "hubspot has 1 status that means nothing here:",
        '  deals in pipeline scouts: "scouting": 2 records',
    ]


def test_a_status_of_another_pipeline_is_no_spelling_of_this_one(root: Path) -> None:
    mapping = load_workspace(root).mappings["hubspot"]
    elsewhere = Status("deals", "other", "qualifiedtobuy")
    here = Status("deals", "default", "qualifiedtobuy")
    won = Status("deals", "default", "closedwon")
    assert [one.status for one in unmapped_statuses(mapping, [elsewhere, here, won])] == [elsewhere]


def test_lists_of_objects_without_stages_are_left_out(root: Path) -> None:
    mapping = load_workspace(root).mappings["hubspot"]
    stage = SystemStage("lead", "Lead", 0)
    found = [
        Pipeline("companies", "lifecyclestage", "", (stage,)),
        Pipeline("contacts", "hs_lead_status", "", (stage,)),
    ]
    assert list(listed_statuses(mapping, found)) == []
