"""What is what: which of a system's stages stands for which wanted one, by ids first, then by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from instep.contract import Pipeline, StageLimits, SystemStage
from instep.model.configuration import Configuration, Key, ListIds, Path, WantedList, WantedStage
from instep.model.process import Process
from instep.provision.found import Found


@dataclass(frozen=True, slots=True)
class BoundStage:
    """A wanted stage, and the one that stands for it, if there is one."""

    wanted: WantedStage
    stage: SystemStage | None = None
    was_managed: bool = False

    def label(self, limits: StageLimits) -> str:
        """What it shall be called. One that the files name by its id keeps its label."""
        if self.wanted.label is not None:
            return self.wanted.label
        is_named_by_id = self.stage is not None and self.stage.id == self.wanted.spelled
        if self.stage is not None and is_named_by_id and not limits.ids_are_labels:
            return self.stage.label
        return self.wanted.spelled


@dataclass(frozen=True, slots=True)
class Leftover:
    """A stage that is managed, and that the files want no more. `to` takes its records, where they say so."""

    keys: tuple[Key, ...]
    stage: SystemStage
    to: BoundStage | None


@dataclass(frozen=True, slots=True)
class Bound:
    """A wanted list of one object, with what is there.

    `pipeline` is the list itself, or the pipeline that offers a selection of the object's shared list; None where it
    is not there. `stages` and `leftovers` hold the stages with everything that the system says of them.
    """

    wanted: WantedList
    object: str
    limits: StageLimits
    ids: ListIds
    pipeline: Pipeline | None
    stages: tuple[BoundStage, ...]
    leftovers: tuple[Leftover, ...] = ()

    @property
    def path(self) -> Path:
        return self.wanted.path

    @property
    def is_selection(self) -> bool:
        """Whether this is a pipeline that offers stages of a shared list."""
        return self.limits.shared_list is not None and self.wanted.pipeline is not None

    @property
    def label(self) -> str:
        """What people shall see as the pipeline's name; that of a list of options is left alone."""
        if self.wanted.label is not None:
            return self.wanted.label
        spelled = self.wanted.pipeline
        if spelled is None or (self.pipeline and self.pipeline.id == spelled and not self.limits.ids_are_labels):
            return self.pipeline.label if self.pipeline else ""
        return spelled

    @property
    def title(self) -> str:
        """What people call it, with what it is: the pipeline, or the field."""
        return f'pipeline "{self.label}"' if self.wanted.pipeline is not None else self.wanted.field

    @property
    def offered(self) -> frozenset[str]:
        """The ids of the stages that the pipeline offers; of a list, of those that are active."""
        found = self.pipeline.stages if self.pipeline else ()
        return frozenset(stage.id for stage in found if stage.active)

    @property
    def unlisted(self) -> tuple[SystemStage, ...]:
        """Stages that people can choose here and that no file names, as far as they were not there before."""
        ours = {one.stage.id for one in self.stages if one.stage} | {one.stage.id for one in self.leftovers}
        known = {*ours, *self.ids.left_alone}
        found = self.pipeline.stages if self.pipeline else ()
        return tuple(stage for stage in found if stage.active and stage.id not in known)

    def now_known(self) -> ListIds:
        """The ids that are to be kept: of what is there, and of what is still to be retired."""
        stages: dict[Key, list[str]] = {}
        for bound in self.stages:
            for key in bound.wanted.keys:
                known = stages.setdefault(key, [])
                if bound.stage is not None and len(known) == bound.wanted.place:  # each in the place of its spelling
                    known.append(bound.stage.id)
        retiring: dict[Key, tuple[str, ...]] = {}
        for leftover in self.leftovers:
            for key in leftover.keys:
                retiring[key] = (*retiring.get(key, ()), leftover.stage.id)
        pipeline = self.pipeline.id if self.pipeline is not None and self.wanted.pipeline is not None else None
        there = {stage.id for stage in self.pipeline.stages} if self.pipeline else set()
        left_alone = {*(there & {*self.ids.left_alone}), *(stage.id for stage in self.unlisted)}
        by_key = {key: tuple(ids) for key, ids in stages.items() if ids}
        return ListIds(pipeline, by_key, tuple(sorted(left_alone)), retiring)


def bind(configuration: Configuration, process: Process, found: Found) -> tuple[Bound, ...]:
    """Every wanted list, once for each object that has it, with what stands for it now."""
    paths = {wanted.path for wanted in configuration.lists}
    taken = {ids.pipeline for path, ids in configuration.ids.items() if path in paths and ids.pipeline is not None}
    known = _known_by_place(configuration, process)
    shared: dict[tuple[str, str], _There] = {}
    bounds = []
    for wanted in configuration.lists:
        ids = configuration.ids.get(wanted.path, ListIds())
        for object in wanted.objects:
            limits = found.limits.get((object, wanted.field))
            if limits is None:
                continue
            pipeline = _pipeline(wanted, object, limits, ids, found, taken)
            if pipeline is not None and wanted.pipeline is not None:
                taken.add(pipeline.id)
            if limits.shared_list is None:
                there = _There(pipeline)
            else:
                place = (object, limits.shared_list)
                there = shared.get(place) or _There(found.pipeline(*place), known.get(wanted.field))
                shared[place] = there
            bounds.append(_bound(wanted, object, limits, ids, process, pipeline, there))
    return tuple(bounds)


Shared = Mapping[str, set[Key]]
"""Ids of a shared list that any wanted list has, with the keys that it knows them by."""


class _There:
    """The stages of a list by their ids, and the ids by what people and other pipelines call them."""

    def __init__(self, holder: Pipeline | None, shared: Shared | None = None) -> None:
        self.stages = {stage.id: stage for stage in holder.stages} if holder else {}
        self.shared = shared or {}
        self._places = {id: place for place, id in enumerate(self.stages)}
        self._by_label: dict[str, list[str]] = {}
        self._by_key: dict[Key, list[str]] = {}
        for id, stage in self.stages.items():
            self._by_label.setdefault(stage.label.casefold(), []).append(id)
            for key in self.shared.get(id, ()):
                self._by_key.setdefault(key, []).append(id)

    def known_as(self, keys: Iterable[Key]) -> list[str]:
        """The ids that any pipeline knows by one of these keys."""
        return self._in_order(id for key in keys for id in self._by_key.get(key, ()))

    def named(self, wanted: WantedStage) -> list[str]:
        """The ids of stages that are called as a wanted one is."""
        spelled = [wanted.spelled] if wanted.spelled in self.stages else []
        return self._in_order([*spelled, *(id for name in _names(wanted) for id in self._by_label.get(name, ()))])

    def _in_order(self, ids: Iterable[str]) -> list[str]:
        return sorted(set(ids), key=self._places.__getitem__)


def _known_by_place(configuration: Configuration, process: Process) -> dict[str, dict[str, set[Key]]]:
    """By field, the ids that are managed there."""
    found: dict[str, dict[str, set[Key]]] = {}
    for wanted in configuration.lists:
        ids = _today(wanted, configuration.ids.get(wanted.path, ListIds()), process)
        for key, known in ids.stages.items():
            for id in known:
                found.setdefault(wanted.field, {}).setdefault(id, set()).add(key)
    return found


def _bound(
    wanted: WantedList,
    object: str,
    limits: StageLimits,
    ids: ListIds,
    process: Process,
    pipeline: Pipeline | None,
    there: _There,
) -> Bound:
    claims = _claims(wanted, _today(wanted, ids, process), there, process, by_id=not limits.ids_are_labels)
    stages = tuple(_stage(place, one, claims, there.stages) for place, one in enumerate(wanted.stages))
    claimed = {claim.id for claim in claims.values()}
    leftovers = tuple(_leftovers(wanted, ids, process, there.stages, claimed, stages))
    return Bound(wanted, object, limits, ids, pipeline, stages, leftovers)


def _today(wanted: WantedList, ids: ListIds, process: Process) -> ListIds:
    """The ids by the keys that stages have today. Keys of lists that are not synced are no stages of the process."""
    return ids.moved(process) if wanted.kind is not None else ids


class _Claim(NamedTuple):
    """The id that stands for a wanted stage, and whether it was managed before."""

    id: str
    was_managed: bool


_Claims = Mapping[int, _Claim]
"""By the place of the wanted stage."""


def _stage(place: int, wanted: WantedStage, claims: _Claims, there: Mapping[str, SystemStage]) -> BoundStage:
    claim = claims.get(place)
    return BoundStage(wanted) if claim is None else BoundStage(wanted, there[claim.id], claim.was_managed)


def _pipeline(
    wanted: WantedList, object: str, limits: StageLimits, ids: ListIds, found: Found, taken: set[str]
) -> Pipeline | None:
    """By its id; one that was never ours by the name that the file gives it, as id or as label."""
    if wanted.pipeline is None:
        return found.pipeline(object, limits.shared_list or wanted.field)
    if ids.pipeline is not None and (known := found.pipeline(object, ids.pipeline)) is not None:
        return known
    free = [one for one in found.lists(object) if one.id not in taken and one.id != limits.shared_list]
    by_id = next((one for one in free if one.id == wanted.pipeline), None)
    names = {name.casefold() for name in (wanted.label, wanted.pipeline) if name}
    return by_id or next((one for one in free if one.label.casefold() in names), None)


def _claims(wanted_list: WantedList, ids: ListIds, there: _There, process: Process, *, by_id: bool) -> _Claims:
    """What stands for each wanted stage. No id stands for two; those that are called alike come first.

    What another pipeline knows by another key is not taken for this one, whatever it is called. `by_id` says that ids
    are no labels: who writes one means it.
    """
    stages = wanted_list.stages
    every = [*ids.stages.items(), *ids.retiring.items()]
    managed = {id for _, known in every for id in known}
    freed = {id for key, known in every if not _is_sent(wanted_list, key, process) for id in known}
    claims: dict[int, _Claim] = {}
    taken: set[str] = set()

    def claim(place: int, candidates: Iterable[str], *, was_managed: bool) -> None:
        id = next((id for id in candidates if id in there.stages and id not in taken), None)
        if id is not None and place not in claims:
            claims[place] = _Claim(id, was_managed)
            taken.add(id)

    for place, wanted in enumerate(stages if by_id else ()):
        claim(place, [wanted.spelled], was_managed=wanted.spelled in managed)
    for place, wanted in enumerate(stages):
        sure = [id for id in _managed(wanted, ids) if id in there.stages and _is_named(wanted, there.stages[id])]
        claim(place, sure, was_managed=True)
    for place, wanted in enumerate(stages):
        claim(place, _managed(wanted, ids), was_managed=True)
    for place, wanted in enumerate(stages):
        claim(place, [id for id in there.named(wanted) if id in freed], was_managed=True)
        claim(place, there.known_as(wanted.keys), was_managed=False)
    for is_label in (True, False):
        for place, wanted in enumerate(stages):
            strangers = [id for id in there.named(wanted) if id not in managed and id not in there.shared]
            strangers = [
                id for id in strangers if not is_label or there.stages[id].label.casefold() in _names(wanted)
            ]
            strangers.sort(key=lambda id: not there.stages[id].active)
            claim(place, strangers, was_managed=False)
    return claims


def _is_sent(wanted: WantedList, key: Key, process: Process) -> bool:
    """Whether the files say of a stage that its records go to another one."""
    is_moved = wanted.kind is not None and process.current_key(key.name) != key.name
    return key.name in wanted.retire or (is_moved and key.group == "values")


def _managed(wanted: WantedStage, ids: ListIds) -> list[str]:
    """The ids that its keys have; where a key has as many as there are spellings, the one in the same place."""
    found: list[str] = []
    for key in wanted.keys:
        known = ids.stages.get(key, ())
        first = known[wanted.place : wanted.place + 1]
        found += [*first, *(id for id in known if id not in first)]
    return list(dict.fromkeys(found))


def _is_named(wanted: WantedStage, stage: SystemStage) -> bool:
    return stage.id == wanted.spelled or stage.label.casefold() in _names(wanted)


def _names(wanted: WantedStage) -> set[str]:
    return {name.casefold() for name in (wanted.spelled, wanted.label) if name}


def _leftovers(
    wanted: WantedList,
    ids: ListIds,
    process: Process,
    there: Mapping[str, SystemStage],
    claimed: set[str],
    stages: Sequence[BoundStage],
) -> Iterator[Leftover]:
    keys: dict[str, list[Key]] = {}
    for key, known in sorted([*ids.stages.items(), *ids.retiring.items()]):  # as the file of ids has them
        for id in known:
            if id in there and there[id].active and id not in claimed:
                keys.setdefault(id, []).append(key)
    for id, of in keys.items():
        yield Leftover(tuple(of), there[id], _destination(wanted, of, process, stages))


def _destination(
    wanted: WantedList, keys: Sequence[Key], process: Process, stages: Sequence[BoundStage]
) -> BoundStage | None:
    """Where the files send its records: to the stage that has one of its keys now, or the one that is named."""
    for key in keys:
        is_ours = wanted.kind is not None and key.group == "values"
        name = process.current_key(key.name) if is_ours else key.name
        target = wanted.stage(name) or wanted.stage(wanted.retire.get(key.name, ""))
        if target is not None:
            return next(bound for bound in stages if bound.wanted == target)
    return None
