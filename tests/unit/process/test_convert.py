"""A workspace is put on another preset: what the crosswalk settles changes, what it leaves open is named."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from itertools import permutations
from pathlib import Path

import pytest

from instep.errors import ConfigError
from instep.mapping.crosswalk import crosswalk
from instep.mapping.crosswalk_convert import Conversion, plan_conversion, write_conversion
from instep.mapping.load import load_workspace, read_preset
from instep.mapping.mistakes import Mistake
from instep.mapping.preset import preset_names
from instep.plugins import find_plugin

USABLE = [name for name in preset_names() if not read_preset(name).mistakes]
PAIRS = list(permutations(USABLE, 2))
SYNC = '[connections.crm]\nplugin = "some-crm"\n'


def keys(preset: str) -> list[str]:
    return [stage.key for stage in read_preset(preset).read.process.stages]


def plain_workspace(root: Path, preset: str) -> Path:
    """Every stage of a preset spelled like its key, in one system."""
    values = ", ".join(f'{key} = "At {key}"' for key in keys(preset))
    crm = '[person]\nobjects = ["people"]\nmatch = ["instep_id"]\n[person.stages]\nfield = "s"\n'
    crm += f"values = {{ {values} }}\n"
    (root / "mappings").mkdir(exist_ok=True)
    (root / "sync.toml").write_text(SYNC, encoding="utf-8")
    (root / "mappings/process.toml").write_text(f'preset = "{preset}"\n', encoding="utf-8")
    (root / "mappings/crm.toml").write_text(crm, encoding="utf-8")
    return root


def files_of(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text(encoding="utf-8") for file in root.rglob("*.toml")}


def named(found: Conversion) -> set[str]:
    """Stages whose journeys a person must place."""
    return {d.place.removeprefix("stages.") for d in found.decisions if "journeys that stand there" in d.problem}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_converted_workspace_passes_the_check(tmp_path: Path, source: str, target: str) -> None:
    root = plain_workspace(tmp_path, source)
    found = plan_conversion(root, target)
    assert found.mistakes == ()
    write_conversion(root, found)
    assert load_workspace(root).process.key == target


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_stage_that_is_gone_moves_or_is_named(tmp_path: Path, source: str, target: str) -> None:
    found = plan_conversion(plain_workspace(tmp_path, source), target)
    gone = set(keys(source)) - set(keys(target))
    assert set(found.moved) | named(found) == gone
    assert set(found.moved) & named(found) == set()
    assert {old: new for old, new in found.moved.items() if new != crosswalk(source, target).only(old)} == {}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_there_and_back_names_every_stage_that_cannot_come_back(tmp_path: Path, source: str, target: str) -> None:
    root = plain_workspace(tmp_path, source)
    there = plan_conversion(root, target)
    write_conversion(root, there)
    back = plan_conversion(root, source)
    write_conversion(root, back)

    final = load_workspace(root).process
    came_back = {
        stage: back.moved.get(there.moved.get(stage, stage), there.moved.get(stage, stage)) for stage in keys(source)
    }
    lost = {stage for stage, now in came_back.items() if now != stage}
    assert tuple(stage.key for stage in final.stages) == tuple(keys(source))
    assert lost <= set(crosswalk(source, target).lost())
    assert lost - set(there.moved) <= named(there)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_value_of_a_system_keeps_its_meaning_or_is_named(tmp_path: Path, source: str, target: str) -> None:
    root = plain_workspace(tmp_path, source)
    found = plan_conversion(root, target)
    write_conversion(root, found)
    workspace = load_workspace(root)
    [table] = workspace.mappings["crm"].entities["person"].tables()
    walk = crosswalk(source, target)
    for stage in keys(source):
        value = f"At {stage}"
        doubted = any(d.place == "person.stages" and f'"{value}" stood' in d.problem for d in found.decisions)
        assert doubted or table.get(value, None, workspace.process) == walk.only(stage)


def test_nothing_is_written_without_being_told_to(run, folder: Path) -> None:
    before = files_of(folder)
    result = run("process", "convert", "--to", "pipeline-7")
    assert result.exit_code == 0
    assert '+preset = "pipeline-7"' in result.stdout
    assert "Nothing was written" in result.stderr
    assert files_of(folder) == before


def test_write_writes_what_was_shown(run, folder: Path) -> None:
    shown = json.loads(run("process", "convert", "--to", "pipeline-7", "--json").stdout)
    assert shown["written"] is False
    result = run("process", "convert", "--to", "pipeline-7", "--write")
    assert result.exit_code == 0
    assert {name: files_of(folder)[name] for name in shown["files"]} == shown["files"]
    assert load_workspace(folder).process.key == "pipeline-7"


def test_the_example_on_another_preset_is_usable_and_keeps_its_comments(tmp_path: Path) -> None:
    example = Path(__file__).parents[3]
    (tmp_path / "mappings").mkdir()
    for file in (example / "sync.toml", *(example / "mappings").glob("*.toml")):
        (tmp_path / file.relative_to(example)).write_bytes(file.read_bytes())
    found = plan_conversion(tmp_path, "hourglass-8")
    write_conversion(tmp_path, found)
    process = load_workspace(tmp_path).process
    text = (tmp_path / "mappings/process.toml").read_text(encoding="utf-8")

    assert [stage.key for stage in process.stages_of("life-sciences")] == [
        "proposal",
        "shortlist",
        "negotiation",
        "validation",
        "purchase",
        "initial-value",
        "upsell-one",
        "upsell-two",
        "renewal",
    ]
    assert "# --- three verticals; a buyer belongs to the first whose rule fits" in text
    assert '# key = "loyal-customer"\n# role = "service"' in text
    assert process.behaviour("describes-project") is not None


OWN = """\
preset = "b2b-11"

[[stages]]
key = "sidelines"
label = "Asleep"

[[stages]]
key = "trial"
after = "consideration"
role = "sales"
enter = { any = ["starts-trial", "attends-webinar"] }

[[behaviours]]
key = "starts-trial"

[[behaviours]]
key = "visits-website"
weight = 2

[[moved]]
from = "musing"
to = "interest"
"""


def test_what_is_ones_own_follows_as_far_as_it_can(tmp_path: Path) -> None:
    root = plain_workspace(tmp_path, "b2b-11")
    (root / "mappings/process.toml").write_text(OWN, encoding="utf-8")
    write_conversion(root, plan_conversion(root, "pipeline-7"))
    process = load_workspace(root).process

    assert process.stage("understand").label == "Asleep"
    assert [stage.key for stage in process.stages][4:6] == ["nurture", "trial"]
    assert process.moved["musing"] == "convert-interest"
    assert process.behaviour("visits-website").weight == 2


def test_a_renaming_that_leads_nowhere_is_a_decision(tmp_path: Path) -> None:
    root = plain_workspace(tmp_path, "b2b-11")
    (root / "mappings/process.toml").write_text(OWN, encoding="utf-8")
    found = plan_conversion(root, "hourglass-8")

    assert any(d.place == "moved.musing" for d in found.decisions)
    assert "musing" not in {
        entry["from"] for entry in tomllib.loads(found.files["mappings/process.toml"][1])["moved"]
    }
    assert found.mistakes == ()


def test_an_earlier_conversion_leaves_no_question_behind(tmp_path: Path) -> None:
    root = plain_workspace(tmp_path, "b2b-11")
    before = files_of(root)["mappings/process.toml"]
    for preset in ("hourglass-8", "b2b-11"):
        write_conversion(root, plan_conversion(root, preset))
    text = files_of(root)["mappings/process.toml"]
    assert before == 'preset = "b2b-11"\n'
    assert '# from = "sidelines"' not in text
    assert '# from = "renewal"' not in text


def test_a_rule_that_looks_at_a_stage_follows_or_is_named(tmp_path: Path) -> None:
    root = plain_workspace(tmp_path, "b2b-11")
    crm = root / "mappings/crm.toml"
    rule = 'create = { any = [{ field = "stage", eq = "interest" }, { field = "stage", in = ["decision"] }] }\n'
    crm.write_text(crm.read_text().replace('match = ["instep_id"]\n', f'match = ["instep_id"]\n{rule}'))
    crm.write_text(crm.read_text().replace("create =", 'create_as = "people"\ncreate ='))
    found = plan_conversion(root, "pipeline-7")
    create = tomllib.loads(found.files["mappings/crm.toml"][1])["person"]["create"]

    assert create["any"] == [{"field": "stage", "eq": "convert-interest"}, {"field": "stage", "in": ["decision"]}]
    assert [d.problem for d in found.decisions if d.place == "person.create"] == [
        'looks at the stage "decision", which has no single counterpart'
    ]


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ('preset = "b2b-11"\n', "b2b-11", 'starts from "b2b-11" already'),
        ('preset = "b2b-11"\n', "seller-actions", "only a buyer's act may enter a stage"),
        ('preset = "b2b-1"\n', "pipeline-7", "is not among its values"),
        ('[[stages]]\nkey = "interest"\n', "pipeline-7", "does not start from a preset"),
    ],
)
def test_what_cannot_be_converted_is_said(tmp_path: Path, text: str, target: str, said: str) -> None:
    root = plain_workspace(tmp_path, "b2b-11")
    (root / "mappings/process.toml").write_text(text, encoding="utf-8")
    if "stages" in text:
        (root / "mappings/crm.toml").write_text('[person]\nobjects = ["people"]\nmatch = ["instep_id"]\n')
    with pytest.raises(ConfigError, match=said):
        plan_conversion(root, target)


def test_a_result_that_check_would_refuse_is_not_written(run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = Mistake("mappings/crm.toml", "person", 1, "is wrong", "Correct it.", "WRONG")
    planned = plan_conversion(folder, "pipeline-7")
    refused = dataclasses.replace(planned, mistakes=(refusing,))
    monkeypatch.setattr("instep.mapping.crosswalk_convert.plan_conversion", lambda root, target: refused)
    before = files_of(folder)
    result = run("process", "convert", "--to", "pipeline-7", "--write", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["written"] is False
    assert files_of(folder) == before
    with pytest.raises(ConfigError, match="is wrong"):
        write_conversion(folder, refused)
    assert files_of(folder) == before


def test_a_starter_mapping_survives_every_preset(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "sync.toml").write_text('[connections.hubspot]\nplugin = "hubspot"\n')
    (tmp_path / "mappings/process.toml").write_text('preset = "b2b-11"\n')
    (tmp_path / "mappings/hubspot.toml").write_text(find_plugin("hubspot").starter_mapping)
    for target in [*USABLE[1:], "b2b-11"]:
        found = plan_conversion(tmp_path, target)
        assert found.mistakes == ()
        write_conversion(tmp_path, found)
