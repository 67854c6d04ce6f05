"""Records in the HubSpot sandbox, asked for by HubSpot's own client over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts.exceptions import ApiException

from instep.sandbox import VirtualClock
from instep_hubspot.sandbox import hubspot_sandbox


class Client:
    """HubSpot's client with every API object held, so that each keeps one connection."""

    def __init__(self, sandbox):
        self._hubspot = HubSpot(access_token=sandbox.settings["access_token"], host=sandbox.settings["base_url"])
        self._held = {}

    def __call__(self, area, api):
        if (area, api) not in self._held:
            self._held[area, api] = getattr(getattr(self._hubspot.crm, area), api)
        return self._held[area, api]

    def close(self):
        for api in self._held.values():
            api.api_client.close()
            api.api_client.rest_client.pool_manager.clear()


@pytest.fixture
def sandbox():
    with hubspot_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def client(sandbox) -> Iterator[Client]:
    held = Client(sandbox)
    yield held
    held.close()


def refusal(call, *args, **kwargs):
    with pytest.raises(Exception, match="Reason") as caught:
        call(*args, **kwargs)
    return caught.value.status, json.loads(caught.value.body)


def test_a_created_contact_reads_back_with_its_defaults(client):
    contacts = client("contacts", "basic_api")
    made = contacts.create({"properties": {"email": "Jane@Example.com", "firstname": "Jane"}})
    read = contacts.get_by_id(made.id)
    assert read.properties == {
        "email": "jane@example.com",
        "firstname": "Jane",
        "lastname": None,
        "createdate": "2026-01-05T09:00:00.000Z",
        "lastmodifieddate": "2026-01-05T09:00:00.000Z",
        "hs_object_id": made.id,
    }


def test_an_unknown_property_is_left_out_of_answers(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example")
    read = client("contacts", "basic_api").get_by_id(id, properties=["phone", "nonsense"])
    assert "nonsense" not in read.properties
    assert read.properties["phone"] is None


def test_an_update_moves_the_modified_date_only_if_a_value_changes(client, sandbox):
    contacts = client("contacts", "basic_api")
    id = sandbox.world.create("contacts", email="a@x.example", city="Bonn")
    sandbox.clock.advance(timedelta(minutes=1))
    same = contacts.update(id, {"properties": {"city": "Bonn"}})
    other = contacts.update(id, {"properties": {"city": "Ulm"}})
    assert same.properties["lastmodifieddate"] == "2026-01-05T09:00:00.000Z"
    assert other.properties["lastmodifieddate"] == "2026-01-05T09:01:00.000Z"


def test_history_is_newest_first_and_names_who_changed_it(client, sandbox):
    contacts = client("contacts", "basic_api")
    id = contacts.create({"properties": {"email": "a@x.example", "city": "Bonn"}}).id
    sandbox.clock.advance(timedelta(minutes=1))
    sandbox.world.edit("contacts", id, city="Ulm")
    entries = contacts.get_by_id(id, properties_with_history=["city"]).properties_with_history["city"]
    assert [(e.value, e.source_type, e.updated_by_user_id) for e in entries] == [
        ("Ulm", "CRM_UI", 9),
        ("Bonn", "INTEGRATION", None),
    ]


def test_lists_go_by_ascending_id_and_end_without_paging(client, sandbox):
    ids = sandbox.world.load("companies", [{"name": f"C{n}"} for n in range(250)])
    companies, seen, after = client("companies", "basic_api"), [], None
    while True:
        page = companies.get_page(limit=100, after=after)
        seen += [record.id for record in page.results]
        if page.paging is None:
            break
        after = page.paging.next.after
    assert seen == ids


@pytest.mark.parametrize(("limit", "history"), [(101, None), (51, ["email"])])
def test_a_page_larger_than_allowed_is_refused(client, limit, history):
    contacts = client("contacts", "basic_api")
    status, _ = refusal(contacts.get_page, limit=limit, properties_with_history=history)
    assert status == 400


def test_an_archived_record_is_gone_unless_asked_for(client, sandbox):
    contacts = client("contacts", "basic_api")
    id = sandbox.world.create("contacts", email="a@x.example")
    contacts.archive(id)
    assert refusal(contacts.get_by_id, id)[0] == 404
    assert contacts.get_by_id(id, archived=True).archived is True
    assert [record.id for record in contacts.get_page(archived=True).results] == [id]


def test_archiving_an_unknown_record_succeeds(client):
    assert client("deals", "basic_api").archive("999999") is None


def test_a_second_contact_with_an_email_is_refused_by_the_id_of_the_first(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example")
    status, body = refusal(client("contacts", "basic_api").create, {"properties": {"email": "A@X.example"}})
    assert (status, body["category"]) == (409, "CONFLICT")
    assert body["message"] == f"Contact already exists. Existing ID: {id}"


def test_two_companies_may_share_a_domain(client):
    companies = client("companies", "basic_api")
    both = [companies.create({"properties": {"domain": "x.example"}}).id for _ in range(2)]
    assert both[0] != both[1]


@pytest.mark.parametrize(
    ("object", "values", "error"),
    [
        ("contacts", {"nonsense": "1"}, "PROPERTY_DOESNT_EXIST"),
        ("contacts", {"hubspotscore": "1"}, "READ_ONLY_VALUE"),
        ("contacts", {"hs_email_optout": "true"}, "READ_ONLY_VALUE"),
        ("contacts", {"lifecyclestage": "Lead"}, "INVALID_OPTION"),
        ("contacts", {"email": "not an address"}, "INVALID_EMAIL"),
        ("contacts", {"hubspot_owner_id": "1"}, "INVALID_OWNER_ID"),
        ("companies", {"industry": "Computer Software"}, "INVALID_OPTION"),
        ("companies", {"annualrevenue": "1,000"}, "INVALID_LONG"),
        ("deals", {"closedate": "tomorrow"}, "INVALID_DATE"),
        ("deals", {"dealstage": "1"}, "INVALID_OPTION"),
        ("deals", {"pipeline": "1"}, "INVALID_OPTION"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(client, object, values, error):
    whole = {"firstname": "A", "name": "A", "dealname": "A", "dealstage": "contractsent"}
    own = {"contacts": ["firstname"], "companies": ["name"], "deals": ["dealname", "dealstage"]}[object]
    properties = {**{name: whole[name] for name in own}, **values}
    status, body = refusal(client(object, "basic_api").create, {"properties": properties})
    inner = json.loads(body["message"].partition(": ")[2])
    assert (status, body["category"]) == (400, "VALIDATION_ERROR")
    assert [(item["error"], item["name"]) for item in inner] == [(error, next(iter(values)))]


def test_dates_are_kept_by_the_day_and_must_be_midnight_utc(client, sandbox):
    sandbox.world.add_property("contacts", {"name": "renewal", "type": "date"})
    contacts = client("contacts", "basic_api")
    made = contacts.create({"properties": {"firstname": "A", "renewal": "1767571200000"}})
    assert made.properties["renewal"] == "2026-01-05"
    assert refusal(contacts.update, made.id, {"properties": {"renewal": "1767571200001"}})[0] == 400


def test_an_empty_text_clears_and_null_changes_nothing(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example", city="Bonn", phone="1")
    client("contacts", "basic_api").update(id, {"properties": {"city": "", "phone": None}})
    held = sandbox.world.read("contacts", id)
    assert "city" not in held
    assert held["phone"] == "1"


def test_a_deal_takes_its_outcome_from_its_stage(client):
    made = client("deals", "basic_api").create({"properties": {"dealname": "D", "dealstage": "closedwon"}})
    names = ["pipeline", "hs_is_closed", "hs_is_closed_won", "hs_deal_stage_probability"]
    names.append("hs_v2_date_entered_closedwon")
    read = client("deals", "basic_api").get_by_id(made.id, properties=names).properties
    assert [read[name] for name in names] == ["default", "true", "true", "1.0", "2026-01-05T09:00:00.000Z"]


def test_a_batch_with_trace_ids_fails_input_by_input(client, sandbox):
    sandbox.world.create("contacts", email="taken@x.example")
    emails = ["new@x.example", "taken@x.example", "broken"]
    inputs = [{"objectWriteTraceId": email, "properties": {"email": email}} for email in emails]
    answer = client("contacts", "batch_api").create({"inputs": inputs})
    assert [record.properties["email"] for record in answer.results] == ["new@x.example"]
    assert answer.num_errors == 2
    assert [error.context["objectWriteTraceId"] for error in answer.errors] == [
        ["taken@x.example"],
        ["broken"],
    ]


def test_a_batch_without_trace_ids_fails_as_a_whole(client, sandbox):
    sandbox.world.create("contacts", email="taken@x.example")
    inputs = [{"properties": {"email": email}} for email in ("new@x.example", "taken@x.example")]
    status, _ = refusal(client("contacts", "batch_api").create, {"inputs": inputs})
    assert status == 409
    assert len(sandbox.world.all("contacts")) == 1


def test_a_batch_read_names_what_is_missing(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example")
    body = {"inputs": [{"id": id}, {"id": "999999"}], "properties": ["email"], "propertiesWithHistory": []}
    answer = client("contacts", "batch_api").read(body)
    assert [record.id for record in answer.results] == [id]
    assert answer.errors[0].category == "OBJECT_NOT_FOUND"
    assert answer.errors[0].context["ids"] == ["999999"]


def test_a_batch_update_goes_on_without_unknown_records(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example")
    inputs = [{"id": i, "properties": {"city": "Ulm"}} for i in (id, "999999")]
    answer = client("contacts", "batch_api").update({"inputs": inputs})
    assert answer.num_errors == 1
    assert sandbox.world.read("contacts", id)["city"] == "Ulm"


def test_an_upsert_says_what_is_new(client, sandbox):
    sandbox.world.create("contacts", email="old@x.example")
    inputs = [
        {"id": email, "idProperty": "email", "properties": {"city": "Ulm"}}
        for email in ("old@x.example", "new@x.example")
    ]
    answer = client("contacts", "batch_api").upsert({"inputs": inputs})
    assert [record.new for record in answer.results] == [False, True]


def test_an_upsert_by_a_value_that_may_repeat_is_refused(client):
    inputs = [{"id": "x.example", "idProperty": "domain", "properties": {"name": "X"}}]
    status, body = refusal(client("companies", "batch_api").upsert, {"inputs": inputs})
    assert (status, body["message"]) == (400, "Unable to perform update/upsert by non-unique 0-2 property")


@pytest.mark.parametrize("count", [101])
def test_a_batch_that_is_too_large_is_refused(client, count):
    inputs = [{"properties": {"firstname": str(n)}} for n in range(count)]
    assert refusal(client("contacts", "batch_api").create, {"inputs": inputs})[0] == 400


def test_one_record_twice_in_a_batch_is_refused(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example")
    inputs = [{"id": id, "properties": {"city": city}} for city in ("Ulm", "Bonn")]
    assert refusal(client("contacts", "batch_api").update, {"inputs": inputs})[0] == 400


def test_a_unique_property_finds_and_guards_records(client, sandbox):
    sandbox.world.add_property("companies", {"name": "instep_id", "hasUniqueValue": True})
    id = sandbox.world.create("companies", name="X", instep_id="k1")
    companies = client("companies", "basic_api")
    assert companies.get_by_id("k1", id_property="instep_id").id == id
    assert refusal(companies.create, {"properties": {"name": "Y", "instep_id": "k1"}})[0] == 409


def test_merged_records_answer_under_a_new_id(client, sandbox):
    first = sandbox.world.create("contacts", email="a@x.example", firstname="A")
    second = sandbox.world.create("contacts", email="b@x.example", city="Ulm")
    new = sandbox.world.merge("contacts", first, second)
    contacts = client("contacts", "basic_api")
    wanted = ["email", "city", "hs_merged_object_ids", "hs_additional_emails"]
    for old in (first, second):
        read = contacts.get_by_id(old, properties=wanted)
        assert read.id == new
        assert read.properties["email"] == "a@x.example"
        assert read.properties["city"] == "Ulm"
        assert read.properties["hs_merged_object_ids"] == f"{first};{second}"
        assert read.properties["hs_additional_emails"] == "b@x.example"
    assert refusal(contacts.create, {"properties": {"email": "b@x.example"}})[0] == 409


def test_a_contact_erased_for_privacy_cannot_return(client, sandbox):
    sandbox.world.create("contacts", email="a@x.example")
    client("contacts", "basic_api").purge({"objectId": "a@x.example", "idProperty": "email"})
    create = client("contacts", "basic_api").create
    assert sandbox.world.all("contacts") == []
    assert refusal(create, {"properties": {"email": "a@x.example"}})[0] == 400


def test_a_hidden_property_is_absent_from_answers_and_refused_in_writes(client, sandbox):
    id = sandbox.world.create("contacts", email="a@x.example", phone="1")
    sandbox.world.hide_property("contacts", "phone")
    contacts = client("contacts", "basic_api")
    assert "phone" not in contacts.get_by_id(id, properties=["phone"]).properties
    assert refusal(contacts.update, id, {"properties": {"phone": "2"}})[0] == 400


def test_engagements_are_records_that_need_a_time(client, sandbox):
    contact = sandbox.world.create("contacts", email="a@x.example")
    note = sandbox.world.engage("notes", [contact], hs_note_body="Called back")
    notes = client("objects", "basic_api")
    read = notes.get_by_id("notes", note, properties=["hs_note_body"], associations=["contacts"])
    assert read.properties["hs_note_body"] == "Called back"
    assert [link.id for link in read.associations["contacts"].results] == [contact]
    assert refusal(notes.create, "notes", {"properties": {"hs_note_body": "x"}})[0] == 400


def test_normalising_trims_texts_and_rounds_amounts(client, sandbox):
    sandbox.personality = replace(sandbox.personality, normalise=True)
    made = client("deals", "basic_api").create(
        {"properties": {"dealname": " D ", "dealstage": "contractsent", "amount": "10.005"}}
    )
    assert (made.properties["dealname"], made.properties["amount"]) == ("D", "10.01")


def test_every_third_input_can_be_rejected(client, sandbox):
    sandbox.personality = replace(sandbox.personality, partial_failure=3)
    inputs = [{"objectWriteTraceId": str(n), "properties": {"firstname": str(n)}} for n in range(6)]
    answer = client("contacts", "batch_api").create({"inputs": inputs})
    assert [error.context["objectWriteTraceId"] for error in answer.errors] == [["2"], ["5"]]


def test_results_can_come_in_another_order(client, sandbox):
    sandbox.personality = replace(sandbox.personality, shuffle_results=True)
    inputs = [{"properties": {"firstname": str(n)}} for n in range(20)]
    answer = client("contacts", "batch_api").create({"inputs": inputs})
    names = [record.properties["firstname"] for record in answer.results]
    assert names != sorted(names, key=int)
    assert sorted(names, key=int) == [str(n) for n in range(20)]


def test_refusals_belong_to_the_clients_own_exceptions(client):
    with pytest.raises(ApiException):
        client("contacts", "basic_api").get_by_id("1")
