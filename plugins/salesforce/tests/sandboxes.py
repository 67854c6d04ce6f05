"""How tests reach a sandbox with the vendor's own client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from instep.sandbox import VirtualClock
from instep_salesforce.sandbox import STATIC_TOKEN, SalesforceSandbox, salesforce_sandbox


class LoopbackAdapter(HTTPAdapter):
    """Sends what was meant for https://anything to one http origin."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = self._origin + str(parts.path) + (f"?{parts.query!s}" if parts.query else "")
        return super().send(request, *args, **kwargs)


@contextmanager
def session_to(sandbox: SalesforceSandbox) -> Iterator[requests.Session]:
    """A session whose https calls reach the sandbox."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", LoopbackAdapter(sandbox.url))
        yield session


@contextmanager
def client_of(sandbox: SalesforceSandbox, version: str = "63.0", token: str = STATIC_TOKEN) -> Iterator[Salesforce]:
    """The vendor's client with a ready token."""
    with session_to(sandbox) as session:
        yield Salesforce(session_id=token, instance_url=sandbox.url, session=session, version=version)


@contextmanager
def opened(**options: Any) -> Iterator[tuple[SalesforceSandbox, Salesforce]]:
    """A fresh sandbox on a clock that only the test moves, and the client."""
    with salesforce_sandbox(clock=VirtualClock(), **options) as sandbox, client_of(sandbox) as client:
        yield sandbox, client
