"""`instep check` notes an entry of `[[moved]]` whose old stage never was, as far as the state can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..semantics.cases import Stage, play
from .conftest import Instep


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Somebody is at a stage of the firm's own."""
    stage = Stage(tmp_path)
    stage.config["extra"] = "pilot"
    play(stage, "a.jane stage=pilot; sync; sync")
    return stage


def rename(stage: Stage, *moves: tuple[str, str]) -> None:
    """The stage is gone from the files, which say what became of it."""
    stage.config.pop("extra", None)
    stage.config["process"] = "".join(f'[[moved]]\nfrom = "{old}"\nto = "{new}"\n' for old, new in moves)
    stage.write_files()


def notes(stage: Stage, instep: Instep) -> list[dict[str, Any]]:
    ran = instep("check", "--files-only", "--json", "--workspace", str(stage.root))
    assert ran.code == 0
    return [note for note in ran.json["notes"] if note["code"] == "MOVED_FROM_NOWHERE"]


def test_a_stage_that_nobody_was_ever_at_is_noted_with_its_line(stage: Stage, instep: Instep) -> None:
    rename(stage, ("pilot", "research"), ("pilto", "research"))
    (note,) = notes(stage, instep)
    assert note["path"] == "moved[1].from"
    text = (stage.root / note["file"]).read_text(encoding="utf-8").splitlines()
    assert text[note["line"] - 1] == 'from = "pilto"'
    assert 'names "pilto", which no version of the process has and no buyer was ever at' in note["problem"]


def test_a_stage_that_was_is_not_noted_also_once_everybody_has_left_it(stage: Stage, instep: Instep) -> None:
    rename(stage, ("pilot", "research"))
    assert notes(stage, instep) == []
    play(stage, "1d pass; a.jane title=CTO; sync; sync")
    assert notes(stage, instep) == []


def test_a_stage_that_another_version_has_is_suggested_and_not_noted(stage: Stage, instep: Instep) -> None:
    rename(stage)
    version = stage.root / "mappings/process-2027-01-01.toml"
    process = (stage.root / "mappings/process.toml").read_text(encoding="utf-8")
    (stage.root / "mappings/process.toml").write_text(
        f'{process}[[stages]]\nkey = "proof"\nlabel = "Proof"\nhalf = "retention"\n', encoding="utf-8"
    )
    moved = '{}[[moved]]\nfrom = "{}"\nto = "research"\n'
    version.write_text(moved.format(process, "proof"), encoding="utf-8")
    assert notes(stage, instep) == []
    version.write_text(moved.format(process, "prooof"), encoding="utf-8")
    (note,) = notes(stage, instep)
    assert (note["file"], note["remedy"]) == ("mappings/process-2027-01-01.toml", 'Did you mean "proof"?')


def test_a_key_between_two_renames_is_not_noted(stage: Stage, instep: Instep) -> None:
    rename(stage, ("pilot", "proof"), ("proof", "research"))
    assert notes(stage, instep) == []


def test_without_a_state_nobody_can_know(tmp_path: Path, instep: Instep) -> None:
    stage = Stage(tmp_path)
    rename(stage, ("pilto", "research"))
    assert notes(stage, instep) == []
    play(stage, "a.jane stage=research; sync; sync")
    assert len(notes(stage, instep)) == 1
