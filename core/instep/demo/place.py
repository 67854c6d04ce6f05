"""The demo's folder: a fresh workspace, made from the working example that ships with Instep."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from instep.errors import ConfigError
from instep.mapping.ids import SUFFIX
from instep.mapping.load import load_workspace
from instep.model.entities import Kind
from instep.settings import environment_prefix

_PACKAGED = Path(__file__).parent / "example"
_CHECKOUT = Path(__file__).resolve().parents[3]


def example() -> Path:
    """The folder with the example's sync.toml and mappings: the wheel's copy, or the checkout itself."""
    for folder in (_PACKAGED, _CHECKOUT):
        if (folder / "sync.toml").is_file() and (folder / "mappings").is_dir():
            return folder
    raise ConfigError("The example's sync.toml and mappings are not there. Install Instep again.")


def connectors() -> dict[str, str]:
    """The example's connections, each with its connector."""
    return {connection.name: connection.plugin for connection in load_workspace(example()).connections}


def campaign_tools() -> tuple[str, ...]:
    """The connections of the example that know people, and no opportunities."""
    mappings = load_workspace(example()).mappings
    return tuple(name for name in connectors() if Kind.OPPORTUNITY not in mappings[name].entities)


def fresh_folder(folder: Path | None) -> Path:
    """An empty folder: the one that is named, or a new temporary one that is kept."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="instep-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty. Name a new folder, or none at all for a temporary one.")
    return folder


def copy_example(
    folder: Path, logins: Mapping[str, Mapping[str, object]], *, ids: bool = True, without: Collection[str] = ()
) -> None:
    """Copy the example, and add to each connection what reaches its sandbox.

    Without `ids` nothing is managed yet: the files of ids belong to systems that have the pipelines already. The
    connections in `without` do not take part: they are left out.
    """
    source = example()
    unwanted = [f"{name}.toml" for name in without] + ([] if ids else [f"*{SUFFIX}.toml"])
    shutil.copytree(source / "mappings", folder / "mappings", ignore=shutil.ignore_patterns("presets", *unwanted))
    _forget_users(folder / "mappings" / "team.toml", without)
    text = _without((source / "sync.toml").read_text(encoding="utf-8"), without)
    given = tomllib.loads(text)["connections"]
    for connection, settings in logins.items():
        more = {key: value for key, value in settings.items() if key not in given[connection]}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
        header = f"[connections.{connection}]\n"
        text = text.replace(
            header, f"{header}# The demo's sandbox, on this machine; gone when the demo ends.\n{lines}"
        )
    (folder / "sync.toml").write_text(text, encoding="utf-8")


def _without(text: str, connections: Collection[str]) -> str:
    """The file without the paragraphs of these connections."""
    headers = tuple(f"[connections.{name}]\n" for name in connections)
    return "\n\n".join(part for part in text.split("\n\n") if not any(header in part for header in headers))


def _forget_users(team: Path, connections: Collection[str]) -> None:
    """Take these connections' users out of the team's file."""
    text = team.read_text(encoding="utf-8")
    for name in connections:
        text = re.sub(rf', {name} = "[^"]*"', "", text)
    team.write_text(text, encoding="utf-8")


@contextmanager
def no_real_logins(connections: Iterable[str]) -> Iterator[None]:
    """Take the settings of these connections out of the environment, so that no real account is ever reached."""
    prefixes = tuple(environment_prefix(connection) for connection in connections)
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith(prefixes)}
    try:
        yield
    finally:
        os.environ.update(hidden)
