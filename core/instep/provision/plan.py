"""A plan over every system's stages and fields: what would be done, what is lost, what is left for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.model.configuration import ListIds, Path
from instep.provision.diff import Compared, Wanted, compare
from instep.provision.forecast import forecast
from instep.provision.found import Found
from instep.provision.steps import Phase, Step
from instep.sync.health.finding import Finding


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """What is to be done in one system. `by_hand` are steps that no API does."""

    connection: str
    compared: Compared
    steps: tuple[Step, ...]
    by_hand: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def ids(self) -> dict[Path, ListIds]:
        """What is to be written into the file of ids before anything is done: what stands for what already."""
        return ids_of(self.compared)

    @property
    def adopted(self) -> list[str]:
        """What is there and was not managed before, and is from now on."""
        return list(_adopted(self.compared))

    @property
    def losses(self) -> list[str]:
        """What the system cannot hold, and what it holds instead."""
        found: dict[str, dict[str, None]] = {}
        for of in self.compared.lists:
            for one in of.expressed():
                if one.loss:
                    found.setdefault(one.loss, {})[of.title] = None
        return [f"{loss} in {_together(titles)}" for loss, titles in found.items()]

    @property
    def unlisted(self) -> list[str]:
        """Stages of managed lists that somebody added and no file names: they are left alone."""
        return list(_unlisted(self.compared))

    def counts(self) -> dict[str, int]:
        """How many steps of each kind."""
        counts: dict[str, int] = {}
        for step in self.steps:
            counts[step.action] = counts.get(step.action, 0) + 1
        return counts

    def as_json(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "counts": self.counts(),
            "steps": [step.as_json() for step in self.steps],
            "by_hand": [step.as_json() for step in self.by_hand],
            "adopted": self.adopted,
            "losses": self.losses,
            "unlisted": self.unlisted,
            "findings": [finding.as_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class ProvisionPlan:
    """What would be done in every system, and what that was computed from."""

    at: datetime
    made_from: Mapping[str, str]
    systems: tuple[SystemPlan, ...]

    @property
    def is_empty(self) -> bool:
        """Whether every system is as the files say, as far as the APIs go, and nobody added anything."""
        return not any(system.steps or system.adopted or system.unlisted for system in self.systems)

    @property
    def wrong(self) -> list[Finding]:
        """What has to be put right before anything is applied."""
        return [finding for system in self.systems for finding in system.findings if finding.level == "wrong"]

    @property
    def digest(self) -> str:
        """The same whenever the same steps are planned from the same systems and files."""
        steps = [[system.connection, [repr(step.identity) for step in system.steps]] for system in self.systems]
        return _digest([steps, sorted(self.made_from.items())])

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "made_from": dict(self.made_from),
            "digest": self.digest,
            "is_empty": self.is_empty,
            "systems": [system.as_json() for system in self.systems],
        }


def system_plan(wanted: Wanted, found: Found, findings: Iterable[Finding] = ()) -> SystemPlan:
    """Everything that is to be done in one system, phase by phase: each sees what those before it will have done."""
    compared = compare(wanted, found)
    steps: list[Step] = []
    by_hand: list[Step] = []
    world, left = found, compared.steps()
    for phase in Phase:
        now = [step for step in left if step.phase is phase]
        steps += [step for step in now if not step.by_hand]
        by_hand += [step for step in now if step.by_hand]
        if now:
            world = forecast(world, now)
            left = compare(wanted, world).steps()
    return SystemPlan(wanted.connection, compared, tuple(steps), tuple(by_hand), tuple(findings))


def ids_of(compared: Compared) -> dict[Path, ListIds]:
    """By which ids all is known now; lists that no file names any more keep theirs, unless another one has them."""
    held = {bound.pipeline.id for bound in compared.bounds if bound.pipeline is not None}
    paths = {bound.path for bound in compared.bounds}
    known_before = compared.wanted.configuration.ids
    ids = {path: one for path, one in known_before.items() if path in paths or one.pipeline not in held}
    for bound in reversed(compared.bounds):
        known = bound.now_known()
        if known.pipeline is not None or known.stages:
            ids[bound.path] = known
        else:
            ids.pop(bound.path, None)
    return ids


def digest_of_found(found: Found) -> str:
    """One number for what a system held, whatever the order of its answers."""
    return _digest(found.as_json())


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _adopted(compared: Compared) -> Iterator[str]:
    for bound in compared.bounds:
        is_new = bound.pipeline is not None and bound.wanted.pipeline is not None and bound.ids.pipeline is None
        known = [one for one in bound.stages if one.stage is not None and one.stage.active and not one.was_managed]
        stages = ", ".join(f'"{one.stage.label}" ({one.wanted.name})' for one in known if one.stage)
        if is_new or stages:
            yield f"{bound.title} of {bound.object}{f': {stages}' if stages else ''}"


def _together(titles: Iterable[str]) -> str:
    """A few titles in full; of many, how many."""
    found = list(titles)
    return ", ".join(found) if len(found) < 4 else f"{', '.join(found[:2])} and {len(found) - 2} more"


def _unlisted(compared: Compared) -> Iterator[str]:
    for bound in compared.bounds:
        stages = ", ".join(f'"{stage.label}"' for stage in bound.unlisted)
        if stages:
            yield f"{bound.title} of {bound.object}: {stages}"
