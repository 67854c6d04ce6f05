"""`instep check`: everything that can be known to be wrong without asking any system."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from instep.cli.output import CODES_HINT, mistake_line, print_json, talk
from instep.cli.process import json_option, workspace_option
from instep.cli.process_versions import in_force_json, in_force_lines
from instep.cli.process_view import coverage_lines, print_mistakes, share_lines
from instep.mapping.coverage import coverage_of
from instep.mapping.load import read_workspace
from instep.mapping.mistakes import Mistake, ordered
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.mapping.compiled import Workspace
    from instep.mapping.connection_settings import FindPlugin


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check: a workspace if it may be used, all mistakes, and notes that stop nothing."""

    workspace: Workspace | None
    mistakes: tuple[Mistake, ...]
    notes: tuple[Mistake, ...]
    to_come: tuple[Workspace, ...] = ()
    """The same files with each version of the process that is not in force yet."""


def check_workspace(root: Path, find_plugin: FindPlugin | None = None) -> Checked:
    """Check the files in a folder, and with `find_plugin` each connection's settings too."""
    reading = read_workspace(root)
    mistakes, notes = reading.mistakes, reading.notes
    if find_plugin and reading.sync_file:
        from instep.mapping.connection_settings import check_objects, check_settings

        found = [check_settings(reading.connections, reading.sync_file, find_plugin)]
        if reading.workspace is not None:
            found.append(check_objects(reading.workspace, reading.sync_file, find_plugin))
        mistakes = ordered((*mistakes, *(one for more, _ in found for one in more)))
        notes = ordered((*notes, *(one for _, more in found for one in more)))
    if reading.workspace is not None:
        from instep.mapping.sharedkeys import missing_shared_keys

        notes = ordered(
            (*notes, *missing_shared_keys(reading.workspace), *_moves_from_nowhere(root, reading.workspace))
        )
    good = None if mistakes else reading.workspace
    return Checked(good, mistakes, notes, tuple(_to_come(root, good)) if good else ())


def _moves_from_nowhere(root: Path, workspace: Workspace) -> list[Mistake]:
    """Without a state nobody can know: the stage may be one that the process had before it was written anew."""
    if not workspace.store.is_file() or not any(version.process.moved for version in workspace.versions):
        return []
    from instep.mapping.moves import moves_from_nowhere
    from instep.store import Store
    from instep.sync.stagekeys import never_held

    with Store(workspace.store) as store:
        return moves_from_nowhere(root, workspace.versions, partial(never_held, store))


def _to_come(root: Path, workspace: Workspace) -> Iterator[Workspace]:
    """The workspace as it will be from the first day of every later version on."""
    for version in workspace.versions[workspace.versions.index(workspace.version) + 1 :]:
        later = read_workspace(root, version.effective).workspace
        if later is not None:
            yield later


@click.command()
@workspace_option
@click.option("--files-only", is_flag=True, help="Leave settings unchecked, so that no plugin is needed.")
@json_option
def check(workspace: Path, files_only: bool, as_json: bool) -> None:
    """Check all files of a workspace together, without asking any system. Exit 1 if anything is wrong."""
    checked = check_workspace(workspace, None if files_only else _find_plugin)
    if as_json:
        print_json("check", _checked_json(checked))
    else:
        _print(checked)
    if checked.workspace is None:
        sys.exit(1)


def _find_plugin(name: str) -> Any:
    from instep.plugins import find_plugin

    return find_plugin(name)


def _print(checked: Checked) -> None:
    for note in checked.notes:
        click.echo(f"note: {mistake_line(note)}", err=True)
    if checked.workspace is None:
        print_mistakes(checked.mistakes)
        return
    click.echo(f"Nothing is wrong. {_summary(checked.workspace)}")
    if in_force := in_force_lines(checked.workspace):
        click.echo("\n".join(in_force))
    click.echo("\n".join(["", *coverage_lines(coverage_of(checked.workspace))]))
    for later in checked.to_come:
        click.echo("\n".join(["", *later_lines(later)]))
    if checked.notes:
        talk(CODES_HINT)


def later_lines(workspace: Workspace) -> list[str]:
    """What the systems will show of the stages of a version that is to come."""
    version = workspace.version
    head = plain(f"From {version.effective} on, with {version.file}:")
    return [head, *(f"  {line}" for line in share_lines(coverage_of(workspace)))]


def _summary(workspace: Workspace) -> str:
    process = workspace.process
    names = ", ".join(workspace.connection_names)
    return (
        f"Stages: {len(process.stages)}, behaviours: {len(process.behaviours)}, segments: {len(process.segments)}, "
        f"people: {len(workspace.team.owners)}, connections: {names}."
    )


def _checked_json(checked: Checked) -> dict[str, Any]:
    found = checked.workspace
    return {
        "ok": found is not None,
        "mistakes": [mistake.as_json() for mistake in checked.mistakes],
        "notes": [note.as_json() for note in checked.notes],
        "digest": found.digest if found else None,
        "coverage": coverage_of(found).as_json() if found else None,
        "versions": in_force_json(found) if found else [],
        "to_come": [{"file": one.version.file, "coverage": coverage_of(one).as_json()} for one in checked.to_come],
    }
