"""`instep init --from CONNECTION`: mapping and team as a live system suggests them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.errors import ConfigError
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.contract import Connection, ConnectorPlugin, Effects
    from instep.model.process import Process
    from instep.model.team import Team
    from instep.proposal.proposal import Proposal
    from instep.sync.transport import World


@dataclass(frozen=True, slots=True)
class Asked:
    """The connection that is asked: its name, connector and settings as files and environment have them."""

    name: str
    plugin: ConnectorPlugin[Any]
    settings: Any


def asked_connection(root: Path, name: str) -> Asked:
    """The connection of a workspace. Raises `ConfigError` if there is none, `AccessError` if it is not set up."""
    from instep.mapping.load import mistakes_error, read_workspace
    from instep.plugins import find_plugin

    reading = read_workspace(root)
    wrong = [mistake for mistake in reading.mistakes if mistake.file == "sync.toml" and mistake.code != "NO_MAPPING"]
    if wrong:
        raise mistakes_error(tuple(wrong))
    config = next((config for config in reading.connections if config.name == name), None)
    if config is None:
        known = ", ".join(config.name for config in reading.connections)
        where = "" if root == Path() else f" {root}"
        raise ConfigError(
            f'sync.toml has no connection "{name}". It has: {known}.\n'
            f"For what to add to it: instep init{where} --connection {name}=CONNECTOR"
        )
    plugin = find_plugin(config.plugin)
    return Asked(name, plugin, settings_of(plugin, name, dict(config.settings), root))


def settings_of(plugin: ConnectorPlugin[Any], name: str, table: dict[str, Any], root: Path) -> Any:
    """A connection's settings; a relative `path` is meant from the workspace. Raises `AccessError`."""
    from instep.mapping.wrong_settings import usable_settings

    if isinstance(table.get("path"), str):
        table["path"] = str(root / table["path"])
    return usable_settings(plugin.settings, name, table)


def process_and_team(root: Path, preset: str) -> tuple[Process, Team, str | None]:
    """A workspace's process and team, and the team's file as it is. Without a process, that of the preset.

    Raises `ConfigError` for mistakes in them.
    """
    from instep.mapping.load import mistakes_error, read_preset, read_process_of

    has_process = (root / "mappings/process.toml").exists()
    reading = read_process_of(root) if has_process else read_preset(preset)
    file = root / "mappings/team.toml"
    if reading.mistakes:
        raise mistakes_error(reading.mistakes)
    if not file.exists():
        return reading.read.process, reading.team, None
    if not has_process:
        raise ConfigError("There is a mappings/team.toml and no mappings/process.toml, which it needs. Write one.")
    text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    return reading.read.process, reading.team, text


def ask(asked: Asked, process: Process, team: Team, team_text: str | None) -> Proposal:
    """Read the live system, and propose. Writes nothing, here or there."""
    from instep.proposal.live import read_live
    from instep.proposal.proposal import objects_of, propose

    look = asked.plugin.look
    starter = look(asked.settings).mapping if look else asked.plugin.starter_mapping
    connection = _connect(asked)
    try:
        live = read_live(connection, objects_of(starter))
    finally:
        connection.close()
    return propose(asked.name, starter, process, live, team, team_text)


def effects_for(asked: Asked, world: World | None = None) -> Effects:
    """What the connector of a connection is handed outside a run: paced by its limits once it is connected."""
    from instep.sync.budget import NoBudget
    from instep.sync.pace import OwnPace
    from instep.sync.transport import CountingTransport, World, effects

    world = world or World()
    return effects(CountingTransport(asked.name, world, OwnPace(world.clock), NoBudget()), world)


def _connect(asked: Asked) -> Connection:
    found = effects_for(asked)
    connection = asked.plugin.connect(asked.settings, found)
    keep_limits(found, connection)
    return connection


def keep_limits(effects: Effects, connection: Connection) -> None:
    """Pace what passes by the limits of a connection."""
    from instep.sync.transport import CountingTransport

    if isinstance(effects.transport, CountingTransport):
        effects.transport.limits = connection.limits


# --- what is written -----------------------------------------------------------------------------------------------


def places(root: Path, names: list[str]) -> dict[str, str]:
    """Where each file is written: under its name, or beside the file that has it. Raises if both are there."""
    found = {}
    for name in names:
        beside = f"{name.removesuffix('.toml')}.proposed.toml"
        found[name] = beside if (root / name).exists() else name
        if found[name] == beside and (root / beside).exists():
            raise ConfigError(f"{root / beside} is there already. Take over what you like of it, and remove it.")
    return found


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write new files; one that is there is never overwritten."""
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)


# --- what is said --------------------------------------------------------------------------------------------------


def proposal_lines(proposal: Proposal, placed: Mapping[str, str]) -> list[str]:
    """Where it was written, how much was found, and what a person must decide."""
    lines = [
        f"{name} is there already, so the proposal is {place}" for name, place in placed.items() if name != place
    ]
    values = [guess for table in proposal.tables for guess in table.stages]
    ends = [guess for table in proposal.tables for guess in table.outcomes]
    lines += [
        f"stages: {sum(guess.stage is not None for guess in values)} of {len(values)} values",
        f"outcomes: {sum(guess.outcome is not None for guess in ends)} of {len(ends)}",
        f"fields: {sum(guess.field is not None for guess in proposal.fields)} of {len(proposal.fields)}",
        f"people: {len(proposal.team.people)}, {len(proposal.team.newcomers())} of them new",
        f"left out: {proposal.team.left_out} users who left, or are queues",
    ]
    if proposal.to_create:
        lines.append(f"to create: {', '.join(proposal.to_create)}")
    lines += ["", f"To decide: {len(proposal.questions)}"]
    return [plain(line) for line in [*lines, *(f"  {question}" for question in proposal.questions)]]


def next_steps(proposal: Proposal, folder: Path | None, placed: Mapping[str, str]) -> list[str]:
    """What to do then, on stderr."""
    inside = f" --workspace {folder}" if folder not in (None, Path()) else ""
    create = [f"  instep doctor --create-fields {proposal.connection}{inside}"] if proposal.to_create else []
    take = [f"  take over what you like of {place}" for name, place in placed.items() if name != place]
    return [*take, f"  instep check{inside}", *create, f"  instep doctor{inside}"]


def say(proposal: Proposal, placed: Mapping[str, str], wrote: list[str], folder: Path | None, as_json: bool) -> None:
    """Print the result, and talk of the next steps."""
    if as_json:
        from instep.cli.output import print_json
        from instep.proposal.proposal import as_json as content

        print_json("init", {**content(proposal), "wrote": wrote})
        return
    click.echo("\n".join([*(f"wrote {place}" for place in wrote), *proposal_lines(proposal, placed)]))
    click.echo("\n".join(["", "Next:", *next_steps(proposal, folder, placed)]), err=True)
