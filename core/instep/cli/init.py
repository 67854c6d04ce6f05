"""`instep init`: the first files of a workspace, or the whole thing at work with --demo."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from instep.contract import ConnectorPlugin, Starter

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

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


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--connection",
    "-c",
    "connections",
    multiple=True,
    metavar="NAME=CONNECTOR[:PATH]",
    help="A system to keep in step, as in exports=files:exports. Repeat it for each.",
)
@click.option(
    "--preset", default="b2b-11", show_default=True, metavar="NAME", help="The buying process to start from."
)
@click.option("--demo", is_flag=True, help="See it run: a made-up firm's exports and a sandbox. Needs no account.")
def init(folder: Path | None, connections: tuple[str, ...], preset: str, demo: bool) -> None:
    """Write the first files of a workspace into FOLDER (here, if it is not given). Never overwrites a file."""
    if demo:
        raise click.exceptions.Exit(import_module("instep.cli.demo").run(folder))
    root = folder or Path()
    wanted = _wanted(connections, root)
    files = workspace_files(root, wanted, preset)
    _refuse_to_overwrite(root, files)
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    click.echo("\n".join([*(f"wrote {root / name}" for name in files), _schemas(root)]))
    click.echo("\n".join(["", "Next:", *_next_steps(folder, wanted)]), err=True)


def workspace_files(root: Path, wanted: list[Wanted], preset: str) -> dict[str, str]:
    """Every file of a new workspace by its name, as text. Writes nothing."""
    stages = _stages_of(preset)
    starters = {one.name: _starter(one) for one in wanted}
    files = {
        "sync.toml": _sync_file(root, wanted, starters),
        "mappings/process.toml": PROCESS.format(preset=preset),
        "mappings/team.toml": TEAM.format(connection=wanted[0].name),
        "mappings/scoring.toml": SCORING,
        **{f"mappings/{name}.toml": fitted(starter.mapping, stages) for name, starter in starters.items()},
    }
    return {name: for_editors(name, text) for name, text in files.items()}


# --- what is asked for -------------------------------------------------------------------------------------------


def _wanted(connections: tuple[str, ...], root: Path) -> list[Wanted]:
    if not connections:
        from instep.plugins import installed

        known = ", ".join(sorted({connector.name for connector in installed()})) or "none"
        raise click.UsageError(
            f"Name the systems, as in --connection exports=files:exports (installed: {known}); or try --demo."
        )
    wanted = [_one_wanted(text, root) for text in connections]
    names = [one.name for one in wanted]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f'There are two connections "{name}". Give each a name of its own.')
    return wanted


def _one_wanted(text: str, root: Path) -> Wanted:
    from instep.mapping.connections import RESERVED
    from instep.plugins import find_plugin

    name, is_pair, rest = text.partition("=")
    connector, _, path = rest.partition(":")
    if not is_pair or not connector:
        raise click.UsageError(f'"{text}" is no connection. Write NAME=CONNECTOR or NAME=CONNECTOR:PATH.')
    if name in RESERVED or not _NAME.fullmatch(name):
        raise click.UsageError(
            f'"{name}" is a name that a connection cannot have. Use small letters, digits, - and _, '
            f"and none of {', '.join(RESERVED)}."
        )
    plugin = find_plugin(connector)
    if path and "path" not in plugin.settings.model_fields:
        raise click.UsageError(f'{connector} has no path. Write "{name}={connector}".')
    if plugin.look is not None and not path:
        raise click.UsageError(f'{connector} looks into a folder. Name it: "{name}={connector}:FOLDER".')
    return Wanted(name, plugin, _place(Path(path), root) if path else None)


def _place(path: Path, root: Path) -> Path:
    """A path as the shell means it: from here; or, if nothing is there, from the new workspace."""
    here = path.expanduser()
    return (root / here if not here.exists() and (root / here).exists() else here).resolve()


def _stages_of(preset: str) -> frozenset[str]:
    """The stages of a preset. Raises `ConfigError` for one that no workspace can use: a counter-example."""
    from instep.mapping.load import mistakes_error, read_preset
    from instep.mapping.process import every_stage

    reading = read_preset(preset)
    if reading.mistakes:
        raise mistakes_error(reading.mistakes)
    return frozenset(stage.key for stage in every_stage(reading.read.process))


# --- what is written ---------------------------------------------------------------------------------------------


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
            spelled = ", ".join(f"{stage} = {json.dumps(str(values.pop(stage)))}" for stage in unknown)
            if unknown:
                values.comment(f"stages that your process does not have: {spelled}")
    return tomlkit.dumps(document)


def for_editors(name: str, text: str) -> str:
    """A file of the workspace with the line on top by which editors find its schema."""
    from instep.mapping.schema import directive

    return text if text.startswith("#:schema ") else f"{directive(name)}\n{text}"


def _schemas(root: Path) -> str:
    """Write the schemas that the files name, for the connectors that the workspace uses; say so."""
    from instep.cli.schema import connectors_of, write_schemas
    from instep.mapping.schema import FOLDER, schema_files

    write_schemas(root / FOLDER, schema_files(*connectors_of(root)))
    return f"wrote {root / FOLDER} (what editors know of these files)"


def _sync_file(root: Path, wanted: list[Wanted], starters: Mapping[str, Starter]) -> str:
    parts = [SYNC]
    for one in wanted:
        lines = [f"[connections.{one.name}]", f"plugin = {json.dumps(one.plugin.name)}"]
        if one.path is not None:
            lines.append(f"path = {json.dumps(_shown(one.path, root), ensure_ascii=False)}")
        lines += [f"# the environment gives {variable}" for variable in _secrets(one)[:1]]
        parts.append("\n".join(lines) + "\n" + starters[one.name].settings)
    return "\n".join(parts)


def _shown(path: Path, root: Path) -> str:
    """A path from the workspace where it lies inside, so that the workspace can move; else in full."""
    inside = path.is_relative_to(root.resolve())
    return (path.relative_to(root.resolve()) if inside else path).as_posix()


def _secrets(wanted: Wanted) -> list[str]:
    from instep.settings import environment_prefix

    fields = wanted.plugin.settings.model_fields.items()
    return [
        environment_prefix(wanted.name) + name.upper() for name, field in fields if "Secret" in str(field.annotation)
    ]


def _refuse_to_overwrite(root: Path, files: Mapping[str, str]) -> None:
    from instep.errors import ConfigError

    there = [str(root / name) for name in files if (root / name).exists()]
    if there:
        listed = "\n".join(f"  {name}" for name in there)
        raise ConfigError(
            f"These files are there already, and init never overwrites one:\n{listed}\n"
            "Nothing was written. Choose another folder, or move them away."
        )


def _next_steps(folder: Path | None, wanted: list[Wanted]) -> list[str]:
    inside = f" --workspace {folder}" if folder not in (None, Path()) else ""
    steps = [f"  instep check{inside}", *(f"  export {name}=…" for one in wanted for name in _secrets(one)[:1])]
    return [
        *steps,
        f"  instep doctor{inside}",
        f"  instep sync{inside}       (the first run only says what it would write)",
    ]
