"""One replay, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.store import Store, require_state
from instep.store.segments import DamagedError, Segments
from instep.sync.collecting import rare_collections
from instep.sync.guards import Breach, beyond_limits
from instep.sync.offline import Counted, offline
from instep.sync.replay.behaviours import table_of_behaviours
from instep.sync.replay.changed import Changed, changed
from instep.sync.replay.columns import Columns, by_columns_alone
from instep.sync.replay.files import Replacement, with_replacements
from instep.sync.replay.rows import replay_rows
from instep.sync.replay.tally import Tally
from instep.sync.session import Progress, Session, silent
from instep.sync.stagekeys import require_stages
from instep.sync.transport import World

FEW = 1_000
"""So few entities are replayed row by row: reading columns would take longer than it saves."""


@dataclass(slots=True)
class Replay:
    """What changed files would have made of everybody."""

    replaced: tuple[Replacement, ...]
    before: Workspace
    after: Workspace
    tally: Tally
    at: datetime = datetime.max.replace(tzinfo=UTC)
    """The moment of the last run, which is that of the replay."""
    beyond: tuple[Breach, ...] = ()
    """The limits that the next sync would go beyond by what the changed files make it write."""

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "with": [{"file": one.name, "replaced_by": str(one.file)} for one in self.replaced],
            "version": self.after.version.file,
            "is_empty": self.tally.is_empty,
            **self.tally.as_json(self.before.process, self.after.process),
            "beyond_limits": [
                {"connection": b.connection, "object": b.object, "what": b.what, "count": b.count, "why": b.why}
                for b in self.beyond
            ],
        }


def replay(
    workspace: Workspace,
    world: World,
    replaced: Sequence[Replacement],
    *,
    today: date | None = None,
    progress: Progress = silent,
    rows_only: bool = False,
) -> Replay:
    """Say what these files would make of everybody whom the state knows, at the moment of its last run.

    `today` is the day whose version of the process counts instead of the present one. `rows_only` leaves columns
    aside: the same, slowly. Reads the state as it is at one moment, asks no system and changes nothing. Raises
    `ConfigError` for mistakes in the files, or without a state.
    """
    other = with_replacements(workspace, replaced, today)
    found = Replay(tuple(replaced), workspace, other, Tally())
    with rare_collections(), Store(require_state(workspace.store)) as store:
        is_small = store.count("SELECT count(*) FROM entity") < FEW
        is_decided = store.meta("files") == workspace.digest
        different = changed(workspace, other)
        if is_small or rows_only or not is_decided or not by_columns_alone(different, workspace, other):
            with store.snapshot(), _sides(found, store, world) as (before, after):
                after.progress = progress
                found.at = before.at = after.at = _moment(store)
                _by_rows(found, before, after, everybody(store))
        else:
            try:
                _by_columns(found, different, store, world, progress)
            except DamagedError:  # the first who reads what was damaged is told, and everybody else has it anew
                found.tally = Tally()
                _by_columns(found, different, store, world, progress)
    return found


def _by_columns(found: Replay, different: Changed, store: Store, world: World, progress: Progress) -> None:
    """Replay whom columns can, and everybody else row by row, all as they are at one moment."""
    with Segments(store) as segments, _sides(found, segments.rows, world) as (before, after):
        after.progress = progress
        columns = Columns(segments, before, after, different, found.tally)
        columns.refresh()
        found.at = before.at = after.at = _moment(segments.rows)
        columns.run()
        _by_rows(found, before, after, columns.whom)


def _by_rows(found: Replay, before: Session, after: Session, whom: Mapping[Kind, set[str]]) -> None:
    require_stages(before.store, found.after)
    replay_rows(before, after, whom, found.tally)
    found.tally.said_before, found.tally.said_after = _said(before), _said(after)
    after.run += 1  # the limits are those of the run that would come next
    tally = found.tally
    found.beyond = tuple(beyond_limits(after, tally.counted(), tally.in_all(), tally.seen))


@contextmanager
def _sides(found: Replay, store: Store, world: World) -> Iterator[tuple[Session, Session]]:
    """A session with the files as they are, and one as they would be."""
    with ExitStack() as stack:
        at = _moment(store)
        before = stack.enter_context(offline(found.before, store, world, at))
        after = stack.enter_context(offline(found.after, store, world, at))
        after.behaviours = table_of_behaviours(store, found.before, found.after, at)
        yield before, after


def _moment(store: Store) -> datetime:
    """The moment of the last run that decided anything, or after which something is still to be decided."""
    row = store.row(
        "SELECT max(at) FROM (SELECT max(read_at) AS at FROM cursor UNION ALL "
        "SELECT max(started_at) FROM run WHERE command = 'override' AND status = 'done')"
    )
    told = [text for text in (store.meta("decided_at"), row[0] if row else None) if text]
    return max(map(datetime.fromisoformat, told)) if told else datetime.now(UTC)


def everybody(store: Store) -> dict[Kind, set[str]]:
    """Every entity that the state knows."""
    found: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for id, kind in store.each("SELECT id, kind FROM entity"):
        found[Kind(kind)].add(id)
    return found


def _said(session: Session) -> Any:
    ledger = session.ledger
    return ledger.counts if isinstance(ledger, Counted) else None
