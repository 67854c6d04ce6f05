"""Guards in absolute numbers: a configuration is small, and a share of it says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instep.contract import ChangeStage, OfferStages, RelabelPipeline, RetireStage
from instep.errors import PluginError
from instep.mapping.compiled import Guards
from instep.provision.plan import ProvisionPlan, SystemPlan
from instep.provision.steps import MoveRecords
from instep.sync.moving import Move, surprises
from instep.sync.session import Session


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that a plan goes beyond."""

    connection: str
    what: str
    count: int
    most: int

    def __str__(self) -> str:
        return f"{self.connection}: {self.count:,} {self.what}, and at most {self.most:,} are allowed at once"


def breaches(guards: Guards, plan: ProvisionPlan) -> Iterator[Breach]:
    """The limits of `[guards.provision]` that a plan goes beyond, in each system."""
    limits = guards.provision
    for system in plan.systems:
        counted = {
            "stages are changed": (_count(system, ChangeStage, RelabelPipeline), limits.changes),
            "stages are retired": (len(_retired(system)), limits.retires),
            "records are moved": (_moved(system), limits.moves),
        }
        for what, (count, most) in counted.items():
            if most is not None and count > most:
                yield Breach(system.connection, what, count, most)


def moving_too_many(session: Session, plan: ProvisionPlan) -> list[object]:
    """What would stop a sync that moves as many records: nothing where none has run yet."""
    moves = [
        move_of(session, system.connection, step.doing)
        for system in plan.systems
        for step in system.steps
        if isinstance(step.doing, MoveRecords)
    ]
    return list(surprises(session, moves)) if moves else []


def move_of(session: Session, connection: str, doing: MoveRecords) -> Move:
    """A move of records as the part that does it wants it. Raises `PluginError` if they are not mapped."""
    mapping = session.mapping(connection, doing.object)
    if mapping is None:
        raise PluginError(f"{doing.object} is not mapped, so its records cannot be moved.")
    tables = [table for table in mapping.tables() if doing.pipeline is not None and table.pipeline == doing.pipeline]
    within = next(((one.pipeline_field, doing.pipeline) for one in tables if one.pipeline_field), None)
    place = (connection, doing.object, doing.field, doing.stage, doing.to)
    return Move(*place, doing.records, mapping.kind, within)  # type: ignore[arg-type]


def _count(system: SystemPlan, *kinds: type) -> int:
    return sum(isinstance(step.doing, kinds) and step.is_managed for step in system.steps)


def _retired(system: SystemPlan) -> set[str]:
    """The stages that are retired, or that a pipeline offers no more: each once."""
    found: set[str] = set()
    for step in system.steps:
        if isinstance(step.doing, RetireStage):
            found.add(step.doing.id)
        elif isinstance(step.doing, OfferStages):
            found |= {*step.doing.withdrawn}
    return found


def _moved(system: SystemPlan) -> int:
    return sum(len(step.doing.records) for step in system.steps if isinstance(step.doing, MoveRecords))
