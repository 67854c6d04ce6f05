"""Writes the guide's connector as a package under a name of one's own: all of it, or nothing."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
import tokenize
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from instep.errors import ConfigError
from instep.newconnector.page import files_of, page_text
from instep.plugins import installed

GUIDE = "deskbook"
"""The name of the connector that the guide builds."""
_FITTING = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package that was written: its folder, and the paths of its files in there."""

    folder: Path
    files: tuple[str, ...]


def write_package(name: str, into: Path) -> NewPackage:
    """Write the package `instep-NAME` into a folder.

    Raises `ConfigError`, with nothing written, for a name that cannot be used, for a folder that is not there
    (it may be mistyped), and where that package is there.
    """
    files = files_as(name)
    if not into.is_dir():
        raise ConfigError(f"There is no folder {into}. Make it first, or name another with --into.")
    folder = into / distribution_of(name)
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} is there already. Choose another name, or another folder with --into.")
    try:
        _write(folder, files)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}. Choose another folder.") from error
    return NewPackage(folder, tuple(sorted(files)))


def files_as(name: str) -> dict[str, str]:
    """The guide's files with another name in place of its own. Raises `ConfigError` for one that cannot be used."""
    files = files_of(page_text())
    _require_a_fitting(name, files)
    return {_renamed(path, name): _renamed(text, name) for path, text in files.items()}


def distribution_of(name: str) -> str:
    """What a connector's distribution is called, and its folder."""
    return f"instep-{name.replace('_', '-')}"


def _renamed(text: str, name: str) -> str:
    """A text with the name in all its spellings; paths of packages have `_`, names of distributions `-`."""
    text = text.replace(f"instep-{GUIDE}", distribution_of(name))
    spellings = {GUIDE: name, GUIDE.capitalize(): _in_capitals(name), GUIDE.upper(): name.upper()}
    return re.sub("|".join(spellings), lambda found: spellings[found[0]], text)


def _in_capitals(name: str) -> str:
    """The name as classes have it: MyCrm for my_crm."""
    return "".join(part.capitalize() for part in name.split("_"))


def _require_a_fitting(name: str, files: dict[str, str]) -> None:
    if not _FITTING.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f'"{name}" cannot be the name of a connector. '
            "Use small letters and digits, beginning with a letter; _ may stand between words."
        )
    taken = next((one for one in installed() if one.name == name), None)
    if taken is not None:
        raise ConfigError(f'{taken.distribution} brings a connector "{name}" already. Choose another name.')
    if find_spec(f"instep_{name}") is not None:
        raise ConfigError(f"A package instep_{name} is installed already. Choose another name.")
    if name != GUIDE and {name, _in_capitals(name)} & _names_in(files):
        raise ConfigError(f'"{name}" is a word of the code itself. Name the connector after the system.')


def _names_in(files: dict[str, str]) -> set[str]:
    """Every name in the code: a connector that is called like one of them would take its place."""
    code = [text for path, text in files.items() if path.endswith(".py")]
    tokens = (token for text in code for token in tokenize.generate_tokens(StringIO(text).readline))
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write everything beside its place, then move it there."""
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        draft.chmod(0o755)
        for path, text in files.items():
            place = draft / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        os.rename(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
