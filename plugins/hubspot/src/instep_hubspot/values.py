"""Turns HubSpot's text into typed scalars, and back.

HubSpot gives every value as text. Well-known properties are typed from the tables below, without asking HubSpot
for its property list; everything else, custom numbers and dates included, stays text, which core's mapping reads
as the type that the canonical field has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final

from instep.model.values import Money, Scalar

INSTANTS: Final = frozenset(
    (
        "closedate",
        "createdate",
        "first_conversion_date",
        "hs_createdate",
        "hs_lastmodifieddate",
        "hs_meeting_end_time",
        "hs_meeting_start_time",
        "hs_timestamp",
        "hubspot_owner_assigneddate",
        "lastmodifieddate",
        "notes_last_contacted",
        "notes_last_updated",
        "notes_next_activity_date",
        "recent_conversion_date",
    )
)
NUMBERS: Final = frozenset(
    (
        "amount",
        "amount_in_home_currency",
        "annualrevenue",
        "days_to_close",
        "hs_call_duration",
        "hs_deal_stage_probability",
        "hubspotscore",
        "num_associated_contacts",
        "num_associated_deals",
        "numberofemployees",
    )
)
BOOLEANS: Final = frozenset(("hs_email_optout", "hs_is_closed", "hs_is_closed_won", "is_public"))

Parser = Callable[[str], Scalar]


def parsers(fields: Iterable[str]) -> dict[str, Parser]:
    """The parser of every field that is not plain text."""
    return {name: parser for name in fields if (parser := _parser(name)) is not None}


def typed(properties: Mapping[str, str | None], wanted: Iterable[str]) -> dict[str, Scalar]:
    """The wanted fields that HubSpot gave, typed. What it left out stays absent; null and empty are None."""
    fields: dict[str, Scalar] = {}
    for name in wanted:
        if name in properties:
            text = properties[name]
            parser = _parser(name) if text else None
            fields[name] = parser(text) if parser and text else (text or None)
    return fields


def as_text(name: str, value: Scalar) -> str:
    """A value as HubSpot takes it: an empty text clears.

    developers.hubspot.com/docs/guides/api/crm/properties says how dates, numbers and choices are written.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Money):
        return format(value.amount, "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return _instant_text(value)
    if isinstance(value, date):
        is_instant = _parser(name) is _instant
        return _instant_text(datetime.combine(value, time(), UTC)) if is_instant else value.isoformat()
    if isinstance(value, tuple):
        return ";".join(value)
    return str(value)


@cache
def _parser(name: str) -> Parser | None:
    if name in INSTANTS or name.startswith(("hs_v2_date_entered_", "hs_v2_date_exited_")):
        return _instant
    if name.startswith("hs_lifecyclestage_") and name.endswith("_date"):
        return _instant
    if name in NUMBERS:
        return _number
    if name in BOOLEANS or name.startswith("hs_email_optout_"):
        return _boolean
    return None


def _instant(text: str) -> Scalar:
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return text
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _number(text: str) -> Scalar:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _boolean(text: str) -> Scalar:
    return {"true": True, "false": False}.get(text.lower(), text)


def _instant_text(value: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, the precision that HubSpot keeps."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
