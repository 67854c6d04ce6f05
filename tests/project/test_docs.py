"""What the documents say exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from instep.cli.main import COMMANDS, instep

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_DEV = re.compile(r"dev\.py ([a-z]+)")


def documents(files: tuple[str, ...]) -> list[str]:
    return [name for name in files if name.endswith(".md")]


def anchors(place: Path) -> set[str]:
    """The anchors of a document's headings, as the usual renderers make them."""
    text = _CODE.sub("", place.read_text(encoding="utf-8"))
    words = (re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")) for heading in _HEADING.findall(text))
    return {word.strip().replace(" ", "-") for word in words}


def test_every_relative_link_leads_somewhere(files: tuple[str, ...], root: Path) -> None:
    dead = []
    for name in documents(files):
        text = _CODE.sub("", (root / name).read_text(encoding="utf-8"))
        for link in _LINK.findall(text):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            place = (root / name).parent / target if target else root / name
            if not place.exists() or (anchor and place.suffix == ".md" and anchor not in anchors(place)):
                dead.append(f"{name}: {link}")
    assert dead == []


def test_every_dev_command_in_the_documents_is_there(files: tuple[str, ...], root: Path) -> None:
    usage = re.search(r'USAGE = """(.*?)"""', (root / "dev.py").read_text(encoding="utf-8"), re.DOTALL)
    assert usage is not None
    known = set(re.findall(r"^  ([a-z]+) ", usage[1], re.MULTILINE))
    named = {word for name in documents(files) for word in _DEV.findall((root / name).read_text(encoding="utf-8"))}
    assert "demo" in known
    assert named <= known


def test_help_lists_every_command() -> None:
    printed = CliRunner().invoke(instep, ["--help"]).output
    for name, (_, help) in COMMANDS.items():
        assert re.search(rf"^  {name} ", printed, re.MULTILINE)
        assert help.split()[0] in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(instep, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output
