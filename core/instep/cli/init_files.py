"""The files of a new workspace, as text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from instep.mapping.toml import toml_text

if TYPE_CHECKING:
    from instep.contract import ConnectorPlugin, Starter

SYNC = """\
# The systems that are kept in step, in order of preference: where two disagree about a field, and nothing
# else is said, the earlier one wins. Secrets belong in the environment, never in this file.
"""

PROCESS = """\
# The buying process: the stages that buyers go through, and what they do to reach each one.
# "instep process show" prints it. Change what you like here; what is not written comes from the preset.

preset = "{preset}"

# [[stages]]
# key = "consideration"                # a stage of the preset: only what is written changes
# label = "Comparing"
# expected_days = 28

# [[segments]]                         # a group of buyers with stages or owners of their own
# key = "life-sciences"
# when = {{ field = "company.industry", in = ["Biotechnology", "Pharmaceuticals"] }}
"""

TEAM = """\
# Colleagues who own buyers, and who they are in each system.

# [[people]]
# key = "ada"
# name = "Ada Example"
# email = "ada@ourselves.example"      # finds her user in every system that knows this address
# roles = ["sales"]                    # marketing, sales, service, services, support, partner, facilitator
# users = {{ {connection} = "Ada" }}

# [[assign]]                           # Instep gives a buyer to somebody only where a rule says so
# kind = "person"
# when = "handover"                    # its stage passes to another role; or "blank"
"""

SCORING = """\
# Points for what buyers do. They fade: after each half-life they count half.

# half_life = "30d"

# [points]
# visits-website = 1
# requests-call = 20

# [caps]
# visits-website = 10                  # the most that one behaviour adds

# [bands]                              # systems hear of a new score when it crosses one of these
# cold = 0
# warm = 40
# hot = 70
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One `--connection NAME=PLUGIN[:PATH]`."""

    name: str
    plugin: ConnectorPlugin[Any]
    path: Path | None


def workspace_files(root: Path, wanted: list[Wanted], preset: str) -> dict[str, str]:
    """Every file of a new workspace by its name, as text. Writes nothing."""
    stages = _stages_of(preset)
    starters = {one.name: _starter(one) for one in wanted}
    files = {
        "sync.toml": _sync_file(root, wanted, starters),
        "mappings/process.toml": process_file(preset),
        "mappings/team.toml": TEAM.format(connection=wanted[0].name),
        "mappings/scoring.toml": SCORING,
        **{f"mappings/{name}.toml": fitted(starter.mapping, stages) for name, starter in starters.items()},
    }
    return {name: for_editors(name, text) for name, text in files.items()}


def _stages_of(preset: str) -> frozenset[str]:
    """The stages of a preset. Raises `ConfigError` for one that no workspace can use: a counter-example."""
    from instep.mapping.load import mistakes_error, read_preset
    from instep.mapping.process import every_stage

    reading = read_preset(preset)
    if reading.mistakes:
        raise mistakes_error(reading.mistakes)
    return frozenset(stage.key for stage in every_stage(reading.read.process))


def _starter(wanted: Wanted) -> Starter:
    from instep.contract import Starter
    from instep.settings import load_settings

    if wanted.plugin.look is None or wanted.path is None:
        return Starter("", wanted.plugin.starter_mapping)
    return wanted.plugin.look(load_settings(wanted.plugin.settings, wanted.name, {"path": str(wanted.path)}))


def fitted(mapping: str, stages: frozenset[str]) -> str:
    """A mapping file without the stages that this process does not have; a comment says which they were."""
    import tomlkit

    document: Any = tomlkit.parse(mapping)
    for kind in ("person", "company", "opportunity"):
        entity = document.get(kind, {})
        for table in (entity.get("stages", {}), *entity.get("pipelines", {}).values()):
            values = table.get("values", {})
            unknown = [stage for stage in values if stage not in stages]
            spelled = ", ".join(f"{stage} = {toml_text(str(values.pop(stage)))}" for stage in unknown)
            if unknown:
                values.comment(f"stages that your process does not have: {spelled}")
    return tomlkit.dumps(document)


def for_editors(name: str, text: str) -> str:
    """A file of the workspace with the line on top by which editors find its schema."""
    from instep.mapping.schema import directive

    return text if text.startswith("#:schema ") else f"{directive(name)}\n{text}"


def process_file(preset: str) -> str:
    _stages_of(preset)
    return for_editors("mappings/process.toml", PROCESS.format(preset=preset))


def schemas_of(root: Path) -> str:
    """Write the schemas that the files name, for the connectors that the workspace uses; say where."""
    from instep.cli.schema import connectors_of, write_schemas
    from instep.mapping.schema import FOLDER, schema_files

    write_schemas(root / FOLDER, schema_files(*connectors_of(root)))
    ignored = root / ".instep" / ".gitignore"
    if ignored.parent.is_dir() and not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")  # what is learned of systems is nobody else's business
    return f"{root / FOLDER} (what editors know of these files)"


def _sync_file(root: Path, wanted: list[Wanted], starters: Mapping[str, Starter]) -> str:
    return "\n".join([SYNC, *(_table(root, one, starters[one.name]) for one in wanted)])


def connection_tables(root: Path, wanted: list[Wanted]) -> str:
    """What sync.toml says of connections, to be added to one that is there."""
    return "\n".join(_table(root, one, _starter(one)) for one in wanted)


def _table(root: Path, one: Wanted, starter: Starter) -> str:
    lines = [f"[connections.{one.name}]", f"plugin = {toml_text(one.plugin.name)}"]
    if one.path is not None:
        lines.append(f"path = {toml_text(_shown(one.path, root))}")
    lines += _demanded(one)
    return "\n".join(lines) + "\n" + starter.settings


def _demanded(one: Wanted) -> list[str]:
    """A line for every setting that is needed, with what the environment gives. Secrets stay where they are."""
    from instep.settings import is_secret

    lines = []
    for name, field in needed_of(one).items():
        variable = variable_of(one, name)
        if is_secret(field.annotation):
            lines.append(f"# the environment gives {variable}")
            continue
        value = os.environ.get(variable) if str in (field.annotation, *get_args(field.annotation)) else None
        known = f"{name} = {toml_text(value)}" if value else f"# {name} = {_such_as(field.annotation)}"
        lines.append(f"{known}   # {(field.description or '').splitlines()[0]}")
    return lines


def _such_as(annotation: Any) -> str:
    return '{ … = "…" }' if get_origin(annotation) is dict else '"…"'


def needed_of(one: Wanted) -> dict[str, Any]:
    """The settings that this connection needs, but for a path that was given with it."""
    from instep.settings import needed

    return {name: field for name, field in needed(one.plugin.settings).items() if name != "path" or one.path is None}


def variable_of(one: Wanted, name: str) -> str:
    """The environment variable of a connection's setting."""
    from instep.settings import environment_prefix

    return environment_prefix(one.name) + name.upper()


def missing_of(one: Wanted) -> tuple[list[str], list[str]]:
    """What is yet to be given: settings by name for the file, and variables of the environment for secrets."""
    from instep.settings import is_secret

    missing = {name: f for name, f in needed_of(one).items() if variable_of(one, name) not in os.environ}
    secrets = [name for name, field in missing.items() if is_secret(field.annotation)]
    return [name for name in missing if name not in secrets], [variable_of(one, name) for name in secrets]


def _shown(path: Path, root: Path) -> str:
    """A path from the workspace where it lies inside, so that the workspace can move; else in full."""
    inside = path.is_relative_to(root.resolve())
    return (path.relative_to(root.resolve()) if inside else path).as_posix()
