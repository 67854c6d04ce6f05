"""Drift: what was applied once, and is not so any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from instep.provision.plan import ProvisionPlan, SystemPlan
from instep.provision.steps import Difference, Step


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that somebody changed in a system. Differences are as the files say, and as it is there."""

    connection: str
    kind: Literal["changed", "gone", "added"]
    what: str
    differences: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        changed = [
            {"what": d.what, "files": _packed(d)["after"], "there": _packed(d)["before"]} for d in self.differences
        ]
        return {"connection": self.connection, "kind": self.kind, "what": self.what, "differences": changed}


def _packed(difference: Difference) -> dict[str, Any]:
    return difference.as_json()


def drift_of(plan: ProvisionPlan) -> list[Drift]:
    """Every system's drift, in the order of the plan."""
    return [one for system in plan.systems for one in _of_system(system)]


def _of_system(system: SystemPlan) -> Iterator[Drift]:
    managed = set(system.compared.wanted.configuration.ids)
    for step in (*system.steps, *system.by_hand):
        if step.is_managed and (not step.paths or managed & set(step.paths)):
            yield Drift(system.connection, _kind(step), _what(step), step.differences)
    for unlisted in system.unlisted:
        yield Drift(system.connection, "added", f"{unlisted}: in no file")


def _kind(step: Step) -> Literal["changed", "gone"]:
    return "gone" if step.action in ("add-stage", "add-pipeline", "add-field") else "changed"


def _what(step: Step) -> str:
    return f"{step.target} is not {'there any more' if _kind(step) == 'gone' else 'as the files say'}"
