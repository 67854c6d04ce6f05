"""A plan that would change surprisingly much is stopped before its first write; a person may do it all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instep.errors import GuardError
from instep.mapping.compiled import Guards, Limit
from instep.model.entities import Kind
from instep.sync.changes import Change, Value
from instep.sync.guards import breaches, counted_records
from instep.sync.run import apply_plan, plan_only, save_plan, sync

from ..semantics.cases import Stage, play

HUNDRED = 100


def updates(count: int, name: str = "title", after: str | None = "X") -> list[Change]:
    value = (Value(name, name, "W", after, "why"),)
    return [Change("update", "b", "people", Kind.PERSON, f"e{n}", f"b{n}", value) for n in range(count)]


def stops(guards: Guards, changes: list[Change], known: int) -> bool:
    counted = {place: len(records) for place, records in counted_records(changes).items()}
    found = list(breaches(guards, counted, lambda *_: known))
    as_far_as_needed = breaches(guards, counted, lambda *asked: known if asked[2] is None else min(known, asked[2]))
    assert found == list(as_far_as_needed)
    return bool(found)


@pytest.mark.parametrize(
    ("limit", "known", "last_good"),
    [
        (Limit(30), 100, 30),
        (Limit(30), 10, 3),
        (Limit(30), 9, 9),
        (Limit(30), 0, 1000),
        (Limit(0), 100, 0),
        (Limit(100), 100, 100),
        (Limit(None, 7), 100, 7),
        (Limit(30, 7), 100, 7),
        (Limit(5, 7), 100, 5),
        (Limit(30, 0), 3, 0),
        (Limit(33.3), 1000, 333),
    ],
)
def test_a_limit_holds_to_the_record(limit: Limit, known: int, last_good: int) -> None:
    guards = Guards(limit, {})
    assert not stops(guards, updates(last_good), known)
    assert stops(guards, updates(last_good + 1), known) is (known > 9 or limit.records is not None)


@pytest.mark.parametrize(
    ("name", "after", "last_good"),
    [("title", "X", 30), ("owner", "X", 10), ("stage", "X", 20), ("title", None, 10)],
)
def test_what_matters_most_is_guarded_most_strictly(name: str, after: str | None, last_good: int) -> None:
    assert not stops(Guards(), updates(last_good, name, after), HUNDRED)
    assert stops(Guards(), updates(last_good + 1, name, after), HUNDRED)


def test_a_record_counts_once_and_our_own_id_never() -> None:
    twice = updates(30) + updates(30)
    assert not stops(Guards(), twice, HUNDRED)
    assert not stops(Guards(), updates(HUNDRED, "instep_id"), HUNDRED)


# --- runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    play(stage, "; ".join(f"a.p{n} title=CTO" for n in range(20)) + "; sync")
    return stage


def written(stage: Stage) -> int:
    return sum(len(system.writes) for system in stage.systems.values())


def retitled(stage: Stage, count: int) -> None:
    play(stage, "; ".join(f"a.p{n} title=CEO" for n in range(count)))
    for system in stage.systems.values():
        system.writes.clear()


def test_a_plan_at_the_limit_is_done(stage: Stage) -> None:
    retitled(stage, 6)
    assert sync(stage.workspace(), stage.world()).status == "done"
    assert written(stage) == 6


def test_a_plan_beyond_the_limit_is_stopped_before_its_first_write(stage: Stage) -> None:
    retitled(stage, 7)
    with pytest.raises(GuardError, match=r"b/people: title 7 of 20 records \(35.0 %\), and at most 30 %") as stopped:
        sync(stage.workspace(), stage.world())
    assert stopped.value.exit_code == 5
    assert written(stage) == 0
    play(stage, "a.p0 title=CTO")
    assert sync(stage.workspace(), stage.world()).status == "done"
    assert written(stage) == 6


def test_a_person_who_has_read_the_plan_may_go_past_its_guards(stage: Stage) -> None:
    retitled(stage, 7)
    outcome = plan_only(stage.workspace(), stage.world())
    assert [note["code"] for note in outcome.notes] == ["guard"]
    save_plan(stage.workspace(), outcome, stage.root / "plan.json")
    saved: dict[str, Any] = json.loads((stage.root / "plan.json").read_text())
    with pytest.raises(GuardError):
        apply_plan(stage.workspace(), stage.world(), saved)
    assert written(stage) == 0
    assert apply_plan(stage.workspace(), stage.world(), saved, past_guards=True).status == "done"
    assert written(stage) == 7


def test_much_more_than_recent_runs_wrote_is_a_surprise(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "; ".join(f"a.p{n} title=T" for n in range(400)) + "; sync")
    for number in range(5):
        play(stage, f"a.p{number} title=T{number}; sync")
    retitled(stage, 101)
    with pytest.raises(GuardError, match=r"b: writes 101 in all, and recent runs wrote 1; at most 100 are usual"):
        sync(stage.workspace(), stage.world())
    assert written(stage) == 0
    play(stage, "a.p0 title=T0")
    assert sync(stage.workspace(), stage.world()).status == "done"


# --- the first run ---------------------------------------------------------------------------------------------


def test_the_first_run_can_begin_with_a_few(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.acme; " + "; ".join(f"a.p{n} title=CTO; a.p{n} in a.acme" for n in range(130)))
    assert sync(stage.workspace(), stage.world()).applied is False
    for rung, people in (("10", 10), ("100", 110), ("apply", 130)):
        assert sync(stage.workspace(), stage.world(), first_run=rung).status == "done"
        there = stage.systems["b"].live("people").values()
        assert len(there) == people
        assert all(person.related for person in there)
    for system in stage.systems.values():
        system.writes.clear()
    assert sync(stage.workspace(), stage.world()).applied
    assert written(stage) == 0


def test_a_first_run_with_a_few_is_still_a_first_run(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "; ".join(f"a.p{n} title=CTO" for n in range(30)))
    sync(stage.workspace(), stage.world(), first_run="10")
    assert sync(stage.workspace(), stage.world()).applied is False
    assert len(stage.systems["b"].live("people")) == 10
