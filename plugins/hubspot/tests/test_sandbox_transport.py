"""How the HubSpot sandbox is reached: tokens, limits, faults, the log and the controls."""

from __future__ import annotations

import json
import socket
import urllib.parse
from dataclasses import replace
from datetime import timedelta

import pytest
import urllib3
from hubspot import HubSpot

from instep.sandbox import VirtualClock
from instep_hubspot.sandbox import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, hubspot_sandbox

CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture
def sandbox():
    with hubspot_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def pool():
    manager = urllib3.PoolManager(retries=False)
    yield manager
    manager.clear()


@pytest.fixture
def call(sandbox, pool):
    def send(method, path, body=None, token="pat-na1-sandbox"):
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = None if body is None else json.dumps(body)
        return pool.request(method, sandbox.url + path, body=content, headers=headers)

    return send


def create(call, email):
    return call("POST", CONTACTS, {"properties": {"email": email}})


def refresh(pool, sandbox, **more):
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        **more,
    }
    answer = pool.request("POST", f"{sandbox.url}/oauth/v1/token", body=urllib.parse.urlencode(form))
    return answer.status, json.loads(answer.data)


@pytest.mark.parametrize("token", [None, "pat-na1-other"])
def test_an_unknown_token_is_refused(call, token):
    answer = call("GET", CONTACTS, token=token)
    assert answer.status == 401
    assert answer.json()["category"] == "INVALID_AUTHENTICATION"
    assert answer.json()["message"].startswith("Authentication credentials not found")


def test_a_missing_scope_is_named(sandbox, call):
    sandbox.world.grant("pat-narrow", ["crm.objects.contacts.read"])
    assert call("GET", CONTACTS, token="pat-narrow").status == 200
    answer = call("POST", CONTACTS, {"properties": {"firstname": "A"}}, token="pat-narrow")
    assert (answer.status, answer.json()["category"]) == (403, "MISSING_SCOPES")
    scopes = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert scopes == ["crm.objects.contacts.write"]


def test_every_token_can_be_made_to_expire(sandbox, call):
    sandbox.personality = replace(sandbox.personality, token_expiry=timedelta(minutes=30))
    sandbox.clock.advance(timedelta(minutes=30))
    answer = call("GET", CONTACTS).json()
    assert answer["category"] == "EXPIRED_AUTHENTICATION"
    assert answer["context"]["expire time"] == ["2026-01-05T09:30:00.000Z"]


def test_a_refreshed_token_works_for_half_an_hour(sandbox, pool, call):
    _, granted = refresh(pool, sandbox)
    token = granted["access_token"]
    answers = [call("GET", CONTACTS, token=token)]
    sandbox.clock.advance(timedelta(seconds=granted["expires_in"]))
    answers.append(call("GET", CONTACTS, token=token))
    assert [answer.status for answer in answers] == [200, 401]
    assert "X-HubSpot-RateLimit-Daily" not in answers[0].headers


def test_an_unknown_refresh_token_is_refused_in_the_shape_of_oauth(sandbox, pool):
    status, body = refresh(pool, sandbox, refresh_token="old")
    assert (status, body["status"], body["error"]) == (400, "BAD_REFRESH_TOKEN", "invalid_grant")


def test_the_account_says_who_it_is(sandbox, call):
    details = call("GET", "/account-info/v3/details").json()
    assert (details["portalId"], details["companyCurrency"]) == (8_675_309, "USD")


def test_calls_beyond_the_burst_are_refused_until_the_window_has_rolled(sandbox, call):
    sandbox.personality = replace(sandbox.personality, rate_limit=2, retry_after=True)
    answers = [call("GET", CONTACTS) for _ in range(3)]
    sandbox.clock.advance(timedelta(seconds=10))
    answers.append(call("GET", CONTACTS))
    assert [answer.status for answer in answers] == [200, 200, 429, 200]
    body = answers[2].json()
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert answers[2].headers["Retry-After"] == "10"
    assert [answer.headers["X-HubSpot-RateLimit-Remaining"] for answer in answers[:2]] == ["1", "0"]


def test_searches_have_a_limit_of_their_own(sandbox, call):
    sandbox.personality = replace(sandbox.personality, search_rate_limit=1)
    answers = [call("POST", f"{CONTACTS}/search", {}) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].json()["policyName"] == "SECONDLY"


def test_the_day_has_a_limit_that_usage_shows(sandbox, call):
    sandbox.personality = replace(sandbox.personality, daily_limit=2)
    call("GET", CONTACTS)
    usage = call("GET", "/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    refused = call("GET", CONTACTS)
    assert (usage["usageLimit"], usage["currentUsage"]) == (2, 2)
    assert (refused.status, refused.json()["policyName"]) == (429, "DAILY")


def test_every_answer_tells_the_time_of_the_sandbox(sandbox, call):
    sandbox.clock.advance(timedelta(hours=1))
    assert call("GET", CONTACTS).headers["Date"] == "Mon, 05 Jan 2026 10:00:00 GMT"


def test_an_unknown_path_is_404_and_a_wrong_verb_405(call):
    assert call("GET", "/crm/v9/nothing").status == 404
    assert call("PUT", CONTACTS, {}).status == 405


def test_a_url_that_is_too_long_is_refused(call):
    names = ",".join(f"property_{n}" for n in range(700))
    assert call("GET", f"{CONTACTS}?properties={names}").status == 414


def test_a_body_that_is_no_json_is_refused_without_a_category(sandbox, pool):
    headers = {"Authorization": "Bearer pat-na1-sandbox", "Content-Type": "application/json"}
    answer = pool.request("POST", sandbox.url + CONTACTS, body="{", headers=headers)
    assert answer.status == 400
    assert "category" not in answer.json()


def test_every_refusal_is_named_by_the_id_in_its_header(call):
    answer = call("GET", f"{CONTACTS}/1")
    assert answer.json()["correlationId"] == answer.headers["X-HubSpot-Correlation-Id"]


def test_dated_paths_and_trailing_slashes_lead_to_the_same_records(sandbox, call):
    id = sandbox.world.create("contacts", email="a@x.example")
    paths = [f"/crm/objects/2026-03/contacts/{id}", f"/crm/objects/2026-09/0-1/{id}/", f"{CONTACTS}/{id}/"]
    assert [call("GET", path).json()["id"] for path in paths] == [id, id, id]


def test_arrays_may_be_repeated_or_joined_and_booleans_in_any_case(sandbox, call):
    id = sandbox.world.create("contacts", email="a@x.example", city="Ulm", phone="1")
    sandbox.world.archive("contacts", id)
    query = "archived=True&properties=city&properties=phone,zip"
    assert call("GET", f"{CONTACTS}/{id}?{query}").json()["properties"].keys() >= {"city", "phone", "zip"}


def test_a_write_whose_answer_is_lost_was_applied(sandbox, call):
    sandbox.faults.arm()
    with pytest.raises(urllib3.exceptions.ProtocolError):
        create(call, "a@x.example")
    assert len(sandbox.world.all("contacts")) == 1
    assert [entry.status for entry in sandbox.log.writes()] == [0]
    assert create(call, "a@x.example").status == 409


def test_the_client_does_not_repeat_a_create_whose_answer_was_lost(sandbox):
    api = HubSpot(access_token="pat-na1-sandbox", host=sandbox.url).crm.companies.basic_api
    sandbox.personality = replace(sandbox.personality, timeout_after_commit=frozenset({1}))
    with pytest.raises(urllib3.exceptions.HTTPError):
        api.create({"properties": {"name": "X"}})
    assert len(sandbox.world.all("companies")) == 1
    api.api_client.close()
    api.api_client.rest_client.pool_manager.clear()


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", 0), ("reset_after", 1)])
def test_a_connection_can_be_reset_before_or_after_the_write(sandbox, call, kind, applied):
    sandbox.faults.add("objects.create", kind)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        create(call, "a@x.example")
    assert len(sandbox.world.all("contacts")) == applied


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        ("html_502", 502, 0),
        ("server_error", 500, 0),
        ("throttled", 429, 0),
        ("wrong_success_code", 202, 1),
        ("truncated_json", 201, 1),
        ("non_utf8", 201, 1),
        ("slow", 201, 1),
    ],
)
def test_a_fault_befalls_one_call_and_then_is_over(sandbox, call, kind, status, applied):
    sandbox.faults.add("*/contacts", kind)
    assert create(call, "a@x.example").status == status
    assert len(sandbox.world.all("contacts")) == applied
    assert create(call, "b@x.example").status == 201


def test_answers_that_are_not_text_or_not_whole_cannot_be_read(sandbox, call):
    for kind in ("non_utf8", "truncated_json"):
        sandbox.faults.add("objects.list", kind)
        with pytest.raises((UnicodeDecodeError, json.JSONDecodeError)):
            call("GET", CONTACTS).json()


def test_slow_answers_move_only_the_clock(sandbox, call):
    before = sandbox.clock.now()
    sandbox.faults.add("objects.list", "slow", seconds=90)
    call("GET", CONTACTS)
    assert sandbox.clock.now() - before == timedelta(seconds=90)


def test_random_failures_are_the_same_for_the_same_seed(pool):
    def statuses(seed):
        with hubspot_sandbox(clock=VirtualClock(), seed=seed) as sandbox:
            sandbox.personality = replace(sandbox.personality, random_5xx=0.5)
            headers = {"Authorization": "Bearer pat-na1-sandbox"}
            return [pool.request("GET", sandbox.url + CONTACTS, headers=headers).status for _ in range(20)]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)
    assert set(statuses(1)) == {200, 500}


def test_the_log_tells_writes_from_reads_and_leaves_out_the_world(sandbox, call):
    sandbox.world.create("contacts", email="a@x.example")
    call("POST", f"{CONTACTS}/search", {})
    call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": "1"}]})
    create(call, "b@x.example")
    assert [entry.label for entry in sandbox.log.writes()] == ["objects.create"]
    assert sandbox.log.count() == 3
    assert sandbox.log.count("objects.batch_read") == 1
    assert sandbox.log.calls("*/contacts")[0].body_size > 0


def test_ids_and_correlation_ids_are_the_same_for_the_same_seed(pool):
    def run():
        with hubspot_sandbox(clock=VirtualClock(), seed=7) as sandbox:
            headers = {"Authorization": "Bearer pat-na1-sandbox"}
            answer = pool.request("GET", sandbox.url + CONTACTS, headers=headers)
            return sandbox.world.create("contacts", email="a@x.example"), answer.headers["X-HubSpot-Correlation-Id"]

    assert run() == run()


def control(pool, sandbox, method, name, body=None):
    answer = pool.request(method, f"{sandbox.url}/_sandbox/{name}", body=body and json.dumps(body))
    return json.loads(answer.data) if answer.data else answer.status


def test_another_process_can_steer_the_sandbox(sandbox, pool, call):
    ids = control(pool, sandbox, "POST", "seed", {"contacts": [{"email": "a@x.example"}]})["contacts"]
    now = control(pool, sandbox, "POST", "clock", {"advance_seconds": 60})["now"]
    call("GET", CONTACTS)
    log = control(pool, sandbox, "GET", "log")["calls"]
    snapshot = control(pool, sandbox, "GET", "snapshot")
    assert now == "2026-01-05T09:01:00+00:00"
    assert [entry["label"] for entry in log] == ["objects.list"]
    assert snapshot["objects"]["contacts"][ids[0]]["email"] == "a@x.example"
    assert control(pool, sandbox, "GET", "quota")["daily"] == 1
    assert control(pool, sandbox, "POST", "flush") == 204
    assert control(pool, sandbox, "POST", "reset") == 204
    assert control(pool, sandbox, "GET", "snapshot")["objects"] == {}
    assert sandbox.log.count() == 0


def test_a_closed_sandbox_no_longer_listens():
    with hubspot_sandbox(clock=VirtualClock()) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass


def test_a_sandbox_can_be_given_its_port():
    with hubspot_sandbox() as first:
        port = int(first.url.rpartition(":")[2])
    with hubspot_sandbox(port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"
