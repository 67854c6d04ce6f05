"""A person sets a stage here: every system shows it, until its last day or until it is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from instep.cli.override import overrides_json, overrides_text
from instep.errors import BusyError, ConfigError
from instep.store import Store
from instep.sync.explain import explain
from instep.sync.labels import label_of
from instep.sync.lookup import find_entity
from instep.sync.override import Overridden, Setting, listed, set_stage, withdraw
from instep.sync.run import apply_plan, plan_only

from ..semantics.cases import Stage, play

DEAL = "a.jane; a.deal1 stage=consideration; a.deal1 of a.jane; sync; sync"
IN_STEP = "a.jane stage=interest; sync; sync"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def override(stage: Stage, key: str, to: str, *, days: float | None = None, reason: str = "they asked") -> Overridden:
    until: datetime | None = stage.clock.now + timedelta(days=days) if days is not None else None
    return set_stage(stage.workspace(), stage.world(), key, Setting(to, reason, "ada", until))


def shown(stage: Stage, record: str, object: str = "people") -> tuple[Any, Any]:
    """The stage that either system shows."""
    found = [stage.systems[name].live(object)[stage.find(name, record) or ""].fields["stage"] for name in "ab"]
    return found[0], found[1]


def writes(stage: Stage) -> int:
    """How much the last run wrote."""
    return sum(stage.written.values())


def rows(stage: Stage, query: str) -> Sequence[tuple[Any, ...]]:
    with Store(stage.root / ".instep" / "state.db") as store:
        return store.rows(query)


def told(stage: Stage, record: str) -> dict[str, Any]:
    entity = rows(stage, f"SELECT entity FROM mirror WHERE connection = 'a' AND id = '{record}'")[0][0]
    return explain(stage.workspace(), entity, "stage")[0].as_json()


@pytest.mark.parametrize("key", ["Fleet", " Fleet "])
def test_what_people_know_somebody_by_is_a_key(stage: Stage, key: str) -> None:
    play(stage, "a.deal1 stage=consideration name=Fleet; sync; sync")
    with Store(stage.root / ".instep" / "state.db") as store:
        ((entity, _),) = find_entity(store, key)
        assert label_of(store, entity) == key.strip()
        assert find_entity(store, "Flee") == []


# --- it is carried out -----------------------------------------------------------------------------------------


def test_an_override_is_shown_everywhere_by_the_next_run_and_written_once(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    assert shown(stage, "jane") == ("interest", "interest")
    play(stage, "sync")
    assert (shown(stage, "jane"), writes(stage)) == (("decision", "decision"), 2)
    play(stage, "sync")
    assert writes(stage) == 0


def test_an_override_may_lead_back(stage: Stage) -> None:
    play(stage, "a.jane stage=decision; sync; sync")
    override(stage, "jane@x.example", "interest")
    play(stage, "sync; sync")
    assert shown(stage, "jane") == ("interest", "interest")


def test_somebody_of_whom_nothing_was_said_gets_a_journey_of_their_own(stage: Stage) -> None:
    play(stage, "a.jane; sync; sync")
    override(stage, "jane@x.example", "research")
    play(stage, "sync")
    assert shown(stage, "jane") == ("research", "research")
    assert rows(stage, "SELECT count(*) FROM journey") == [(1,)]


def test_an_opportunity_is_overridden_in_its_own_journey_and_its_people_show_it(stage: Stage) -> None:
    play(stage, DEAL)
    override(stage, "deal1", "decision")
    play(stage, "sync")
    assert (shown(stage, "deal1", "deals"), shown(stage, "jane")) == (("decision",) * 2, ("decision",) * 2)


def test_a_company_is_overridden_where_systems_are_told_its_stage(stage: Stage) -> None:
    play(stage, "files: companies have stages = yes; a.acme; sync; sync")
    override(stage, "acme.example", "research")
    play(stage, "sync")
    assert shown(stage, "acme", "companies") == ("research", "research")


def test_a_detour_is_set_like_a_stage_and_the_stage_stays(stage: Stage) -> None:
    stage.config["process"] = '[[detours]]\nkey = "paused"\nlabel = "Paused"\nends = "by-hand"\n'
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "paused")
    play(stage, "sync")
    found = told(stage, "jane")
    assert (found["value"], found["journey"]["detour"]) == ("interest", "paused")


def test_a_later_edit_by_who_may_is_taken_all_the_same(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    play(stage, "sync; 1h pass; b.jane stage=research; sync; sync")
    assert shown(stage, "jane") == ("research", "research")


def test_an_edit_before_the_override_is_what_it_was_set_against(stage: Stage) -> None:
    play(stage, IN_STEP + "; b.jane stage=research; 1h pass")
    override(stage, "jane@x.example", "decision")
    play(stage, "sync; sync")
    assert shown(stage, "jane") == ("decision", "decision")


# --- it ends ---------------------------------------------------------------------------------------------------


def test_after_its_last_day_the_evidence_holds_again_in_every_system(stage: Stage) -> None:
    play(stage, "a.jane; sync; jane did webinar 1d ago; sync; sync")
    override(stage, "jane@x.example", "purchase", days=3)
    play(stage, "sync; 2d pass; sync")
    assert shown(stage, "jane") == ("purchase", "purchase")
    play(stage, "2d pass; sync")
    assert (shown(stage, "jane"), writes(stage)) == (("consideration",) * 2, 2)
    play(stage, "sync")
    assert writes(stage) == 0


def test_what_the_buyer_did_meanwhile_counts_when_it_is_over(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "purchase", days=3)
    play(stage, "sync; jane did webinar 0m ago; sync; 4d pass; sync")
    assert shown(stage, "jane") == ("consideration", "consideration")


def test_a_withdrawn_override_is_over_at_the_next_run(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    play(stage, "sync; 1h pass")
    assert withdraw(stage.workspace(), stage.world(), "jane@x.example").withdrawn == (1,)
    assert shown(stage, "jane") == ("decision", "decision")
    play(stage, "sync")
    assert shown(stage, "jane") == ("interest", "interest")


def test_what_is_withdrawn_is_said_apart_from_what_was_over_before(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "consideration", days=1)
    play(stage, "sync; 2d pass")
    override(stage, "jane@x.example", "decision")
    override(stage, "jane@x.example", "research")
    done = withdraw(stage.workspace(), stage.world(), "jane@x.example")
    with Store(stage.root / ".instep" / "state.db") as store:
        lines = overrides_text(overrides_json(store, done)).splitlines()
    states = [line.rsplit(", ", 1)[1] for line in lines if line.startswith("#")]
    assert states == ["withdrawn now", "withdrawn now", "over"]


def test_one_that_was_withdrawn_before_any_run_never_held(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    withdraw(stage.workspace(), stage.world(), "jane@x.example")
    play(stage, "sync")
    assert (shown(stage, "jane"), writes(stage)) == (("interest", "interest"), 0)
    assert rows(stage, "SELECT count(*) FROM claim WHERE source LIKE 'instep/%'") == [(0,)]


def test_one_of_a_journey_that_went_on_as_an_opportunity_ends_there_too(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    play(stage, "sync; 1h pass; a.deal1; a.deal1 of a.jane; sync; sync")
    assert shown(stage, "deal1", "deals") == ("decision", "decision")
    withdraw(stage.workspace(), stage.world(), "jane@x.example")
    play(stage, "sync; sync")
    assert (shown(stage, "deal1", "deals"), shown(stage, "jane")) == (("interest",) * 2, ("interest",) * 2)


# --- it is a row, and a plan -----------------------------------------------------------------------------------


def test_a_run_that_only_plans_leaves_it_waiting(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    plan_only(stage.workspace(), stage.world())
    assert [one.pending for one in listed(stage.workspace(), stage.world(), "jane@x.example").overrides] == [True]
    apply_plan_of(stage)
    assert [one.pending for one in listed(stage.workspace(), stage.world(), "jane@x.example").overrides] == [False]


def apply_plan_of(stage: Stage) -> None:
    outcome = plan_only(stage.workspace(), stage.world())
    apply_plan(stage.workspace(), stage.world(), outcome.plan.as_json())
    assert shown(stage, "jane") == ("decision", "decision")


def test_it_is_heard_once_however_many_runs_there_are(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    play(stage, "sync; a.jane title=CTO; sync; sync")
    assert rows(stage, "SELECT count(*) FROM claim WHERE source = 'instep/override/1'") == [(1,)]


def test_nothing_is_overridden_while_a_run_goes_on(stage: Stage) -> None:
    play(stage, IN_STEP)
    with FileLock(str(stage.root / ".instep" / "state.db.lock")), pytest.raises(BusyError):
        override(stage, "jane@x.example", "decision")


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "key", "to", "says"),
    [
        (IN_STEP, "jane@x.example", "decison", 'Did you mean "decision"'),
        (IN_STEP, "jane@x.example", "won", "won is an outcome, no stage"),
        (IN_STEP, "nobody@x.example", "decision", "Nothing is known by"),
        (DEAL, "jane@x.example", "decision", "opportunity deal1"),
        ("a.acme; sync; sync", "acme.example", "decision", "no system is told the stage of a company"),
        ("a.deal1 stage=Lost; sync; sync", "deal1", "decision", "it is closed (lost)"),
    ],
    ids=["no such stage", "an outcome", "nobody", "an opportunity decides it", "a company that shows none", "closed"],
)
def test_what_cannot_hold_is_refused_and_says_why(stage: Stage, setup: str, key: str, to: str, says: str) -> None:
    play(stage, setup)
    with pytest.raises(ConfigError) as refused:
        override(stage, key, to)
    assert says in str(refused.value)
    assert rows(stage, "SELECT count(*) FROM override") == [(0,)]
    assert rows(stage, "SELECT count(*) FROM run WHERE command = 'override'") == [(0,)]


def test_a_last_day_that_has_passed_is_refused(stage: Stage) -> None:
    play(stage, IN_STEP)
    with pytest.raises(ConfigError, match="has passed"):
        override(stage, "jane@x.example", "decision", days=-1)


def test_an_override_needs_a_reason(stage: Stage) -> None:
    play(stage, IN_STEP)
    with pytest.raises(ConfigError, match="needs a reason"):
        override(stage, "jane@x.example", "decision", reason=" ")


def test_a_key_that_names_several_is_refused_with_the_list(stage: Stage) -> None:
    play(stage, "a.jane stage=interest; a.acme; sync; sync")
    with Store(stage.root / ".instep" / "state.db") as store, store.transaction("two"):
        store.run("UPDATE key SET value = 'same' WHERE name IN ('email', 'domain')")
    with pytest.raises(ConfigError, match=r"names 2: .*person.*Name one of them"):
        override(stage, "same", "decision")


def test_an_opportunity_that_came_meanwhile_is_not_moved_and_it_is_said(stage: Stage) -> None:
    play(stage, IN_STEP)
    override(stage, "jane@x.example", "decision")
    play(stage, "a.deal1 stage=research; a.deal1 of a.jane; sync")
    assert shown(stage, "jane") == ("research", "research")
    assert stage.outcome is not None
    assert any("the override to decision is not taken" in note["text"] for note in stage.outcome.plan.notes)
