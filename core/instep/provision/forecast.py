"""What will be there once steps are done: how a plan knows its later steps before the first is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    FieldSpec,
    OfferStages,
    OrderStages,
    Outcome,
    Pipeline,
    RelabelPipeline,
    RetireStage,
    SystemField,
    SystemStage,
    Written,
)
from instep.provision.found import Found
from instep.provision.steps import Doing, ExtendField, MoveRecords, Step

NEW = "new:"
"""How an id begins that the system has not given yet."""


def forecast(found: Found, steps: Iterable[Step]) -> Found:
    """What will be there if every one of these steps is done by the system's API."""
    for step in steps:
        if not step.by_hand:
            found = after(found, step.doing, _expected(step.doing))
    return found


def _expected(doing: Doing) -> Outcome:
    match doing:
        case AddPipeline(name=name, stages=stages):
            return Written(f"{NEW}{name}", {stage.label: stage.id or f"{NEW}{stage.label}" for stage in stages})
        case AddStage(stage=stage):
            return Written(stage.id or f"{NEW}{stage.label}", {})
    return Written("", {})


def after(found: Found, doing: Doing, outcome: Outcome) -> Found:
    """What is there after one step: nothing new unless it was written."""
    if not isinstance(outcome, Written):
        return found
    match doing:
        case FieldSpec() | ExtendField():
            return _with_field(found, doing)
        case AddPipeline():
            return found.replace(_pipeline(found, doing, outcome))
        case RelabelPipeline(object=object, pipeline=id, label=label):
            return _changed(found, object, id, label=label)
        case AddStage(object=object, list=id, stage=stage):
            return _added(found, object, id, dataclasses.replace(stage, id=outcome.id or stage.id))
        case ChangeStage():
            return found.changed(lambda pipeline: _with_stage(pipeline, doing))
        case OrderStages(object=object, list=id, ids=ids):
            return _ordered(found, object, id, ids)
        case OfferStages():
            return _offered(found, doing)
        case RetireStage():
            limits = found.limits.items()
            keeps = any(one.keeps_retired for (object, _), one in limits if object == doing.object)
            return found.changed(lambda pipeline: _without(pipeline, doing, keeps=keeps))
        case MoveRecords(object=object, stage=stage, records=records):
            return _left(found, object, stage, set(records))
    return found


def _with_field(found: Found, doing: FieldSpec | ExtendField) -> Found:
    of_object = list(found.fields.get(doing.object, ()))
    if isinstance(doing, FieldSpec):
        options = doing.options if doing.type in ("choice", "choices") else None
        of_object.append(
            SystemField(doing.object, doing.name, doing.label, doing.type, unique=doing.unique, options=options)
        )
    else:
        of_object = [
            dataclasses.replace(field, options=(*(field.options or ()), *doing.options))
            if field.name == doing.field
            else field
            for field in of_object
        ]
    return dataclasses.replace(found, fields={**found.fields, doing.object: tuple(of_object)})


def _pipeline(found: Found, doing: AddPipeline, outcome: Written) -> Pipeline:
    limits = next(limits for (object, _), limits in found.limits.items() if object == doing.object)
    stages = tuple(
        dataclasses.replace(stage, id=str(outcome.fields.get(stage.label) or stage.id), order=place)
        for place, stage in enumerate(doing.stages)
    )
    return Pipeline(doing.object, outcome.id, doing.label, stages, limits.shared_list)


def _changed(found: Found, object: str, id: str, **changes: object) -> Found:
    there = found.pipeline(object, id)
    return found if there is None else found.replace(dataclasses.replace(there, **changes))  # type: ignore[arg-type]


def _with_stage(pipeline: Pipeline, doing: ChangeStage) -> Pipeline:
    """A list with one stage changed; a pipeline that offers from it shows the same."""
    if pipeline.object != doing.object or doing.list not in (pipeline.id, pipeline.offers_from):
        return pipeline
    after = dataclasses.replace(doing.after, id=doing.before.id)
    stages = tuple(after if stage.id == after.id else stage for stage in pipeline.stages)
    return dataclasses.replace(pipeline, stages=stages)


def _added(found: Found, object: str, id: str, stage: SystemStage) -> Found:
    there = found.pipeline(object, id)
    if there is None:
        return found
    kept = [one for one in there.stages if one.id != stage.id]
    active, inactive = [s for s in kept if s.active], [s for s in kept if not s.active]
    stages = (*active, dataclasses.replace(stage, active=True), *inactive)
    return _changed(found, object, id, stages=stages)


def _ordered(found: Found, object: str, id: str, ids: Sequence[str]) -> Found:
    places = {one: place for place, one in enumerate(ids)}
    there = found.pipeline(object, id)
    if there is None:
        return found
    stages = sorted(there.stages, key=lambda stage: (not stage.active, places.get(stage.id, len(places))))
    return _changed(found, object, id, stages=tuple(stages))


def _offered(found: Found, doing: OfferStages) -> Found:
    there = found.pipeline(doing.object, doing.pipeline)
    source = found.pipeline(doing.object, there.offers_from or "") if there else None
    if there is None or source is None:
        return found
    ids = ({stage.id for stage in there.stages} | set(doing.offered)) - set(doing.withdrawn)
    return _changed(found, doing.object, there.id, stages=tuple(s for s in source.stages if s.id in ids))


def _without(pipeline: Pipeline, doing: RetireStage, *, keeps: bool) -> Pipeline:
    """A list without a stage; where the system keeps what is retired, it comes after the others and is inactive."""
    if pipeline.object != doing.object or doing.list not in (pipeline.id, pipeline.offers_from):
        return pipeline
    stages = [stage for stage in pipeline.stages if stage.id != doing.id]
    if keeps and pipeline.id == doing.list:
        kept = (dataclasses.replace(s, active=s.active and s.id != doing.id) for s in pipeline.stages)
        stages = sorted(kept, key=lambda stage: not stage.active)
    return dataclasses.replace(pipeline, stages=tuple(stages))


def _left(found: Found, object: str, stage: str, records: set[str]) -> Found:
    holders = {
        place: tuple(id for id in ids if (place[0], place[2]) != (object, stage) or id not in records)
        for place, ids in found.holders.items()
    }
    return dataclasses.replace(found, holders=holders)
