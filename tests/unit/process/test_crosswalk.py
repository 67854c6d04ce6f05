"""Any two presets are related stage by stage; the relation is the same from both ends."""

from __future__ import annotations

import json
import tomllib
from itertools import permutations, product
from pathlib import Path

import pytest

import instep.mapping.crosswalk
from instep.errors import ConfigError
from instep.mapping.crosswalk import crosswalk
from instep.mapping.load import read_preset
from instep.mapping.preset import preset_names

PAIRS = list(permutations(preset_names(), 2))
EVERY = list(product(preset_names(), repeat=2))
FOLDER = Path(instep.mapping.crosswalk.__file__).parent / "presets" / "crosswalks"


def stages(preset: str) -> list[str]:
    return [stage.key for stage in read_preset(preset).read.process.stages]


def test_there_is_one_file_for_every_two_presets_and_no_other() -> None:
    expected = {f"{one}.{other}.toml" for one, other in PAIRS if one < other}
    assert {file.name for file in FOLDER.iterdir()} == expected


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_stage_of_each_preset_appears_and_no_other(source: str, target: str) -> None:
    found = crosswalk(source, target)
    assert list(found.stages) == stages(source)
    assert list(found.back) == stages(target)
    assert {other for others in found.stages.values() for other in others} <= set(stages(target))


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.stem)
def test_a_file_names_only_stages_that_there_are(file: Path) -> None:
    sides = tomllib.loads(file.read_text(encoding="utf-8"))["stages"]
    assert list(sides) == sorted(sides)
    assert {preset: sorted(side) for preset, side in sides.items()} == {p: sorted(stages(p)) for p in sides}
    assert file.name == f"{'.'.join(sides)}.toml"


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_the_relation_read_backwards_is_the_same_relation(source: str, target: str) -> None:
    there, back = crosswalk(source, target), crosswalk(target, source)
    pairs = {(stage, other) for stage, others in there.stages.items() for other in others}
    assert pairs == {(other, stage) for stage, others in back.stages.items() for other in others}
    assert there.backwards() == back


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_counterparts_stand_in_the_order_of_their_preset_and_once(source: str, target: str) -> None:
    order = stages(target)
    for others in crosswalk(source, target).stages.values():
        assert list(others) == sorted(set(others), key=order.index)


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_a_stage_goes_there_and_back_or_is_named_as_lost(source: str, target: str) -> None:
    found = crosswalk(source, target)
    for stage in found.stages:
        there = found.only(stage)
        again = found.backwards().only(there) if there else None
        assert (again == stage) is (stage not in found.lost())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_word_that_both_presets_use_means_the_same(source: str, target: str) -> None:
    found = crosswalk(source, target)
    shared = set(found.stages) & set(found.back)
    assert {word for word in shared if word not in found.stages[word]} == set()


def test_a_preset_stands_for_itself() -> None:
    found = crosswalk("b2b-11", "b2b-11")
    assert found.lost() == ()
    assert found.only("decision") == "decision"


def test_the_hourglass_leaves_out_who_has_not_asked_yet() -> None:
    found = crosswalk("b2b-11", "hourglass-8")
    assert [stage for stage, others in found.stages.items() if not others] == ["sidelines", "awareness", "interest"]
    assert found.stages["loyal-customer"] == ("upsell-one", "upsell-two", "renewal")
    assert found.undecided() == ("sidelines", "awareness", "interest", "consideration", "decision", "loyal-customer")


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(ConfigError, match=r'no preset "pipeline-8"[.] Did you mean "pipeline-7"'):
        crosswalk("b2b-11", "pipeline-8")


def test_crosswalk_prints_each_stage_with_what_it_becomes(run) -> None:
    result = run("process", "crosswalk", "b2b-11", "pipeline-7")
    lines = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert lines[1:12] == stages("b2b-11")
    assert "research        community, nurture  one of these, to be decided" in result.stdout
    assert "Cannot come back: research, consideration, decision, purchase" in result.stdout


def test_crosswalk_as_json_says_the_same(run) -> None:
    found = json.loads(run("process", "crosswalk", "hourglass-8", "b2b-11", "--json").stdout)
    assert found["stages"]["shortlist"] == {"becomes": ["consideration", "decision"], "comes_back": False}
    assert found["stages"]["purchase"] == {"becomes": ["purchase"], "comes_back": True}
    assert found["back"]["purchase"] == {"becomes": ["purchase"], "comes_back": True}


def test_crosswalk_with_an_unknown_preset_is_a_usage_error(run) -> None:
    result = run("process", "crosswalk", "b2b-11", "b2b-12")
    assert result.exit_code == 2
    assert 'There is no preset "b2b-12". Did you mean "b2b-11"?' in result.stderr
