"""What `instep process` and `instep check` print: text for people, JSON for machines, mistakes on stderr."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from instep.cli.output import CODES_HINT, mistake_line
from instep.mapping.coverage import Column, Coverage
from instep.mapping.lint import Finding
from instep.mapping.mistakes import Mistake
from instep.mapping.ownership import columns_of, owners_grid
from instep.mapping.statuses import Unmapped
from instep.model.entrywords import entry_words, span_words
from instep.model.process import Behaviour, Detour, Entry, Process, Stage
from instep.model.team import Team
from instep.model.values import amount, plain

WIDEST = 100
"""So many characters of a line a terminal surely shows without breaking it."""
Places = Mapping[str, tuple[str, int]]
"""Dotted places of a process to file and line."""


def print_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Every mistake on stderr, a blank line between files."""
    before = mistakes[0].file if mistakes else ""
    for mistake in mistakes:
        click.echo(("" if mistake.file == before else "\n") + mistake_line(mistake), err=True)
        before = mistake.file
    files = len({mistake.file for mistake in mistakes})
    click.echo(f"\n{amount(len(mistakes), 'mistake')} in {amount(files, 'file')}.", err=True)
    click.echo(CODES_HINT, err=True)


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns as wide as they need to be."""
    cells = [[plain(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def coverage_lines(found: Coverage) -> list[str]:
    """The matrix, in as many parts as it takes to be read, then each connection's share and holes."""
    lines: list[str] = []
    for columns in _parts(found):
        rows = [[stage, *(str(column.cells[stage]) for column in columns)] for stage in found.stages]
        lines += [*([""] if lines else []), *table_lines(["Stage", *(column.label for column in columns)], rows)]
    for connection in found.connections():
        lines += ["", *_share_lines(found, connection)]
    return lines


def _parts(found: Coverage) -> list[list[Column]]:
    """The columns, as many side by side as `WIDEST` has room for."""
    parts: list[list[Column]] = []
    room = 0
    for column in found.columns:
        width = 2 + max(map(len, [column.label, *map(str, column.cells.values())]))
        if not parts or width > room:
            parts.append([])
            room = WIDEST - max(map(len, ["Stage", *found.stages]))
        parts[-1].append(column)
        room -= width
    return parts


def share_lines(found: Coverage) -> list[str]:
    """Each connection's share and holes, without the matrix."""
    return [line for connection in found.connections() for line in _share_lines(found, connection)]


def _share_lines(found: Coverage, connection: str) -> list[str]:
    spelled, total = found.share(connection)
    lines = [plain(f"{connection} spells {spelled} of {total} stages.")]
    earlier = [f"{stage} (as {shown})" for stage, where, shown in found.degraded() if where == connection]
    missing = [stage for stage, where in found.holes() if where == connection]
    lines += [plain(f"  shown as an earlier stage: {', '.join(earlier)}")] if earlier else []
    return lines + ([plain(f"  holes: {', '.join(missing)}")] if missing else [])


def status_lines(unmapped: Mapping[str, Sequence[Unmapped]], live: bool) -> list[str]:
    """The statuses of each connection that no stage and no outcome stands for."""
    lines = []
    for connection, found in unmapped.items():
        if found:
            means = "means" if len(found) == 1 else "mean"
            many = amount(len(found), "status", "statuses")
            lines += ["", plain(f"{connection} has {many} that {means} nothing here:")]
            lines += [plain(f"  {one}") for one in found]
        else:
            where = "has" if live else "has in its records"
            lines += ["", plain(f"{connection}: every status that it {where} is mapped.")]
    return lines


def statuses_json(unmapped: Mapping[str, Sequence[Unmapped]] | None, live: bool) -> dict[str, Any]:
    """The same for machines; `statuses_from` is null where nothing is known."""
    known = None if unmapped is None else "systems" if live else "records"
    listed = [one.as_json() for found in (unmapped or {}).values() for one in found]
    return {"statuses_from": known, "unmapped": listed}


def process_lines(process: Process, segment: str | None) -> list[str]:
    """The stages in order, by halves, and under each the behaviours that enter it."""
    stages = process.stages_of(segment)
    title = f"{process.key}, segment {segment}" if segment else process.key
    lines = [plain(f"{title}: {amount(len(stages), 'stage')}")]
    width = max((len(stage.label) for stage in stages), default=0)
    half = None
    for place, stage in enumerate(stages, 1):
        if stage.half is not half:
            half = stage.half
            lines += ["", half.value.capitalize()]
        lines.append(plain(f"{place:>4}  {stage.label.ljust(width)}  {_stage_facts(stage)}").rstrip())
        lines += [f"        {line}" for line in _behaviour_lines(process, stage)]
        if _needs_words(stage.enter):
            lines.append(plain(f"        enters by {entry_words(stage.enter)}"))
    return lines + _detour_lines(process)


def _needs_words(entry: Entry) -> bool:
    """Whether a list of behaviours does not say how a stage is entered: acts are counted, or there are other ways."""
    return any(way.times > 1 or way.within is not None for way in entry.ways) or bool(entry.otherwise)


def _detour_lines(process: Process) -> list[str]:
    """Where journeys may wait beside the path."""
    width = max((len(detour.label) for detour in process.detours), default=0)
    lines = [plain(f"      {detour.label.ljust(width)}  {_detour_facts(detour)}") for detour in process.detours]
    return ["", "Beside the path", *lines] if lines else []


def _detour_facts(detour: Detour) -> str:
    role = detour.role.value if detour.role else "whoever owns the stage"
    begins = f"begins after {span_words(detour.after)} without an act" if detour.after is not None else ""
    ends = "ends by hand" if detour.ends_by_hand else "ends with the buyer's next act"
    return ", ".join(fact for fact in (role, begins, ends) if fact)


def _stage_facts(stage: Stage) -> str:
    days = amount(stage.expected_days, "day") if stage.expected_days else ""
    facts = (stage.role.value if stage.role else "nobody", days, "not looking" if stage.latent else "")
    return ", ".join(fact for fact in facts if fact)


def _behaviour_lines(process: Process, stage: Stage) -> list[str]:
    rows = []
    for behaviour in entering(process, stage):
        together = "all of these" if _is_needed_with_others(stage.enter, behaviour.key) else ""
        rows.append((behaviour.label, behaviour.actor.value, f"weight {behaviour.weight}", together))
    return table_lines(("",) * 4, rows)[1:]


def _is_needed_with_others(entry: Entry, behaviour: str) -> bool:
    """Whether a behaviour enters a stage only together with others, whichever way is taken."""
    return any(behaviour in way.all for way in entry.ways) and not any(behaviour in way.any for way in entry.ways)


def entering(process: Process, stage: Stage) -> list[Behaviour]:
    """The behaviours that enter a stage, in the order of the file."""
    return [behaviour for behaviour in process.behaviours if behaviour.key in stage.enter.behaviours]


def process_json(process: Process, segment: str | None = None) -> dict[str, Any]:
    """The same for machines."""
    stages = [_stage_json(process, stage) for stage in process.stages_of(segment)]
    detours = [_detour_json(detour) for detour in process.detours]
    return {"process": process.key, "segment": segment, "stages": stages, "detours": detours}


def _detour_json(detour: Detour) -> dict[str, Any]:
    return {
        "key": detour.key,
        "label": detour.label,
        "role": detour.role,
        "after_seconds": None if detour.after is None else int(detour.after.total_seconds()),
        "ends": "by-hand" if detour.ends_by_hand else "act",
    }


def _way_json(way: Entry) -> dict[str, Any]:
    within = None if way.within is None else int(way.within.total_seconds())
    return {"any": sorted(way.any), "all": sorted(way.all), "times": way.times, "within_seconds": within}


def _stage_json(process: Process, stage: Stage) -> dict[str, Any]:
    behaviours = [
        {
            **behaviour_json(behaviour),
            "needed": "all" if _is_needed_with_others(stage.enter, behaviour.key) else "any",
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
        "aliases": list(stage.aliases),
        "behaviours": behaviours,
        "ways": [_way_json(way) for way in stage.enter.ways if way.behaviours],
    }


def behaviour_json(behaviour: Behaviour) -> dict[str, Any]:
    """A behaviour for machines."""
    return {
        "key": behaviour.key,
        "label": behaviour.label,
        "actor": behaviour.actor,
        "weight": behaviour.weight,
    }


def owners_json(process: Process, team: Team) -> dict[str, Any]:
    """Who owns the buyer where, cell by cell."""
    cells = owners_grid(process, team)
    rows = [{"stage": c.stage, "segment": c.segment, "role": c.role, "people": list(c.people)} for c in cells]
    return {"owners": rows}


def owners_lines(process: Process, team: Team) -> list[str]:
    """Who owns the buyer where: a row for each stage, a column for each segment."""
    columns = columns_of(process)
    found = {(cell.stage, cell.segment): cell for cell in owners_grid(process, team)}
    rows = []
    for stage in dict.fromkeys(stage for stage, _ in found):
        row = [found.get((stage, segment)) for segment in columns]
        shown = [f"{cell.role or 'nobody'}: {', '.join(cell.people) or '—'}" if cell else "" for cell in row]
        rows.append([stage, *shown])
    everyone = "everyone else" if process.segments else "everyone"
    return table_lines(["Stage", *(segment or everyone for segment in columns)], rows)


def finding_json(finding: Finding, places: Places) -> dict[str, Any]:
    """A finding and where it is written."""
    file, line = places.get(finding.place, ("", 0))
    return {**finding.as_json(), "file": file, "line": line}


def finding_line(finding: Finding, places: Places) -> str:
    """A finding as people read it."""
    file, line = places.get(finding.place, ("", 0))
    place = f"{file}:{line}: " if line else ""
    return plain(f"{place}{finding.code} {finding.place} {finding.problem}. {finding.remedy}")
