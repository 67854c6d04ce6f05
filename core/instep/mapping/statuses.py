"""The statuses that systems have and no mapping file stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from instep.mapping.compiled import ConnectionMapping, EntityMapping
from instep.model.entities import Kind

if TYPE_CHECKING:
    from instep.contract import Pipeline


@dataclass(frozen=True, slots=True)
class Status:
    """One value of a stage field, as a system has it. `records` is how many hold it, where that was counted."""

    object: str
    pipeline: str | None
    value: str
    label: str = ""
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A status that means nothing in Instep: records there are left alone."""

    connection: str
    kind: Kind
    status: Status

    def __str__(self) -> str:
        status = self.status
        label = f" ({status.label})" if status.label not in ("", status.value) else ""
        place = f" in pipeline {status.pipeline}" if status.pipeline else ""
        held = "" if status.records is None else f": {status.records:,} record{'' if status.records == 1 else 's'}"
        return f'{status.object}{place}: "{status.value}"{label}{held}'

    def as_json(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "kind": self.kind,
            "object": self.status.object,
            "pipeline": self.status.pipeline,
            "value": self.status.value,
            "label": self.status.label,
            "records": self.status.records,
        }


def unmapped_statuses(mapping: ConnectionMapping, statuses: Iterable[Status]) -> tuple[Unmapped, ...]:
    """Those of a connection's statuses that no stage and no outcome is spelled as. Blank is no status."""
    found = []
    for status in statuses:
        entity = mapping.entity_of(status.object)
        if entity and status.value and status.value not in _spelled(entity, status.pipeline):
            found.append(Unmapped(mapping.connection, entity.kind, status))
    return tuple(found)


def listed_statuses(mapping: ConnectionMapping, pipelines: Iterable[Pipeline]) -> Iterator[Status]:
    """The statuses that a system lists for the objects that a mapping has stages of."""
    for pipeline in pipelines:
        entity = mapping.entity_of(pipeline.object)
        if entity is None or not _has_stages_there(entity, pipeline.id):
            continue
        name = pipeline.id if entity.pipelines else None
        for stage in pipeline.stages:
            yield Status(pipeline.object, name, stage.id, stage.label)


def _has_stages_there(entity: EntityMapping, id: str) -> bool:
    return bool(entity.pipelines) or (entity.stages is not None and entity.stages.field == id)


def _spelled(entity: EntityMapping, pipeline: str | None) -> set[str]:
    tables = [table for table in entity.tables() if table.pipeline == pipeline]
    return {value for table in tables for value in (*table.every_value(), *table.replaced)}
