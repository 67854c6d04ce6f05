"""Reading the parts of a request body, with HubSpot's refusals for what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from instep.sandbox import Request
from instep_hubspot.sandbox.errors import RefusedError, invalid

Body: TypeAlias = dict[str, object]


def malformed(detail: str) -> RefusedError:
    """400 without a category: the body cannot be read."""
    return RefusedError(400, f"Invalid input JSON on line 1, column 1: {detail}", category=None)


def body_of(request: Request) -> Body:
    """The body as an object."""
    if request.body and "json" not in request.headers.get("content-type", ""):
        raise RefusedError(415, "Unsupported Media Type", category=None)
    found = request.json() if request.body else {}
    if not isinstance(found, dict):
        raise malformed("Cannot deserialize value: an object was expected")
    return found


def list_of(request: Request) -> list[Body]:
    """The body as a list of objects."""
    found = request.json()
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise malformed("Cannot deserialize value: a list of objects was expected")
    return found


def inputs_of(body: Mapping[str, object], limit: int) -> list[Body]:
    """The inputs of a batch; too many are refused."""
    found = body.get("inputs")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise malformed("Cannot deserialize value: inputs must be a list of objects")
    within(len(found), limit)
    return found


def within(count: int, limit: int) -> None:
    """Refuse a batch with too many inputs."""
    if count > limit:
        raise invalid(
            f"The maximum number of inputs supported in a batch request is {limit}. "
            "Please reduce the number of items and try again"
        )


def text(body: Mapping[str, object], name: str) -> str:
    """A text that must be there; numbers are taken as texts."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise invalid(f"Invalid input JSON: field {name} is required", propertyName=[name])
    return value


def maybe_text(body: Mapping[str, object], name: str) -> str | None:
    """A text that may be absent."""
    return text(body, name) if body.get(name) not in (None, "") else None


def mapping(body: Mapping[str, object], name: str) -> Body:
    """An object inside the body."""
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise malformed(f"Cannot deserialize value: {name} must be an object")
    return value


def texts(body: Mapping[str, object], name: str) -> list[str]:
    """A list of texts inside the body."""
    value = body.get(name) or []
    if not isinstance(value, list):
        raise malformed(f"Cannot deserialize value: {name} must be a list")
    return [str(item) for item in value]


def page_size(request: Request, default: int, most: int) -> int:
    """How many results a page shall hold."""
    given = request.one("limit")
    if given is None:
        return default
    if not given.isdigit() or int(given) < 1:
        raise invalid(f"Invalid limit: {given}")
    if int(given) > most:
        raise invalid(f"Invalid limit: {given}. The maximum is {most}")
    return int(given)


def offset(request: Request) -> int:
    """Where a page starts."""
    given = request.one("after") or "0"
    if not given.isdigit():
        raise invalid(f"Invalid after: {given}")
    return int(given)
