"""What will be there once steps are done: how a plan knows its later steps before the first is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

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
        case ChangeStage(object=object, list=id, before=before, after=wanted):
            return _stages(
                found, object, id, lambda s: dataclasses.replace(wanted, id=s.id) if s.id == before.id else s
            )
        case OrderStages(object=object, list=id, ids=ids):
            return _ordered(found, object, id, ids)
        case OfferStages():
            return _offered(found, doing)
        case RetireStage():
            return _retired(found, doing)
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


def _stages(found: Found, object: str, id: str, change: Callable[[SystemStage], SystemStage]) -> Found:
    """Change every stage of a list, and what the pipelines that offer from it show of them."""
    for pipeline in found.lists(object):
        if id in (pipeline.id, pipeline.offers_from):
            found = _changed(found, object, pipeline.id, stages=tuple(map(change, pipeline.stages)))
    return found


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


def _retired(found: Found, doing: RetireStage) -> Found:
    keeps = any(limits.keeps_retired for (object, _), limits in found.limits.items() if object == doing.object)
    for pipeline in found.lists(doing.object):
        if pipeline.offers_from == doing.list or (pipeline.id == doing.list and not keeps):
            left = tuple(stage for stage in pipeline.stages if stage.id != doing.id)
            found = _changed(found, doing.object, pipeline.id, stages=left)
        elif pipeline.id == doing.list:
            retired = tuple(
                dataclasses.replace(stage, active=stage.active and stage.id != doing.id) for stage in pipeline.stages
            )
            found = _changed(
                found, doing.object, pipeline.id, stages=tuple(sorted(retired, key=lambda s: not s.active))
            )
    return found


def _left(found: Found, object: str, stage: str, records: set[str]) -> Found:
    holders = {
        place: tuple(id for id in ids if (place[0], place[2]) != (object, stage) or id not in records)
        for place, ids in found.holders.items()
    }
    return dataclasses.replace(found, holders=holders)
