import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest
import requests

from instep.sandbox import Sandbox, VirtualClock
from instep.testing import Workbench, workbench
from instep_mailchimp import mailchimp
from instep_mailchimp.sandbox import API_KEY, MailchimpWorld, mailchimp_sandbox

SAMPLES = {"members": {"FNAME": "Person {n}", "email_address": "person-{n}@conformance.example"}}


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """The connector at work in a fresh sandbox, on a clock that only the test moves."""
    with workbench(mailchimp, SAMPLES, "INSTEP_ID") as bench:
        yield bench


@pytest.fixture
def world(bench: Workbench) -> MailchimpWorld:
    """The account's own people."""
    world: MailchimpWorld = bench.sandbox.world
    return world


@pytest.fixture
def sandbox() -> Iterator[Sandbox[MailchimpWorld]]:
    """An account without a connector, on a clock that only the test moves."""
    with mailchimp_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def ask(sandbox: Sandbox[MailchimpWorld]) -> Iterator[Callable[..., requests.Response]]:
    """Send a request to that account, by the key unless told otherwise."""
    with requests.Session() as session:

        def send(
            method: str, path: str, body: object = None, *, key: str = API_KEY, **more: object
        ) -> requests.Response:
            return session.request(method, sandbox.url + path, json=body, auth=("any user", key), timeout=5, **more)

        yield send


@dataclass
class Receiver:
    """Somebody who listens: every post, and what is answered."""

    url: str = ""
    status: int = 200
    probes: int = 0
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    location: str = ""

    def told(self) -> list[dict[str, str]]:
        """The forms that were posted."""
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body in self.posts]

    def kinds(self) -> list[str]:
        """What was posted, in order."""
        return [form["type"] for form in self.told()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A listener on this machine, for as long as the test lasts."""
    receiver = Receiver()
    receiver.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.probes += 1
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((dict(self.headers), body))
            receiver.released.wait(5)
            self._answer()

        def _answer(self) -> None:
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield receiver
        receiver.released.set()
        server.shutdown()
        thread.join()
