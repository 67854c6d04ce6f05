"""Plans: what `plan` leaves untouched, and when `apply` refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from instep.errors import AccessError, BusyError, StalePlanError
from instep.store import Store
from instep.sync.run import Outcome, apply_plan, plan_only, save_plan, sync, undo

from ..semantics.cases import Stage, claims, play


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    play(stage, "a.jane title=CTO; b.jane city=Bern; sync")
    play(stage, "a.jane title=CEO; b.joan title=CFO")
    return stage


def saved(stage: Stage) -> dict[str, Any]:
    outcome = plan_only(stage.workspace(), stage.world())
    save_plan(stage.workspace(), outcome, stage.root / "plan.json")
    for system in stage.systems.values():
        system.writes.clear()
    plan: dict[str, Any] = json.loads((stage.root / "plan.json").read_text())
    return plan


def written(stage: Stage) -> list[tuple[str, str]]:
    return [write for system in stage.systems.values() for write in system.writes]


def apply(stage: Stage, plan: dict[str, Any]) -> Outcome:
    return apply_plan(stage.workspace(), stage.world(), plan)


def test_a_plan_writes_nothing_and_decides_nothing(stage: Stage) -> None:
    with Store(stage.root / ".instep" / "state.db") as store:
        before = store.rows("SELECT * FROM entity"), store.rows("SELECT * FROM base")
    plan = saved(stage)
    assert plan["counts"] == {"a": {"people": {"create": 1}}, "b": {"people": {"update": 1}}}
    assert written(stage) == []
    with Store(stage.root / ".instep" / "state.db") as store:
        assert (store.rows("SELECT * FROM entity"), store.rows("SELECT * FROM base")) == before


def test_a_saved_plan_does_exactly_what_it_says(stage: Stage) -> None:
    outcome = apply(stage, saved(stage))
    assert outcome.status == "done"
    assert len(written(stage)) == 2
    assert claims(stage, "b.jane title=CEO; a.joan title=CFO") == []


def test_the_same_plan_comes_out_the_same_every_time(stage: Stage) -> None:
    assert saved(stage)["digest"] == saved(stage)["digest"]


def test_a_plan_is_applied_once(stage: Stage) -> None:
    plan = saved(stage)
    apply(stage, plan)
    with pytest.raises(StalePlanError, match="local state changed"):
        apply(stage, plan)


def test_a_plan_is_stale_when_a_plugin_was_upgraded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instep.sync.run.brought_by", lambda name: f"instep-{name} 1.0")
    plan = saved(stage)
    monkeypatch.setattr("instep.sync.run.brought_by", lambda name: f"instep-{name} 1.1")
    with pytest.raises(StalePlanError, match="plugin of a changed since"):
        apply(stage, plan)
    assert written(stage) == []
    monkeypatch.setattr("instep.sync.run.brought_by", lambda name: f"instep-{name} 1.0")
    assert apply(stage, plan).status == "done"


def test_a_plan_is_stale_when_a_file_changed_in_meaning(stage: Stage) -> None:
    plan = saved(stage)
    stage.config["law of title"] = "prefer b>a"
    with pytest.raises(StalePlanError, match="file changed"):
        apply(stage, plan)
    assert written(stage) == []


def test_a_plan_made_elsewhere_is_refused(stage: Stage) -> None:
    plan = saved(stage)
    plan["made_from"]["lineage"] = "another"
    with pytest.raises(StalePlanError, match="another state"):
        apply(stage, plan)


def test_a_tampered_plan_is_refused(stage: Stage) -> None:
    plan = saved(stage)
    plan["digest"] = "0" * 64
    with pytest.raises(StalePlanError, match="not come out the same"):
        apply(stage, plan)


def test_a_plan_is_refused_on_another_org(stage: Stage) -> None:
    plan = saved(stage)
    stage.systems["b"].org = "elsewhere"
    with pytest.raises(AccessError, match="another store"):
        apply(stage, plan)
    assert written(stage) == []


def test_what_changed_since_an_old_plan_is_left_out_by_name(stage: Stage) -> None:
    plan = saved(stage)
    stage.clock.advance(minutes=10)
    play(stage, "b.jane title=Boss")
    outcome = apply(stage, plan)
    assert outcome.account["b"]["skipped"] == {"changed since it was planned": 1}
    assert claims(stage, "b.jane title=Boss; a.joan title=CFO") == []


def test_a_company_that_a_colleague_gave_since_an_old_plan_is_kept(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane; a.joan; a.acme; a.bolt; sync; a.jane in a.acme; a.joan in a.acme")
    plan = saved(stage)
    play(stage, "10m pass; b.jane in b.bolt; 10m pass")
    outcome = apply(stage, plan)
    assert outcome.account["b"]["skipped"] == {"tied to another one since it was planned": 1}
    assert claims(stage, "b.jane in b.bolt; b.jane not in b.acme; b.joan in b.acme") == []
    play(stage, "sync; sync")
    assert claims(stage, "b.jane in b.bolt; a.jane in a.bolt; a.joan in a.acme; writes 0") == []


def test_an_old_undo_unties_nobody_whom_a_colleague_has_tied_to_another_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane; a.acme; a.bolt; a.co; a.jane in a.acme; sync; a.jane not in a.acme; a.jane in a.bolt; sync")
    save_plan(stage.workspace(), undo(stage.workspace(), stage.world(), 2), stage.root / "plan.json")
    play(stage, "10m pass; b.jane in b.co; 10m pass")
    stage.systems["b"].writes.clear()
    apply(stage, json.loads((stage.root / "plan.json").read_text()))
    assert stage.systems["b"].writes == []
    play(stage, "sync; sync")
    assert claims(stage, "b.jane in b.co; a.jane in a.co; writes 0") == []


def test_what_did_not_change_since_an_old_plan_is_written(stage: Stage) -> None:
    plan = saved(stage)
    stage.clock.advance(minutes=10)
    apply(stage, plan)
    assert claims(stage, "b.jane title=CEO") == []


def test_the_first_run_writes_nothing_unless_told_to(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane title=CTO")
    first = sync(stage.workspace(), stage.world())
    assert (first.exit_code, first.applied, written(stage)) == (0, False, [])
    assert any("nothing was written" in note["text"] for note in first.notes)
    sync(stage.workspace(), stage.world(), first_run="apply")
    assert written(stage) == [("create", "b1")]


def test_two_runs_do_not_overlap(stage: Stage) -> None:
    with FileLock(str(stage.root / ".instep" / "state.db") + ".lock"), pytest.raises(BusyError):
        sync(stage.workspace(), stage.world())


def test_a_system_out_of_order_stops_only_its_own_connection(stage: Stage) -> None:
    stage.systems["b"].down = True
    play(stage, "files: systems = a b c")
    outcome = sync(stage.workspace(), stage.world())
    assert outcome.exit_code == 3
    assert list(outcome.stopped) == ["b"]
    assert claims(stage, "c.jane title=CEO; b.jane title=CTO") == []
    stage.systems["b"].down = False
    sync(stage.workspace(), stage.world())
    assert claims(stage, "b.jane title=CEO") == []
