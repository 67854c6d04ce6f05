from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.values import Money, Scalar
from instep_salesforce import values, wire
from instep_salesforce.wire import Columns

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("0035500001H9cak", "0035500001H9cakAAB"),
        ("0012300000bVTq1", "0012300000bVTq1AAG"),
        ("00D000000000000", "00D000000000000EAA"),
        ("ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO555"),
    ],
)
def test_a_short_id_gets_its_checksum(short: str, long: str) -> None:
    assert values.id18(short) == long
    assert values.id18(long) == long


@pytest.mark.parametrize("text", ["", "1", "999999999", "0035500001H9ca-", "0035500001H9cakAA", "Müller 12345678"])
def test_what_is_no_id_stays_as_it_is(text: str) -> None:
    assert values.id18(text) == text
    assert not values.is_id(text)


@pytest.mark.parametrize(
    ("type", "value", "json", "cell"),
    [
        ("string", "Ada", "Ada", "Ada"),
        ("string", None, None, "#N/A"),
        ("string", "", None, "#N/A"),
        ("string", Decimal("12.50"), "12.50", "12.50"),
        ("string", True, "true", "true"),
        ("string", date(2024, 5, 1), "2024-05-01", "2024-05-01"),
        ("double", Decimal("12.50"), Decimal("12.50"), "12.50"),
        ("double", "12.5", Decimal("12.5"), "12.5"),
        ("double", "a dozen", "a dozen", "a dozen"),
        ("double", Decimal("1E+3"), Decimal("1E+3"), "1000"),
        ("currency", Money(Decimal("99.90"), "EUR"), Decimal("99.90"), "99.90"),
        ("int", 5, Decimal(5), "5"),
        ("int", None, None, "#N/A"),
        ("boolean", True, True, "true"),
        ("boolean", None, False, "false"),
        ("boolean", "true", True, "true"),
        ("boolean", "No", False, "false"),
        ("boolean", "perhaps", "perhaps", "perhaps"),
        ("date", date(2024, 5, 1), "2024-05-01", "2024-05-01"),
        ("date", datetime(2024, 5, 1, 23, tzinfo=timezone(timedelta(hours=-2))), "2024-05-02", "2024-05-02"),
        ("date", "2024-05-01", "2024-05-01", "2024-05-01"),
        ("datetime", NOON, "2024-05-01T12:00:00.000Z", "2024-05-01T12:00:00.000Z"),
        ("datetime", date(2024, 5, 1), "2024-05-01T00:00:00.000Z", "2024-05-01T00:00:00.000Z"),
        ("multipicklist", ("a", "b"), "a;b", "a;b"),
        ("multipicklist", (), None, "#N/A"),
        ("reference", "0035500001H9cak", "0035500001H9cakAAB", "0035500001H9cakAAB"),
        ("picklist", "Closed Won", "Closed Won", "Closed Won"),
    ],
)
def test_a_value_is_written_as_its_field_takes_it(type: str, value: Scalar, json: Any, cell: str) -> None:
    assert values.to_json(type, value) == json
    assert values.to_cell(type, value) == cell


@pytest.mark.parametrize(
    ("type", "json", "value"),
    [
        ("string", '"Ada"', "Ada"),
        ("string", "null", None),
        ("double", "80.0", Decimal(80)),
        ("double", "0.1", Decimal("0.1")),
        ("currency", "123456789012345.67", Decimal("123456789012345.67")),
        ("percent", "null", None),
        ("int", "5", Decimal(5)),
        ("boolean", "false", False),
        ("date", '"2024-05-01"', date(2024, 5, 1)),
        ("datetime", '"2024-05-01T12:00:00.000+0000"', NOON),
        ("datetime", '"2024-05-01T12:00:00.000Z"', NOON),
        ("multipicklist", '"a;b"', ("a", "b")),
        ("multipicklist", "null", None),
        ("reference", '"0035500001H9cakAAB"', "0035500001H9cakAAB"),
    ],
)
def test_a_value_is_read_as_its_type_says(type: str, json: str, value: Scalar) -> None:
    data = f'{{"records":[{{"attributes":{{"type":"Lead"}},"F":{json}}}],"done":true}}'.encode()
    (record,) = Columns({"F": type}).page(data).records
    assert record == {"F": value}
    assert type != "datetime" or record["F"].tzinfo is UTC


def test_numbers_are_read_without_an_empty_fraction() -> None:
    (record,) = Columns({"F": "double"}).page(b'{"records":[{"F":80.0}],"done":true}').records
    assert str(record["F"]) == "80"


def test_a_parents_column_is_blank_where_there_is_no_parent() -> None:
    data = b'{"records":[{"RecordType":{"DeveloperName":"New"}},{"RecordType":null}],"done":true}'
    records = Columns({"RecordType.DeveloperName": "string"}).page(data).records
    assert records == [{"RecordType.DeveloperName": "New"}, {"RecordType.DeveloperName": None}]


def test_compound_fields_are_not_asked_for() -> None:
    assert list(Columns({"City": "string", "Address": "address", "Where": "location"})) == ["City"]


def test_a_record_that_cannot_be_read_is_set_aside_by_name() -> None:
    data = b'{"records":[{"Id":"1","F":5},{"Id":"2","F":"five"},{"Id":"3","F":null}],"done":true}'
    page = Columns({"Id": "id", "F": "double"}).page(data)
    assert [record["Id"] for record in page.records] == ["1", "3"]
    assert page.garbled.keys() == {"2"}
    assert "F" in page.garbled["2"]


def test_records_asked_for_by_id_keep_their_places() -> None:
    data = b'[{"Id":"1","F":5},null,{"Id":"2","F":"five"}]'
    first, second, third = Columns({"Id": "id", "F": "double"}).listed(data)
    assert (first, second) == ({"Id": "1", "F": Decimal(5)}, None)
    assert isinstance(third, str)


# --- queries ---------------------------------------------------------------------------------------------------


@given(st.text())
def test_nothing_in_a_quoted_text_ends_the_quotation(text: str) -> None:
    quoted = values.quoted(text)
    assert (quoted[0], quoted[-1]) == ("'", "'")
    rest = quoted[1:-1]
    for escaped in ("\\\\", "\\'", '\\"', "\\n", "\\r", "\\t", "\\b", "\\f"):
        rest = rest.replace(escaped, "")
    assert not set(rest) & set("'\"\\\n\r\t\b\f")


def test_a_long_list_of_values_goes_into_several_queries_that_an_address_can_hold() -> None:
    emails = [f"o'person{n}+x@example.com" for n in range(1500)]
    queries = list(wire.chunks(emails, "SELECT Id FROM Lead WHERE Email", " AND IsDeleted = FALSE"))
    assert len(queries) > 1
    assert all(len(quote_plus(query)) <= wire.LONGEST_QUERY for query in queries)
    assert "".join(queries).count("\\'person") == 1500
    assert all(query.endswith(") AND IsDeleted = FALSE") for query in queries)


def test_an_instant_of_another_zone_is_asked_for_in_utc() -> None:
    assert values.instant(NOON.astimezone(timezone(timedelta(hours=9)))) == "2024-05-01T12:00:00.000Z"
