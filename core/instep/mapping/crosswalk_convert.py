"""A workspace's files on top of another preset: what the crosswalk settles is changed, the rest is for a person."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.mapping.crosswalk import Crosswalk, crosswalk
from instep.mapping.crosswalk_mapping import converted_mapping
from instep.mapping.crosswalk_process import converted_process
from instep.mapping.crosswalk_tables import Decision
from instep.mapping.load import load_workspace, mistakes_error, read_preset, read_workspace
from instep.mapping.mistakes import Mistake

PROCESS = "mappings/process.toml"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What would become of a workspace's files, and what they do not say."""

    walk: Crosswalk
    files: Mapping[str, tuple[str, str]]
    """Every file that changes, by name: before and after."""
    moved: Mapping[str, str]
    """Stages whose journeys follow by themselves: old key to new."""
    decisions: tuple[Decision, ...]
    mistakes: tuple[Mistake, ...]
    """What `check` would say of the result."""

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.walk.source,
            "to": self.walk.target,
            "moved": dict(self.moved),
            "decisions": [decision.as_json() for decision in self.decisions],
            "mistakes": [mistake.as_json() for mistake in self.mistakes],
            "files": {name: after for name, (_, after) in self.files.items()},
        }


def plan_conversion(root: Path, target: str) -> Conversion:
    """Say what putting a workspace's process on another preset would change. Writes nothing.

    Raises `ConfigError` where the files have mistakes, or the process does not start from a preset.
    """
    workspace = load_workspace(root)
    if len(workspace.versions) > 1:
        raise ConfigError(
            f"The process has {len(workspace.versions)} versions, and nothing says which of them to convert. "
            "Move all but one out of mappings/, call that one process.toml, and convert it."
        )
    _check_usable(target)
    text = _read(root, PROCESS)
    source = _preset_of(text, workspace)
    if source == target:
        raise ConfigError(f'{PROCESS} starts from "{target}" already.')
    walk = crosswalk(source, target)
    process = converted_process(text, PROCESS, workspace, walk)
    after = {PROCESS: process.text}
    decisions = list(process.decisions)
    for name in workspace.mappings:
        file = f"mappings/{name}.toml"
        mapping = converted_mapping(_read(root, file), file, process.order, walk)
        after[file] = mapping.text
        decisions += mapping.decisions
    files = {name: (before, new) for name, new in after.items() if (before := _read(root, name)) != new}
    return Conversion(walk, files, process.moved, tuple(decisions), _check(root, after))


def write_conversion(root: Path, conversion: Conversion) -> None:
    """Write the changed files. Raises `ConfigError`, and writes none, if `check` would refuse them."""
    if conversion.mistakes:
        raise mistakes_error(conversion.mistakes)
    for name, (_, after) in conversion.files.items():
        (root / name).write_text(after, encoding="utf-8", newline="\n")


def _check_usable(preset: str) -> None:
    reading = read_preset(preset)
    if reading.mistakes:
        raise mistakes_error(reading.mistakes)


def _preset_of(text: str, workspace: Workspace) -> str:
    import tomllib

    content = tomllib.loads(text)
    if "preset" not in content:
        raise ConfigError(
            f'{PROCESS} does not start from a preset, so nothing says what its stages become. Write preset = "…", '
            "and only what differs from it."
        )
    return str(content["preset"])


def _read(root: Path, name: str) -> str:
    return (root / name).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


def _check(root: Path, after: Mapping[str, str]) -> tuple[Mistake, ...]:
    """What would be wrong with the workspace if these files were in it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(root / "mappings", copy / "mappings")
        shutil.copyfile(root / "sync.toml", copy / "sync.toml")
        for name, text in after.items():
            (copy / name).write_text(text, encoding="utf-8")
        return read_workspace(copy).mistakes
