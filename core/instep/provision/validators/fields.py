"""Fields that the mapping needs, and that only the system itself, or a person, can make."""

from __future__ import annotations

from collections.abc import Iterator

from instep.contract import Absent
from instep.provision.fields import WantedField, is_custom
from instep.provision.validators.view import View
from instep.sync.health.finding import Finding
from instep.sync.health.ours import OURS


def check(view: View) -> Iterator[Finding]:
    found = view.plan.compared.found
    for wanted in view.plan.compared.wanted.fields:
        known = found.fields.get(wanted.object)
        if known is None or wanted.is_stage:
            continue
        there = next((field for field in known if field.name == wanted.name), None)
        if there is None and not (is_custom(found, wanted.name) and wanted.spec is not None):
            what = f"{wanted.object} has no field {wanted.name} ({wanted.canonical}) that this login sees"
            yield view.finding("field-by-hand", what, _remedy(view, wanted), "warning")
        if there is not None and there.options is not None and not is_custom(found, wanted.name):
            missing = [o.label for o in wanted.options if o.value not in {known.value for known in there.options}]
            if missing:
                what = f"{wanted.object}.{wanted.name} has no option {', '.join(missing)}"
                yield view.finding("option-by-hand", what, "Add it there, or change the mapping.", "warning")


def _remedy(view: View, wanted: WantedField) -> str:
    """Where fields cannot be configured, those that Instep keeps for itself can still be made."""
    is_makable = view.plan.compared.found.field_limits is None and not isinstance(view.live.parts.fields, Absent)
    if wanted.canonical in OURS and is_makable:
        return f"Make it: instep doctor --create-fields {view.plan.connection}"
    return "Correct its name in the mapping, make it there, or let this login see it."
