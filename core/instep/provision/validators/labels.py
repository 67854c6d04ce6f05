"""Labels: not too long, not refused, and no two alike in one list."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from instep.provision.bind import Bound
from instep.provision.lists import ListBound
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        yield from _of_list(view, of)
    bounds = [bound for bound in view.plan.compared.bounds if bound.wanted.pipeline is not None]
    for bound in bounds:
        if bound.pipeline is None or bound.pipeline.label != bound.label:
            yield from _of_label(view, bound.title, bound.label, bound.limits.pipeline_label_length)
        if any(_is_same(bound, other) for other in bounds if other is not bound):
            what = f"{bound.title} of {bound.object} is named by more than one table"
            yield view.finding("label-taken", what, "Keep one of the tables, or give it another name.")
        elif bound.pipeline is not None and _is_anothers(view, bound):
            what = f"{bound.title} of {bound.object} is to have the name that another pipeline has now"
            yield view.finding("label-taken", what, "Rename the other one first, and apply that.")


def _is_same(one: Bound, other: Bound) -> bool:
    if one.object != other.object:
        return False
    ids = {bound.pipeline.id for bound in (one, other) if bound.pipeline is not None}
    is_one = one.pipeline is not None and other.pipeline is not None and len(ids) == 1
    return is_one or folded(one.label) == folded(other.label)


def _is_anothers(view: View, bound: Bound) -> bool:
    others = [one for one in view.plan.compared.found.lists(bound.object) if one.id != (bound.pipeline or one).id]
    return any(folded(one.label) == folded(bound.label) for one in others)


def folded(label: str) -> str:
    """A label as systems compare it: without outer blanks, in one spelling of accents, in small letters."""
    return unicodedata.normalize("NFC", label).strip().casefold()


def _of_list(view: View, of: ListBound) -> Iterator[Finding]:
    pairs = list(zip(of.stages, of.expressed(), strict=True))
    labels = [one.stage.label for _, one in pairs]
    theirs = {bound.stage.label for bound, one in pairs if bound.stage and bound.stage.label == one.stage.label}
    counts = Counter(map(folded, labels))
    for label in dict.fromkeys(labels):
        if label not in theirs:  # what is there already was taken by the system
            yield from _of_label(view, f'stage "{label}" of {of.title}', label, of.limits.label_length)
        if label.casefold() in of.limits.reserved:
            what = f'"{label}" is a name that the system keeps for itself'
            yield view.finding("label-reserved", what, "Call the stage something else.")
        if counts[folded(label)] > 1:
            what = f'{counts[folded(label)]} stages of {of.title} are called "{label}"'
            yield view.finding("label-taken", what, "Call each stage something else, or spell them as one value.")


def _of_label(view: View, what: str, label: str, most: int) -> Iterator[Finding]:
    if len(label) > most:
        yield _too_long(view, what, len(label), most)
    if label != label.strip() or not label.isprintable():
        said = f"{what} begins or ends with a blank, or holds a character that cannot be seen"
        yield view.finding("label-unprintable", said, "Take it out.")


def _too_long(view: View, what: str, length: int, most: int) -> Finding:
    said = f"{what} has {length:,} characters, and {most:,} fit"
    return view.finding("label-too-long", said, "Shorten it.")
