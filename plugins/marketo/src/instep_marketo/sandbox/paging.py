"""Pages, and opaque tokens that lead to them, with characters that must be encoded in an address."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import TypeVar

from instep.sandbox import Request
from instep_marketo.sandbox.character import MarketoPersonality
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, whole

T = TypeVar("T")
ASSET_PAGE, LARGEST_ASSET_PAGE = 20, 200


def page_of(found: Sequence[T], kind: str, request: Request, character: MarketoPersonality) -> tuple[list[T], Body]:
    """The records of the page that is asked for, and how to go on; `kind` keeps tokens of others out."""
    start, size = place_of(kind, request.one("nextPageToken")), page_size(request, character)
    more = {"nextPageToken": token_of(kind, start + size)} if start + size < len(found) else {}
    return list(found[start : start + size]), more


def page_size(request: Request, character: MarketoPersonality) -> int:
    """How many records a page of the lead database has."""
    most = character.input_limit
    asked = whole(request.one("batchSize") or most)
    if not asked:
        raise RefusedError("1001", f"Invalid value '{request.one('batchSize')}'. Required of type 'integer'")
    return min(asked, most, character.page_size or most)


def asset_page_of(found: Sequence[T], request: Request) -> list[T]:
    """Assets are paged by an offset: 20 at a time, or up to 200."""
    start, size = (
        whole(request.one(name) or default) for name, default in (("offset", 0), ("maxReturn", ASSET_PAGE))
    )
    if start is None or not size or size > LARGEST_ASSET_PAGE:
        raise RefusedError("1001", "Invalid value of offset or maxReturn. Required of type 'integer'")
    return list(found[start : start + size])


def token_of(kind: str, place: int) -> str:
    """A token that leads to a place."""
    return b64encode(f"{kind}:{place:>9}:+/".encode()).decode() + "===="


def place_of(kind: str, token: str | None) -> int:
    """The place that a token leads to; the first without one."""
    if not token:
        return 0
    try:
        found, place, _ = b64decode(token.rstrip("=") + "==").decode().split(":")
        if found == kind:
            return int(place)
    except ValueError:
        pass
    raise RefusedError("1003", "Paging token is invalid")
