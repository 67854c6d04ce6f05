"""What a system holds of what the files configure, read once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from instep.contract import (
    Absent,
    ConfigurableFields,
    ConfigurableStages,
    FieldLimits,
    Pipeline,
    StageLimits,
    SystemField,
    SystemStage,
)
from instep.model.configuration import WantedList
from instep.sync.session import Live

Place = tuple[str, str]
"""An object, and its field that holds stages."""
Holding = tuple[str, str | None, str]
"""An object, a pipeline or None for any, and a stage's id."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is there. A place without limits is no list of stages; `fields` are those of the mapped objects."""

    limits: Mapping[Place, StageLimits] = dataclasses.field(default_factory=dict)
    pipelines: tuple[Pipeline, ...] = ()
    fields: Mapping[str, tuple[SystemField, ...]] = dataclasses.field(default_factory=dict)
    field_limits: FieldLimits | None = None
    """None where fields cannot be created or extended."""
    holders: Mapping[Holding, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """The records that hold a stage which is wanted no more."""

    def lists(self, object: str) -> list[Pipeline]:
        """What one object has, in the system's order."""
        return [pipeline for pipeline in self.pipelines if pipeline.object == object]

    def pipeline(self, object: str, id: str) -> Pipeline | None:
        return next((one for one in self.pipelines if one.id == id and one.object == object), None)

    def replace(self, pipeline: Pipeline) -> Found:
        """The same with one list as it is now; a new one comes last."""
        place = (pipeline.object, pipeline.id)
        if self.pipeline(*place) is None:
            return dataclasses.replace(self, pipelines=(*self.pipelines, pipeline))
        return self.changed(lambda one: pipeline if (one.object, one.id) == place else one)

    def changed(self, change: Callable[[Pipeline], Pipeline]) -> Found:
        """The same with every list as a function has it."""
        return dataclasses.replace(self, pipelines=tuple(map(change, self.pipelines)))

    def as_json(self) -> object:
        """Everything that a plan is made from, each thing in one order whatever order the system answered in."""
        return {
            "pipelines": sorted(
                map(_pipeline_json, self.pipelines), key=lambda one: (str(one["object"]), str(one["id"]))
            ),
            "fields": {object: sorted(map(_field_json, of), key=str) for object, of in sorted(self.fields.items())},
            "holders": sorted([*map(str, place), *ids] for place, ids in self.holders.items()),
        }


def read_found(live: Live, lists: Iterable[WantedList]) -> Found:
    """Read what a connection holds of what its files configure; the fields of every mapped object with it.

    The fields come first: most systems tell with them what can be done to their choices.
    """
    found = _read_fields(live)
    stages = live.parts.stages
    if not isinstance(stages, ConfigurableStages):
        return dataclasses.replace(found, pipelines=() if isinstance(stages, Absent) else stages.read())
    places = sorted({(object, wanted.field) for wanted in lists for object in wanted.objects})
    limits = {place: told for place in places if (told := stages.limits(*place)) is not None}
    return dataclasses.replace(found, limits=limits, pipelines=stages.configured(list(limits)) if limits else ())


def _read_fields(live: Live) -> Found:
    fields = live.parts.fields
    if isinstance(fields, Absent):
        return Found()
    limits = fields.limits() if isinstance(fields, ConfigurableFields) else None
    return Found(fields={object: fields.read(object) for object in live.mapping.objects}, field_limits=limits)


def with_holders(live: Live, found: Found, places: Sequence[Holding]) -> Found:
    """The same with the records that hold stages which are wanted no more."""
    stages = live.parts.stages
    if not isinstance(stages, ConfigurableStages) or not places:
        return found
    return dataclasses.replace(found, holders={place: tuple(sorted(stages.holders(*place))) for place in places})


def _pipeline_json(pipeline: Pipeline) -> dict[str, object]:
    stages = [{**_members(stage), "details": dict(sorted(stage.details.items()))} for stage in pipeline.stages]
    return {**_members(pipeline), "stages": stages}


def _members(value: Pipeline | SystemStage) -> dict[str, object]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _field_json(field: SystemField) -> list[object]:
    options = None if field.options is None else sorted(option.value for option in field.options)
    return [field.name, field.type, field.unique, options]
