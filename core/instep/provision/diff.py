"""What is to be done in one system, so that it is as the files say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from instep.contract import SystemStage
from instep.model.configuration import Configuration
from instep.model.process import Process
from instep.provision.bind import Bound, BoundStage, Leftover, bind
from instep.provision.fields import WantedField, field_steps
from instep.provision.found import Found, Holding
from instep.provision.lists import ListBound, holding_places, list_steps
from instep.provision.steps import Step, in_order


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files want of one connection."""

    connection: str
    configuration: Configuration
    process: Process
    fields: tuple[WantedField, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """What is wanted beside what is there."""

    wanted: Wanted
    found: Found
    bounds: tuple[Bound, ...]
    lists: tuple[ListBound, ...]

    def steps(self) -> tuple[Step, ...]:
        """Everything that is to be done, as far as it can be said before the first of it is done."""
        fields = field_steps(self.wanted.fields, self.found)
        return in_order([*fields, *(step for of in self.lists for step in list_steps(self.found, of))])

    def holding(self) -> list[Holding]:
        """The stages that are wanted no more, and whose records have to be looked for."""
        return sorted({place for bound in self.bounds for place in holding_places(bound)}, key=str)


def compare(wanted: Wanted, found: Found) -> Compared:
    """Bind what is wanted to what is there."""
    bounds = _alike(bind(wanted.configuration, wanted.process, found))
    return Compared(wanted, found, bounds, tuple(_grouped(bounds, found, wanted.process)))


def _alike(bounds: Sequence[Bound]) -> tuple[Bound, ...]:
    """The same, where a stage that pipelines of a shared list call alike is known to all as soon as to one."""
    known = {
        (bound.object, bound.limits.shared_list, one.label(bound.limits).casefold()): one.stage
        for bound in bounds
        for one in bound.stages
        if one.stage is not None
    }
    return tuple(_with_known(bound, known) if bound.limits.shared_list else bound for bound in bounds)


def _with_known(bound: Bound, known: Mapping[tuple[str, str | None, str], SystemStage]) -> Bound:
    taken = {one.stage.id for one in bound.stages if one.stage} | {one.stage.id for one in bound.leftovers}

    def found(one: BoundStage) -> BoundStage:
        there = known.get((bound.object, bound.limits.shared_list, one.label(bound.limits).casefold()))
        return one if one.stage is not None or there is None or there.id in taken else replace(one, stage=there)

    return replace(bound, stages=tuple(map(found, bound.stages)))


def _grouped(bounds: Sequence[Bound], found: Found, process: Process) -> Iterator[ListBound]:
    """One list for every wanted one; pipelines that offer a selection of a shared list come together."""
    shared: dict[tuple[str, str], list[Bound]] = {}
    for bound in bounds:
        if bound.limits.shared_list is None:
            yield ListBound(bound.object, bound.limits, bound.pipeline, bound.stages, bound.leftovers, (bound,))
        else:
            shared.setdefault((bound.object, bound.limits.shared_list), []).append(bound)
    for (object, id), together in shared.items():
        stages = tuple(_merged(together, process))
        leftovers = tuple(_left(together))
        there = found.pipeline(object, id)
        yield ListBound(object, together[0].limits, there, stages, leftovers, tuple(together))


def _merged(bounds: Iterable[Bound], process: Process) -> Iterator[BoundStage]:
    """Every stage that any of the pipelines offers, once: in the order of the process, outcomes last."""
    places = process.order()
    found: dict[str, BoundStage] = {}
    for bound in bounds:
        for one in bound.stages:
            name = one.label(bound.limits).casefold()
            known = found.get(name)
            found[name] = one if known is None else _better_known(known, one)
    ordered = sorted(found.values(), key=lambda one: _rank(one, places))
    yield from ordered


def _rank(one: BoundStage, places: dict[str, int]) -> tuple[int, int]:
    if one.wanted.outcome is not None:
        return 1, 0
    known = [places[key.name] for key in one.wanted.keys if key.name in places]
    return 0, min(known, default=len(places))


def _better_known(known: BoundStage, other: BoundStage) -> BoundStage:
    """One stage that two pipelines offer, with all its keys, and what is known of it: managed, there, or nothing."""
    best = max(known, other, key=lambda one: (one.was_managed, one.stage is not None))
    keys = tuple(dict.fromkeys((*known.wanted.keys, *other.wanted.keys)))
    return replace(best, wanted=replace(known.wanted, keys=keys))


def _left(bounds: Iterable[Bound]) -> Iterator[Leftover]:
    """What is left over in every pipeline that had it, each once."""
    seen: set[str] = set()
    for bound in bounds:
        for leftover in bound.leftovers:
            if leftover.stage.id not in seen:
                seen.add(leftover.stage.id)
                yield leftover
