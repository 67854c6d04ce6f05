"""Reads deal pipelines and lifecycle stages, and knows which lifecycle moves HubSpot resists."""

from __future__ import annotations

from typing import Final

import msgspec

from instep.contract import Pipeline, SystemStage
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient

LIFECYCLE: Final = "lifecyclestage"
LIFECYCLE_OBJECTS: Final = ("contacts", "companies")


class _Metadata(msgspec.Struct):
    isClosed: str | bool = "false"  # noqa: N815
    probability: str | float | None = None


class _Stage(msgspec.Struct):
    id: str
    label: str
    displayOrder: int = 0  # noqa: N815
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    archived: bool = False


class _Pipeline(msgspec.Struct):
    id: str
    label: str
    stages: list[_Stage]
    displayOrder: int = 0  # noqa: N815
    archived: bool = False


class _Pipelines(msgspec.Struct):
    results: list[_Pipeline]


class _Option(msgspec.Struct):
    value: str
    label: str
    displayOrder: int = 0  # noqa: N815
    hidden: bool = False


class _Lifecycle(msgspec.Struct):
    label: str
    options: list[_Option]

    def ordered(self) -> list[_Option]:
        return sorted(self.options, key=lambda option: (option.displayOrder, option.label))


_pipelines = msgspec.json.Decoder(_Pipelines)
_lifecycle = msgspec.json.Decoder(_Lifecycle)


class HubSpotStages:
    """Deal pipelines, and the lifecycle stages of contacts and companies as one pipeline each."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client

    def read(self) -> tuple[Pipeline, ...]:
        """Every pipeline that is in use. A lifecycle's pipeline has the field's name, `lifecyclestage`, as its id.

        Whether a deal stage is closed or won is told by its probability, never by its id or label: a stage keeps
        its id when people rename it. developers.hubspot.com/docs/guides/api/crm/pipelines
        """
        lifecycles = (_pipeline_of(object, read_lifecycle(self._client, object)) for object in LIFECYCLE_OBJECTS)
        return (*self._deal_pipelines(), *lifecycles)

    def _deal_pipelines(self) -> tuple[Pipeline, ...]:
        call = Call("GET", self._client.path("pipelines", "deals"), "pipelines/list")
        found = [p for p in self._client.fetch(call, _pipelines).value.results if not p.archived]
        found.sort(key=lambda pipeline: (pipeline.displayOrder, pipeline.label))
        return tuple(Pipeline("deals", p.id, p.label, _stages(p.stages)) for p in found)


class LifecycleOrder:
    """The order of lifecycle stages, read once per object when a stage is written."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._ranks: dict[str, dict[str, int]] = {}

    def is_backward(self, object: str, before: str, after: str) -> bool:
        """Whether HubSpot would silently ignore this move. A stage that it no longer lists blocks nothing."""
        if object not in LIFECYCLE_OBJECTS or not before or not after or before == after:
            return False
        ranks = self._ranks_of(object)
        return before in ranks and after in ranks and ranks[after] < ranks[before]

    def _ranks_of(self, object: str) -> dict[str, int]:
        if object not in self._ranks:
            options = read_lifecycle(self._client, object).ordered()
            self._ranks[object] = {option.value: rank for rank, option in enumerate(options)}
        return self._ranks[object]


def read_lifecycle(client: HubSpotClient, object: str) -> _Lifecycle:
    """The lifecycle stages of an object, which accounts may rename, reorder and add to.

    developers.hubspot.com/changelog/upcoming-customized-lifecycle-stages-for-contacts-and-companies
    """
    call = Call("GET", client.path("properties", object, LIFECYCLE), "properties/read")
    return client.fetch(call, _lifecycle).value


def _pipeline_of(object: str, lifecycle: _Lifecycle) -> Pipeline:
    stages = (SystemStage(o.value, o.label, order) for order, o in enumerate(lifecycle.ordered()))
    return Pipeline(object, LIFECYCLE, lifecycle.label, tuple(stages))


def _stages(stages: list[_Stage]) -> tuple[SystemStage, ...]:
    kept = sorted((s for s in stages if not s.archived), key=lambda s: (s.displayOrder, s.label))
    return tuple(_stage(stage, order) for order, stage in enumerate(kept))


def _stage(stage: _Stage, order: int) -> SystemStage:
    probability = _probability(stage.metadata.probability)
    closed = str(stage.metadata.isClosed).lower() == "true"
    return SystemStage(stage.id, stage.label, order, closed, closed and probability == 1.0, probability)


def _probability(text: str | float | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
