"""`instep process versions` and `validate`, and what `show`, `lint` and `check` say of versions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from instep.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = "mappings/process-2127-01-01.toml"
TRIAL = """\
preset = "b2b-11"
[[stages]]
key = "trial"
label = "Trial"
after = "consideration"
role = "sales"
enter = { any = ["starts-trial"] }
[[stages]]
key = "decision"
expected_days = 45
[[behaviours]]
key = "starts-trial"
"""


@pytest.fixture
def versioned(folder: Path) -> Path:
    (folder / "mappings/crm.toml").write_text("", encoding="utf-8")
    (folder / "mappings/team.toml").unlink()
    (folder / LATER).write_text(TRIAL, encoding="utf-8")
    return folder


def won(folder: Path, *journeys: str) -> None:
    """Journeys that were won, each by what was done day by day: "a" visited, "c" called, "d" described a project."""
    keys = {"a": "visits-website", "c": "requests-call", "d": "describes-project", "t": "starts-trial"}
    with Store(folder / ".instep/state.db") as store, store.transaction("put"):
        for number, did in enumerate(journeys):
            id = f"deal-{number}"
            store.run("INSERT INTO journey (id, entity, kind, outcome) VALUES (?, ?, 'new', 'won')", (id, id))
            rows = [(day, "evidence", keys[letter]) for day, letter in enumerate(did)]
            for day, type, value in [*rows, (50, "outcome", "won")]:
                moment = (START + timedelta(days=day)).isoformat()
                store.run(
                    "INSERT INTO claim (journey, at, type, value, source, doer, accepted) "
                    "VALUES (?, ?, ?, ?, ?, '', 1)",
                    (id, moment, type, value, f"crm/behaviour/{id}-{day}"),
                )


def document(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


# --- versions ------------------------------------------------------------------------------------------------------


def test_versions_are_listed_with_what_each_changes(versioned: Path, run) -> None:
    lines = run("process", "versions").stdout.splitlines()

    assert lines == [
        "mappings/process.toml: 11 stages, from the beginning (in force)",
        "  Not validated yet.",
        "",
        f"{LATER}: 12 stages, from 2127-01-01 on",
        "  Not validated yet.",
        "  + stage trial",
        "  ~ stage decision: expected_days 30 becomes 45",
        "  + behaviours: starts-trial",
        "  - segments: tea",
    ]


def test_versions_are_listed_for_machines(versioned: Path, run) -> None:
    first, later = document(run("process", "versions", "--json"))["versions"]

    assert (first["in_force"], first["changes"], first["validation"]) == (True, None, None)
    assert (later["effective"], later["changes"]["stages"][0]["added"]) == ("2127-01-01", ["trial"])


def test_versions_with_mistakes_are_not_listed(versioned: Path, run) -> None:
    (versioned / LATER).write_text("zzz = 1\n" + TRIAL, encoding="utf-8")
    result = run("process", "versions")

    assert result.exit_code == 1
    assert f"{LATER}:1: zzz is not a known key" in result.stderr


def test_a_version_to_come_can_be_shown_and_judged(versioned: Path, run) -> None:
    shown = run("process", "show", "--at", "2127-01-01").stdout
    judged = run("process", "lint", "--at", "2127-01-01", "--json")

    assert "Trial" in shown
    assert f"Version: {LATER}, from 2127-01-01 on." in shown
    assert "Trial" not in run("process", "show").stdout
    assert {finding["file"] for finding in json.loads(judged.stdout)["findings"]} <= {LATER, "preset b2b-11"}


def test_check_says_which_version_is_in_force_and_which_comes_next(versioned: Path, run) -> None:
    lines = run("check", "--files-only").stdout.splitlines()

    assert lines[1:3] == [
        "Version in force: mappings/process.toml, from the beginning.",
        f"Next: {LATER}, from 2127-01-01 on.",
    ]
    versions = document(run("check", "--files-only", "--json"))["versions"]
    assert [version["in_force"] for version in versions] == [True, False]


def test_check_says_what_systems_will_show_of_a_version_to_come(versioned: Path, run) -> None:
    def spelled(values: str) -> list[int]:
        """How many stages crm spells now, of how many, and then."""
        mapped = f'objects = ["people"]\nmatch = ["instep_id"]\n[person.stages]\nfield = "s"\nvalues = {values}\n'
        (versioned / "mappings/crm.toml").write_text(f"[person]\n{mapped}")
        return [int(found) for found in re.findall(r"\d+", " ".join(re.findall(r"crm spells .*", checked())))]

    def checked() -> str:
        return str(run("check", "--files-only").output)

    assert spelled('{ decision = "D" }')[::2] == [1, 1]
    assert spelled('{ decision = "D", trial = "T" }')[::2] == [1, 2]
    (told,) = document(run("check", "--files-only", "--json"))["to_come"]
    assert (told["file"], "trial" in told["coverage"]["stages"]) == (LATER, True)


def test_check_does_not_speak_of_versions_where_there_is_one(folder: Path, run) -> None:
    assert "ersion" not in run("check", "--files-only").stdout


def test_several_versions_are_not_put_on_another_preset(versioned: Path, run) -> None:
    assert "has 2 versions" in str(run("process", "convert", "--to", "hourglass-8").exception)


# --- validate ------------------------------------------------------------------------------------------------------


def test_what_departs_from_the_process_is_told_with_journeys(versioned: Path, run) -> None:
    won(versioned, "adc", "adc", "adc", "cda", "ac", "adct")
    result = run("process", "validate", "--history")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "mappings/process.toml: 6 journeys won.",
        "",
        "Common stages: 6 won journeys",
        "Stage           seen      out of order  skipped",
        "awareness       6 (100%)  1 (17%)       0 (0%)",
        "interest        0 (0%)    0 (0%)        6 (100%)",
        "research        5 (83%)   1 (17%)       1 (17%)",
        "consideration   6 (100%)  0 (0%)        0 (0%)",
        *(f"{stage.ljust(14)}  0 (0%)    0 (0%)        0 (0%)" for stage in AFTER),
        "",
        "awareness came after a later stage in 1 (17%), such as deal-3",
        "research came after a later stage in 1 (17%), such as deal-3",
        "interest was skipped in 6 (100%), such as deal-0, deal-1, deal-2, deal-3, deal-4",
        "research was skipped in 1 (17%), such as deal-4",
        "starts-trial was done, and no stage is entered by it in 1 (17%), such as deal-5",
        "",
        "Segment tea: 0 won journeys, and 5 are needed to say anything.",
    ]


AFTER = ["decision", "purchase", "implementing", "implemented", "achievement", "loyal-customer"]


def test_what_departs_from_the_process_is_told_to_machines(versioned: Path, run) -> None:
    won(versioned, "adc", "cda")
    found = document(run("process", "validate", "--history", "--min", "2", "--json"))
    common, tea = found["lists"]

    assert (found["journeys"], found["recorded"], common["enough"], tea["enough"]) == (2, False, True, False)
    assert common["stages"][0]["out_of_order"] == {"journeys": 1, "share": 0.5, "samples": ["deal-1"]}


def test_a_version_to_come_can_be_held_against_history(versioned: Path, run) -> None:
    won(versioned, "adct")
    found = document(run("process", "validate", "--history", "--min", "1", "--at", "2127-01-01", "--json"))

    assert found["file"] == LATER
    assert found["lists"][0]["missing"] == []


def test_only_journeys_won_since_a_day_are_looked_at(versioned: Path, run) -> None:
    won(versioned, "adc")
    found = document(run("process", "validate", "--history", "--from", "2026-06-01", "--json"))

    assert (found["from"], found["journeys"]) == ("2026-06-01", 0)


def test_of_too_few_journeys_nothing_is_said_or_recorded(versioned: Path, run) -> None:
    won(versioned, "adc")
    result = run("process", "validate", "--history", "--record")

    assert result.exit_code == 0
    assert "Common stages: 1 won journey, and 5 are needed to say anything." in result.stdout
    assert "Nothing was recorded" in result.stderr
    assert "Validated on" not in run("process", "show").stdout


def test_a_recorded_validation_is_shown_with_its_version_alone(versioned: Path, run) -> None:
    won(versioned, "adc", "adc")
    run("process", "validate", "--history", "--min", "2", "--record")
    first, later = document(run("process", "versions", "--json"))["versions"]

    assert (first["validation"]["validated_with"], later["validation"]) == (2, None)
    assert "with 2 won journeys." in run("process", "show").stdout
    assert document(run("process", "show", "--json"))["validation"] == first["validation"]


def test_a_version_that_changed_counts_as_never_validated(versioned: Path, run) -> None:
    won(versioned, "adc", "adc")
    run("process", "validate", "--history", "--min", "2", "--record")
    (versioned / "mappings/process.toml").write_text('preset = "hourglass-8"\n', encoding="utf-8")

    assert document(run("process", "show", "--json"))["validation"] is None


def test_what_to_validate_with_must_be_said(versioned: Path, run) -> None:
    assert run("process", "validate").exit_code == 2


def test_before_the_first_sync_there_is_nothing_to_validate_with(versioned: Path, run) -> None:
    assert "Nothing has been synced here yet" in str(run("process", "validate", "--history").exception)
