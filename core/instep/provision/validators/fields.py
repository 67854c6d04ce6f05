"""Fields that the mapping needs, and that only the system itself, or a person, can make."""

from __future__ import annotations

from collections.abc import Iterator

from instep.provision.fields import is_custom
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding


def check(view: View) -> Iterator[Finding]:
    found = view.plan.compared.found
    for wanted in view.plan.compared.wanted.fields:
        known = found.fields.get(wanted.object)
        if known is None or wanted.is_stage:
            continue
        there = next((field for field in known if field.name == wanted.name), None)
        if there is None and not (is_custom(found, wanted.name) and wanted.spec is not None):
            what = f"{wanted.object} has no field {wanted.name} ({wanted.canonical}) that this login sees"
            remedy = "Correct its name in the mapping, make it there, or let this login see it."
            yield view.finding("field-by-hand", what, remedy, "warning")
        if there is not None and there.options is not None and not is_custom(found, wanted.name):
            missing = [o.label for o in wanted.options if o.value not in {known.value for known in there.options}]
            if missing:
                what = f"{wanted.object}.{wanted.name} has no option {', '.join(missing)}"
                yield view.finding("option-by-hand", what, "Add it there, or change the mapping.", "warning")
