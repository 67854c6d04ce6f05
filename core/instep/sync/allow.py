"""Allow: let what was deleted in a system be created there again, because a person says so."""

from __future__ import annotations

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.store import require_state
from instep.sync.explain import find_entity
from instep.sync.run import close, running
from instep.sync.transport import World


def allow(workspace: Workspace, world: World, key: str, connection: str) -> list[str]:
    """Take away the tombstones that one connection has for what `key` names; the next run may create it there.

    Returns the entities. Asks no system. Raises `ConfigError` if nothing is barred there by that key.
    """
    if connection not in workspace.connection_names:
        names = ", ".join(workspace.connection_names)
        raise ConfigError(f'sync.toml has no connection "{connection}". It has: {names}.')
    require_state(workspace.store)
    with running(workspace, world, "allow") as session:
        barred = [
            entity
            for entity, _ in find_entity(session.store, key)
            if session.store.row("SELECT 1 FROM tombstone WHERE connection = ? AND entity = ?", (connection, entity))
        ]
        if not barred:
            raise ConfigError(f'Nothing that "{key}" names was deleted in {connection}. See: instep explain "{key}"')
        with session.store.transaction("allow"):
            rows = [(connection, entity) for entity in barred]
            session.store.bulk("DELETE FROM tombstone WHERE connection = ? AND entity = ?", rows)
            session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(entity,) for entity in barred])
            session.store.bump("serial")
        close(session, "done", {"allowed": barred, "connection": connection})
    return barred
