"""Probabilities rise along the process: what does not is read as a mistake by every forecast."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    said: set[str] = set()
    for of in view.plan.compared.lists:
        if not of.limits.has_outcomes:
            continue
        opens = [one.stage for one in of.expressed() if not one.stage.closed]
        for before, after in pairwise(opens):
            if (after.probability or 0) < (before.probability or 0):
                what = f'"{after.label}" comes after "{before.label}" in {of.title} and is less probable'
                remedy = "Correct win_probability in process.toml, or probabilities in the mapping."
                if what not in said:
                    yield view.finding("probability-falls", what, remedy, "warning")
                said.add(what)
