"""Configures pipelines and option lists, one change after another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    Missing,
    OfferStages,
    OrderStages,
    Outcome,
    Rejected,
    RelabelPipeline,
    RetireStage,
    StageChange,
    SystemStage,
    Written,
)
from instep_hubspot import pipelines
from instep_hubspot.answers import RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.lists import change_options
from instep_hubspot.pipelines import STAGE_FIELDS, WirePipeline
from instep_hubspot.queries import is_held
from instep_hubspot.refusals import attempt, in_use, taken
from instep_hubspot.valuesets import ListChange, reordered

_NO_PROBABILITY: Final = Rejected(
    "invalid_value", "An open deal stage needs a probability from 0.1 to 0.9.", "probability"
)
_NO_OFFERS: Final = Rejected("no_way", "HubSpot's pipelines have stages of their own; there are none to offer.")
_LAST: Final = Rejected("last_stage", "HubSpot keeps the last stage of a pipeline. Delete the pipeline in HubSpot.")


class Configurer:
    """Makes one set of changes. Everything is read before it is changed, and read anew after every change.

    Only pipelines that come one after another are added on one reading: they write over nothing.
    """

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._known: dict[str, list[WirePipeline]] = {}

    def apply(self, changes: Sequence[StageChange]) -> list[Outcome]:
        """One outcome for each change. All changes of one list of options are one write."""
        outcomes: dict[int, Outcome] = {}
        for place, change in enumerate(changes):
            if place in outcomes:
                continue
            if not isinstance(change, AddPipeline):
                self._known.pop(change.object, None)
            if not isinstance(change, ListChange) or self._pipeline(change.object, change.list):
                outcomes[place] = self._made(change)
            else:
                together = _of_one_list(changes, change.object, change.list)
                written = change_options(self._client, change.object, change.list, list(together.values()))
                outcomes |= zip(together, written, strict=True)
        return [outcomes[place] for place in range(len(changes))]

    def _made(self, change: StageChange) -> Outcome:
        outcome = attempt(partial(self._make, change))
        if not isinstance(change, AddPipeline) or not isinstance(outcome, Written):
            self._known.pop(change.object, None)
        return outcome

    def _make(self, change: StageChange) -> Outcome:
        match change:
            case AddPipeline():
                return self._add_pipeline(change)
            case RelabelPipeline():
                return self._relabel(change)
            case OfferStages():
                return _NO_OFFERS
        pipeline = self._pipeline(change.object, change.list)
        if pipeline is None:
            return Missing()
        match change:
            case AddStage():
                return self._add_stage(change, pipeline)
            case ChangeStage():
                return self._change_stage(change, pipeline)
            case OrderStages():
                return self._order(change, pipeline)
            case RetireStage():
                return self._retire(change, pipeline)

    # --- pipelines ---------------------------------------------------------------------------------------------

    def _pipelines(self, object: str) -> list[WirePipeline]:
        if object not in STAGE_FIELDS:
            return []
        if object not in self._known:
            self._known[object] = pipelines.read_pipelines(self._client, object)
        return self._known[object]

    def _pipeline(self, object: str, id: str) -> WirePipeline | None:
        return next((pipeline for pipeline in self._pipelines(object) if pipeline.id == id), None)

    def _add_pipeline(self, change: AddPipeline) -> Outcome:
        """One request for all of it. A pipeline of that label and with stages of these labels is this one."""
        if change.object not in STAGE_FIELDS:
            return Rejected("no_way", f"HubSpot's pipelines of {change.object} are not configured by Instep.")
        known = self._pipelines(change.object)
        same = next((p for p in known if _same_label(p.label, change.label)), None)
        if same is not None:
            return _found_again(same, change)
        stages = [_body(change.object, stage, place) for place, stage in enumerate(change.stages)]
        if None in stages:
            return _NO_PROBABILITY
        order = max((pipeline.displayOrder for pipeline in known), default=-1) + 1
        body = {"label": change.label, "displayOrder": order, "stages": stages}
        made = pipelines.make_pipeline(self._client, change.object, body)
        known.append(made)
        return Written(made.id, _ids(made), created=True)

    def _relabel(self, change: RelabelPipeline) -> Outcome:
        known = self._pipeline(change.object, change.pipeline)
        if known is None:
            return Missing()
        if known.label != change.label:
            pipelines.relabel_pipeline(self._client, change.object, known.id, change.label)
        return Written(known.id, {})

    # --- stages of pipelines -----------------------------------------------------------------------------------

    def _add_stage(self, change: AddStage, pipeline: WirePipeline) -> Outcome:
        order = max((stage.displayOrder for stage in pipeline.stages), default=-1) + 1
        body = _body(change.object, change.stage, order)
        if body is None:
            return _NO_PROBABILITY
        same = next((s for s in pipeline.ordered() if _same_label(s.label, change.stage.label)), None)
        if same is not None:
            is_it = same.label == change.stage.label and pipelines.means(change.object, same, change.stage)
            return Written(same.id, {}) if is_it else taken(change.stage.label)
        made = pipelines.make_stage(self._client, change.object, pipeline.id, body)
        return Written(made.id, {}, created=True)

    def _change_stage(self, change: ChangeStage, pipeline: WirePipeline) -> Outcome:
        known = next((s for s in pipeline.ordered() if s.id == change.before.id), None)
        if known is None:
            return Missing()
        metadata = pipelines.changed_metadata(change.object, known, change.before, change.after)
        if metadata is None:
            return _NO_PROBABILITY
        label = change.after.label if change.after.label != change.before.label else known.label
        if any(_same_label(s.label, label) for s in pipeline.ordered() if s is not known):
            return taken(label)
        if label != known.label or metadata != known.texts:
            body = {"label": label, "metadata": metadata}
            pipelines.patch_stage(self._client, change.object, pipeline.id, known.id, body)
        return Written(known.id, {})

    def _order(self, change: OrderStages, pipeline: WirePipeline) -> Outcome:
        """Send only the stages whose place differs; one that is not named stays where it is."""
        shown = pipeline.ordered()
        places = [stage.displayOrder for stage in shown]
        if len(set(places)) < len(places):
            places = list(range(len(places)))
        for place, stage in zip(places, reordered({stage.id: stage for stage in shown}, change.ids), strict=True):
            if stage.displayOrder != place:
                body = {"displayOrder": place, "metadata": stage.texts}
                pipelines.patch_stage(self._client, change.object, pipeline.id, stage.id, body)
        return Written(pipeline.id, {})

    def _retire(self, change: RetireStage, pipeline: WirePipeline) -> Outcome:
        """Delete a stage. Before that is asked for, and by HubSpot itself, records are looked for that hold it."""
        if change.id not in {stage.id for stage in pipeline.ordered()}:
            return Written(change.id, {})
        if len(pipeline.ordered()) == 1:
            return _LAST
        by_pipeline, by_stage = STAGE_FIELDS[change.object]
        if is_held(self._client, change.object, {by_pipeline: pipeline.id, by_stage: change.id}):
            return in_use(change.id)
        try:
            pipelines.delete_stage(self._client, change.object, pipeline.id, change.id)
        except RefusedError as refused:
            if refused.status == 404:
                return Written(change.id, {})
            return in_use(change.id, refused.body.message)
        return Written(change.id, {})


def _body(object: str, stage: SystemStage, place: int) -> dict[str, object] | None:
    metadata = pipelines.metadata_of(object, stage)
    return None if metadata is None else {"label": stage.label, "displayOrder": place, "metadata": metadata}


def _found_again(known: WirePipeline, change: AddPipeline) -> Outcome:
    wanted = sorted(stage.label for stage in change.stages)
    is_it = known.label == change.label and sorted(stage.label for stage in known.ordered()) == wanted
    return Written(known.id, _ids(known)) if is_it else taken(change.label)


def _ids(pipeline: WirePipeline) -> dict[str, str]:
    return {stage.label: stage.id for stage in pipeline.ordered()}


def _of_one_list(changes: Sequence[StageChange], object: str, list: str) -> dict[int, ListChange]:
    """The changes of one list, by their place."""
    return {
        place: change
        for place, change in enumerate(changes)
        if isinstance(change, ListChange) and (change.object, change.list) == (object, list)
    }


def _same_label(one: str, other: str) -> bool:
    """HubSpot takes labels that differ in case only for the same."""
    return one.casefold() == other.casefold()
