from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from instep.model.values import Money, Scalar
from instep_hubspot.values import as_text, typed

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("firstname", "Ada", "Ada"),
        ("firstname", "", None),
        ("firstname", None, None),
        ("instep_score", "42.5", "42.5"),
        ("amount", "1200.50", Decimal("1200.50")),
        ("amount", "about 5", "about 5"),
        ("numberofemployees", "7", Decimal(7)),
        ("closedate", "2026-01-05T09:00:00Z", NINE),
        ("closedate", "2026-01-05T09:00:00.250Z", NINE + timedelta(milliseconds=250)),
        ("closedate", "1767603600000", NINE),
        ("closedate", "soon", "soon"),
        ("hs_v2_date_entered_lead", "2026-01-05T09:00:00Z", NINE),
        ("hs_lifecyclestage_lead_date", "2026-01-05T09:00:00Z", NINE),
        ("hs_email_optout", "true", True),
        ("hs_email_optout", "false", False),
        ("hubspot_owner_id", "0042", "0042"),
    ],
)
def test_text_becomes_what_the_property_is_known_to_hold(name: str, text: str | None, value: Scalar) -> None:
    assert typed({name: text}, [name]) == {name: value}


def test_what_hubspot_leaves_out_stays_absent() -> None:
    assert typed({"a": "1"}, ["a", "b"]) == {"a": "1"}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("firstname", "Ada", "Ada"),
        ("firstname", None, ""),
        ("instep_score", Decimal("42.50"), "42.50"),
        ("instep_score", Decimal("1E+3"), "1000"),
        ("amount", Money(Decimal("12.30"), "EUR"), "12.30"),
        ("some_count", 7, "7"),
        ("hs_flag", True, "true"),
        ("hs_flag", False, "false"),
        ("some_day", date(2026, 1, 5), "2026-01-05"),
        ("closedate", date(2026, 1, 5), "2026-01-05T00:00:00.000Z"),
        ("closedate", NINE, "2026-01-05T09:00:00.000Z"),
        ("closedate", NINE.astimezone(timezone(timedelta(hours=2))), "2026-01-05T09:00:00.000Z"),
        ("choices", ("a", "b"), "a;b"),
    ],
)
def test_a_value_becomes_the_text_that_hubspot_takes(name: str, value: Scalar, text: str) -> None:
    assert as_text(name, value) == text


@pytest.mark.parametrize("name", ["amount", "closedate", "hs_email_optout", "firstname"])
def test_a_value_survives_the_round_trip(name: str) -> None:
    value: Scalar = {"amount": Decimal("9.90"), "closedate": NINE, "hs_email_optout": True}.get(name, "Ada")
    assert typed({name: as_text(name, value)}, [name]) == {name: value}
