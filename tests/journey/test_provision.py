"""`instep provision` as a person types it, over both systems: what it does, what it says, and how it ends."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hubspot.crm.pipelines import PipelineStageInput, PipelineStagePatchInput
from markdown_it import MarkdownIt
from simple_salesforce.api import Salesforce

from instep.mapping.load import load_workspace
from instep.sandbox import FaultKind
from instep.settings import environment_prefix
from instep_hubspot.sandbox import hubspot_sandbox

from .conftest import Instep, Ran
from .two_crms import TwoCrms, two_crms


@pytest.fixture
def crms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoCrms]:
    """Both systems as they come, and the starter mappings, which nobody applied yet."""
    with two_crms(tmp_path / "crm") as crms:
        monkeypatch.chdir(crms.root)
        forget(crms)
        yield crms


@pytest.fixture
def applied(crms: TwoCrms, instep: Instep) -> TwoCrms:
    """Both systems as the files say."""
    ran = instep("provision", "apply", "--yes")
    assert ran.code == 0, ran.out + ran.err
    forget(crms)
    return crms


def forget(crms: TwoCrms) -> None:
    crms.portal.log.clear()
    crms.org.log.clear()


def edit(crms: TwoCrms, name: str, old: str, new: str) -> None:
    file = crms.root / ("sync.toml" if name == "sync" else f"mappings/{name}.toml")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def files(root: Path) -> dict[str, str]:
    """Every file of a workspace that people edit or commit."""
    found = [root / "sync.toml", *(root / "mappings").iterdir()]
    return {file.name: file.read_text(encoding="utf-8") for file in found}


# --- colleagues, through the vendors' own clients ------------------------------------------------------------------


@contextmanager
def pipelines(crms: TwoCrms) -> Iterator[Any]:
    """The stages of HubSpot's pipelines."""
    api = crms.hs.crm.pipelines.pipeline_stages_api
    try:
        yield api
    finally:
        api.api_client.rest_client.pool_manager.clear()
        api.api_client.close()


def rename_in_hubspot(crms: TwoCrms, label: str = "Somebody's own word") -> None:
    with pipelines(crms) as api:
        held = api.get_by_id("deals", "default", "contractsent")
        body = PipelineStagePatchInput(label=label, metadata=dict(held.metadata))
        api.update("deals", "default", "contractsent", body)


def reweigh_in_hubspot(crms: TwoCrms) -> None:
    with pipelines(crms) as api:
        body = PipelineStagePatchInput(metadata={"probability": "0.2"})
        api.update("deals", "default", "contractsent", body)


def edit_in_salesforce(crms: TwoCrms, change: Callable[[list[Any]], object]) -> None:
    """An admin edits the value set of the stages, as it is read, and saves it whole."""
    sf = Salesforce(
        session_id=crms.sf.session_id, instance_url=crms.org.url, session=crms.sf.session, version=crms.sf.sf_version
    )
    sf.metadata_url = sf.metadata_url.replace("https://", "http://")
    sf.mdapi._client.transport.session.trust_env = False
    stages = sf.mdapi.StandardValueSet.read(["OpportunityStage"])
    change(stages.standardValue)
    sf.mdapi.StandardValueSet.update([stages])


def rename_in_salesforce(crms: TwoCrms, name: str = "Prospecting", label: str = "Somebody's own word") -> None:
    def change(values: list[Any]) -> None:
        next(value for value in values if value.fullName == name).label = label

    edit_in_salesforce(crms, change)


COLLEAGUES = {
    "hubspot": (reweigh_in_hubspot, "probability", "20 %"),
    "salesforce": (rename_in_salesforce, "label", "Somebody's own word"),
}
"""What somebody does in each system, what of a stage that changes, and what it is from then on."""


# --- plan, apply, drift, import ------------------------------------------------------------------------------------


def test_a_plan_says_everything_and_touches_nothing(crms: TwoCrms, instep: Instep) -> None:
    before = files(crms.root)
    plain, detailed, as_json = (
        instep("provision", "plan", *more) for more in ((), ("--detailed-exitcode",), ("--json",))
    )
    assert (plain.code, detailed.code, as_json.code) == (0, 2, 0)
    assert plain.out == detailed.out
    assert (
        'stage "Appointment Scheduled" (interest) of pipeline "Sales Pipeline"\n      probability: 20 % -> 10 %'
        in plain.out
    )
    assert plain.out.rstrip().endswith("9 to do.")
    assert [len(system["steps"]) for system in as_json.json["systems"]] == [4, 5]
    for system in as_json.json["systems"]:
        told = [*(step["target"] for step in system["steps"]), *system["adopted"], *system["losses"]]
        assert [text for text in told if text not in plain.out] == []
    assert writes(crms) == []
    assert files(crms.root) == before
    assert not load_workspace(crms.root).store.with_suffix(".lock").exists()


def test_what_was_applied_is_planned_no_more(applied: TwoCrms, instep: Instep) -> None:
    ran = instep("provision", "plan", "--detailed-exitcode")
    assert (ran.code, ran.out.rstrip().splitlines()[-1]) == (0, "Every system is as the files say.")
    again = instep("provision", "apply", "--yes")
    assert (again.code, again.out.rstrip()) == (0, "Every system is as the files say.")
    assert instep("provision", "drift", "--detailed-exitcode").code == 0
    assert writes(applied) == []


def writes(crms: TwoCrms) -> list[str]:
    """Requests that could change something; a login is none."""
    sent = [*crms.portal.log.writes(), *crms.org.log.writes()]
    return [call.label for call in sent if not call.label.startswith("oauth")]


def test_a_saved_plan_is_done_as_it_was_read_and_once_only(crms: TwoCrms, instep: Instep) -> None:
    assert instep("provision", "plan", "--out", "plan.json").code == 0
    saved = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    ran = instep("provision", "apply", "plan.json", "--json")
    assert ran.code == 0
    planned = [(system["connection"], step["target"]) for system in saved["systems"] for step in system["steps"]]
    assert [(step["connection"], step["target"]) for step in ran.json["steps"]] == planned
    assert ran.json["files"] == ["mappings/hubspot.ids.toml", "mappings/salesforce.ids.toml"]
    assert instep("provision", "apply", "plan.json").code == 6


@pytest.mark.parametrize("name", COLLEAGUES)
def test_drift_is_what_a_colleague_did_and_is_put_right(name: str, applied: TwoCrms, instep: Instep) -> None:
    change, what, now = COLLEAGUES[name]
    change(applied)
    found = instep("provision", "drift", "--detailed-exitcode", "--markdown", "drift.md")
    assert (found.code, found.out.rstrip().splitlines()[-1]) == (2, "1 drifted.")
    assert re.search(f"{what}: .* in the files, {now} there", found.out)
    assert "1 drifted" in Path("drift.md").read_text(encoding="utf-8")
    (one,) = instep("provision", "drift", "--json").json["drift"]
    (difference,) = one["differences"]
    assert (one["connection"], difference["what"], difference["there"]) == (name, what, now)
    assert instep("provision", "apply", "--yes").code == 0
    assert instep("provision", "drift", "--detailed-exitcode").code == 0


def test_what_nobody_manages_yet_cannot_drift(crms: TwoCrms, instep: Instep) -> None:
    reweigh_in_hubspot(crms)
    assert instep("provision", "drift", "--detailed-exitcode").code == 0


def test_a_stage_that_a_colleague_added_is_drift_and_is_left_alone(applied: TwoCrms, instep: Instep) -> None:
    with pipelines(applied) as api:
        body = PipelineStageInput(label="Theirs", display_order=9, metadata={"probability": "0.5"})
        made = api.create("deals", "default", body)
    assert 'pipeline "Sales Pipeline" of deals: "Theirs": in no file' in instep("provision", "drift").out
    ran = instep("provision", "apply", "--yes")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "Every system is as the files say.")
    assert instep("provision", "drift", "--detailed-exitcode").code == 0
    with pipelines(applied) as api:
        assert made.id in [stage.id for stage in api.get_all("deals", "default").results]


def test_import_manages_what_is_there_and_changes_it_nowhere(crms: TwoCrms, instep: Instep) -> None:
    ran = instep("provision", "import")
    assert (ran.code, writes(crms)) == (0, [])
    assert '= salesforce: StageName of Opportunity: "Prospecting" (interest)' in ran.out
    assert (crms.root / "mappings" / "salesforce.ids.toml").exists()
    assert instep("provision", "import", "--json").json["files"] == []
    plan = instep("provision", "plan")
    assert "  = " not in plan.out
    assert plan.out.rstrip().endswith("9 to do.")
    reweigh_in_hubspot(crms)
    assert "90 % in the files, 20 % there" in instep("provision", "drift").out


def test_only_the_named_connection_is_asked_and_changed(crms: TwoCrms, instep: Instep) -> None:
    for command in (("plan",), ("drift",), ("import",), ("apply", "--yes"), ("plan", "--out", "hubspot.json")):
        assert instep("provision", *command, "--connection", "hubspot").code == 0, command
    assert crms.org.log.count() == 0
    assert not (crms.root / "mappings" / "salesforce.ids.toml").exists()
    assert "salesforce:" in instep("provision", "plan").out


def test_an_unknown_connection_is_named(crms: TwoCrms, instep: Instep) -> None:
    for command in (("plan",), ("apply", "--yes"), ("drift",), ("import",)):
        ran = instep("provision", *command, "--connection", "hubsport")
        assert ran.code == 1
        assert 'sync.toml has no connection "hubsport". It has: hubspot, salesforce.' in ran.err
    exported = instep("provision", "export", "hubsport", "--to", "x")
    assert (exported.code, "hubsport" in exported.err, Path("x").exists()) == (1, True, False)


# --- how it ends ---------------------------------------------------------------------------------------------------


def test_what_is_wrong_ends_with_1_and_nothing_is_done_anywhere(crms: TwoCrms, instep: Instep) -> None:
    assert instep("provision", "plan").code == 0
    edit(crms, "hubspot", 'field = "lifecyclestage"', 'field = "jobtitle"')
    plan = instep("provision", "plan", "--out", "plan.json", "--markdown", "plan.md")
    assert (plan.code, "✗ contacts has no list of stages in jobtitle [no-list]" in plan.out) == (1, True)
    assert "`no-list`" in Path("plan.md").read_text(encoding="utf-8")
    for arguments in (("--yes",), ("plan.json",)):
        ran = instep("provision", "apply", *arguments)
        assert (ran.code, "Nothing was done:" in ran.err, "jobtitle" in ran.err) == (1, True, True)
    assert writes(crms) == []
    assert not list((crms.root / "mappings").glob("*.ids.toml"))


def test_one_refusal_ends_with_3_and_everything_else_is_done(crms: TwoCrms, instep: Instep) -> None:
    body = b'{"status":"error","category":"VALIDATION_ERROR","message":"Not this one.","correlationId":"c"}'
    crms.portal.faults.add("*", FaultKind.STATUS, status=400, body=body, writes_only=True)
    ran = instep("provision", "apply", "--yes", "--markdown", "report.md")
    assert ran.code == 3
    assert ran.out.count("  applied: ") == 8
    assert '  failed: hubspot: stage "Appointment Scheduled" (interest)' in ran.out
    assert "8 applied, 1 failed." in ran.out
    assert "Not this one" in ran.out
    assert "| failed | `hubspot` |" in Path("report.md").read_text(encoding="utf-8")
    again = instep("provision", "apply", "--yes")
    assert (again.code, "1 applied." in again.out) == (0, True)


def test_a_surprising_plan_ends_with_5_unless_it_is_wanted_all_the_same(applied: TwoCrms, instep: Instep) -> None:
    with (applied.root / "sync.toml").open("a") as sync:
        sync.write("\n[guards.provision]\nchanges = 2\n")
    edit(applied, "process", 'preset = "b2b-11"', ACCOUNT_OF_THREE)
    assert instep("provision", "plan", "--out", "plan.json").code == 0
    stopped = [instep("provision", "apply", *arguments) for arguments in (("--yes",), ("plan.json",))]
    assert [ran.code for ran in stopped] == [5, 5]
    assert "3 stages are changed, and at most 2 are allowed at once" in stopped[0].err
    assert writes(applied) == []
    past = instep("provision", "apply", "plan.json", "--past-guards", "--json")
    assert (past.code, past.json["counts"]["applied"] > 2) == (0, True)


ACCOUNT_OF_THREE = 'preset = "b2b-11"\n' + "".join(
    f'[[stages]]\nkey = "{key}"\nwin_probability = {share}\n'
    for key, share in (("interest", 0.2), ("research", 0.3), ("purchase", 0.8))
)


MOVES: dict[str, Callable[[TwoCrms], None]] = {
    "a file": lambda crms: edit(crms, "process", 'preset = "b2b-11"', ACCOUNT_OF_THREE),
    "a word in a mapping": lambda crms: edit(crms, "hubspot", '"contractsent"', '"Contract is out"'),
    "hubspot": rename_in_hubspot,
    "salesforce": rename_in_salesforce,
}


@pytest.mark.parametrize("what", MOVES)
def test_a_plan_is_stale_as_soon_as_anything_moved(what: str, crms: TwoCrms, instep: Instep) -> None:
    assert instep("provision", "plan", "--out", "plan.json").code == 0
    MOVES[what](crms)
    forget(crms)
    before = files(crms.root)
    ran = instep("provision", "apply", "plan.json")
    assert (ran.code, "The plan is stale" in ran.err, "Plan again." in ran.err) == (6, True, True)
    assert (writes(crms), files(crms.root)) == ([], before)
    assert instep("provision", "plan", "--out", "plan.json").code == 0
    assert instep("provision", "apply", "plan.json").code == 0


def test_a_plan_for_another_org_is_stale(crms: TwoCrms, instep: Instep) -> None:
    assert instep("provision", "plan", "--out", "plan.json", "--connection", "hubspot").code == 0
    with hubspot_sandbox(portal_id=4711) as other:
        edit(crms, "sync", crms.portal.url, other.url)
        ran = instep("provision", "apply", "plan.json")
        assert other.log.writes() == ()
    assert (ran.code, "The plan is stale" in ran.err) == (6, True)


def test_another_run_in_the_same_workspace_ends_it_with_7(crms: TwoCrms, instep: Instep) -> None:
    store = load_workspace(crms.root).store
    store.parent.mkdir(exist_ok=True)
    with FileLock(f"{store}.lock"):
        assert [instep("provision", *command).code for command in (("apply", "--yes"), ("import",))] == [7, 7]
        assert writes(crms) == []
        assert [instep("provision", *command).code for command in (("plan",), ("drift",))] == [0, 0]
    assert instep("provision", "apply", "--yes").code == 0


def test_a_login_that_is_refused_ends_it_with_8_and_is_never_shown(
    crms: TwoCrms, instep: Instep, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [("plan",), ("drift",), ("export", "hubspot", "--to", "x"), ("import",), ("apply", "--yes")]
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "canary-secret-token")
    for command in commands:
        ran = instep("provision", *command)
        assert ran.code == 8
        assert "canary-secret" not in ran.out + ran.err
    assert (writes(crms), Path("x").exists()) == ([], False)
    monkeypatch.delenv("INSTEP_HUBSPOT__ACCESS_TOKEN")
    assert [instep("provision", *command).code for command in commands] == [0] * 5


NO_PLANS = {
    "nothing": None,
    "no JSON": "plan: 1",
    "no document": "[1, 2]",
    "another version": '{"format_version": 2, "systems": [], "digest": "", "made_from": {}}',
    "systems without a name": '{"format_version": 1, "systems": [1], "digest": "", "made_from": {}}',
    "digests of nothing": '{"format_version": 1, "systems": [], "digest": "", "made_from": []}',
    "nested without end": "[" * 100_000,
}


def test_what_is_no_plan_is_not_applied(crms: TwoCrms, instep: Instep) -> None:
    for text in NO_PLANS.values():
        if text is not None:
            Path("plan.json").write_text(text, encoding="utf-8")
        assert_no_plan(crms, instep)


def test_other_documents_are_no_plans_either(crms: TwoCrms, instep: Instep) -> None:
    assert instep("plan", "--out", "plan.json").code == 0
    assert_no_plan(crms, instep)
    imported = instep("provision", "import", "--json")
    assert imported.json["systems"]
    Path("plan.json").write_text(imported.out, encoding="utf-8")
    assert_no_plan(crms, instep)


def assert_no_plan(crms: TwoCrms, instep: Instep) -> None:
    forget(crms)
    ran = instep("provision", "apply", "plan.json")
    assert ran.code == 1
    assert ran.err.rstrip() == (
        "plan.json is not a plan of a configuration. Make one with: instep provision plan --out plan.json"
    )
    assert (crms.portal.log.count(), crms.org.log.count()) == (0, 0)


def test_apply_wants_a_plan_or_a_yes(crms: TwoCrms, instep: Instep) -> None:
    for arguments in ((), ("plan.json", "--yes")):
        ran = instep("provision", "apply", *arguments)
        assert (ran.code, "or say --yes" in ran.err) == (2, True)


RENAMES = {"hubspot": rename_in_hubspot, "salesforce": rename_in_salesforce}


# --- export --------------------------------------------------------------------------------------------------------


@pytest.fixture
def logins(crms: TwoCrms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds what an export leaves out."""
    for name, box in (("hubspot", crms.portal), ("salesforce", crms.org)):
        for key, value in box.settings.items():
            monkeypatch.setenv(f"{environment_prefix(name)}{key.upper()}", str(value))


@pytest.mark.parametrize("name", COLLEAGUES)
@pytest.mark.usefixtures("logins")
def test_what_is_exported_finds_nothing_to_do_and_then_exactly_what_somebody_changed(
    name: str, crms: TwoCrms, instep: Instep
) -> None:
    assert instep("provision", "export", name, "--to", "as-is").code == 0
    text = Path("as-is/sync.toml").read_text(encoding="utf-8")
    secrets = [crms.portal.settings["access_token"], crms.org.settings.get("client_secret", "no such setting")]
    assert not any(secret in text for secret in secrets)
    assert "belongs into the environment" in text
    plan = instep("provision", "plan", "-w", "as-is", "--detailed-exitcode")
    assert (plan.code, plan.out) == (0, "Every system is as the files say.\n")
    RENAMES[name](crms)
    (system,) = instep("provision", "plan", "-w", "as-is", "--json").json["systems"]
    (step,) = system["steps"]
    assert (step["action"], [d["before"] for d in step["differences"]]) == ("change-stage", ["Somebody's own word"])
    assert instep("provision", "apply", "-w", "as-is", "--yes").code == 0
    assert instep("provision", "plan", "-w", "as-is", "--detailed-exitcode").code == 0


def test_an_export_never_overwrites(crms: TwoCrms, instep: Instep) -> None:
    before = files(crms.root)
    ran = instep("provision", "export", "hubspot", "--to", str(crms.root))
    assert (ran.code, "is not empty. Name a folder that is new." in ran.err) == (1, True)
    assert files(crms.root) == before
    Path("empty").mkdir()
    assert instep("provision", "export", "hubspot", "--to", "empty").code == 0
    assert instep("provision", "export", "hubspot", "--to", "empty").code == 1


# --- what vendors say is shown, and never obeyed -------------------------------------------------------------------

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "`tick` ``two``",
    "<script>alert(1)</script>",
    "a | b",
    "[x](https://evil.example)",
    "=HYPERLINK(0)",
    '""" \\ \\u0041',
    "\u202egnp.exe",
    "${{ secrets.X }}",
    "# = [stages]",
    "line\nbreak",
    "@octocat",
]


def hostile_words(crms: TwoCrms) -> None:
    """Colleagues give stages, pipelines and forecasts names that nobody should obey."""
    world = crms.portal.world
    stages = [{"label": text, "metadata": {"probability": "0.5"}} for text in HOSTILE]
    ends = [
        {"label": f"{text}!", "metadata": {"probability": share}}
        for text, share in zip(HOSTILE, ("1.0", "0.0"), strict=False)
    ]
    world.add_pipeline("deals", "\x1b[2J`</summary>", [*stages, *ends])
    rename_in_hubspot(crms, label=HOSTILE[0])
    for name, label in zip(("Prospecting", "Qualification", "Needs Analysis"), HOSTILE[1:], strict=False):
        crms.org.world.rename_stage(name, label)
    crms.org.world.change_stage("Value Proposition", description=HOSTILE[6])


def inert(ran: Ran) -> str:
    """What was printed; nothing in it is for a terminal."""
    text = ran.out + ran.err
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    return text


def test_words_of_others_are_shown_and_never_obeyed(applied: TwoCrms, instep: Instep) -> None:
    hostile_words(applied)
    with pipelines(applied) as api:
        body = PipelineStageInput(label="\x1b[31mTheirs `", display_order=9, metadata={"probability": "0.5"})
        api.create("deals", "default", body)
    said = [
        inert(instep("provision", *command))
        for command in (("plan", "--markdown", "a.md"), ("plan", "--json"), ("drift", "--markdown", "b.md"))
    ]
    assert "<script>alert(1)</script>" in said[0]
    assert "\\x1b[31mTheirs `" in said[0]
    inert(instep("provision", "apply", "--yes", "--markdown", "c.md"))
    for name in ("a.md", "b.md", "c.md"):
        assert_inert_markdown(Path(name).read_text(encoding="utf-8"))
    assert instep("provision", "plan", "--detailed-exitcode").code == 0


def assert_inert_markdown(text: str) -> None:
    found = MarkdownIt("commonmark").enable("table").parse(text)
    tokens = [token for block in found for token in [block, *(block.children or [])]]
    assert {token.type for token in tokens} & {"link_open", "image", "html_block", "fence", "code_block"} == set()
    assert {token.content for token in tokens if token.type == "html_inline"} <= {"<br>"}
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize("name", COLLEAGUES)
@pytest.mark.usefixtures("logins")
def test_exported_files_hold_the_words_of_others_as_they_are(name: str, crms: TwoCrms, instep: Instep) -> None:
    hostile_words(crms)
    inert(instep("provision", "export", name, "--to", "as-is", "--json"))
    for file in Path("as-is").rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        assert [c for c in text if ord(c) < 32 and c != "\n"] == []
        tomllib.loads(text)
    lists = load_workspace(Path("as-is")).configuration[name].lists
    words = {stage.label or stage.spelled for one in lists for stage in one.stages}
    expected = HOSTILE if name == "hubspot" else HOSTILE[1:4]
    assert {*expected} <= words
    plan = instep("provision", "plan", "-w", "as-is", "--detailed-exitcode")
    assert (plan.code, inert(plan) and plan.out.splitlines()[-1]) == (0, "Every system is as the files say."), (
        plan.out
    )


def test_words_of_others_are_taken_in_hand_as_they_are(crms: TwoCrms, instep: Instep) -> None:
    """Files that name hostile stages as they are called there find them, and `ids.toml` says which they are."""
    hostile_words(crms)
    values = {"interest": HOSTILE[0], "research": HOSTILE[2]}
    with (crms.root / "mappings" / "hubspot.toml").open("a", encoding="utf-8") as file:
        said = ", ".join(f"{key} = {json.dumps(word)}" for key, word in values.items())
        label = json.dumps("\x1b[2J`</summary>")
        file.write(f"\n[opportunity.pipelines.odd]\npipeline = {label}\nsegments = []\nvalues = {{ {said} }}\n")
    ran = instep("provision", "import", "--connection", "hubspot")
    assert ran.code == 0, ran.err
    assert "\\x1b[31mred" in inert(ran)
    ids = tomllib.loads((crms.root / "mappings" / "hubspot.ids.toml").read_text(encoding="utf-8"))
    assert set(ids["opportunity"]["pipelines"]["odd"]["values"]) == {*values}
    assert instep("provision", "import", "--connection", "hubspot", "--json").json["files"] == []


# --- records that are moved ----------------------------------------------------------------------------------------


def test_records_that_were_moved_are_a_run_that_every_command_knows(applied: TwoCrms, instep: Instep) -> None:
    deal = applied.portal.world.create("deals", dealname="A deal", pipeline="default", dealstage="contractsent")
    edit(applied, "hubspot", ', purchase = "contractsent" }', ' }\nretire = { purchase = "decision" }')
    assert '> 1 record at stage "Contract Sent" of pipeline "Sales Pipeline"' in instep("provision", "plan").out
    assert instep("provision", "apply", "--yes").code == 0
    assert applied.portal.world.read("deals", deal)["dealstage"] == "decisionmakerboughtin"
    (run,) = instep("runs", "--json").json["runs"]
    assert (run["command"], run["writes"]) == ("provision", 1)
    shown = instep("show", str(run["run"]), "--json").json
    assert shown["command"] == "provision"
    assert instep("status", "--json").code == 0
    assert "provision" in instep("runs").out
