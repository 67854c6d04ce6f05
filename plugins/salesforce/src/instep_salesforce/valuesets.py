"""Lists of values as the Metadata API keeps them, and what changes make of them. Pure.

A list is written whole: what is left out becomes inactive. So everything that was read goes back.
developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_customvalue.htm
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from instep.contract import (
    AddStage,
    ChangeStage,
    Missing,
    OrderStages,
    Outcome,
    Rejected,
    RetireStage,
    SystemStage,
    Written,
)
from instep_salesforce.client import Component

Value = dict[str, Any]
ListChange = AddStage | ChangeStage | OrderStages | RetireStage

FORECASTS: Final = ("Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed")
SETS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "OpportunityStage": (("Opportunity", "StageName"),),
    "LeadStatus": (("Lead", "Status"),),
    "AccountOwnership": (("Account", "Ownership"),),
    "AccountRating": (("Account", "Rating"), ("Lead", "Rating")),
    "AccountType": (("Account", "Type"),),
    "CampaignStatus": (("Campaign", "Status"),),
    "CampaignType": (("Campaign", "Type"),),
    "ContactRole": (("OpportunityContactRole", "Role"),),
    "Industry": (("Account", "Industry"), ("Lead", "Industry")),
    "LeadSource": (
        ("Account", "AccountSource"),
        ("Contact", "LeadSource"),
        ("Lead", "LeadSource"),
        ("Opportunity", "LeadSource"),
    ),
    "OpportunityType": (("Opportunity", "Type"),),
    "Salutation": (("Contact", "Salutation"), ("Lead", "Salutation")),
    "TaskPriority": (("Task", "Priority"),),
    "TaskStatus": (("Task", "Status"),),
}
"""The standard fields whose choices one set holds.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/standardvalueset_names.htm
"""
SET_OF: Final = {field: name for name, fields in SETS.items() for field in fields}


def values_of(type: str, component: Component) -> list[Value]:
    """The values of a component, in the order in which people see them."""
    if type == "CustomField":
        definition = (component.get("valueSet") or {}).get("valueSetDefinition") or {}
        return list(definition.get("value") or ())
    return list(component.get(_HELD_IN[type]) or ())


def is_sorted(type: str, component: Component) -> bool:
    """Whether people see the values by their labels, whatever their order is."""
    if type == "CustomField":
        component = (component.get("valueSet") or {}).get("valueSetDefinition") or {}
    return bool(component.get("sorted"))


def with_values(type: str, component: Component, values: Values) -> Component:
    """The component with these values, and all else as it was; no more sorted by label if there is an order."""
    sorted = {"sorted": False} if values.is_ordered else {}
    if type == "CustomField":
        held = component["valueSet"]
        definition = {"sorted": False, **(held.get("valueSetDefinition") or {}), "value": values.all, **sorted}
        return {**component, "valueSet": {**held, "valueSetDefinition": definition}}
    return {**component, _HELD_IN[type]: values.all, **sorted}


_HELD_IN: Final = {"StandardValueSet": "standardValue", "GlobalValueSet": "customValue"}


def words(set: str, stage: SystemStage) -> Value:
    """What a value says of a stage, in the words of its set."""
    if set == "OpportunityStage":
        forecast = "Closed" if stage.won else "Omitted" if stage.closed else "Pipeline"
        share = stage.probability if stage.probability is not None else float(stage.won)
        return {
            "label": stage.label,
            "closed": stage.closed or stage.won,
            "won": stage.won,
            "probability": round(share * 100),
            "forecastCategory": stage.details.get("forecastCategory") or forecast,
            "description": stage.details.get("description") or None,
        }
    if set == "LeadStatus":
        return {"label": stage.label, "converted": bool(stage.details.get("converted", stage.closed))}
    return {"label": stage.label}


class Values:
    """The values of one set, on the way to what they shall be.

    `inactive` are ids that are known to be inactive, whatever the definition says: some orgs list such values there
    without a word, some leave them out.
    """

    def __init__(self, set: str, values: Sequence[Value], inactive: Collection[str]) -> None:
        self._set = set
        off = {id_of(value) for value in values if value.get("isActive") is False} | {*inactive}
        self._active = [value for value in values if id_of(value) not in off]
        self._retired = [{**value, "isActive": False} for value in values if id_of(value) in off]
        self._before = self.all
        self.is_ordered = False
        """Whether somebody wants these values in an order of their own."""

    @property
    def all(self) -> list[Value]:
        """All values, the inactive last."""
        return [*self._active, *self._retired]

    @property
    def is_changed(self) -> bool:
        return self.all != self._before

    def change(self, change: ListChange) -> Outcome:
        """Make a change; a refusal leaves everything as it was."""
        match change:
            case AddStage(stage=stage):
                return self.add(stage)
            case ChangeStage():
                return self._change(change)
            case OrderStages(list=list, ids=ids):
                return self._order(list, ids)
            case RetireStage(id=id):
                return self._retire(id)

    def add(self, stage: SystemStage) -> Outcome:
        """A new value at the end, or one that is there already, active and as it is wanted."""
        id = stage.id or stage.label
        found = _named(self._active, id) or _named(self._retired, id)
        if (other := self._other(stage.label, found)) is not None:
            return _doubled(stage.label, other)
        wanted = words(self._set, stage)
        if found is None:
            self._active.append({"fullName": id, "default": False, **wanted})
            return Written(id, {}, created=True)
        known = {name: value for name, value in wanted.items() if value is not None}
        value = {**found, **known, "isActive": found.get("isActive") or None}
        if found in self._retired:
            self._retired.remove(found)
            self._active.append(value)
        else:
            self._active[self._active.index(found)] = value
        return Written(id_of(found), {})

    def has(self, id: str) -> bool:
        return _named(self._active, id) is not None

    def _change(self, change: ChangeStage) -> Outcome:
        """Only what differs between before and after: a colleague's other changes stay."""
        found = _named(self._active, change.before.id)
        if found is None:
            return Missing()
        if (other := self._other(change.after.label, found)) is not None:
            return _doubled(change.after.label, other)
        before, after = words(self._set, change.before), words(self._set, change.after)
        different = {name: value for name, value in after.items() if before[name] != value}
        self._active[self._active.index(found)] = {**found, **different}
        return Written(id_of(found), {})

    def _order(self, list: str, ids: Sequence[str]) -> Outcome:
        """The named values in this order, in the places that they have; all others stay where they are."""
        named = [value for id in dict.fromkeys(ids) if (value := _named(self._active, id)) is not None]
        waiting = iter(named)
        self._active = [next(waiting) if value in named else value for value in self._active]
        self.is_ordered = True
        return Written(list, {})

    def _retire(self, id: str) -> Outcome:
        found = _named(self._active, id)
        if found is not None and len(self._active) == 1:
            return Rejected(
                "last", f'"{id}" is the last value of its list, and Salesforce wants one. Add another first.'
            )
        if found is not None:
            self._active.remove(found)
            self._retired.append({**found, "isActive": False, "default": False})
        return Written(id, {})

    def _other(self, label: str, than: Value | None) -> Value | None:
        """Another active value that people see under this label: Salesforce would refuse the whole list."""
        others = (value for value in self._active if value is not than)
        return next((value for value in others if _label(value).casefold() == label.casefold()), None)


def id_of(value: Value) -> str:
    return str(value["fullName"])


def _label(value: Value) -> str:
    return str(value.get("label") or value["fullName"])


def _named(values: Sequence[Value], id: str) -> Value | None:
    """A value by its id; names that differ in case are the same to Salesforce."""
    same = (value for value in values if id_of(value) == id)
    alike = (value for value in values if id_of(value).casefold() == id.casefold())
    return next(same, None) or next(alike, None)


def _doubled(label: str, other: Value) -> Rejected:
    reason = f'Another value ("{id_of(other)}") is called "{label}" already. Give one of them another label.'
    return Rejected("duplicate", reason, existing_id=id_of(other))
