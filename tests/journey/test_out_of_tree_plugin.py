"""A connector that somebody else wrote: built and installed beside Instep, as a stranger would.

The connector is the one of `docs/how-to/write-a-connector.md`, word for word.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "how-to" / "write-a-connector.md"
_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MAKE = """
import json, pathlib
from instep_cardbox.sandbox import new_box
for name in ("left", "right"):
    box = new_box(name)
    if name == "right":
        box["fields"]["instep_id"] = {"type": "text", "unique": True}
    pathlib.Path(f"{name}.json").write_text(json.dumps(box))
"""
_OURS = ("instep", "_instep", "_editable", "__editable__")


@dataclass(frozen=True)
class Stranger:
    """A clean environment with two wheels in it, and a workspace."""

    python: Path
    source: Path
    work: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a Python module there; gives what it printed."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "INSTEP_"))
        }
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def instep(self, *arguments: str, code: int = 0) -> str:
        """Run an `instep` command in the workspace."""
        return self.run("-m", "instep.cli.main", *arguments, code=code)

    def sync(self, *arguments: str) -> dict[str, Any]:
        """What a sync did to each connection."""
        found: dict[str, Any] = json.loads(self.instep("sync", "--json", *arguments))
        return {name: account["written"] for name, account in found["connections"].items()}

    def box(self, name: str) -> dict[str, Any]:
        """What a box holds."""
        found: dict[str, Any] = json.loads((self.work / f"{name}.json").read_text(encoding="utf-8"))
        return found

    def put(self, name: str, box: dict[str, Any]) -> None:
        """Somebody else writes the box."""
        (self.work / f"{name}.json").write_text(json.dumps(box), encoding="utf-8")

    def names(self, name: str) -> list[str]:
        """The names on the cards of a box."""
        return sorted(card["fields"]["name"] for card in self.box(name)["cards"].values())


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    base = tmp_path_factory.mktemp("stranger")
    source = base / "instep-cardbox"
    for name, text in _FILE.findall(GUIDE.read_text(encoding="utf-8")):
        place = source / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    _pip("wheel", "--no-build-isolation", "-w", str(base / "wheels"), str(ROOT), str(source))
    python = _environment(base / "venv")
    _pip("--python", str(python), "install", *map(str, sorted((base / "wheels").glob("*.whl"))))
    work = base / "work"
    work.mkdir()
    return Stranger(python, source, work)


def _pip(*arguments: str) -> None:
    """pip without any index: whatever is needed is here already."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, "--no-deps"]
    done = subprocess.run([*command, "--no-index"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _environment(place: Path) -> Path:
    """An empty environment that sees third parties' packages, and nothing of this checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    others = place / "others"
    others.mkdir()
    here = Path(sysconfig.get_paths()["purelib"])
    for package in here.iterdir():
        if not package.name.startswith(_OURS) and package.suffix != ".pth":
            (others / package.name).symlink_to(package)
    python = next(place / "bin" / name for name in ("python", "python3") if (place / "bin" / name).exists())
    asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    purelib = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    (Path(purelib) / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    return python


def test_instep_and_the_connector_come_from_their_wheels(stranger: Stranger) -> None:
    printed = stranger.run("-c", "import instep, instep_cardbox as c; print(instep.__file__); print(c.__file__)")
    assert len(printed.splitlines()) == 2
    assert all(str(stranger.python.parent.parent) in line for line in printed.splitlines())


@pytest.mark.parametrize(
    ("kind", "command"), [("connector-list", "connector list"), ("process-preset", "process preset")]
)
def test_what_is_printed_follows_the_schema_that_came_with_it(stranger: Stranger, kind: str, command: str) -> None:
    schema = json.loads(stranger.instep("schema", "--output", kind))
    jsonschema.validate(json.loads(stranger.instep(*command.split(), "--json")), schema)


def test_the_connector_is_listed_without_being_asked_for(stranger: Stranger) -> None:
    listed = json.loads(stranger.instep("connector", "list", "--json"))["connectors"]
    assert listed == [{"name": "cardbox", "distribution": "instep-cardbox", "version": "0.1.0"}]


def test_the_guide_ends_with_green_tests(stranger: Stranger) -> None:
    printed = stranger.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(stranger.source / "tests"))
    assert " passed" in printed


def test_two_boxes_are_brought_in_step_and_stay_there(stranger: Stranger) -> None:
    stranger.run("-c", _MAKE)
    _put_cards(stranger, "left", Ada="ada@x.example", Bob="bob@x.example", Zoë="zoe@x.example")
    _put_cards(stranger, "right", Bob="bob@x.example")
    connections = [part for name in ("left", "right") for part in ("--connection", f"{name}=cardbox:{name}.json")]
    stranger.instep("init", *connections)
    stranger.instep("check")
    stranger.instep("doctor", "--create-fields", "left")

    assert stranger.sync("--first-run=apply")["right"]["people"]["create"] == 2
    assert stranger.names("left") == stranger.names("right") == ["Ada", "Bob", "Zoë"]
    assert not any(stranger.sync().values())

    box = stranger.box("right")
    card = next(card for card in box["cards"].values() if card["fields"]["name"] == "Ada")
    box["number"] += 1
    card["fields"]["city"], card["number"], card["at"] = "Ulm", box["number"], "2100-01-01T00:00:00+00:00"
    stranger.put("right", box)
    assert {name: written for name, written in stranger.sync().items() if written} == {
        "left": {"people": {"update": 1}}
    }
    assert "Ulm" in [card["fields"].get("city") for card in stranger.box("left")["cards"].values()]


def _put_cards(stranger: Stranger, name: str, **people: str) -> None:
    box = stranger.box(name)
    for number, (person, email) in enumerate(people.items(), 1):
        fields = {"name": person, "email": email}
        at = "2026-01-05T09:00:00+00:00"
        box["cards"][f"c{number}"] = {
            "id": f"c{number}",
            "number": number,
            "at": at,
            "deleted": False,
            "fields": fields,
        }
    box["number"] = len(people)
    stranger.put(name, box)
