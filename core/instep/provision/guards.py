"""Guards in absolute numbers: a configuration is small, and a share of it says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instep.mapping.compiled import Guards
from instep.provision.plan import ProvisionPlan, SystemPlan
from instep.provision.steps import MoveRecords, Phase


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
            "stages are changed": (_count(system, Phase.CHANGE), limits.changes),
            "stages are retired": (_count(system, Phase.RETIRE), limits.retires),
            "records are moved": (_moved(system), limits.moves),
        }
        for what, (count, most) in counted.items():
            if most is not None and count > most:
                yield Breach(system.connection, what, count, most)


def _count(system: SystemPlan, phase: Phase) -> int:
    return sum(step.phase is phase and step.is_managed for step in system.steps)


def _moved(system: SystemPlan) -> int:
    return sum(len(step.doing.records) for step in system.steps if isinstance(step.doing, MoveRecords))
