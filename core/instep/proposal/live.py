"""What a live system says of itself, as far as a proposal needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from instep.contract import Absent, Connection, ConnectionInfo, Pipeline, SystemField, SystemOwner, SystemStage


@dataclass(frozen=True, slots=True)
class LiveSystem:
    """Pipelines, fields and users of one connection. `silent` says why a part cannot be asked."""

    info: ConnectionInfo
    pipelines: tuple[Pipeline, ...] = ()
    fields: Mapping[str, tuple[SystemField, ...]] = field(default_factory=dict)
    owners: tuple[SystemOwner, ...] = ()
    keeps_consents: bool = False
    relates: Mapping[str, tuple[str, ...]] | None = None
    silent: Mapping[str, str] = field(default_factory=dict)

    def pipelines_of(self, object: str) -> list[Pipeline]:
        return [pipeline for pipeline in self.pipelines if pipeline.object == object]

    def field(self, object: str, name: str) -> SystemField | None:
        return next((found for found in self.fields.get(object, ()) if found.name == name), None)

    def pipeline_field(self, pipelines: Sequence[Pipeline]) -> str | None:
        """The one field whose choices are these pipelines; None where none is, or several are."""
        ids = {pipeline.id for pipeline in pipelines}
        objects = {pipeline.object for pipeline in pipelines}
        fields = [field for object in objects for field in self.fields.get(object, ())]
        found = {field.name for field in fields if {option.value for option in field.options or ()} == ids}
        return found.pop() if len(found) == 1 else None

    def listed(self, objects: Iterable[str], name: str) -> tuple[SystemStage, ...] | None:
        """The values of a plain stage field in their order; None where nobody tells."""
        for object in objects:
            pipeline = next((found for found in self.pipelines_of(object) if found.id == name), None)
            if pipeline:
                return pipeline.stages
            described = self.field(object, name)
            if described and described.options:
                options = enumerate(described.options)
                return tuple(SystemStage(option.value, option.label, place) for place, option in options)
        return None


def read_live(connection: Connection, objects: Iterable[str]) -> LiveSystem:
    """Ask a connection for everything that a proposal needs. Reading has no effect."""
    parts = {"stages": connection.stages, "fields": connection.fields, "owners": connection.owners}
    records = connection.records
    return LiveSystem(
        info=connection.check(),
        pipelines=() if isinstance(connection.stages, Absent) else connection.stages.read(),
        fields={} if isinstance(connection.fields, Absent) else {o: connection.fields.read(o) for o in objects},
        owners=() if isinstance(connection.owners, Absent) else connection.owners.read(),
        keeps_consents=not isinstance(connection.consents, Absent),
        relates=None if isinstance(records, Absent) else records.capabilities.relates,
        silent={name: part.reason for name, part in parts.items() if isinstance(part, Absent)},
    )
