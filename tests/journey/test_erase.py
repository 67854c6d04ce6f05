"""Erasing a person: what becomes of them in the systems and here, and that nothing brings them back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from instep.cli.erase import erasure_text
from instep.contract import BehaviourSeen
from instep.errors import ConfigError
from instep.store import Store
from instep.sync.allow import allow, allow_back
from instep.sync.erase import Erasure, erase, preview
from instep.sync.lookup import find_entity
from instep.sync.run import undo

from ..semantics.cases import Stage, play

JANE = "jane@x.example"
KNOWN = "a.jane title=CTO; a.joan title=CEO; a.deal; a.deal of a.jane; sync; sync"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    play(stage, "files: a erases = erase; files: b erases = delete;" + KNOWN)
    return stage


def erased(stage: Stage, key: str = JANE, **how: bool) -> Erasure:
    return erase(stage.workspace(), stage.world(), key, here_anyway=how.get("here_anyway", False))


def fates(done: Erasure) -> dict[str, str]:
    return {part.ref.connection: part.fate for part in done.parts}


def rows(stage: Stage, query: str) -> list[tuple[Any, ...]]:
    with Store(stage.root / ".instep" / "state.db") as store:
        return store.rows(query)


def is_known(stage: Stage, key: str = JANE) -> bool:
    with Store(stage.root / ".instep" / "state.db") as store:
        return bool(find_entity(store, key))


def entity_of(stage: Stage, record: str) -> str:
    return str(rows(stage, f"SELECT entity FROM mirror WHERE connection = 'a' AND id = '{record}'")[0][0])


def everything(stage: Stage) -> str:
    """Every cell of the state, as text."""
    tables = [row[0] for row in rows(stage, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return "\n".join(repr(row) for table in tables for row in rows(stage, f"SELECT * FROM {table}"))


# --- looking ---------------------------------------------------------------------------------------------------


def test_without_yes_nothing_is_done(stage: Stage) -> None:
    before = everything(stage)
    looked = preview(stage.workspace(), JANE)
    assert fates(looked) == {"a": "to erase", "b": "to delete"}
    assert everything(stage) == before
    assert (stage.find("a", "jane"), looked.exit_code) == ("jane", 0)


def test_what_is_shown_before_is_what_is_done(stage: Stage) -> None:
    looked, done = preview(stage.workspace(), JANE), erased(stage)
    assert looked.here == done.here
    assert [part.ref for part in looked.parts] == [part.ref for part in done.parts]


@pytest.mark.parametrize("key", [JANE, "JANE@X.example ", "a/people/jane", "jane"])
def test_a_person_is_named_by_address_record_or_id(stage: Stage, key: str) -> None:
    assert fates(preview(stage.workspace(), key)) == {"a": "to erase", "b": "to delete"}
    assert fates(preview(stage.workspace(), stage.entity_id("jane"))) == {"a": "to erase", "b": "to delete"}


def test_somebody_unknown_is_not_erased_and_not_noted_down(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="Nobody is known by that, and nothing was done"):
        erased(stage, "nobody@x.example")
    assert "nobody@x" not in everything(stage)


def test_only_persons_are_erased(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="Only persons are erased, and that is known as: opportunity"):
        erased(stage, stage.entity_id("deal"))


def test_an_address_of_several_names_nobody(stage: Stage) -> None:
    stage.systems["a"].put("people", "joan", email=JANE)
    play(stage, "sync")
    with pytest.raises(ConfigError, match="Several persons are known by that: in_"):
        erased(stage)
    done = erased(stage, entity_of(stage, "jane"))
    assert done.shared == 1
    play(stage, "a.joan title=CFO; sync")
    assert "b.joan" not in everything(stage)
    assert stage.systems["a"].live("people").keys() == {"joan"}


# --- in the systems --------------------------------------------------------------------------------------------


def test_every_system_does_what_its_policy_says(stage: Stage) -> None:
    assert fates(erased(stage)) == {"a": "erased", "b": "deleted"}
    assert "jane" not in stage.systems["a"].objects["people"]
    assert sorted(row.state for row in stage.systems["b"].objects["people"].values()) == ["gone", "live"]
    assert stage.find("a", "joan")


def test_a_record_that_is_to_be_kept_is_left_and_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "files: a erases = erase; files: b erases = keep;" + KNOWN)
    done = erased(stage)
    assert (fates(done), done.exit_code) == ({"a": "erased", "b": "kept"}, 0)
    assert "as declared" in erasure_text(done)
    assert stage.find("b", "jane")
    assert not is_known(stage)


def test_nobody_is_erased_anywhere_before_every_file_says_what_becomes_of_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "files: a erases = erase;" + KNOWN)
    assert fates(preview(stage.workspace(), JANE)) == {"a": "to erase", "b": "undeclared"}
    with pytest.raises(ConfigError, match=r"b\.toml: add to \[person\]: erase ="):
        erased(stage)
    assert stage.find("a", "jane")
    assert is_known(stage)
    assert fates(erased(stage, here_anyway=True)) == {"a": "erased", "b": "undeclared"}
    assert not is_known(stage)


def test_a_lead_and_a_contact_of_one_person_go_both(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(
        stage, "files: a has leads = yes; files: a erases = delete; files: b erases = keep; a.jane; a.lead_jane; sync"
    )
    assert {str(part.ref): part.fate for part in erased(stage).parts if part.ref.connection == "a"} == {
        "a/leads/lead_jane": "deleted",
        "a/people/jane": "deleted",
    }


def test_a_record_that_nobody_has_read_yet_goes_too(stage: Stage) -> None:
    stage.systems["a"].put("people", "new", email=JANE)
    assert [str(part.ref) for part in erased(stage).parts if part.ref.connection == "a"] == [
        "a/people/jane",
        "a/people/new",
    ]
    assert stage.systems["a"].live("people").keys() == {"joan"}


def test_a_record_that_was_deleted_there_meanwhile_is_no_problem(stage: Stage) -> None:
    play(stage, "b.jane deleted")
    assert fates(erased(stage)) == {"a": "erased", "b": "not there"}


def test_others_are_untied_from_a_record_that_went_and_from_no_other(stage: Stage) -> None:
    deal = stage.systems["b"].live("deals")[str(stage.find("b", "deal"))]
    jane = ("people", str(stage.find("b", "jane")))
    stage.systems["b"].undeletable = {jane[1]}
    erased(stage)
    assert jane in deal.related
    stage.systems["b"].undeletable = set()
    erased(stage)
    assert jane not in deal.related


def test_as_long_as_a_system_refuses_the_state_knows_what_is_left(stage: Stage) -> None:
    record = str(stage.find("b", "jane"))
    stage.systems["b"].undeletable = {record}
    done = erased(stage)
    assert (fates(done), done.exit_code, done.is_forgotten) == ({"a": "erased", "b": "refused"}, 3, False)
    assert is_known(stage)
    play(stage, "sync")
    assert stage.find("a", "jane") is None  # nor does a sync in between bring anything back
    stage.systems["b"].undeletable = set()
    done = erased(stage)
    assert (fates(done)["b"], done.exit_code, is_known(stage)) == ("deleted", 0, False)


def test_a_person_can_be_forgotten_here_although_a_system_refuses(stage: Stage) -> None:
    record = str(stage.find("b", "jane"))
    stage.systems["b"].undeletable = {record}
    done = erased(stage, here_anyway=True)
    assert (done.exit_code, is_known(stage)) == (3, False)
    assert f"people/{record}" in erasure_text(done)
    play(stage, "b.joan title=X; sync")
    assert not is_known(stage)


def test_a_system_that_is_out_of_order_is_asked_again(stage: Stage) -> None:
    stage.systems["b"].down = True
    done = erased(stage)
    assert (fates(done), done.exit_code) == ({"a": "erased", "b": "unanswered"}, 3)
    stage.systems["b"].down = False
    assert (fates(erased(stage))["b"], is_known(stage)) == ("deleted", False)


def test_an_erase_whose_answer_was_lost_is_finished_by_the_same_command(stage: Stage) -> None:
    stage.systems["a"].lose_answers = 1
    done = erased(stage)
    assert (fates(done)["a"], done.exit_code, is_known(stage)) == ("unanswered", 3, True)
    assert (fates(erased(stage))["a"], is_known(stage)) == ("not there", False)
    assert not rows(stage, "SELECT 1 FROM journal WHERE state IN ('intended', 'unknown')")


def test_nobody_asks_again_for_the_outcome_of_what_was_forgotten(stage: Stage) -> None:
    stage.systems["a"].lose_answers = 1
    assert erased(stage, here_anyway=True).exit_code == 3
    assert not rows(stage, "SELECT 1 FROM journal WHERE state IN ('intended', 'unknown')")
    play(stage, "sync")
    assert (stage.outcome and stage.outcome.status, is_known(stage)) == ("done", False)


# --- here ------------------------------------------------------------------------------------------------------


def test_their_opportunity_stays_without_them(stage: Stage) -> None:
    play(stage, "a.deal stage=purchase; sync")
    stages = rows(stage, "SELECT stage FROM journey WHERE stage IS NOT NULL")
    erased(stage)
    assert rows(stage, "SELECT count(*) FROM relation") == [(0,)]
    play(stage, "b.deal amount=5; sync; sync")
    assert stages[0] in rows(stage, "SELECT stage FROM journey")
    assert stage.find("a", "deal")
    assert not any(stage.written.values())


def test_what_their_own_journey_gave_to_an_opportunity_stays(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "files: a erases = keep; files: b erases = keep")
    play(stage, "a.jane; sync; jane did trial 2d ago; sync; a.deal; a.deal of a.jane; sync")
    before = rows(stage, "SELECT stage FROM journey WHERE id NOT LIKE '%.1'")
    assert before == [("decision",)]
    erased(stage)
    play(stage, "a.deal amount=7; sync")
    assert rows(stage, "SELECT stage FROM journey") == before


def test_what_they_did_with_others_stays_without_its_details(stage: Stage) -> None:
    subjects = (("people", "jane"), ("people", "joan"))
    act = BehaviourSeen("call", "act", stage.clock.now, "buyer", subjects, None, {"what": "webinar", "of": "Jane X"})
    mail = BehaviourSeen("form", "act", stage.clock.now, "buyer", (), JANE, {"what": "trial"})
    stage.systems["a"].behaviours += [act, mail]
    play(stage, "sync")
    erased(stage)
    again = "SELECT b.id, b.key, b.details, s.record FROM behaviour b JOIN behaviour_subject s ON s.behaviour = b.id"
    assert rows(stage, again) == [("call", "webinar", None, "joan")]
    allow_back_of_nobody = rows(stage, "SELECT count(*) FROM behaviour")
    assert allow_back_of_nobody == [(1,)]
    stage.systems["a"].behaviours.append(mail)
    play(stage, "sync")
    assert rows(stage, "SELECT id FROM behaviour") == [("call",)]
    stage.systems["a"].behaviours.append(BehaviourSeen("twin", "act", stage.clock.now, "buyer", (), "joan@x.example"))
    play(stage, "sync")
    assert rows(stage, "SELECT id FROM behaviour ORDER BY id") == [("call",), ("twin",)]


def test_what_they_did_for_an_opportunity_counts_on_and_says_not_who_did_it(stage: Stage) -> None:
    play(stage, "jane did trial 1d ago; sync")
    assert rows(stage, "SELECT doer FROM claim WHERE value = 'trial' AND ended IS NULL") == [
        (entity_of(stage, "jane"),)
    ]
    erased(stage)
    play(stage, "a.deal amount=7; sync; a.joan title=X; sync")
    assert stage.systems["a"].live("deals")["deal"].fields["stage"] == "decision"
    counting = "SELECT substr(doer, 1, 7) FROM claim WHERE value = 'trial' AND ended IS NULL"
    assert rows(stage, counting) == [("erased-",)]


def test_what_counted_for_others_once_says_not_who_did_it_either(stage: Stage) -> None:
    jane = entity_of(stage, "jane")
    play(stage, "a.deal2; a.deal2 of a.jane; jane did trial 1d ago about a.deal; sync")
    only = stage.systems["a"].behaviours[0]
    assert isinstance(only, BehaviourSeen)
    stage.systems["a"].behaviours.append(replace(only, subjects=(("people", "jane"), ("deals", "deal2"))))
    play(stage, "sync")
    assert rows(stage, f"SELECT count(*) FROM claim WHERE doer = '{jane}' AND ended IS NOT NULL") == [(1,)]
    erased(stage)
    assert jane not in everything(stage)


def test_whom_they_brought_was_brought_by_somebody(stage: Stage) -> None:
    play(stage, "jane did brings 1d ago bringing joan; sync")
    assert rows(stage, "SELECT value FROM claim WHERE type = 'referral'") == [(entity_of(stage, "jane"),)]
    erased(stage)
    assert rows(stage, "SELECT substr(value, 1, 7) FROM claim WHERE type = 'referral'") == [("erased-",)]
    assert "jane" not in everything(stage)


def test_whoever_brought_them_brought_somebody_and_it_stays_so_when_it_is_read_again(stage: Stage) -> None:
    play(stage, "joan did brings 1d ago bringing jane; sync")
    assert rows(stage, "SELECT refers FROM behaviour") == [(JANE,)]
    erased(stage)
    assert rows(stage, "SELECT key, refers, details FROM behaviour") == [("brings", None, None)]
    stage.systems["a"].behaviours *= 2
    play(stage, "sync")
    assert rows(stage, "SELECT key, refers, details FROM behaviour") == [("brings", None, None)]
    assert JANE not in everything(stage)


def test_somebody_of_whom_only_the_address_was_named_can_be_erased(stage: Stage) -> None:
    play(stage, "joan did brings 1d ago bringing june; sync")
    erased(stage, "june@x.example")
    assert "june@x" not in everything(stage)


def test_what_was_said_of_their_stage_here_goes_and_what_others_said_does_not_name_them(stage: Stage) -> None:
    said = "INSERT INTO override (entity, stage, reason, by, at) VALUES (?, 'decision', ?, 'ada', '2026-03-02')"
    jane, joan = entity_of(stage, "jane"), entity_of(stage, "joan")
    with Store(stage.root / ".instep" / "state.db") as store, store.transaction("said"):
        store.run(said, (jane, "She called"))
        store.run(said, (joan, f"{JANE} told me"))
    assert preview(stage.workspace(), JANE).here["override"] == 1
    erased(stage)
    assert rows(stage, "SELECT entity, reason FROM override") == [(joan, "(erased) told me")]


def test_a_company_whose_first_buyer_they_were_gets_another_one(stage: Stage) -> None:
    play(stage, "a.acme; a.jane in a.acme; a.joan in a.acme; acme did webinar 1d ago; jane did trial 2d ago; sync")
    first = "SELECT to_entity FROM relation WHERE name = 'first_buyer'"
    assert rows(stage, first) == [(entity_of(stage, "jane"),)]
    erased(stage)
    assert rows(stage, first) == []
    play(stage, "sync")
    assert rows(stage, first) == [(entity_of(stage, "joan"),)]


def test_no_cell_of_the_state_names_them_also_after_an_undo(stage: Stage) -> None:
    play(stage, "a.jane title=Xylophonist; b.deal of b.joan; b refuses city=Bern; sync")
    play(stage, "a.jane city=Bern; sync")
    last = rows(stage, "SELECT max(run) FROM journal WHERE CAST(after AS TEXT) LIKE '%Xylophonist%'")[0][0]
    undo(stage.workspace(), stage.world(), last, write=True)
    words = {"jane", "Xylophonist", "Bern", stage.entity_id("jane")}
    assert rows(stage, "SELECT count(*) FROM undone WHERE CAST(said AS TEXT) LIKE '%Xylophonist%'") == [(1,)]
    assert {word for word in words if word not in everything(stage)} == set()
    erased(stage)
    assert {word for word in words if word in everything(stage)} == set()
    play(stage, "sync")
    assert {word for word in words if word in everything(stage)} == set()
    assert "joan" in everything(stage)


def test_a_saved_plan_goes_and_whatever_took_its_place_stays(stage: Stage) -> None:
    from instep.sync.run import plan_only, save_plan

    workspace = stage.workspace()
    for name in ("plan.json", "mine.json"):
        save_plan(workspace, plan_only(workspace, stage.world()), stage.root / name)
    (stage.root / "mine.json").write_text('{"my": "own"}')
    done = erased(stage)
    assert [Path(path).name for path in done.plans] == ["mine.json", "plan.json"]
    assert not (stage.root / "plan.json").exists()
    assert (stage.root / "mine.json").exists()


def test_the_list_of_runs_says_what_was_done_and_not_to_whom(stage: Stage) -> None:
    done = erased(stage)
    report = json.loads(rows(stage, f"SELECT report FROM run WHERE id = {done.run}")[0][0])
    assert [(part["connection"], part["fate"]) for part in report["erased"]] == [("a", "erased"), ("b", "deleted")]
    assert all(part["record"].startswith("erased-") for part in report["erased"])
    assert "jane" not in json.dumps(report)


# --- coming back -----------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    play(stage, "files: a erases = keep; files: b erases = erase;" + KNOWN)
    erased(stage)
    return stage


def test_whom_a_system_keeps_does_not_come_in_again(kept: Stage) -> None:
    play(kept, "a.jane title=CFO; a.deal amount=3; sync")
    assert kept.outcome is not None
    assert kept.outcome.account["a"]["skipped"] == {"erased": 1}
    assert kept.outcome.unaccounted == 0
    assert kept.written == {"a": 0, "b": 1, "c": 0}
    assert not is_known(kept)
    assert kept.find("b", "jane") is None
    assert "CFO" not in everything(kept)


def test_a_new_record_with_their_address_does_not_come_in_and_another_does(kept: Stage) -> None:
    kept.systems["a"].put("people", "again", email="Jane@X.example", title="CTO")
    play(kept, "sync")
    assert kept.find("b", "jane") is None
    play(kept, "a.june title=CTO; sync")
    assert kept.find("b", "june")


def test_what_their_record_becomes_does_not_come_in(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "files: a has leads = yes; files: a erases = keep; files: b erases = erase; a.lead_jane; sync")
    erased(stage)
    stage.systems["a"].convert("lead_jane", "fresh")
    stage.systems["a"].put("people", "fresh", email=None)
    play(stage, "sync; sync")
    assert rows(stage, "SELECT object, id FROM mirror WHERE object = 'people'") == []
    stage.systems["a"].put("people", "other", email=None)
    play(stage, "sync")
    assert ("other",) in rows(stage, "SELECT id FROM mirror WHERE object = 'people'")


def test_nobody_is_tied_to_them_again(kept: Stage) -> None:
    play(kept, "a.deal of a.jane; sync; sync")
    assert rows(kept, "SELECT count(*) FROM association WHERE to_object = 'people'") == [(0,)]
    play(kept, "a.deal of a.joan; sync; sync")
    assert rows(kept, "SELECT count(*) FROM association WHERE to_object = 'people'") == [(2,)]


@pytest.mark.parametrize("key", [JANE, "a/people/jane"])
def test_a_person_who_comes_back_and_says_so_is_let_in(kept: Stage, key: str) -> None:
    with pytest.raises(ConfigError, match="Nobody who was erased had that"):
        allow_back(kept.workspace(), kept.world(), "joan@x.example")
    allow_back(kept.workspace(), kept.world(), key)
    play(kept, "sync")
    assert is_known(kept)
    assert kept.find("b", "jane")


def test_erasing_somebody_again_says_that_they_were_erased(kept: Stage) -> None:
    done = erased(kept)
    assert (done.erased_before, done.exit_code) == (True, 0)
    assert "were erased before" in erasure_text(preview(kept.workspace(), JANE))


def test_a_key_that_is_not_known_any_more_gets_into_no_list_of_runs(kept: Stage) -> None:
    with pytest.raises(ConfigError):
        allow(kept.workspace(), kept.world(), JANE, "a")
    assert JANE not in everything(kept)


# --- the command -----------------------------------------------------------------------------------------------


def test_the_command_says_in_json_what_it_says_in_words(stage: Stage) -> None:
    from instep.cli.erase import erase as command

    with CliRunner().isolation():
        looked = preview(stage.workspace(), JANE)
    document = looked.as_json()
    assert document["done"] is False
    for part in document["systems"]:
        assert part["fate"] in erasure_text(looked)
    assert {"--yes", "--local-anyway", "--json"} <= {name for p in command.params for name in p.opts}
