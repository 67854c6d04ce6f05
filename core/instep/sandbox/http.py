"""Requests and responses, and how they look on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from io import BufferedReader
from urllib.parse import parse_qs

import msgspec

JSON_TYPE = "application/json;charset=utf-8"
_MAX_LINE = 1 << 20
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class MalformedJsonError(ValueError):
    """The body of a request is not JSON."""


class MalformedRequestError(ValueError):
    """What arrived is not an HTTP/1.1 request that this server can read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call as the vendor's service would see it. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    def json(self) -> object:
        """The body as JSON values; raises `MalformedJsonError`."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedJsonError(str(error)) from error

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def many(self, name: str) -> list[str]:
        """Every value of a query parameter, whether it was repeated or joined with commas."""
        return [part for value in self.query.get(name, ()) for part in value.split(",") if part]

    def flag(self, name: str, default: bool = False) -> bool:
        """A query parameter read as yes or no, in any letter case."""
        value = self.one(name)
        return default if value is None else value.lower() == "true"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `Content-Length` is added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON_TYPE

    @classmethod
    def of(cls, value: object, status: int = 200) -> Response:
        """An answer that carries `value` as JSON."""
        return cls(status, msgspec.json.encode(value))

    def to_bytes(self, at: datetime, *, keep_alive: bool = True) -> bytes:
        """Head and body in one piece, so that one write sends them; `at` is the server's own time."""
        lines = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}",
            f"Date: {format_datetime(at, usegmt=True)}",
        ]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


def read_request(reader: BufferedReader) -> Request | None:
    """The next request of a connection, or None when the other side has hung up."""
    line = reader.readline(_MAX_LINE)
    if not line.strip():
        return None
    try:
        method, target, _version = line.decode("latin-1").split()
    except ValueError as error:
        raise MalformedRequestError(line[:80].decode("latin-1")) from error
    headers = dict(_read_headers(reader))
    if "transfer-encoding" in headers:
        raise MalformedRequestError("bodies must be sent with a Content-Length")
    length = int(headers.get("content-length", 0) or 0)
    body = reader.read(length) if length else b""
    path, _, query = target.partition("?")
    return Request(
        method=method.upper(),
        path=path,
        query=parse_qs(query, keep_blank_values=True) if query else {},
        headers=headers,
        body=body,
        target=target,
    )


def _read_headers(reader: BufferedReader) -> list[tuple[str, str]]:
    found = []
    while (line := reader.readline(_MAX_LINE)) not in {b"\r\n", b"\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        found.append((name.strip().lower(), value.strip()))
    return found
