"""Search in the HubSpot sandbox: its limits, its lag, and how far paging goes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hubspot import HubSpot

from instep.sandbox import VirtualClock
from instep_hubspot.sandbox import hubspot_sandbox

SAME_MOMENT = datetime(2026, 1, 4, tzinfo=UTC)


@pytest.fixture
def sandbox():
    with hubspot_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def contacts(sandbox):
    api = HubSpot(access_token="pat-na1-sandbox", host=sandbox.url).crm.contacts.search_api
    yield api
    api.api_client.close()
    api.api_client.rest_client.pool_manager.clear()


def filtered(name, operator, value=None, **more):
    condition = {"propertyName": name, "operator": operator, **more}
    if value is not None:
        condition["value"] = value
    return condition


def search(api, *filters, **more):
    """The answer as plain values; models would cost most of the time of these tests."""
    body = {"filterGroups": [{"filters": list(filters)}] if filters else [], "limit": 200, **more}
    return json.loads(api.do_search(body, _preload_content=False).data)


def refusal(api, *filters, **more):
    with pytest.raises(Exception, match="Reason") as caught:
        search(api, *filters, **more)
    return caught.value.status, json.loads(caught.value.body)


def emails(answer):
    return [record["properties"]["email"] for record in answer["results"]]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (filtered("email", "EQ", "ANN@x.example"), ["ann@x.example"]),
        (filtered("email", "NEQ", "ann@x.example"), ["bob@y.example", "cid@x.example"]),
        (filtered("city", "HAS_PROPERTY"), ["ann@x.example", "bob@y.example"]),
        (filtered("city", "NOT_HAS_PROPERTY"), ["cid@x.example"]),
        (filtered("numemployees", "GT", "9"), ["bob@y.example"]),
        (filtered("numemployees", "LTE", "9"), ["ann@x.example"]),
        (filtered("numemployees", "BETWEEN", "5", highValue="10"), ["ann@x.example", "bob@y.example"]),
        (filtered("city", "IN", values=["ulm", "bonn"]), ["ann@x.example", "bob@y.example"]),
        (filtered("city", "IN", values=["Ulm"]), []),
        (filtered("city", "NOT_IN", values=["ulm"]), ["bob@y.example", "cid@x.example"]),
        (filtered("email", "CONTAINS_TOKEN", "*@x.example"), ["ann@x.example", "cid@x.example"]),
        (filtered("email", "NOT_CONTAINS_TOKEN", "ann"), ["bob@y.example", "cid@x.example"]),
        (filtered("lifecyclestage", "EQ", "lead"), ["cid@x.example"]),
    ],
)
def test_an_operator_selects_what_it_says(sandbox, contacts, condition, expected):
    sandbox.world.load(
        "contacts",
        [
            {"email": "ann@x.example", "city": "Ulm", "numemployees": "9"},
            {"email": "bob@y.example", "city": "Bonn", "numemployees": "10"},
            {"email": "cid@x.example", "lifecyclestage": "lead"},
        ],
    )
    assert emails(search(contacts, condition)) == expected


def test_groups_add_up_and_filters_narrow(sandbox, contacts):
    sandbox.world.load("contacts", [{"email": f"{n}@x.example", "city": c} for n, c in enumerate("abc")])
    groups = [{"filters": [filtered("city", "EQ", city)]} for city in ("c", "a")]
    assert emails(search(contacts, filterGroups=groups)) == ["0@x.example", "2@x.example"]
    both = search(contacts, filtered("city", "EQ", "a"), filtered("email", "EQ", "2@x.example"))
    assert both["total"] == 0


def test_a_secondary_address_finds_its_contact(sandbox, contacts):
    sandbox.world.create("contacts", email="a@x.example", hs_additional_emails="b@x.example")
    assert emails(search(contacts, filtered("email", "EQ", "b@x.example"))) == ["a@x.example"]


def test_results_are_sorted_as_asked_with_blanks_last(sandbox, contacts):
    rows = [{"email": f"{n}@x.example", "numemployees": str(n)} for n in (9, 100, 20)]
    sandbox.world.load("contacts", [*rows, {"email": "none@x.example"}])
    answer = search(contacts, sorts=[{"propertyName": "numemployees", "direction": "DESCENDING"}])
    assert emails(answer) == ["100@x.example", "20@x.example", "9@x.example", "none@x.example"]


def test_a_query_looks_into_the_usual_properties(sandbox, contacts):
    sandbox.world.load("contacts", [{"email": "ann@x.example", "firstname": "Ann"}, {"email": "b@x.example"}])
    assert search(contacts, query="ANN")["total"] == 1


def test_archived_records_are_never_found(sandbox, contacts):
    id = sandbox.world.create("contacts", email="a@x.example")
    sandbox.world.archive("contacts", id)
    assert search(contacts)["total"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"limit": 201},
        {"after": "9900"},
        {"query": "x" * 3001},
        {"filterGroups": [{"filters": [filtered("city", "HAS_PROPERTY")]}] * 6},
        {"filterGroups": [{"filters": [filtered("city", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [filtered("city", "HAS_PROPERTY")] * 5}] * 4},
        {"filterGroups": [{"filters": [filtered("city", "HAS_PROPERTY", "x")]}]},
        {"filterGroups": [{"filters": [filtered("nonsense", "EQ", "x")]}]},
        {"filterGroups": [{"filters": [filtered("city", "LIKE", "x")]}]},
    ],
)
def test_a_search_beyond_its_limits_is_refused(contacts, more):
    status, body = refusal(contacts, **more)
    assert (status, body["category"]) == (400, "VALIDATION_ERROR")


def test_the_ten_thousandth_result_can_be_had_and_no_later_one(sandbox, contacts):
    sandbox.world.load("contacts", [{"email": f"{n}@x.example"} for n in range(10_001)])
    last = search(contacts, after="9800")
    assert (last["total"], len(last["results"])) == (10_001, 200)
    assert last["paging"]["next"]["after"] == "10000"
    assert refusal(contacts, after="10000")[0] == 400


def test_25000_records_of_one_moment_are_all_reached_by_restarting_from_the_last_id(sandbox, contacts):
    ids = sandbox.world.load("contacts", [{"email": f"{n}@x.example"} for n in range(25_000)])
    sandbox.world.set_modified("contacts", ids, SAME_MOMENT)
    moment = str(int(SAME_MOMENT.timestamp() * 1000))
    window = [filtered("lastmodifieddate", op, moment) for op in ("GTE", "LTE")]
    seen, last, after = [], "0", 0
    while True:
        beyond = filtered("hs_object_id", "GT", last)
        order = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        page = search(contacts, *window, beyond, sorts=order, after=str(after), properties=["email"])
        seen += [record["id"] for record in page["results"]]
        if "paging" not in page:
            break
        after = int(page["paging"]["next"]["after"])
        if after >= 9_800:
            last, after = seen[-1], 0
    assert seen == ids


def test_an_index_that_lags_finds_new_records_later(sandbox, contacts):
    sandbox.personality = replace(sandbox.personality, index_lag=timedelta(seconds=30))
    sandbox.world.create("contacts", email="a@x.example")
    before = search(contacts)["total"]
    sandbox.clock.advance(timedelta(seconds=30))
    assert (before, search(contacts)["total"]) == (0, 1)


def test_an_index_that_lags_answers_with_old_values(sandbox, contacts):
    id = sandbox.world.create("contacts", email="a@x.example", city="Ulm")
    sandbox.personality = replace(sandbox.personality, index_lag="until_flush")
    sandbox.world.edit("contacts", id, city="Bonn")
    old = search(contacts, filtered("city", "EQ", "Ulm"), properties=["city"])
    assert [record["properties"]["city"] for record in old["results"]] == ["Ulm"]
    assert search(contacts, filtered("city", "EQ", "Bonn"))["total"] == 0
    sandbox.world.flush_index()
    assert search(contacts, filtered("city", "EQ", "Bonn"))["total"] == 1


def test_search_answers_carry_no_allowances(contacts):
    headers = contacts.do_search({"limit": 1}, _preload_content=False).headers
    assert not [name for name in headers if "ratelimit" in name.lower()]


def test_associated_records_can_be_searched_for(sandbox, contacts):
    ids = sandbox.world.load("contacts", [{"email": f"{n}@x.example"} for n in range(3)])
    company = sandbox.world.create("companies", name="X")
    sandbox.world.associate("contacts", ids[1], "companies", company)
    assert emails(search(contacts, filtered("associations.company", "EQ", company))) == ["1@x.example"]
