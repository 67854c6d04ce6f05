"""Reads and configures pipelines and lists of options, and knows which lifecycle moves HubSpot resists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from instep.contract import Outcome, Pipeline, StageChange, StageLimits, SystemStage
from instep.errors import PluginError
from instep_hubspot import pipelines, valuesets
from instep_hubspot.client import HubSpotClient
from instep_hubspot.configuring import Configurer
from instep_hubspot.pipelines import STAGE_FIELDS
from instep_hubspot.queries import holding
from instep_hubspot.schema import Listed, Property, find_property, read_property
from instep_hubspot.valuesets import LIFECYCLE

LIFECYCLE_OBJECTS: Final = ("contacts", "companies")


class HubSpotStages:
    """Pipelines of deals and tickets, and properties of any object that hold one of their options.

    The id of a list of options is the property's name: `lifecyclestage` and `hs_lead_status` are two of them.
    """

    def __init__(self, client: HubSpotClient, listed: Listed) -> None:
        self._client = client
        self._listed = listed

    def read(self) -> tuple[Pipeline, ...]:
        """Every deal pipeline that is in use, and the lifecycle stages of contacts and of companies as one each.

        developers.hubspot.com/docs/guides/api/crm/pipelines
        """
        deals = pipelines.read_pipelines(self._client, "deals")
        lifecycles = ((object, read_property(self._client, object, LIFECYCLE)) for object in LIFECYCLE_OBJECTS)
        return (
            *(pipelines.pipeline_of("deals", pipeline, details=False) for pipeline in deals),
            *(_lifecycle(object, lifecycle) for object, lifecycle in lifecycles),
        )

    def limits(self, object: str, field: str) -> StageLimits | None:
        """What can be configured. HubSpot tells of each property whether its options can be changed."""
        if STAGE_FIELDS.get(object, ("", ""))[1] == field:
            return pipelines.limits_of(object)
        property = self._listed.find(object, field)
        return valuesets.limits_of(object, property) if property is not None and property.is_list else None

    def configured(self, fields: Collection[tuple[str, str]]) -> tuple[Pipeline, ...]:
        """One call for all pipelines of an object, and one for each other property."""
        return tuple(found for object, field in dict.fromkeys(fields) for found in self._configured(object, field))

    def _configured(self, object: str, field: str) -> tuple[Pipeline, ...]:
        if STAGE_FIELDS.get(object, ("", ""))[1] == field:
            found = pipelines.read_pipelines(self._client, object)
            return tuple(pipelines.pipeline_of(object, pipeline, details=True) for pipeline in found)
        property = find_property(self._client, object, field)
        if property is None or not property.is_list:
            return ()
        return (valuesets.pipeline_of(object, property),)

    def apply(self, changes: Sequence[StageChange]) -> list[Outcome]:
        """Configure. Codes of a refusal: `in_use`, `taken` (a label), `by_hand`, `last_stage`, `not_found`, `no_way`.

        A pipeline or stage of the same label and meaning counts as the one that is to be added, so that nothing is
        made twice after an answer was lost. A stage that records hold is found by search, and HubSpot is asked to
        look once more before it deletes a pipeline's stage. It does not look before it drops an option: a record
        that took one within the last minute, unseen by the search index, keeps a value that is no option any more.
        """
        return Configurer(self._client).apply(changes)

    def holders(self, object: str, pipeline: str | None, stage: str) -> Sequence[str]:
        """The records that hold a stage of a pipeline (of all, where it is None), or an option of a property.

        Each record is read directly. One that came to the stage within the last minute may be missing: the search
        index is late.
        """
        if object not in STAGE_FIELDS and pipeline is None:
            raise PluginError(f"HubSpot: {object} have no pipelines. Say which property holds the stage.")
        by_pipeline, by_stage = STAGE_FIELDS.get(object, ("", ""))
        if pipeline is None:
            return tuple(holding(self._client, object, {by_stage: stage}))
        if by_pipeline and any(p.id == pipeline for p in pipelines.read_pipelines(self._client, object)):
            return tuple(holding(self._client, object, {by_pipeline: pipeline, by_stage: stage}))
        return tuple(holding(self._client, object, {pipeline: stage}))


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
            options = read_property(self._client, object, LIFECYCLE).ordered()
            self._ranks[object] = {option.value: rank for rank, option in enumerate(options)}
        return self._ranks[object]


def _lifecycle(object: str, property: Property) -> Pipeline:
    """Accounts may rename, reorder and add lifecycle stages.

    developers.hubspot.com/changelog/upcoming-customized-lifecycle-stages-for-contacts-and-companies
    """
    stages = (SystemStage(option.value, option.label, order) for order, option in enumerate(property.ordered()))
    return Pipeline(object, LIFECYCLE, property.label, tuple(stages))
