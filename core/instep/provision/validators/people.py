"""Roles that own a stage and have nobody."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    workspace = view.workspace
    staffed = {role for owner in workspace.team.owners if owner.active for role in owner.roles}
    lists = view.plan.compared.wanted.configuration.lists
    shown = {key.name for wanted in lists for stage in wanted.stages for key in stage.keys if not stage.outcome}
    owned: dict[str, list[str]] = {}
    for key in workspace.process.order():
        role = workspace.process.stage(key).role
        if key in shown and role is not None and role not in staffed and workspace.team.owners:
            owned.setdefault(role.value, []).append(key)
    for name, stages in owned.items():
        what = f"{name} owns {', '.join(stages)}, and nobody in team.toml has that role"
        yield view.finding("role-empty", what, "Add somebody, or give the stage to another role.", "warning")
