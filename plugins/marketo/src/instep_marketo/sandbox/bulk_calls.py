"""Bulk extracts of leads: jobs that take their time."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime, timedelta

from instep.sandbox import Request, Response
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.operations import Body, Operation, body_of, result
from instep_marketo.sandbox.subscription import Export, Subscription
from instep_marketo.sandbox.values import iso, plain

LONGEST = timedelta(days=31)
MOST_RUNNING, MOST_QUEUED = 2, 10
ROOT = "/bulk/v1/leads/export"


class BulkCalls:
    """The calls of `/bulk/v1/leads/export`, which are not under `/rest`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls. Making a job changes no lead, so none of them is a write."""
        read = "Read-Only Lead"
        return [
            Operation("POST", f"{ROOT}/create.json", self.create, "export.create", read, writes=False),
            Operation("POST", f"{ROOT}/{{id}}/enqueue.json", self.enqueue, "export.enqueue", read, writes=False),
            Operation("POST", f"{ROOT}/{{id}}/cancel.json", self.cancel, "export.cancel", read, writes=False),
            Operation("GET", f"{ROOT}/{{id}}/status.json", self.status, "export.status", read),
            Operation("GET", f"{ROOT}/{{id}}/file.json", self.file, "export.file", read),
        ]

    def create(self, request: Request) -> Body:
        """A job for the leads that were created in a stretch of time."""
        body = body_of(request)
        names = body.get("fields")
        if not isinstance(names, list) or not names:
            raise RefusedError("1002", "Missing value for the required parameter 'fields'")
        for name in names:
            self._state.field(name)
        chosen = body.get("filter")
        if not isinstance(chosen, dict) or list(chosen) != ["createdAt"]:
            raise RefusedError("1035", "Unsupported filter type for target subscription")
        try:
            start, end = (datetime.fromisoformat(chosen["createdAt"][name]) for name in ("startAt", "endAt"))
        except (KeyError, ValueError):
            raise RefusedError("704", "Invalid date format") from None
        if end - start > LONGEST:
            raise RefusedError("1003", "The date range must not be longer than 31 days")
        job = Export(self._state.uuid(), start, end, tuple(names))
        self._state.exports[job.id] = job
        return result([self._shown(job)])

    def enqueue(self, request: Request) -> Body:
        """Let a job run, when its turn comes."""
        job = self._job(request)
        if job.status != "Created":
            raise RefusedError("1029", "Job already queued")
        if (
            sum(self._current(other) in ("Queued", "Processing") for other in self._state.exports.values())
            >= MOST_QUEUED
        ):
            raise RefusedError("1029", "Too many jobs in queue")
        job.status, job.queued_at = "Queued", self._state.now()
        return result([self._shown(job)])

    def cancel(self, request: Request) -> Body:
        """Give a job up; the answer spells it with two l."""
        job = self._job(request)
        job.status = "Canceled"
        return result([{**self._shown(job), "status": "Cancelled"}])

    def status(self, request: Request) -> Body:
        """How far a job is."""
        return result([self._shown(self._job(request))])

    def file(self, request: Request) -> Response:
        """The file; until it is there 404 in plain text."""
        job = self._state.exports.get(request.params["id"])
        if job is None or self._current(job) != "Completed":
            return Response(404, b"file not found", content_type="text/plain")
        return Response(200, job.file, content_type="text/csv")

    def _job(self, request: Request) -> Export:
        job = self._state.exports.get(request.params["id"])
        if job is None:
            raise RefusedError("1013", "Object not found")
        return job

    def _current(self, job: Export) -> str:
        if job.queued_at is not None and job.status in ("Queued", "Processing"):
            running = [
                other
                for other in self._state.exports.values()
                if other is not job and other.status == "Processing" and other.queued_at
            ]
            if job.status == "Queued" and len(running) < MOST_RUNNING:
                job.status = "Processing"
            takes = timedelta(seconds=self._state.personality.export_seconds)
            if job.status == "Processing" and self._state.now() - job.queued_at >= takes:
                job.status, job.file = "Completed", self._written(job)
        return job.status

    def _written(self, job: Export) -> bytes:
        """All values are text, and a blank is the word null."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(job.fields)
        for id in sorted(self._state.leads):
            lead = self._state.leads[id]
            if job.start <= lead["createdAt"].replace(microsecond=0) <= job.end:
                values = (plain(lead.get(name)) for name in job.fields)
                rows.writerow(["null" if value is None else str(value) for value in values])
        return text.getvalue().encode()

    def _shown(self, job: Export) -> Body:
        shown: Body = {"exportId": job.id, "status": self._current(job), "format": "CSV"}
        shown["createdAt"] = iso(self._state.now())
        if shown["status"] == "Completed":
            shown["numberOfRecords"] = job.file.count(b"\n") - 1
            shown["fileSize"] = len(job.file)
            shown["fileChecksum"] = f"sha256:{hashlib.sha256(job.file).hexdigest()}"
        return shown
