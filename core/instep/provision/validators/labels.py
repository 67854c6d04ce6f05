"""Labels: not too long, not refused, and no two alike in one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from instep.provision.lists import ListBound
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        yield from _of_list(view, of)
    for bound in view.plan.compared.bounds:
        if bound.wanted.pipeline is not None and len(bound.label) > bound.limits.pipeline_label_length:
            yield _too_long(view, f'pipeline "{bound.label}"', len(bound.label), bound.limits.pipeline_label_length)


def _of_list(view: View, of: ListBound) -> Iterator[Finding]:
    labels = [one.stage.label for one in of.expressed()]
    counts = Counter(label.casefold() for label in labels)
    for label in dict.fromkeys(labels):
        if len(label) > of.limits.label_length:
            yield _too_long(view, f'stage "{label}" of {of.title}', len(label), of.limits.label_length)
        if label.casefold() in of.limits.reserved:
            what = f'"{label}" is a name that the system keeps for itself'
            yield view.finding("label-reserved", what, "Call the stage something else.")
        if counts[label.casefold()] > 1:
            what = f'{counts[label.casefold()]} stages of {of.title} are called "{label}"'
            yield view.finding("label-taken", what, "Call each stage something else, or spell them as one value.")


def _too_long(view: View, what: str, length: int, most: int) -> Finding:
    said = f"{what} has {length:,} characters, and {most:,} fit"
    return view.finding("label-too-long", said, "Shorten it.")
