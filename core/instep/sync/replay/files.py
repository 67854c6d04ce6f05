"""A workspace in which some files are replaced by others that lie elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace
from instep.mapping.mistakes import suggestion


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file of a workspace ("mappings/scoring.toml"), and the one to be read in its place."""

    name: str
    file: Path


def replacements(root: Path, given: Sequence[str]) -> tuple[Replacement, ...]:
    """Which files of a workspace these stand for: by their own name, or as "scoring=drafts/new.toml".

    Raises `ConfigError` with everything that is wrong.
    """
    found: dict[str, Replacement] = {}
    mistakes: list[str] = []
    for text in given:
        word, _, path = text.rpartition("=")
        file = Path(path)
        name = _name_of(root, word or file.name)
        if not file.is_file():
            mistakes.append(f"{path}: {'this is a folder' if file.is_dir() else 'there is no such file'}.")
        elif name is None:
            mistakes.append(f"{text}: {_remedy(root, word or file.stem)}")
        elif name in found:
            mistakes.append(f"{text}: {name} is replaced by {found[name].file} already. Name it once.")
        else:
            found[name] = Replacement(name, file)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return tuple(found.values())


def _name_of(root: Path, word: str) -> str | None:
    """The workspace's file of a name: "scoring", "scoring.toml" or "mappings/scoring.toml"."""
    stem = Path(word).name.removesuffix(".toml")
    names = _names(root)
    return f"mappings/{stem}.toml" if stem in names else "sync.toml" if stem == "sync" else None


def _names(root: Path) -> list[str]:
    there = [file.stem for file in sorted((root / "mappings").glob("*.toml"))]
    return list(dict.fromkeys([*there, "process", "scoring", "team"]))


def _remedy(root: Path, word: str) -> str:
    otherwise = f"Say which file it replaces: --with NAME=FILE, with one of {', '.join(_names(root))}."
    return f"no file of this workspace has this name. {suggestion(word, _names(root), otherwise)}"


def with_replacements(workspace: Workspace, replaced: Sequence[Replacement], today: date | None = None) -> Workspace:
    """The workspace as it would be with these files. Raises `ConfigError` with every mistake of every file.

    It keeps the state, the folder and the connections of the one that is there. `today` is the day whose version of
    the process counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        (copy / "mappings").mkdir()
        for file in [workspace.root / "sync.toml", *sorted((workspace.root / "mappings").glob("*.toml"))]:
            if file.is_file():
                shutil.copyfile(file, copy / file.relative_to(workspace.root))
        for one in replaced:
            shutil.copyfile(one.file, copy / one.name)
        try:
            found = load_workspace(copy, today or workspace.day)
        except ConfigError as error:
            raise ConfigError(_in_their_places(str(error), {one.name: str(one.file) for one in replaced})) from error
    return replace(found, root=workspace.root, store=workspace.store)


def _in_their_places(text: str, files: Mapping[str, str]) -> str:
    """Mistakes under the names of the files that hold them."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        for name, file in files.items():
            if line.startswith((f"{name}:", f"{name} ")):
                lines[place] = file + line[len(name) :]
    return "\n".join(lines)
