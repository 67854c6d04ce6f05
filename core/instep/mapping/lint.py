"""Whether a process is the buyer's: what reads well but would not work, or looks at the seller instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from instep.mapping.ownership import owners_grid
from instep.mapping.process import every_stage
from instep.model.process import Actor, Process, Role, Stage
from instep.model.team import Team

LEGS = {
    "marketing": frozenset({Role.MARKETING}),
    "sales": frozenset({Role.SALES}),
    "service": frozenset({Role.SERVICE, Role.SERVICES, Role.SUPPORT}),
}
"""The three legs that a process stands on, and the roles that count as each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One weakness of a process. `place` is a dotted name, such as `stages.decision`."""

    code: str
    place: str
    problem: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        return {"code": self.code, "place": self.place, "problem": self.problem, "remedy": self.remedy}


def lint_process(process: Process, team: Team | None = None) -> tuple[Finding, ...]:
    """Everything that is weak about a process; who owns what is looked at where there is a team."""
    findings = [*_inside_out(process), *_no_entry(process), *_no_stage(process), *_no_takeover(process)]
    findings += [*_missing_legs(process), *(_no_owner(process, team) if team and team.owners else ())]
    return tuple(dict.fromkeys(findings))


def seller_share(process: Process) -> tuple[int, int]:
    """How many of a process's steps rest on a seller's act, of how many: stages, or behaviours without any."""
    if not process.stages:
        return sum(b.actor is not Actor.BUYER for b in process.behaviours), len(process.behaviours)
    return sum(bool(_not_buyers(process, stage)) for stage in process.stages), len(process.stages)


def _inside_out(process: Process) -> Iterator[Finding]:
    for place, stage in _placed_stages(process):
        for key in _not_buyers(process, stage):
            yield _seller_finding(process, place, key)
    for behaviour in process.behaviours if not process.stages else ():
        if behaviour.actor is not Actor.BUYER:
            yield _seller_finding(process, f"behaviours.{behaviour.key}", behaviour.key)


def _seller_finding(process: Process, place: str, key: str) -> Finding:
    behaviour = process.behaviour(key)
    actor = behaviour.actor if behaviour else Actor.SELLER
    instead = behaviour.buyer_counterpart if behaviour else None
    remedy = (
        f'Use what the buyer does: "{instead}".' if instead else "Nothing that a buyer does stands for it: drop it."
    )
    return Finding("INSIDE_OUT", place, f'poses as a step, but "{key}" is what the {actor} does', remedy)


def _no_entry(process: Process) -> Iterator[Finding]:
    for place, stage in _placed_stages(process):
        if not stage.latent and not _of_buyers(process, stage) and not _not_buyers(process, stage):
            problem = "is entered by nothing that a buyer does"
            yield Finding("NO_ENTRY", place, problem, 'Add enter = { any = ["…"] }, or remove the stage.')


def _no_stage(process: Process) -> Iterator[Finding]:
    used = {key for stage in every_stage(process) for key in stage.enter.behaviours}
    for behaviour in process.behaviours:
        if behaviour.actor is Actor.BUYER and behaviour.key not in used and behaviour.library is None:
            problem = "belongs to no stage"
            remedy = "Name it in the enter of the stage that it proves, or remove it."
            yield Finding("NO_STAGE", f"behaviours.{behaviour.key}", problem, remedy)


def _no_takeover(process: Process) -> Iterator[Finding]:
    for prefix, stages in _lists(process):
        before: Stage | None = None
        for stage in stages:
            if stage.role is None and not stage.latent:
                yield Finding("NO_TAKEOVER", f"{prefix}.{stage.key}", _nobody(before), "Give the stage a role.")
            before = stage if stage.role else before


def _nobody(before: Stage | None) -> str:
    if before is None:
        return "is owned by nobody"
    return f'is owned by nobody: {before.role} stops at "{before.key}" and no role takes over'


def _missing_legs(process: Process) -> Iterator[Finding]:
    owning = {stage.role for stage in every_stage(process)}
    for leg, roles in LEGS.items() if process.stages else ():
        if not roles & owning:
            problem = f"leave {leg} out: it owns none of them"
            yield Finding("MISSING_LEG", "stages", problem, f"Give a stage one of these roles: {_joined(roles)}.")


def _no_owner(process: Process, team: Team) -> Iterator[Finding]:
    for cell in owners_grid(process, team):
        if cell.role and not cell.people:
            who = f'buyers of segment "{cell.segment}"' if cell.segment else "buyers outside every segment"
            who = who if process.segments else "buyers"
            problem = f"has nobody active in {cell.role} for {who}"
            yield Finding("NO_OWNER", f"stages.{cell.stage}", problem, "Add someone to mappings/team.toml.")


def _lists(process: Process) -> Iterator[tuple[str, tuple[Stage, ...]]]:
    yield "stages", process.stages
    for segment in process.segments:
        if segment.stages:
            yield f"segments.{segment.key}.stages", segment.stages


def _placed_stages(process: Process) -> Iterator[tuple[str, Stage]]:
    """Every stage with its place; a segment's stage only where it differs from the common one."""
    for prefix, stages in _lists(process):
        for stage in stages:
            if prefix == "stages" or stage not in process.stages:
                yield f"{prefix}.{stage.key}", stage


def _of_buyers(process: Process, stage: Stage) -> list[str]:
    return [key for key in _in_order(process, stage.enter.behaviours) if _actor(process, key) is Actor.BUYER]


def _not_buyers(process: Process, stage: Stage) -> list[str]:
    return [key for key in _in_order(process, stage.enter.behaviours) if _actor(process, key) is not Actor.BUYER]


def _in_order(process: Process, keys: Iterable[str]) -> list[str]:
    wanted = set(keys)
    return [behaviour.key for behaviour in process.behaviours if behaviour.key in wanted]


def _actor(process: Process, key: str) -> Actor | None:
    behaviour = process.behaviour(key)
    return behaviour.actor if behaviour else None


def _joined(roles: Iterable[Role]) -> str:
    return ", ".join(sorted(role.value for role in roles))
