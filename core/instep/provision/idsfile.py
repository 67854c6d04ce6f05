"""Writing `mappings/<connection>.ids.toml`: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path as FilePath

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.mapping.ids import SUFFIX, Ids, ids_text
from instep.sync.transport import World


def write_ids(workspace: Workspace, world: World, connection: str, ids: Ids) -> str:
    """Replace the file by one that says this; gives its name, as messages have it."""
    name = f"mappings/{connection}{SUFFIX}.toml"
    text = ids_text(connection, ids)
    world.boundary(f"replace {name}")
    _replace(workspace.root / name, text)
    return name


def _replace(file: FilePath, text: str) -> None:
    aside = file.with_name(f".{file.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, file)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror}. Let this folder be written.") from None
