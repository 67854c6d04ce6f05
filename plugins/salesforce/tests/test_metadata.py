"""The Metadata API through the one client: what is sent, and what hostile or broken answers do."""

import logging
from typing import Any

import pytest
import requests

from instep.errors import AccessError, InstepError, RemoteError, RetryLaterError, UnknownOutcomeError
from instep_salesforce.answers import RefusedError
from instep_salesforce.metadata import Metadata

XML = {"Content-Type": "text/xml;charset=UTF-8"}
LOGIN = (200, [])
ENVELOPE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)
RECORD = (
    '<records xsi:type="StandardValueSet"><fullName>LeadStatus</fullName><sorted>false</sorted><standardValue>'
    "<fullName>Open</fullName><default>true</default><label>{}</label></standardValue></records>"
)
SET = {"fullName": "LeadStatus", "sorted": False, "standardValue": [{"fullName": "Open", "default": True}]}
RESULT = "<updateMetadataResponse><result>{}<fullName>LeadStatus</fullName>{}</result></updateMetadataResponse>"
SAVED = RESULT.format("", "<success>true</success>")
REFUSED = RESULT.format(
    "<errors><message>No.</message><statusCode>{}</statusCode></errors>", "<success>false</success>"
)


def soap(body: str, status: int = 200, before: str = "", **headers: str) -> tuple[Any, ...]:
    return status, (before + ENVELOPE.format(body)).encode(), {**XML, **headers}


def read_answer(records: str) -> tuple[Any, ...]:
    return soap(f"<readMetadataResponse><result>{records}</result></readMetadataResponse>")


def fault(code: str, text: str = "No.") -> tuple[Any, ...]:
    body = f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring></soapenv:Fault>"
    return soap(body, 500)


def read(client: Any) -> Any:
    return client.read_metadata("StandardValueSet", ["LeadStatus"])


def write(client: Any) -> Any:
    return client.write_metadata("update", "StandardValueSet", [SET])


GOOD = read_answer(RECORD.format("Open"))


def test_a_component_goes_round_with_everything_that_it_says(server: Any) -> None:
    server.say(LOGIN, GOOD, soap(SAVED))
    client = server.client()
    (found,) = read(client)
    assert found["standardValue"][0]["label"] == "Open"
    assert client.write_metadata("update", "StandardValueSet", [found])[0].success
    sent = server.asked[-1]
    assert b"Open</" in sent.body
    assert b'xsi:type="ns0:StandardValueSet"' in sent.body


def test_a_request_passes_the_transport_once_with_its_token_where_salesforce_wants_it(server: Any) -> None:
    server.say(LOGIN, GOOD, soap(SAVED))
    client = server.client(api_version="58.0")
    read(client)
    write(client)
    assert [(one.label, one.writes) for one in server.transport.sent] == [
        ("oauth/token", False),
        ("metadata/StandardValueSet/read", False),
        ("metadata/StandardValueSet/update", True),
    ]
    first, second = server.asked[1:]
    assert {first.path, second.path} == {"/services/Soap/m/63.0/"}  # the version of the library's description
    assert b"<ns0:sessionId>00D000000000001!fresh</ns0:sessionId>" in first.body
    assert first.headers["SOAPAction"] == '""'
    assert first.headers["Content-Type"].startswith("text/xml")
    assert "Authorization" not in first.headers


def test_what_the_transport_raises_goes_through_and_nothing_is_sent(server: Any) -> None:
    class Stopped(BaseException):
        pass

    client = server.client(access_token="00D!t")
    for stop in (Stopped(), InstepError("Stop here.")):
        server.transport.stop_with = stop
        with pytest.raises(type(stop)):
            read(client)
    assert not server.asked


def test_no_file_and_no_other_host_can_be_reached_and_no_proxy_is_used(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_ok = server.client()
    server.say(LOGIN, GOOD)
    read(read_ok)  # the description of the API has been read from now on
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    opened: list[str] = []
    send = requests.Session.send
    monkeypatch.setattr(
        requests.Session,
        "send",
        lambda self, request, **more: (opened.append(request.url), send(self, request, **more))[1],
    )
    server.say(LOGIN, GOOD)
    client = server.client()
    read(client)
    host = server.url.removeprefix("http://")
    assert {url.split("/")[2] for url in opened} == {host}
    assert not [name for name in client._held_session().adapters if name.startswith("file")]


def test_a_redirect_is_not_followed(server: Any) -> None:
    server.say(LOGIN, (302, b"", {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(RemoteError):
        read(server.client())
    assert "/elsewhere" not in server.paths


def test_a_token_that_ran_out_is_renewed_once(server: Any) -> None:
    server.say(LOGIN, fault("INVALID_SESSION_ID"), LOGIN, GOOD)
    assert read(server.client())[0]["fullName"] == "LeadStatus"
    server.say(LOGIN, fault("INVALID_SESSION_ID"), LOGIN, fault("INVALID_SESSION_ID"))
    with pytest.raises(AccessError, match="fresh access token was refused"):
        read(server.client())


def test_a_ready_token_that_ran_out_is_told(server: Any) -> None:
    server.say(fault("INVALID_SESSION_ID"))
    with pytest.raises(AccessError, match="has expired"):
        read(server.client(access_token="00D!t", client_id=None, client_secret=None))
    assert len(server.asked) == 1


@pytest.mark.parametrize("code", ["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"])
def test_who_may_not_configure_is_told_what_to_grant(server: Any, code: str) -> None:
    server.say(LOGIN, fault(code))
    with pytest.raises(AccessError, match="Modify Metadata Through Metadata API Functions"):
        write(server.client())
    server.say(LOGIN, soap(REFUSED.format(code)))
    with pytest.raises(AccessError, match="Customize Application"):
        Metadata(server.client()).save("update", "StandardValueSet", [SET])


def test_any_other_refusal_is_one(server: Any) -> None:
    server.say(LOGIN, fault("INVALID_TYPE", "Unknown type."))
    with pytest.raises(RefusedError) as caught:
        write(server.client())
    assert caught.value.code == "INVALID_TYPE"
    assert not server.slept


@pytest.mark.parametrize("answer", [None, (502, b"<html>"), (503, b""), fault("UNKNOWN_EXCEPTION"), (200, b"", XML)])
def test_an_update_without_an_answer_is_unknown_and_is_not_sent_again(server: Any, answer: Any) -> None:
    server.say(LOGIN, answer)
    with pytest.raises(UnknownOutcomeError):
        write(server.client())
    assert len(server.asked) == 2


@pytest.mark.parametrize("answer", [None, (502, b"<html>"), fault("UNKNOWN_EXCEPTION"), (200, b"<html>", XML)])
def test_reading_is_tried_again(server: Any, answer: Any) -> None:
    server.say(LOGIN, answer, answer, GOOD)
    assert read(server.client())[0]["fullName"] == "LeadStatus"
    assert len(server.slept) == 2


def test_an_update_that_surely_did_nothing_is_sent_again(server: Any) -> None:
    server.say(LOGIN, fault("UNABLE_TO_LOCK_ROW"), (429, b""), soap(SAVED))
    assert write(server.client())[0].success


HOSTILE = {
    "entities": soap("<readMetadataResponse/>", before='<!DOCTYPE x [<!ENTITY a "b">]>'),
    "a bomb": soap(
        f"<readMetadataResponse><result>{RECORD.format('&b;')}</result></readMetadataResponse>",
        before='<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ),
    "a file": soap(
        f"<readMetadataResponse><result>{RECORD.format('&b;')}</result></readMetadataResponse>",
        before='<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
    ),
    "a foreign DTD": soap("<readMetadataResponse/>", before='<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">'),
    "broken off": (200, GOOD[1][:-60], XML),
    "unknown words": read_answer(RECORD.format("Open").replace("<sorted>", "<surprise>1</surprise><sorted>")),
    "no list": read_answer(""),
    "two for one": read_answer(RECORD.format("a") + RECORD.format("b")),
    "another type of answer": soap("<somethingElse/>"),
    "JSON": (200, b'{"records": []}', {"Content-Type": "application/json"}),
    "parts": (200, b"--x\r\n\r\n<a/>\r\n--x--", {"Content-Type": 'multipart/related; boundary="x"'}),
    "depth": read_answer("<records>" * 5000 + "</records>" * 5000),
    "no words at all": soap(""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_that_cannot_be_trusted_is_no_list(server: Any, kind: str) -> None:
    server.say(LOGIN, HOSTILE[kind])
    with pytest.raises(RemoteError) as caught:
        read(server.client())
    assert "aaaaaaaaaa" not in str(caught.value)


def test_a_component_that_is_not_there_is_none(server: Any) -> None:
    server.say(LOGIN, read_answer('<records xsi:nil="true"/>'))
    assert read(server.client()) == [None]


def test_an_answer_for_fewer_components_than_were_written_is_unknown(server: Any) -> None:
    server.say(LOGIN, soap("<updateMetadataResponse/>"))
    with pytest.raises(UnknownOutcomeError):
        write(server.client())


def test_what_is_left_of_the_days_calls_is_heard(server: Any) -> None:
    from dataclasses import replace

    from instep_salesforce.client import SalesforceClient

    heard: list[Any] = []
    client = SalesforceClient(server.settings(), replace(server.effects(), allowed=heard.append))
    server.clients.append(client)
    server.say(LOGIN, (*GOOD[:2], {**XML, "Sforce-Limit-Info": "api-usage=10/100"}))
    read(client)
    assert [(one.calls, one.left) for one in heard] == [(100, 90)]


def test_no_secret_is_in_an_error_or_in_a_log(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = "00D000000000001!fresh"
    server.say(LOGIN, fault("INVALID_TYPE", f"You sent {token} and app-secret."))
    with pytest.raises(RefusedError) as caught:
        write(server.client())
    for text in (str(caught.value), repr(caught.value.errors), caplog.text):
        assert token not in text
        assert "app-secret" not in text


def test_patience_ends(server: Any) -> None:
    server.say(LOGIN, (503, b""))
    with pytest.raises(RetryLaterError):
        read(server.client())
    assert len(server.asked) == 6
