"""`instep process`: look at the buying process, judge it, and see which system shows which stage."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from instep.mapping.load import ProcessReading, read_preset, read_process_file, read_process_of, read_workspace
from instep.mapping.mistakes import Mistake, suggestion
from instep.mapping.preset import preset_names, preset_text
from instep.model.values import plain

if TYPE_CHECKING:
    from instep.mapping.coverage import Coverage
    from instep.mapping.lint import Finding
    from instep.model.process import Behaviour, Process, Stage
    from instep.model.team import Team

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(command: F) -> F:
    """`--workspace`: the folder with `sync.toml`."""
    kind = click.Path(file_okay=False, path_type=Path)
    text = "The folder with sync.toml."
    return click.option("--workspace", "-w", type=kind, default=Path("."), show_default=".", help=text)(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


preset_option = click.option(
    "--preset", type=click.Choice(preset_names()), help="A shipped process instead of yours."
)


@click.group()
def process() -> None:
    """Look at the buying process, judge it, and see which system shows which stage."""


@process.command()
@workspace_option
@preset_option
@click.option("--segment", help="The process as buyers of this segment go through it.")
@click.option("--owners", is_flag=True, help="Who owns the buyer at each stage, segment by segment.")
@json_option
def show(workspace: Path, preset: str | None, segment: str | None, owners: bool, as_json: bool) -> None:
    """Print the stages in order, and under each the behaviours that prove it."""
    reading = _read(workspace, preset)
    found = reading.read.process
    known = [candidate.key for candidate in found.segments]
    if segment is not None and segment not in known:
        raise click.BadParameter(
            f'There is no segment "{segment}". {suggestion(segment, known)}', param_hint="--segment"
        )
    if owners:
        _print_owners(found, reading.team, as_json)
    elif as_json:
        print_json(_process_json(found, segment))
    else:
        click.echo("\n".join(_process_lines(found, segment)))


@process.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@workspace_option
@preset_option
@json_option
def lint(file: Path | None, workspace: Path, preset: str | None, as_json: bool) -> None:
    """Say what is weak about a process: of this workspace, of FILE, or of a preset. Exit 1 if anything is."""
    from instep.mapping.lint import lint_process, seller_share

    reading = _read(workspace, preset, file)
    findings = lint_process(reading.read.process, reading.team)
    steps, total = seller_share(reading.read.process)
    if as_json:
        found = [{**finding.as_json(), **_where(reading, finding)} for finding in findings]
        print_json({"findings": found, "seller_acts": {"steps": steps, "of": total}})
    else:
        for finding in findings:
            where = _where(reading, finding)
            place = f"{where['file']}:{where['line']}: " if where["line"] else ""
            click.echo(plain(f"{place}{finding.code} {finding.place} {finding.problem}. {finding.remedy}"))
        if steps:
            click.echo(f"{steps} of {total} steps are seller actions.")
        click.echo(f"{_count(len(findings), 'finding')}." if findings else "Nothing found.", err=True)
    if findings:
        raise click.exceptions.Exit(1)


@process.command()
@click.argument("name", required=False, type=click.Choice(preset_names()))
@json_option
def preset(name: str | None, as_json: bool) -> None:
    """List the processes that ship with Instep, or print NAME as a file to start from."""
    presets = {key: read_preset(key).read.process for key in ((name,) if name else preset_names())}
    if as_json:
        print_json({"presets": [{"text": preset_text(key), **_process_json(presets[key])} for key in presets]})
    elif name:
        click.echo(preset_text(name), nl=False)
    else:
        rows = [(key, _count(len(p.stages), "stage"), _about(key)) for key, p in presets.items()]
        click.echo("\n".join(table_lines(("Preset", "", ""), rows)))


@process.command()
@workspace_option
@json_option
def coverage(workspace: Path, as_json: bool) -> None:
    """Print which stage shows as what in which system, and the stages that show nowhere."""
    from instep.mapping.coverage import coverage_of

    reading = read_workspace(workspace)
    if reading.workspace is None:
        stop_for(reading.mistakes)
    else:
        found = coverage_of(reading.workspace)
        if as_json:
            print_json(found.as_json())
        else:
            click.echo("\n".join(coverage_lines(found)))


# --- shared with `check` -----------------------------------------------------------------------------------------


def print_json(content: dict[str, Any]) -> None:
    click.echo(json.dumps({"format_version": 1, **content}, indent=2, ensure_ascii=False))


def print_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Every mistake on stderr, a blank line between files."""
    before = mistakes[0].file if mistakes else ""
    for mistake in mistakes:
        click.echo(f"\n{mistake}" if mistake.file != before else str(mistake), err=True)
        before = mistake.file
    files = len({mistake.file for mistake in mistakes})
    click.echo(f"\n{_count(len(mistakes), 'mistake')} in {_count(files, 'file')}.", err=True)


def stop_for(mistakes: Sequence[Mistake]) -> None:
    """Print the mistakes and leave with exit code 1."""
    print_mistakes(mistakes)
    raise click.exceptions.Exit(1)


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns as wide as they need to be."""
    cells = [[plain(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def coverage_lines(found: Coverage) -> list[str]:
    """The matrix, then each connection's share and holes."""
    rows = [[stage, *(str(column.cells[stage]) for column in found.columns)] for stage in found.stages]
    lines = table_lines(["Stage", *(column.label for column in found.columns)], rows)
    holes, degraded = found.holes(), found.degraded()
    for connection in found.connections():
        spelled, total = found.share(connection)
        lines += ["", plain(f"{connection} spells {spelled} of {total} stages.")]
        earlier = [f"{stage} (as {shown})" for stage, where, shown in degraded if where == connection]
        missing = [stage for stage, where in holes if where == connection]
        lines += [plain(f"  shown as an earlier stage: {', '.join(earlier)}")] if earlier else []
        lines += [plain(f"  holes: {', '.join(missing)}")] if missing else []
    return lines


# --- reading and showing -----------------------------------------------------------------------------------------


def _read(workspace: Path, preset: str | None, file: Path | None = None) -> ProcessReading:
    """The process that was asked for. Seller's acts as entries are left for lint to judge."""
    if preset:
        reading = read_preset(preset)
    elif file:
        reading = read_process_file(file, str(file))
    else:
        reading = read_process_of(workspace)
    mistakes = [mistake for mistake in reading.mistakes if mistake.code != "SELLER_ENTRY"]
    if mistakes:
        stop_for(mistakes)
    return reading


def _where(reading: ProcessReading, finding: Finding) -> dict[str, Any]:
    file, line = reading.read.places.get(finding.place, ("", 0))
    return {"file": file, "line": line}


def _process_lines(process: Process, segment: str | None) -> list[str]:
    stages = process.stages_of(segment)
    title = f"{process.key}, segment {segment}" if segment else process.key
    lines = [plain(f"{title}: {_count(len(stages), 'stage')}")]
    width = max((len(stage.label) for stage in stages), default=0)
    half = None
    for place, stage in enumerate(stages, 1):
        if stage.half is not half:
            half = stage.half
            lines += ["", half.value.capitalize()]
        lines.append(plain(f"{place:>4}  {stage.label.ljust(width)}  {_stage_facts(stage)}").rstrip())
        lines += [f"        {line}" for line in _behaviour_lines(process, stage)]
    return lines


def _stage_facts(stage: Stage) -> str:
    days = _count(stage.expected_days, "day") if stage.expected_days else ""
    facts = (stage.role.value if stage.role else "nobody", days, "not looking" if stage.latent else "")
    return ", ".join(fact for fact in facts if fact)


def _behaviour_lines(process: Process, stage: Stage) -> list[str]:
    rows = []
    for behaviour in entering(process, stage):
        together = "all of these" if behaviour.key in stage.enter.all else ""
        rows.append((behaviour.label, behaviour.actor.value, f"weight {behaviour.weight}", together))
    return table_lines(("",) * 4, rows)[1:]


def entering(process: Process, stage: Stage) -> list[Behaviour]:
    """The behaviours that enter a stage, in the order of the file."""
    return [behaviour for behaviour in process.behaviours if behaviour.key in stage.enter.behaviours]


def _process_json(process: Process, segment: str | None = None) -> dict[str, Any]:
    stages = [_stage_json(process, stage) for stage in process.stages_of(segment)]
    return {"process": process.key, "segment": segment, "stages": stages}


def _stage_json(process: Process, stage: Stage) -> dict[str, Any]:
    behaviours = [
        {
            "key": behaviour.key,
            "label": behaviour.label,
            "actor": behaviour.actor,
            "weight": behaviour.weight,
            "needed": "all" if behaviour.key in stage.enter.all else "any",
        }
        for behaviour in entering(process, stage)
    ]
    return {
        "key": stage.key,
        "label": stage.label,
        "half": stage.half,
        "role": stage.role,
        "expected_days": stage.expected_days,
        "win_probability": stage.win_probability,
        "latent": stage.latent,
        "behaviours": behaviours,
    }


def _print_owners(process: Process, team: Team, as_json: bool) -> None:
    from instep.mapping.ownership import columns_of, owners_grid

    cells = owners_grid(process, team)
    if as_json:
        rows = [{"stage": c.stage, "segment": c.segment, "role": c.role, "people": list(c.people)} for c in cells]
        print_json({"owners": rows})
        return
    columns = columns_of(process)
    found = {(cell.stage, cell.segment): cell for cell in cells}
    lines = []
    for stage in dict.fromkeys(cell.stage for cell in cells):
        row = [found.get((stage, segment)) for segment in columns]
        shown = [f"{cell.role or 'nobody'}: {', '.join(cell.people) or '—'}" if cell else "" for cell in row]
        lines.append([stage, *shown])
    everyone = "everyone else" if process.segments else "everyone"
    head = ["Stage", *(segment or everyone for segment in columns)]
    click.echo("\n".join(table_lines(head, lines)))


def _about(name: str) -> str:
    import tomllib

    return str(tomllib.loads(preset_text(name))["about"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
