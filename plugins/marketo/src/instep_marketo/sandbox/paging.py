"""Opaque tokens of pages, with characters that must be encoded in an address."""

from __future__ import annotations

from base64 import b64decode, b64encode

from instep_marketo.sandbox.errors import RefusedError


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
