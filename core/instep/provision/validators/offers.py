"""Choices that a variant of a record does not offer: a new value is offered to none until somebody adds it there."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.validators.view import View
from instep.sync.health.finding import Finding
from instep.sync.health.stages import offers


def check(view: View) -> Iterator[Finding]:
    fields = {of.limits.field for of in view.plan.compared.lists if of.limits.shared_list is not None}
    for object, mapping in view.live.mapping.objects.items():
        for finding in offers(view.live, mapping, object):
            if not any(f"{object}.{field} " in finding.what for field in fields):
                yield finding
