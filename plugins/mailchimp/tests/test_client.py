import random
import subprocess
import sys

import pytest
import requests

from instep.contract import Effects
from instep.errors import AccessError, RemoteError, RetryLaterError, UnknownOutcomeError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep_mailchimp.answers import Call
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.sandbox import ACCESS_TOKEN, API_KEY, MailchimpWorld


def client_of(bench, **changes):
    effects = Effects(bench.transport, bench.clock.now, bench.clock.sleep, random.Random(1))
    return MailchimpClient(bench.settings(**changes), effects)


def test_importing_the_plugin_loads_no_http() -> None:
    code = "import sys, instep_mailchimp; print([m for m in ('requests', 'urllib3', 'tenacity') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("switch", ["bare_403", "bare_429"])
def test_a_refusal_without_a_body_means_too_many_requests(bench: Workbench, switch: str) -> None:
    bench.behave(**{switch: True})
    bench.faults.add("*", FaultKind.THROTTLED, 1)
    assert bench.connection.check().org
    assert len(bench.slept) == 1


def test_a_write_that_was_throttled_is_sent_again_and_made_once(bench: Workbench, world: MailchimpWorld) -> None:
    bench.faults.add("fields.create", FaultKind.THROTTLED, 2)
    bench.make("members")
    assert bench.sandbox.log.count("fields.create") == 3
    assert len(bench.slept) == 2


def test_waits_grow_and_differ_because_mailchimp_never_says_how_long(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.THROTTLED, 4)
    bench.connection.check()
    assert all(low <= wait <= 2 * low for low, wait in zip((1, 2, 4, 8), bench.slept, strict=True))
    assert len({round(wait % 1, 6) for wait in bench.slept}) == 4


def test_more_connections_than_allowed_are_refused_and_tried_again(bench: Workbench) -> None:
    bench.behave(connections=0)
    with pytest.raises(RetryLaterError, match="at one time"):
        bench.connection.check()


def test_a_403_with_a_problem_is_a_lack_of_rights_and_not_tried_again(bench: Workbench) -> None:
    body = b'{"title":"Forbidden","status":403,"detail":"No."}'
    bench.faults.add("*", FaultKind.STATUS, None, status=403, body=body)
    with pytest.raises(AccessError, match="Forbidden"):
        bench.connection.check()
    assert len(bench.sandbox.log.calls()) == 1


def test_a_key_of_another_data_centre_is_an_access_error(bench: Workbench) -> None:
    key = API_KEY.replace("-us1", "-us2")
    with pytest.raises(AccessError, match="Wrong Datacenter"):
        bench.connect(bench.settings(api_key=key)).check()


def test_an_oauth_token_is_a_login_as_well(bench: Workbench) -> None:
    settings = {**bench.sandbox.settings, "access_token": ACCESS_TOKEN}
    del settings["api_key"]
    by_token = bench.connect(bench.plugin.settings(**settings)).check()
    assert by_token.org == bench.connect().check().org


def test_a_problem_without_a_type_is_understood(bench: Workbench, world: MailchimpWorld) -> None:
    bench.behave(problem_type=False)
    world.forget(world.add_member("a@x.example"))
    bench.connection.records.read("members", ["nobody"], [])
    with pytest.raises(RemoteError):
        client_of(bench).send(Call("GET", "/lists/none", "lists/read"))


def test_an_html_page_in_place_of_an_answer_is_out_of_order(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.STATUS, None, status=503, body=b"<html>Unavailable</html>")
    with pytest.raises(RetryLaterError, match="503"):
        bench.connection.check()


def test_a_call_that_is_unsafe_to_repeat_is_sent_once(bench: Workbench) -> None:
    client = client_of(bench)
    bench.faults.arm(1)
    body = {"name": "X", "type": "text", "tag": "X"}
    call = Call(
        "POST", "/lists/a1b2c3d4e5/merge-fields", "merge-fields/create", body=body, writes=True, repeatable=False
    )
    with pytest.raises(UnknownOutcomeError):
        client.send(call)
    client.close()
    assert len(bench.sandbox.log.calls()) == 1


def test_one_connection_is_kept_open(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib3.connection import HTTPConnection

    opened: list[object] = []
    connect = HTTPConnection.connect

    def counted(self: HTTPConnection) -> None:
        opened.append(self)
        connect(self)

    monkeypatch.setattr(HTTPConnection, "connect", counted)
    bench.connection.check()
    bench.make("members", 3)
    bench.pages("members")
    assert len(opened) == 1


def test_a_redirect_is_not_followed(bench: Workbench) -> None:
    bench.faults.add("*", FaultKind.STATUS, None, status=302, body=b"{}")
    with pytest.raises(RemoteError):
        bench.connection.check()
    assert len(bench.sandbox.log.calls()) == 1


def test_every_request_has_the_configured_timeout(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[object] = []
    send = requests.Session.send

    def watched(self, request, **options):
        timeouts.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    bench.connect(bench.settings(timeout_seconds=7)).check()
    assert timeouts == [7]


def test_a_key_that_an_error_says_back_is_masked(bench: Workbench) -> None:
    body = f'{{"title":"Bad Request","status":400,"detail":"Key {API_KEY} is odd."}}'.encode()
    bench.faults.add("*", FaultKind.STATUS, None, status=400, body=body)
    with pytest.raises(RemoteError) as caught:
        bench.connection.check()
    assert API_KEY not in str(caught.value)
