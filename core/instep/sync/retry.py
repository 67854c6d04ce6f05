"""Retry: let what systems refused be tried again at once, because a person says so."""

from __future__ import annotations

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.store import require_state
from instep.sync.lookup import find_entity
from instep.sync.refusals import AT_ONCE, Waiting, read_waiting
from instep.sync.run import close, running
from instep.sync.session import require_connection
from instep.sync.transport import World


def retry(workspace: Workspace, world: World, key: str | None, connection: str | None) -> list[Waiting]:
    """Make what was refused due, parked or not: of what `key` names, or all of it; in one connection, or everywhere.

    Returns what is tried again in the next run. Asks no system. Raises `ConfigError` if nothing was refused so.
    """
    if connection is not None:
        require_connection(workspace, connection)
    require_state(workspace.store)
    with running(workspace, world, "retry") as session:
        named = None if key is None else {entity for entity, _ in find_entity(session.store, key)}
        chosen = [
            one
            for one in read_waiting(session.store)
            if (named is None or one.entity in named) and connection in (None, one.connection)
        ]
        if not chosen:
            what = f'Nothing that "{key}" names' if key is not None else "Nothing"
            where = f" in {connection}" if connection else ""
            raise ConfigError(f"{what} was refused{where}. See: instep status")
        with session.store.transaction("retry"):
            session.store.bulk(
                "UPDATE quarantine SET due_at = ?, tries = 0 WHERE connection = ? AND entity = ? AND action = ?",
                [(AT_ONCE, one.connection, one.entity, one.action) for one in chosen],
            )
            session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(one.entity,) for one in chosen])
            session.store.bump("serial")
        close(session, "done", {"retried": len(chosen)})
    return chosen
