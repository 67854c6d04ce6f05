"""What a run leaves beside its output: Markdown, figures, a log; none of it tells values unless it is asked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import Instep
from .test_commands import folder, ready, sandbox, synced

__all__ = ["folder", "ready", "sandbox", "synced"]

PERSONAL = ("jane@acme", "Jane", "Joan", "CEO", "CFO", "Engineer")


def figures(path: Path) -> dict[str, float]:
    """Every figure of a file, by its name and labels."""
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def retitled(folder: Path, title: str = "CEO") -> None:
    people = folder / "exports" / "people.csv"
    people.write_text(people.read_text().replace("CFO", title))


def test_a_plan_leaves_a_report_for_a_pull_request(synced: Path, instep: Instep) -> None:
    retitled(synced)
    assert instep("plan", "--markdown", "plan.md").code == 0
    text = (synced / "plan.md").read_text()
    assert text.startswith("### Instep: 1 to write (run ")
    assert "| `hubspot` | `contacts` | update | 1 | `title` 1 |" in text
    assert not [value for value in PERSONAL if value in text]
    assert instep("plan", "--markdown", "plan.md", "--show-values").code == 0
    assert "| `title` | `CFO` | `CEO` |" in (synced / "plan.md").read_text()


def test_a_run_adds_its_report_to_the_summary_of_its_job(
    synced: Path, instep: Instep, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = synced / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    retitled(synced)
    assert instep("sync").code == 0
    lines = summary.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[1].endswith("is done, 1 written")


def test_figures_tell_of_the_run_and_of_the_last_success(synced: Path, instep: Instep) -> None:
    retitled(synced)
    assert instep("sync", "--metrics-file", "metrics/instep.prom").code == 0
    found = figures(synced / "metrics" / "instep.prom")
    assert found["instep_run_ok"] == 1
    assert found["instep_written action=update connection=hubspot object=contacts"] == 1
    assert found["instep_records connection=hubspot fate=unaccounted"] == 0
    assert found["instep_calls connection=hubspot"] > 0
    assert found["instep_run_finished_timestamp_seconds"] == found["instep_last_success_timestamp_seconds"]
    assert not [value for value in PERSONAL if value in (synced / "metrics" / "instep.prom").read_text()]


def test_a_run_that_fails_says_so_and_keeps_the_time_of_the_last_success(
    synced: Path, instep: Instep, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert instep("sync", "--metrics-file", "instep.prom").code == 0
    good = figures(synced / "instep.prom")
    monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", "wrong")
    assert instep("sync", "--metrics-file", "instep.prom", "--log", "instep.log").code == 8
    bad = figures(synced / "instep.prom")
    assert (good["instep_run_ok"], bad["instep_run_ok"]) == (1, 0)
    assert bad["instep_last_success_timestamp_seconds"] == good["instep_last_success_timestamp_seconds"]
    assert bad["instep_run_finished_timestamp_seconds"] > good["instep_run_finished_timestamp_seconds"]
    last = json.loads((synced / "instep.log").read_text().splitlines()[-1])
    assert (last["event"], last["level"], last["error"], last["exit_code"]) == (
        "run failed",
        "error",
        "AccessError",
        8,
    )


def test_a_plan_is_no_success_of_a_sync(ready: Path, instep: Instep) -> None:
    assert instep("plan", "--metrics-file", "instep.prom").code == 0
    assert "instep_last_success_timestamp_seconds" not in figures(ready / "instep.prom")
    assert instep("sync", "--first-run=apply", "--metrics-file", "instep.prom").code == 0
    assert "instep_last_success_timestamp_seconds" in figures(ready / "instep.prom")


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_has_a_line_for_every_event_with_run_connection_record_and_code(
    synced: Path, sandbox: Any, instep: Instep
) -> None:
    retitled(synced)
    sandbox.world.create("contacts", email="new@cogs.example", lifecyclestage="lead")
    run = instep("sync", "--json", "--log", "log/instep.jsonl").json["run"]
    lines = logged(synced / "log" / "instep.jsonl")
    assert {line["run"] for line in lines} == {run}
    assert (lines[0]["event"], lines[-1]["event"]) == ("run began", "run ended")
    writes = [line for line in lines if line["event"] == "write"]
    assert {(write["action"], write["connection"], write["outcome"]) for write in writes} == {
        ("update", "hubspot", "confirmed")
    }
    assert all(write["record"].startswith("hubspot/contacts/") for write in writes)
    assert all({"at", "level", "event", "run"} <= line.keys() for line in lines)
    assert not [value for value in PERSONAL if value in (synced / "log" / "instep.jsonl").read_text()]
    assert (synced / "log" / "instep.jsonl").stat().st_mode & 0o077 == 0


def test_a_note_in_the_log_names_its_code_and_record(synced: Path, sandbox: Any, instep: Instep) -> None:
    stranger = sandbox.world.add_owner("stranger@us.example", "Stan", "Ger")
    made = sandbox.world.create("contacts", email="new@cogs.example", hubspot_owner_id=stranger)
    assert instep("sync", "--log", "instep.log").code in (0, 3)
    notes = [line for line in logged(synced / "instep.log") if line["event"] == "note"]
    told = [(note["level"], note["code"], note["connection"], note["record"]) for note in notes]
    assert ("warning", "unmapped", "hubspot", f"hubspot/contacts/{made}") in told


def test_a_second_run_adds_to_the_log(synced: Path, instep: Instep) -> None:
    first = instep("sync", "--json", "--log", "instep.log").json["run"]
    assert [line["event"] for line in logged(synced / "instep.log")] == ["run began", "run ended"]
    second = instep("sync", "--json", "--log", "instep.log").json["run"]
    assert [line["run"] for line in logged(synced / "instep.log")] == [first, first, second, second]
