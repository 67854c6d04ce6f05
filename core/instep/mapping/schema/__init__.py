"""JSON Schemas of a workspace's files, for editors: completion, meanings and mistakes while typing.

They hold what one file alone can tell: keys, types and words. What files say of each other is for `instep check`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from instep.errors import ConfigError
from instep.mapping.connections import RESERVED
from instep.mapping.mistakes import suggestion
from instep.mapping.schema.connection import mapping_schema
from instep.mapping.schema.process import process_schema, scoring_schema, team_schema
from instep.mapping.schema.shapes import Schema
from instep.mapping.schema.sync import sync_schema
from instep.mapping.versions import FIRST, is_version

if TYPE_CHECKING:
    from instep.settings import ConnectorSettings

NAMES = ("sync", *RESERVED, "mapping")
"""Every schema; `mapping` is that of a connection's file."""
FOLDER = ".instep/schema"
"""Where a workspace keeps them: beside its state, since both can be made again."""


def schema_of(
    name: str, settings: Mapping[str, type[ConnectorSettings]] | None = None, installed: Iterable[str] = ()
) -> Schema:
    """One schema. `settings` are those of the connectors that `sync.toml` may name; the others need none."""
    match name:
        case "sync":
            return sync_schema(settings or {}, installed)
        case "process":
            return process_schema()
        case "scoring":
            return scoring_schema()
        case "team":
            return team_schema()
        case "mapping":
            return mapping_schema()
    raise ConfigError(f'There is no schema "{name}". {suggestion(name, NAMES)}')


def schema_files(settings: Mapping[str, type[ConnectorSettings]], installed: Iterable[str] = ()) -> dict[str, str]:
    """Every schema as a file, by its name."""
    known = tuple(installed)
    return {f"{name}.json": schema_text(schema_of(name, settings, known)) for name in NAMES}


def schema_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_for(file: str) -> str:
    """The schema's name for a name or a file: `mappings/crm.toml` is read by `mapping`."""
    path = PurePosixPath(file)
    if path.suffix != ".toml":
        return file
    if is_version(path.stem):
        return FIRST
    return path.stem if path.stem in RESERVED or path.name == file == "sync.toml" else "mapping"


def directive(file: str) -> str:
    """The first line by which editors find the schema of a file of the workspace."""
    up = "../" * file.count("/") or "./"
    return f"#:schema {up}{FOLDER}/{schema_for(file)}.json"
