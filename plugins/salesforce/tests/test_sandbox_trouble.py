"""What goes wrong on the way to Salesforce, on order."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
import requests

from instep.sandbox import FaultKind, Personality
from instep_salesforce.sandbox import STATIC_TOKEN, SalesforcePersonality

from .sandboxes import Opened, lead, opened, refusal

QUERY = "SELECT Id FROM Lead"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


def test_every_answer_says_how_much_is_used(org: Opened) -> None:
    headers = [org.call("GET", "limits").headers["Sforce-Limit-Info"] for _ in range(2)]
    assert headers == ["api-usage=1/15000", "api-usage=2/15000"]
    org.behave(limit_info="per_app")
    assert "; per-app-api-usage=" in org.call("GET", "limits").headers["Sforce-Limit-Info"]
    org.behave(limit_info="bursts")
    assert org.call("GET", "nowhere").headers["Sforce-Limit-Info"].endswith("; api-bursts=1/750")


def test_the_day_has_a_number_of_calls_and_rolls_on(org: Opened) -> None:
    org.behave(daily_limit=3)
    for _ in range(3):
        org.sf.query(QUERY)
        org.pass_time(hours=8)
    org.sf.query(QUERY)
    assert refusal(org.sf.query, QUERY) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert refusal(org.sf.Lead.create, lead())[1] == "REQUEST_LIMIT_EXCEEDED"
    assert org.world.all("Lead") == []
    org.pass_time(hours=8)
    assert org.sf.query(QUERY)["done"] is True


def test_too_many_long_calls_are_told_in_salesforces_words(org: Opened) -> None:
    org.sandbox.faults.add("query", FaultKind.THROTTLED)
    status, code, message = refusal(org.sf.query, QUERY)
    assert (status, code) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert message.startswith("ConcurrentRequests")
    assert org.sf.query(QUERY)["done"] is True


def test_a_server_error_is_told_in_salesforces_words(org: Opened) -> None:
    org.sandbox.faults.add("record.create", FaultKind.SERVER_ERROR)
    assert refusal(org.sf.Lead.create, lead())[:2] == (500, "UNKNOWN_EXCEPTION")
    assert org.world.all("Lead") == []
    assert org.sf.Lead.create(lead())["success"]


@pytest.mark.parametrize("status", [406, 420, 429, 503])
def test_the_edge_answers_without_a_body(org: Opened, status: int) -> None:
    org.sandbox.faults.add("query", FaultKind.STATUS, status=status)
    answer = org.call("GET", "query?q=SELECT+Id+FROM+Lead")
    assert (answer.status_code, answer.content) == (status, b"")
    assert org.call("GET", "query?q=SELECT+Id+FROM+Lead").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        (FaultKind.HTML_502, 502, "text/html; charset=UTF-8"),
        (FaultKind.WRONG_CONTENT_TYPE, 200, "text/html; charset=UTF-8"),
        (FaultKind.TRUNCATED_JSON, 200, "application/json;charset=UTF-8"),
    ],
)
def test_an_answer_can_be_spoiled(org: Opened, kind: FaultKind, status: int, content_type: str) -> None:
    org.sandbox.faults.add("limits", kind)
    answer = org.call("GET", "limits")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
    assert answer.content != org.call("GET", "limits").content or kind is FaultKind.WRONG_CONTENT_TYPE


@pytest.mark.parametrize(
    ("kind", "written"),
    [(FaultKind.RESET_BEFORE, 0), (FaultKind.RESET_AFTER, 1), (FaultKind.TIMEOUT_AFTER_COMMIT, 1)],
)
def test_a_connection_can_break_before_and_after_the_commit(org: Opened, kind: FaultKind, written: int) -> None:
    org.sandbox.faults.add("collections.create", kind)
    body = {"records": [{"attributes": {"type": "Lead"}, **lead()}]}
    with pytest.raises(requests.ConnectionError):
        org.call("POST", "composite/sobjects", body)
    assert len(org.world.all("Lead")) == written


def test_the_third_call_can_be_the_one_that_fails(org: Opened) -> None:
    org.sandbox.faults.add("query*", FaultKind.STATUS, status=503, after=2)
    statuses = [org.call("GET", "query?q=SELECT+Id+FROM+Lead").status_code for _ in range(4)]
    assert statuses == [200, 200, 503, 200]


def test_an_answer_can_be_slow_by_the_sandboxes_clock(org: Opened) -> None:
    before = org.clock.now()
    org.sandbox.faults.add("query", FaultKind.SLOW, seconds=90)
    org.sf.query(QUERY)
    assert (org.clock.now() - before).total_seconds() == 90


def test_bad_luck_can_be_had_for_a_share_of_calls() -> None:
    with opened(personality=SalesforcePersonality(random_5xx=0.5), seed=3) as org:
        statuses = [org.call("GET", "limits").status_code for _ in range(40)]
    assert 5 < statuses.count(500) < 35
    assert set(statuses) == {200, 500}


def test_a_general_personality_is_understood() -> None:
    with opened(personality=Personality(daily_limit=1)) as org:
        org.sf.query(QUERY)
        assert refusal(org.sf.query, QUERY)[1] == "REQUEST_LIMIT_EXCEEDED"
        assert isinstance(org.sandbox.personality, SalesforcePersonality)


def test_answers_can_be_compressed(org: Opened) -> None:
    org.world.load("Lead", [lead() for _ in range(50)])
    org.behave(gzip=True)
    answer = org.call("GET", "query?q=SELECT+Id,Company+FROM+Lead")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()["records"]) == 50
    assert "Content-Encoding" not in org.call("GET", "nowhere").headers
    plain = org.call("GET", "query?q=SELECT+Id,Company+FROM+Lead", Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers


def test_answers_without_content_have_no_body(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    answer = org.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"})
    assert "Content-Length" not in answer.headers
    assert "Content-Type" not in answer.headers
    described = org.call("GET", "sobjects/Lead/describe", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")
    assert (described.status_code, described.content) == (304, b"")


def test_a_trailing_slash_makes_no_difference(org: Opened) -> None:
    for path in ("limits", "sobjects/Lead", "sobjects/Lead/describe", "query?q=SELECT+Id+FROM+Lead"):
        with_slash = path.replace("?", "/?") if "?" in path else path + "/"
        assert org.call("GET", with_slash).status_code == org.call("GET", path).status_code == 200


def test_many_threads_write_without_losing_anything(org: Opened) -> None:
    def write() -> None:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Authorization": f"Bearer {STATIC_TOKEN}"}
            for _ in range(20):
                session.post(f"{org.sandbox.url}/services/data/v63.0/sobjects/Lead", json=lead(), headers=headers)

    threads = [Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({row["Id"] for row in org.world.all("Lead")}) == 100


def test_the_log_tells_reads_from_writes(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    org.sf.query(QUERY)
    org.call("POST", "composite/sobjects/Lead", {"ids": [id], "fields": ["Id"]})
    org.sf.session.post(f"{org.sandbox.url}/services/oauth2/token", data={"grant_type": "x"})
    org.sf.Lead.delete(id)
    found = [(call.label, call.wrote) for call in org.sandbox.log.calls()]
    assert found == [
        ("record.create", True),
        ("query", False),
        ("collections.read", False),
        ("oauth.token", False),
        ("record.delete", True),
    ]
