"""Who is who: ids that survive the loss of our store, and keys that two systems may share."""

from __future__ import annotations

import base64
import hashlib
import re

from instep.model.entities import FieldType
from instep.model.values import Scalar

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def derived_id(org: str, object: str, record: str) -> str:
    """The `instep_id` of an entity first met as this record: the same on every machine, for ever."""
    digest = hashlib.sha256(f"{org}\x1f{object}\x1f{record}".encode()).digest()
    return "in_" + base64.b32encode(digest)[:20].decode().lower()


def normalised_key(type: FieldType, value: Scalar) -> str | None:
    """A value as a key: equal keys mean the same person or company. None where there is nothing to go by."""
    if value is None:
        return None
    text = " ".join(str(value).split())
    match type:
        case FieldType.EMAIL:
            return text.lower() if "@" in text[1:-1] else None
        case FieldType.DOMAIN:
            return domain(text)
        case FieldType.PHONE:
            digits = re.sub(r"\D", "", text)
            return digits if len(digits) > 6 else None
        case _:
            return text.casefold() or None


def domain(text: str) -> str | None:
    """The host of an address as people type it: "https://www.Acme.example/about" is "acme.example"."""
    host = _SCHEME.sub("", text.strip()).split("/")[0].split("?")[0].split("@")[-1].split(":")[0].lower().rstrip(".")
    host = host.removeprefix("www.")
    return host if "." in host else None
