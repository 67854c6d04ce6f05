import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from instep.contract import Reply
from instep.errors import AccessError, ConfigError, InstepError, RemoteError, RetryLaterError, UnknownOutcomeError
from instep_salesforce.answers import Call, RefusedError, allowance
from instep_salesforce.queries import query_all
from instep_salesforce.wire import Columns, own_path, path

COLUMNS = Columns({"Id": "id"})
NO_RECORDS = (200, {"records": [], "done": True})
LOGIN = (200, [])


def said(code: str, message: str = "No.", status: int = 400) -> tuple[int, list[dict[str, str]]]:
    return status, [{"errorCode": code, "message": message}]


def read(client: Any) -> list[Any]:
    return list(query_all(client, "Lead", COLUMNS, "SELECT Id FROM Lead"))


def write(client: Any, **more: Any) -> None:
    client.send(Call("PATCH", client.path("composite", "sobjects"), "Lead/update", body={}, writes=True, **more))


def test_importing_the_plugin_loads_neither_the_library_nor_http() -> None:
    names = ("simple_salesforce", "requests", "urllib3", "jwt", "zeep", "tenacity")
    code = f"import sys, instep_salesforce; print([m for m in {names} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the transport ---------------------------------------------------------------------------------------------


def test_every_request_passes_the_transport_once_with_its_label(server: Any) -> None:
    server.say(LOGIN, NO_RECORDS, (200, {}))
    client = server.client()
    read(client)
    write(client)
    sent = [(sent.label, sent.writes) for sent in server.transport.sent]
    assert sent == [("oauth/token", False), ("Lead/query", False), ("Lead/update", True)]
    assert len(server.asked) == 3


def test_what_the_transport_raises_is_not_touched_and_nothing_is_sent(server: Any) -> None:
    class Stopped(BaseException):
        pass

    for stop in (Stopped(), InstepError("Stop here.")):
        server.transport.stop_with = stop
        with pytest.raises(type(stop)) as caught:
            read(server.client())
        assert caught.value is stop
    assert not server.asked


def test_one_connection_serves_everything(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    connect = urllib3.connection.HTTPConnection.connect
    monkeypatch.setattr(
        urllib3.connection.HTTPConnection, "connect", lambda self: (opened.append(self), connect(self))
    )
    server.say(LOGIN, NO_RECORDS)
    client = server.client()
    for _ in range(3):
        read(client)
    assert len(opened) == 1


def test_a_redirect_is_not_followed(server: Any) -> None:
    server.say(LOGIN, (302, b"", {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(RefusedError):
        read(server.client())
    assert len(server.asked) == 2


@pytest.mark.parametrize("location", ["https://evil.example/x", "not an address", "http://[::1"])
def test_a_redirect_to_elsewhere_goes_nowhere(server: Any, location: str) -> None:
    server.say(LOGIN, (302, b"", {"Location": location}))
    with pytest.raises(RemoteError):
        read(server.client())
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "next", ["https://evil.example/services/data/v63.0/query/01g-2000", "//evil.example/services/data/x", "/secret/x",
             "/services/data/../../secret"]
)  # fmt: skip
def test_a_next_page_elsewhere_is_refused(server: Any, next: str) -> None:
    server.say(LOGIN, (200, {"records": [{"Id": "1"}], "done": False, "nextRecordsUrl": next}))
    with pytest.raises(RemoteError, match="foreign address"):
        read(server.client())
    assert len(server.asked) == 2


def test_a_next_page_of_the_orgs_own_is_followed() -> None:
    assert own_path("/services/data/v63.0/query/01g-2000", "acme.my") == "/services/data/v63.0/query/01g-2000"
    assert own_path("https://acme.my/services/data/v63.0/query/x", "acme.my") == "/services/data/v63.0/query/x"


def test_more_records_without_a_place_to_get_them_is_an_error(server: Any) -> None:
    server.say(LOGIN, (200, {"records": [], "done": False}))
    with pytest.raises(RemoteError, match="did not say where"):
        read(server.client())


def test_the_environments_proxies_and_passwords_stay_out(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    server.say(LOGIN, NO_RECORDS)
    assert read(server.client()) == []


def test_an_address_with_an_ipv6_host_keeps_its_brackets(server: Any) -> None:
    client = server.client(instance_url="http://[::1]:9")
    assert client.host == "[::1]:9"
    assert client._held_session().adapters.keys() == {"https://[::1]:9/"}


def test_only_the_org_and_the_login_address_can_be_reached(server: Any) -> None:
    client = server.client(instance_url="https://acme.my.salesforce.com", login_url="https://login.salesforce.com")
    held = client._held_session().adapters.keys()
    assert held == {"https://acme.my.salesforce.com/", "https://login.salesforce.com/"}


# --- repeating -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [(503, b"<html>"), (502, b""), (500, b""), (420, b""), (406, b""), (429, b""), None]
)
def test_what_may_pass_is_sent_again_after_a_wait(server: Any, answer: Any) -> None:
    server.say(LOGIN, answer, answer, NO_RECORDS)
    assert read(server.client()) == []
    assert len(server.slept) == 2
    assert 1 <= server.slept[0] < 2 <= server.slept[1] < 3


@pytest.mark.parametrize(
    "body", [b"<html>All is well</html>", b"{}", b"[]", b"", b'{"records":', b'{"done":true}', b"\xff"]
)
def test_a_success_with_another_body_is_no_empty_page(server: Any, body: bytes) -> None:
    server.say(LOGIN, (200, body))
    with pytest.raises(RetryLaterError, match="cannot be read"):
        read(server.client())
    assert len(server.asked) == 1 + 5


def test_the_library_and_its_adapter_repeat_nothing_themselves(server: Any) -> None:
    server.say(LOGIN, None)
    with pytest.raises(RetryLaterError):
        read(server.client())
    assert len(server.asked) == len(server.transport.sent) == 1 + 5


def test_too_many_long_requests_are_waited_for(server: Any) -> None:
    server.say(LOGIN, said("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", 403), NO_RECORDS)
    read(server.client())
    assert len(server.slept) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_salesforce_names_is_kept(server: Any, status: int) -> None:
    server.say(LOGIN, (status, b"", {"Retry-After": "17"}), NO_RECORDS)
    read(server.client())
    assert server.slept == [17]


def test_a_wait_of_hours_is_not_waited_for(server: Any) -> None:
    server.say(LOGIN, (503, b"", {"Retry-After": "7200"}))
    with pytest.raises(RetryLaterError):
        read(server.client())
    assert server.slept == []


def test_the_daily_limit_is_not_waited_for(server: Any) -> None:
    server.say(LOGIN, said("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403))
    with pytest.raises(RetryLaterError, match="last 24 hours"):
        read(server.client())
    assert server.slept == []


def test_a_lock_on_the_whole_call_is_waited_for(server: Any) -> None:
    server.say(LOGIN, said("UNABLE_TO_LOCK_ROW"), (200, {}))
    write(server.client())
    assert len(server.slept) == 1


def test_a_406_that_speaks_is_a_refusal(server: Any) -> None:
    server.say(LOGIN, said("NOT_ACCEPTABLE", status=406))
    with pytest.raises(RefusedError):
        read(server.client())


@pytest.mark.parametrize("answer", [None, (500, b""), (503, b"")])
def test_a_write_whose_answer_is_lost_is_unknown_even_if_the_last_try_did_nothing(server: Any, answer: Any) -> None:
    server.say(LOGIN, answer, (429, b""))
    with pytest.raises(UnknownOutcomeError):
        write(server.client())


def test_a_call_that_is_unsafe_to_repeat_is_sent_once(server: Any) -> None:
    server.say(LOGIN, None)
    with pytest.raises(UnknownOutcomeError):
        write(server.client(), repeatable=False)
    assert len(server.asked) == 2


def test_a_call_that_is_unsafe_to_repeat_is_sent_again_where_nothing_was_done(server: Any) -> None:
    server.say(LOGIN, (429, b""), (200, {}))
    write(server.client(), repeatable=False)
    assert len(server.asked) == 3


def test_a_write_that_never_left_is_not_unknown(server: Any) -> None:
    client = server.client(access_token="ready", instance_url="http://127.0.0.1:9")
    with pytest.raises(RetryLaterError, match="could not be reached"):
        write(client)


@pytest.mark.parametrize("code", ["API_DISABLED_FOR_ORG", "INSUFFICIENT_ACCESS", "TXN_SECURITY_METERING_ERROR"])
def test_a_missing_permission_is_an_access_error(server: Any, code: str) -> None:
    server.say(LOGIN, said(code, "You may not", 403))
    with pytest.raises(AccessError, match="You may not"):
        read(server.client())


# --- logging in ------------------------------------------------------------------------------------------------


def test_client_credentials_are_sent_in_the_body_only(server: Any) -> None:
    server.say(LOGIN, NO_RECORDS)
    read(server.client())
    token = server.asked[0]
    assert token.form == {"grant_type": "client_credentials", "client_id": "app", "client_secret": "app-secret"}
    assert (token.query, token.headers.get("Authorization")) == ({}, None)


def test_a_ready_token_is_used_and_its_end_says_what_to_do(server: Any) -> None:
    server.say(NO_RECORDS, server.EXPIRED)
    client = server.client(access_token="ready", client_id=None, client_secret=None)
    assert read(client) == []
    with pytest.raises(AccessError, match="client_secret"):
        read(client)
    assert server.paths == ["/services/data/v63.0/queryAll"] * 2


def test_a_refresh_token_that_rotates_is_kept_for_the_next_time(server: Any) -> None:
    server.say((200, {"access_token": "a", "refresh_token": "second"}), server.EXPIRED, LOGIN, NO_RECORDS)
    read(server.client(refresh_token="first"))
    forms = [asked.form for asked in server.asked if asked.path.endswith("token")]
    assert [form["refresh_token"] for form in forms] == ["first", "second"]
    assert {form["grant_type"] for form in forms} == {"refresh_token"}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.mark.parametrize("in_file", [False, True])
def test_a_signed_claim_is_exchanged_for_a_token(server: Any, key: Any, tmp_path: Any, in_file: bool) -> None:
    given: dict[str, Any] = {"private_key": pem(key)}
    if in_file:
        (tmp_path / "key.pem").write_text(pem(key), encoding="utf-8")
        given = {"private_key_file": tmp_path / "key.pem"}
    server.say(LOGIN, NO_RECORDS)
    read(server.client(client_secret=None, username="bot@acme.example", **given))
    form = server.asked[0].form
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    options = {"verify_exp": False}
    claims = jwt.decode(
        form["assertion"], key.public_key(), ["RS256"], audience="https://login.salesforce.com", options=options
    )
    assert (claims["iss"], claims["sub"]) == ("app", "bot@acme.example")
    assert type(claims["exp"]) is int
    assert 0 < claims["exp"] - server.clock.now().timestamp() <= 180


@pytest.mark.parametrize("given", [{"private_key": "canary-key"}, {"private_key_file": "/no/such/file"}])
def test_a_key_that_cannot_be_used_is_said_without_quoting_it(server: Any, given: dict[str, str]) -> None:
    client = server.client(client_secret=None, username="bot@acme.example", **given)
    with pytest.raises(ConfigError, match="private_key_file") as caught:
        read(client)
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert not server.asked


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_login_is_an_access_error_without_a_secret(server: Any, status: int) -> None:
    body = {"error": "invalid_grant", "error_description": "app-secret is wrong"}
    server.say((status, body))
    with pytest.raises(AccessError, match=r"invalid_grant") as caught:
        read(server.client())
    assert "app-secret" not in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer", [(400, {"error": "rate_limit_exceeded"}), said("REQUEST_LIMIT_EXCEEDED", "Concurrent requests", 403)]
)
def test_too_many_logins_are_waited_for(server: Any, answer: Any) -> None:
    server.say(answer, LOGIN, NO_RECORDS)
    assert read(server.client()) == []
    assert len(server.slept) == 1


def test_a_login_that_is_out_of_order_is_tried_again(server: Any) -> None:
    server.say((503, b"<html>"), LOGIN, NO_RECORDS)
    assert read(server.client()) == []


def test_a_login_that_answers_something_else_is_no_token(server: Any) -> None:
    server.say((200, {"token": "x"}))
    with pytest.raises(RetryLaterError, match="token that cannot be read"):
        read(server.client())


def test_logins_can_have_an_address_of_their_own(server: Any) -> None:
    server.say(LOGIN, NO_RECORDS)
    client = server.client(instance_url="http://127.0.0.1:9", login_url=server.url)
    with pytest.raises(RetryLaterError):
        read(client)
    assert server.paths[0] == "/services/oauth2/token"


# --- what answers tell -----------------------------------------------------------------------------------------


def test_the_time_is_salesforces_own(server: Any) -> None:
    server.say(LOGIN, (200, {"records": [], "done": True}))
    client = server.client()
    answer = client.fetch(Call("GET", client.path("query"), "x"), COLUMNS.pages)
    assert answer.at is not None
    assert answer.at.tzinfo is UTC
    assert answer.at > datetime(2026, 1, 6, tzinfo=UTC)  # not the clock that the test was given


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("api-usage=18/5000", 4982),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", 4975),
        ("per-app-api-usage=17/250(appName=sample); api-usage=25/5000", 4975),
        ("api-usage=10018/100000; api-bursts=1/750", 89982),
        ("api-usage=15001/15000", 0),
        ("nonsense", None),
        ("", None),
    ],
)
def test_calls_left_are_read_from_every_form_of_the_header(header: str, left: int | None) -> None:
    told = allowance(Reply(200, {"Sforce-Limit-Info": header}, b""))
    assert (told.left if told else None) == left


def test_a_part_of_a_path_cannot_lead_elsewhere() -> None:
    assert path("63.0", "sobjects", "Lead", "a/b?c") == "/services/data/v63.0/sobjects/Lead/a%2Fb%3Fc"
    for part in ("", ".", ".."):
        with pytest.raises(InstepError):
            path("63.0", "sobjects", part)
