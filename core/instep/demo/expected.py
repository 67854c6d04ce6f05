"""What people should see of the files in a system, told apart from what its boards show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instep.demo.hands import Board
from instep.demo.scene import Deal
from instep.mapping.compiled import Workspace
from instep.model.configuration import WantedList

ROUNDING = 0.05
"""By how much a system's probability may differ from that of the process: some know only tenths."""


def pipelines(workspace: Workspace, connection: str) -> list[WantedList]:
    """The pipelines that the files name."""
    return [one for one in workspace.configuration[connection].lists if one.pipeline is not None]


def label(wanted: WantedList) -> str:
    """What people see as a pipeline's name."""
    return wanted.label or str(wanted.pipeline)


def of_segment(workspace: Workspace, connection: str, segment: str) -> WantedList:
    """The pipeline of a segment's deals."""
    return next(one for one in pipelines(workspace, connection) if one.path[-1] == segment)


def word(wanted: WantedList, key: str) -> str:
    """What people see as a stage's name; what is retired shows as the one that its records were sent to."""
    stage = wanted.stage(key) or wanted.stage(wanted.retire[key])
    return stage.spelled if stage else ""


def unlike(wanted: Iterable[WantedList], boards: Sequence[Board]) -> list[str]:
    """The pipelines that have other stages than the files name, in another order or with other probabilities."""
    found = {board.label: board for board in boards}
    return [label(one) for one in wanted if not _is_like(one, found.get(label(one)))]


def _is_like(wanted: WantedList, board: Board | None) -> bool:
    if board is None or [column.label for column in board.columns] != [stage.spelled for stage in wanted.stages]:
        return False
    shares = zip((column.probability for column in board.columns), wanted.stages, strict=True)
    return all(
        stage.probability is None or round(abs(shown - stage.probability), 3) <= ROUNDING for shown, stage in shares
    )


def misplaced(workspace: Workspace, connection: str, deals: Iterable[Deal], boards: Sequence[Board]) -> list[str]:
    """The deals that do not stand in the pipeline of their segment, at the word of their stage."""
    found = {deal: (b.label, column.label) for b in boards for column in b.columns for deal in column.deals}
    expected = {}
    for deal in deals:
        wanted = of_segment(workspace, connection, deal.segment)
        expected[deal.reference] = (label(wanted), word(wanted, deal.outcome or deal.stage))
    return sorted(one for one in {*found, *expected} if found.get(one) != expected.get(one))
