"""Pipelines that are managed, and that no file names any more: nobody deletes them but a person."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.plan import ids_of
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    configuration = view.plan.compared.wanted.configuration
    named = {wanted.path for wanted in configuration.lists}
    for path, ids in sorted(ids_of(view.plan.compared).items()):
        if path not in named:
            place = ".".join(path)
            what = f"{place} is managed, and in no file any more: {ids.pipeline or 'its list'} is left alone"
            remedy = f"Delete it there if nobody needs it, and its table in mappings/{view.live.name}.ids.toml."
            yield view.finding("pipeline-unwanted", what, remedy, "warning")
