"""What reading and storing contacts costs at least: a loop that pages, parses and inserts, and nothing else."""

from __future__ import annotations

import http.client
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

PAGES_PER_COMMIT = 10
_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


def read_and_store(settings: Mapping[str, Any], properties: Sequence[str], path: Path) -> int:
    """Read every contact into a new table at `path`; gives how many there were."""
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=NORMAL")
    store.execute("CREATE TABLE record (id TEXT PRIMARY KEY, modified_at TEXT, fields BLOB)")
    count = 0
    for number, body in enumerate(bodies(settings, properties)):
        if number % PAGES_PER_COMMIT == 0:
            store.execute("COMMIT" if number else "BEGIN")
            if number:
                store.execute("BEGIN")
        records = _DECODE(body)["results"]
        rows = [(record["id"], record["updatedAt"], _ENCODE(record["properties"])) for record in records]
        store.executemany("INSERT INTO record VALUES (?, ?, ?)", rows)
        count += len(rows)
    store.execute("COMMIT")
    store.close()
    return count


def bodies(settings: Mapping[str, Any], properties: Sequence[str]) -> Iterator[bytes]:
    """The pages of all contacts as they come over one held connection."""
    connection = http.client.HTTPConnection(urlsplit(settings["base_url"]).netloc)
    headers = {"Authorization": f"Bearer {settings['access_token']}"}
    after: str | None = ""
    while after is not None:
        connection.request("GET", address(properties, after), headers=headers)
        body = connection.getresponse().read()
        yield body
        after = next_page(body)
    connection.close()


def address(properties: Sequence[str], after: str) -> str:
    """Where a page of contacts is."""
    query = {"limit": "100", "properties": ",".join(properties)} | ({"after": after} if after else {})
    return f"/crm/v3/objects/contacts?{urlencode(query)}"


def next_page(body: bytes) -> str | None:
    """Where the next page begins, found without parsing this one; None after the last."""
    tail = body[body.rfind(b'"paging"') :] if b'"paging"' in body[-600:] else b""
    return tail.split(b'"after":"', 1)[1].split(b'"', 1)[0].decode() if tail else None
