"""Field values survive being stored, and hostile text is shown, never obeyed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.values import (
    Money,
    Scalar,
    comparable,
    comparable_of_stored,
    decode,
    display,
    encode,
    is_blank,
    normalised,
    of_comparable,
    pack,
    plain,
    unpack,
)

SCALARS: st.SearchStrategy[Scalar] = st.one_of(
    st.none(),
    st.text(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.builds(Money, st.decimals(allow_nan=False, allow_infinity=False, places=2), st.just("EUR")),
    st.lists(st.text(), max_size=3).map(tuple),
)


@given(st.dictionaries(st.text(), SCALARS, max_size=5))
def test_fields_come_back_as_they_were_stored(fields: dict[str, Scalar]) -> None:
    assert decode(encode(fields)) == fields


@given(SCALARS)
def test_a_value_comes_back_with_its_type(value: Scalar) -> None:
    again = unpack(pack(value))
    assert again == value
    assert type(again) is type(value)


NUMBERS = st.integers(-(10**18), 10**18) | st.decimals(-(10**25), 10**25)


@given(value=SCALARS | NUMBERS)
def test_comparable_text_stands_for_an_equal_value(value: Scalar) -> None:
    assert of_comparable(comparable(value)) == value


@given(value=NUMBERS | st.just(Decimal("-0.00")), zeros=st.integers(0, 4))
def test_a_number_has_one_comparable_text_however_it_is_spelled(value: int | Decimal, zeros: int) -> None:
    exponent = int(Decimal(value).as_tuple().exponent)
    longer = Decimal(value).quantize(Decimal((0, (1,), exponent - zeros)), context=Context(prec=100))
    assert comparable(longer) == comparable(value)
    assert comparable(Money(longer, "EUR")) == comparable(Money(Decimal(value), "EUR"))
    stored = encode({"n": longer}).removeprefix(b'{"n":').removesuffix(b"}").decode()
    assert comparable_of_stored(stored) == comparable(value)


def test_text_that_looks_like_a_number_is_none() -> None:
    assert comparable("7") != comparable(7)
    assert comparable('{"$n":"7"}') != comparable(7)


def test_blank_is_nothing_and_zero_is_something() -> None:
    assert all(is_blank(value) for value in (None, "", ()))
    assert not any(is_blank(value) for value in (0, False, Decimal(0), "0"))


def test_normalising_folds_what_vendors_fold() -> None:
    assert normalised("  ACME  Ltd ") == normalised("Acme Ltd")
    assert normalised(Decimal("1.50")) == normalised(Decimal("1.5"))
    assert normalised(("b", "a")) == normalised(("a", "b"))


def test_a_terminal_escape_is_made_visible() -> None:
    assert plain("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert display("a\nb") == "a\\x0ab"


@pytest.mark.parametrize("eleven", [11, Decimal(11), Decimal("11.0"), Decimal("1.1E+1")])
def test_whole_numbers_are_shown_alike(eleven: Scalar) -> None:
    assert display(eleven) == "11"


@pytest.mark.parametrize("text", ["11.5", "0.10", "1E+40", "NaN"])
def test_another_number_is_shown_with_all_its_digits(text: str) -> None:
    assert display(Decimal(text)) == text


def test_dates_are_shown_in_iso_form() -> None:
    assert display(date(2026, 3, 2)) == "2026-03-02"
    assert display(datetime(2026, 3, 2, 9, tzinfo=UTC)) == "2026-03-02 09:00:00Z"
