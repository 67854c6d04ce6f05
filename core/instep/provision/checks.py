"""Checks of a plan: what has to be put right before anything is done, and what is worth a look."""

from __future__ import annotations

from instep.mapping.compiled import Workspace
from instep.provision.plan import SystemPlan
from instep.sync.session import Live


def check_system(workspace: Workspace, live: Live, plan: SystemPlan) -> SystemPlan:
    """The plan with everything that was found about it."""
    return plan
