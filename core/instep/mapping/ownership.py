"""Who owns the buyer where: every stage against every segment, with the people who may be given one."""

from __future__ import annotations

from dataclasses import dataclass

from instep.mapping.process import every_stage
from instep.model.process import Process, Role, Stage
from instep.model.rules import Always
from instep.model.team import Team


@dataclass(frozen=True, slots=True)
class OwnerCell:
    """One stage for one segment; `segment` is None for buyers outside every segment."""

    stage: str
    segment: str | None
    role: Role | None
    people: tuple[str, ...]
    """Names in file order: the first who is not away is given the buyer."""


def columns_of(process: Process) -> tuple[str | None, ...]:
    """The segments, and None for everyone else, unless the last segment takes everyone."""
    keys = tuple(segment.key for segment in process.segments)
    takes_all = bool(process.segments) and process.segments[-1].when in (None, Always())
    return keys if takes_all else (*keys, None)


def owners_grid(process: Process, team: Team) -> tuple[OwnerCell, ...]:
    """Every cell, stage by stage. A segment that does not go through a stage has no cell there."""
    cells = []
    stages = {stage.key: stage for stage in reversed(every_stage(process))}
    for key in sorted(stages, key=process.order().__getitem__):
        for segment in columns_of(process):
            stage = next((stage for stage in process.stages_of(segment) if stage.key == key), None)
            if stage:
                cells.append(OwnerCell(key, segment, stage.role, _people(team, stage, segment)))
    return tuple(cells)


def _people(team: Team, stage: Stage, segment: str | None) -> tuple[str, ...]:
    """Who is there for the stage's role; a holiday does not leave it without an owner."""
    return tuple(
        owner.name
        for owner in team.owners
        if owner.active and stage.role in owner.roles and (not owner.segments or segment in owner.segments)
    )
