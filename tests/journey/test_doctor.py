# ruff: noqa: E501 - one case stands on few lines
"""`instep doctor` knows before the first write what is missing. Each finding comes by one change, and only by it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from instep.errors import InstepError
from instep.mapping.load import load_workspace
from instep.sync.doctor import Finding, examine
from instep.sync.session import open_session
from instep.sync.transport import World
from instep_hubspot.sandbox.accounts import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, STATIC_TOKEN

from .conftest import Instep
from .two_crms import TwoCrms, two_crms

Change = Callable[[TwoCrms], object]


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[TwoCrms]:
    with two_crms(tmp_path) as crms:
        yield crms


def found(crms: TwoCrms, ahead: timedelta = timedelta(0)) -> list[Finding]:
    """What doctor finds on a machine whose clock may be ahead."""
    broken: dict[str, InstepError] = {}
    world = World(clock=lambda: crms.clock.now() + ahead, sleep=crms.clock.sleep)
    with open_session(load_workspace(crms.root), world, broken=broken) as session:
        return examine(session, broken)


def told(findings: list[Finding]) -> set[tuple[str, str, str]]:
    return {(finding.connection, finding.code, finding.what) for finding in findings}


def mapping(crms: TwoCrms, connection: str, before: str, after: str) -> None:
    """One line of a mapping file is written otherwise."""
    file = crms.root / "mappings" / f"{connection}.toml"
    text = file.read_text()
    assert before in text, before
    file.write_text(text.replace(before, after))


def setting(crms: TwoCrms, **values: object) -> None:
    """HubSpot's table in sync.toml says something else."""
    file = crms.root / "sync.toml"
    head, _, rest = file.read_text().partition("[connections.salesforce]")
    for name, value in values.items():
        head = re.sub(rf"^{name} = .*\n", "", head, flags=re.MULTILINE)
        head += f"{name} = {json.dumps(value)}\n" if value is not None else ""
    file.write_text(f"{head}\n[connections.salesforce]{rest}")


def oauth(*without: str, more: str = "") -> Change:
    """HubSpot is logged in to by an app that was granted what is needed, but for a scope, or with one more."""

    def change(crms: TwoCrms) -> None:
        needed = {*NEEDED_IN_HUBSPOT, "oauth"} - {*without}
        crms.portal.world.connect(*({*needed, more} - {""}))
        own = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
        setting(crms, access_token=None, **own)

    return change


NEEDED_IN_HUBSPOT = {
    *(f"crm.objects.{name}.{verb}" for name in ("contacts", "companies", "deals") for verb in ("read", "write")),
    *(f"crm.schemas.{name}.read" for name in ("contacts", "companies", "deals")),
    "crm.objects.owners.read",
    "communication_preferences.read_write",
}


def leads_by_type(crms: TwoCrms) -> str:
    """Leads show stages as statuses, and there is a type of leads."""
    mapping(
        crms, "salesforce", "[person.fields]", '[person.stages]\nfield = "Status"\n' + STATUSES + "[person.fields]"
    )
    return str(crms.org.world.add_record_type("Lead", "Partner", "Partner lead"))


STATUSES = 'values = { interest = "Open - Not Contacted", consideration = "Working - Contacted", decision = "Closed - Converted", purchase = "Closed - Not Converted" }\n'
ALL_BUT_ONE = ["Open - Not Contacted", "Closed - Converted", "Closed - Not Converted"]


FINDINGS: dict[str, tuple[Change, str, str, str, str]] = {
    "a login that is refused": (
        lambda c: c.portal.world.withdraw(STATIC_TOKEN),
        "hubspot", "login-refused", "wrong", "the login was not accepted",
    ),
    "a system that is out of order": (
        lambda c: c.org.faults.add("/services/data/*", "server_error", None),
        "salesforce", "unusable", "wrong", "is out of order",
    ),
    "a scope that is missing": (
        oauth("crm.objects.deals.write"), "hubspot", "scope-missing", "wrong", "scope crm.objects.deals.write is missing",
    ),
    "a scope that only a call tells of": (
        lambda c: c.portal.world.withdraw(STATIC_TOKEN, "crm.objects.owners.read"),
        "hubspot", "scope-missing", "wrong", "lacks a scope: crm.objects.owners.read",
    ),
    "more scopes than are needed": (
        oauth(more="crm.schemas.contacts.write"),
        "hubspot", "scope-too-broad", "warning", "scope crm.schemas.contacts.write is more than this mapping needs",
    ),
    "the scope that is everything": (
        lambda c: c.org.world.grant("full", "refresh_token"),
        "salesforce", "scope-too-broad", "warning", "scope full is more than this mapping needs",
    ),
    "a day whose calls are spent": (
        lambda c: limited(c, 99), "hubspot", "calls-spent", "wrong", "of them for people",
    ),
    "an object that the login may not see": (
        lambda c: c.org.faults.add("*/sobjects/Lead/describe", "status", None, status=404, body=b"[]"),
        "salesforce", "object-hidden", "wrong", "the login may not see Lead",
    ),
    "a field that field-level security hides": (
        lambda c: c.org.world.hide_field("Account", "Industry"),
        "salesforce", "field-missing", "wrong", "Account has no field Industry that this login sees",
    ),
    "a field that only one of two objects shows": (
        lambda c: c.org.world.hide_field("Lead", "Title"),
        "salesforce", "field-elsewhere", "warning", "Lead has no field Title that this login sees, and Contact has one",
    ),
    "a property that is gone": (
        lambda c: c.portal.world.hide_property("contacts", "jobtitle"),
        "hubspot", "field-missing", "wrong", "contacts has no field jobtitle that this login sees",
    ),
    "a field of consent that is hidden": (
        lambda c: [c.org.world.hide_field(o, "HasOptedOutOfEmail") for o in ("Lead", "Contact")],
        "salesforce", "field-missing", "wrong", "so no opt-out is read or written there",
    ),
    "our own id that is hidden": (
        lambda c: c.org.world.hide_field("Account", "Instep_Id__c"),
        "salesforce", "instep-id-missing", "wrong", "Account has no field Instep_Id__c",
    ),
    "our own id in a field that is not unique": (
        lambda c: mapping(c, "hubspot", "[company]\nobjects", '[company]\ninstep_id = "description"\nobjects'),
        "hubspot", "instep-id-not-unique", "wrong", "companies.description is not unique",
    ),
    "a field that may be read and not edited": (
        lambda c: only_read(c, "Lead", "Title"),
        "salesforce", "field-read-only", "wrong", "Lead.Title cannot be written by this login",
    ),
    "an option that is not there": (
        lambda c: mapping(c, "hubspot", 'industry = "industry"\n', 'industry = { field = "industry", values = { Toys = "TOYS_X" } }\n'),
        "hubspot", "option-missing", "wrong", 'companies.industry has no option "TOYS_X"',
    ),
    "a stage that is not there": (
        lambda c: mapping(c, "hubspot", 'decision = "decisionmakerboughtin"', 'decision = "almost"'),
        "hubspot", "stage-missing", "wrong", 'pipeline default has no stage "almost"',
    ),
    "a stage that an admin retired": (
        lambda c: c.org.world.retire_stage("Qualification"),
        "salesforce", "stage-missing", "wrong", 'has no stage "Qualification"',
    ),
    "a stage that nobody mapped": (
        lambda c: c.org.world.add_stage("Legal", probability=70),
        "salesforce", "stage-unmapped", "wrong", 'stage "Legal" of StageName is not mapped',
    ),
    "a pipeline that is not there": (
        lambda c: mapping(c, "hubspot", 'pipeline = "default"', 'pipeline = "partners"'),
        "hubspot", "pipeline-missing", "wrong", "deals has no pipeline partners",
    ),
    "a required field that nothing fills": (
        lambda c: c.org.world.add_field("Account", "Region__c", "Text", length=20, required=True),
        "salesforce", "required-unfilled", "wrong", "Account.Region__c is required of a new record",
    ),
    "a field too short for our own id": (
        lambda c: (c.org.world.add_field("Account", "Short__c", "Text", length=10, unique=True, external_id=True),
                   mapping(c, "salesforce", '[company]\nobjects = ["Account"]\ncreate_as = "Account"\ninstep_id = "Instep_Id__c"',
                           '[company]\nobjects = ["Account"]\ncreate_as = "Account"\ninstep_id = "Short__c"')),
        "salesforce", "field-too-short", "wrong", "Account.Short__c holds 10 characters, and our own id has 23",
    ),
    "a field too short for a stage": (
        lambda c: (c.org.world.add_field("Lead", "Step__c", "Text", length=8),
                   c.org.world.add_field("Contact", "Step__c", "Text", length=8),
                   mapping(c, "salesforce", '"Instep_Stage__c"', '"Step__c"')),
        "salesforce", "field-too-short", "wrong", "Lead.Step__c holds 8 characters, and the stage",
    ),
    "a colleague who has no user": (
        lambda c: team(c, 'key = "cyd"\nname = "Cyd Moe"\nemail = "cyd@ourselves.example"\nroles = ["sales"]'),
        "salesforce", "owner-unknown", "wrong", "Cyd Moe has no user here",
    ),
    "a colleague whose user has left": (
        lambda c: c.org.world.deactivate_user(user(c, "ada@ourselves.example")),
        "salesforce", "owner-inactive", "wrong", "Ada Lind is inactive here",
    ),
}  # fmt: skip


def limited(crms: TwoCrms, percent: int) -> None:
    """All calls that are left today are kept for people."""
    crms.portal.personality = replace(crms.portal.personality, daily_limit=1000)
    add(crms.root / "sync.toml", f"[budget]\nreserve_percent = {percent}")


def only_read(crms: TwoCrms, object: str, name: str) -> None:
    """Field-level security lets the integration user see a field, and not change it."""
    crms.org.world.hide_field(object, name)
    [ours] = crms.sf.query("SELECT Id FROM PermissionSet WHERE Name = 'Instep'")["records"]
    crms.sf.FieldPermissions.create(
        {"ParentId": ours["Id"], "SobjectType": object, "Field": f"{object}.{name}", "PermissionsRead": True,
         "PermissionsEdit": False}
    )  # fmt: skip


def team(crms: TwoCrms, person: str) -> None:
    add(crms.root / "mappings/team.toml", f"[[people]]\n{person}")


def add(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}\n")


def user(crms: TwoCrms, email: str) -> str:
    return str(crms.one("User", "Id", f"Email = '{email}'")["Id"])


@pytest.mark.parametrize("case", FINDINGS)
def test_each_finding_comes_by_one_change_and_not_without_it(crms: TwoCrms, case: str) -> None:
    change, connection, code, level, words = FINDINGS[case]
    before = found(crms)
    assert code not in {finding.code for finding in before if finding.connection == connection}
    assert {finding.level for finding in before} <= {"ok", "warning"}
    change(crms)
    found_now = [f for f in found(crms) if (f.connection, f.code) == (connection, code)]
    new = [finding for finding in found_now if words in finding.what]
    assert new, found_now
    assert {finding.level for finding in new} == {level}
    assert all(finding.remedy or finding.code in ("login-refused", "unusable", "object-hidden") for finding in new)


def test_a_new_system_has_nothing_that_is_wrong(crms: TwoCrms) -> None:
    findings = found(crms)
    assert {finding.level for finding in findings if finding.code != "scopes-unknown"} == {"ok"}
    for name in ("hubspot", "salesforce"):
        codes = {finding.code for finding in findings if finding.connection == name}
        assert {"version", "login", "clock", "calls", "fields", "owners"} <= codes


def test_one_system_that_cannot_be_used_hides_nothing_of_the_other(crms: TwoCrms) -> None:
    before = {finding for finding in found(crms) if finding.connection == "salesforce" and finding.code != "calls"}
    crms.portal.world.withdraw(STATIC_TOKEN)
    assert before <= {*found(crms)}


# --- scopes ----------------------------------------------------------------------------------------------------


def test_what_is_granted_and_what_is_needed_are_both_told(crms: TwoCrms) -> None:
    assert ("salesforce", "scopes", "granted: api; needed: api") in told(found(crms))
    oauth()(crms)
    [scopes] = [finding for finding in found(crms) if (finding.connection, finding.code) == ("hubspot", "scopes")]
    assert scopes.what == f"granted: {', '.join(sorted({*NEEDED_IN_HUBSPOT, 'oauth'}))}; needed: " + ", ".join(
        sorted(NEEDED_IN_HUBSPOT)
    )


def test_an_access_token_of_an_app_is_asked_for_its_scopes(crms: TwoCrms) -> None:
    oauth(more="crm.lists.read")(crms)
    crms.portal.world.grant("still-good", {*NEEDED_IN_HUBSPOT, "crm.lists.write"})
    setting(crms, access_token="still-good")
    broader = [finding.what for finding in found(crms) if finding.code == "scope-too-broad"]
    assert broader == ["scope crm.lists.write is more than this mapping needs"]


def test_what_is_needed_follows_the_mapping(crms: TwoCrms) -> None:
    mapping(crms, "hubspot", '[person.consent]\nscope = "all"', "")
    [unknown] = [finding for finding in found(crms) if finding.code == "scopes-unknown"]
    assert "communication_preferences" not in unknown.what
    assert "forms" not in unknown.what
    form = '[[behaviours]]\nkind = "form-submission"\nbehaviour = "downloads-document"'
    add(crms.root / "mappings/hubspot.toml", form)
    [unknown] = [finding for finding in found(crms) if finding.code == "scopes-unknown"]
    assert "forms" in unknown.what


def test_which_scopes_a_ready_token_has_is_said_to_be_unknown(crms: TwoCrms) -> None:
    scopes = {finding.connection: finding for finding in found(crms) if finding.code.startswith("scope")}
    assert (scopes["hubspot"].code, scopes["hubspot"].level) == ("scopes-unknown", "warning")
    assert scopes["salesforce"].code == "scopes"


# --- clocks and calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "code"), [(55, "clock"), (65, "clock-skew"), (-65, "clock-skew")])
def test_a_clock_that_is_off_by_a_minute_is_told(crms: TwoCrms, seconds: int, code: str) -> None:
    clocks = {finding.connection: finding.code for finding in found(crms, timedelta(seconds=seconds))
              if finding.code.startswith("clock")}  # fmt: skip
    assert clocks == {"hubspot": code, "salesforce": code}


def test_calls_that_are_not_told_are_said_not_to_be_known(crms: TwoCrms) -> None:
    oauth()(crms)
    crms.clock.advance(timedelta(minutes=1))
    calls = {finding.connection: finding for finding in found(crms) if finding.code.startswith("calls")}
    assert calls["hubspot"].code == "calls-unknown"
    assert re.fullmatch(r"[\d,]+ of 15,000 calls a day are left, 3,000 of them for people", calls["salesforce"].what)


# --- what a variant of records offers --------------------------------------------------------------------------


def test_a_status_that_a_record_type_does_not_offer_is_told(crms: TwoCrms) -> None:
    type = leads_by_type(crms)
    assert "option-not-offered" not in {finding.code for finding in found(crms)}
    crms.org.world.offer_only("Lead", type, "Status", ALL_BUT_ONE)
    offers = [finding for finding in found(crms) if finding.code == "option-not-offered"]
    assert [(o.level, o.what) for o in offers] == [
        ("warning", 'Lead.Status does not offer "Working - Contacted" to Partner')
    ]


def test_what_the_org_does_not_tell_of_its_record_types_is_not_said(crms: TwoCrms) -> None:
    type = leads_by_type(crms)
    crms.org.world.offer_only("Lead", type, "Status", ALL_BUT_ONE)
    crms.org.faults.add(
        "*/ui-api/*", "status", None, status=404, body=b'[{"errorCode": "NOT_FOUND", "message": "x"}]'
    )
    findings = found(crms)
    assert "option-not-offered" not in {finding.code for finding in findings}
    assert "owners" in {finding.code for finding in findings if finding.connection == "salesforce"}


# --- what a run has seen ---------------------------------------------------------------------------------------


def test_a_text_that_was_seen_elsewhere_and_does_not_fit_is_told(crms: TwoCrms) -> None:
    crms.add_contact(email="jane@acme.example", jobtitle="x" * 128)
    crms.sync()
    assert "field-too-short" not in {finding.code for finding in found(crms)}
    crms.edit_contact("jane@acme.example", jobtitle="x" * 129)
    crms.sync()
    short = {finding.what for finding in found(crms) if finding.code == "field-too-short"}
    assert "Lead.Title holds 128 characters, and a title that hubspot/contacts holds has 129" in short


def test_an_owner_of_records_who_is_nobody_in_the_team_is_told(crms: TwoCrms) -> None:
    stranger = crms.org.world.add_user("Eve Hill", "eve@ourselves.example")
    crms.sync()
    assert "owner-stranger" not in {finding.code for finding in found(crms)}
    crms.org.world.create("Account", Name="Acme", OwnerId=stranger)
    crms.sync()
    [told_of] = [finding for finding in found(crms) if finding.code == "owner-stranger"]
    assert (told_of.connection, told_of.level) == ("salesforce", "warning")
    assert told_of.what.startswith(f"Eve Hill ({stranger}) is nobody in team.toml, and owns 1 record: ")
    team(crms, 'key = "eve"\nname = "Eve Hill"\nemail = "eve@ourselves.example"\nroles = ["sales"]')
    crms.portal.world.add_owner("eve@ourselves.example", "Eve", "Hill")
    assert "owner-stranger" not in {finding.code for finding in found(crms)}


def test_a_colleague_who_has_left_need_be_a_user_nowhere(crms: TwoCrms) -> None:
    team(crms, 'key = "cyd"\nname = "Cyd Moe"\nemail = "cyd@ourselves.example"\nroles = ["sales"]\nactive = false')
    assert "owner-unknown" not in {finding.code for finding in found(crms)}


def test_a_table_for_all_records_needs_no_pipeline_of_its_own(crms: TwoCrms) -> None:
    crms.org.world.add_record_type("Opportunity", "New_Business", "New business")
    assert "pipeline-missing" not in {finding.code for finding in found(crms)}


def test_an_object_that_can_only_be_read_is_told_once(tmp_path: Path, instep: Instep) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "people.csv").write_text("id,email\n1,jane@x.example\n")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings/process.toml").write_text('preset = "b2b-11"\n')
    head = '[person]\nobjects = ["people"]\nmatch = ["email"]\ninstep_id = false\n'
    (tmp_path / "mappings/exports.toml").write_text(head + 'fields = { email = "email", title = "job" }\n')
    sync = '[connections.exports]\nplugin = "files"\npath = "exports"\nobjects.people = { file = "people.csv", key = "id" }\n'
    (tmp_path / "sync.toml").write_text(sync)

    def codes() -> set[str]:
        return {f["code"] for f in instep("doctor", "--json", "-w", str(tmp_path)).json["findings"]}

    assert {"object-read-only", "field-missing"} <= codes()
    (tmp_path / "sync.toml").write_text(sync + 'direction = "both"\n')
    assert not {"object-read-only", "field-read-only", "calls-unknown"} & codes()


# --- the command -----------------------------------------------------------------------------------------------


def test_text_and_json_say_the_same(crms: TwoCrms, instep: Instep) -> None:
    crms.org.world.hide_field("Account", "Industry")
    crms.org.world.grant("full")
    text = instep("doctor", "-w", str(crms.root))
    ran = instep("doctor", "--json", "-w", str(crms.root))
    assert (text.code, ran.code) == (1, 1)
    signs = {"ok": "✓", "warning": "!", "wrong": "✗"}
    for finding in ran.json["findings"]:
        if not finding["code"].startswith(("calls", "clock")):
            assert f"{signs[finding['level']]} {finding['connection']}: {finding['what']}" in text.out
        assert finding["ok"] is (finding["level"] != "wrong")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", finding["code"])
    assert ran.json["ok"] is False


def test_a_warning_stops_nothing(crms: TwoCrms, instep: Instep) -> None:
    crms.org.world.grant("full")
    ran = instep("doctor", "--json", "-w", str(crms.root))
    assert (ran.code, ran.json["ok"]) == (0, True)


def test_a_connection_that_is_not_there_is_named_as_everywhere(crms: TwoCrms, instep: Instep) -> None:
    said = [instep(*command, "-w", str(crms.root)).err for command in
            (("doctor", "--create-fields", "hubsopt"), ("allow", "x@y.example", "hubsopt"))]  # fmt: skip
    assert said == ['sync.toml has no connection "hubsopt". It has: hubspot, salesforce.\n'] * 2


def test_doctor_writes_nothing_there(crms: TwoCrms) -> None:
    for sandbox in (crms.portal, crms.org):
        sandbox.log.clear()
    found(crms)
    writes: list[Any] = [*crms.portal.log.writes(), *crms.org.log.writes()]
    assert writes == []
