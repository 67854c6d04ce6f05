"""Cells and values: a table of examples, and the way back."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.values import Money, Scalar
from instep_files.settings import column_type
from instep_files.values import decode, encode

MEANINGS = [
    ("text", " as it stands ", " as it stands "),
    ("text", "007", "007"),
    ("number", "1100.04", Decimal("1100.04")),
    ("number", " -3 ", Decimal(-3)),
    ("number:,", "1100,04", Decimal("1100.04")),
    ("boolean", "YES", True),
    ("boolean", "0", False),
    ("date", "2026-03-01", date(2026, 3, 1)),
    ("date:%m/%d/%Y", "3/1/2017", date(2017, 3, 1)),
    ("date:%d.%m.%Y", "01.03.2017", date(2017, 3, 1)),
    ("instant", "2026-01-05T09:30:00+02:00", datetime(2026, 1, 5, 7, 30, tzinfo=UTC)),
    ("instant", "2026-01-05 09:30:00", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
    ("instant:Europe/Berlin", "2026-01-05 09:30:00", datetime(2026, 1, 5, 8, 30, tzinfo=UTC)),
    ("list:;", "tea; coffee ;", ("tea", "coffee")),
]


@pytest.mark.parametrize(("type", "cell", "value"), MEANINGS)
def test_a_cell_means_a_typed_value(type: str, cell: str, value: Scalar) -> None:
    assert decode(cell, column_type(type)) == value


@pytest.mark.parametrize("type", ["text", "number", "boolean", "date", "instant", "list"])
def test_a_blank_cell_is_none_and_none_is_a_blank_cell(type: str) -> None:
    assert decode("", column_type(type)) is None
    assert encode(None, column_type(type)) == ""


@pytest.mark.parametrize(
    ("type", "cell"),
    [
        ("number", "12 apples"),
        ("number", "NaN"),
        ("number", "1_000"),
        ("number", "1,100.04"),
        ("number:,", "1.100"),
        ("boolean", "perhaps"),
        ("date", "3/1/2017"),
        ("date:%m/%d/%Y", "13/13/2017"),
        ("instant", "yesterday"),
    ],
)
def test_a_cell_that_does_not_fit_its_type_says_so(type: str, cell: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        decode(cell, column_type(type))


@pytest.mark.parametrize(
    ("like", "told"), [("", "false"), ("yes", "no"), ("Yes", "No"), ("TRUE", "FALSE"), ("1", "0"), ("Y", "N")]
)
def test_a_boolean_is_written_in_the_style_found(like: str, told: str) -> None:
    assert encode(False, column_type("boolean"), like) == told


def test_a_text_that_means_a_fitting_value_is_written_as_that_value() -> None:
    assert encode("yes", column_type("boolean"), "FALSE") == "TRUE"
    assert encode("7,50", column_type("number:,")) == "7,50"


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("number", "a dozen"),
        ("number", True),
        ("boolean", "perhaps"),
        ("date", datetime(2026, 1, 5, tzinfo=UTC)),
        ("instant", date(2026, 1, 5)),
        ("text", Money(Decimal(5), "EUR")),
        ("list:;", ("a;b",)),
    ],
)
def test_a_value_that_does_not_fit_the_column_is_refused(type: str, value: Scalar) -> None:
    with pytest.raises(ValueError, match=" "):
        encode(value, column_type(type))


_INSTANTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_VALUES = {
    "text": st.text(min_size=1),
    "number": st.decimals(allow_nan=False, allow_infinity=False, places=4),
    "number:,": st.decimals(allow_nan=False, allow_infinity=False, places=2),
    "boolean": st.booleans(),
    "date": st.dates(),
    "date:%d/%m/%Y": st.dates(min_value=date(1000, 1, 1)),
    "instant": _INSTANTS,
    "instant:Europe/Berlin": _INSTANTS,
}


@given(st.data())
def test_what_is_written_is_what_is_read(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(_VALUES)))
    value = data.draw(_VALUES[name])
    assert decode(encode(value, column_type(name)), column_type(name)) == value
