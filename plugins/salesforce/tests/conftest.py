from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

from instep.contract import Effects
from instep.sandbox import VirtualClock
from instep.testing import CountingTransport, Workbench, workbench
from instep_salesforce import SalesforceSettings, salesforce
from instep_salesforce.client import SalesforceClient

from .metadata import Configured, configuring, fresh

NEW_TOKEN = {"access_token": "00D000000000001!fresh", "id": "https://x/id/00D000000000001EAA/005000000000001AAA"}
EXPIRED = (401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


Answer = tuple[Any, ...]


@dataclass
class Server:
    """A server that says what it is told to say: `answer` gives status, body and perhaps headers; None hangs up."""

    EXPIRED = EXPIRED
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answer | None] = lambda asked: (200, [])
    clock: VirtualClock = field(default_factory=VirtualClock)
    transport: CountingTransport = field(default_factory=CountingTransport)
    slept: list[float] = field(default_factory=list)
    clients: list[SalesforceClient] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def say(self, *answers: Answer | None) -> None:
        """Give these answers to everything but logins, one after the other; the last one stays."""
        waiting = list(answers)
        self.answer = lambda asked: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def effects(self) -> Effects:
        return Effects(self.transport, self.clock.now, self._sleep, random.Random(1))

    def settings(self, **changes: Any) -> SalesforceSettings:
        login = {"client_id": "app", "client_secret": "app-secret"}
        return SalesforceSettings(**{"instance_url": self.url, **login, **changes})

    def client(self, **changes: Any) -> SalesforceClient:
        client = SalesforceClient(self.settings(**changes), self.effects())
        self.clients.append(client)
        return client

    def plain(self, login: Callable[[], tuple[str, str]] | None = None) -> Salesforce:
        """The library as it comes, but for its https, which would not reach this server at all."""
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _Downgrade(self.url))
        library = Salesforce(session_id="stale", instance_url=self.url, session=session, version="63.0")
        library._salesforce_login_partial = login
        return library

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))


class _Downgrade(HTTPAdapter):
    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = self.origin + parts.path + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *args, **options)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = dict(self.headers.items())
            asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, body)
            server.asked.append(asked)
            said = server.answer(asked)
            if asked.path.endswith("/oauth2/token") and said is not None and said[1] == []:
                said = (200, NEW_TOKEN)
            if said is None:
                self.close_connection = True
                return
            status, content, more = (*said, {})[:3]
            data = content if isinstance(content, bytes) else msgspec.json.encode(content)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json;charset=UTF-8", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    """A loopback server whose answers a test writes down; logins are answered unless told otherwise."""
    found = Server()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    found.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield found
    for client in found.clients:
        client.close()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(salesforce, {}, "Instep_Id__c") as bench:
        yield bench


@pytest.fixture(scope="module")
def shared_org() -> Iterator[Configured]:
    """One sandbox for a module: the client takes its time to read the WSDL."""
    with configuring() as running:
        yield running


@pytest.fixture
def configured(shared_org: Configured) -> Configured:
    """A new org whose Metadata API the vendor's client speaks."""
    return fresh(shared_org)
