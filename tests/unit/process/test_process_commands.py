"""`instep process` shows, judges and prints processes; text and JSON say the same."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from instep.mapping.preset import preset_names, preset_text

TEA = """\
b2b-11, segment tea: 3 stages

Acquisition
   1  Interest  marketing, 45 days
        Downloads a document  buyer  weight 2
   2  Tasting   sales
        Requests a call      buyer  weight 3  all of these
        Describes a project  buyer  weight 4  all of these
   3  Purchase  sales, 14 days
        Places an order  buyer  weight 10
"""

OWNERS = """\
Stage           tea              everyone else
sidelines                        marketing: Ada
awareness                        marketing: Ada
interest        marketing: Ada   marketing: Ada
tasting         sales: Ada, Bob
research                         marketing: Ada
consideration                    sales: Ada
decision                         sales: Ada
purchase        sales: Ada, Bob  sales: Ada
implementing                     services: —
implemented                      service: —
achievement                      service: —
loyal-customer                   sales: Ada
"""


def test_show_prints_a_segments_own_stages_and_behaviours(run) -> None:
    assert run("process", "show", "--segment", "tea").stdout == TEA


def test_show_prints_exactly_the_nine_behaviours_of_buyers_in_order(run) -> None:
    result = run("process", "show", "--preset", "buyer-behaviours")

    acts = [line.strip() for line in result.stdout.splitlines() if "weight" in line]
    assert [act.split("  ")[0] for act in acts] == [
        "Visits the website",
        "Downloads a document",
        "Requests a call",
        "Describes a project",
        "Attends a webinar",
        "Schedules a meeting",
        "Provides specification and budget",
        "Participates in a demo",
        "Requests a proposal",
    ]


def test_show_names_both_halves(run) -> None:
    lines = run("process", "show").stdout.splitlines()

    assert lines[0] == "b2b-11: 11 stages"
    assert lines.index("Acquisition") < lines.index("Retention")


def test_show_as_json_has_every_stage_with_its_behaviours(run) -> None:
    found = json.loads(run("process", "show", "--segment", "tea", "--json").stdout)

    assert found["format_version"] == 1
    assert [stage["key"] for stage in found["stages"]] == ["interest", "tasting", "purchase"]
    assert found["stages"][1]["behaviours"][0] == {
        "key": "requests-call",
        "label": "Requests a call",
        "actor": "buyer",
        "weight": 3,
        "needed": "all",
    }


COUNTED = """
[[stages]]
key = "research"
enter = [
  { any = ["visits-website"], times = 3, within = "14d" },
  { all = ["attends-webinar", "requests-call"], within = "36h" },
]
[[detours]]
key = "recycled"
role = "marketing"
ends = "by-hand"
[[detours]]
key = "dormant"
label = "Quiet"
role = "sales"
after = "90d"
"""


def test_show_says_how_a_stage_is_entered_where_acts_are_counted_or_there_are_several_ways(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text('preset = "b2b-11"\n' + COUNTED, encoding="utf-8")
    (folder / "mappings/team.toml").unlink()

    entered = [line.strip() for line in run("process", "show").stdout.splitlines() if "enters by" in line]
    assert entered == [
        "enters by 3 of visits-website within 14 days; or all of attends-webinar, requests-call within 36 hours"
    ]


def test_show_says_where_a_journey_may_wait_beside_the_path(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text('preset = "b2b-11"\n' + COUNTED, encoding="utf-8")
    (folder / "mappings/team.toml").unlink()

    assert run("process", "show").stdout.split("Beside the path\n")[1].splitlines()[:2] == [
        "      Recycled  marketing, ends by hand",
        "      Quiet     sales, begins after 90 days without an act, ends with the buyer's next act",
    ]


def test_show_as_json_has_the_ways_into_a_stage_and_the_detours(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text('preset = "b2b-11"\n' + COUNTED, encoding="utf-8")
    (folder / "mappings/team.toml").unlink()
    found = json.loads(run("process", "show", "--json").stdout)

    assert next(stage["ways"] for stage in found["stages"] if stage["key"] == "research") == [
        {"any": ["visits-website"], "all": [], "times": 3, "within_seconds": 1209600},
        {"any": [], "all": ["attends-webinar", "requests-call"], "times": 1, "within_seconds": 129600},
    ]
    assert found["detours"][1] == {
        "key": "dormant",
        "label": "Quiet",
        "role": "sales",
        "after_seconds": 7776000,
        "ends": "act",
    }


def test_owners_are_a_grid_of_stages_and_segments(run) -> None:
    assert run("process", "show", "--owners").stdout == OWNERS


def test_owners_as_json_name_role_and_people(run) -> None:
    found = json.loads(run("process", "show", "--owners", "--json").stdout)

    assert {"stage": "tasting", "segment": "tea", "role": "sales", "people": ["Ada", "Bob"]} in found["owners"]
    assert {"stage": "implementing", "segment": None, "role": "services", "people": []} in found["owners"]


def test_an_unknown_segment_is_a_usage_error(run) -> None:
    result = run("process", "show", "--segment", "tee")

    assert result.exit_code == 2
    assert 'There is no segment "tee". Did you mean "tea"?' in result.stderr


def test_lint_is_silent_on_stdout_and_leaves_with_0_where_nothing_is_weak(run) -> None:
    result = run("process", "lint", "--preset", "b2b-11")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nothing found.\n")


def test_lint_reports_eight_of_eight_seller_actions_and_leaves_with_1(run) -> None:
    result = run("process", "lint", "--preset", "seller-actions")

    assert result.exit_code == 1
    assert result.stdout.count(" INSIDE_OUT ") == 8
    assert result.stdout.endswith("8 of 8 steps are seller actions.\n")


def test_lint_takes_a_file(run, tmp_path: Path) -> None:
    file = tmp_path / "seller-actions.toml"
    file.write_text(preset_text("seller-actions"), encoding="utf-8")
    result = run("process", "lint", str(file))

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{file}:5: INSIDE_OUT stages.buyer-identified ")


def test_lint_looks_at_the_workspace_and_its_team(run) -> None:
    result = run("process", "lint")

    assert result.exit_code == 1
    assert [line.split()[2:4] for line in result.stdout.splitlines()] == [
        ["NO_OWNER", "stages.implementing"],
        ["NO_OWNER", "stages.implemented"],
        ["NO_OWNER", "stages.achievement"],
    ]


def test_lint_as_json_says_where_each_finding_is(run) -> None:
    found = json.loads(run("process", "lint", "--preset", "seller-actions", "--json").stdout)

    assert found["seller_acts"] == {"steps": 8, "of": 8}
    assert found["findings"][0]["file"] == "preset seller-actions"
    assert (found["findings"][0]["line"], found["findings"][0]["code"]) == (5, "INSIDE_OUT")


def test_lint_stops_at_mistakes_in_the_file(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text('preset = "b2b-1"\n')
    result = run("process", "lint")

    assert result.exit_code == 1
    assert 'mappings/process.toml:1: preset is "b2b-1", which is not among its values. Did you mean' in result.stderr


def test_lint_does_not_need_the_other_files_to_be_right(run, folder: Path) -> None:
    (folder / "mappings/crm.toml").write_text("nonsense = [")
    (folder / "sync.toml").unlink()

    assert "NO_OWNER" in run("process", "lint").stdout


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_printed_as_the_file_that_it_is(run, name: str) -> None:
    result = run("process", "preset", name)

    assert result.stdout == preset_text(name)
    assert tomllib.loads(result.stdout)["key"] == name


def test_a_printed_preset_is_a_process_file_that_loads(run, folder: Path) -> None:
    (folder / "mappings/process.toml").write_text(run("process", "preset", "b2b-11").stdout, encoding="utf-8")
    (folder / "mappings/team.toml").unlink()

    assert run("process", "lint").stdout == ""


def test_presets_are_listed_with_what_they_are(run) -> None:
    lines = run("process", "preset").stdout.splitlines()

    assert [line.split()[:3] for line in lines[1:6]] == [
        ["b2b-11", "11", "stages"],
        ["buyer-behaviours", "9", "stages"],
        ["hourglass-8", "8", "stages"],
        ["pipeline-7", "7", "stages"],
        ["seller-actions", "8", "stages"],
    ]
