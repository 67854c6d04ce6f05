"""Runs `instep process …` and `instep check` in a workspace of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from instep.cli.check import check
from instep.cli.process import process

FILES = {
    "sync.toml": '[connections.crm]\nplugin = "some-crm"\n[connections.exports]\nplugin = "files"\n',
    "mappings/process.toml": """\
preset = "b2b-11"
[[segments]]
key = "tea"
label = "Tea traders"
when = { field = "company.industry", eq = "Tea" }
[[segments.stages]]
key = "interest"
[[segments.stages]]
key = "tasting"
label = "Tasting"
half = "acquisition"
role = "sales"
enter = { all = ["requests-call", "describes-project"] }
[[segments.stages]]
key = "purchase"
""",
    "mappings/team.toml": """\
[[people]]
key = "ada"
name = "Ada"
roles = ["marketing", "sales"]
[[people]]
key = "bob"
name = "Bob"
roles = ["services", "service", "sales"]
segments = ["tea"]
""",
    "mappings/crm.toml": """\
[person]
objects = ["contacts"]
match = ["instep_id"]
stages = { field = "s", values = { interest = "Lead", decision = "Hot", purchase = "Customer" } }
[company]
objects = ["firms"]
match = ["instep_id"]
fields.industry = "Industry"
""",
    "mappings/exports.toml": '[person]\nobjects = ["people"]\nmatch = ["instep_id"]\n',
}

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command line in the workspace."""
    commands = click.Group(commands={"process": process, "check": check})

    def run_line(*words: str) -> Result:
        places = ["-w", str(folder)] if words[1:2] not in (("preset",), ("crosswalk",)) else []
        return CliRunner().invoke(commands, [*words, *places])

    return run_line
