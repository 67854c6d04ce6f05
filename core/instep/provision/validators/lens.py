"""Whether every table of stages is a lawful lens in the words that records hold, and not only in the files'."""

from __future__ import annotations

from collections.abc import Iterator

from instep.model.process import Process
from instep.model.stagetable import StageTable
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    process = view.workspace.process
    for entity in view.live.mapping.entities.values():
        for table in (one for one in entity.tables() if not one.unmade):
            for stage in _broken(table, process):
                what = f"{stage}, written as {table.word(table.values[stage])}, would not be read as {stage} again"
                remedy = (
                    f"Say in lands_on which stage that value means, or look at mappings/{view.live.name}.ids.toml."
                )
                yield view.finding("lens-broken", what, remedy)


def _broken(table: StageTable, process: Process) -> Iterator[str]:
    for stage in table.values:
        value = table.put(stage, process)
        landed = None if value is None else table.get(value, None, process)
        if (
            value is None
            or table.get(value, stage, process) != stage
            or landed is None
            or table.put(landed, process) != value
        ):
            yield stage
