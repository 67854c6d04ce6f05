"""Translates a cell's text into a typed value, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from instep.model.values import Money, Scalar
from instep_files.settings import ColumnType


class JsonText(str):
    """A nested JSON value, shown as its JSON text. It is never written."""

    __slots__ = ()


Cell = str | tuple[str, ...]
"""What a row holds: a text, or (in JSON lines only) a list of texts. The empty text is a blank cell."""

_YES_NO: Final = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off"))
_YES: Final = frozenset(yes for yes, _ in _YES_NO)
NO: Final = frozenset(no for _, no in _YES_NO)
"""Every word for no."""
_WORDS: Final = {
    "number": "no number",
    "boolean": "neither yes nor no",
    "date": "no date",
    "instant": "no point in time",
}


def decode(cell: Cell, type: ColumnType) -> Scalar:
    """The value of a cell; a blank one is None. Raises `ValueError` that says what does not fit."""
    if isinstance(cell, tuple):
        return cell if type.name == "list" else ", ".join(cell)
    if cell == "":
        return None
    return cell if type.name == "text" else _decode(cell, type)


def encode(value: Scalar, type: ColumnType, like: str = "") -> Cell:
    """The cell that holds `value`, in the manner of `like`. Raises `ValueError` that says what does not fit."""
    if value is None:
        return ""
    if isinstance(value, Money):
        raise ValueError("an amount with a currency cannot be written into one cell")
    if type.name == "text":
        return _plain(value)
    if isinstance(value, str):
        value = decode(value, type)  # a word of the mapping's, such as "yes" for who opted out
    return "" if value is None else _ENCODERS[type.name](value, type, like)


# --- from text -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def _decode(cell: str, type: ColumnType) -> Scalar:
    text = cell.strip()
    if not text:
        return None
    try:
        return _DECODERS[type.name](text, type)
    except (ValueError, InvalidOperation, OverflowError):
        expected = f" of the form {type.detail}" if type.name == "date" and type.detail else ""
        raise ValueError(f"is {_WORDS[type.name]}{expected}") from None


def _number(text: str, type: ColumnType) -> Scalar:
    if type.detail == ",":
        text = text.replace(".", "x").replace(",", ".")
    number = Decimal(text)
    if not number.is_finite() or "_" in text:
        raise ValueError
    return number


def _boolean(text: str, _: ColumnType) -> Scalar:
    word = text.lower()
    if word not in _YES and word not in NO:
        raise ValueError
    return word in _YES


def _date(text: str, type: ColumnType) -> Scalar:
    return datetime.strptime(text, type.detail).date() if type.detail else date.fromisoformat(text)  # noqa: DTZ007


def _instant(text: str, type: ColumnType) -> Scalar:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(type.detail))).astimezone(UTC)


def _list(text: str, type: ColumnType) -> Scalar:
    return tuple(part.strip() for part in text.split(type.detail) if part.strip()) or None


_DECODERS: Final[dict[str, Callable[[str, ColumnType], Scalar]]] = {
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "instant": _instant,
    "list": _list,
}


# --- to text ---------------------------------------------------------------------------------------------------


def _plain(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return "; ".join(value) if isinstance(value, tuple) else str(value)


def _number_text(value: Scalar, type: ColumnType, _: str) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("is no number")
    return _plain(value).replace(".", type.detail)


def _boolean_text(value: Scalar, _: ColumnType, like: str) -> Cell:
    if not isinstance(value, bool):
        raise ValueError("is neither yes nor no")
    style = like.strip()
    pair = next((pair for pair in _YES_NO if style.lower() in pair), _YES_NO[0])
    word = pair[0] if value else pair[1]
    if len(style) > 1 and style.isupper():
        return word.upper()
    return word.capitalize() if style[:1].isupper() else word


def _date_text(value: Scalar, type: ColumnType, _: str) -> Cell:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise ValueError("is no date")
    return value.strftime(type.detail) if type.detail else value.isoformat()


def _instant_text(value: Scalar, type: ColumnType, _: str) -> Cell:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("is no point in time")
    return value.astimezone(ZoneInfo(type.detail)).isoformat().replace("+00:00", "Z")


def _list_text(value: Scalar, type: ColumnType, _: str) -> Cell:
    parts = value if isinstance(value, tuple) else (_plain(value),)
    if any(type.detail in part for part in parts):
        raise ValueError(f'holds "{type.detail}", which separates the parts of this list')
    return parts


_ENCODERS: Final[dict[str, Callable[[Scalar, ColumnType, str], Cell]]] = {
    "number": _number_text,
    "boolean": _boolean_text,
    "date": _date_text,
    "instant": _instant_text,
    "list": _list_text,
}
