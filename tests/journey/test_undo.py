"""Undo restores exactly what still holds what the run wrote: any history, any run of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.errors import ConfigError, GuardError, StalePlanError
from instep.mapping.load import load_workspace
from instep.sync.run import apply_plan, plan_only, save_plan, undo

from ..semantics.cases import Stage, claims, play
from ..thorough import examples

Held = dict[tuple[str, str, str, str], Any]
Day = list[tuple[str, str, str]]
NAMES = ("jane", "joan")
EDITS = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(NAMES),
    st.sampled_from(
        [
            "title=CTO",
            "title=CEO",
            "-title",
            "city=Rome",
            "city=Bern",
            "city=bern",
            "stage=interest",
            "stage=decision",
        ]
    ),
)
DAYS = st.lists(st.lists(EDITS, max_size=3), min_size=1, max_size=4)


def held(stage: Stage) -> Held:
    """What every live record holds, field by field."""
    return {
        (name, object, id, field): value
        for name, system in stage.systems.items()
        for object in system.objects
        for id, row in system.live(object).items()
        for field, value in row.fields.items()
        if field != "instep_id"
    }


def edited(stage: Stage, edits: Day) -> None:
    play(stage, "; ".join(f"{system}.{name} {change}" for system, name, change in edits))


HISTORIES = given(DAYS, st.lists(EDITS, max_size=3), st.data())


@settings(deadline=None, max_examples=examples(30))
@HISTORIES
def test_what_nobody_touched_is_as_before_and_no_edit_is_overwritten(
    days: list[Day], later: Day, data: st.DataObject
) -> None:
    is_taken_back_exactly(days, later, data)


@pytest.mark.ci
@settings(deadline=None, max_examples=90)
@HISTORIES
def test_the_same_over_many_histories(days: list[Day], later: Day, data: st.DataObject) -> None:
    is_taken_back_exactly(days, later, data)


def is_taken_back_exactly(days: list[Day], later: Day, data: st.DataObject) -> None:
    """Play a history, take back any run of it, and compare with what every record held before that run."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, "a.jane; a.joan; sync")
        runs: list[tuple[int, Held, Held]] = []
        for day in days:
            edited(stage, day)
            before = held(stage)
            stage.sync()
            assert stage.outcome is not None
            if sum(stage.written.values()):
                runs.append((stage.outcome.run, before, held(stage)))
        edited(stage, later)
        if not runs:
            return
        run, before, after = data.draw(st.sampled_from(runs))
        now = held(stage)
        undo(stage.workspace(), stage.world(), run, write=True)
        wrote = {key for key in after if after[key] != before.get(key)}
        wanted = {key: before.get(key) if key in wrote and now[key] == after[key] else now[key] for key in now}
        assert held(stage) == wanted
        play(stage, "sync; sync; sync")
        assert sum(stage.written.values()) == 0


# --- like any other plan -----------------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    play(stage, "; ".join(f"a.p{n} title=CTO" for n in range(20)) + "; sync")
    return stage


def test_what_somebody_changed_since_stays(stage: Stage) -> None:
    play(stage, "a.p1 title=CEO; sync; b.p1 title=Boss")
    left = undo(stage.workspace(), stage.world(), last_run(stage), write=True).plan.left
    assert [(one["what"], one["why"].split(",")[0]) for one in left] == [("title", "it was changed since")]
    assert claims(stage, "b.p1 title=Boss") == []


def last_run(stage: Stage) -> int:
    assert stage.outcome is not None
    return stage.outcome.run


def retitled(stage: Stage, count: int) -> int:
    """So many people get another title, and a run tells the other system; its number."""
    play(stage, "; ".join(f"a.p{n} title=CEO" for n in range(count)) + "; sync")
    for system in stage.systems.values():
        system.writes.clear()
    return last_run(stage)


def written(stage: Stage) -> int:
    return sum(len(system.writes) for system in stage.systems.values())


def test_a_plan_of_an_undo_writes_nothing_until_it_is_applied(stage: Stage) -> None:
    run = retitled(stage, 3)
    outcome = undo(stage.workspace(), stage.world(), run)
    assert (written(stage), len(outcome.plan.changes)) == (0, 3)
    save_plan(stage.workspace(), outcome, stage.root / "undo.json")
    saved = json.loads((stage.root / "undo.json").read_text())
    assert apply_plan(stage.workspace(), stage.world(), saved).status == "done"
    assert written(stage) == 3
    with pytest.raises(StalePlanError):
        apply_plan(stage.workspace(), stage.world(), saved)
    assert written(stage) == 3


def test_a_plan_of_an_undo_is_stale_after_another_run(stage: Stage) -> None:
    run = retitled(stage, 3)
    save_plan(stage.workspace(), undo(stage.workspace(), stage.world(), run), stage.root / "undo.json")
    play(stage, "a.p9 title=Boss; sync")
    stage.systems["b"].writes.clear()
    with pytest.raises(StalePlanError):
        apply_plan(stage.workspace(), stage.world(), json.loads((stage.root / "undo.json").read_text()))
    assert written(stage) == 0


def test_a_plan_of_one_run_does_not_take_back_another_one(stage: Stage) -> None:
    first = retitled(stage, 3)
    play(stage, "; ".join(f"a.p{n} city=Rome" for n in range(3)) + "; sync")
    stage.systems["b"].writes.clear()
    save_plan(stage.workspace(), undo(stage.workspace(), stage.world(), first), stage.root / "undo.json")
    saved = json.loads((stage.root / "undo.json").read_text())
    saved["undoes"]["run"] = last_run(stage)
    with pytest.raises(StalePlanError):
        apply_plan(stage.workspace(), stage.world(), saved)
    assert written(stage) == 0


def test_guards_stop_an_undo_that_would_change_surprisingly_much(stage: Stage) -> None:
    run = retitled(stage, 6)
    settings = stage.root / "sync.toml"
    settings.write_text(settings.read_text() + "[guards]\npercent = 25\n")
    workspace = load_workspace(stage.root)
    with pytest.raises(GuardError):
        undo(workspace, stage.world(), run, write=True)
    assert written(stage) == 0
    save_plan(workspace, undo(workspace, stage.world(), run), stage.root / "undo.json")
    saved = json.loads((stage.root / "undo.json").read_text())
    assert apply_plan(workspace, stage.world(), saved, past_guards=True).status == "done"
    assert written(stage) == 6


@pytest.mark.parametrize("wrong", [99, 0, -1])
def test_there_must_be_such_a_run(stage: Stage, wrong: int) -> None:
    with pytest.raises(ConfigError, match=f"There is no run {wrong}. See: instep runs"):
        undo(stage.workspace(), stage.world(), wrong, write=True)


def test_a_run_that_wrote_nothing_cannot_be_undone(stage: Stage) -> None:
    run = plan_only(stage.workspace(), stage.world()).run
    with pytest.raises(ConfigError, match=f"Run {run} wrote nothing"):
        undo(stage.workspace(), stage.world(), run, write=True)


def test_nobody_is_opted_in_even_if_the_undo_goes_wrong(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    play(stage, "files: b keeps consent in = out; a.p1 optout=yes; sync")
    monkeypatch.setattr("instep.sync.undo.keeps_consent", lambda live, consent, field: False)
    undo(stage.workspace(), stage.world(), last_run(stage), write=True)
    assert stage.systems["b"].objects["people"][str(stage.find("b", "p1"))].fields["out"] == "yes"
