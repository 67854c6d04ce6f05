"""What is to be done to one list of stages, so that it holds what the files say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    OfferStages,
    OrderStages,
    Pipeline,
    RelabelPipeline,
    RetireStage,
    StageLimits,
    SystemStage,
)
from instep.model.configuration import Path
from instep.provision.bind import Bound, BoundStage, Leftover
from instep.provision.express import Expressed, express, is_as_wanted, percent
from instep.provision.found import Found, Holding
from instep.provision.steps import Difference, MoveRecords, Phase, Step

Pair = tuple[BoundStage, Expressed]
"""A wanted stage with what stands for it, and how the system shall have it."""


@dataclass(frozen=True, slots=True)
class ListBound:
    """One list of a system, with every wanted stage that belongs into it, in order, and what is left over."""

    object: str
    limits: StageLimits
    there: Pipeline | None
    """The list as it is now; None for a pipeline with stages of its own that is not there."""
    stages: tuple[BoundStage, ...]
    leftovers: tuple[Leftover, ...]
    bounds: tuple[Bound, ...]
    """The wanted lists behind it: one, or all pipelines that offer a selection of it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(bound.path for bound in self.bounds))

    @property
    def title(self) -> str:
        """What people call the list: the pipeline, or the field."""
        one = self.bounds[0]
        return one.limits.field if one.is_selection else one.title

    def expressed(self) -> list[Expressed]:
        return express(self.stages, self.limits)


def list_steps(found: Found, of: ListBound) -> Iterator[Step]:
    """Everything about the stages of one list, and about the pipelines that offer a selection of them."""
    for step in _steps(found, of):
        by_hand = of.limits.by_hand
        yield dataclasses.replace(step, by_hand=by_hand) if by_hand else step


def _steps(found: Found, of: ListBound) -> Iterator[Step]:
    if of.there is None and not of.limits.makes_pipelines:
        return
    if of.there is None:
        yield _added_pipeline(of.bounds[0], [one.stage for one in of.expressed()])
        return
    if of.bounds[0].wanted.pipeline is not None and not of.bounds[0].is_selection:
        yield from _relabelled(of.bounds[0])
    yield from _stage_steps(of, of.there)
    for bound in of.bounds:
        if bound.is_selection:
            yield from _selection(bound, found)
    yield from _retired(found, of, of.there)


# --- pipelines ---------------------------------------------------------------------------------------------------


def _added_pipeline(bound: Bound, stages: Sequence[SystemStage], phase: Phase = Phase.ADD) -> Step:
    doing = AddPipeline(bound.object, str(bound.wanted.pipeline), bound.label, tuple(stages))
    labels = tuple(one.label(bound.limits) for one in bound.stages)
    return Step(phase, doing, bound.title, (Difference("stages", None, labels),), (bound.path,))


def _relabelled(bound: Bound) -> Iterator[Step]:
    if bound.pipeline is not None and bound.pipeline.label != bound.label:
        doing = RelabelPipeline(bound.object, bound.pipeline.id, bound.label)
        changed = (Difference("label", bound.pipeline.label, bound.label),)
        managed = bound.ids.pipeline is not None
        yield Step(Phase.CHANGE, doing, bound.title, changed, (bound.path,), is_managed=managed)


def _selection(bound: Bound, found: Found) -> Iterator[Step]:
    """A pipeline that offers stages of the shared list, which must have them before."""
    there = [one.stage for one in bound.stages if one.stage is not None and one.stage.active]
    if bound.pipeline is None:
        yield _added_pipeline(bound, there, Phase.OFFER)
        return
    yield from _relabelled(bound)
    new = [stage for stage in there if stage.id not in bound.offered]
    if new:
        doing = OfferStages(bound.object, bound.pipeline.id, offered=tuple(stage.id for stage in new))
        labels = tuple(one.label(bound.limits) for one in bound.stages if one.stage in new)
        yield Step(Phase.OFFER, doing, bound.title, (Difference("offers", None, labels),), (bound.path,))
    for leftover in bound.leftovers:
        if leftover.stage.id in bound.offered and not holders_of(found, bound, leftover):
            doing = OfferStages(bound.object, bound.pipeline.id, withdrawn=(leftover.stage.id,))
            change = (Difference("offers", leftover.stage.label, None),)
            yield Step(Phase.RETIRE, doing, bound.title, change, (bound.path,))


# --- stages ------------------------------------------------------------------------------------------------------


def _stage_steps(of: ListBound, there: Pipeline) -> Iterator[Step]:
    expressed = of.expressed()
    pairs: list[Pair] = list(zip(of.stages, expressed, strict=True))
    adding = [(bound, one) for bound, one in pairs if bound.stage is None or not bound.stage.active]
    changing = [(bound, one) for bound, one in pairs if _is_changed(of, bound, one.stage)]
    early = _in_the_way(adding, changing)
    late = [pair for pair in changing if pair not in early]
    yield from _stepping_aside(of, there, expressed)
    yield from _changed(of, there, early, Phase.ADD)
    taken = {stage.id for stage in there.stages}
    for bound, one in adding:
        stage = one.stage
        if bound.stage is None and of.limits.ids_are_labels:
            stage = dataclasses.replace(stage, id=_free(stage.id, taken))
            taken.add(stage.id)
        yield _added(of, there, bound, stage)
    yield from _changed(of, there, late, Phase.CHANGE)
    yield from _ordered(of, there, expressed)


def _in_the_way(adding: Sequence[Pair], changing: Sequence[Pair]) -> list[Pair]:
    """The changes that free a name for a new stage, and those that free one for such a change."""
    needed = {one.stage.label.casefold() for _, one in adding}
    found: list[Pair] = []
    while True:
        more = [p for p in changing if p not in found and p[0].stage and p[0].stage.label.casefold() in needed]
        if not more:
            return found
        found += more
        needed |= {one.stage.label.casefold() for _, one in more}


def _stepping_aside(of: ListBound, there: Pipeline, expressed: Sequence[Expressed]) -> Iterator[Step]:
    """Stages that are to be retired, and whose name another one is to have."""
    kept = {bound.stage.id for bound in of.stages if bound.stage is not None}
    wanted = {one.stage.label.casefold() for one in expressed}
    taken = {*wanted, *(stage.label.casefold() for stage in there.stages)}
    for leftover in of.leftovers:
        now = leftover.stage
        if now.id not in kept and now.active and now.label.casefold() in wanted:
            aside = dataclasses.replace(now, label=_free(f"{now.label} (old)", taken))
            taken.add(aside.label.casefold())
            doing = ChangeStage(of.object, there.id, now, aside)
            differences = (Difference("label", now.label, aside.label),)
            target = f'stage "{aside.label}" of {of.title}'
            yield Step(Phase.ADD, doing, target, differences, of.paths, "it is to be retired, and its name goes on")


def _is_changed(of: ListBound, bound: BoundStage, wanted: SystemStage) -> bool:
    now = bound.stage
    return now is not None and now.active and not is_as_wanted(now, wanted, of.limits, bound.wanted.details)


def _free(id: str, taken: Iterable[str]) -> str:
    """An id that no other stage has, where one that is called otherwise now was called so once."""
    known, number, found = {one.casefold() for one in taken}, 1, id
    while found.casefold() in known:
        number += 1
        found = f"{id} {number}"
    return found


def _added(of: ListBound, there: Pipeline, bound: BoundStage, stage: SystemStage) -> Step:
    differences = [Difference("label", None, stage.label)]
    if of.limits.has_outcomes:
        differences.append(Difference("probability", None, _share(stage)))
    differences += [Difference(name, None, value) for name, value in sorted(bound.wanted.details.items())]
    doing, why = AddStage(of.object, there.id, stage), "it was retired, and is wanted again" if bound.stage else ""
    target = f'stage "{stage.label}" ({bound.wanted.name}) of {of.title}'
    return Step(Phase.ADD, doing, target, tuple(differences), of.paths, why, is_managed=bound.was_managed)


def _changed(of: ListBound, there: Pipeline, pairs: Sequence[Pair], phase: Phase) -> Iterator[Step]:
    """Changes in an order in which no two stages are ever called alike."""
    labels = {stage.id: stage.label.casefold() for stage in there.stages if stage.active}
    left, aside_once = list(pairs), set[str]()
    while left:
        ready = next((pair for pair in left if not _is_taken(pair, labels)), None)
        if ready is None and left[0][1].stage.id in aside_once:
            ready = left[0]  # somebody else's stage has the name: the system will say so
        if ready is None:  # they swap their labels: one steps aside
            aside_once.add(left[0][1].stage.id)
            bound, one = left[0]
            now = bound.stage or one.stage
            aside = dataclasses.replace(now, label=_free(f"{one.stage.label} (new)", labels.values()))
            yield _change(of, there, bound, now, aside, phase)
            labels[now.id] = aside.label.casefold()
            left[0] = dataclasses.replace(bound, stage=aside), one
            continue
        left.remove(ready)
        bound, one = ready
        now = bound.stage or one.stage
        labels[now.id] = one.stage.label.casefold()
        yield _change(of, there, bound, now, one.stage, phase)


def _is_taken(pair: Pair, labels: Mapping[str, str]) -> bool:
    bound, one = pair
    own = bound.stage.id if bound.stage else ""
    return any(label == one.stage.label.casefold() for id, label in labels.items() if id != own)


def _change(
    of: ListBound, there: Pipeline, bound: BoundStage, now: SystemStage, wanted: SystemStage, phase: Phase
) -> Step:
    found = [Difference("label", now.label, wanted.label)] if now.label != wanted.label else []
    if of.limits.has_outcomes:
        shown = {"probability": (_share(now), _share(wanted)), "closed": (now.closed, wanted.closed)}
        shown["won"] = (now.won, wanted.won)
        found += [Difference(name, before, after) for name, (before, after) in shown.items() if before != after]
    names = [name for name in bound.wanted.details if now.details.get(name) != wanted.details.get(name)]
    found += [Difference(name, now.details.get(name), wanted.details.get(name)) for name in sorted(names)]
    target = f'stage "{wanted.label}" ({bound.wanted.name}) of {of.title}'
    doing = ChangeStage(of.object, there.id, now, wanted)
    return Step(phase, doing, target, tuple(found), of.paths, _kept(bound, found, now), is_managed=bound.was_managed)


def _kept(bound: BoundStage, found: Sequence[Difference], now: SystemStage) -> str:
    """How to keep a probability that is there: the process says one of every stage, a preset too."""
    if bound.was_managed or now.probability is None or not any(one.what == "probability" for one in found):
        return ""
    return (
        f"as the process says; to keep it: probabilities = {{ {bound.wanted.keys[0].name} = {now.probability:.4g} }}"
    )


def _share(stage: SystemStage) -> str | None:
    """A probability as people write it."""
    return None if stage.probability is None else percent(stage.probability)


# --- order -------------------------------------------------------------------------------------------------------


def _ordered(of: ListBound, there: Pipeline, expressed: Sequence[Expressed]) -> Iterator[Step]:
    """The wanted order, if that of what is there is another; stages of others keep their place."""
    ours = [bound for bound in of.stages if not bound.wanted.is_latent and not bound.wanted.place]
    wanted = [bound.stage.id for bound in ours if bound.stage is not None and bound.stage.active]
    active = [stage.id for stage in there.stages if stage.active]
    if [id for id in active if id in set(wanted)] == wanted:
        return
    by_id = {bound.stage.id: one.stage.label for bound, one in zip(of.stages, expressed, strict=True) if bound.stage}
    labels = tuple(by_id[id] for id in wanted)
    change = (Difference("order", tuple(_labels(there, active, set(wanted))), labels),)
    doing = OrderStages(of.object, there.id, tuple(_merged(active, wanted)))
    yield Step(Phase.CHANGE, doing, of.title, change, of.paths)


def _labels(there: Pipeline, active: Sequence[str], ours: set[str]) -> Iterator[str]:
    by_id = {stage.id: stage.label for stage in there.stages}
    return (by_id[id] for id in active if id in ours)


def _merged(active: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """The active ids, with ours in the wanted order in the places that ours have."""
    ours, following = set(wanted), iter(wanted)
    return (next(following, id) if id in ours else id for id in active)


# --- stages that are wanted no more --------------------------------------------------------------------------------


def holders_of(found: Found, bound: Bound, leftover: Leftover) -> tuple[str, ...]:
    """The records that hold a stage which is wanted no more."""
    return found.holders.get((bound.object, _own_list(bound), leftover.stage.id), ())


def _own_list(bound: Bound) -> str | None:
    """The pipeline or list whose records are meant; None where stages of a shared list are no pipeline's."""
    is_own = bound.wanted.pipeline is not None or bound.limits.shared_list is None
    return bound.pipeline.id if is_own and bound.pipeline is not None else None


def holding_places(bound: Bound) -> Iterator[Holding]:
    """Whose records have to be looked for before anything is retired."""
    for leftover in bound.leftovers:
        yield bound.object, _own_list(bound), leftover.stage.id
        if bound.is_selection:
            yield bound.object, None, leftover.stage.id


def staying(found: Found, of: ListBound, stage: SystemStage) -> set[str]:
    """The records that hold a stage which is wanted no more, and for which nobody says where they go."""
    held = set(found.holders.get((of.object, None, stage.id), ()))
    for bound in of.bounds:
        leftover = next((one for one in bound.leftovers if one.stage.id == stage.id), None)
        if leftover is not None:
            ours = set(holders_of(found, bound, leftover))
            held = held - ours if can_move(leftover) else held | ours
    return held


def _is_held(found: Found, of: ListBound, stage: SystemStage) -> bool:
    """Whether any record is in a stage: then it is not retired yet."""
    return any(ids for place, ids in found.holders.items() if (place[0], place[2]) == (of.object, stage.id))


def can_move(leftover: Leftover) -> bool:
    """Whether its records have a stage to go to; one that is to be added counts once it is there."""
    return leftover.to is not None and leftover.to.stage is not None and leftover.to.stage.active


def _retired(found: Found, of: ListBound, there: Pipeline) -> Iterator[Step]:
    for bound in of.bounds:
        for leftover in bound.leftovers:
            records = holders_of(found, bound, leftover)
            to = leftover.to
            if records and to is not None and to.stage is not None and to.stage.active:
                yield _moved(bound, leftover, to, to.stage, records)
    wanted = {bound.stage.id for bound in of.stages if bound.stage is not None}
    for leftover in of.leftovers:
        if leftover.stage.id in wanted or not leftover.stage.active or _is_held(found, of, leftover.stage):
            continue
        doing = RetireStage(of.object, there.id, leftover.stage.id)
        names = " / ".join(dict.fromkeys(key.name for key in leftover.keys))
        target = f'stage "{leftover.stage.label}" ({names}) of {of.title}'
        yield Step(Phase.RETIRE, doing, target, (Difference("label", leftover.stage.label, None),), of.paths)


def _moved(bound: Bound, leftover: Leftover, to: BoundStage, target: SystemStage, records: tuple[str, ...]) -> Step:
    field, pipeline = bound.wanted.field, _own_list(bound)
    doing = MoveRecords(bound.object, field, pipeline, leftover.stage.id, target.id, records)
    change = (Difference("stage", leftover.stage.label, to.label(bound.limits)),)
    count = f"{len(records):,} record{'' if len(records) == 1 else 's'}"
    return Step(
        Phase.MOVE, doing, f'{count} at stage "{leftover.stage.label}" of {bound.title}', change, (bound.path,)
    )
