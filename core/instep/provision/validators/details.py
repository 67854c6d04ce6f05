"""The system's own words for a stage: known ones, with values that they can have."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from instep.model.values import Scalar
from instep.provision.lists import ListBound
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        for bound in of.stages:
            for word, value in bound.wanted.details.items():
                yield from _of_word(view, of, bound.wanted.name, word, value)


def _of_word(view: View, of: ListBound, stage: str, word: str, value: Scalar) -> Iterator[Finding]:
    known = of.limits.details
    if word not in known:
        words = ", ".join(sorted(known)) or "none"
        what = f'{stage} in {of.title} has the detail "{word}", which the system does not know'
        yield view.finding("detail-unknown", what, f"It knows: {words}.")
    elif not _fits(value, known[word]):
        what = f'{stage} in {of.title} has {word} = "{value}", which cannot be'
        yield view.finding("detail-unknown", what, f"Write {_spelled(known[word])}.")


def _fits(value: Scalar, allowed: Collection[str] | type) -> bool:
    if isinstance(allowed, type):
        return isinstance(value, allowed) and (allowed is bool or not isinstance(value, bool))
    return value in allowed


def _spelled(allowed: Collection[str] | type) -> str:
    names = {bool: "true or false", str: "a text", int: "a whole number"}
    return names.get(allowed, "a value") if isinstance(allowed, type) else f"one of {', '.join(sorted(allowed))}"
