"""How many stages a list can have."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    for of in view.plan.compared.lists:
        ours = {bound.stage.id for bound in of.stages if bound.stage is not None}
        others = [s for s in (of.there.stages if of.there else ()) if s.active and s.id not in ours]
        count, most = len(of.stages) + len(others), of.limits.most_stages
        if most is not None and count > most:
            what = f"{of.title} would have {count:,} stages, and {most:,} are allowed"
            yield view.finding("too-many-stages", what, "Let stages share a value, or retire some.")
