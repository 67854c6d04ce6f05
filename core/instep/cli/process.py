"""`instep process`: look at the buying process, judge it, and see which system shows which stage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from instep.cli.output import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from instep.mapping.load import ProcessReading

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(command: F) -> F:
    """`--workspace`: the folder with `sync.toml`."""
    kind = click.Path(file_okay=False, path_type=Path)
    text = "The folder with sync.toml."
    return click.option("--workspace", "-w", type=kind, default=Path("."), show_default=".", help=text)(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


DAY = click.DateTime(["%Y-%m-%d"])
"""A day, as `2027-01-01`."""


def at_option(command: F) -> F:
    """`--at`: another version of the process than the one that is in force."""
    text = "The version that is in force on this day; without it, today's."
    return click.option("--at", type=DAY, metavar="DATE", help=text)(command)


def preset_option(command: F) -> F:
    return click.option("--preset", metavar="NAME", help="A shipped process instead of yours.")(command)


@click.group()
def process() -> None:
    """Look at the buying process, judge it, and see which system shows which stage."""


@process.command()
@workspace_option
@preset_option
@click.option("--segment", help="The process as buyers of this segment go through it.")
@click.option("--owners", is_flag=True, help="Who owns the buyer at each stage, segment by segment.")
@at_option
@json_option
def show(
    workspace: Path, preset: str | None, segment: str | None, owners: bool, at: datetime | None, as_json: bool
) -> None:
    """Print the stages in order, and under each the behaviours that prove it."""
    from instep.cli import process_view as view

    reading = _read(workspace, preset, at=at)
    found = reading.read.process
    _check_segment(segment, [candidate.key for candidate in found.segments])
    if owners and as_json:
        print_json("process-owners", view.owners_json(found, reading.team))
    elif owners:
        click.echo("\n".join(view.owners_lines(found, reading.team)))
    elif as_json:
        print_json("process-show", {**view.process_json(found, segment), **_standing_json(workspace, reading)})
    else:
        click.echo("\n".join([*view.process_lines(found, segment), *_standing_lines(workspace, reading)]))


@process.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@workspace_option
@preset_option
@at_option
@json_option
def lint(file: Path | None, workspace: Path, preset: str | None, at: datetime | None, as_json: bool) -> None:
    """Say what is weak about a process: of this workspace, of FILE, or of a preset. Exit 1 if anything is."""
    from instep.cli.output import CODES_HINT, talk
    from instep.cli.process_view import finding_json, finding_line
    from instep.mapping.lint import lint_process, seller_share

    reading = _read(workspace, preset, file, at)
    places = reading.read.places
    findings = lint_process(reading.read.process, reading.team)
    steps, total = seller_share(reading.read.process)
    if as_json:
        found = [finding_json(finding, places) for finding in findings]
        print_json("process-lint", {"findings": found, "seller_acts": {"steps": steps, "of": total}})
    else:
        for finding in findings:
            click.echo(finding_line(finding, places))
        if steps:
            click.echo(f"{steps} of {total} steps are seller actions.")
        click.echo(f"Findings: {len(findings)}." if findings else "Nothing found.", err=True)
        if findings:
            talk(CODES_HINT)
    if findings:
        sys.exit(1)


@process.command()
@click.argument("name", required=False)
@json_option
def preset(name: str | None, as_json: bool) -> None:
    """List the processes and libraries of behaviours that ship with Instep, or print NAME as the file it is."""
    from instep.cli import process_shipped as view
    from instep.mapping.library import library_names
    from instep.mapping.preset import preset_names

    presets, libraries = preset_names(), library_names()
    if name:
        name = _known(name, (*presets, *libraries), "preset or library")
        presets, libraries = tuple({name} & {*presets}), tuple({name} & {*libraries})
    if as_json:
        print_json("process-preset", view.shipped_json(presets, libraries))
    elif name:
        click.echo(view.shipped_text(name), nl=False)
    else:
        click.echo("\n".join(view.shipped_lines(presets, libraries)))


@process.command()
@workspace_option
@click.option("--live", is_flag=True, help="Ask every system for its statuses, rather than look at what was read.")
@json_option
def coverage(workspace: Path, live: bool, as_json: bool) -> None:
    """Print which stage shows as what in which system, stages that show nowhere, and statuses that mean nothing."""
    from instep.cli import process_statuses as statuses
    from instep.cli import process_view as view
    from instep.mapping.coverage import coverage_of
    from instep.mapping.load import read_workspace

    reading = read_workspace(workspace)
    if reading.workspace is None:
        view.print_mistakes(reading.mistakes)
        sys.exit(1)
    found = coverage_of(reading.workspace)
    ask = statuses.unmapped_in_systems if live else statuses.unmapped_in_records
    unmapped = ask(reading.workspace)
    if as_json:
        print_json("process-coverage", {**found.as_json(), **view.statuses_json(unmapped, live)})
        return
    click.echo("\n".join(view.coverage_lines(found)))
    if unmapped is None:
        click.echo("\nNothing was read yet, so nothing is known of other statuses. --live asks for them.", err=True)
    else:
        click.echo("\n".join(view.status_lines(unmapped, live)))


@process.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
def crosswalk(source: str, target: str, as_json: bool) -> None:
    """Print which stages of one preset stand for which of another, and which of them cannot come back."""
    from instep.cli import process_crosswalk as view
    from instep.mapping.crosswalk import crosswalk as find

    found = find(_known_preset(source), _known_preset(target))
    if as_json:
        print_json("process-crosswalk", view.crosswalk_json(found))
    else:
        click.echo("\n".join(view.crosswalk_lines(found)))


@process.command()
@workspace_option
@click.option("--to", "target", required=True, metavar="PRESET", help="The preset to put the process on.")
@click.option("--write", is_flag=True, help="Write the changed files; without it, only say what would change.")
@json_option
def convert(workspace: Path, target: str, write: bool, as_json: bool) -> None:
    """Put this workspace's process on another preset, and say what a person must decide. Writes only with --write."""
    from instep.cli import process_crosswalk as view
    from instep.mapping.crosswalk_convert import plan_conversion, write_conversion

    found = plan_conversion(workspace, _known_preset(target))
    written = write and not found.mistakes
    if written:
        write_conversion(workspace, found)
    if as_json:
        print_json("process-convert", view.conversion_json(found, written=written))
    else:
        click.echo("\n".join(view.conversion_lines(found)))
    if not write:
        click.echo("Nothing was written. Repeat with --write to write the files.", err=True)
    elif written:
        click.echo(f"Wrote {', '.join(found.files)}.", err=True)
    else:
        click.echo("Nothing was written: check would refuse the result.", err=True)
        sys.exit(1)


@process.command()
@workspace_option
@json_option
def versions(workspace: Path, as_json: bool) -> None:
    """List the versions of the process: which is in force, which comes next, and what each one changes."""
    from instep.cli import process_versions as view

    found = view.read_listed(workspace)
    if as_json:
        print_json("process-versions", view.versions_json(found))
    else:
        click.echo("\n".join(view.versions_lines(found)))


@process.command()
@workspace_option
@click.option("--history", is_flag=True, required=True, help="Hold the process against the journeys that were won.")
@click.option("--from", "since", type=DAY, metavar="DATE", help="Only journeys that were won from this day on.")
@click.option(
    "--min", "fewest", type=click.IntRange(min=1), default=5, show_default=True, help="With fewer, say nothing."
)
@click.option(
    "--record", is_flag=True, help="Keep that this version was validated, when, and with how many journeys."
)
@at_option
@json_option
def validate(
    workspace: Path,
    history: bool,
    since: datetime | None,
    fewest: int,
    record: bool,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Replay the journeys that were won, and say which stages came out of order, were skipped, or are missing.

    Asks no system.
    """
    from instep.cli import process_validate as view

    days = [None if day is None else day.date() for day in (since, at)]
    found = view.held_against_history(workspace, days[0], fewest, days[1])
    recorded = record and found.is_enough
    if recorded:
        view.record(found)
    if as_json:
        print_json("process-validate", view.validation_json(found, recorded=recorded))
    else:
        click.echo("\n".join(view.validation_lines(found)))
    if record and not recorded:
        click.echo("Nothing was recorded: there are too few won journeys.", err=True)
    elif record:
        click.echo(f"Recorded: {found.version.file} was validated with {found.journeys} won journeys.", err=True)


def _standing_lines(workspace: Path, reading: ProcessReading) -> list[str]:
    from instep.cli import process_versions as view

    lines = view.standing_lines(workspace, reading.version, reading.versions) if reading.version else []
    return ["", *lines] if lines else []


def _standing_json(workspace: Path, reading: ProcessReading) -> dict[str, Any]:
    from instep.cli import process_versions as view

    return view.standing_json(workspace, reading.version)


def _read(
    workspace: Path, preset: str | None, file: Path | None = None, at: datetime | None = None
) -> ProcessReading:
    """The process that was asked for. Seller's acts as entries are left for lint to judge."""
    from instep.cli.process_view import print_mistakes
    from instep.mapping.load import read_preset, read_process_file, read_process_of

    if preset:
        reading = read_preset(_known_preset(preset))
    elif file:
        reading = read_process_file(file, str(file))
    else:
        reading = read_process_of(workspace, at.date() if at else None)
    mistakes = [mistake for mistake in reading.mistakes if mistake.code != "SELLER_ENTRY"]
    if mistakes:
        print_mistakes(mistakes)
        sys.exit(1)
    return reading


def _known_preset(name: str) -> str:
    from instep.mapping.preset import preset_names

    return _known(name, preset_names(), "preset")


def _known(name: str, known: tuple[str, ...], what: str) -> str:
    from instep.mapping.mistakes import suggestion

    if name not in known:
        raise click.BadParameter(f'There is no {what} "{name}". {suggestion(name, known)}')
    return name


def _check_segment(segment: str | None, known: list[str]) -> None:
    from instep.mapping.mistakes import suggestion

    if segment is not None and segment not in known:
        none = "" if known else "This process has none."
        problem = f'There is no segment "{segment}". {suggestion(segment, known, none)}'
        raise click.BadParameter(problem, param_hint="--segment")
