"""The options of one property as a list of stages, and what changes make of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from instep.contract import (
    AddStage,
    ChangeStage,
    Missing,
    OrderStages,
    Outcome,
    Pipeline,
    RetireStage,
    StageLimits,
    SystemStage,
    Written,
)
from instep_hubspot.refusals import taken
from instep_hubspot.schema import Option, Property, in_order

ListChange = AddStage | ChangeStage | OrderStages | RetireStage
Options = tuple[Option, ...]
T = TypeVar("T")

LIFECYCLE: Final = "lifecyclestage"
_LIFECYCLE_BY_HAND: Final = (
    "In HubSpot, under Settings, Objects, Contacts, Lifecycle Stage, add, rename, order or delete the stages; "
    "those of companies are beside them."
)
_OPTIONS_BY_HAND: Final = (
    "HubSpot lets no API change the options of this property; if a person can, it is in HubSpot under Settings, "
    "Properties."
)


def limits_of(object: str, property: Property) -> StageLimits:
    """What the options of a property can be. Each is shown by its label; records hold its value.

    HubSpot's own options have values that are no labels ("salesqualifiedlead"); those of custom properties are both.
    """
    return StageLimits(
        object,
        property.name,
        ids_are_labels=not property.hubspotDefined,
        details={"description": str},
        by_hand=by_hand(property),
    )


def by_hand(property: Property) -> str:
    """How a person changes options that no API changes; blank where the API does."""
    if not property.has_fixed_options:
        return ""
    return _LIFECYCLE_BY_HAND if property.name == LIFECYCLE else _OPTIONS_BY_HAND


def pipeline_of(object: str, property: Property) -> Pipeline:
    """The list as it is configured: an option that is hidden is not active."""
    shown = sorted(property.ordered(), key=lambda option: option.hidden)
    stages = [
        SystemStage(option.value, option.label, order, details=_details(option), active=not option.hidden)
        for order, option in enumerate(shown)
    ]
    return Pipeline(object, property.name, property.label, tuple(stages))


def after_change(options: Options, change: ListChange) -> tuple[Options, Outcome]:
    """The options with one change made, and what came of it; the same options where nothing is to be written."""
    match change:
        case AddStage(stage=stage):
            return _with(options, stage)
        case ChangeStage(before=before, after=after):
            return _with_changed(options, before, after)
        case OrderStages(ids=ids):
            return _in_order_of(options, ids), Written("", {})
        case RetireStage(id=id):
            left = tuple(option for option in options if option.value != id)
            return (left if len(left) < len(options) else options), Written(id, {})


def _with(options: Options, stage: SystemStage) -> tuple[Options, Outcome]:
    """An option more. One that is hidden is shown again, as it is wanted now; one that is shown is there already."""
    known = next((o for o in options if o.value == stage.id), None)
    known = known or next((o for o in options if stage.label in (o.label, o.value)), None)
    if known is None:
        made = Option(stage.id or stage.label, stage.label, _end(options), description=_description(stage))
        return (*options, made), Written(made.value, {}, created=True)
    if stage.id not in ("", known.value) or (known.label != stage.label and not known.hidden):
        return options, taken(stage.label)
    if not known.hidden:
        return options, Written(known.value, {})
    shown = replace(known, hidden=False, label=stage.label, description=_description(stage) or known.description)
    return _replaced(options, known, shown), Written(known.value, {})


def _end(options: Options) -> int:
    """The place after all others; where none has one, a new one needs none either."""
    last = max((option.displayOrder for option in options), default=-1)
    return last + 1 if last >= 0 or not options else -1


def _with_changed(options: Options, before: SystemStage, after: SystemStage) -> tuple[Options, Outcome]:
    known = next((option for option in options if option.value == before.id), None)
    if known is None:
        return options, Missing()
    wanted = known
    if after.label != before.label:
        wanted = replace(wanted, label=after.label)
    if _description(after) != _description(before):
        wanted = replace(wanted, description=_description(after))
    return _replaced(options, known, wanted), Written(known.value, {})


def _replaced(options: Options, before: Option, after: Option) -> Options:
    if before == after:
        return options
    return tuple(after if option is before else option for option in options)


def _in_order_of(options: Options, ids: Sequence[str]) -> Options:
    shown = {option.value: option for option in in_order(options)}
    moved = reordered(shown, ids)
    if moved == list(shown.values()):
        return options
    return tuple(replace(option, displayOrder=place) for place, option in enumerate(moved))


def reordered(shown: Mapping[str, T], ids: Sequence[str]) -> list[T]:
    """The named ones in the places that they have together, in their new order; the others stay where they are."""
    named = iter([id for id in dict.fromkeys(ids) if id in shown])
    return [shown[next(named)] if id in ids else one for id, one in shown.items()]


def clash(options: Options) -> str | None:
    """A label that two options share, which HubSpot refuses."""
    labels = [option.label for option in options]
    return next((label for label in labels if labels.count(label) > 1), None)


def _description(stage: SystemStage) -> str | None:
    text = stage.details.get("description")
    return str(text) if text else None


def _details(option: Option) -> dict[str, str]:
    return {"description": option.description} if option.description else {}
