"""The day on which a version comes into force: everything is decided anew, and nothing before."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from instep.errors import ConfigError
from instep.mapping.load import load_workspace
from instep.sync.explain import explain
from instep.sync.run import Outcome, sync
from instep.sync.transport import World

BEFORE, FROM_THEN_ON = date(2026, 12, 31), date(2027, 1, 1)
FILES = {
    "sync.toml": """
[connections.exports]
plugin = "files"
path = "exports"
direction = "both"
objects.people = { file = "people.csv", key = "id" }
""",
    "mappings/process.toml": 'preset = "b2b-11"\n',
    "mappings/process-2027-01-01.toml": """
preset = "b2b-11"
replace_stages = true
[[stages]]
key = "interest"
[[stages]]
key = "evaluation"
label = "Evaluation"
role = "sales"
enter = { any = ["requests-proposal"] }
[[stages]]
key = "purchase"
[[moved]]
from = "decision"
to = "evaluation"
""",
    "mappings/exports.toml": """
[person]
objects = ["people"]
match = ["instep_id", "email"]
speaks_for = ["marketing", "sales"]
[person.stages]
field = "status"
values = { interest = "Lead", decision = "Deciding", evaluation = "Evaluating", purchase = "Customer" }
[person.fields]
email = "email"
instep_stage = { field = "exact", direction = "out" }
""",
    "exports/people.csv": "id,email,status,exact,instep_id\n1,jane@tea.example,Deciding,,\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, day: date) -> Outcome:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return sync(load_workspace(folder, day), World(clock=lambda: noon), first_run="apply")


def jane(folder: Path) -> tuple[str, str]:
    with (folder / "exports/people.csv").open(newline="", encoding="utf-8") as rows:
        return next((row["status"], row["exact"]) for row in csv.DictReader(rows))


def test_a_system_shows_the_new_stage_from_its_day_on(folder: Path) -> None:
    run(folder, BEFORE)
    assert jane(folder) == ("Deciding", "decision")

    run(folder, FROM_THEN_ON)
    assert jane(folder) == ("Evaluating", "evaluation")
    assert run(folder, FROM_THEN_ON).plan.is_empty


def test_a_past_stage_is_explained_by_the_version_that_was_in_force_then(folder: Path) -> None:
    first = run(folder, BEFORE).run
    second = run(folder, FROM_THEN_ON).run
    workspace = load_workspace(folder, FROM_THEN_ON)

    def stage(number: int | None) -> object:
        return explain(workspace, "jane@tea.example", "stage", run=number)[0].value

    assert [stage(number) for number in (first, second, None)] == ["decision", "evaluation", "evaluation"]


def test_a_version_to_come_changes_nothing(folder: Path) -> None:
    (folder / "mappings/process-2027-01-01.toml").rename(folder / "later")
    mapping = folder / "mappings/exports.toml"
    mapping.write_text(FILES["mappings/exports.toml"].replace(' evaluation = "Evaluating",', ""), encoding="utf-8")
    run(folder, BEFORE)
    (folder / "later").rename(folder / "mappings/process-2027-01-01.toml")
    mapping.write_text(FILES["mappings/exports.toml"], encoding="utf-8")

    assert run(folder, BEFORE).plan.is_empty
    with closing(sqlite3.connect(folder / ".instep/state.db")) as state:
        assert state.execute("SELECT count(*) FROM entity WHERE dirty = 1").fetchone() == (0,)


def test_a_stage_that_became_nothing_stops_the_run_and_names_the_version(folder: Path) -> None:
    run(folder, BEFORE)
    version = folder / "mappings/process-2027-01-01.toml"
    version.write_text(version.read_text(encoding="utf-8").split("[[moved]]")[0], encoding="utf-8")

    with pytest.raises(ConfigError, match=r'mappings/process-2027-01-01\.toml: no stage "decision" is defined'):
        run(folder, FROM_THEN_ON)
