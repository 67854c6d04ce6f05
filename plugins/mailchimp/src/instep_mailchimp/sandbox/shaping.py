"""Pages, chosen fields and links: what every answer of the API has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from instep.sandbox import Request, Response
from instep_mailchimp.sandbox.character import MailchimpPersonality
from instep_mailchimp.sandbox.errors import invalid

T = TypeVar("T")
Shown = dict[str, Any]
_DEFAULT_COUNT = 10
_MOST = 1000


def page(
    request: Request, name: str, rows: Sequence[T], show: Callable[[T], Shown], character: MailchimpPersonality
) -> Shown:
    """One page of a collection under its own name: ten rows unless asked for more, a thousand at most."""
    count, offset = _whole(request, "count", _DEFAULT_COUNT), _whole(request, "offset", 0)
    if count > _MOST:
        raise invalid("count", f"This value should be {_MOST} or less.")
    count = min(count, character.page_size or count)
    shown = [linked(show(row), request, character) for row in rows[offset : offset + count]]
    return {name: shown, "total_items": len(rows)}


def linked(value: Shown, request: Request, character: MailchimpPersonality) -> Shown:
    """A resource with the links that every one has."""
    if not character.links:
        return value
    link = {"rel": "self", "href": request.path, "method": "GET", "targetSchema": "", "schema": ""}
    return {**value, "_links": [link]}


def answer(request: Request, value: Shown) -> Response:
    """An answer with the fields that were asked for."""
    wanted, unwanted = request.many("fields"), request.many("exclude_fields")
    if wanted:
        value = _only(value, [name.split(".") for name in wanted])
    if unwanted:
        value = _without(value, [name.split(".") for name in unwanted])
    return Response.of(value)


def moment(request: Request, name: str) -> datetime | None:
    """A time among the parameters; raises a problem where it is none."""
    text = request.one(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise invalid(name, "This value is not a valid datetime.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def body(request: Request) -> dict[str, Any]:
    """The body of a request, which is an object."""
    found = request.json() if request.body else {}
    if found is None:  # Mailchimp's own client sends this where there is nothing to say
        return {}
    if not isinstance(found, dict):
        raise invalid("", "Schema describes object, but another type was found instead")
    return found


def _whole(request: Request, name: str, default: int) -> int:
    text = request.one(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name, "This value should be a whole number.")
    return int(text)


def _only(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_only(item, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept: Shown = {}
    for name in value:
        rests = [path[1:] for path in paths if path[0] == name]
        if any(not rest for rest in rests):
            kept[name] = value[name]
        elif rests:
            kept[name] = _only(value[name], rests)
    return kept


def _without(value: Any, paths: list[list[str]]) -> Any:
    if isinstance(value, list):
        return [_without(item, paths) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept: Shown = {}
    for name, item in value.items():
        rests = [path[1:] for path in paths if path[0] == name]
        if any(not rest for rest in rests):
            continue
        kept[name] = _without(item, rests) if rests else item
    return kept
