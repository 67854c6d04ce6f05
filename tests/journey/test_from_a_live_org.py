"""`instep init --from` asks a live system; what it writes passes check and doctor, or names what is open."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.errors import AccessError, ConfigError
from instep.mapping.load import load_workspace
from instep_hubspot.sandbox import hubspot_sandbox
from instep_salesforce.sandbox import salesforce_sandbox

WEIRD = [
    {"label": "NEW LEAD", "metadata": {"probability": "0.1"}, "stageId": "new"},
    {"label": "Evaluation", "metadata": {"probability": "0.5"}, "stageId": "eval"},
    {"label": "Qualified", "metadata": {"probability": "0.3"}, "stageId": "qual"},
    {"label": "Zorp", "metadata": {"probability": "0.7"}, "stageId": "zorp"},
    {"label": "Signed & sealed", "metadata": {"probability": "1.0"}, "stageId": "signed"},
    {"label": "Closing: contract", "metadata": {"probability": "0.9"}, "stageId": "closing"},
    {"label": "No decision", "metadata": {"probability": "0.0"}, "stageId": "none"},
    {"label": "Lost to a rival", "metadata": {"probability": "0.0"}, "stageId": "rival"},
    {"label": "Duplicate", "metadata": {"probability": "0.0"}, "stageId": "twin"},
]
LIFECYCLE = [
    ("subscriber", "Abo"),
    ("lead", "LEAD"),
    ("trial", "In trial"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(instep, arguments)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with hubspot_sandbox() as running:
        monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", running.settings["access_token"])
        monkeypatch.setenv("INSTEP_HUBSPOT__BASE_URL", running.url)
        yield running


@pytest.fixture
def weird(portal: Any) -> Any:
    """A renamed list with a value of its own, and a second pipeline in an odd order."""
    portal.world.add_pipeline("deals", "PARTNER deals", WEIRD, id="partners")
    portal.world.set_options("contacts", "lifecyclestage", LIFECYCLE)
    portal.world.add_owner("ines@x.example", "Ines", "Kupfer")
    portal.world.add_owner("gone@x.example", "Old", "Hand", archived=True)
    return portal


def start(folder: Path, *more: str) -> str:
    return done("init", str(folder), "-c", "hubspot=hubspot", "--from", "hubspot", *more)


def mapping(folder: Path, name: str = "hubspot") -> dict[str, Any]:
    return tomllib.loads((folder / "mappings" / f"{name}.toml").read_text(encoding="utf-8"))


def complaints(folder: Path) -> list[str]:
    found = json.loads(run("doctor", "--json", "-w", str(folder)).stdout)["findings"]
    return [finding["what"] for finding in found if not finding["ok"]]


# --- a new workspace -----------------------------------------------------------------------------------------------


def test_an_org_as_it_is_born_leaves_nothing_to_decide(tmp_path: Path, portal: Any) -> None:
    said = start(tmp_path)
    assert "stages: 13 of 13 values\noutcomes: 2 of 2" in said
    assert said.rstrip().endswith("To decide: 0")
    done("check", "-w", str(tmp_path))
    done("doctor", "--create-fields", "hubspot", "-w", str(tmp_path))
    done("doctor", "-w", str(tmp_path))
    assert "every status that it has is mapped" in done("process", "coverage", "--live", "-w", str(tmp_path))


def test_a_proposed_workspace_syncs_and_then_is_in_step(tmp_path: Path, portal: Any) -> None:
    start(tmp_path)
    done("doctor", "--create-fields", "hubspot", "-w", str(tmp_path))
    portal.world.create("contacts", email="jane@acme.example", lifecyclestage="lead")
    portal.world.create("deals", dealname="Ledger", pipeline="default", dealstage="presentationscheduled")
    done("sync", "--first-run=apply", "-w", str(tmp_path))
    assert portal.world.all("contacts")[0]["instep_stage"] == "interest"
    again = json.loads(done("sync", "--json", "-w", str(tmp_path)))
    assert again["connections"]["hubspot"]["written"] == {}


def test_every_line_says_how_sure_it_is_and_why(tmp_path: Path, weird: Any) -> None:
    start(tmp_path)
    text = (tmp_path / "mappings/hubspot.toml").read_text(encoding="utf-8")
    values = re.findall(r"^\[[\w.-]+\.(?:values|outcomes|fields)\]\n((?:.+\n)+)", text, re.MULTILINE)
    lines = [line for block in values for line in block.splitlines() if not line.startswith("#")]
    assert len(lines) > 35
    assert [line for line in lines if not re.search(r"  # \d{2,3}: \S", line)] == []


# --- an odd one -----------------------------------------------------------------------------------------------------


def test_an_odd_org_is_mapped_as_far_as_it_is_sure(tmp_path: Path, weird: Any) -> None:
    start(tmp_path)
    found = mapping(tmp_path)
    partners = found["opportunity"]["pipelines"]["partner-deals"]
    assert partners["values"] == {"interest": "new", "decision": "eval", "purchase": "closing"}
    assert partners["outcomes"] == {"won": "signed", "no_decision": "none", "lost": "rival"}
    assert found["person"]["stages"]["values"] == {
        "sidelines": "other",
        "interest": "lead",
        "decision": "opportunity",
        "purchase": "customer",
        "loyal-customer": "evangelist",
    }
    done("check", "-w", str(tmp_path))


def test_the_questions_are_what_doctor_and_coverage_would_find(tmp_path: Path, weird: Any) -> None:
    said = json.loads(start(tmp_path, "--json"))
    values = {
        value["value"]
        for table in said["stages"]
        for value in (*table["values"], *table["outcomes"])
        if value.get("stage", value.get("outcome")) is None
    }
    assert values == {"qual", "zorp", "twin", "subscriber", "trial"}
    done("doctor", "--create-fields", "hubspot", "-w", str(tmp_path))
    assert {re.findall(r'stage "(\w+)"', what)[0] for what in complaints(tmp_path)} == values
    live = json.loads(done("process", "coverage", "--live", "--json", "-w", str(tmp_path)))
    assert {status["value"] for status in live["unmapped"]} == values
    text = (tmp_path / "mappings/hubspot.toml").read_text(encoding="utf-8")
    assert all(re.search(rf'^# \? "{value}"', text, re.MULTILINE) for value in values)


def test_a_renamed_stage_is_asked_with_what_it_was(tmp_path: Path, weird: Any) -> None:
    [abo] = [q for q in json.loads(start(tmp_path, "--json"))["questions"] if "(Abo)" in q["text"]]
    assert abo["choices"] == ["awareness"]


def test_once_the_questions_are_answered_doctor_is_content(tmp_path: Path, weird: Any) -> None:
    start(tmp_path)
    done("doctor", "--create-fields", "hubspot", "-w", str(tmp_path))
    file = tmp_path / "mappings/hubspot.toml"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r'^interest = "new".*$', r'\g<0>\nresearch = "qual"\nconsideration = "zorp"', text, flags=re.M)
    text = re.sub(r'^interest = "lead".*$', r'\g<0>\nawareness = "subscriber"\nresearch = "trial"', text, flags=re.M)
    file.write_text(text, encoding="utf-8")
    assert complaints(tmp_path) == ['stage "twin" of partners is not mapped: records there are left alone']


@pytest.mark.parametrize("preset", ["pipeline-7", "hourglass-8", "buyer-behaviours"])
def test_any_preset_can_be_asked_for(tmp_path: Path, weird: Any, preset: str) -> None:
    start(tmp_path, "--preset", preset)
    done("check", "-w", str(tmp_path))
    assert load_workspace(tmp_path).process.key == preset
    assert mapping(tmp_path)["person"]["stages"]["values"]


# --- a workspace that is there --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, weird: Any) -> Path:
    (tmp_path / "sync.toml").write_text('[connections.hubspot]\nplugin = "hubspot"\n', encoding="utf-8")
    return tmp_path


def test_a_workspace_with_a_connection_and_nothing_else_gets_all_that_it_needs(folder: Path) -> None:
    said = done("init", str(folder), "--from", "hubspot")
    for name in ("process", "hubspot", "team"):
        assert f"wrote {folder / 'mappings' / name}.toml" in said
    done("check", "-w", str(folder))


def test_what_is_there_is_never_overwritten(folder: Path) -> None:
    done("init", str(folder), "--from", "hubspot")
    before = {file.name: file.read_bytes() for file in (folder / "mappings").iterdir()}
    said = done("init", str(folder), "--from", "hubspot")
    assert "mappings/hubspot.toml is there already, so the proposal is mappings/hubspot.proposed.toml" in said
    after = {file.name: file.read_bytes() for file in (folder / "mappings").iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"hubspot.proposed.toml"}
    assert after["hubspot.proposed.toml"] == before["hubspot.toml"]
    third = run("init", str(folder), "--from", "hubspot")
    assert isinstance(third.exception, ConfigError)
    assert "hubspot.proposed.toml is there already" in str(third.exception)


def test_colleagues_are_added_to_a_proposal_beside_the_team(folder: Path) -> None:
    (folder / "mappings").mkdir()
    (folder / "mappings/process.toml").write_text('preset = "b2b-11"\n', encoding="utf-8")
    team = '# Ours.\n[[people]]\nkey = "ada"\nemail = "ada@x.example"\nroles = ["sales"]\n'
    (folder / "mappings/team.toml").write_text(team, encoding="utf-8")
    said = done("init", str(folder), "--from", "hubspot")
    assert "team: no system tells the roles of ines-kupfer" in said
    assert "team: ada is no active user of hubspot" in said
    assert (folder / "mappings/team.toml").read_text(encoding="utf-8") == team
    proposed = tomllib.loads((folder / "mappings/team.proposed.toml").read_text(encoding="utf-8"))
    assert [person["key"] for person in proposed["people"]] == ["ada", "ines-kupfer"]


SEGMENT = """\
preset = "b2b-11"
[[segments]]
key = "partner"
label = "Partner deals"
when = { field = "company.industry", eq = "Partner" }
"""


def test_a_pipeline_is_given_to_the_segment_that_it_is_called_like(folder: Path) -> None:
    (folder / "mappings").mkdir()
    (folder / "mappings/process.toml").write_text(SEGMENT, encoding="utf-8")
    done("init", str(folder), "--from", "hubspot")
    done("check", "-w", str(folder))
    assert load_workspace(folder).mappings["hubspot"].entities["opportunity"].segment_pipelines == {
        "": "default",
        "partner": "partners",
    }


def test_a_login_that_fails_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "wrong")
    result = run("init", str(folder), "--from", "hubspot")
    assert isinstance(result.exception, AccessError)
    assert [file.name for file in folder.iterdir()] == ["sync.toml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "hubspto"), 'no connection "hubspto". It has: hubspot.'),
        (("--json",), "--json goes with --from"),
        (("-c", "a=hubspot", "--from", "b"), '--from names "b"'),
    ],
)
def test_what_is_asked_wrongly_is_said(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("init", str(folder), *arguments)
    assert result.exit_code != 0
    assert said in f"{result.output}{result.exception}"
    assert [file.name for file in folder.iterdir()] == ["sync.toml"]


def test_a_secret_that_is_not_set_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSTEP_HUBSPOT__ACCESS_TOKEN")
    with pytest.raises(AccessError, match="access_token is needed"):
        raise run("init", str(folder), "--from", "hubspot").exception or AssertionError


def test_exports_are_proposed_as_their_look_says(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/people.csv").write_text("id,email,stage\n1,a@x.example,Prospect\n", encoding="utf-8")
    place = f"exports=files:{tmp_path}/exports"
    done("init", str(tmp_path), "-c", place)
    said = done("init", str(tmp_path), "--from", "exports")
    assert "exports.proposed.toml" in said
    assert (
        mapping(tmp_path, "exports.proposed")["person"]["stages"] == mapping(tmp_path, "exports")["person"]["stages"]
    )


# --- another vendor ------------------------------------------------------------------------------------------------


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with salesforce_sandbox() as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(f"INSTEP_SALESFORCE__{name.upper()}", str(value))
        yield running


def start_salesforce(folder: Path) -> dict[str, Any]:
    words = ("init", str(folder), "-c", "salesforce=salesforce", "--from", "salesforce", "--json")
    said: dict[str, Any] = json.loads(done(*words))
    done("check", "-w", str(folder))
    done("doctor", "--create-fields", "salesforce", "-w", str(folder))
    return said


def test_salesforces_own_stages_are_mapped_or_asked(tmp_path: Path, org: Any) -> None:
    said = start_salesforce(tmp_path)
    found = mapping(tmp_path, "salesforce")["opportunity"]["stages"]
    assert found["values"]["purchase"] == "Negotiation/Review"
    assert found["outcomes"] == {"won": "Closed Won", "lost": "Closed Lost"}
    asked = {value["value"] for table in said["stages"] for value in table["values"] if value["stage"] is None}
    assert len(asked) == 3
    assert {re.findall(r'stage "([^"]+)"', what)[0] for what in complaints(tmp_path)} == asked


def test_a_stage_and_record_types_of_ones_own_are_found(tmp_path: Path, org: Any) -> None:
    org.world.add_stage("Shortlist", probability=30)
    org.world.add_record_type("Opportunity", "Tea", "Tea")
    org.world.add_record_type("Opportunity", "Steel", "Steel works")
    start_salesforce(tmp_path)
    found = mapping(tmp_path, "salesforce")["opportunity"]
    assert "stages" not in found
    assert found["stages_in"] == {"field": "StageName", "pipeline_field": "RecordType.DeveloperName"}
    assert {name: table["pipeline"] for name, table in found["pipelines"].items()} == {
        "tea": "Tea",
        "steel-works": "Steel",
    }
    assert not any("no pipeline" in what for what in complaints(tmp_path))
