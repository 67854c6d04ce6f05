"""The names of components: objects before the dot, and names in which special signs are percent-encoded."""

from __future__ import annotations

import re
from urllib.parse import unquote

from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import ObjectType

__all__ = ["decode", "encode", "require_developer_name", "require_short", "split", "unquote"]

DEVELOPER_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?!_))*(?<!_)", re.ASCII)
_SPECIAL = re.compile(r"[!-,./:-@\[-^`{-~]")
_CODE = re.compile(r"%[0-9A-Fa-f]{2}")


def encode(name: str) -> str:
    """A name as processes and record types hold it: `Proposal%2FPrice Quote`."""
    return _SPECIAL.sub(lambda sign: f"%{ord(sign[0]):02X}", name)


def decode(org: Org, name: str) -> str:
    """The name that was encoded; unless the org takes it as it is, every special sign has to be."""
    if not org.personality.raw_value_names and _SPECIAL.search(_CODE.sub("", name)):
        raise refused("FIELD_INTEGRITY_EXCEPTION", f"Picklist value: {name} is not percent-encoded")
    return unquote(name)


def split(org: Org, full_name: str, type: str) -> tuple[ObjectType, str]:
    """The object and the own name in `Object.Name`."""
    object, _, name = full_name.partition(".")
    kind = org.known(object)
    if kind is None or not name:
        message = f"In field: fullName - no {type} can be named {full_name}"
        raise refused("INVALID_CROSS_REFERENCE_KEY", message, "fullName")
    return kind, name


def require_short(name: str, value: object, most: int) -> None:
    """Refuse a text that is too long."""
    if value is not None and len(str(value)) > most:
        raise refused("STRING_TOO_LONG", f"{name}: data value too large (max length={most})", name)


def require_developer_name(type: str, name: str, most: int = 80) -> None:
    """Refuse what cannot be the developer name of a component."""
    if not DEVELOPER_NAME.fullmatch(name):
        message = (
            f"The {type} API Name can only contain underscores and alphanumeric characters. It must be unique, begin "
            "with a letter, not include spaces, not end with an underscore, and not contain two consecutive "
            "underscores."
        )
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, "fullName")
    require_short("fullName", name, most)
