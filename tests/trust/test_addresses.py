# ruff: noqa: E501 - one address stands on one line
"""Our token goes to the service's own hosts, and nowhere else, whatever a file or an answer says."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from instep.contract import Effects
from instep.errors import InstepError, RemoteError
from instep.sandbox import VirtualClock
from instep.settings import service_address
from instep.testing.workbench import CountingTransport
from instep_hubspot import HubSpotSettings, hubspot
from instep_hubspot.wire import path as hubspot_path
from instep_salesforce import SalesforceSettings, salesforce
from instep_salesforce.wire import own_path

HOSTILE = [
    "https://{own}@evil.example",
    "https://user:secret@{own}",
    "https://{own}:secret@evil.example",
    "https://{own}\\@evil.example",
    "https://evil.example\\.{own}",
    "https://{own}\\.evil.example",
    "https://{own}.evil.example",
    "https://evilhubapi.com",
    "https://evilsalesforce.com",
    "https://evil.example/{own}",
    "https://evil.example#{own}",
    "https://evil.example?{own}",
    "https://{own}/path",
    "https://{own}?x=1",
    "https://{own}#x",
    "https://{own}:8443",
    "https://{own}:80",
    "https://{own}:443@evil.example",
    "https://{own}.",
    "https://.{own}",
    "https://a..{own}",
    "https://{own}\n.evil.example",
    "https://{own}%2eevil.example",
    "https://{own}\u3002evil.example",
    "https://\u212a.{own}",
    "http://{own}",
    "HTTPS://{own}",
    "ftp://{own}",
    "//{own}",
    "{own}",
    " https://{own}",
    "https://10.0.0.1",
    "https://169.254.169.254",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://127.1",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://127.0.0.1@evil.example",
    "http://127.0.0.1:80@evil.example",
    "http://[::ffff:10.0.0.1]",
    "https://[2001:db8::1]",
    "http://[::1%25lo]",
    "http://0.0.0.0",
    "https://",
    "",
]
OWN = {"hubspot": "api.hubapi.com", "salesforce": "acme.my.salesforce.com"}
GOOD = ["https://{own}", "https://{own}/", "https://{own}:443", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9",
        "https://127.0.0.1:8443", "http://127.0.0.2"]  # fmt: skip


def hubspot_at(url: str) -> HubSpotSettings:
    return HubSpotSettings(access_token="t", base_url=url)


def salesforce_at(url: str) -> SalesforceSettings:
    return SalesforceSettings(access_token="t", instance_url=url)


def salesforce_login_at(url: str) -> SalesforceSettings:
    return SalesforceSettings(access_token="t", instance_url="https://acme.my.salesforce.com", login_url=url)


PLACES = {"hubspot": hubspot_at, "salesforce": salesforce_at, "salesforce login": salesforce_login_at}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused(place: str, url: str) -> None:
    with pytest.raises(ValidationError):
        PLACES[place](url.format(own=OWN[place.split(maxsplit=1)[0]]))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("url", GOOD)
def test_the_services_own_address_and_this_machine_are_taken(place: str, url: str) -> None:
    PLACES[place](url.format(own=OWN[place.split(maxsplit=1)[0]]))


@pytest.mark.parametrize("url", ["https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"])
def test_sandbox_orgs_are_under_the_same_domain(url: str) -> None:
    salesforce_at(url)


@settings(deadline=None)
@given(st.text(alphabet="abc.@:/\\#?%[]0127 \n\u3002-", max_size=30), st.sampled_from(["https://", "http://", ""]))
def test_no_text_leads_elsewhere(middle: str, scheme: str) -> None:
    from urllib.parse import urlsplit

    for text in (f"{scheme}{middle}api.hubapi.com", f"{scheme}api.hubapi.com{middle}"):
        try:
            taken = service_address(text, ("hubapi.com",))
        except ValueError:
            continue
        parts = urlsplit(taken)
        assert parts.scheme == "https"
        assert parts.username is parts.password is None
        assert str(parts.hostname) == "hubapi.com" or str(parts.hostname).endswith(".hubapi.com")


# --- where an answer leads -------------------------------------------------------------------------------------

NEXT = [
    "https://evil.example/services/data/v63.0/query/01g-2000",
    "//evil.example/services/data/v63.0/query/01g-2000",
    "@evil.example/services/data/v63.0/query/01g-2000",
    ".evil.example/services/data/v63.0/query/01g-2000",
    ":8443/services/data/v63.0/query/01g-2000",
    "https://acme.my.salesforce.com@evil.example/services/data/v63.0/query/01g-2000",
    "https://user@acme.my.salesforce.com/services/data/v63.0/query/01g-2000",
    "https://acme.my.salesforce.com:8443/services/data/v63.0/query/01g-2000",
    "https://acme.my.salesforce.com\\@evil.example/services/data/v63.0/query/01g-2000",
    "http://acme.my.salesforce.com/services/data/v63.0/query/01g-2000",
    "https://[::1]/services/data/v63.0/query/01g-2000",
    "https://2130706433/services/data/v63.0/query/01g-2000",
    "/services/data/../../secret",
    "/services/data/v63.0/%2e%2e/%2e%2e/secret",
    "/services/data/v63.0/query\\..\\x",
    "/services/data/v63.0/query/01g\r\nHost: evil.example",
    "/services/data/v63.0/query/01g#@evil.example",
    "/services/oauth2/token",
    "/secret",
    "",
]


@pytest.mark.parametrize("url", NEXT)
def test_a_page_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(RemoteError, match="foreign address"):
        own_path(url, "acme.my.salesforce.com")


@pytest.mark.parametrize(
    "path",
    ["/services/data/v63.0/query/01gRO0000016PIAYA2-2000", "/services/data/v63.0/jobs/ingest?queryLocator=a%3D&x=1"],
)
@pytest.mark.parametrize(("before", "host"), [("", "acme.my.salesforce.com"), ("https://acme.my.salesforce.com", "acme.my.salesforce.com"),
                                              ("http://127.0.0.1:99", "127.0.0.1:99")])  # fmt: skip
def test_a_page_of_the_orgs_own_is_followed(path: str, before: str, host: str) -> None:
    assert own_path(before + path, host) == path


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_no_part_of_a_path_leads_to_another_resource(part: str) -> None:
    with pytest.raises(InstepError):
        hubspot_path("v3", "objects", "contacts", part)


@dataclass
class Place:
    """A server that answers everything alike, and keeps what it was asked."""

    url: str
    status: int = 200
    location: str = ""
    body: bytes = b"{}"
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def place() -> Iterator[Place]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            here.asked.append((self.path, self.headers.get("Authorization") or ""))
            self.send_response(here.status)
            if here.location:
                self.send_header("Location", here.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(here.body)))
            self.end_headers()
            self.wfile.write(here.body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Place(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connect(name: str, url: str, **more: Any) -> Any:
    clock = VirtualClock()
    effects = Effects(CountingTransport(), clock.now, clock.sleep, random.Random(1))
    if name == "hubspot":
        return hubspot.connect(HubSpotSettings(**{"access_token": "our-token", "base_url": url, **more}), effects)
    return salesforce.connect(
        SalesforceSettings(**{"access_token": "our-token", "instance_url": url, **more}), effects
    )


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_no_redirect_is_followed(name: str, status: int) -> None:
    with place() as own, place() as elsewhere:
        own.status, own.location = status, f"{elsewhere.url}/services/data/v63.0/query"
        connection = connect(name, own.url)
        with pytest.raises(InstepError):
            connection.check()
        with pytest.raises(InstepError):
            list(connection.records.changed_since(connection.records.objects[0], ["Id"], None))
        connection.close()
        assert elsewhere.asked == []
        assert {token for _, token in own.asked} == {"Bearer our-token"}


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_no_redirect_of_a_login_is_followed(name: str) -> None:
    with place() as own, place() as elsewhere:
        own.status, own.location = 307, elsewhere.url
        more: dict[str, Any] = {"client_id": "id", "client_secret": "s3cret", "refresh_token": "r3fresh"}
        connection = connect(name, own.url, **more, access_token=None)
        with pytest.raises(InstepError):
            connection.check()
        connection.close()
        assert elsewhere.asked == []


def test_the_address_that_a_login_answers_with_is_not_used() -> None:
    with place() as own, place() as elsewhere:
        own.body = (
            b'{"access_token": "t", "scope": "api", "instance_url": "' + elsewhere.url.encode() + b'", "id": "'
            + elsewhere.url.encode() + b'/id/00D5g00000000FMEAY/0055g00000000FMAAY"}'
        )  # fmt: skip
        connection = connect("salesforce", own.url, access_token=None, client_id="id", client_secret="s3cret")
        with pytest.raises(InstepError):
            connection.check()
        connection.close()
        assert len(own.asked) > 1
        assert elsewhere.asked == []


@pytest.mark.parametrize("after", ["@evil.example", "http://evil.example/x", "..", "1&archived=true"])
def test_hubspots_own_link_to_the_next_page_is_never_followed(after: str) -> None:
    import json

    with place() as own, place() as elsewhere:
        own.body = json.dumps(
            {"results": [], "paging": {"next": {"after": after, "link": f"{elsewhere.url}/crm/v3/owners"}}}
        ).encode()
        connection = connect("hubspot", own.url)
        with pytest.raises(RemoteError, match="again and again"):
            connection.owners.read()
        connection.close()
        assert elsewhere.asked == []
        assert {path.partition("?")[0] for path, _ in own.asked} == {"/crm/v3/owners"}
        assert all(path.count("archived=") == 1 for path, _ in own.asked)
