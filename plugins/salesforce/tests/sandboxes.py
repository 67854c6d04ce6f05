"""How tests reach a sandbox with the vendor's own client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError

from instep.sandbox import VirtualClock
from instep_salesforce.sandbox import STATIC_TOKEN, SalesforceSandbox, SalesforceWorld, salesforce_sandbox


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


@dataclass(frozen=True)
class Opened:
    """A fresh sandbox, and the vendor's client with a ready token."""

    sandbox: SalesforceSandbox
    sf: Any
    clock: VirtualClock

    @property
    def world(self) -> SalesforceWorld:
        return self.sandbox.world

    @property
    def base(self) -> str:
        """Where REST resources are; the session sends them to the sandbox."""
        return str(self.sf.base_url)

    def behave(self, **changes: Any) -> None:
        """Switch sides of the org's character on."""
        self.sandbox.personality = replace(self.sandbox.personality, **changes)

    def pass_time(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """One call as it is on the wire, whatever comes back."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.sf.session.request(method, self.base + path, json=body, headers={**self.sf.headers, **named})

    def rows(self, query: str, **options: Any) -> list[dict[str, Any]]:
        """The rows of a query, all pages, without their attributes."""
        found = self.sf.query_all(query, **options)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in found]

    def values(self, query: str, **options: Any) -> list[Any]:
        """The one column of a query."""
        return [next(iter(row.values())) for row in self.rows(query, **options)]

    def other(self, token: str, version: str = "63.0") -> Any:
        """The client with another token or version."""
        return Salesforce(session_id=token, instance_url=self.sandbox.url, session=self.sf.session, version=version)


@contextmanager
def opened(**options: Any) -> Iterator[Opened]:
    """A fresh sandbox on a clock that only the test moves."""
    clock = VirtualClock()
    with salesforce_sandbox(clock=clock, **options) as sandbox, session_to(sandbox) as session:
        sf = Salesforce(session_id=STATIC_TOKEN, instance_url=sandbox.url, session=session, version="63.0")
        yield Opened(sandbox, sf, clock)


def refusal(call: Any, *args: Any, **kwargs: Any) -> tuple[int, str, str]:
    """Status, code and message of the refusal that a call of the client meets."""
    with pytest.raises(SalesforceError) as caught:
        call(*args, **kwargs)
    (error,) = caught.value.content
    return caught.value.status, error["errorCode"], error["message"]


def lead(**fields: object) -> dict[str, object]:
    """A lead that Salesforce accepts."""
    return {"LastName": "Noether", "Company": "Göttingen", **fields}


def of_type(object: str, *records: Mapping[str, object]) -> list[dict[str, object]]:
    """Records as Collections take them."""
    return [{"attributes": {"type": object}, **record} for record in records]
