"""A plugin is code with full power: only those that sync.toml names are imported, and a broken one is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..thorough import IS_THOROUGH

MARKS = """
import os, pathlib
pathlib.Path(os.environ["MARKS"], __name__).touch()
"""
GOOD = (
    MARKS
    + """
from dataclasses import replace
from instep.contract import hookimpl
from instep_files import files

@hookimpl
def instep_connectors():
    return [replace(files, name="extra", contract={contract})]
"""
)
SYNC = """
[connections.exports]
plugin = "files"
path = "exports"
objects.people = { file = "people.csv", key = "id" }
"""
EXTRA = """
[connections.more]
plugin = "extra"
path = "more"
objects.people = { file = "people.csv", key = "id" }
"""
MAPPING = '[person]\nobjects = ["people"]\nmatch = ["email"]\ninstep_id = false\nfields = { email = "email" }\n'
ROOT = Path(__file__).parents[2]
QUICK = ["check", "doctor", "connector list"]
COMMANDS = [*QUICK, *(["--help", "plan", "status", "schema sync", "process show"] if IS_THOROUGH else [])]


@dataclass(frozen=True)
class Machine:
    """A folder of distributions on a child's path, and a workspace with one folder of exports."""

    root: Path

    def install(self, distribution: str, version: str, code: str, name: str = "extra") -> None:
        """What pip leaves behind: a module, and what is known of its distribution."""
        module = distribution.replace("-", "_")
        info = self.root / "site" / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[instep]\n{name} = {module}\n")
        (self.root / "site" / f"{module}.py").write_text(code)

    def connect(self) -> None:
        """sync.toml names the extra connector."""
        (self.root / "sync.toml").write_text(SYNC + EXTRA)
        (self.root / "mappings" / "more.toml").write_text(MAPPING)
        (self.root / "more").mkdir()
        (self.root / "more" / "people.csv").write_text("id,email\n1,ann@x.example\n")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.root / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.run(
            [sys.executable, "-m", "instep.cli.main", *command.split()],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "MARKS": str(self.root / "marks")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def imported(self) -> list[str]:
        return sorted(mark.name for mark in (self.root / "marks").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for folder in ("marks", "exports", "mappings", "site"):
        (tmp_path / folder).mkdir()
    (tmp_path / "exports" / "people.csv").write_text("id,email\n1,jane@x.example\n")
    (tmp_path / "sync.toml").write_text(SYNC)
    (tmp_path / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    (tmp_path / "mappings" / "exports.toml").write_text(MAPPING)
    return Machine(tmp_path)


@pytest.mark.parametrize("is_listed", [False, True])
def test_only_a_plugin_that_sync_toml_names_is_imported(machine: Machine, is_listed: bool) -> None:
    machine.install("acme-extra", "1.2", GOOD.format(contract=1))
    if is_listed:
        machine.connect()
    for command in COMMANDS:
        ran = machine.run(command)
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
        if command == "connector list":
            assert "acme-extra" in ran.stdout
    assert machine.imported == (["acme_extra"] if is_listed else [])


@pytest.mark.parametrize("command", ["--help", "connector list", "status"])
def test_what_needs_no_connector_imports_none(machine: Machine, command: str) -> None:
    machine.install("acme-extra", "1.2", GOOD.format(contract=1))
    machine.connect()
    machine.run(command)
    assert machine.imported == []


BROKEN = {
    "it raises": ("raise RuntimeError('boom')", "acme-extra 1.2 does not load (RuntimeError: boom)"),
    "it ends the program": ("raise SystemExit(0)", "acme-extra 1.2 does not load (SystemExit: 0)"),
    "it cannot be imported": ("import nowhere_at_all", "acme-extra 1.2 does not load (ModuleNotFoundError: "),
    "it was written for another contract": (
        GOOD.format(contract=99),
        "acme-extra 1.2 was written for contract 99; this Instep takes 1",
    ),
    "it brings nothing": ("", 'acme-extra 1.2 announces a connector "extra" and does not bring it'),
    "it brings something else": (
        "from instep.contract import hookimpl\n@hookimpl\ndef instep_connectors():\n    return ['extra']\n",
        'acme-extra 1.2 announces a connector "extra" and does not bring it',
    ),
    "it fails when it is asked": (
        "from instep.contract import hookimpl\n@hookimpl\ndef instep_connectors():\n    return 1 / 0\n",
        "acme-extra 1.2 does not say what it brings (ZeroDivisionError: division by zero)",
    ),
    "it would paint the terminal": (
        "raise RuntimeError('\\x1b[31mred')",
        "acme-extra 1.2 does not load (RuntimeError: \\x1b[31mred)",
    ),
}


IN_EVERY_RUN = ("it was written for another contract",)


@pytest.mark.parametrize(
    "case", [case if case in IN_EVERY_RUN else pytest.param(case, marks=pytest.mark.ci) for case in BROKEN]
)
def test_a_broken_plugin_is_named_and_stops_no_other(machine: Machine, case: str) -> None:
    code, problem = BROKEN[case]
    machine.install("acme-extra", "1.2", code)
    machine.connect()
    found_broken(machine, problem)


@pytest.mark.ci
def test_two_distributions_with_one_name_are_both_named(machine: Machine) -> None:
    machine.install("acme-extra", "1.2", GOOD.format(contract=1))
    machine.install("evil-extra", "6.6", GOOD.format(contract=1))
    machine.connect()
    found_broken(machine, 'Several distributions bring a connector "extra": acme-extra 1.2, evil-extra 6.6')
    assert machine.imported == []


def test_a_plugin_that_is_not_installed_is_said_so(machine: Machine) -> None:
    machine.connect()
    others = ", ".join(sorted(place.parent.name for place in ROOT.glob("plugins/*/pyproject.toml")))
    found_broken(machine, f'No connector plugin "extra" is installed (installed: {others})')


def found_broken(machine: Machine, problem: str) -> None:
    """Every command names the plugin and what to do; what does not depend on it goes on."""
    ran = machine.run("doctor --json")
    assert ran.returncode == 1, ran.stderr
    findings = json.loads(ran.stdout)["findings"]
    [broken] = [finding for finding in findings if finding["connection"] == "more"]
    assert (broken["code"], broken["level"]) == ("plugin-broken", "wrong")
    assert problem in broken["what"]
    assert broken["remedy"]
    exports = [finding for finding in findings if finding["connection"] == "exports"]
    assert len(exports) > 1
    assert all(finding["ok"] for finding in exports)
    (machine.root / "sync.toml").write_text((SYNC + EXTRA).replace("path = ", "paht = ", 1))
    checked = machine.run("check")
    assert checked.returncode == 1
    assert problem in checked.stderr
    assert 'connections.exports.paht is not a known key. Did you mean "path"?' in checked.stderr
    (machine.root / "sync.toml").write_text(SYNC + EXTRA)
    for command in ("plan", "sync") if IS_THOROUGH else ("sync",):
        refused = machine.run(command)
        assert refused.returncode == 1
        assert problem in refused.stderr
        assert "Traceback" not in refused.stderr
    for command in ("--help", "connector list", "check --files-only") if IS_THOROUGH else ("check --files-only",):
        assert machine.run(command).returncode == 0
