"""The scalars that fields hold, and how they are stored.

A field's value is one of these types, or `None` for blank. A field that cannot be seen is absent from its
mapping: absent, blank and empty stay three different things.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and its ISO 4217 currency. Never compared or copied across currencies."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


Scalar = str | bool | int | Decimal | date | datetime | Money | tuple[str, ...] | None

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
_EXACT = Context(prec=1_000_000)
_PLAIN = frozenset({str, bool, int, type(None)})


def encode(fields: Mapping[str, Scalar]) -> bytes:
    """Fields as JSON bytes that `decode` turns back into equal values."""
    for value in fields.values():
        if type(value) not in _PLAIN:
            return _encoder.encode({name: _pack(value) for name, value in fields.items()})
    return _encoder.encode(fields)


def decode(data: bytes | str) -> dict[str, Scalar]:
    """What `encode` was given."""
    loaded: dict[str, Any] = _decoder.decode(data)
    for name, value in loaded.items():
        if type(value) is dict or type(value) is list:
            loaded[name] = _unpack(value)
    return loaded


def pack(value: Scalar) -> Any:
    """One value in its JSON form."""
    return _pack(value)


def unpack(value: Any) -> Scalar:
    """What `pack` was given."""
    return _unpack(value) if type(value) in (dict, list) else value


def comparable(value: Scalar) -> str:
    """A value as text: the same text for equal values of one type, and for equal numbers whatever their type."""
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Money):
        value = Money(_shortest(value.amount), value.currency)
    return _encoder.encode(_pack(value)).decode()


def of_comparable(text: str) -> Scalar:
    """A value that is equal to the one that `comparable` was given."""
    return unpack(_decoder.decode(text))


def comparable_of_stored(text: str) -> str:
    """The comparable text of one value in the JSON form in which `encode` stores it."""
    return comparable(of_comparable(text)) if text.startswith(('{"$n"', '{"$m"')) else text


def _number(value: Decimal) -> str:
    """A whole number is spelled as an int is, and no other with an exponent while it is of common size."""
    if (whole := _whole(value)) is not None:
        return str(whole)
    short = _shortest(value)
    return _encoder.encode({"$n": f"{short:f}" if _is_common(short) else str(short)}).decode()


def _whole(value: Decimal) -> int | None:
    """A whole number of common size as an int; None for any other."""
    short = _shortest(value)
    return int(short) if _is_common(short) and short == short.to_integral_value() else None


def _is_common(value: Decimal) -> bool:
    return value.is_finite() and -20 < value.adjusted() < 20


def _shortest(value: Decimal) -> Decimal:
    """The same number without the zeros at its end, and none of its digits lost; zero has no sign."""
    return value.normalize(_EXACT) if value else Decimal(0)


def _pack(value: Scalar) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return {"$at": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"$on": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$n": str(value)}
    if isinstance(value, Money):
        return {"$m": [str(value.amount), value.currency]}
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not a field value")


def _unpack(value: Any) -> Scalar:
    if type(value) is list:
        return tuple(value)
    ((tag, inner),) = value.items()
    match tag:
        case "$at":
            return datetime.fromisoformat(inner)
        case "$on":
            return date.fromisoformat(inner)
        case "$n":
            return Decimal(inner)
        case "$m":
            return Money(Decimal(inner[0]), inner[1])
    raise ValueError(f"{tag} is not a stored value")


def is_blank(value: Scalar) -> bool:
    """Whether there is nothing there: no value, an empty text, an empty list."""
    return value is None or value in ("", ())


_SPACES = re.compile(r"\s+")


def normalised(value: Scalar) -> Scalar:
    """The value as two systems that trim, fold spaces or round would agree on it.

    Used only to tell a vendor's normalising from a real difference; never written.
    """
    if isinstance(value, str):
        return _SPACES.sub(" ", value).strip().casefold()
    if isinstance(value, tuple):
        return tuple(sorted(str(normalised(part)) for part in value))
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, Money):
        return Money(value.amount.normalize(), value.currency)
    return value


def is_same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are the same but for what systems normalise."""
    return one == other or normalised(one) == normalised(other)


def display(value: Scalar) -> str:
    """The value as people read it: dates in ISO form, whole numbers alike, control characters made visible."""
    if value is None:
        return "(blank)"
    if isinstance(value, Decimal) and (whole := _whole(value)) is not None:
        return str(whole)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, tuple):
        return "; ".join(value)
    return plain(str(value))


def amount(number: int, word: str, words: str = "") -> str:
    """A number with its noun: "1 stage", "2 stages"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {words or word + 's'}"


def plain(text: str) -> str:
    """Text without control characters: a terminal escape in vendor data is shown, never obeyed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
