"""Libraries of behaviours: what ships, and how a process uses them beside its preset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from instep.cli.main import instep
from instep.errors import ConfigError
from instep.mapping.crosswalk_convert import plan_conversion
from instep.mapping.library import library_names, library_text, read_library
from instep.mapping.lint import lint_process
from instep.mapping.load import read_preset, read_process_file
from instep.mapping.preset import preset_names
from instep.model.process import Actor, Process

PRE_CONTACT = [
    "researches-problem",
    "researches-solutions",
    "adds-to-long-list",
    "checks-viability",
    "evaluates-vendors",
    "checks-references",
    "visits-reference-customer",
    "adds-to-short-list",
    "starts-trial",
    "arrives-with-questions",
    "states-target-price",
]


@pytest.fixture
def reading(tmp_path: Path) -> Callable[[str], tuple[Process, list[str]]]:
    def read(text: str) -> tuple[Process, list[str]]:
        file = tmp_path / "process.toml"
        file.write_text(text, encoding="utf-8")
        found = read_process_file(file, "process.toml")
        return found.read.process, [str(mistake) for mistake in found.mistakes]

    return read


def test_two_libraries_ship() -> None:
    assert library_names() == ("community", "pre-contact")


def test_pre_contact_has_what_buyers_do_before_they_talk_to_a_seller_in_order() -> None:
    assert [behaviour.key for behaviour in read_library("pre-contact").behaviours] == PRE_CONTACT


@pytest.mark.parametrize("name", library_names())
def test_everything_in_a_library_is_the_buyers_own_act_and_says_where_it_is_from(name: str) -> None:
    behaviours = read_library(name).behaviours

    assert {behaviour.actor for behaviour in behaviours} == {Actor.BUYER}
    assert {behaviour.library for behaviour in behaviours} == {name}


@pytest.mark.parametrize("name", library_names())
def test_a_library_calls_a_behaviour_as_the_presets_do(name: str) -> None:
    processes = [read_preset(preset).read.process for preset in preset_names()]
    called = {behaviour.key: behaviour.label for process in processes for behaviour in process.behaviours}
    library = {behaviour.key: behaviour.label for behaviour in read_library(name).behaviours}

    assert {key: label for key, label in library.items() if called.get(key, label) != label} == {}


def test_an_unknown_library_has_no_text() -> None:
    with pytest.raises(ConfigError, match="There is no library"):
        library_text("precontact")


def test_an_entry_may_name_a_librarys_behaviour(reading: Callable[[str], tuple[Process, list[str]]]) -> None:
    text = (
        'preset = "b2b-11"\nlibraries = ["pre-contact"]\n'
        '[[stages]]\nkey = "research"\nenter = { any = ["researches-problem"] }\n'
    )
    process, mistakes = reading(text)

    assert mistakes == []
    assert process.stage("research").enter.any == {"researches-problem"}


def test_an_own_entry_changes_only_what_it_says_of_a_librarys_behaviour(
    reading: Callable[[str], tuple[Process, list[str]]],
) -> None:
    text = 'preset = "b2b-11"\nlibraries = ["community"]\n[[behaviours]]\nkey = "joins-community"\nweight = 9\n'
    process, _ = reading(text)
    found = process.behaviour("joins-community")

    assert found is not None
    assert (found.label, found.weight, found.library) == ("Joins a community", 9, "community")


def test_where_preset_and_library_have_a_behaviour_it_is_the_presets(
    reading: Callable[[str], tuple[Process, list[str]]],
) -> None:
    process, mistakes = reading('preset = "pipeline-7"\nlibraries = ["community"]\n')
    found = process.behaviour("joins-community")

    assert mistakes == []
    assert found == read_preset("pipeline-7").read.process.behaviour("joins-community")


def test_a_library_needs_no_preset(reading: Callable[[str], tuple[Process, list[str]]]) -> None:
    text = (
        'libraries = ["community"]\n'
        '[[stages]]\nkey = "member"\nrole = "marketing"\nenter = { any = ["joins-community"] }\n'
    )
    assert reading(text)[1] == []


def test_a_library_that_is_not_there_is_a_mistake_with_what_was_meant(
    reading: Callable[[str], tuple[Process, list[str]]],
) -> None:
    _, mistakes = reading('preset = "b2b-11"\nlibraries = ["precontact"]\n')

    assert mistakes == [
        'process.toml:2: libraries names "precontact", which is no library. Did you mean "pre-contact"?'
    ]


def test_a_librarys_behaviour_that_no_stage_uses_is_no_weakness(
    reading: Callable[[str], tuple[Process, list[str]]],
) -> None:
    without, _ = reading('preset = "b2b-11"\n')
    process, _ = reading('preset = "b2b-11"\nlibraries = ["pre-contact", "community"]\n')

    assert lint_process(process) == lint_process(without)


# --- the command ---------------------------------------------------------------------------------------------------


def preset(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["process", "preset", *arguments])


def test_the_list_of_what_ships_has_libraries_too() -> None:
    printed = preset().stdout

    assert "pre-contact  11 behaviours  What buyers do before" in printed
    assert "b2b-11" in printed


def test_a_library_is_printed_as_the_file_it_is() -> None:
    assert preset("pre-contact").stdout == library_text("pre-contact")


def test_a_library_is_printed_for_machines() -> None:
    document = json.loads(preset("community", "--json").stdout)

    assert document["presets"] == []
    assert [library["library"] for library in document["libraries"]] == ["community"]


def test_what_does_not_ship_is_asked_back() -> None:
    assert 'Did you mean "pre-contact"?' in preset("precontact").stderr


# --- on another preset ---------------------------------------------------------------------------------------------


def test_a_process_keeps_its_libraries_on_another_preset(tmp_path: Path) -> None:
    files = {
        "sync.toml": '[connections.crm]\nplugin = "some-crm"\n',
        "mappings/process.toml": 'preset = "b2b-11"\nlibraries = ["pre-contact"]\n',
        "mappings/crm.toml": '[[behaviours]]\nkind = "signup"\nbehaviour = "starts-trial"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = plan_conversion(tmp_path, "hourglass-8")

    assert found.mistakes == ()
    assert 'libraries = ["pre-contact"]' in found.files["mappings/process.toml"][1]
    assert "starts-trial" not in found.files["mappings/process.toml"][1]
