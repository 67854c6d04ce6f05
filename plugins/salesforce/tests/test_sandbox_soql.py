"""SOQL in the Salesforce sandbox: grammar, values, conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simple_salesforce.format import format_soql

from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.soql.parser import parse

from .sandboxes import Opened, lead, opened, refusal

ROWS = [
    {"LastName": "Abel", "Company": "Oslo", "Title": "Prof", "AnnualRevenue": 10, "NumberOfEmployees": 3},
    {"LastName": "bolyai", "Company": "Pest", "Title": None, "AnnualRevenue": None, "NumberOfEmployees": None},
    {"LastName": "Cantor", "Company": "Halle", "Title": "PROF", "AnnualRevenue": 200, "NumberOfEmployees": 0},
    {"LastName": "D'Alembert", "Company": "100% Paris_\\x", "Title": "", "AnnualRevenue": -1, "NumberOfEmployees": 7},
]


@pytest.fixture(scope="module")
def org() -> Iterator[Opened]:
    with opened() as running:
        for row in ROWS:
            running.world.create("Lead", **row)
        yield running


@pytest.fixture(scope="module")
def names(org: Opened) -> Callable[[str], str]:
    def found(where: str) -> str:
        rows = org.values(f"SELECT LastName FROM Lead WHERE {where} ORDER BY LastName")
        return "".join(row[0].upper() for row in rows)

    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        # any letter case, for words, names and texts
        ("LASTNAME = 'abel'", "A"),
        ("lastname lIkE 'AB%'", "A"),
        ("Title IN ('pRoF')", "AC"),
        ("LastName > 'B' aNd LastName < 'd'", "BC"),
        # null
        ("Title = NULL", "BD"),
        ("Title = ''", "BD"),
        ("Title != null", "AC"),
        ("Title != 'prof'", "BD"),
        ("Title NOT IN ('prof')", "BD"),
        ("Title NOT IN ('x')", "ABCD"),
        ("Title LIKE '%'", "AC"),
        ("AnnualRevenue != 10.0", "BCD"),
        ("AnnualRevenue < 1000", "ACD"),
        ("AnnualRevenue >= 9.5", "AC"),
        ("AnnualRevenue < -0.5", "D"),
        ("NumberOfEmployees = 0", "C"),
        ("NumberOfEmployees IN (3, 7)", "AD"),
        ("NumberOfEmployees = null", "B"),
        # parentheses
        ("(LastName = 'Abel' OR LastName = 'Cantor') AND NumberOfEmployees = 0", "C"),
        ("LastName = 'Abel' OR (LastName = 'Cantor' AND NumberOfEmployees = 3)", "A"),
        ("(NOT LastName = 'Abel') AND (NOT LastName LIKE 'c%')", "BD"),
        ("NOT (LastName = 'Abel' OR LastName = 'Cantor')", "BD"),
        ("((LastName = 'Abel'))", "A"),
        # texts
        ("LastName = 'D\\'Alembert'", "D"),
        ("Company LIKE '100\\% Paris%'", "D"),
        ("Company LIKE '%\\_\\\\x'", "D"),
        ("Company LIKE '____'", "AB"),
        ("Company LIKE 'pa_is'", ""),
        ("Company = '\\u0050est'", "B"),
        # booleans
        ("IsConverted = FALSE", "ABCD"),
        ("IsConverted != false", ""),
        ("HasOptedOutOfEmail = true", ""),
        # moments
        ("CreatedDate = 2026-01-05T09:00:00Z", "ABCD"),
        ("CreatedDate = 2026-01-05T10:00:00+01:00", "ABCD"),
        ("CreatedDate > 2026-01-05T08:59:59.999Z", "ABCD"),
        ("CreatedDate > 2026-01-05T09:00:00.000Z", ""),
        ("CreatedDate >= 2026-01-05T09:00:00.001Z", ""),
        ("CreatedDate <= 2026-01-05T09:00:00.001Z", "ABCD"),
        ("CreatedDate = TODAY", "ABCD"),
        ("CreatedDate < TODAY", ""),
        ("CreatedDate >= LAST_N_DAYS:3", "ABCD"),
        ("CreatedDate = YESTERDAY", ""),
        ("CreatedDate = THIS_MONTH", "ABCD"),
        ("CreatedDate != THIS_YEAR", ""),
        ("CreatedDate > LAST_YEAR", "ABCD"),
        ("ConvertedDate = null", "ABCD"),
        # parents
        ("Owner.Name = 'ada admin'", "ABCD"),
        ("Owner.Type = 'User'", "ABCD"),
        ("Owner.Type = 'Queue'", ""),
        ("CreatedBy.Profile.Name = 'System Administrator'", "ABCD"),
        ("ConvertedAccount.Name = 'x'", ""),
        ("ConvertedAccount.Name != 'x'", "ABCD"),
        ("Lead.LastName = 'abel'", "A"),
    ],
)
def test_a_condition_selects(names: Callable[[str], str], where: str, expected: str) -> None:
    assert names(where) == expected


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        (
            "SELECT Id FROM Lead WHERE LastName='a' AND Title='b' OR Title='c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Lead WHERE LastName='a' OR Title='b' AND Title='c'",
            "MALFORMED_QUERY",
            "unexpected token: 'AND'",
        ),
        ("SELECT Id FROM Lead WHERE NOT LastName='a' AND Title='b'", "MALFORMED_QUERY", "unexpected token: 'AND'"),
        ("SELECT Id FROM Lead WHERE Title='b' AND NOT LastName='a'", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Lead WHERE (Title='b'", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT Id, FROM Lead", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT * FROM Lead", "MALFORMED_QUERY", "no viable alternative at character '*'"),
        ("SELECT Id FROM Lead WHERE Title='b\\q'", "MALFORMED_QUERY", "Illegal character sequence"),
        ("SELECT Id FROM Lead WHERE Title IN ()", "MALFORMED_QUERY", "unexpected token: ')'"),
        ("SELECT Id FROM Lead LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM Lead WHERE Title = :title", "MALFORMED_QUERY", "unexpected token: ':'"),
        ("SELECT LastName l FROM Lead", "MALFORMED_QUERY", "Field must be grouped or aggregated: LastName"),
        ("SELECT LastName, COUNT(Id) FROM Lead", "MALFORMED_QUERY", "Field must be grouped or aggregated: LastName"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT AnnualRevenue, COUNT(Id) FROM Lead GROUP BY AnnualRevenue", "MALFORMED_QUERY", "can not be grouped"),
        ("SELECT Id FROM Leads", "INVALID_TYPE", "sObject type 'Leads' is not supported."),
        ("SELECT Nope__c FROM Lead", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Lead'."),
        ("SELECT Id FROM Lead ORDER BY Nope__c", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Lead'."),
        (
            "SELECT Id FROM Lead WHERE Owner.Website = 'x'",
            "INVALID_FIELD",
            "No such column 'Website' on entity 'Name'.",
        ),
        ("SELECT Nobody.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Nobody' in field path."),
        (
            "SELECT Id FROM Lead WHERE Description LIKE 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered",
        ),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD", "field 'Description' can not be sorted"),
        (
            "SELECT Id FROM Lead WHERE CreatedDate > 2026-01-05",
            "INVALID_FIELD",
            "'CreatedDate' must be of type dateTime",
        ),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-05'", "INVALID_FIELD", "should not be enclosed in quotes"),
        ("SELECT Id FROM Lead WHERE ConvertedDate > 2026-01-05T00:00:00Z", "INVALID_FIELD", "must be of type date "),
        ("SELECT Id FROM Lead WHERE LastName = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Lead WHERE AnnualRevenue = '5'", "INVALID_FIELD", "must be of type currency"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'true'", "INVALID_FIELD", "must be of type boolean"),
        ("SELECT Id FROM Lead WHERE IsConverted > true", "INVALID_QUERY_FILTER_OPERATOR", "boolean field"),
        ("SELECT Id FROM Lead WHERE Id = '12'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 12"),
        ("SELECT Id FROM Lead WHERE Id LIKE '00Q%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
        (
            "SELECT Id FROM Lead WHERE Title INCLUDES ('x')",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on string",
        ),
        ("SELECT Id FROM Lead WHERE COUNT(Id) > 1", "MALFORMED_QUERY", "aggregate function not allowed in WHERE"),
        ("SELECT SUM(LastName) FROM Lead", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_a_statement_that_is_none_is_refused_with_its_reason(org: Opened, query: str, code: str, words: str) -> None:
    status, found, message = refusal(org.sf.query, query)
    assert (status, found) == (400, code)
    assert words in message


def test_a_refusal_points_at_the_place(org: Opened) -> None:
    message = refusal(org.sf.query, "SELECT Id,\n  Nope FROM Lead")[2]
    assert message.startswith("\n  Nope FROM Lead\n  ^\nERROR at Row:2:Column:3\nNo such column 'Nope'")


def test_answers_use_the_true_names_in_the_order_of_the_statement(org: Opened) -> None:
    (row,) = org.sf.query("select owner.nAME, COMPANY, id, lastname from LEAD where lastname = 'abel'")["records"]
    assert list(row) == ["attributes", "Owner", "Company", "Id", "LastName"]
    assert row["attributes"] == {"type": "Lead", "url": f"/services/data/v63.0/sobjects/Lead/{row['Id']}"}
    assert row["Owner"]["attributes"]["type"] == "User"
    assert row["Owner"]["Name"] == "Ada Admin"


def test_a_parent_that_is_not_there_is_null(org: Opened) -> None:
    assert org.rows("SELECT ConvertedAccount.Name FROM Lead LIMIT 1") == [{"ConvertedAccount": None}]


def test_a_blank_is_null_and_present(org: Opened) -> None:
    assert org.rows("SELECT Title FROM Lead WHERE LastName = 'Bolyai'") == [{"Title": None}]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("LastName", "ABCD"),
        ("lastname DESC", "DCBA"),
        ("Title ASC, LastName DESC", "DBCA"),
        ("Title NULLS LAST, LastName", "ACBD"),
        ("Title DESC NULLS FIRST, LastName", "BDAC"),
        ("AnnualRevenue", "BDAC"),
        ("AnnualRevenue DESC NULLS LAST", "CADB"),
        ("NumberOfEmployees ASC NULLS LAST", "CADB"),
        ("Owner.Name, LastName DESC", "DCBA"),
        ("SystemModstamp, Id", "ABCD"),
        ("SystemModstamp DESC, Id DESC", "DCBA"),
        ("SystemModstamp DESC, Id ASC", "ABCD"),
        ("Id DESC", "DCBA"),
    ],
)
def test_an_order_puts_blanks_first_unless_told_otherwise(org: Opened, order: str, expected: str) -> None:
    found = org.values(f"SELECT LastName FROM Lead ORDER BY {order}")
    assert "".join(name[0].upper() for name in found) == expected


def test_limit_and_offset_cut_the_ordered_rows(org: Opened) -> None:
    assert org.values("SELECT LastName FROM Lead ORDER BY LastName LIMIT 2 OFFSET 1") == ["bolyai", "Cantor"]
    assert org.values("SELECT LastName FROM Lead ORDER BY LastName LIMIT 0") == []


def test_counting_gives_a_size_and_no_rows(org: Opened) -> None:
    answer = org.sf.query("SELECT COUNT() FROM Lead WHERE Title = 'Prof'")
    assert dict(answer) == {"totalSize": 2, "done": True, "records": []}
    assert org.sf.query("SELECT COUNT() FROM Lead LIMIT 3")["totalSize"] == 3


def test_aggregates_have_aliases_or_numbers(org: Opened) -> None:
    query = (
        "SELECT COUNT(Id) c, COUNT(Title), SUM(AnnualRevenue), AVG(NumberOfEmployees) a, MIN(LastName), "
        "MAX(AnnualRevenue) m, COUNT_DISTINCT(Title) FROM Lead"
    )
    (row,) = org.sf.query(query)["records"]
    assert dict(row) == {
        "attributes": {"type": "AggregateResult"},
        "c": 4,
        "expr0": 2,
        "expr1": 209.0,
        "a": 10 / 3,
        "expr2": "Abel",
        "m": 200.0,
        "expr3": 1,
    }


def test_groups_can_be_filtered_and_ordered(org: Opened) -> None:
    query = "SELECT Title t, COUNT(Id) n FROM Lead GROUP BY Title HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC, Title"
    assert org.rows(query) == [{"t": None, "n": 2}, {"t": "Prof", "n": 2}]
    assert org.rows("SELECT Owner.Name, COUNT(Id) FROM Lead GROUP BY Owner.Name") == [
        {"Name": "Ada Admin", "expr0": 4}
    ]
    assert org.rows("SELECT Title, COUNT(Id) FROM Lead WHERE LastName = 'x' GROUP BY Title") == []


def test_ids_are_ordered_by_their_letters_as_they_are() -> None:
    with opened() as org:
        ids = org.world.load("Lead", [lead() for _ in range(60)])
        assert any(first.lower() > second.lower() for first, second in pairwise(ids))
        assert org.values("SELECT Id FROM Lead WHERE CreatedDate = TODAY ORDER BY LastName, Id") == ids
        assert org.values("SELECT Id, COUNT(Name) FROM Lead GROUP BY Id ORDER BY Id") == ids
        assert org.rows("SELECT MIN(Id), MAX(Id) FROM Lead") == [{"expr0": ids[0], "expr1": ids[-1]}]


def test_fields_selects_many_at_once(org: Opened) -> None:
    (row,) = org.sf.query("SELECT FIELDS(ALL) FROM Lead WHERE LastName = 'Abel' LIMIT 1")["records"]
    assert {"Id", "Address", "AnnualRevenue", "SystemModstamp"} <= set(row)
    (row,) = org.sf.query("SELECT FIELDS(STANDARD) FROM Lead WHERE LastName = 'Abel'")["records"]
    assert row["AnnualRevenue"] == 10.0


def test_children_come_as_a_result_of_their_own() -> None:
    with opened() as org:
        full, empty = org.world.create("Account", Name="Full"), org.world.create("Account", Name="None")
        for name in ("Zed", "Abel"):
            org.world.create("Contact", LastName=name, AccountId=full)
        query = "SELECT Id, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Name"
        first, second = org.sf.query(query)["records"]
        assert [row["LastName"] for row in first["Contacts"]["records"]] == ["Abel", "Zed"]
        assert (first["Contacts"]["totalSize"], first["Contacts"]["done"]) == (2, True)
        assert second["Contacts"] is None
        assert second["Id"] == empty
        assert refusal(org.sf.query, "SELECT (SELECT Id FROM Leads) FROM Account")[1] == "INVALID_FIELD"


def test_semi_joins_select_by_other_records() -> None:
    with opened() as org:
        campaign, lead_in, lead_out = (
            org.world.add_campaign("C"),
            *(org.world.create("Lead", **lead(LastName=name)) for name in ("In", "Out")),
        )
        org.world.create("CampaignMember", CampaignId=campaign, LeadId=lead_in)
        inner = f"(SELECT LeadId FROM CampaignMember WHERE CampaignId = '{campaign[:15]}')"
        assert org.values(f"SELECT Id FROM Lead WHERE Id IN {inner}") == [lead_in]
        assert org.values(f"SELECT Id FROM Lead WHERE Id NOT IN {inner}") == [lead_out]
        three = " AND ".join([f"Id IN {inner}"] * 3)
        assert refusal(org.sf.query, f"SELECT Id FROM Lead WHERE {three}")[1] == "MALFORMED_QUERY"
        org.behave(max_semi_joins=3)
        assert org.values(f"SELECT Id FROM Lead WHERE {three}") == [lead_in]


def test_typeof_shows_each_kind_of_owner_in_its_own_way() -> None:
    with opened() as org:
        queue = org.world.add_queue("Inbound")
        org.world.create("Lead", **lead(LastName="A"))
        org.world.create("Lead", **lead(LastName="B", OwnerId=queue))
        owner = "TYPEOF Owner WHEN User THEN Username WHEN Group THEN DeveloperName END"
        query = f"SELECT {owner} FROM Lead ORDER BY LastName"
        by_user, by_queue = (row["Owner"] for row in org.sf.query(query)["records"])
        assert (by_user["attributes"]["type"], by_user["Username"]) == ("User", "admin@sandbox.example")
        assert (by_queue["attributes"]["type"], by_queue["DeveloperName"]) == ("Group", "Inbound")
        found = org.values("SELECT Owner.Type FROM Lead ORDER BY LastName")
        assert [owner["Type"] for owner in found] == ["User", "Queue"]


def test_multiple_choices_are_searched_by_inclusion() -> None:
    with opened() as org:
        org.world.add_field("Lead", "Likes__c", "MultiselectPicklist", options=["a", "b", "c"])
        for name, likes in (("X", "c;a"), ("Y", "b"), ("Z", None)):
            org.world.create("Lead", **lead(LastName=name, Likes__c=likes))

        def found(where: str) -> list[Any]:
            return org.values(f"SELECT LastName FROM Lead WHERE {where} ORDER BY LastName")

        assert found("Likes__c INCLUDES ('A;C', 'b')") == ["X", "Y"]
        assert found("Likes__c INCLUDES ('a;b')") == []
        assert found("Likes__c EXCLUDES ('b')") == ["X", "Z"]
        assert found("Likes__c = 'a;c'") == ["X"]


def test_ids_are_known_in_both_lengths(org: Opened) -> None:
    first, second = org.values("SELECT Id FROM Lead ORDER BY LastName LIMIT 2")
    assert org.values(f"SELECT Id FROM Lead WHERE Id IN ('{first[:15]}', '{second}') ORDER BY LastName") == [
        first,
        second,
    ]
    assert org.values(f"SELECT LastName FROM Lead WHERE Id > '{first}' ORDER BY Id LIMIT 1") == ["bolyai"]
    assert org.values(f"SELECT COUNT(Id) FROM Lead WHERE Id <= '{first}'") == [1]


def test_a_long_statement_is_refused(org: Opened) -> None:
    with pytest.raises(RefusedError):
        parse("SELECT Id FROM Lead WHERE Title = 'x'" + " " * 100_000)
    long = "x" * 4001
    with pytest.raises(RefusedError, match="4000"):
        parse(f"SELECT Id FROM Lead WHERE Title = '{long}'")
    assert parse(f"SELECT Id FROM Lead WHERE Title = '{long[:-1]}'").object == "Lead"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_text_that_the_client_quotes_finds_the_record_that_holds_it(org: Opened, text: str) -> None:
    id = org.world.create("Lead", LastName="Property", Company=f"x{text}")
    query = format_soql("SELECT Id FROM Lead WHERE LastName = 'Property' AND Company = {}", f"x{text}")
    assert id in org.values(query)
    like = format_soql("SELECT Id FROM Lead WHERE LastName = 'Property' AND Company LIKE 'x{:like}'", text)
    assert id in org.values(like)
    org.world.delete("Lead", id)


WORDS = st.sampled_from(
    [
        "SELECT",
        "Id",
        "FROM",
        "Lead",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        ",",
        "=",
        "'x'",
        "5",
        "IN",
        "NULL",
        "LIMIT",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_words_are_a_statement_or_are_refused_as_one(text: str) -> None:
    try:
        outcome = parse(text).object
    except RefusedError as refused:
        outcome = refused.code
    assert outcome in {
        "MALFORMED_QUERY",
        "SELECT",
        "Id",
        "FROM",
        "Lead",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "IN",
        "NULL",
        "LIMIT",
    }


CONDITIONS = st.recursive(
    st.sampled_from(["A = 1", "B IN ('x','y')", "C LIKE 'z%'"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " AND ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " OR ".join(parts) + ")"),
        inner.map(lambda part: f"(NOT {part})"),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(CONDITIONS)
def test_every_condition_with_all_its_parentheses_is_understood(condition: str) -> None:
    assert parse(f"SELECT Id FROM Lead WHERE {condition}") == parse(f"SELECT Id FROM Lead WHERE {condition}")
    assert parse(f"select Id from Lead where {condition.lower()}".replace("lead", "Lead")).where is not None
