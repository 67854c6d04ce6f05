"""Asks a sandbox in plain HTTP, past every client: for vendors without a client library of their own to read with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from instep.errors import RemoteError


def ask(
    url: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> Any:
    """What a sandbox on this machine answers, as JSON. `url` is where it runs, such as http://127.0.0.1:8801.

    Raises `RemoteError` for any status but 2xx.
    """
    host = urlsplit(url)
    line = f"{path}?{urlencode(query)}" if query else path
    sent = None if body is None else json.dumps(body).encode()
    said = {**(headers or {}), **({} if sent is None else {"Content-Type": "application/json"})}
    connection = HTTPConnection(host.hostname or "", host.port, timeout=60)
    try:
        connection.request(method, line, sent, said)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise RemoteError(f"{method} {path} was answered with {answer.status}.")
    return json.loads(text) if text else None
