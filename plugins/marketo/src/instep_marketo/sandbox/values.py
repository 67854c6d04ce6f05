"""What leads take and show: values by their fields' types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from instep_marketo.sandbox.definitions import Field
from instep_marketo.sandbox.errors import RefusedError

WHOLE = {"integer", "score", "reference"}
BROKEN = {"float", "currency", "percent"}


def stored(field: Field, value: Any, *, trim: bool = False) -> Any:
    """A value as it is kept; refuses one of another type."""
    if value is None or value == "":
        return None
    if field.type in WHOLE and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass
    elif field.type in BROKEN and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    elif field.type == "boolean":
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
    elif field.type in ("date", "datetime"):
        return _moment(field, value)
    elif isinstance(value, str | int | float):
        return _text(field, str(value).strip() if trim else str(value))
    raise RefusedError("1001", f"Invalid value '{value}'. Required of type '{field.type}'")


def _moment(field: Field, value: Any) -> Any:
    try:
        return date.fromisoformat(value) if field.type == "date" else datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise RefusedError("1001", f"Invalid value '{value}'. Required of type '{field.type}'") from None


def _text(field: Field, text: str) -> str:
    if field.type == "email" and not text.isascii():
        raise RefusedError("1003", f"Invalid data: '{text}' is not an e-mail address")
    if field.length and len(text) > field.length:
        raise RefusedError("1001", f"Invalid value '{text[:20]}'. Required of type '{field.type}'")
    return text


def shown(lead: dict[str, Any], names: Iterable[str], *, omit_nulls: bool) -> dict[str, Any]:
    """A lead as it is read."""
    found = {name: plain(lead.get(name)) for name in names}
    return {name: value for name, value in found.items() if value is not None or not omit_nulls}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def iso(at: datetime) -> str:
    """A moment as leads show it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_twice(at: datetime) -> str:
    """A moment as assets show it: with both zones."""
    return f"{iso(at)}+0000"
