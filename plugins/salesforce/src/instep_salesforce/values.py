"""Turns Salesforce's values into typed scalars, and back: for JSON, for CSV, and inside queries."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from instep.model.values import Money, Scalar

NUMBERS: Final = frozenset(("int", "long", "double", "currency", "percent"))
UNREADABLE: Final = frozenset(("address", "location", "anyType", "complexvalue", "json", "base64"))
"""Types whose values are no scalars; their parts are fields of their own."""

PYTHON_TYPES: Final[dict[str, Any]] = {
    "boolean": bool | None,
    "date": date | None,
    "datetime": datetime | None,
    **dict.fromkeys(NUMBERS, Decimal | None),
}
"""What the JSON of a type is read as; every other type is text.

developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_CHECKSUM: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ESCAPES: Final = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
_TRUE: Final = frozenset(("true", "yes", "y", "1"))
_FALSE: Final = frozenset(("false", "no", "n", "0", ""))


# --- ids -------------------------------------------------------------------------------------------------------


def is_id(text: str) -> bool:
    """Whether a text has the form of a record's id."""
    return _ID.fullmatch(text) is not None


def id18(text: str) -> str:
    """An id in its long form, which survives places that ignore case; anything else as it is.

    developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
    """
    if len(text) != 15 or not is_id(text):
        return text
    groups = (text[start : start + 5] for start in (0, 5, 10))
    return text + "".join(_CHECKSUM[sum(1 << k for k, c in enumerate(g) if "A" <= c <= "Z")] for g in groups)


# --- reading ---------------------------------------------------------------------------------------------------


def plain_number(number: Decimal) -> Decimal:
    """A number without the empty fraction that Salesforce writes: 80.0 becomes 80."""
    whole = int(number)
    return Decimal(whole) if whole == number else number


def choices(text: str) -> tuple[str, ...]:
    """The values of a field that holds several."""
    return tuple(part for part in text.split(";") if part)


# --- writing ---------------------------------------------------------------------------------------------------


def to_json(type: str, value: Scalar) -> Any:
    """A value as JSON takes it; null clears. A checkbox has no blank, so clearing it is false."""
    if type == "boolean":
        return _flag(value)
    if value is None or value in ("", ()):
        return None
    if type in NUMBERS:
        return _number(value)
    return _text(type, value)


def to_cell(type: str, value: Scalar) -> str:
    """A value as a bulk job's CSV takes it: an empty cell would leave the field alone, so `#N/A` clears.

    developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
    """
    held = to_json(type, value)
    if held is None:
        return CLEARED
    if isinstance(held, bool):
        return "true" if held else "false"
    return format(held, "f") if isinstance(held, Decimal) else str(held)


CLEARED: Final = "#N/A"
"""The cell that clears a field in a bulk job, and so a text that such a job cannot write."""


def _flag(value: Scalar) -> Any:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else str(value)


def _number(value: Scalar) -> Any:
    if isinstance(value, Money):
        return value.amount
    if isinstance(value, bool | int | Decimal):
        return Decimal(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return number if number.is_finite() else str(value)


def _text(type: str, value: Scalar) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date().isoformat() if type == "date" else instant(value)
    if isinstance(value, date):
        return instant(datetime.combine(value, time(), UTC)) if type == "datetime" else value.isoformat()
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Money):
        return format(value.amount, "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    return id18(str(value)) if type == "reference" else str(value)


# --- queries ---------------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """A text inside a query. Nothing that it holds can end the quotation.

    developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm
    """
    return f"'{text.translate(_ESCAPES)}'"


def instant(at: datetime) -> str:
    """An instant in a query or a value: UTC, to the millisecond. It is never quoted."""
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be written")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
