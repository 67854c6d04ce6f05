from collections.abc import Iterator

import pytest

from instep.testing import Workbench, workbench
from instep_mailchimp import mailchimp
from instep_mailchimp.sandbox import MailchimpWorld

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
