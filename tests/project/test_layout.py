"""The folders are the architecture: what lies where, and under which names."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

MODULES = {
    "__init__": "the connector, and its hook",
    "settings": "what a table of sync.toml may say",
    "client": "speaks to the system; nothing else does",
    "account": "who this login is: `check`",
    "records": "the part `records`",
    "writes": "the writing half of records, where that is long",
    "changes": "the reading half of records, where that is long",
    "associations": "how records are tied to each other",
    "stages": "the part `stages`",
    "fields": "the part `fields`",
    "owners": "the part `owners`",
    "consents": "the part `consents`",
    "behaviours": "the part `behaviours`",
    "audiences": "the part `audiences`",
    "values": "turns the system's values into typed ones, and back",
    "wire": "the shapes in which the system sends records",
    "schema": "what the system says of its objects",
    "queries": "asks for records, by id or by a query",
    "walk": "goes along everything that changed, in many steps",
    "batches": "sends many records in one call",
    "bulk": "sends very many records as one job",
    "answers": "what a call is, and what came back",
    "patience": "repeats what may be repeated",
    "refusals": "what the system's refusals mean",
    "metadata": "what admins set up, by its full name",
    "lists": "lists of stages and options: what is in them, and changing it",
    "valuesets": "what changes make of a list",
    "configuring": "makes changes of stages and pipelines, one after another",
    "pipelines": "pipelines with stages of their own: what is in them, and changing it",
    "processes": "pipelines that offer stages of a list",
    "campaigns": "what members of a campaign can be",
    "permissions": "lets this login see what it makes",
    "sandbox": "the imitation of the system",
    "table": "a file as rows",
    "csvform": "how a CSV file writes rows down",
    "jsonform": "how a file of JSON lines writes rows down",
    "shelf": "the tables of one folder",
    "draft": "a file about to be replaced",
    "detect": "looks at files that nobody has described",
    "guess": "what looked-at files may mean",
    "stagewords": "words for steps, outcomes and acts",
    "starter": "what `init` proposes after a look",
}
"""Every name that a plugin's module may have, and what is in it. A new one is a decision: read one, know them all."""

VENDOR_WORDS = re.compile("salesforce|hubspot|dealstage|lifecyclestage|picklist", re.IGNORECASE)
VENDOR_WORDS_ALLOWED = {
    "core/instep/settings.py": "shows how a connection's environment variables are spelled",
}


def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def plugin_folders(root: Path) -> set[str]:
    return {place.parent.name for place in root.glob("plugins/*/pyproject.toml")}


def test_workspace_members_are_the_plugin_folders(root: Path) -> None:
    members = pyproject(root)["tool"]["uv"]["workspace"]["members"]
    found = {place.name for pattern in members for place in root.glob(pattern) if (place / "pyproject.toml").exists()}
    assert found == plugin_folders(root)


def test_dev_installs_every_plugin(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("dev", root / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
    assert {place.name for place in dev.plugins()} == plugin_folders(root)


def test_every_plugin_is_type_checked_and_held_to_the_import_rules(root: Path) -> None:
    tools = pyproject(root)["tool"]
    for name in plugin_folders(root):
        assert f"plugins/{name}/src" in tools["mypy"]["files"]
        assert f"instep_{name}" in tools["importlinter"]["root_packages"]


def test_every_plugin_has_a_readme_and_a_conformance_test(files: tuple[str, ...], root: Path) -> None:
    for name in plugin_folders(root):
        assert f"plugins/{name}/README.md" in files
        assert f"plugins/{name}/tests/test_conformance.py" in files


def test_every_module_of_a_plugin_has_a_name_from_the_list(files: tuple[str, ...]) -> None:
    modules = [PurePosixPath(name) for name in files if re.fullmatch(r"plugins/\w+/src/instep_\w+/\w+\.py", name)]
    assert modules
    assert [str(module) for module in modules if module.stem not in MODULES] == []


def test_every_public_module_says_what_it_is(files: tuple[str, ...], root: Path) -> None:
    modules = [name for name in files if re.match(r"(core/instep|plugins/\w+/src)/.*\.py$", name)]
    texts = {name: (root / name).read_text(encoding="utf-8") for name in modules}
    silent = [
        name
        for name, text in texts.items()
        if text and (not PurePosixPath(name).stem.startswith("_") or name.endswith("__init__.py"))
        if not ast.get_docstring(ast.parse(text))
    ]
    assert modules
    assert silent == []


def test_core_knows_no_vendor(files: tuple[str, ...], root: Path) -> None:
    found = [
        name
        for name in files
        if name.startswith("core/") and not name.startswith(tuple(VENDOR_WORDS_ALLOWED))
        if VENDOR_WORDS.search((root / name).read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(VENDOR_WORDS_ALLOWED))
def test_an_exception_for_vendors_words_is_needed(name: str, files: tuple[str, ...], root: Path) -> None:
    texts = [(root / file).read_text(encoding="utf-8") for file in files if file.startswith(name)]
    assert any(VENDOR_WORDS.search(text) for text in texts)
