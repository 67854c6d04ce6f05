"""The canonical entities and the fields that Instep knows of each."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a record is about."""

    COMPANY = "company"
    OPPORTUNITY = "opportunity"
    PERSON = "person"


class FieldType(StrEnum):
    """How a canonical field is compared and translated."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    INSTANT = "instant"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"
    OWNER = "owner"


FIELDS: dict[Kind, dict[str, FieldType]] = {
    Kind.PERSON: {
        "email": FieldType.EMAIL,
        "first_name": FieldType.TEXT,
        "last_name": FieldType.TEXT,
        "phone": FieldType.PHONE,
        "title": FieldType.TEXT,
        "city": FieldType.TEXT,
        "country": FieldType.TEXT,
        "language": FieldType.CHOICE,
        "source": FieldType.CHOICE,
        "owner": FieldType.OWNER,
    },
    Kind.COMPANY: {
        "name": FieldType.TEXT,
        "domain": FieldType.DOMAIN,
        "industry": FieldType.CHOICE,
        "phone": FieldType.PHONE,
        "website": FieldType.TEXT,
        "city": FieldType.TEXT,
        "country": FieldType.TEXT,
        "employees": FieldType.NUMBER,
        "annual_revenue": FieldType.MONEY,
        "founded": FieldType.NUMBER,
        "owner": FieldType.OWNER,
    },
    Kind.OPPORTUNITY: {
        "name": FieldType.TEXT,
        "amount": FieldType.MONEY,
        "close_date": FieldType.DATE,
        "opened_on": FieldType.DATE,
        "product": FieldType.CHOICE,
        "description": FieldType.TEXT,
        "owner": FieldType.OWNER,
    },
}
"""Fields that every installation has. A mapping may add its own by giving a `type`."""

DERIVED = {
    "instep_id": FieldType.TEXT,
    "instep_stage": FieldType.TEXT,
    "proven_stage": FieldType.TEXT,
    "detour": FieldType.TEXT,
    "overdue": FieldType.BOOLEAN,
    "score": FieldType.NUMBER,
    "band": FieldType.TEXT,
    "grade": FieldType.TEXT,
}
"""Fields that Instep computes: they only ever flow out."""

RELATIONS: dict[Kind, dict[str, tuple[Kind, bool]]] = {
    Kind.PERSON: {"company": (Kind.COMPANY, False)},
    Kind.COMPANY: {},
    Kind.OPPORTUNITY: {"company": (Kind.COMPANY, False), "people": (Kind.PERSON, True)},
}
"""Relation name to the kind at its other end, and whether there may be several."""
