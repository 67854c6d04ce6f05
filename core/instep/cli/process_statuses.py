"""What statuses the systems have: asked of them, or as the last runs saw them in records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from instep.mapping.statuses import Status, Unmapped, listed_statuses, unmapped_statuses

if TYPE_CHECKING:
    from instep.mapping.compiled import ConnectionMapping, EntityMapping, Workspace
    from instep.store import Store
    from instep.sync.session import Live


def unmapped_in_systems(workspace: Workspace) -> dict[str, tuple[Unmapped, ...]]:
    """By connection, what its system lists and nothing stands for. Asks every system."""
    from instep.sync.session import open_session
    from instep.sync.transport import World

    with open_session(workspace, World()) as session:
        return {name: unmapped_statuses(live.mapping, _listed(live)) for name, live in session.connections.items()}


def unmapped_in_records(workspace: Workspace) -> dict[str, tuple[Unmapped, ...]] | None:
    """By connection, what records hold and nothing stands for; None where nothing has been read yet."""
    from instep.store import Store

    if not workspace.store.exists():
        return None
    with Store(workspace.store) as store:
        return {name: unmapped_statuses(found, _held(store, found)) for name, found in workspace.mappings.items()}


def _listed(live: Live) -> Iterator[Status]:
    from instep.contract import Absent

    parts = live.parts
    pipelines = () if isinstance(parts.stages, Absent) else parts.stages.read()
    yield from listed_statuses(live.mapping, pipelines)
    known = {(pipeline.object, pipeline.id) for pipeline in pipelines}
    for entity in live.mapping.entities.values():
        for object in entity.objects if entity.stages and not isinstance(parts.fields, Absent) else ():
            field = entity.stages.field if entity.stages else ""
            if (object, field) in known or isinstance(parts.fields, Absent):
                continue
            for described in parts.fields.read(object):
                for option in (described.options or ()) if described.name == field else ():
                    yield Status(object, None, option.value, option.label)


def _held(store: Store, mapping: ConnectionMapping) -> Iterator[Status]:
    for entity in mapping.entities.values():
        table = next(iter(entity.tables()), None)
        for object in entity.objects if table else ():
            pipeline_field = table.pipeline_field if table else None
            rows = store.rows(
                "SELECT json_extract(CAST(fields AS TEXT), ?), json_extract(CAST(fields AS TEXT), ?), count(*) "
                "FROM mirror WHERE connection = ? AND object = ? AND state = 'live' GROUP BY 1, 2 ORDER BY 1, 2",
                (_path(pipeline_field or ""), _path(table.field if table else ""), mapping.connection, object),
            )
            yield from (_status(entity, object, pipeline, value, count) for pipeline, value, count in rows)


def _status(entity: EntityMapping, object: str, pipeline: object, value: object, count: int) -> Status:
    named = str(pipeline or "") if entity.pipelines else None
    return Status(object, named, "" if value is None else str(value), "", count)


def _path(field: str) -> str:
    return f'$."{field}"'
