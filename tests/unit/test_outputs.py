"""The schemas of what commands print: right in themselves, documented, in the code's own words, and stable."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from click.testing import CliRunner, Result

from instep import errors, outputs
from instep.cli.main import instep
from instep.mapping import lint
from instep.model.entities import Kind
from instep.model.journey import ClaimType
from instep.model.process import Actor, Half, Outcome, Role
from instep.provision import steps
from instep.sync.changes import Action
from instep.sync.conflicts import STATES
from instep.sync.erase import Fate
from instep.sync.health.finding import Level
from instep.sync.remedies import CLASSES

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = Path(__file__).with_suffix(".txt")
SCHEMAS = {kind: json.loads(outputs.schema_text(kind)) for kind in outputs.kinds()}
CHANGED = """{} is not as it was published. If a program that reads the documents of before may fail at the new ones
(a key is gone, or renamed, or means something else), raise FORMAT_VERSION. Else write its new line into {}: {}"""


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(part)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one_and_says_what_it_is(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])
    assert SCHEMAS[kind]["properties"]["format_version"] == {"const": outputs.FORMAT_VERSION}
    assert SCHEMAS[kind]["title"]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_an_object_has_fixed_keys_or_is_a_map(kind: str) -> None:
    for part in parts(SCHEMAS[kind]):
        if part.get("type") == "object" and kind != "sandbox-up":
            is_closed = part["additionalProperties"] is False and set(part["required"]) <= set(part["properties"])
            is_map = "properties" not in part and isinstance(part["additionalProperties"], dict)
            assert is_closed is not is_map


def test_what_two_schemas_name_alike_is_alike() -> None:
    seen: dict[str, Any] = {}
    for schema in SCHEMAS.values():
        for name, part in schema.get("$defs", {}).items():
            assert seen.setdefault(name, part) == part, name
    report, run = seen["run_report"], SCHEMAS["run"]
    told = {name: part for name, part in run["properties"].items() if name != "format_version"}
    assert (told, set(run["required"])) == (report["properties"], {*report["required"], "format_version"})


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_part_that_is_defined_is_used(kind: str) -> None:
    used = {part["$ref"].rsplit("/", 1)[1] for part in parts(SCHEMAS[kind]) if "$ref" in part}
    assert used == set(SCHEMAS[kind].get("$defs", {}))


# --- closed words --------------------------------------------------------------------------------------------------


def words(*path: str) -> set[Any]:
    """The words that a schema allows at a place, but for null."""
    found: Any = SCHEMAS[path[0]]
    for part in path[1:]:
        found = found[part] if part in found else found["properties"][part]
        found = next((one for one in found.get("anyOf", ()) if one.get("type") != "null"), found)
    return set(found["enum"]) - {None}


def lint_codes() -> set[str]:
    return set(re.findall(r'Finding\("(\w+)"', Path(lint.__file__).read_text(encoding="utf-8")))


def commands() -> set[str]:
    """The commands that are runs."""
    folders = ("core/instep/sync", "core/instep/provision")
    texts = [place.read_text(encoding="utf-8") for folder in folders for place in (ROOT / folder).glob("*.py")]
    begins = re.compile(r'\b(?:running\(\w+, |numbered\()\w+, "(\w+)"\)')
    return {name for text in texts for name in begins.findall(text)}


def configuring() -> set[str]:
    """What is done to a system's stages and fields."""
    text = Path(steps.__file__).read_text(encoding="utf-8")
    return set(re.findall(r'^    \w+: "([a-z]+-[a-z]+)",$', text, re.MULTILINE))


CLOSED: list[tuple[tuple[str, ...], Iterable[Any]]] = [
    (("plan", "$defs", "action"), get_args(Action)),
    (("show", "$defs", "written_action"), (*get_args(Action), "erase")),
    (("plan", "$defs", "kind"), Kind),
    (("erase", "$defs", "fate"), get_args(Fate)),
    (("doctor", "findings", "items", "level"), get_args(Level)),
    (("process-show", "$defs", "role"), Role),
    (("process-show", "$defs", "stage", "half"), Half),
    (("process-show", "$defs", "stage", "behaviours", "items", "actor"), Actor),
    (("process-lint", "findings", "items", "code"), lint_codes()),
    (("explain", "explanations", "items", "history", "items", "what"), get_args(ClaimType)),
    (("explain", "$defs", "journey", "outcome"), Outcome),
    (("conflicts", "conflicts", "items", "state"), STATES),
    (("status", "$defs", "refused", "class"), [one.name for one in CLASSES]),
    (("status", "$defs", "command"), commands()),
    (("provision-plan", "$defs", "step", "action"), configuring()),
    (("provision-report", "steps", "items", "action"), configuring()),
    (("error", "error", "kind"), [name for name in vars(errors) if name.endswith("Error")]),
    (
        ("error", "error", "exit_code"),
        {kind.exit_code for kind in vars(errors).values() if hasattr(kind, "exit_code")},
    ),
]


@pytest.mark.parametrize(("path", "known"), CLOSED, ids=lambda part: part[0] if isinstance(part, tuple) else "")
def test_closed_words_are_those_of_the_code(path: tuple[str, ...], known: Iterable[Any]) -> None:
    assert words(*path) == set(known)


# --- found, and stable ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_kind_is_documented(kind: str) -> None:
    text = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    assert f"[`{kind}`](../../core/instep/outputs/{kind}.json)" in text


def test_a_schema_that_changed_is_noticed() -> None:
    published = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    for kind, schema in SCHEMAS.items():
        line = f"{kind} {hashlib.sha256(json.dumps(without_words(schema), sort_keys=True).encode()).hexdigest()[:16]}"
        assert line in published, CHANGED.format(kind, SNAPSHOT.relative_to(ROOT), line)
    assert [line.split()[0] for line in published] == list(SCHEMAS)


def without_words(schema: Any) -> Any:
    """A schema without what it says to people."""
    if isinstance(schema, dict):
        said = {name for name in ("title", "description") if isinstance(schema.get(name), str)}
        return {name: without_words(part) for name, part in schema.items() if name not in said}
    return [without_words(part) for part in schema] if isinstance(schema, list) else schema


# --- the command ---------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(instep, ["schema", *arguments])


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schema_prints_the_one_of_a_document(kind: str) -> None:
    assert json.loads(run("--output", kind).stdout) == SCHEMAS[kind]
    assert f"{kind} " in run("--outputs").stdout


def test_an_unknown_kind_of_document_is_named() -> None:
    wrong = run("--output", "stauts")
    assert isinstance(wrong.exception, errors.ConfigError)
    assert 'There is no kind of document "stauts". Did you mean "status"?' in str(wrong.exception)


@pytest.mark.parametrize("arguments", [("process", "--outputs"), ("--output", "plan", "--outputs")])
def test_schema_does_one_thing_at_a_time(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


# --- the guard of the tests ----------------------------------------------------------------------------------------


@pytest.mark.xfail(reason="what it prints has a key too many", raises=AssertionError)
def test_a_test_that_prints_a_wrong_document_fails() -> None:
    outputs.document("retry", {"retried": [], "surplus": 1})


def test_a_test_that_prints_a_right_document_passes() -> None:
    outputs.document("retry", {"retried": []})
