"""The standard value sets: opportunity stages, lead statuses, and the picklists that other standard fields share.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_standardvalueset.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from instep_salesforce.sandbox.metadata import values as lists
from instep_salesforce.sandbox.metadata.kinds import Kind, Listed
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.metadata.stage_sets import LeadStatuses, OpportunityStages
from instep_salesforce.sandbox.org import Org

FIELDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "AccountOwnership": (("Account", "Ownership"),),
    "AccountRating": (("Account", "Rating"), ("Lead", "Rating")),
    "AccountType": (("Account", "Type"),),
    "CampaignStatus": (("Campaign", "Status"),),
    "CampaignType": (("Campaign", "Type"),),
    "ContactRole": (("OpportunityContactRole", "Role"),),
    "EventSubject": (("Event", "Subject"),),
    "EventType": (("Event", "Type"),),
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
    "TaskSubject": (("Task", "Subject"),),
    "TaskType": (("Task", "Type"),),
}
"""The fields whose choices each set holds.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/standardvalueset_names.htm
"""


class ValueList(Protocol):
    """The values of one set."""

    def shown(self) -> list[Definition]:
        """The values as the set's definition has them."""
        ...

    def replace(self, values: Sequence[Definition], user: str) -> None:
        """Let the set have these values."""
        ...


class SharedValues:
    """The values of a set that some standard fields share."""

    def __init__(self, org: Org, fields: Iterable[tuple[str, str]]) -> None:
        self._org = org
        self._fields = [(org.kinds[object], name) for object, name in fields]

    def shown(self) -> list[Definition]:
        """The values, without anything of their own."""
        kind, name = self._fields[0]
        return lists.shown(self._org, kind.fields[name].options)

    def replace(self, values: Sequence[Definition], user: str) -> None:
        """Give them to all fields."""
        lists.require_sound(values)
        for kind, name in self._fields:
            item = kind.fields[name]
            self._org.redefine(kind, replace(item, options=lists.merged(item.options, values)))


class StandardValueSets(Kind):
    """Sets that can be read and updated, and neither made nor deleted."""

    type = "StandardValueSet"
    directory = "standardValueSets"
    suffix = "standardValueSet"

    def listed(self) -> Iterable[Listed]:
        """Nothing in most orgs: the sets are asked for by their names."""
        names = ("OpportunityStage", "LeadStatus", *FIELDS)
        return [Listed(name) for name in sorted(names)] if self.org.personality.lists_standard_value_sets else ()

    def _values(self, name: str) -> ValueList | None:
        if name == "OpportunityStage":
            return OpportunityStages(self.org)
        if name == "LeadStatus":
            return LeadStatuses(self.org)
        return SharedValues(self.org, FIELDS[name]) if name in FIELDS else None

    def read(self, name: str) -> Definition | None:
        """A set with its values in the order in which people see them."""
        found = self._values(name)
        return None if found is None else {"fullName": name, "sorted": False, "standardValue": found.shown()}

    def update(self, definition: Definition, user: str) -> None:
        """Let a set have these values, in this order; those that are left out become inactive."""
        found = self._values(definition["fullName"])
        if found is None:
            raise self.missing(definition["fullName"])
        values = definition.get("standardValue", [])
        if definition["sorted"]:
            values = sorted(values, key=lambda value: lists.label_of(value).lower())
        found.replace(values, user)
