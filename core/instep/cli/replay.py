"""`instep replay --with FILE…`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from instep.cli.instants import as_day
from instep.cli.output import Progress, print_json, talk
from instep.cli.process import json_option, workspace_option
from instep.cli.reports import NewFile

if TYPE_CHECKING:
    from instep.sync.transport import World


def world() -> World:
    """Where the connectors come from."""
    from instep.sync.transport import World

    return World()


@click.command()
@click.option(
    "--with",
    "files",
    multiple=True,
    metavar="FILE",
    help="A changed file, by its own name (drafts/scoring.toml), or as NAME=FILE. May be given several times.",
)
@click.option(
    "--on", callback=as_day, metavar="DATE", help="With the version of the process that is in force on that day."
)
@click.option("--markdown", type=NewFile(), help="Write a report to a file, too.")
@click.option("--show-values", is_flag=True, help="Name people in the Markdown report.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if anything would differ.")
@workspace_option
@json_option
def replay(
    files: tuple[str, ...],
    on: date | None,
    markdown: Path | None,
    show_values: bool,
    detailed_exitcode: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Say what changed files would have made of everybody: who would move, and what would be written where.

    Runs them over the stored history, as of the last run. Asks no system and changes nothing.
    """
    from instep.cli.replay_view import replay_markdown, replay_text
    from instep.mapping.load import load_workspace
    from instep.sync.replay import replay as replay_files
    from instep.sync.replay.files import replacements

    if not files and on is None:
        raise click.UsageError("Name what to replay: --with FILE, or --on DATE for another version of the process.")
    loaded, progress = load_workspace(workspace), Progress(quiet=as_json)
    found = replay_files(loaded, world(), replacements(workspace, files), today=on, progress=progress)
    progress.end()
    if markdown is not None:
        markdown.write_text(replay_markdown(found, values=show_values), encoding="utf-8")
    if as_json:
        print_json("replay", found.as_json())
    else:
        click.echo(replay_text(found))
        talk("Nothing was written, here or anywhere else.")
    if detailed_exitcode and not found.tally.is_empty:
        raise click.exceptions.Exit(2)
