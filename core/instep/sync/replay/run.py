"""One replay, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.store import Store, require_state
from instep.sync.offline import Counted, offline
from instep.sync.replay.behaviours import table_of_behaviours
from instep.sync.replay.files import Replacement, with_replacements
from instep.sync.replay.rows import replay_rows
from instep.sync.replay.tally import Tally
from instep.sync.session import Progress, Session, silent
from instep.sync.stagekeys import require_stages
from instep.sync.transport import World


@dataclass(frozen=True, slots=True)
class Replay:
    """What changed files would have made of everybody."""

    at: datetime
    replaced: tuple[Replacement, ...]
    before: Workspace
    after: Workspace
    tally: Tally

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "with": [{"file": one.name, "replaced_by": str(one.file)} for one in self.replaced],
            "version": self.after.version.file,
            "is_empty": self.tally.is_empty,
            **self.tally.as_json(self.before.process, self.after.process),
        }


def replay(
    workspace: Workspace,
    world: World,
    replaced: Sequence[Replacement],
    *,
    today: date | None = None,
    progress: Progress = silent,
) -> Replay:
    """Say what these files would make of everybody whom the state knows, at the moment of its last run.

    `today` is the day whose version of the process counts instead of the present one. Reads the state as it is at one
    moment, asks no system and changes nothing. Raises `ConfigError` for mistakes in the files, or without a state.
    """
    changed = with_replacements(workspace, replaced, today)
    with Store(require_state(workspace.store)) as store, store.snapshot():
        at = _moment(store)
        require_stages(store, changed)
        tally = Tally()
        with _sides(workspace, changed, store, world, at) as (before, after):
            after.progress = progress
            replay_rows(before, after, everybody(store), tally)
            tally.said_before, tally.said_after = _said(before), _said(after)
    return Replay(at, tuple(replaced), workspace, changed, tally)


@contextmanager
def _sides(
    workspace: Workspace, changed: Workspace, store: Store, world: World, at: datetime
) -> Iterator[tuple[Session, Session]]:
    """A session with the files as they are, and one as they would be."""
    with ExitStack() as stack:
        before = stack.enter_context(offline(workspace, store, world, at))
        after = stack.enter_context(offline(changed, store, world, at))
        after.behaviours = table_of_behaviours(store, workspace, changed, at)
        yield before, after


def _moment(store: Store) -> datetime:
    """The moment of the last run that decided anything."""
    decided = store.meta("decided_at")
    row = store.row("SELECT max(started_at) FROM run")
    text = decided or (row[0] if row else None)
    return datetime.fromisoformat(text) if text else datetime.now(UTC)


def everybody(store: Store) -> dict[Kind, set[str]]:
    """Every entity that the state knows."""
    found: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for id, kind in store.each("SELECT id, kind FROM entity"):
        found[Kind(kind)].add(id)
    return found


def _said(session: Session) -> Any:
    ledger = session.ledger
    return ledger.counts if isinstance(ledger, Counted) else None
