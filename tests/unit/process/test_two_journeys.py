"""Several journeys at once: each keeps its own stage and segment; the person shows the furthest."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from instep.mapping.load import load_workspace
from instep.sync.run import sync
from instep.sync.transport import World

SYNC = """
[connections.exports]
plugin = "files"
path = "exports"
direction = "both"
objects.people = { file = "people.csv", key = "id", references = { firm = "firms" } }
objects.firms = { file = "firms.csv", key = "id" }
objects.deals = { file = "deals.csv", key = "id", references = { firm = "firms", person = "people" } }
"""
PROCESS = """
preset = "b2b-11"
[[segments]]
key = "tea"
when = { field = "company.industry", eq = "Tea" }
[[segments.stages]]
key = "interest"
[[segments.stages]]
key = "tasting"
label = "Tasting"
role = "sales"
enter = { any = ["requests-call"] }
[[segments.stages]]
key = "purchase"
[[segments]]
key = "steel"
when = { field = "company.industry", eq = "Steel" }
"""
ALL = ("interest", "tasting", "research", "consideration", "decision", "purchase")
STAGES = 'field = "stage"\nvalues = { ' + ", ".join(f'{key} = "{key}"' for key in ALL) + " }\n"
MAPPING = f"""
[person]
objects = ["people"]
match = ["instep_id", "email"]
speaks_for = ["marketing", "sales"]
stages.field = "stage"
stages.values = {{ {", ".join(f'{key} = "{key}"' for key in ALL)} }}
[person.fields]
email = "email"
instep_stage = {{ field = "exact", direction = "out" }}
[person.relations]
company = "firms"
[company]
objects = ["firms"]
match = ["instep_id"]
[company.fields]
name = "name"
industry = "industry"
[opportunity]
objects = ["deals"]
match = ["instep_id"]
speaks_for = ["marketing", "sales"]
[opportunity.stages]
{STAGES}outcomes = {{ won = "won", lost = "lost" }}
[opportunity.fields]
name = "name"
instep_stage = {{ field = "exact", direction = "out" }}
[opportunity.relations]
company = "firms"
people = "people"
"""
PEOPLE = "id,email,firm,stage,exact,instep_id\n1,jane@tea.example,t,,,\n"
FIRMS = "id,name,industry,instep_id\nt,Tea House,Tea,\ns,Steel Mill,Steel,\n"
DEALS = "id,name,firm,person,stage,exact,instep_id\nD1,Leaves,t,1,tasting,,\nD2,Beams,s,1,decision,,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = {
        "sync.toml": SYNC,
        "mappings/process.toml": PROCESS,
        "mappings/exports.toml": MAPPING,
        "exports/people.csv": PEOPLE,
        "exports/firms.csv": FIRMS,
        "exports/deals.csv": DEALS,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path) -> None:
    assert sync(load_workspace(folder), World(), first_run="apply").exit_code == 0


def column(folder: Path, file: str, name: str) -> list[str]:
    with (folder / "exports" / f"{file}.csv").open(newline="", encoding="utf-8") as rows:
        return [row[name] for row in csv.DictReader(rows)]


def edit_deals(folder: Path, before: str, after: str) -> None:
    file = folder / "exports" / "deals.csv"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_person_with_two_open_opportunities_in_two_segments_shows_the_furthest(folder: Path) -> None:
    run(folder)
    assert column(folder, "deals", "stage") == ["tasting", "decision"]
    assert column(folder, "deals", "exact") == ["tasting", "decision"]
    assert column(folder, "people", "exact") == ["decision"]
    with sqlite3.connect(f"file:{folder}/.instep/state.db?mode=ro", uri=True) as state:
        found = state.execute("SELECT stage, segment FROM journey WHERE stage NOT NULL ORDER BY 1").fetchall()
    state.close()
    assert found == [("decision", "steel"), ("tasting", "tea")]


def test_one_journey_that_ends_leaves_the_other_where_it_is(folder: Path) -> None:
    run(folder)
    edit_deals(folder, "decision,decision", "lost,decision")
    run(folder)
    assert column(folder, "deals", "stage") == ["tasting", "lost"]
    assert column(folder, "people", "exact") == ["tasting"]


def test_one_journey_that_goes_on_takes_the_person_along_and_not_the_other(folder: Path) -> None:
    run(folder)
    edit_deals(folder, "tasting,tasting", "purchase,tasting")
    run(folder)
    assert column(folder, "deals", "exact") == ["purchase", "decision"]
    assert column(folder, "people", "exact") == ["purchase"]
