"""Allow: let back in what was deleted in a system, or somebody who was erased, because a person says so."""

from __future__ import annotations

from instep.errors import ConfigError
from instep.mapping.compiled import Workspace
from instep.store import Store, require_state
from instep.sync.erased import Erased, names_by
from instep.sync.lookup import find_entity
from instep.sync.run import close, running
from instep.sync.session import require_connection
from instep.sync.transport import World


def allow(workspace: Workspace, world: World, key: str, connection: str) -> list[str]:
    """Take away the tombstones that one connection has for what `key` names; the next run may create it there.

    Returns the entities. Asks no system. Raises `ConfigError` if nothing is barred there by that key: before there is
    a run, so that no list of runs holds the key.
    """
    require_connection(workspace, connection)
    with Store(require_state(workspace.store)) as store:
        if not _barred(store, key, connection):
            raise ConfigError(f'Nothing that "{key}" names was deleted in {connection}. See: instep explain "{key}"')
    with running(workspace, world, "allow") as session:
        barred = _barred(session.store, key, connection)
        with session.store.transaction("allow"):
            rows = [(connection, entity) for entity in barred]
            session.store.bulk("DELETE FROM tombstone WHERE connection = ? AND entity = ?", rows)
            session.store.bulk(
                "UPDATE mirror SET dirty = 0 WHERE connection = ? AND entity = ? AND state = 'gone'", rows
            )  # that it is gone needs no burial any more
            session.store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", [(entity,) for entity in barred])
            session.store.bump("serial")
        close(session, "done", {"allowed": barred, "connection": connection})
    return barred


def _barred(store: Store, key: str, connection: str) -> list[str]:
    query = "SELECT 1 FROM tombstone WHERE connection = ? AND entity = ?"
    return [entity for entity, _ in find_entity(store, key) if store.row(query, (connection, entity))]


def allow_back(workspace: Workspace, world: World, key: str) -> None:
    """Let somebody who was erased come in again: the next run reads everything anew. Asks no system.

    Raises `ConfigError` if nobody who was erased had that key.
    """
    with Store(require_state(workspace.store)) as store:
        if not Erased(store).has(*names_by(key)):
            raise ConfigError(
                "Nobody who was erased had that e-mail address, record (connection/object/id) or instep_id. "
                "To allow what was deleted in one system, name the connection too: instep allow KEY CONNECTION"
            )
    with running(workspace, world, "allow") as session:
        with session.store.transaction("allow"):
            subject = session.erased.subject(names_by(key))
            if subject is not None:
                session.erased.lift(subject)
            session.store.run("DELETE FROM cursor")
            session.store.bump("serial")
        close(session, "done", {"allowed_back": 1})
