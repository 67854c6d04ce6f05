"""Every code has a page, every page a code; and what the pages say to type can be typed."""

from __future__ import annotations

import copy
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from instep.cli.main import COMMANDS, instep
from instep.cli.schema import settings_of
from instep.codes import GROUPS, every_code, find_code, pages_by_group, read_page
from instep.mapping.schema import NAMES, schema_of
from instep.plugins import installed
from instep.sync.remedies import CLASSES

from . import codes_in_source as source

PAGES = {group: {page.code for page in pages} for group, pages in pages_by_group().items()}
TOLD = re.compile(r"\binstep [a-z][a-z-]+( [A-Za-z-][\w=.-]*)*")
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_FROM_A_WORD = "section.py: f'UNKNOWN_{what.split(maxsplit=1)[0].upper()}'"
PASSED_ON = {
    "mapping": {
        "fields.py: code",
        "section.py: code",
        "source.py: code",
        "section.py: what",
        "connection_settings.py: wrong.code",
        _FROM_A_WORD,
    },
    "notes": {"creates.py: found.code", "ledger.py: code", "refusals.py: refusal.code"},
    "obstacles": {"why_not.py: *row"},
    "doctor": {"owners.py: told.code", "checks.py: advice.code", "view.py: code"},
    "provision": set(),
    "rejected": {"plan.py: held.code", "refusals.py: refusal.code", "apply.py: change"},
}
"""What carries a code that was given elsewhere: by another call that is looked at, or by a system."""


# --- codes and pages -------------------------------------------------------------------------------------------


def test_every_mistake_has_a_page_and_every_page_a_mistake() -> None:
    assert source.codes_of("mapping").codes == PAGES["Mistakes in files"]


def test_every_weakness_of_a_process_has_a_page_and_every_page_a_weakness() -> None:
    assert source.codes_of("lint").codes == PAGES["Weaknesses of a process"]


def test_every_note_has_a_page_and_every_page_a_note() -> None:
    assert source.codes_of("notes").codes | source.noted_obstacles() == PAGES["Notes of a run"]


def test_every_reason_of_why_not_has_a_page_and_every_page_a_reason() -> None:
    assert source.codes_of("obstacles").codes - PAGES["Notes of a run"] == PAGES["Reasons of why-not"]


def test_every_finding_of_doctor_has_a_page_and_every_page_a_finding() -> None:
    assert source.codes_of("doctor").codes == PAGES["Findings of doctor"]


def test_every_finding_of_provisioning_has_a_page_and_every_page_a_finding() -> None:
    assert source.codes_of("provision").codes == PAGES["Findings of provisioning"]


def test_every_class_of_refusals_has_a_page_and_every_page_a_class() -> None:
    assert {one.name.replace(" ", "-") for one in CLASSES} == PAGES["Classes of refusals"]


def test_every_error_has_a_page_and_every_page_an_error() -> None:
    assert source.error_classes() == PAGES["Errors"]


def test_every_exit_code_has_a_page_and_every_page_an_exit_code(root: Path) -> None:
    listed = (root / "docs/reference/commands.md").read_text(encoding="utf-8").split("## Exit codes")[1]
    codes = re.findall(r"^\| (\d+) \|", listed.split("\n## ")[0], re.MULTILINE)
    assert {f"exit-{code}" for code in codes} == PAGES["Exit codes"]


@pytest.mark.parametrize("family", PASSED_ON)
def test_a_code_is_written_where_it_is_given_or_known_to_come_from_elsewhere(family: str) -> None:
    assert source.codes_of(family).passed_on == PASSED_ON[family]


def test_what_counts_as_rejected_has_a_note_of_its_own() -> None:
    assert source.codes_of("rejected").codes == {"garbled", "unknown outcome", "an opt-out cannot be told"}
    assert {"garbled", "unanswered", "consent-hidden"} <= PAGES["Notes of a run"]


def test_a_new_code_would_be_noticed() -> None:
    found = source.Found()
    text = 'def f(x, y):\n    code, why = ("NEW", "…") if y else ("NEWER", "…")\n    x.mistake("NEWEST", "…", "…")\n'
    source.collect(text + "    x.mistake(y.code)\n    x.mistake(code)\n", "mapping", "m.py", found)
    assert found.codes == {"NEWEST"}
    assert found.passed_on == {"m.py: y.code", "m.py: code"}
    source.collect(
        'def f(x):\n    code = "A"\n    x.unknown("stage of it", 1)\n    x.note(code)', "mapping", "m", found
    )
    assert found.codes == {"NEWEST", "A", "UNKNOWN_STAGE"}


# --- the pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", every_code())
def test_a_page_says_what_a_code_means_and_what_to_do(code: str) -> None:
    page = read_page(code)
    assert page.text.startswith(f"# {code}\n\n{page.group}.\n\n")
    assert page.group in GROUPS
    assert "## Why\n" in page.text
    assert "## What to do\n" in page.text
    assert 8 <= len(page.text.splitlines()) <= 50
    assert page.meaning.endswith(".")


@pytest.mark.parametrize("code", sorted(set(every_code()) - PAGES["Exit codes"]))
def test_a_page_shows_the_code_as_it_is_printed(code: str) -> None:
    messages = [text for kind, text in FENCE.findall(read_page(code).text) if kind == "text"]
    assert len(messages) == 1
    page = read_page(code)
    if page.group in ("Notes of a run", "Classes of refusals", "Reasons of why-not"):
        assert f"[{code}]" in messages[0]
    if page.group in ("Findings of doctor", "Findings of provisioning"):
        assert f"[{code}]" in messages[0] or messages[0].startswith("✓")


@pytest.mark.parametrize("code", every_code())
def test_help_prints_the_page_of_a_code_in_any_case(code: str) -> None:
    for typed in (code, code.upper(), code.lower(), f"[{code}]"):
        result = CliRunner().invoke(instep, ["help", typed])
        assert result.exit_code == 0, result.output
        assert result.stdout == read_page(code).plain() + "\n"
    document = json.loads(CliRunner().invoke(instep, ["help", code, "--json"]).stdout)
    assert (document["code"], document["group"]) == (code, read_page(code).group)
    assert document["text"] == read_page(code).plain()


def test_no_two_codes_are_the_same_word() -> None:
    assert len({code.casefold() for code in every_code()}) == len(every_code())
    assert all(find_code(code) == code for code in every_code())


def test_the_index_has_every_page_under_its_group(root: Path) -> None:
    index = (root / "docs/reference/codes.md").read_text(encoding="utf-8")
    lines = index.splitlines()
    for group, pages in pages_by_group().items():
        assert f"## {group}" in lines
        under = index.split(f"## {group}\n")[1].split("\n## ")[0]
        listed = [line for line in under.splitlines() if line.startswith("- ")]
        assert listed == [
            f"- [`{page.code}`](../../core/instep/codes/{page.code}.md): {first_sentence(page.meaning)}"
            for page in pages
        ]


def first_sentence(text: str) -> str:
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


# --- what to type ----------------------------------------------------------------------------------------------


def snippets(kind: str) -> list[tuple[str, str]]:
    return [(code, text) for code in every_code() for k, text in FENCE.findall(read_page(code).text) if k == kind]


def optional(schema: Any) -> Any:
    """The same schema for a part of a file: nothing is required, and so no choice is exclusive."""
    if isinstance(schema, list):
        return [optional(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    exact = ("required", "not", "dependencies")
    kept = {"anyOf" if key == "oneOf" else key: part for key, part in schema.items() if key not in exact}
    return {
        key: {name: optional(of) for name, of in part.items()} if key == "properties" else optional(part)
        for key, part in kept.items()
    }


SETTINGS = settings_of(connector.name for connector in installed())
VALIDATORS = [jsonschema.Draft7Validator(optional(copy.deepcopy(schema_of(name, SETTINGS)))) for name in NAMES]


@pytest.mark.parametrize(("code", "text"), snippets("toml"))
def test_what_a_page_says_to_write_is_part_of_some_file(code: str, text: str) -> None:
    found = tomllib.loads(text)
    assert found
    assert any(validator.is_valid(found) for validator in VALIDATORS), code


def test_what_is_part_of_no_file_would_be_noticed() -> None:
    assert not any(validator.is_valid({"person": {"objcts": ["contacts"]}}) for validator in VALIDATORS)


def commands() -> list[tuple[str, str]]:
    """Every command that a page names, in a line of its own or within a sentence."""
    found = []
    for code in every_code():
        text = read_page(code).text
        lines = [line for kind, block in FENCE.findall(text) if kind in ("sh", "text") for line in block.splitlines()]
        prose = FENCE.sub("", text)
        inline = [" ".join(words.split()) for words in re.findall(r"`(instep [^`]+)`", prose)]
        told = [match[0] for line in lines for match in TOLD.finditer(line)]
        found += [(code, line.strip()) for line in inline + told]
    return [(code, line) for code, line in found if line.split()[1] in COMMANDS or line.split()[1].islower()]


def wrong_with(line: str) -> str:
    """What is wrong with a command as it is written; empty where it could be typed."""
    words = shlex.split(line)[1:]
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    with click.Context(instep) as context:
        command: click.Command | None = instep.get_command(context, words.pop(0))
        while isinstance(command, click.Group) and words:
            named = words.pop(0) if words[0] in command.commands or "list" not in command.commands else "list"
            command = command.get_command(context, named)
    if command is None:
        return "no such subcommand"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options = [word.split("=")[0] for word in words if word.startswith("-")]
    return next((f"no option {option}" for option in options if option not in {*known, "--help"}), "")


def test_every_command_of_a_page_can_be_typed() -> None:
    assert len(commands()) > 80
    assert [(code, line, wrong) for code, line in commands() if (wrong := wrong_with(line))] == []


@pytest.mark.parametrize("line", ["instep dctor", "instep sync --first-runs=10", "instep process linth"])
def test_a_command_that_cannot_be_typed_would_be_noticed(line: str) -> None:
    assert wrong_with(line)
