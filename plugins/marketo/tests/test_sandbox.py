"""The sandbox by itself, asked with plain HTTP as any program would."""

from datetime import timedelta

import pytest
import requests

from instep_marketo.sandbox import MarketoPersonality

LEADS = "/rest/v1/leads.json"


def test_identity_gives_the_same_token_with_what_is_left_of_its_time(sandbox, call):
    first = call.identify().json()
    sandbox.clock.advance(timedelta(minutes=50))
    second = call.identify().json()
    assert (second["access_token"], second["expires_in"]) == (first["access_token"], 600)
    sandbox.clock.advance(timedelta(minutes=10))
    assert call.identify().json()["access_token"] != first["access_token"]


@pytest.mark.parametrize("bad", [{"client_id": "x"}, {"client_secret": "x"}])
def test_wrong_credentials_are_the_one_refusal_with_a_status_of_its_own(call, bad):
    reply = call.identify(**bad)
    assert (reply.status_code, "error" in reply.json()) == (401, True)


def test_an_unknown_token_is_601_and_an_expired_one_602(sandbox, call):
    token = call.identify().json()["access_token"]
    assert call.code("GET", "/rest/v1/leads/describe.json", token="x") == "601"
    assert call.code("GET", "/rest/v1/leads/describe.json", token=token) is None
    sandbox.clock.advance(timedelta(hours=1))
    assert call.code("GET", "/rest/v1/leads/describe.json", token=token) == "602"


@pytest.mark.parametrize(("switch", "code"), [(False, "601"), (True, None)])
def test_a_token_in_the_address_is_taken_only_where_the_switch_says_so(sandbox, call, switch, code):
    sandbox.personality = MarketoPersonality(token_in_query=switch)
    token = call.identify().json()["access_token"]
    body = requests.get(f"{sandbox.url}/rest/v1/leads/describe.json", params={"access_token": token}).json()
    assert (body["errors"][0]["code"] if not body["success"] else None) == code


@pytest.mark.parametrize(
    ("method", "path", "more", "code"),
    [
        ("GET", "/rest/v1/nobody.json", {}, "610"),
        ("PUT", LEADS, {}, "605"),
        ("POST", LEADS, {"data": b"{", "headers": {"Content-Type": "application/json"}}, "609"),
        ("POST", LEADS, {"data": b"a=b", "headers": {"Content-Type": "text/plain"}}, "612"),
        ("POST", LEADS, {"json": {"input": [{"email": f"{n}@x.example"} for n in range(301)]}}, "1003"),
        ("GET", LEADS, {"params": {"filterType": "firstName", "filterValues": "a"}}, "1011"),
        ("GET", LEADS, {"params": {"filterType": "email", "filterValues": "a", "fields": "nobody"}}, "1006"),
        ("GET", "/rest/v1/activities/pagingtoken.json", {"params": {"sinceDatetime": "yesterday"}}, "704"),
        ("GET", "/rest/v1/activities.json", {"params": {"nextPageToken": "x", "activityTypeIds": "1"}}, "1003"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_by_its_code(call, method, path, more, code):
    assert call.code(method, path, **more) == code


def test_a_long_address_and_a_long_body_have_statuses_of_their_own(call):
    assert call("GET", LEADS, params={"filterType": "email", "filterValues": "a" * 9000}).status_code == 414
    assert call("POST", LEADS, data=b" " * (1024 * 1024 + 1)).status_code == 413


def test_the_identity_is_not_counted_and_everything_else_is(call):
    for _ in range(3):
        call.identify()
    assert call("GET", "/rest/v1/stats/usage.json").json()["result"][0]["total"] == 1


@pytest.mark.parametrize(
    ("action", "lookup", "row", "code"),
    [
        ("createOnly", "email", {"email": "A@x.example"}, "1005"),
        ("updateOnly", "email", {"email": "c@x.example"}, "1004"),
        ("createOnly", "email", {"id": 1, "email": "c@x.example"}, "1003"),
        ("createOrUpdate", "email", {"firstName": "Ann"}, "1002"),
        ("createOrUpdate", "email", {"email": "twin@x.example"}, "1007"),
        ("createOrUpdate", "email", {"email": "c@x.example", "nobody": 1}, "1006"),
        ("createOrUpdate", "email", {"email": "c@x.example", "leadScore": "x"}, "1001"),
        ("createOrUpdate", "email", {"email": "c@x.example", "company": "X"}, "1021"),
        ("createOrUpdate", "email", {"email": "ü@x.example"}, "1003"),
        ("createDuplicate", "email", {"email": "a@x.example"}, None),
        ("createOrUpdate", "email", {"email": "c@x.example"}, None),
    ],
)
def test_a_lead_is_skipped_with_a_code_of_its_own(sandbox, call, action, lookup, row, code):
    for email in ("a@x.example", "twin@x.example", "twin@x.example"):
        sandbox.world.create(email=email)
    (result,) = call.sync(row, action=action, lookupField=lookup)
    assert (result["reasons"][0]["code"] if result["status"] == "skipped" else None) == code


def test_the_same_key_twice_in_one_call_is_1036(call):
    first, second = call.sync({"email": "a@x.example"}, {"email": "A@x.example"})
    assert (first["status"], second["reasons"][0]["code"]) == ("created", "1036")


def test_the_log_tells_of_a_change_with_both_values_and_where_it_came_from(sandbox, call):
    id = int(sandbox.world.create(email="a@x.example", phone="1"))
    token = call("GET", "/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2026-01-01"}).json()
    call.sync({"email": "a@x.example", "phone": "2"})
    query = {"nextPageToken": token["nextPageToken"], "fields": "phone"}
    body = call("GET", "/rest/v1/activities/leadchanges.json", params=query).json()
    (change,) = [item for item in body["result"] if item["activityTypeId"] == 13]
    assert (change["leadId"], change["fields"][0]["oldValue"], change["fields"][0]["newValue"]) == (id, "1", "2")
    assert {"name": "Source", "value": "Web service API"} in change["attributes"]


def test_moments_are_spelt_as_marketo_spells_them(sandbox, call):
    channel = call("GET", "/rest/asset/v1/channels.json").json()["result"][0]
    assert channel["createdAt"].endswith("Z+0000")
    ids = [sandbox.world.create(email=f"{n}@x.example") for n in range(2)]
    token = call("GET", "/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2026-01-01"}).json()
    query = {"nextPageToken": token["nextPageToken"], "activityTypeIds": "12", "leadIds": ",".join(ids)}
    dates = [
        item["activityDate"][-5:] for item in call("GET", "/rest/v1/activities.json", params=query).json()["result"]
    ]
    assert sorted(date.endswith("Z") for date in dates) == [False, True]


def test_at_most_ten_types_and_thirty_leads_of_activities(call):
    token = call("GET", "/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2026-01-01"}).json()
    query = {"nextPageToken": token["nextPageToken"]}
    path, eleven = "/rest/v1/activities.json", "1,2,3,7,8,9,10,11,12,13,22"
    assert call.code("GET", path, params={**query, "activityTypeIds": eleven}) == "1003"
    assert call.code("GET", path, params={**query, "activityTypeIds": eleven[2:]}) is None
    leads = ",".join(str(n) for n in range(31))
    assert call.code("GET", path, params={**query, "activityTypeIds": "1", "leadIds": leads}) == "1003"


def test_a_reset_leaves_a_new_subscription(sandbox):
    sandbox.world.create(email="a@x.example")
    requests.post(f"{sandbox.url}/_sandbox/reset")
    assert requests.get(f"{sandbox.url}/_sandbox/snapshot").json()["leads"] == {}
