"""How the standard objects are written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from instep_salesforce.sandbox.schema import ObjectType, label_of, parse_fields

AUDIT = """
CreatedDate datetime [d]; CreatedById reference→User [d]; LastModifiedDate datetime [d];
LastModifiedById reference→User [d]; SystemModstamp datetime [d];
"""
_COMPOUNDS = ("Address", "MailingAddress", "OtherAddress", "BillingAddress", "ShippingAddress")
_PARTS = (
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
)


def make(name: str, prefix: str, fields: str, **more: Any) -> ObjectType:
    """An object from its fields in the short notation; `Id` and, if it has any, audit fields are theirs."""
    made = {item.name: item for item in parse_fields(fields)}
    for compound in _COMPOUNDS:
        if compound in made:
            for part in _PARTS:
                own = compound.removesuffix("Address") + part
                made[own] = replace(made[own], compound=compound)
    if "LastName" in made and "Name" in made:
        for part in ("LastName", "FirstName", "Salutation"):
            if part in made:
                made[part] = replace(made[part], compound="Name")
    label = more.pop("label", label_of(name))
    plural = more.pop("plural", f"{label[:-1]}ies" if label.endswith("y") else f"{label}s")
    if "Name" not in made:
        more.setdefault("name_field", "")
    return ObjectType(name, prefix, label, plural, made, **more)


def read_only(name: str, prefix: str, fields: str, **more: Any) -> ObjectType:
    """An object that can only be queried."""
    flags = {"createable": False, "updateable": False, "deletable": False, "undeletable": False}
    return make(name, prefix, fields, **{**flags, **more})
