"""The vendor's client library as anybody uses it, sent to the sandbox on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

VERSION = "63.0"


class LoopbackAdapter(HTTPAdapter):
    """Sends what the library means for https://anything to the sandbox: the library knows no other scheme."""

    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = self._url + str(parts.path) + (f"?{parts.query!s}" if parts.query else "")
        return super().send(request, *args, **options)


@contextmanager
def library(settings: Mapping[str, object]) -> Iterator[Salesforce]:
    """simple-salesforce, logged in with a sandbox's settings by client credentials."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", LoopbackAdapter(str(settings["instance_url"])))
        yield Salesforce(
            consumer_key=str(settings["client_id"]),
            consumer_secret=str(settings["client_secret"]),
            domain="sandbox.my",
            session=session,
            version=VERSION,
        )


def configurer(client: Salesforce, settings: Mapping[str, object]) -> Any:
    """The half of the library that configures an org, sent to the sandbox as well."""
    metadata: Any = client.mdapi
    session = metadata._client.transport.session
    session.trust_env = False
    session.mount("https://", LoopbackAdapter(str(settings["instance_url"])))
    return metadata
