"""Checking a plan: what has to be put right before anything is done, and what is worth a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from instep.contract import Advice, ProposedConfiguration
from instep.mapping.compiled import Workspace
from instep.plugins import hooks
from instep.provision.plan import SystemPlan
from instep.provision.steps import ExtendField, MoveRecords
from instep.provision.validators import VALIDATORS
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding
from instep.sync.session import Live


def check_system(workspace: Workspace, live: Live, plan: SystemPlan) -> SystemPlan:
    """The plan with everything that was found about it, what is wrong first."""
    view = View(workspace, live, plan)
    found = [finding for validator in VALIDATORS for finding in validator(view)]
    found += _of_plugins(workspace, plan)
    return replace(plan, findings=tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.ok)))


def _of_plugins(workspace: Workspace, plan: SystemPlan) -> Iterator[Finding]:
    """What validators of plugins say, in their own words and codes."""
    proposed = proposed_configuration(plan)
    named = hooks(config.plugin for config in workspace.connections)
    for validators in named.hook.instep_validators():
        for validator in validators:
            for advice in validator(proposed):
                yield _finding(plan, advice)


def _finding(plan: SystemPlan, advice: Advice) -> Finding:
    return Finding(plan.connection, advice.code, advice.what, advice.level, advice.remedy)


def proposed_configuration(plan: SystemPlan) -> ProposedConfiguration:
    """A plan as plugins are shown it."""
    changes = tuple(step.doing for step in plan.steps if not isinstance(step.doing, ExtendField | MoveRecords))
    moved = sum(len(step.doing.records) for step in plan.steps if isinstance(step.doing, MoveRecords))
    return ProposedConfiguration(plan.connection, plan.compared.found.pipelines, changes, moved)
