import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from instep.contract import Effects
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep_hubspot.answers import Call
from instep_hubspot.client import HubSpotClient
from instep_hubspot.sandbox import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, STATIC_TOKEN
from instep_hubspot.wire import path

OAUTH = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}


def test_importing_the_plugin_loads_neither_the_library_nor_http() -> None:
    code = "import sys, instep_hubspot; print([m for m in ('hubspot', 'urllib3', 'tenacity') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_parts_share_one_connection(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    connect = urllib3.connection.HTTPConnection.connect

    def counted(self: urllib3.connection.HTTPConnection) -> None:
        opened.append(self)
        connect(self)

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "connect", counted)
    connection = bench.connection
    connection.check()
    connection.stages.read()
    connection.owners.read()
    bench.make("contacts")
    bench.pages("contacts")
    assert len(opened) == 1


def test_every_request_has_the_configured_timeout(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[urllib3.Timeout] = []
    request = urllib3.PoolManager.request

    def watched(self: urllib3.PoolManager, *args: object, **options: object) -> object:
        timeouts.append(options["timeout"])
        return request(self, *args, **options)

    monkeypatch.setattr(urllib3.PoolManager, "request", watched)
    bench.connect(bench.settings(timeout_seconds=7)).check()
    assert [(t.connect_timeout, t.read_timeout) for t in timeouts] == [(7, 7)]


def test_the_library_repeats_nothing_itself(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.RESET_BEFORE, None)
    with pytest.raises(RemoteError):
        bench.connection.check()
    assert len(bench.sandbox.log.calls()) == len(bench.transport.sent) == 5


def test_a_call_that_is_unsafe_to_repeat_is_sent_once(bench: Workbench) -> None:
    effects = Effects(bench.transport, bench.clock.now, bench.clock.sleep, random.Random(1))
    client = HubSpotClient(bench.settings(), effects)
    body = {"properties": {"email": "a@x.example"}}
    call = Call(
        "POST", client.path("objects", "contacts"), "contacts/create", body=body, writes=True, repeatable=False
    )
    bench.faults.arm(1)
    with pytest.raises(UnknownOutcomeError):
        client.send(call)
    client.close()
    assert len(bench.sandbox.log.calls()) == 1


def test_a_redirect_is_not_followed(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.STATUS, 1, status=302)
    with pytest.raises(RemoteError):
        bench.connection.check()
    assert len(bench.sandbox.log.calls()) == 1


def test_another_success_code_with_the_right_body_passes(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.WRONG_SUCCESS_CODE)
    assert bench.connection.check().org


@pytest.mark.parametrize("body", [b"<html>All is well</html>", b"{}", b"[]", b"", b'{"results":'])
def test_a_success_with_another_body_is_no_empty_page(bench: Workbench, body: bytes) -> None:
    bench.faults.add("objects.list", FaultKind.STATUS, None, status=200, body=body)
    with pytest.raises(RemoteError, match="cannot be read"):
        bench.pages("contacts")


# --- waiting ---------------------------------------------------------------------------------------------------


def test_a_burst_waits_ten_seconds_where_hubspot_names_no_wait(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.THROTTLED)
    bench.connection.check()
    assert bench.slept == [10]


@pytest.mark.parametrize(("status", "wait"), [(423, 2), (429, 10), (477, 10)])
def test_a_busy_answer_is_told_by_its_status_even_as_html(bench: Workbench, status: int, wait: float) -> None:
    bench.faults.add("*", FaultKind.STATUS, 1, status=status, body=b"<html>Slow down</html>")
    bench.connection.check()
    assert bench.slept == [wait]


def test_a_search_waits_one_second(bench: Workbench) -> None:
    cursor = bench.end("contacts")
    bench.faults.add("objects.search", FaultKind.THROTTLED)
    bench.pages("contacts", (), cursor)
    assert bench.slept == [1]


def test_the_wait_that_hubspot_asks_for_is_kept(bench: Workbench) -> None:
    bench.sandbox.personality = replace(bench.sandbox.personality, rate_limit=1, retry_after=True)
    for _ in range(2):
        bench.clock.advance(timedelta(seconds=3))
        bench.connection.check()
    assert bench.slept
    assert all(0 < wait <= 10 for wait in bench.slept)


def test_the_daily_limit_is_not_waited_for(bench: Workbench) -> None:
    bench.sandbox.personality = replace(bench.sandbox.personality, daily_limit=1)
    bench.connection.check()
    with pytest.raises(RetryLaterError, match="daily limit"):
        bench.connection.check()
    assert bench.slept == []


# --- logins ----------------------------------------------------------------------------------------------------


def test_a_missing_scope_is_named(bench: Workbench) -> None:
    bench.sandbox.world.withdraw(STATIC_TOKEN, "crm.objects.owners.read")
    with pytest.raises(AccessError, match=r"crm\.objects\.owners\.read"):
        bench.connection.owners.read()


def test_an_expired_token_that_cannot_be_renewed_says_what_to_set(bench: Workbench) -> None:
    bench.sandbox.personality = replace(bench.sandbox.personality, token_expiry=timedelta(minutes=1))
    bench.clock.advance(timedelta(minutes=2))
    with pytest.raises(AccessError, match="refresh_token"):
        bench.connection.check()


def test_a_token_is_fetched_where_only_a_refresh_token_is_given(bench: Workbench) -> None:
    info = bench.connect(bench.settings(access_token=None, **OAUTH)).check()
    assert info.granted


def test_an_expired_token_is_renewed_once_and_the_call_repeated(bench: Workbench) -> None:
    connection = bench.connect(bench.settings(access_token=None, **OAUTH))
    for _ in range(3):
        connection.check()
        connection.check()
        bench.clock.advance(timedelta(hours=1))
    assert bench.sandbox.log.count("oauth.token") == 3


def test_a_token_that_expires_at_once_is_renewed_once_only(bench: Workbench) -> None:
    bench.sandbox.personality = replace(bench.sandbox.personality, token_expiry=timedelta(0))
    with pytest.raises(AccessError, match="expired"):
        bench.connect(bench.settings(access_token=None, **OAUTH)).check()
    assert bench.sandbox.log.count("oauth.token") == 2


def test_a_refused_refresh_token_is_an_access_error(bench: Workbench) -> None:
    wrong = OAUTH | {"refresh_token": "gone-4711"}
    with pytest.raises(AccessError, match="refresh token") as caught:
        bench.connect(bench.settings(access_token=None, **wrong)).check()
    assert "4711" not in str(caught.value)


def test_no_token_is_ever_in_an_address(bench: Workbench) -> None:
    bench.connect(bench.settings(access_token=None, **OAUTH)).check()
    assert not [call for call in bench.sandbox.log.calls() if REFRESH_TOKEN in call.path or "oauth-" in call.path]


def test_check_costs_one_call_and_tells_the_account(bench: Workbench) -> None:
    info = bench.connection.check()
    assert len(bench.sandbox.log.calls()) == 1
    assert (info.org, info.currency, info.time_zone) == ("8675309", "USD", "UTC")
    assert info.calls_left_today is not None


def test_check_tells_hubspots_own_time(bench: Workbench) -> None:
    assert bench.connection.check().now == datetime(2026, 1, 5, 9, tzinfo=UTC)


# --- paths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "legacy", "dated"),
    [
        ("objects", "/crm/v3/objects/x", "/crm/objects/2026-09/x"),
        ("associations", "/crm/v4/associations/x", "/crm/associations/2026-09/x"),
        ("properties", "/crm/v3/properties/x", "/crm/properties/2026-09/x"),
        ("pipelines", "/crm/v3/pipelines/x", "/crm/pipelines/2026-09/x"),
        ("owners", "/crm/v3/owners/x", "/crm/owners/2026-09/x"),
        ("consent", "/communication-preferences/v4/x", "/communication-preferences/2026-09/x"),
        ("oauth", "/oauth/v3/x", "/oauth/2026-09/x"),
        ("account", "/account-info/v3/x", "/account-info/v3/x"),
    ],
)
def test_each_area_has_a_path_in_both_families(area: str, legacy: str, dated: str) -> None:
    assert path("v3", area, "x") == legacy
    assert path("2026-09", area, "x") == dated


def test_a_part_of_a_path_cannot_lead_elsewhere() -> None:
    assert path("v3", "objects", "contacts", "../a?b") == "/crm/v3/objects/contacts/..%2Fa%3Fb"


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_everything_works_over_dated_paths(bench: Workbench, version: str) -> None:
    connection = bench.connect(bench.settings(api_version=version, access_token=None, **OAUTH))
    assert bench.make("contacts", 2)
    assert bench.end("contacts")
    assert connection.stages.read()
    connection.owners.read()
    paths = [call.path for call in bench.sandbox.log.calls()]
    assert [p for p in paths if version not in p] == []
