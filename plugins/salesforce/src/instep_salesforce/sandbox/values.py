"""Turning what was sent into what a field holds, or refusing it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from instep_salesforce.sandbox.errors import RefusedError, refused
from instep_salesforce.sandbox.ids import normalise
from instep_salesforce.sandbox.schema import Field, Value
from instep_salesforce.sandbox.times import parse_date, parse_moment, parse_time

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_INT = 2**31

Read = Callable[[Field, object], Value]


def wrong_type(item: Field, value: object) -> RefusedError:
    """400: this is no value of that type."""
    shown = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else value
    message = f"{item.label}: value not of required type: {shown}"
    return refused("INVALID_TYPE_ON_FIELD_IN_RECORD", message, item.name)


def _text(item: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise wrong_type(item, value)
    return _CONTROLS.sub("", value).strip() or None


def _multi(item: Field, value: object) -> Value:
    text = _text(item, value)
    if not isinstance(text, str):
        return None
    order = {option.value.lower(): place for place, option in enumerate(item.options)}
    chosen = dict.fromkeys(part.strip() for part in text.split(";") if part.strip())
    return ";".join(sorted(chosen, key=lambda part: order.get(part.lower(), len(order)))) or None


def _boolean(item: Field, value: object) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise wrong_type(item, value)


def _number(item: Field, value: object) -> float | None:
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong_type(item, value)
    try:
        number = float(value)
    except ValueError:
        raise wrong_type(item, value) from None
    if not math.isfinite(number):
        raise wrong_type(item, value)
    return number


def out_of_range(item: Field, value: object) -> RefusedError:
    """400: a number with too many digits."""
    message = f"{item.label}: value outside of valid range on numeric field: {value}"
    return refused("NUMBER_OUTSIDE_VALID_RANGE", message, item.name)


def _decimal(item: Field, value: object) -> Value:
    number = _number(item, value)
    if number is None:
        return None
    if abs(number) >= 10.0 ** (item.precision - item.scale):
        raise out_of_range(item, value)
    return round_half_up(number, item.scale)


def round_half_up(number: float, scale: int) -> float:
    """A number with so many decimals."""
    rounded = round(number, scale)
    if rounded == number:
        return rounded
    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP))


def _whole(item: Field, value: object) -> Value:
    number = _number(item, value)
    if number is None:
        return None
    if number != int(number):
        raise wrong_type(item, value)
    if not -_INT <= number < _INT:
        raise out_of_range(item, value)
    return int(number)


def _parsed(parse: Callable[[str], str | None]) -> Read:
    def read(item: Field, value: object) -> Value:
        if not isinstance(value, str):
            raise wrong_type(item, value)
        if not value.strip():
            return None
        if (parsed := parse(value.strip())) is None:
            raise wrong_type(item, value)
        return parsed

    return read


def _reference(item: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise wrong_type(item, value)
    if not value:
        return None
    if (id := normalise(value)) is None:
        raise refused("MALFORMED_ID", f"{item.label}: id value of incorrect type: {value}", item.name)
    return id


_READ: dict[str, Read] = {
    "boolean": _boolean,
    "int": _whole,
    "double": _decimal,
    "currency": _decimal,
    "percent": _decimal,
    "date": _parsed(parse_date),
    "datetime": _parsed(parse_moment),
    "time": _parsed(parse_time),
    "reference": _reference,
    "multipicklist": _multi,
}


def read_value(item: Field, value: object, *, null_checkbox: str = "refuse") -> Value:
    """What `item` holds after `value` was written; null and the empty text clear it."""
    if value is None:
        if item.type != "boolean":
            return None
        if null_checkbox == "refuse":
            raise wrong_type(item, value)
        return False
    read = _READ.get(item.type)
    return _text(item, value) if read is None else read(item, value)


def require_length(item: Field, value: Value) -> None:
    """Refuse a text that is too long, or an address that is none."""
    if not isinstance(value, str):
        return
    if item.length and 2 * len(value) > item.length and _units(value) > item.length:
        message = f"{item.label}: data value too large: {value[:255]} (max length={item.length})"
        raise refused("STRING_TOO_LONG", message, item.name)
    if item.type == "email" and not _EMAIL.fullmatch(value):
        raise refused("INVALID_EMAIL_ADDRESS", f"{item.label}: invalid email address: {value}", item.name)


def _units(value: str) -> int:
    return len(value.encode("utf-16-le")) // 2


def require_option(item: Field, value: Value) -> None:
    """Refuse what a restricted picklist does not offer."""
    if not item.restricted or not item.options or not isinstance(value, str):
        return
    offered = {option.value.lower() for option in item.options if option.active}
    chosen = value.split(";") if item.type == "multipicklist" else [value]
    for choice in chosen:
        if choice.lower() not in offered:
            message = f"{item.label}: bad value for restricted picklist field: {choice}"
            raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, item.name)
