"""`instep init`: the first files of a workspace, or the whole thing at work with --demo."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli import init_live
from instep.cli.init_files import (
    Wanted,
    connection_tables,
    for_editors,
    missing_of,
    process_file,
    schemas_of,
    workspace_files,
)
from instep.cli.init_live import write_files

if TYPE_CHECKING:
    from instep.proposal.proposal import Proposal

PRESET = "b2b-11"


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
@click.option("--preset", metavar="NAME", help="The buying process to start from; b2b-11, unless given.")
@click.option(
    "--from", "live", metavar="CONNECTION", help="Ask this system what it has, and propose its mapping file."
)
@click.option("--demo", is_flag=True, help="See it run: a made-up firm's exports and four systems. Needs no account.")
@click.option(
    "--part", type=click.Choice(["sync", "campaign", "stages", "buyers"]), help="With --demo: only this part of it."
)
@click.option("--json", "as_json", is_flag=True, help="With --from: print what was guessed and asked as JSON.")
def init(
    folder: Path | None,
    connections: tuple[str, ...],
    preset: str | None,
    live: str | None,
    demo: bool,
    part: str | None,
    as_json: bool,
) -> None:
    """Write the first files of a workspace into FOLDER (here, if it is not given). Never overwrites a file.

    With --from, the files of one connection are written as its live system suggests: in a new workspace, or in one
    whose sync.toml names the connection. In a workspace that is there, --connection says what to add to sync.toml.
    """
    if demo:
        raise click.exceptions.Exit(import_module("instep.cli.demo").run(folder, part))
    if part is not None:
        raise click.UsageError("--part goes with --demo.")
    root = folder or Path()
    if live is None and as_json:
        raise click.UsageError("--json goes with --from.")
    if live is not None and not connections:
        _from_live(root, folder, live, preset, as_json)
        return
    wanted = _wanted(connections, root)
    if live is not None:
        _new_from_live(root, folder, wanted, live, preset or PRESET, as_json)
        return
    files = workspace_files(root, wanted, preset or PRESET)
    _refuse_to_overwrite(root, folder, files, wanted)
    write_files(root, files)
    click.echo("\n".join([*(f"wrote {root / name}" for name in files), f"wrote {schemas_of(root)}"]))
    click.echo("\n".join(["", "Next:", *_next_steps(folder, wanted)]), err=True)


def _from_live(root: Path, folder: Path | None, name: str, preset: str | None, as_json: bool) -> None:
    """Propose the files of a connection that a workspace has. Nothing is written before the system has answered."""
    asked = init_live.asked_connection(root, name)
    process = "mappings/process.toml"
    is_new = not (root / process).exists()
    if preset is not None and not is_new:
        raise click.UsageError(f"{root / process} is there already and names its preset; see instep process convert.")
    first = {process: process_file(preset or PRESET)} if is_new else {}
    placed = init_live.places(root, [f"mappings/{name}.toml", "mappings/team.toml"])
    proposal = init_live.ask(asked, *init_live.process_and_team(root, preset or PRESET))
    files = first | _proposed(proposal, placed)
    write_files(root, files)
    init_live.say(proposal, placed, [*(str(root / place) for place in files), schemas_of(root)], folder, as_json)


def _new_from_live(
    root: Path, folder: Path | None, wanted: list[Wanted], name: str, preset: str, as_json: bool
) -> None:
    """A new workspace, one connection of which is asked before anything is written."""
    from instep.mapping.load import read_preset
    from instep.model.team import Team

    one = next((one for one in wanted if one.name == name), None)
    if one is None:
        raise click.UsageError(f'--from names "{name}", which no --connection does.')
    files = workspace_files(root, wanted, preset)
    _refuse_to_overwrite(root, folder, files, wanted)
    table = {"path": str(one.path)} if one.path else {}
    asked = init_live.Asked(name, one.plugin, init_live.settings_of(one.plugin, name, table, root))
    proposal = init_live.ask(asked, read_preset(preset).read.process, Team(), None)
    placed = {file: file for file in (f"mappings/{name}.toml", "mappings/team.toml")}
    files |= _proposed(proposal, placed)
    write_files(root, files)
    init_live.say(proposal, placed, [*(str(root / file) for file in files), schemas_of(root)], folder, as_json)


def _proposed(proposal: Proposal, placed: Mapping[str, str]) -> dict[str, str]:
    """The proposed files by their places; a team that everyone is in already needs none."""
    texts = {f"mappings/{proposal.connection}.toml": proposal.mapping, "mappings/team.toml": proposal.team.text}
    kept = {name: text for name, text in texts.items() if name == placed[name] or not _says_nothing(name, proposal)}
    return {placed[name]: for_editors(name, text) for name, text in kept.items()}


def _says_nothing(name: str, proposal: Proposal) -> bool:
    return name == "mappings/team.toml" and not proposal.team.newcomers()


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
    from instep.mapping.connections import NAMING, is_connection_name
    from instep.plugins import find_plugin

    name, is_pair, rest = text.partition("=")
    connector, _, path = rest.partition(":")
    if not is_pair or not connector:
        raise click.UsageError(f'"{text}" is no connection. Write NAME=CONNECTOR or NAME=CONNECTOR:PATH.')
    if not is_connection_name(name):
        raise click.UsageError(f'"{name}" is a name that a connection cannot have. {NAMING}')
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


# --- what is said ---------------------------------------------------------------------------------------------------


def _refuse_to_overwrite(root: Path, folder: Path | None, files: Mapping[str, str], wanted: list[Wanted]) -> None:
    """Raises `ConfigError` where a file is there; of a workspace, with what to add to it by hand instead."""
    from instep.errors import ConfigError

    if (root / "sync.toml").exists():
        raise ConfigError("\n".join(_how_to_add(root, folder, wanted)))
    there = [str(root / name) for name in files if (root / name).exists()]
    if there:
        listed = "\n".join(f"  {name}" for name in there)
        raise ConfigError(
            f"These files are there already, and init never overwrites one:\n{listed}\n"
            "Nothing was written. Choose another folder, or move them away."
        )


def _how_to_add(root: Path, folder: Path | None, wanted: list[Wanted]) -> list[str]:
    """What to add to a workspace for these connections, and the commands that then propose their mapping."""
    from instep.mapping.load import read_workspace

    there = {config.name for config in read_workspace(root).connections}
    missing = [one for one in wanted if one.name not in there]
    tables = connection_tables(root, missing).splitlines()
    where = "" if folder in (None, Path()) else f" {folder}"
    return [
        f"{root / 'sync.toml'} is there already, and init never overwrites a file. Nothing was written.",
        *([f"To keep {', '.join(one.name for one in missing)} in step too, add to it:", ""] if missing else []),
        *(f"    {line}" if line else "" for line in tables),
        *([""] if missing else []),
        *(f"Then: instep init{where} --from {one.name}" for one in missing or wanted),
    ]


def _next_steps(folder: Path | None, wanted: list[Wanted]) -> list[str]:
    inside = f" --workspace {folder}" if folder not in (None, Path()) else ""
    sync_file = (folder or Path()) / "sync.toml"
    steps = []
    for one in wanted:
        settings, variables = missing_of(one)
        steps += [f"  in {sync_file}, [connections.{one.name}], give {', '.join(settings)}"] if settings else []
        steps += [f"  export {variable}=…" for variable in variables]
    return [
        *steps,
        f"  instep check{inside}",
        f"  instep doctor{inside}",
        *(f"  instep doctor{inside} --create-fields {one.name}" for one in wanted if one.plugin.look is None),
        f"  instep sync{inside}       (the first run only says what it would write)",
    ]
