"""The commands as an admin uses them: a folder of exports and a HubSpot sandbox, from init to explain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from instep_hubspot.sandbox import hubspot_sandbox

from .conftest import Instep

PEOPLE = """id,email,first_name,last_name,title,account
1,jane@acme.example,Jane,Doe,CTO,Acme
2,joan@bolt.example,Joan,Roe,CFO,Bolt
3,kim@acme.example,Kim,Poe,"[red]Engineer\x1b[31m",Acme
"""
ACCOUNTS = "account,domain,industry\nAcme,acme.example,Tools\nBolt,bolt.example,Toys\n"

SYNC = """
[connections.exports]
plugin = "files"
path = "exports"
objects.people = {{ file = "people.csv", key = "id", references = {{ account = "accounts" }} }}
objects.accounts = {{ file = "accounts.csv", key = "account" }}

[connections.hubspot]
plugin = "hubspot"
base_url = "{url}"
"""

EXPORTS = """
[person]
objects = ["people"]
match = ["email"]
instep_id = false
[person.fields]
email = "email"
first_name = "first_name"
last_name = "last_name"
title = "title"
[person.relations]
company = "accounts"
[company]
objects = ["accounts"]
match = ["domain"]
instep_id = false
[company.fields]
name = "account"
domain = "domain"
"""


@pytest.fixture
def sandbox() -> Iterator[Any]:
    with hubspot_sandbox() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "people.csv").write_text(PEOPLE)
    (tmp_path / "exports" / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "sync.toml").write_text(SYNC.format(url=sandbox.url))
    (tmp_path / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    (tmp_path / "mappings" / "exports.toml").write_text(EXPORTS)
    from instep_hubspot import hubspot

    (tmp_path / "mappings" / "hubspot.toml").write_text(hubspot.starter_mapping)
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", sandbox.settings["access_token"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ready(folder: Path, instep: Instep) -> Path:
    assert instep("doctor", "--create-fields", "hubspot").code == 0
    return folder


@pytest.fixture
def synced(ready: Path, instep: Instep) -> Path:
    assert instep("sync", "--first-run=apply").code == 0
    return ready


def test_check_is_quiet_about_good_files_and_loud_about_all_mistakes(folder: Path, instep: Instep) -> None:
    assert instep("check").code == 0
    mapping = folder / "mappings" / "exports.toml"
    mapping.write_text(mapping.read_text().replace('match = ["email"]', 'match = ["emial"]\ncretae = "never"'))
    checked = instep("check")
    assert checked.code == 1
    assert 'person.match names "emial"' in checked.err
    assert 'Did you mean "create"?' in checked.err


def test_doctor_names_what_is_missing_and_creates_it(folder: Path, instep: Instep) -> None:
    sick = instep("doctor", "--json")
    assert sick.code == 1
    missing = [f["what"] for f in sick.json["findings"] if not f["ok"] and "instep_id" in f["what"]]
    assert len(missing) == 3
    created = instep("doctor", "--create-fields", "hubspot")
    assert (created.code, created.out.count("created")) == (0, 5)
    again = instep("doctor", "--create-fields", "hubspot")
    assert again.out.count("created") == 0
    assert not [f for f in instep("doctor", "--json").json["findings"] if "instep" in f["what"] and not f["ok"]]


def test_without_instep_id_creates_are_refused_by_name(folder: Path, instep: Instep) -> None:
    ran = instep("sync", "--first-run=apply", "--json")
    assert ran.json["connections"]["hubspot"]["written"] == {}
    assert any("no field instep_id" in note["text"] for note in ran.json["notes"])


def test_the_first_sync_shows_what_it_would_write_and_writes_nothing(
    ready: Path, sandbox: Any, instep: Instep
) -> None:
    sandbox.log.clear()
    ran = instep("sync")
    assert (ran.code, len(sandbox.log.writes())) == (0, 0)
    assert "create 3 contacts" in ran.out
    assert "nothing was written" in ran.err


def test_sync_brings_the_exports_into_the_portal_and_accounts_for_everything(
    ready: Path, sandbox: Any, instep: Instep
) -> None:
    ran = instep("sync", "--first-run=apply", "--json")
    assert ran.code == 0
    assert ran.json["unaccounted"] == 0
    for account in ran.json["connections"].values():
        parts = account["unchanged"] + account["changed"] + account["unaccounted"]
        assert account["seen"] == parts + sum(account["skipped"].values()) + sum(account["quarantined"].values())
    people = {p["email"]: p for p in sandbox.world.all("contacts")}
    assert {p["firstname"] for p in people.values()} == {"Jane", "Joan", "Kim"}


def test_a_second_sync_sends_no_write_and_one_change_is_one_write(synced: Path, sandbox: Any, instep: Instep) -> None:
    sandbox.log.clear()
    assert instep("sync").code == 0
    assert sandbox.log.writes() == ()
    people = synced / "exports" / "people.csv"
    people.write_text(people.read_text().replace("CFO", "CEO"))
    ran = instep("sync", "--json")
    assert ran.json["connections"]["hubspot"]["written"] == {"contacts": {"update": 1}}
    assert len(sandbox.log.writes()) == 1


def test_plan_and_apply_say_and_do_the_same(ready: Path, sandbox: Any, instep: Instep) -> None:
    planned = instep("plan", "--out", "plan.json", "--detailed-exitcode")
    assert planned.code == 2
    applied = instep("apply", "plan.json", "--json")
    assert applied.code == 0
    saved = json.loads((ready / "plan.json").read_text())
    assert applied.json["planned"] == saved["counts"]
    assert instep("apply", "plan.json").code == 6
    assert instep("plan", "--detailed-exitcode").code == 0


def test_a_plan_that_is_none_is_an_error_with_a_remedy(ready: Path, instep: Instep) -> None:
    (ready / "plan.json").write_text("[]")
    ran = instep("apply", "plan.json")
    assert (ran.code, "not a plan" in ran.err) == (1, True)


def test_a_run_is_taken_back_once_somebody_says_yes(synced: Path, sandbox: Any, instep: Instep) -> None:
    people = synced / "exports" / "people.csv"
    people.write_text(people.read_text().replace("CFO", "CEO"))
    run = instep("sync", "--json").json["run"]
    sandbox.log.clear()
    told = instep("undo", str(run))
    assert (told.code, len(sandbox.log.writes())) == (0, 0)
    assert "title: CEO -> CFO   (the run that wrote it is undone)" in told.out
    assert f"instep undo {run} --yes" in told.err
    done = instep("undo", str(run), "--yes", "--json")
    assert (done.code, len(sandbox.log.writes())) == (0, 1)
    assert done.json["undoes"] == {"run": run, "delete_created": False}
    assert {p["jobtitle"] for p in sandbox.world.all("contacts") if p["firstname"] == "Joan"} == {"CFO"}
    assert instep("sync", "--json").json["connections"]["hubspot"]["written"] == {}


def test_an_undo_lists_what_it_leaves(synced: Path, sandbox: Any, instep: Instep) -> None:
    told = instep("undo", "1", "--out", "undo.json")
    assert told.code == 0
    assert "Left as it is:" in told.out
    assert "it was created and stays; with --delete-created it is deleted" in told.out
    assert len(json.loads((synced / "undo.json").read_text())["left"]) == 5
    deleted = instep("undo", "1", "--delete-created", "--yes", "--json")
    assert (deleted.code, deleted.json["left"]) == (0, [])
    assert sandbox.world.all("contacts") == []


def test_explain_tells_the_whole_story_of_a_stage(synced: Path, sandbox: Any, instep: Instep) -> None:
    jane = next(c["hs_object_id"] for c in sandbox.world.all("contacts") if c["email"] == "jane@acme.example")
    sandbox.world.edit("contacts", jane, lifecyclestage="lead")
    instep("sync")
    told = instep("explain", "jane@acme.example", "stage", "--json").json["explanations"][0]
    assert (told["value"], told["reason"]["source"]) == ("interest", f"hubspot/contacts/{jane}")
    assert told["reason"]["run"] is not None
    assert {held["field"]: held["value"] for held in told["held"]} == {
        "lifecyclestage": "lead",
        "instep_stage": "interest",
    }
    assert "hubspot/contacts" in instep("explain", "jane@acme.example", "stage").out


def test_explain_names_who_lost(synced: Path, sandbox: Any, instep: Instep) -> None:
    jane = next(c["hs_object_id"] for c in sandbox.world.all("contacts") if c["email"] == "jane@acme.example")
    sandbox.world.edit("contacts", jane, jobtitle="Boss")
    people = synced / "exports" / "people.csv"
    people.write_text(people.read_text().replace("CTO", "Chief"))
    instep("sync")
    told = instep("explain", "jane@acme.example", "title", "--json").json["explanations"][0]
    assert told["value"] == "Chief"
    assert told["reason"]["lost"] == [{"source": f"hubspot/contacts/{jane}", "value": "Boss", "why": None}]


def test_explain_of_somebody_unknown_says_what_to_give(synced: Path, instep: Instep) -> None:
    ran = instep("explain", "nobody@nowhere.example")
    assert (ran.code, "Give an e-mail address" in ran.err) == (1, True)


def test_status_runs_and_show_look_back_without_asking_anybody(synced: Path, sandbox: Any, instep: Instep) -> None:
    sandbox.log.clear()
    assert instep("status", "--json").json["entities"] == {"company": 2, "person": 3}
    runs = instep("runs", "--json").json["runs"]
    shown = instep("show", str(runs[0]["run"]), "--json").json
    assert shown["total"] == len(shown["writes"]) > 0
    assert instep("show", "999").code == 1
    assert sandbox.log.calls() == ()


def test_hostile_values_are_shown_and_never_obeyed(ready: Path, instep: Instep) -> None:
    for arguments in (("plan",), ("sync", "--first-run=apply"), ("show", "2"), ("explain", "kim@acme.example")):
        ran = instep(*arguments)
        assert "\x1b" not in ran.out + ran.err
    assert "[red]Engineer\\x1b[31m" in instep("explain", "kim@acme.example", "title").out


def test_a_wrong_token_is_named_without_being_shown(ready: Path, instep: Instep, monkeypatch: Any) -> None:
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "canary-secret-token")
    for arguments in (("sync",), ("plan", "--json"), ("doctor",)):
        ran = instep(*arguments)
        assert ran.code in (1, 8)
        assert "canary-secret" not in ran.out + ran.err
    assert instep("sync").code == 8


def test_a_run_that_finds_another_one_going_on_stops_with_7(synced: Path, instep: Instep) -> None:
    with FileLock(str(synced / ".instep" / "state.db.lock")):
        assert instep("sync").code == 7


def test_another_portal_is_refused(synced: Path, instep: Instep) -> None:
    with hubspot_sandbox(portal_id=4711) as other:
        text = (synced / "sync.toml").read_text()
        (synced / "sync.toml").write_text(text.replace(text.split('base_url = "')[1].split('"')[0], other.url))
        ran = instep("sync")
    assert (ran.code, "another store" in ran.err) == (8, True)


def test_an_export_that_no_longer_fits_stops_only_its_connection(synced: Path, sandbox: Any, instep: Instep) -> None:
    (synced / "exports" / "people.csv").write_text("something,else\n1,2\n")
    ran = instep("sync", "--json")
    assert ran.code == 3
    assert list(ran.json["stopped"]) == ["exports"]
    assert len(sandbox.world.all("contacts")) == 3


def test_losing_the_state_creates_nothing_twice(synced: Path, sandbox: Any, instep: Instep) -> None:
    shutil.rmtree(synced / ".instep")
    first = instep("sync", "--json")
    assert (first.code, first.json["applied"]) == (0, False)
    sandbox.log.clear()
    assert instep("sync", "--first-run=apply").code == 0
    assert len(sandbox.world.all("contacts")) == 3
    assert sandbox.log.writes() == ()


def test_what_was_deleted_comes_back_only_where_a_person_allows_it(
    synced: Path, sandbox: Any, instep: Instep
) -> None:
    jane = next(c for c in sandbox.world.all("contacts") if c["email"] == "jane@acme.example")
    sandbox.world.archive("contacts", jane["hs_object_id"])
    assert instep("sync").code == 0
    assert instep("sync").code == 0
    assert len(sandbox.world.all("contacts")) == 2
    for key, connection, problem in [
        ("joan@bolt.example", "hubspot", 'Nothing that "joan@bolt.example" names was deleted in hubspot'),
        ("jane@acme.example", "hubsopt", "It has: exports, hubspot"),
    ]:
        refused = instep("allow", key, connection)
        assert (refused.code, problem in refused.err) == (1, True)
    assert "may be created in hubspot again" in instep("allow", "jane@acme.example", "hubspot").out
    assert len(sandbox.world.all("contacts")) == 2
    assert instep("sync").code == 0
    assert sorted(c["email"] for c in sandbox.world.all("contacts")) == [
        "jane@acme.example",
        "joan@bolt.example",
        "kim@acme.example",
    ]
    assert "allow" in instep("runs").out


def test_a_person_is_erased_by_policy_and_let_back(synced: Path, sandbox: Any, instep: Instep) -> None:
    mapping = synced / "mappings" / "hubspot.toml"
    mapping.write_text(mapping.read_text().replace("[person]\n", '[person]\nerase = "delete"\n', 1))
    looked, refused = instep("erase", "jane@acme.example"), instep("erase", "jane@acme.example", "--yes")
    assert (looked.code, "No policy is declared" in looked.out) == (0, True)
    assert (refused.code, "mappings/exports.toml: add to [person]: erase =" in refused.err) == (1, True)
    assert len(sandbox.world.all("contacts")) == 3
    exports = synced / "mappings" / "exports.toml"
    exports.write_text(exports.read_text().replace("[person]\n", '[person]\nerase = "keep"\n', 1))
    assert instep("plan", "--out", "plan.json").code == 0
    looked = instep("erase", "jane@acme.example")
    assert (looked.code, "to delete" in looked.out, "Left there, as declared" in looked.out) == (0, True, True)
    assert len(sandbox.world.all("contacts")) == 3
    done = instep("erase", "jane@acme.example", "--yes", "--json")
    assert (done.code, [part["fate"] for part in done.json["systems"]]) == (0, ["kept", "deleted"])
    assert sorted(c["email"] for c in sandbox.world.all("contacts")) == ["joan@bolt.example", "kim@acme.example"]
    assert not (synced / "plan.json").exists()
    shown = instep("show", str(done.json["run"]))
    assert (shown.code, "delete hubspot/contacts/erased-" in shown.out, "jane" in shown.out) == (0, True, False)
    assert instep("sync").code == 0
    assert instep("explain", "jane@acme.example").code == 1
    assert "were erased before" in instep("erase", "jane@acme.example").out
    assert instep("erase", "bolt.example").code == 1
    assert instep("allow", "joan@bolt.example").code == 1
    assert instep("allow", "jane@acme.example").code == 0
    assert instep("sync").code == 0
    assert instep("explain", "jane@acme.example").code == 0


def test_an_erase_that_a_system_refuses_ends_with_3(synced: Path, sandbox: Any, instep: Instep) -> None:
    for name, policy in (("exports", "erase"), ("hubspot", "keep")):
        mapping = synced / "mappings" / f"{name}.toml"
        mapping.write_text(mapping.read_text().replace("[person]\n", f'[person]\nerase = "{policy}"\n', 1))
    refused = instep("erase", "jane@acme.example", "--yes")
    assert (refused.code, "is only read" in refused.out, "Here: kept" in refused.out) == (3, True, True)
    anyway = instep("erase", "jane@acme.example", "--yes", "--local-anyway", "--json")
    assert (anyway.code, anyway.json["forgotten_here"]) == (3, True)


def test_a_command_that_is_misspelt_is_suggested(instep: Instep) -> None:
    ran = instep("snyc")
    assert (ran.code, 'Did you mean "sync"?' in ran.err) == (2, True)


def test_connectors_are_listed_without_being_imported(instep: Instep) -> None:
    names = [connector["name"] for connector in instep("connector", "list", "--json").json["connectors"]]
    assert {"files", "hubspot"} <= set(names)
    assert "access_token" in instep("connector", "show", "hubspot").out


@pytest.mark.parametrize("command", ["report surge", "replay --on 2027-01-01", "plan", "sync", "provision plan"])
def test_a_report_into_a_folder_that_is_not_there_is_refused_before_anything_is_done(
    folder: Path, sandbox: Any, instep: Instep, tmp_path: Path, command: str
) -> None:
    ran = instep(*command.split(), "--markdown", str(tmp_path / "none" / "x.md"))
    assert (ran.code, "There is no folder" in ran.err) == (2, True)
    assert not sandbox.log.calls()
