"""Stages of the process that no list of a system shows as themselves: people there see an earlier one instead."""

from __future__ import annotations

from collections.abc import Iterator

from instep.model.entities import Kind
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    process = view.workspace.process
    lists = view.plan.compared.wanted.configuration.lists
    for kind in Kind:
        tables = [wanted for wanted in lists if wanted.kind is kind]
        shown = {key.name for wanted in tables for stage in wanted.stages for key in stage.keys}
        order = list(process.order())
        places = [order.index(stage) for stage in shown if stage in order]
        within = order[min(places) : max(places) + 1] if places else []
        if missing := [stage for stage in within if stage not in shown]:
            what = f"{kind}: no value of its own for {', '.join(missing)}: shown as the nearest earlier stage"
            yield view.finding("stage-unshown", what, "Add it to values if people there should see it.", "warning")
