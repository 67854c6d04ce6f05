"""Activities as another mapping would name them, beside the state and without changing it."""

from __future__ import annotations

from datetime import datetime

from instep.mapping.compiled import Workspace
from instep.model.values import decode
from instep.store import Store
from instep.sync.evidence import BEHAVIOURS
from instep.sync.pull_behaviours import behaviour_key, referred

RENAMED = "renamed_behaviour"


def table_of_behaviours(store: Store, before: Workspace, after: Workspace, at: datetime) -> str:
    """The table that names activities as the changed mapping files do; made aside where they differ.

    To be asked for inside a snapshot, whose end it does not outlive.
    """
    renaming = [name for name in after.mappings if _behaviours(before, name) != _behaviours(after, name)]
    if not renaming:
        return BEHAVIOURS
    store.run(f"CREATE TEMP TABLE {RENAMED} AS SELECT * FROM {BEHAVIOURS}")  # noqa: S608  # our own names
    for name in renaming:
        _rename(store, after, name, at)
    store.run(f"CREATE INDEX temp.{RENAMED}_id ON {RENAMED} (connection, id)")
    for column in ("email", "refers"):
        store.run(f"CREATE INDEX temp.{RENAMED}_{column} ON {RENAMED} ({column})")
    return f"temp.{RENAMED}"


def _behaviours(workspace: Workspace, name: str) -> object:
    mapping = workspace.mappings.get(name)
    return mapping.behaviours if mapping is not None else ()


def _rename(store: Store, workspace: Workspace, name: str, at: datetime) -> None:
    mappings = workspace.mappings[name].behaviours
    renamed = []
    for row, kind, details in store.rows(
        f"SELECT rowid, kind, details FROM temp.{RENAMED} WHERE connection = ? AND details IS NOT NULL",  # noqa: S608
        (name,),
    ):
        activity = (mappings, kind, decode(details), at)
        renamed.append((behaviour_key(*activity), referred(*activity), row))
    store.bulk(f"UPDATE temp.{RENAMED} SET key = ?, refers = ? WHERE rowid = ?", renamed)  # noqa: S608
