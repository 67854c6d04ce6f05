"""Whether this login may apply what it plans."""

from __future__ import annotations

from collections.abc import Iterator

from instep.contract import Use
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    objects = frozenset(step.object for step in view.plan.steps)
    scopes = view.live.parts.scopes
    if not objects or scopes is None:
        return
    told = scopes(Use(frozenset(), frozenset(), configures=objects))
    for scope in sorted(told.missing) if told.granted is not None else ():
        what = f"this login may plan, and not apply: {scope} is missing"
        yield view.finding("permission-missing", what, "Grant it to the login that applies.", "warning")
