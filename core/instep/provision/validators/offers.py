"""Choices that a variant of a record does not offer: a new value is offered to none until somebody adds it there."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.validators.view import View
from instep.sync.health.finding import Finding
from instep.sync.health.stages import offers


def check(view: View) -> Iterator[Finding]:
    for object, mapping in view.live.mapping.objects.items():
        lists = (of.limits for of in view.plan.compared.lists if of.object == object)
        told = {limits.field for limits in lists if limits.shared_list is not None}
        yield from offers(view.live, mapping, object, besides=told)
