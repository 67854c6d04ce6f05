"""Whatever systems say and no rule takes is kept, shown, and decided by a person: once, or by a rule."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from instep.errors import BusyError, ConfigError, StalePlanError
from instep.mapping.compiled import FieldLaw
from instep.model.entities import Kind
from instep.store import Store
from instep.sync.conflicts import Kept, read_questions
from instep.sync.resolve import keep_apart, resolve_field, resolve_one
from instep.sync.run import apply_plan, plan_only

from ..semantics.cases import Stage, claims, play
from .conftest import Instep
from .two_crms import TwoCrms, two_crms

MANUAL = "files: law of title = manual; a.jane title=CTO; b.jane title=Chief; sync"
DECIDED = "a.jane title=CTO; sync; a.jane title=X; b.jane title=Y; sync"

LOCKED = "a.jane; a.deal1 stage=decision; a.deal1 of a.jane; sync; b.jane stage=interest; sync"


@pytest.fixture
def crms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoCrms]:
    with two_crms(tmp_path / "crm") as found:
        monkeypatch.chdir(found.root)
        yield found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def jane(crms: TwoCrms) -> str:
    """Jane is a lead in Salesforce and a contact in HubSpot, in step."""
    crms.sf.Lead.create({"LastName": "Doe", "Email": "jane@x.example", "Company": "X", "Title": "CTO"})
    crms.add_contact(email="jane@x.example", lastname="Doe", jobtitle="CTO")
    crms.sync()
    crms.sync()
    assert crms.writes() == (0, 0)
    return str(crms.one("Lead", "Id", "Email = 'jane@x.example'")["Id"])


def both_say(crms: TwoCrms, lead: str, here: str, there: str) -> None:
    crms.edit_contact("jane@x.example", jobtitle=here)
    crms.sf.Lead.update(lead, {"Title": there})
    crms.sync()


def titles(crms: TwoCrms, lead: str) -> tuple[str, str]:
    there = crms.one("Lead", "Title", f"Id = '{lead}'")["Title"]
    return crms.contact("jane@x.example", "jobtitle")["jobtitle"], there


def only(kept: list[Kept]) -> Kept:
    assert len(kept) == 1, kept
    return kept[0]


# --- what is kept ----------------------------------------------------------------------------------------------


def test_two_edits_at_once_are_a_conflict_with_both_values_and_a_person_may_take_the_other(
    crms: TwoCrms, instep: Instep
) -> None:
    lead = jane(crms)
    both_say(crms, lead, "CEO", "Founder")
    assert titles(crms, lead) == ("CEO", "CEO")
    listed = instep("conflicts", "jane@x.example", "--json")
    found = only(listed.json["conflicts"])
    assert listed.code == 0
    assert (found["state"], found["known_as"], found["field"], found["rule"]) == (
        "decided",
        "jane@x.example",
        "title",
        "prefer hubspot",
    )
    said = {one["record"].split("/")[0]: (one["value"], one["holds"], bool(one["at"])) for one in found["values"]}
    assert said == {"hubspot": ("CEO", True, True), "salesforce": ("Founder", False, True)}
    for sandbox in (crms.portal, crms.org):
        sandbox.log.clear()
    assert instep("conflicts", "resolve", str(found["id"]), "--take", "salesforce").code == 0
    assert (crms.portal.log.count(), crms.org.log.count()) == (0, 0)
    crms.sync()
    assert titles(crms, lead) == ("Founder", "Founder")
    told = instep("explain", "jane@x.example", "title").out
    assert "decided by a person" in told
    crms.sync()
    assert crms.writes() == (0, 0)


def test_equal_edits_at_once_are_no_conflict(crms: TwoCrms, instep: Instep) -> None:
    lead = jane(crms)
    both_say(crms, lead, "CEO", "CEO")
    assert instep("conflicts", "--json").json["conflicts"] == []
    both_say(crms, lead, "Founder", "Owner")
    assert len(instep("conflicts", "--json").json["conflicts"]) == 1


def test_losers_outlive_every_later_decision(stage: Stage) -> None:
    play(stage, f"{DECIDED}; a.jane title=Z; sync; b.jane title=W; sync")
    kept = only(stage.conflicts())
    assert [(v.source, v.value) for v in kept.conflict.losers] == [("b/people/b1", "Y")]
    assert (kept.state, kept.run) == ("decided", 2)


def test_a_value_that_changes_nothing_is_kept_all_the_same(stage: Stage) -> None:
    play(stage, "a.jane title=CTO; sync; files: systems = a b c; c.jane title=New; sync")
    assert [(v.source, v.value) for v in only(stage.conflicts()).conflict.losers] == [("c/people/jane", "New")]


def test_a_later_conflict_takes_no_earlier_ones_place(stage: Stage) -> None:
    play(stage, f"{DECIDED}; a.jane title=P; b.jane title=Q; sync")
    assert [[v.value for v in kept.conflict.voices] for kept in stage.conflicts()] == [["P", "Q"], ["X", "Y"]]


def test_the_same_conflict_is_listed_once_however_often_it_is_met(stage: Stage) -> None:
    play(stage, f"{MANUAL}; a.jane city=Bern; sync; b.jane city=Rome; sync; sync")
    assert [kept.state for kept in stage.conflicts()] == ["open"]
    play(stage, "b.jane title=Boss; sync")
    assert [kept.state for kept in stage.conflicts()] == ["open", "resolved"]


def test_a_plan_keeps_no_conflict(stage: Stage) -> None:
    play(stage, "a.jane title=CTO; sync; a.jane title=X; b.jane title=Y")
    plan_only(stage.workspace(), stage.world())
    assert stage.conflicts() == []
    play(stage, "sync")
    assert len(stage.conflicts()) == 1


# --- what is shown ---------------------------------------------------------------------------------------------


def test_open_ones_come_first_and_say_what_to_type(crms: TwoCrms, instep: Instep) -> None:
    mapping = crms.root / "mappings" / "hubspot.toml"
    lead = jane(crms)
    both_say(crms, lead, "CEO", "Founder")
    mapping.write_text(
        mapping.read_text().replace('title = "jobtitle"', 'title = { field = "jobtitle", law = "manual" }')
    )
    crms.sync()
    both_say(crms, lead, "=1+1\x1b[31m", "Owner")
    listed = instep("conflicts")
    assert listed.code == 4
    assert listed.out.index("#2 open") < listed.out.index("#1 decided")
    assert "instep conflicts resolve 2 --take CONNECTION" in listed.out
    assert "\x1b" not in listed.out
    assert instep("conflicts", "--open", "--json").json["total"] == 1
    assert instep("conflicts", "--run", str(only_run(instep)), "--json").json["total"] == 1
    assert instep("conflicts", "--limit", "1", "--json").json["conflicts"][0]["id"] == 2
    instep("conflicts", "--csv", "conflicts.csv")
    with (crms.root / "conflicts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["value"] for row in rows if row["conflict"] == "2"} == {"'=1+1\\x1b[31m", "Owner"}


def only_run(instep: Instep) -> Any:
    return instep("conflicts", "--open", "--json").json["conflicts"][0]["run"]


# --- what is decided -------------------------------------------------------------------------------------------


def test_a_decision_by_rule_takes_one_system_and_says_what_to_write(stage: Stage) -> None:
    play(stage, f"files: law of title = manual; {DECIDED.replace('jane', 'joan')}; {MANUAL}")
    done = resolve_field(stage.workspace(), stage.world(), "person.title", "b")
    assert len(done.taken) == 2
    assert done.line == (
        'mappings/b.toml, [person.fields]: title = { field = "title", prefer = ["b", "a"] } instead of law = "manual"'
    )
    play(stage, "sync")
    assert claims(stage, "a.jane title=Chief; a.joan title=Y; 0 open; 2 resolved; writes a=2; writes b=0") == []
    play(stage, "sync")
    assert claims(stage, "writes 0") == []


def test_the_line_to_write_holds_from_then_on(stage: Stage) -> None:
    play(stage, DECIDED)
    done = resolve_field(stage.workspace(), stage.world(), "person.title", "b", decided=True)
    assert 'prefer = ["b", "a"] }' in done.line
    play(stage, "sync; files: law of title = prefer b>a; a.jane title=P; b.jane title=Q; sync")
    assert claims(stage, "a.jane title=Q; 1 decided") == []


def test_only_open_ones_are_decided_by_rule_unless_it_is_said(stage: Stage) -> None:
    play(stage, DECIDED)
    assert resolve_field(stage.workspace(), stage.world(), "person.title", "b").taken == ()
    play(stage, "sync")
    assert claims(stage, "a.jane title=X; writes 0") == []
    assert len(resolve_field(stage.workspace(), stage.world(), "person.title", "b", decided=True).taken) == 1
    play(stage, "sync")
    assert claims(stage, "a.jane title=Y; b.jane title=Y; writes 2") == []


@pytest.mark.parametrize(
    ("given", "take", "value", "wrong"),
    [
        (DECIDED, "c", None, 'Nobody called "c" is part of conflict 1'),
        (f"{DECIDED}; a.jane title=Z; sync", "b", None, "has changed since, and is Z now"),
        (f"files: law of title = authority a; {DECIDED}", "b", None, "a is its authority"),
        ("a.jane rank=1; sync; a.jane rank=2; b.jane rank=3; sync", None, "many", "of type number"),
        (f"{DECIDED}; jane title is decided for b; sync", "a", None, "it is settled"),
        ("a.jane; a.jane in a.acme; sync; a.jane in a.bolt; b.jane in b.co; sync", None, "x", "take what one of"),
        (LOCKED, "b", None, "moves only by its own"),
    ],
)
def test_what_cannot_be_decided_here_is_refused_with_the_reason(
    stage: Stage, given: str, take: str | None, value: str | None, wrong: str
) -> None:
    play(stage, "a.acme; a.bolt; a.co")
    play(stage, given)
    latest = max(kept.id for kept in stage.conflicts())
    with pytest.raises(ConfigError, match=wrong):
        resolve_one(stage.workspace(), stage.world(), latest, take=take, value=value)


@pytest.mark.parametrize(("keeps_consent", "holds"), [(True, "yes"), (False, "no")])
def test_no_decision_opts_anybody_in(stage: Stage, keeps_consent: bool, holds: str) -> None:
    """The field that keeps consent in b is mapped as if it were any other; without that, the same is written."""
    play(stage, "files: law of title = manual" + ("; files: b keeps consent in = title" if keeps_consent else ""))
    stage.systems["a"].put("people", "jane", email="jane@x.example", title="no")
    stage.systems["b"].put("people", "jane", email="jane@x.example", title="yes")
    play(stage, "sync")
    assert claims(stage, "1 open") == []
    play(stage, "jane title is decided for a; sync")
    assert stage.systems["b"].objects["people"]["jane"].fields["title"] == holds
    assert claims(stage, "a.jane optout=yes" if keeps_consent else "a.jane has no optout") == []


def test_consent_itself_is_nobodys_to_decide(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="Consent is decided by nobody but the person"):
        resolve_field(stage.workspace(), stage.world(), "person.consent", "b")


def test_what_is_to_be_most_restrictive_is_not_loosened_here(stage: Stage) -> None:
    play(stage, MANUAL)
    strict = {(Kind.PERSON, "title"): FieldLaw("most_restrictive", ("a", "b"))}
    workspace = replace(stage.workspace(), laws={**stage.workspace().laws, **strict})
    with pytest.raises(ConfigError, match="which no decision here loosens"):
        resolve_one(workspace, stage.world(), 1, take="a")


def test_what_was_said_since_is_asked_again_and_nothing_is_written(stage: Stage) -> None:
    play(stage, f"{MANUAL}; jane title is decided for b; b.jane title=Boss; sync")
    assert claims(stage, "a.jane title=CTO; b.jane title=Boss; writes 0; 1 open; reported: was not done") == []
    play(stage, "jane title is decided for b; sync")
    assert claims(stage, "a.jane title=Boss; writes a=1; 0 open") == []


def test_nothing_is_decided_while_a_run_goes_on(stage: Stage) -> None:
    play(stage, MANUAL)
    with FileLock(str(stage.workspace().store) + ".lock"), pytest.raises(BusyError):
        resolve_one(stage.workspace(), stage.world(), 1, take="a")
    resolve_one(stage.workspace(), stage.world(), 1, take="a")


def test_a_plan_that_was_made_before_a_decision_is_stale(stage: Stage) -> None:
    play(stage, f"{MANUAL}; a.jane city=Bern")
    outcome = plan_only(stage.workspace(), stage.world())
    resolve_one(stage.workspace(), stage.world(), 1, take="a")
    with pytest.raises(StalePlanError):
        apply_plan(stage.workspace(), stage.world(), outcome.plan.as_json())


# --- who is who ------------------------------------------------------------------------------------------------


def test_a_question_is_listed_with_what_to_do_and_one_of_them_can_be_answered_here(stage: Stage) -> None:
    play(stage, "a.jane; a.joan; b.jane; b.joan; sync; b.joan merged into b.jane; sync")
    with Store(stage.workspace().store) as store:
        asked = read_questions(store)
    assert [one.kind for one in asked] == ["merge-too"]
    assert "Merge these too?" in keep_apart(stage.workspace(), stage.world(), asked[0].id)
    play(stage, "sync")
    assert claims(stage, "writes 0") == []
    with Store(stage.workspace().store) as store:
        assert read_questions(store) == []


def test_an_answer_is_printed_as_a_document_like_any_decision(
    stage: Stage, instep: Instep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_memory(files: object, world: object, id: str) -> str:
        return keep_apart(stage.workspace(), stage.world(), id)

    monkeypatch.setattr("instep.sync.resolve.keep_apart", in_memory)
    play(stage, "a.jane; a.joan; b.jane; b.joan; sync; b.joan merged into b.jane; sync")
    [asked] = instep("conflicts", "--json", "-w", str(stage.root)).json["questions"]
    assert instep("status", "--json", "-w", str(stage.root)).json["questions"] == [asked]
    answered = instep("conflicts", "resolve", asked["id"], "--keep-apart", "--json", "-w", str(stage.root)).json
    assert answered["kept_apart"] == {"id": asked["id"], "text": asked["text"]}
    assert (answered["resolved"], answered["left"], answered["line"]) == ([], [], None)
