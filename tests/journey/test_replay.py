"""Replaying changed files: before anybody switches, they see what would have become of everybody."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from instep import errors
from instep.cli.main import instep
from instep.cli.replay_view import replay_text
from instep.contract import BehaviourSeen
from instep.mapping.load import load_workspace
from instep.store.segments import columns_path
from instep.sync.override import Setting, set_stage, withdraw
from instep.sync.replay import Replay, replay
from instep.sync.replay import run as replaying
from instep.sync.replay.files import replacements
from instep.sync.run import plan_only, sync

from ..semantics.cases import Stage, play

SCORING = "points = { webinar = 10, trial = 30 }\nbands = { cold = 0, warm = 25 }\n"


@pytest.fixture(params=["rows", "columns"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything is claimed of both ways to replay."""
    monkeypatch.setattr(replaying, "FEW", 0 if request.param == "columns" else 1_000)
    return str(request.param)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Jane attended a webinar, Joan started a trial, both in step in two systems."""
    stage = Stage(tmp_path)
    stage.config |= {"scoring": SCORING, "quarantine": "tries = 5\n[guards]\nenabled = false"}
    play(stage, "a.jane; a.joan; a.jim; sync; sync")
    for number, (who, what) in enumerate((("jane", "webinar"), ("joan", "trial"))):
        act = BehaviourSeen(str(number), "act", stage.clock.now, "buyer", (("people", who),), None, {"what": what})
        stage.systems["a"].behaviours.append(act)
    play(stage, "sync; sync")
    return stage


def changed(stage: Stage, name: str, old: str, new: str) -> Path:
    """A changed file, beside the workspace."""
    text = (stage.root / "mappings" / f"{name}.toml").read_text()
    assert old in text or not old
    (stage.root / "drafts").mkdir(exist_ok=True)
    file = stage.root / "drafts" / f"{name}.toml"
    file.write_text(text.replace(old, new) if old else text + new)
    return file


def replayed(stage: Stage, *files: Path | str) -> Replay:
    workspace = stage.workspace()
    return replay(workspace, stage.world(), replacements(workspace.root, [str(file) for file in files]))


def moves(found: Replay) -> set[tuple[str, str, str | None, str | None, int]]:
    return {(m["kind"], m["aspect"], m["from"], m["to"], m["count"]) for m in found.as_json()["moves"]}


def writes(found: Replay) -> dict[tuple[str, str], int]:
    return {(w["connection"], w["field"]): w["more"] for w in found.as_json()["writes"]}


def test_columns_that_are_damaged_between_two_replays_make_no_difference(stage: Stage, engine: str) -> None:
    draft = changed(stage, "scoring", "warm = 25", "warm = 5")
    before = replayed(stage, draft).as_json()
    assert before["moves"]
    path = columns_path(stage.workspace().store)
    assert path.exists() is (engine == "columns")
    if engine == "columns":
        with sqlite3.connect(path) as raw:
            raw.execute("UPDATE segment SET data = zeroblob(length(data)) WHERE projection = 'entities/person'")
        raw.close()
    assert replayed(stage, draft).as_json() == before


# --- what it says ----------------------------------------------------------------------------------------------


def test_files_that_say_the_same_make_no_difference(stage: Stage, engine: str) -> None:
    assert replayed(stage, changed(stage, "scoring", "", "\n# a comment\n")).tally.is_empty


def test_one_changed_rule_is_exactly_its_effect(stage: Stage, engine: str) -> None:
    found = replayed(stage, changed(stage, "scoring", "webinar = 10", "webinar = 28"))
    assert moves(found) == {("person", "score", "0", "27", 1), ("person", "band", "cold", "warm", 1)}
    assert writes(found) == {("a", "score"): 1, ("b", "score"): 1}


def test_a_changed_entry_rule_moves_whoever_it_is_about_and_says_what_would_be_written(
    stage: Stage, engine: str
) -> None:
    file = changed(stage, "process", 'enter = { any = ["trial"] }', 'enter = { any = ["trial"], times = 2 }')
    found = replayed(stage, file)
    assert moves(found) == {("person", "stage", "decision", None, 1)}
    stages = {row["stage"]: row for row in found.as_json()["stages"]}
    assert stages["decision"]["persons"] == {"before": 1, "after": 0}
    assert stages["decision"]["journeys"] == {"before": 1, "after": 0}
    assert stages["consideration"]["conversion"] == {"before": 0.5, "after": 0.0}


def test_what_is_replayed_is_what_the_switch_then_does(stage: Stage, engine: str) -> None:
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    found = replayed(stage, file)
    (stage.root / "mappings" / "scoring.toml").write_text(file.read_text())
    stage.config["scoring"] = file.read_text()
    outcome = sync(stage.workspace(), stage.world())
    done = [(c.connection, v.name) for c in outcome.plan.changes for v in c.values]
    assert {key: done.count(key) for key in done} == writes(found)


def test_files_that_no_run_has_followed_yet_are_what_a_changed_one_is_compared_with(
    stage: Stage, engine: str
) -> None:
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    stage.config["scoring"] = file.read_text()
    stage.workspace()
    found = replayed(stage, changed(stage, "scoring", "trial = 30", "trial = 20"))
    assert moves(found) == {("person", "score", "30", "19", 1), ("person", "band", "warm", "cold", 1)}


def test_another_colleague_who_would_be_given_buyers_is_seen(stage: Stage, engine: str) -> None:
    rule = '\n[[assign]]\nkind = "person"\nwhen = "blank"\nrole = "sales"\n'
    found = replayed(stage, changed(stage, "team", "", rule))
    assert ("person", "owner", None, "ann", 3) in moves(found)


def test_a_system_that_spells_a_stage_otherwise_is_seen(stage: Stage, engine: str) -> None:
    spelled = 'consideration = "consideration", decision = "decision"'
    swapped = 'consideration = "decision", decision = "consideration"'
    found = replayed(stage, changed(stage, "b", spelled, swapped))
    assert (moves(found), writes(found)) == (set(), {("b", "stage"): 2})


def test_a_word_that_would_mean_nothing_any_more_is_said(stage: Stage, engine: str) -> None:
    found = replayed(stage, changed(stage, "b", 'decision = "decision"', 'decision = "deciding"'))
    assert found.as_json()["notes"] == [{"code": "unmapped", "connection": "b", "before": 0, "after": 1}]


def test_an_activity_that_another_mapping_names_otherwise_is_judged_by_that_name(stage: Stage, engine: str) -> None:
    found = replayed(stage, changed(stage, "a", 'behaviour = "webinar"', 'behaviour = "training"'))
    assert ("person", "stage", "consideration", "implemented", 1) in moves(found)


def test_several_files_are_replayed_together(stage: Stage, engine: str) -> None:
    entry = changed(stage, "process", 'enter = { any = ["trial"] }', 'enter = { any = ["trial"], times = 2 }')
    points = changed(stage, "scoring", "trial = 30", "trial = 1")
    aspects = {move[1] for move in moves(replayed(stage, entry, points))}
    assert aspects == {"stage", "score", "band"}


def test_a_version_of_the_process_is_replayed_before_its_day(stage: Stage, engine: str) -> None:
    text = (stage.root / "mappings" / "process.toml").read_text()
    later = text.replace('enter = { any = ["trial"] }', 'enter = { any = ["trial"], times = 2 }')
    (stage.root / "mappings" / "process-2027-01-01.toml").write_text(later)
    workspace = load_workspace(stage.root, date(2026, 3, 2))
    assert replay(workspace, stage.world(), ()).tally.is_empty
    found = replay(workspace, stage.world(), (), today=date(2027, 1, 1))
    assert moves(found) == {("person", "stage", "decision", None, 1)}
    assert found.as_json()["version"] == "mappings/process-2027-01-01.toml"


# --- what it leaves alone --------------------------------------------------------------------------------------


def everything(stage: Stage) -> str:
    """All rows of the state, but for what is noted for columns."""
    with sqlite3.connect(stage.root / ".instep" / "state.db") as state:
        lines = [line for line in state.iterdump() if '"touched"' not in line and "'columns'" not in line]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_nothing_is_touched_here_or_anywhere(stage: Stage, engine: str) -> None:
    before = everything(stage), [len(system.writes) for system in stage.systems.values()]
    for system in stage.systems.values():
        system.down = True
    assert not replayed(stage, changed(stage, "scoring", "webinar = 10", "webinar = 28")).tally.is_empty
    assert (everything(stage), [len(system.writes) for system in stage.systems.values()]) == before


def test_a_sync_after_a_replay_writes_nothing(stage: Stage, engine: str) -> None:
    replayed(stage, changed(stage, "scoring", "webinar = 10", "webinar = 28"))
    assert sync(stage.workspace(), stage.world()).plan.is_empty


def test_what_changed_since_the_last_run_is_part_of_both_sides(stage: Stage, engine: str) -> None:
    act = BehaviourSeen("2", "act", stage.clock.now, "buyer", (("people", "jim"),), None, {"what": "webinar"})
    stage.systems["a"].behaviours.append(act)
    plan_only(stage.workspace(), stage.world())
    found = replayed(stage, changed(stage, "scoring", "webinar = 10", "webinar = 28"))
    assert ("person", "score", "0", "28", 1) in moves(found)


def test_an_override_that_was_withdrawn_before_any_run_is_part_of_neither_side(stage: Stage, engine: str) -> None:
    set_stage(stage.workspace(), stage.world(), "jim@x.example", Setting("decision", "they asked", "ada", None))
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    assert replayed(stage, file).tally.after.shown["decision"] == 2
    stage.clock.now += timedelta(minutes=5)
    withdraw(stage.workspace(), stage.world(), "jim@x.example")
    assert replayed(stage, file).tally.after.shown["decision"] == 1


# --- what is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("drafts/none.toml", "there is no such file"),
        ("drafts", "this is a folder"),
        ("sync=drafts/scoring.toml", "drafts/scoring.toml:1: No connection is configured"),
        ("scorng=drafts/scoring.toml", 'Did you mean "scoring"?'),
    ],
)
def test_a_file_that_stands_for_nothing_is_named(stage: Stage, given: str, said: str, monkeypatch: Any) -> None:
    changed(stage, "scoring", "webinar = 10", "webinar = 28")
    monkeypatch.chdir(stage.root)
    with pytest.raises(errors.ConfigError, match=said.replace("?", r"\?")):
        replayed(stage, given)


def test_every_mistake_of_a_changed_file_is_told_by_the_name_of_that_file(stage: Stage) -> None:
    file = changed(stage, "scoring", "webinar = 10", 'webinr = 10, trail = "x"')
    with pytest.raises(errors.ConfigError) as failed:
        replayed(stage, file)
    lines = str(failed.value).splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(str(file)) for line in lines)


def test_a_stage_that_journeys_are_at_and_that_the_changed_file_drops_is_named(stage: Stage, engine: str) -> None:
    text = (stage.root / "mappings" / "process.toml").read_text()
    other = text.replace('preset = "b2b-11"', 'preset = "b2b-11"\nreplace_stages = true')
    file = stage.root / "process.toml"
    file.write_text(other)
    for name in ("a", "b"):
        mapping = (stage.root / "mappings" / f"{name}.toml").read_text()
        assert mapping
    with pytest.raises(errors.ConfigError):
        replayed(stage, file)


def test_without_a_state_there_is_nothing_to_replay(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write_files()
    with pytest.raises(errors.ConfigError, match="Nothing has been synced here yet"):
        replayed(stage, changed(stage, "scoring", "", "points = { webinar = 1 }\n"))


# --- the command -----------------------------------------------------------------------------------------------


@pytest.fixture
def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command in the workspace of this story, whose connectors are known to this test alone."""
    stage.workspace()
    monkeypatch.setattr("instep.cli.replay.world", stage.world)
    return lambda *args: CliRunner().invoke(instep, ["replay", *args, "-w", str(stage.root)])


def test_the_command_says_the_same_in_text_json_and_markdown(
    stage: Stage, run: Callable[..., Any], tmp_path: Path
) -> None:
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    text = run("--with", str(file))
    assert "band: 1 person would differ" in text.stdout
    assert "cold -> warm" in text.stdout
    document = json.loads(run("--with", str(file), "--json").stdout)
    assert document["is_empty"] is False
    report = tmp_path / "report.md"
    run("--with", str(file), "--markdown", str(report))
    assert "jane" not in report.read_text()
    run("--with", str(file), "--markdown", str(report), "--show-values")
    assert "jane" in report.read_text()


def test_a_difference_is_an_exit_code_where_it_is_asked_for(stage: Stage, run: Callable[..., Any]) -> None:
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    same = changed(stage, "team", "", "\n# the same\n")
    assert run("--with", str(file)).exit_code == 0
    assert run("--with", str(file), "--detailed-exitcode").exit_code == 2
    assert run("--with", str(same), "--detailed-exitcode").exit_code == 0
    assert run().exit_code == 2


# --- what a sync would stop at -----------------------------------------------------------------------------------


def guarded(stage: Stage, table: str) -> Stage:
    stage.config |= {"quarantine": f"tries = 5\n[guards]\n{table}"}
    stage.write_files()
    return stage


def test_a_replay_says_at_what_the_sync_after_the_switch_would_stop(stage: Stage, engine: str) -> None:
    guarded(stage, "[guards.score]\nrecords = 0")
    file = changed(stage, "scoring", "webinar = 10", "webinar = 28")
    found = replayed(stage, file)
    limits = found.as_json()["beyond_limits"]
    assert [(one["connection"], one["object"], one["what"], one["count"]) for one in limits] == [
        ("a", "people", "score", 1),
        ("b", "people", "score", 1),
    ]
    assert "A sync would stop" in replay_text(found)
    stage.config["scoring"] = file.read_text()
    with pytest.raises(errors.GuardError, match=r"a/people: score 1 records"):
        sync(stage.workspace(), stage.world())


def test_a_replay_within_all_limits_says_nothing_of_them(stage: Stage, engine: str) -> None:
    guarded(stage, "[guards.score]\nrecords = 1")
    found = replayed(stage, changed(stage, "scoring", "webinar = 10", "webinar = 28"))
    assert found.as_json()["beyond_limits"] == []
    assert "would stop" not in replay_text(found)


def test_a_value_that_would_be_taken_away_counts_for_the_limit_of_clearing(stage: Stage, engine: str) -> None:
    stage.config |= {"told": "band"}
    play(stage, "sync; sync")
    guarded(stage, "[guards.clear]\nrecords = 0")
    file = changed(stage, "scoring", "bands = { cold = 0, warm = 25 }", "bands = { warm = 25 }")
    limits = replayed(stage, file).as_json()["beyond_limits"]
    assert {(one["connection"], one["what"]) for one in limits} == {("a", "clear"), ("b", "clear")}
    stage.config["scoring"] = file.read_text()
    with pytest.raises(errors.GuardError, match=f"a/people: clear {limits[0]['count']} records"):
        sync(stage.workspace(), stage.world())
