"""A stage of a shared list has one probability, label and set of details, whichever pipelines offer it."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.bind import BoundStage
from instep.provision.lists import ListBound
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        if of.limits.shared_list is not None:
            yield from _of_list(view, of)


def _of_list(view: View, of: ListBound) -> Iterator[Finding]:
    first: dict[tuple[str, str], tuple[str, BoundStage]] = {}
    for bound in of.bounds:
        for stage in bound.stages:
            label = stage.label(of.limits)
            name = ("id", stage.stage.id) if stage.stage is not None else ("label", label.casefold())
            place, known = first.setdefault(name, (bound.label, stage))
            if _differs(known, stage, of):
                what = f'"{label}" is not the same in {place} and in {bound.label}'
                remedy = "The system keeps one of each, whichever pipeline offers it: say the same in both tables."
                yield view.finding("stage-disagrees", what, remedy)


def _differs(one: BoundStage, other: BoundStage, of: ListBound) -> bool:
    both = (one, other)
    said = [
        (s.label(of.limits), s.wanted.outcome, s.wanted.probability, sorted(s.wanted.details.items())) for s in both
    ]
    return said[0] != said[1]
