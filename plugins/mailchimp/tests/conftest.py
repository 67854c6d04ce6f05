from collections.abc import Callable, Iterator

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
