"""Whether every list that the files name is one, and is there or can be made."""

from __future__ import annotations

from collections.abc import Iterator

from instep.contract import Absent, ConfigurableStages
from instep.model.configuration import WantedList
from instep.provision.fields import is_custom
from instep.provision.found import Found
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    stages, plan = view.live.parts.stages, view.plan
    lists = plan.compared.wanted.configuration.lists
    if not isinstance(stages, ConfigurableStages):
        if lists and not isinstance(stages, Absent):
            why = "Its connector only reads them."
            yield view.finding(
                "stages-fixed", f"no stages can be configured: {why}", "Configure them there.", "warning"
            )
        return
    for wanted in lists:
        if not any(_is_list(plan.compared.found, wanted, object) for object in wanted.objects):
            what = f"{' or '.join(wanted.objects)} has no list of stages in {wanted.field}"
            yield view.finding("no-list", what, "Correct the field in the mapping, or make it a choice there.")
    for bound in plan.compared.bounds:
        if bound.pipeline is None and bound.wanted.pipeline is not None and not bound.limits.makes_pipelines:
            what = f'{bound.object} has no "{bound.label}", and none can be made by the API'
            yield view.finding("pipeline-absent", what, "Make it there, or correct its name in the mapping.")


def _is_list(found: Found, wanted: WantedList, object: str) -> bool:
    """Whether a field holds stages, or is one that is to be made: only those of a plain choice are.

    In a system without choices it is a text, which takes any value: there is nothing to configure but the field.
    """
    if (object, wanted.field) in found.limits:
        return True
    there = next((field for field in found.fields.get(object, ()) if field.name == wanted.field), None)
    is_plain = wanted.kind is not None and wanted.pipeline is None
    if there is None:
        return is_plain and is_custom(found, wanted.field)
    has_choices = found.field_limits is None or "choice" in found.field_limits.types
    return is_plain and not has_choices and there.type == "text" and not there.read_only
