"""Bulk extracts: the ids of the leads that were created in a stretch of time."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime
from typing import Any, Final

import msgspec

from instep.errors import RemoteError, RetryLaterError
from instep_marketo.answers import Answer, Call, RefusedError, instant_text
from instep_marketo.client import MarketoClient

LONGEST_DAYS: Final = 30
"""Marketo takes 31 days at most; one less keeps clear of how it counts."""
_POLL_SECONDS: Final = 60.0
_POLLS: Final = 240
_ROOT: Final = "/bulk/v1/leads/export"


class _Job(msgspec.Struct):
    exportId: str  # noqa: N815
    status: str = ""
    fileChecksum: str | None = None  # noqa: N815


def created_ids(client: MarketoClient, start: datetime, end: datetime) -> list[str]:
    """The leads that were created from `start` to `end` and are still there. Takes a minute or more.

    Only ids are extracted: in an extract every value is text and a blank is the word `null`, so the leads themselves
    are read from the lead database. Marketo developer guide: Bulk extract
    """
    body = {
        "fields": ["id"],
        "format": "CSV",
        "filter": {"createdAt": {"startAt": instant_text(start), "endAt": instant_text(end)}},
    }
    job = _job(client.fetch(Call("POST", f"{_ROOT}/create.json", "leads/export/create", body=body)))
    _enqueue(client, job.exportId)
    return _ids(_file(client, _completed(client, job.exportId)))


def _enqueue(client: MarketoClient, id: str) -> None:
    try:
        client.fetch(Call("POST", f"{_ROOT}/{id}/enqueue.json", "leads/export/enqueue"))
    except RefusedError as refused:
        if "already" not in str(refused).lower():  # an answer was lost, and the call repeated
            raise


def _completed(client: MarketoClient, id: str) -> _Job:
    """Wait for the end of a job; its status is brought up to date once a minute."""
    for _ in range(_POLLS):
        job = _job(client.fetch(Call("GET", f"{_ROOT}/{id}/status.json", "leads/export/status")))
        if job.status == "Completed":
            return job
        if job.status in ("Failed", "Canceled", "Cancelled"):
            raise RetryLaterError(f"Marketo (leads/export): the extract was {job.status.lower()}. Run again later.")
        client.effects.sleep(_POLL_SECONDS)
    raise RetryLaterError("Marketo (leads/export): an extract is still not complete. Run again later.")


def _file(client: MarketoClient, job: _Job) -> bytes:
    try:
        data = client.download(Call("GET", f"{_ROOT}/{job.exportId}/file.json", "leads/export/file"))
    except RefusedError as refused:
        if refused.status == 404:
            raise RetryLaterError(
                "Marketo (leads/export): a finished extract has no file. Run again later."
            ) from None
        raise
    kind, _, wanted = (job.fileChecksum or "").partition(":")
    if kind == "sha256" and hashlib.sha256(data).hexdigest() != wanted:
        raise RetryLaterError("Marketo (leads/export): an extract arrived incomplete. Run again later.")
    return data


def _ids(data: bytes) -> list[str]:
    """The ids of a file, row by row: a month may hold a million. A file without a heading is none."""
    try:
        rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))
        place = next(rows, []).index("id")
        ids = [row[place] for row in rows if row]
    except (ValueError, IndexError, csv.Error):
        ids = ["?"]
    if not all(id.isdecimal() for id in ids):
        raise RemoteError("Marketo (leads/export): an extract cannot be read. Run again later.")
    return ids


def _job(answer: Answer) -> _Job:
    found: Any = answer.result
    try:
        (job,) = msgspec.convert(found, list[_Job])
    except ValueError:
        raise RemoteError("Marketo (leads/export): answered with a job that cannot be read.") from None
    return job
