"""Who may call the sandbox, how often, and what goes wrong on the way."""

import gzip
import re
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from instep.sandbox import FaultKind
from instep_marketo.sandbox import MarketoPersonality

LEADS, USAGE, ERRORS = "/rest/v1/leads.json", "/rest/v1/stats/usage.json", "/rest/v1/stats/errors.json"
FIND = {"filterType": "email", "filterValues": "a@x.example"}
TABLE = "/rest/v1/leads/describe.json"


# --- logins ----------------------------------------------------------------------------------------------------


def test_every_custom_service_has_a_token_of_its_own_and_says_whose_it_is(sandbox, call, callers):
    other = callers(*sandbox.world.add_login("tap@api.sandbox.example"))
    ours, theirs = call.identify().json(), other.identify("POST").json()
    assert ours["access_token"] != theirs["access_token"]
    assert (ours["scope"], theirs["scope"]) == ("instep@api.sandbox.example", "tap@api.sandbox.example")
    assert other.identify().json() == theirs


@pytest.mark.parametrize(
    ("permission", "codes"),
    [
        ("Read-Only Lead", [None, "603", "603"]),
        ("Read-Write Lead", [None, None, "603"]),
        ("Read-Only Activity", ["603", "603", None]),
    ],
)
def test_a_role_may_do_what_it_was_given_and_nothing_else(sandbox, callers, permission, codes):
    caller = callers(*sandbox.world.add_login("tap@api.sandbox.example", [permission]))
    reads, writes = (
        caller.code("GET", LEADS, params=FIND),
        caller.code("POST", LEADS, json={"input": [{"email": "a"}]}),
    )
    assert [reads, writes, caller.code("GET", "/rest/v1/activities/types.json")] == codes


def test_one_logins_missing_permission_is_no_matter_of_the_others(sandbox, call, callers):
    other = callers(*sandbox.world.add_login("tap@api.sandbox.example"))
    sandbox.world.deny("Read-Only Lead")
    assert (call.code("GET", LEADS, params=FIND), other.code("GET", LEADS, params=FIND)) == ("603", None)


def test_a_question_by_post_needs_only_what_reading_needs(sandbox, callers):
    caller = callers(*sandbox.world.add_login("tap@api.sandbox.example", ["Read-Only Lead"]))
    assert caller.code("POST", LEADS, params={"_method": "GET"}, data=FIND) is None
    assert caller.code("POST", LEADS, json={"input": [{"email": "a@x.example"}]}) == "603"
    assert caller.code("POST", TABLE) == "605"


# --- statistics ------------------------------------------------------------------------------------------------


def test_calls_are_counted_by_user(sandbox, call, callers):
    other = callers(*sandbox.world.add_login("tap@api.sandbox.example"))
    for _ in range(2):
        other("GET", TABLE)
    (today,) = call.result("GET", USAGE)
    assert (today["date"], today["total"]) == ("2026-01-05", 3)
    assert today["users"] == [
        {"userId": "instep@api.sandbox.example", "count": 1},
        {"userId": "tap@api.sandbox.example", "count": 2},
    ]


def test_refusals_are_counted_by_code(call):
    for _ in range(2):
        call("GET", "/rest/v1/nobody.json")
    call("GET", TABLE, token="x")
    (today,) = call.result("GET", ERRORS)
    assert (today["total"], today["errors"]) == (
        3,
        [{"errorCode": "601", "count": 1}, {"errorCode": "610", "count": 2}],
    )


@pytest.mark.parametrize("statistic", ["usage", "errors"])
def test_a_week_of_statistics_is_told_day_by_day_and_an_older_day_is_not(sandbox, call, statistic):
    call("GET", "/rest/v1/nobody.json")
    for days, total in ((6, 1), (1, 0)):
        sandbox.clock.advance(timedelta(days=days))
        week = call.result("GET", f"/rest/v1/stats/{statistic}/last7days.json")
        assert (len(week), week[-1]["total"]) == (7, total)


@pytest.mark.parametrize(("code", "counts"), [("608", 0), ("611", 0), ("713", 1)])
def test_some_refusals_cost_no_call(sandbox, call, code, counts):
    sandbox.world.refuse_next(code)
    assert call.code("GET", TABLE) == code
    assert call.result("GET", USAGE)[0]["total"] == counts + 1


# --- limits ----------------------------------------------------------------------------------------------------


def test_the_window_of_twenty_seconds_is_everybodys(sandbox, call, callers):
    sandbox.personality = MarketoPersonality(rate_limit=2)
    other = callers(*sandbox.world.add_login("tap@api.sandbox.example"))
    assert [other.code("GET", TABLE), call.code("GET", TABLE), call.code("GET", TABLE)] == [None, None, "606"]
    assert "'2'" in call("GET", TABLE).json()["errors"][0]["message"]
    sandbox.clock.advance(timedelta(seconds=20))
    assert call.code("GET", TABLE) is None


def test_a_call_that_is_made_while_another_is_answered_takes_a_second_slot(sandbox, call, callers):
    other, codes = callers(), []
    campaign = sandbox.world.add_campaign("Flow", lambda lead: codes.append(other.code("GET", TABLE, token=token)))
    lead, token = int(sandbox.world.create(email="a@x.example")), call.identify().json()["access_token"]
    body = {"input": {"leads": [{"id": lead}]}}
    sandbox.personality = MarketoPersonality(concurrent_limit=1)
    assert call.code("POST", f"/rest/v1/campaigns/{campaign}/trigger.json", token=token, json=body) is None
    assert codes == ["615"]
    assert call.code("GET", TABLE) is None


def test_the_day_of_the_quota_is_chicagos(sandbox, call):
    sandbox.personality = MarketoPersonality(daily_limit=2)
    assert [call.code("GET", TABLE) for _ in range(3)] == [None, None, "607"]
    now = sandbox.clock.now()
    sandbox.clock.advance(now.replace(hour=5, minute=59) + timedelta(days=1) - now)
    assert call.code("GET", TABLE) == "607"
    sandbox.clock.advance(timedelta(minutes=1))
    assert call.code("GET", TABLE) is None


@pytest.mark.parametrize(
    ("switch", "method", "path", "more", "status"),
    [
        ({"address_limit": 60}, "GET", LEADS, {"params": FIND}, 414),
        ({"body_limit": 10}, "POST", LEADS, {"json": {"input": [{"email": "a@x.example"}]}}, 413),
        ({"import_limit": 10}, "POST", "/bulk/v1/leads.json", {"files": {"file": "email\na@x.example\n"}}, 413),
        ({"body_limit": 10}, "POST", "/bulk/v1/leads.json", {"files": {"file": "email\na@x.example\n"}}, 200),
    ],
)
def test_how_long_a_call_may_be_can_be_set(sandbox, call, switch, method, path, more, status):
    token = call.identify().json()["access_token"]
    assert call(method, path, token=token, **more).status_code == 200
    sandbox.personality = MarketoPersonality(**switch)
    assert call(method, path, token=token, **more).status_code == status


def test_how_many_records_a_call_may_carry_can_be_set(sandbox, call):
    rows = [{"email": f"{n}@x.example"} for n in range(3)]
    sandbox.personality = MarketoPersonality(input_limit=2)
    assert call.code("POST", LEADS, json={"input": rows}) == "1003"
    assert call.code("POST", LEADS, json={"input": rows[:2]}) is None


# --- faults ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["502", "604", "608", "611", "713"])
def test_the_next_calls_can_be_refused_and_do_nothing_then(sandbox, call, code):
    sandbox.world.refuse_next(code, 2)
    body = {"input": [{"email": "a@x.example"}]}
    assert [call.code("POST", LEADS, json=body) for _ in range(2)] == [code, code]
    assert sandbox.world.ids() == []
    assert call.code("POST", LEADS, json=body) is None
    assert len(sandbox.world.ids()) == 1


def test_one_record_of_a_call_can_be_refused_with_a_code(sandbox, call):
    sandbox.personality = MarketoPersonality(partial_failure=2, partial_failure_code="1007")
    results = call.sync(*({"email": f"{n}@x.example"} for n in range(3)))
    assert [call.why(result) for result in results] == [None, "1007", None]


def test_a_connection_can_be_dropped_and_an_answer_can_be_late(sandbox, call):
    token = call.identify().json()["access_token"]
    sandbox.faults.add("leads.describe", FaultKind.RESET_BEFORE)
    with pytest.raises(requests.ConnectionError):
        call("GET", TABLE, token=token)
    before = sandbox.clock.now()
    sandbox.faults.add("leads.describe", FaultKind.SLOW, seconds=120)
    assert call.code("GET", TABLE, token=token) is None
    assert sandbox.clock.now() - before == timedelta(seconds=120)


# --- on the wire -----------------------------------------------------------------------------------------------


def test_codes_are_texts_and_request_ids_two_hexadecimal_numbers(call):
    body = call("GET", "/rest/v1/nobody.json").json()
    assert body["errors"] == [{"code": "610", "message": "Requested resource not found"}]
    assert re.fullmatch("[0-9a-f]+#[0-9a-f]+", body["requestId"])


def test_a_long_answer_is_compressed_where_that_is_taken_and_a_short_one_never(call):
    token = call.identify().json()["access_token"]
    plainly = call("GET", TABLE, token=token, headers={"Accept-Encoding": "identity"})
    zipped = call("GET", TABLE, token=token, headers={"Accept-Encoding": "gzip"}, stream=True)
    raw = zipped.raw.read(decode_content=False)
    assert "Content-Encoding" not in plainly.headers
    assert gzip.decompress(raw).count(b"displayName") == plainly.content.count(b"displayName") > 0
    assert len(plainly.content) > 1024 > len(call("GET", USAGE).content)
    assert "Content-Encoding" not in call("GET", USAGE).headers


def test_a_connection_is_kept_and_listens_on_this_machine_only(sandbox, call):
    assert sandbox.url.startswith("http://127.0.0.1:")
    assert call("GET", TABLE).headers.get("Connection", "keep-alive") != "close"


def test_the_same_seed_gives_the_same_ids(sandbox, call):
    made = call.sync({"email": "a@x.example"})
    requests.post(f"{sandbox.url}/_sandbox/reset")
    assert call.sync({"email": "b@x.example"}) == made


def test_a_fault_after_the_answer_is_understood_although_it_was_compressed(bench, hands):
    bench.faults.add("leads.describe2", FaultKind.NON_UTF8)
    bench.faults.add("leads.describe2", FaultKind.TRUNCATED_JSON)
    assert "email" in {field.name for field in bench.part("fields").read("leads")}
    assert hands.labels().count("leads.describe2") == 3


def test_what_a_personality_leaves_out_is_kept(sandbox):
    sandbox.personality = replace(sandbox.personality, rate_limit=7)
    assert (sandbox.personality.rate_limit, sandbox.personality.input_limit) == (7, 300)
