"""Who wants which mail, and what buyers did, in the HubSpot sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from hubspot import HubSpot

from instep.sandbox import VirtualClock
from instep_hubspot.sandbox import hubspot_sandbox

V4 = "/communication-preferences/v4/statuses"
EMAIL = "a@x.example"


@pytest.fixture
def sandbox():
    with hubspot_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def call(sandbox):
    """Calls what HubSpot's client has no classes for."""
    pool = urllib3.PoolManager()
    headers = {"Authorization": "Bearer pat-na1-sandbox", "Content-Type": "application/json"}

    def send(method, path, body=None):
        content = None if body is None else json.dumps(body)
        answer = pool.request(method, sandbox.url + path, body=content, headers=headers)
        return answer.status, json.loads(answer.data) if answer.data else None

    yield send
    pool.clear()


@pytest.fixture
def status_api(sandbox):
    api = HubSpot(access_token="pat-na1-sandbox", host=sandbox.url).communication_preferences.status_api
    yield api
    api.api_client.close()
    api.api_client.rest_client.pool_manager.clear()


def choice(subscription, status):
    return {"subscriptionId": subscription, "statusState": status, "channel": "EMAIL"}


def statuses(call, email=EMAIL):
    _, body = call("GET", f"{V4}/{email}?channel=EMAIL")
    return {item["subscriptionId"]: item["status"] for item in body["results"]}


def test_a_choice_that_is_written_reads_back(call):
    status, body = call("POST", f"{V4}/{EMAIL}", choice(101, "SUBSCRIBED"))
    assert (status, body["results"][0]["source"]) == (200, "PUBLIC_API")
    assert statuses(call) == {101: "SUBSCRIBED", 102: "NOT_SPECIFIED", 103: "NOT_SPECIFIED"}


def test_an_opt_out_shows_on_the_contact_as_a_change(sandbox, call):
    id = sandbox.world.create("contacts", email=EMAIL)
    sandbox.clock.advance(timedelta(minutes=1))
    call("POST", f"{V4}/{EMAIL}/unsubscribe-all?channel=EMAIL")
    held = sandbox.world.read("contacts", id)
    assert held["hs_email_optout"] == "true"
    assert held["lastmodifieddate"] == "2026-01-05T09:01:00.000Z"


def test_a_contact_made_after_the_opt_out_shows_it(sandbox):
    sandbox.world.opt_out(EMAIL)
    id = sandbox.world.create("contacts", email=EMAIL)
    assert sandbox.world.read("contacts", id)["hs_email_optout"] == "true"


def test_opting_out_again_changes_nothing(sandbox, call):
    id = sandbox.world.create("contacts", email=EMAIL)
    sandbox.world.opt_out(EMAIL)
    sandbox.clock.advance(timedelta(minutes=1))
    call("POST", f"{V4}/{EMAIL}/unsubscribe-all?channel=EMAIL")
    _, body = call("GET", f"{V4}/{EMAIL}/unsubscribe-all?channel=EMAIL")
    assert body["results"][0]["timestamp"] == "2026-01-05T09:00:00.000Z"
    assert sandbox.world.read("contacts", id)["lastmodifieddate"] == "2026-01-05T09:00:00.000Z"


def test_who_never_opted_out_has_no_opt_out(call):
    assert call("GET", f"{V4}/{EMAIL}/unsubscribe-all?channel=EMAIL")[1]["results"] == []


def test_many_people_are_read_and_opted_out_at_once(sandbox, call):
    sandbox.world.opt_in("b@x.example")
    inputs = {"inputs": [EMAIL, "b@x.example"]}
    call("POST", f"{V4}/batch/unsubscribe-all?channel=EMAIL", {"inputs": [EMAIL]})
    _, wide = call("POST", f"{V4}/batch/unsubscribe-all/read?channel=EMAIL", inputs)
    _, single = call("POST", f"{V4}/batch/read?channel=EMAIL", inputs)
    assert [len(item["wideStatuses"]) for item in wide["results"]] == [1, 0]
    assert [item["statuses"][0]["status"] for item in single["results"]] == ["UNSUBSCRIBED", "SUBSCRIBED"]
    assert [call.label for call in sandbox.log.writes()] == ["consents.batch_opt_out"]


def test_a_batch_of_choices_fails_input_by_input(sandbox, call):
    sandbox.world.opt_out(EMAIL)
    inputs = [{"subscriberIdString": who, **choice(101, "SUBSCRIBED")} for who in (EMAIL, "b@x.example")]
    status, body = call("POST", f"{V4}/batch/write", {"inputs": inputs})
    assert (status, body["numErrors"]) == (207, 1)
    assert body["errors"][0]["context"]["subscriberIdString"] == [EMAIL]


def test_only_the_person_can_end_an_opt_out_of_the_person(sandbox, status_api):
    sandbox.world.opt_out(EMAIL)
    wish = {"emailAddress": EMAIL, "subscriptionId": "101"}
    with pytest.raises(Exception, match="Reason") as caught:
        status_api.subscribe(wish)
    assert caught.value.status == 400
    sandbox.world.opt_in(EMAIL, datetime(2026, 1, 6, tzinfo=UTC))
    found = status_api.get_email_status(EMAIL).subscription_statuses
    assert {item.status for item in found} == {"SUBSCRIBED"}


def test_v3_and_v4_show_the_same_choices(call, status_api):
    status_api.subscribe({"emailAddress": EMAIL, "subscriptionId": "102", "legalBasis": "NON_GDPR"})
    status_api.unsubscribe({"emailAddress": EMAIL, "subscriptionId": "101"})
    assert statuses(call) == {101: "UNSUBSCRIBED", 102: "SUBSCRIBED", 103: "NOT_SPECIFIED"}


@pytest.mark.parametrize(
    "body",
    [
        choice(999, "SUBSCRIBED"),
        choice(101, "MAYBE"),
        {**choice(101, "SUBSCRIBED"), "channel": "SMS"},
        {**choice(101, "SUBSCRIBED"), "legalBasis": "BECAUSE"},
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(call, body):
    assert call("POST", f"{V4}/{EMAIL}", body)[0] == 400


def test_dated_paths_lead_to_the_same_choices(sandbox, call):
    sandbox.world.opt_out(EMAIL)
    _, body = call("GET", f"/communication-preferences/2026-09/statuses/{EMAIL}/unsubscribe-all?channel=EMAIL")
    assert body["results"][0]["wideStatusType"] == "PORTAL_WIDE"


def test_merged_contacts_keep_the_stricter_choice(sandbox):
    first, second = (sandbox.world.create("contacts", email=f"{n}@x.example") for n in "ab")
    sandbox.world.opt_out("b@x.example")
    merged = sandbox.world.merge("contacts", first, second)
    assert sandbox.world.read("contacts", merged)["hs_email_optout"] == "true"


def test_form_submissions_come_newest_first_and_convert_the_contact(sandbox, call):
    form = sandbox.world.add_form("Webinar", ["email", "firstname"])
    for day in (1, 2):
        at = datetime(2026, 1, day, tzinfo=UTC)
        contact = sandbox.world.submit_form("Webinar", EMAIL, {"firstname": f"A{day}"}, at)
    path = f"/form-integrations/v1/submissions/forms/{form}"
    _, first = call("GET", f"{path}?limit=1")
    _, second = call("GET", f"{path}?limit=1&after={first['paging']['next']['after']}")
    names = [page["results"][0]["values"][1]["value"] for page in (first, second)]
    assert names == ["A2", "A1"]
    assert sandbox.world.read("contacts", contact)["recent_conversion_event_name"] == "Webinar"
    assert call("GET", f"{path}?limit=51")[0] == 400


def test_forms_are_listed(sandbox, call):
    form = sandbox.world.add_form("Webinar")
    assert [item["id"] for item in call("GET", "/marketing/v3/forms/")[1]["results"]] == [form]


def test_an_event_that_is_sent_twice_happened_once(sandbox, call):
    contact = sandbox.world.create("contacts", email=EMAIL)
    event = {"eventName": "pe1_demo", "email": EMAIL, "uuid": "u1", "occurredAt": "2026-01-02T00:00:00Z"}
    for _ in range(2):
        assert call("POST", "/events/v3/send", event) == (204, None)
    _, body = call("GET", f"/events/v3/events/?objectType=contact&objectId={contact}")
    assert [(item["eventType"], item["occurredAt"]) for item in body["results"]] == [
        ("pe1_demo", "2026-01-02T00:00:00.000Z")
    ]
