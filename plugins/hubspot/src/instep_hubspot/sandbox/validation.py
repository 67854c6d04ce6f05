"""What HubSpot accepts as a property value, and how it keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from instep_hubspot.sandbox.definitions import Property
from instep_hubspot.sandbox.errors import ValueProblem, invalid_values
from instep_hubspot.sandbox.objecttypes import ObjectType
from instep_hubspot.sandbox.portal import Portal
from instep_hubspot.sandbox.times import DAY_MS, iso, parse_ms

MAX_TEXT = 65_536
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_EMAIL = re.compile(r"[^@\s,;<>\"()]+@[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9-]+)+")
_MONEY = re.compile("amount|revenue")


class UnacceptableError(Exception):
    """A value that its property cannot hold."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


def checked_values(
    portal: Portal,
    kind: ObjectType,
    given: Mapping[str, object],
    current: Mapping[str, str],
    *,
    by_hubspot: bool = False,
) -> dict[str, str]:
    """The values as HubSpot keeps them; all refusals are reported together.

    An absent value (null) is ignored, an empty one clears. `by_hubspot` may write what others may not.
    """
    kept: dict[str, str] = {}
    problems: list[ValueProblem] = []
    for name, value in given.items():
        if value is None:
            continue
        prop = portal.property(kind, name)
        try:
            if prop is None:
                raise UnacceptableError("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            if prop.read_only and not by_hubspot:
                raise UnacceptableError("READ_ONLY_VALUE", f'"{name}" is a read only property')
            kept[name] = _kept(portal, kind, prop, _text(value), current)
        except UnacceptableError as refusal:
            problems.append(ValueProblem(name, refusal.error, str(refusal)))
    if problems:
        raise invalid_values(problems)
    return kept


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise UnacceptableError("INVALID_STRING", f"{value!r} is not a text, a number or true or false")


def _kept(portal: Portal, kind: ObjectType, prop: Property, value: str, current: Mapping[str, str]) -> str:
    if portal.personality.normalise:
        value = value.strip()
    if value == "":
        return ""
    match prop.type:
        case "string":
            return _string(portal, kind, prop, value)
        case "number":
            return _number(portal, prop, value)
        case "enumeration":
            return _chosen(portal, prop, value, current)
        case "bool":
            return _bool(value)
        case "date":
            return _date(prop, value)
        case "datetime":
            return _datetime(prop, value)
        case _:
            return value


def _string(portal: Portal, kind: ObjectType, prop: Property, value: str) -> str:
    if len(value) > MAX_TEXT:
        raise UnacceptableError(
            "PROPERTY_VALUE_TOO_LONG", f"Property value is too long: at most {MAX_TEXT} characters"
        )
    if prop.name == "email" and kind.name == "contacts":
        email = value.strip().lower()
        if not _EMAIL.fullmatch(email):
            raise UnacceptableError("INVALID_EMAIL", f"Email address {value} is invalid")
        if email in portal.blocked_emails:
            raise UnacceptableError("EMAIL_BLOCKED", f"Email address {value} was deleted for privacy reasons")
        return email
    return value


def _number(portal: Portal, prop: Property, value: str) -> str:
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        raise UnacceptableError("INVALID_LONG", f"{value} was not a valid number.")
    if portal.personality.normalise and _MONEY.search(prop.name):
        return str(Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text


def _chosen(portal: Portal, prop: Property, value: str, current: Mapping[str, str]) -> str:
    if prop.external == "owner":
        owner = portal.owners.get(value)
        if (owner is None or owner.archived) and current.get(prop.name) != value:
            raise UnacceptableError("INVALID_OWNER_ID", f"Owner with id {value} does not exist")
        return value
    if prop.external is not None:
        return value
    if not prop.is_multiple:
        _require(prop, value)
        return value
    appended = value.startswith(";")
    chosen = [part for part in value.split(";") if part]
    for part in chosen:
        _require(prop, part)
    if appended:
        chosen = [*(part for part in current.get(prop.name, "").split(";") if part), *chosen]
    return ";".join(dict.fromkeys(chosen))


def _require(prop: Property, value: str) -> None:
    if value not in prop.values:
        allowed = ", ".join(option.value for option in prop.options)
        raise UnacceptableError("INVALID_OPTION", f"{value} was not one of the allowed options: [{allowed}]")


def _bool(value: str) -> str:
    if value.lower() not in {"true", "false"}:
        raise UnacceptableError("INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]")
    return value.lower()


def _date(prop: Property, value: str) -> str:
    ms = parse_ms(value)
    if ms is None:
        raise UnacceptableError("INVALID_DATE", f"{value} was not a valid date for {prop.name}.")
    if ms % DAY_MS:
        raise UnacceptableError("INVALID_DATE", f"{value} is at {iso(ms)[11:23]} and is not midnight UTC.")
    return iso(ms)[:10]


def _datetime(prop: Property, value: str) -> str:
    ms = parse_ms(value)
    if ms is None:
        raise UnacceptableError("INVALID_DATE", f"{value} was not a valid timestamp for {prop.name}.")
    return iso(ms)
