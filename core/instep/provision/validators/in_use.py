"""Stages that are to be retired, and that records still hold: somebody has to say where these go."""

from __future__ import annotations

from collections.abc import Iterator

from instep.contract import Absent
from instep.provision.bind import Leftover
from instep.provision.lists import ListBound, staying
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        wanted = {bound.stage.id for bound in of.stages if bound.stage is not None}
        for leftover in of.leftovers:
            records = staying(view.plan.compared.found, of, leftover.stage)
            if records and leftover.stage.id not in wanted and leftover.to is None:
                yield _in_use(view, of, leftover, len(records))
            elif leftover.to is not None and not _can_write(view, of.object):
                yield _not_ours(view, of, leftover)


def _can_write(view: View, object: str) -> bool:
    records = view.live.parts.records
    return not isinstance(records, Absent) and view.live.mapping.entity_of(object) is not None


def _in_use(view: View, of: ListBound, leftover: Leftover, count: int) -> Finding:
    name = leftover.keys[0].name
    records = f"{count:,} records are" if count > 1 else "1 record is"
    what = f'stage "{leftover.stage.label}" ({name}) of {of.title} is wanted no more, and {records} in it'
    process = view.workspace.process
    listed = [key.name for bound in of.stages for key in bound.wanted.keys if process.has_stage(key.name)]
    nearest = process.at_or_before(name, listed) if process.has_stage(name) else None
    remedy = (
        f'Say where they go: retire = {{ {name} = "{nearest or "…"}" }} in that table, or [[moved]] in process.toml.'
    )
    return view.finding("stage-in-use", what, remedy)


def _not_ours(view: View, of: ListBound, leftover: Leftover) -> Finding:
    held = view.plan.compared.found.holders
    count = max((len(ids) for place, ids in held.items() if place[2] == leftover.stage.id), default=0)
    what = f'{count:,} {of.object} are in stage "{leftover.stage.label}" of {of.title}, and are not synced'
    remedy = "Move them there by hand, then plan again."
    return view.finding("stage-in-use", what, remedy, "wrong" if count else "warning")
