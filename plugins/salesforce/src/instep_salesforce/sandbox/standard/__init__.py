"""The objects that every org is born with."""

from __future__ import annotations

from instep_salesforce.sandbox.schema import ObjectType
from instep_salesforce.sandbox.standard import activities, campaigns, people, sales, setup
from instep_salesforce.sandbox.standard.picklists import OPTIONS

_GROUPS = (people.OBJECTS, sales.OBJECTS, campaigns.OBJECTS, activities.OBJECTS, setup.OBJECTS)


def standard_objects() -> dict[str, ObjectType]:
    """The objects of a new org by name, free to be changed."""
    found = {kind.name: kind.copy() for group in _GROUPS for kind in group}
    for name, options in OPTIONS.items():
        found[name].give_options(options)
    return found
