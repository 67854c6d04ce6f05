"""What the client library does wrong when it is used as it comes, and that this connector does it right."""

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import simple_salesforce.bulk2
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from instep.contract import Written
from instep.errors import AccessError
from instep_salesforce import values, wire
from instep_salesforce.answers import Call
from instep_salesforce.batches import Batch, Batches, Row
from instep_salesforce.bulk import BulkJobs
from instep_salesforce.wire import Columns

COLUMNS = Columns({"Id": "id"})
NO_RECORDS = (200, {"records": [], "done": True})


def ask(client: Any, **more: Any) -> Call:
    return Call("GET", client.path("query"), "Lead/query", {"q": "SELECT Id FROM Lead"}, **more)


# --- what we rely on -------------------------------------------------------------------------------------------


def test_the_librarys_inner_call_sends_once_and_gives_the_raw_answer(server: Any) -> None:
    names = list(inspect.signature(Salesforce._call_salesforce).parameters)
    assert names == ["self", "method", "url", "name", "retries", "max_retries", "kwargs"]
    server.say((200, {"Id": "x"}, {"Sforce-Limit-Info": "api-usage=1/15000"}))
    library = Salesforce(session_id="token", instance="host", session=server.plain().session, version="63.0")
    reply = library._call_salesforce(
        "GET", "https://host/services/x", name="x", headers={"X-Own": "1"}, params={"q": "a b"}
    )
    assert isinstance(reply, requests.Response)
    assert reply.content == b'{"Id":"x"}'
    (asked,) = server.asked
    assert (asked.headers["Authorization"], asked.headers["X-Own"]) == ("Bearer token", "1")
    assert asked.query == {"q": ["a b"]}


@pytest.mark.parametrize("status", [300, 302, 400, 401, 403, 404, 412, 500, 503])
def test_the_librarys_inner_call_raises_its_own_error_for_any_other_status(server: Any, status: int) -> None:
    server.say((status, []))
    with pytest.raises(SalesforceError):
        server.plain()._call_salesforce("GET", f"{server.url}/services/x", allow_redirects=False)


def test_in_direct_mode_the_library_never_logs_in_again(server: Any) -> None:
    server.say(server.EXPIRED)
    with pytest.raises(SalesforceError):
        server.plain().query("SELECT Id FROM Lead")
    assert len(server.asked) == 1


# --- faults, and their absence ---------------------------------------------------------------------------------


def test_plain_https_is_forced(server: Any) -> None:
    library = Salesforce(session_id="token", instance_url=server.url, version="63.0")
    library.session.trust_env = False
    with pytest.raises(requests.exceptions.SSLError):
        library.query("SELECT Id FROM Lead")


def test_ours_the_configured_scheme_is_kept(server: Any) -> None:
    server.say((200, []), NO_RECORDS)
    client = server.client()
    assert client.fetch(ask(client), COLUMNS.pages).value.records == []


def test_plain_headers_are_lost_when_the_session_is_renewed(server: Any) -> None:
    server.say(server.EXPIRED, (200, {}))
    library = server.plain(lambda: ("fresh", "127.0.0.1"))
    library._call_salesforce("PATCH", f"{server.url}/services/x", headers={"Sforce-Auto-Assign": "FALSE"})
    assert [asked.headers.get("Sforce-Auto-Assign") for asked in server.asked] == ["FALSE", None]


def test_ours_headers_are_sent_again_when_the_session_is_renewed(server: Any) -> None:
    server.say((200, []), server.EXPIRED, (200, []), NO_RECORDS)
    client = server.client()
    client.fetch(ask(client, headers={"Sforce-Auto-Assign": "FALSE"}), COLUMNS.pages)
    sent = [(a.path.rpartition("/")[2], a.headers.get("Sforce-Auto-Assign")) for a in server.asked]
    assert sent == [("token", None), ("query", "FALSE"), ("token", None), ("query", "FALSE")]
    assert server.asked[-1].headers["Authorization"] == "Bearer 00D000000000001!fresh"


def test_plain_logs_in_again_without_end(server: Any) -> None:
    server.say(server.EXPIRED)
    logins: list[int] = []

    def login() -> tuple[str, str]:
        logins.append(1)
        if len(logins) == 25:
            raise StopIteration
        return "fresh", "127.0.0.1"

    with pytest.raises(StopIteration):
        server.plain(login).Lead.get("00Q000000000001AAA")
    assert len(logins) == 25


def test_ours_renews_once_and_then_says_what_is_wrong(server: Any) -> None:
    server.answer = lambda asked: (200, []) if asked.path.endswith("token") else server.EXPIRED
    client = server.client(access_token="ready")
    with pytest.raises(AccessError, match="fresh access token was refused"):
        client.fetch(ask(client), COLUMNS.pages)
    assert [path.rpartition("/")[2] for path in server.paths] == ["query", "token", "query"]


RESULTS = '"sf__Id","sf__Created","Instep_Id__c","Street"\n"00Q000000000001AAA","true","k1","Zürich\nAltstadt"\n'


def test_plain_results_of_a_job_are_read_as_latin_1_and_torn_at_line_breaks(server: Any) -> None:
    server.say((200, RESULTS.encode(), {"Content-Type": "text/csv"}))
    handler = server.plain().bulk2.Lead
    assert "ZÃ¼rich" in handler._client.get_ingest_results("750", "successfulResults")
    rows = handler.get_all_ingest_records("750")["successfulRecords"]
    assert rows[0]["Street"] == "ZÃ¼richAltstadt"


def job(server: Any, results: bytes) -> Any:
    def answer(asked: Any) -> Any:
        match asked.path.rpartition("/")[2]:
            case "batches":
                return 201, b""
            case "successfulResults":
                return 200, results, {"Content-Type": "text/csv"}
            case "failedResults" | "unprocessedrecords":
                return 200, b'"sf__Id","sf__Error"\n', {"Content-Type": "text/csv"}
        state = {"POST": "Open", "PATCH": "UploadComplete"}.get(asked.method, "JobComplete")
        return 200, [] if asked.path.endswith("token") else {"id": "750", "state": state}

    server.answer = answer
    client = server.client()
    row = Row(0, "k1", {"Street": "Zürich\nAltstadt"})
    batch = Batch("Lead", "upsert", {"Street": "textarea"}, "Instep_Id__c")
    return BulkJobs(client).run(batch, [row])


def test_ours_results_of_a_job_are_utf_8_and_keep_their_line_breaks(server: Any) -> None:
    outcomes, untouched = job(server, RESULTS.replace('"k1"', '"k1"').encode())
    assert outcomes == {0: Written("00Q000000000001AAA", {}, created=True)}
    assert untouched == []
    upload = next(asked for asked in server.asked if asked.method == "PUT")
    assert upload.body.decode() == 'Instep_Id__c,Street\nk1,"Zürich\nAltstadt"\n'


def test_a_key_with_umlauts_and_line_breaks_is_matched(server: Any) -> None:
    server.say((200, []))
    rows = '"sf__Id","sf__Created","Instep_Id__c"\n"00Q000000000001AAA","false","K1"\n'
    assert job(server, rows.encode())[0] == {0: Written("00Q000000000001AAA", {})}


def test_plain_waits_really_for_a_job(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(simple_salesforce.bulk2, "sleep", slept.append)
    server.say((200, {"id": "750", "state": "JobComplete"}))
    server.plain().bulk2.Lead._client.wait_for_job("750", False)
    assert slept
    assert inspect.signature(simple_salesforce.bulk2.SFBulk2Type.upsert).parameters["wait"].default == 5


def test_ours_waits_for_a_job_by_its_effects(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("a real sleep"))
    job(server, RESULTS.encode())
    assert server.slept == [1]


def watched_timeouts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    timeouts: list[Any] = []
    send = HTTPAdapter.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        timeouts.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", watched)
    return timeouts


def test_plain_has_no_timeout(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts = watched_timeouts(monkeypatch)
    server.plain().query("SELECT Id FROM Lead")
    assert timeouts == [None]


def test_ours_has_the_configured_timeout_for_every_request(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts = watched_timeouts(monkeypatch)
    server.say((200, []), NO_RECORDS)
    client = server.client(timeout_seconds=7)
    client.fetch(ask(client), COLUMNS.pages)
    assert timeouts == [(7, 7), (7, 7)]


NAIVE = datetime(2024, 1, 1, 12)  # noqa: DTZ001 - the point of it


def test_plain_writes_an_instant_without_a_zone_wrongly(server: Any) -> None:
    server.say((200, {"ids": []}))
    server.plain().Lead.updated(NAIVE, NAIVE)
    assert server.asked[0].query["start"] == ["2024-01-01T12:00:00:"]


def test_ours_writes_no_instant_without_a_zone() -> None:
    assert values.instant(NAIVE.replace(tzinfo=UTC)) == "2024-01-01T12:00:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        values.instant(NAIVE)


def test_plain_external_ids_lead_to_other_places(server: Any) -> None:
    server.say((204, b""))
    for key in ("a/b", ".."):
        server.plain().Lead.upsert(f"Ext__c/{key}", {"LastName": "X"})
    assert [path.partition("/Lead/")[2] for path in server.paths] == ["Ext__c/a/b", ""]


@pytest.mark.parametrize("key", ["a/b", "..", "a b+c", "é?x=1"])
def test_ours_external_ids_are_values_and_no_paths(server: Any, key: str) -> None:
    server.say((200, []), (200, [{"id": "00Q000000000001AAA", "success": True, "created": True}]))
    Batches(server.client()).send(Batch("Lead", "upsert", {}, "Ext__c"), [Row(0, key, {"LastName": "X"})])
    assert server.paths[1] == "/services/data/v63.0/composite/sobjects/Lead/Ext__c"
    assert server.asked[1].json["records"] == [{"attributes": {"type": "Lead"}, "Ext__c": key, "LastName": "X"}]


def test_plain_amounts_are_floats(server: Any) -> None:
    server.say((200, b'{"records":[{"Amount":0.1}],"done":true}'))
    assert server.plain().query("SELECT Amount FROM Opportunity")["records"][0]["Amount"] * 3 != 0.3


def test_ours_amounts_are_exact() -> None:
    page = wire.Columns({"Amount": "currency"}).page(b'{"records":[{"Amount":0.1},{"Amount":80.0}],"done":true}')
    assert [str(record["Amount"]) for record in page.records] == ["0.1", "80"]
