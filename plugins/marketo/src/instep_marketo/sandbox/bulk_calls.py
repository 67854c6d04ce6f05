"""Bulk extracts of leads and of activities: jobs that take their time, in one queue."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from instep.sandbox import Request, Response
from instep_marketo.sandbox.allowances import day
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.jobs import Job
from instep_marketo.sandbox.operations import Body, Operation, body_of, moment, result, whole
from instep_marketo.sandbox.paging import page_of
from instep_marketo.sandbox.subscription import Activity, Subscription
from instep_marketo.sandbox.values import iso, plain

LONGEST, KEPT = timedelta(days=31), timedelta(days=7)
DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
ACTIVITY_COLUMNS = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
    "attributes",
)
MOST_ATTRIBUTES = 50
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
Rows = Callable[[], Iterable[dict[str, Any]]]


class _ExportCalls:
    """The calls of one family of extracts, which are not under `/rest`. Jobs are only for who made them."""

    root = ""
    label = ""
    permission = ""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls. Making a job changes no record, so none of them is a write."""
        root, label, read = self.root, self.label, self.permission
        one = f"{root}/{{id}}"
        return [
            Operation("GET", f"{root}.json", self.list, f"{label}.list", read),
            Operation("POST", f"{root}/create.json", self.create, f"{label}.create", read, writes=False),
            Operation("POST", f"{one}/enqueue.json", self.enqueue, f"{label}.enqueue", read, writes=False),
            Operation("POST", f"{one}/cancel.json", self.cancel, f"{label}.cancel", read, writes=False),
            Operation("GET", f"{one}/status.json", self.status, f"{label}.status", read),
            Operation("GET", f"{one}/file.json", self.file, f"{label}.file", read),
        ]

    def columns(self, body: Body) -> list[str]:
        """The columns of a file."""
        raise NotImplementedError

    def rows(self, chosen: Body) -> Rows:
        """What a filter finds, once the job runs; refuses a filter that is none."""
        raise NotImplementedError

    # --- the life of a job -------------------------------------------------------------------------------------

    def create(self, request: Request) -> Body:
        """A job, which waits to be queued."""
        body = body_of(request)
        columns, format = self.columns(body), str(body.get("format") or "CSV").upper()
        chosen, headers = body.get("filter"), body.get("columnHeaderNames") or {}
        if format not in DELIMITERS or not isinstance(headers, dict):
            raise RefusedError("1003", "Invalid data: format")
        if not isinstance(chosen, dict) or not chosen:
            raise RefusedError("1002", "Missing value for the required parameter 'filter'")
        self.rows(chosen)  # refuses a filter that is none
        work = partial(self._write, columns, [str(headers.get(name, name)) for name in columns], chosen)
        job = Job(self._state.uuid(), self.label, self._state.caller.email, self._state.now(), work, format)
        self._state.exports.jobs[job.id] = job
        return result([self._shown(job)])

    def enqueue(self, request: Request) -> Body:
        """Let a job run, when its turn comes."""
        job, character, now = self._job(request), self._state.personality, self._state.now()
        if job.status != "Created":
            raise RefusedError("1029", "Job already queued")
        if self._state.usage.extracted[day(now)] >= character.extract_bytes_a_day:
            raise RefusedError("1029", "Export daily quota exceeded")
        if self._state.exports.waiting() >= character.jobs_queued:
            raise RefusedError("1029", "Too many jobs in queue")
        self._state.exports.enqueue(job, now, timedelta(seconds=character.export_seconds))
        return result([self._shown(job)])

    def cancel(self, request: Request) -> Body:
        """Give a job up; the answer spells it with two l, and later ones with one."""
        job = self._job(request)
        if job.status not in ("Created", "Queued", "Processing"):
            raise RefusedError("1003", f"A job that is {job.status} cannot be cancelled")
        job.status, job.finished_at = "Canceled", self._state.now()
        return result([{**self._shown(job), "status": "Cancelled"}])

    def status(self, request: Request) -> Body:
        """How far a job is."""
        return result([self._shown(self._job(request))])

    def list(self, request: Request) -> Body:
        """The caller's jobs of the last week."""
        wanted, oldest = request.many("status"), self._state.now() - KEPT
        found = [
            self._shown(job)
            for job in self._state.exports.jobs.values()
            if self._is_own(job) and job.created_at >= oldest
            if not wanted or job.status in wanted
        ]
        page, more = page_of(found, self.label, request, self._state.personality)
        return result(page, **more)

    def _write(self, columns: Sequence[str], headings: Sequence[str], chosen: Body, job: Job) -> None:
        job.file = _file(columns, headings, self.rows(chosen)(), DELIMITERS[job.format])
        self._state.usage.extracted[day(job.finished_at or job.created_at)] += len(job.file)

    # --- the file ----------------------------------------------------------------------------------------------

    def file(self, request: Request) -> Response:
        """The file, or a part of it. Before it is there, and when it is there no more, 404 in plain text."""
        job, oldest = self._own(request), self._state.now() - KEPT
        if job is None or job.status != "Completed" or job.finished_at is None or job.finished_at < oldest:
            return Response(404, b"file not found", content_type="text/plain")
        type = "text/csv" if job.format == "CSV" else "text/plain"
        wanted = RANGE.fullmatch(request.headers.get("range", ""))
        if wanted is None:
            return Response(200, job.file, content_type=type)
        return _part(job.file, wanted.group(1), wanted.group(2), type)

    def _own(self, request: Request) -> Job | None:
        job = self._state.exports.jobs.get(request.params["id"])
        return job if job is not None and self._is_own(job) else None

    def _is_own(self, job: Job) -> bool:
        return (job.family, job.owner) == (self.label, self._state.caller.email)

    def _job(self, request: Request) -> Job:
        job = self._own(request)
        if job is None:
            raise RefusedError("1013", "Object not found")
        return job

    def _shown(self, job: Job) -> Body:
        shown: Body = {"exportId": job.id, "status": job.status, "format": job.format}
        for name, at in (
            ("createdAt", job.created_at),
            ("queuedAt", job.queued_at),
            ("startedAt", job.started_at),
            ("finishedAt", job.finished_at),
        ):
            if at is not None:
                shown[name] = iso(at)
        if job.status == "Completed":
            shown["numberOfRecords"] = max(job.file.count(b"\n") - 1, 0)
            shown["fileSize"] = len(job.file)
            shown["fileChecksum"] = f"sha256:{hashlib.sha256(job.file).hexdigest()}"
        return shown


class LeadExportCalls(_ExportCalls):
    """The calls of `/bulk/v1/leads/export`."""

    root = "/bulk/v1/leads/export"
    label = "export"
    permission = "Read-Only Lead"

    def columns(self, body: Body) -> list[str]:
        """The fields that are named: there must be some."""
        names = body.get("fields")
        if not isinstance(names, list) or not names:
            raise RefusedError("1002", "Missing value for the required parameter 'fields'")
        return [self._state.field(str(name)).name for name in names]

    def rows(self, chosen: Body) -> Rows:
        """Leads by when they were created, or by their list; by when they were changed only where that is allowed."""
        if len(chosen) != 1:
            raise RefusedError("1003", "Exactly one filter is allowed")
        ((kind, value),) = chosen.items()
        if kind == "createdAt":
            start, end = _stretch(value)
            return lambda: [lead for lead in self._leads() if start <= _second(lead["createdAt"]) <= end]
        if kind == "updatedAt" and self._state.personality.extracts_updates:
            start, end = _stretch(value)
            return lambda: [lead for lead in self._leads() if lead["id"] in self._changed(start, end)]
        if kind in ("staticListId", "staticListName"):
            on = self._list(kind, value)
            return lambda: [lead for lead in self._leads() if lead["id"] in on]
        raise RefusedError("1035", "Unsupported filter type for target subscription")

    def _leads(self) -> list[dict[str, Any]]:
        return [self._state.leads[id] for id in sorted(self._state.leads)]

    def _changed(self, start: datetime, end: datetime) -> set[int]:
        """Leads of which any field changed, unlike what their own `updatedAt` says."""
        latest: dict[int, datetime] = {}
        for activity in self._state.log:
            if activity.type in (12, 13, 22):
                latest[activity.lead] = activity.at
        return {lead for lead, at in latest.items() if start <= _second(at) <= end}

    def _list(self, kind: str, value: object) -> dict[int, datetime]:
        wanted = str(value).casefold()
        for one in self._state.lists.values():
            if wanted == (str(one.id) if kind == "staticListId" else one.name.casefold()):
                return one.leads
        raise RefusedError("1013", "List not found")


class ActivityExportCalls(_ExportCalls):
    """The calls of `/bulk/v1/activities/export`."""

    root = "/bulk/v1/activities/export"
    label = "activities_export"
    permission = "Read-Only Activity"

    def columns(self, body: Body) -> list[str]:
        """The columns that are named, or all."""
        names = body.get("fields") or ACTIVITY_COLUMNS
        for name in names:
            if name not in (*ACTIVITY_COLUMNS, "actionResult"):
                raise RefusedError("1006", f"Field '{name}' not found")
        return list(names)

    def rows(self, chosen: Body) -> Rows:
        """Activities of a stretch of time, of some types, about some things. Deletions are not among them."""
        start, end = _stretch(chosen.get("createdAt"))
        types = _numbers(chosen, "activityTypeIds")
        ids, values = _numbers(chosen, "primaryAttributeValueIds"), chosen.get("primaryAttributeValues") or []
        if (ids and values) or ((ids or values) and not types) or max(len(ids), len(values)) > MOST_ATTRIBUTES:
            raise RefusedError("1003", "Invalid data: filter by ids or by values, at most 50, and by types")
        if 37 in types or types - self._state.activity_types().keys():
            raise RefusedError("1003", f"Unsupported activity types {sorted(types)}")

        def concerns(activity: Activity) -> bool:
            is_it = activity.type in types if types else activity.type != 37
            about = not ids or activity.primary_id in ids
            named = not values or activity.primary in values
            return is_it and about and named and start <= _second(activity.at) <= end

        return lambda: [_activity(one) for one in self._state.log[: self._state.visible()] if concerns(one)]


def _activity(activity: Activity) -> dict[str, Any]:
    return {
        "marketoGUID": str(activity.seq + 100_000),
        "leadId": activity.lead,
        "activityDate": iso(activity.at),
        "activityTypeId": activity.type,
        "campaignId": activity.campaign,
        "primaryAttributeValueId": activity.primary_id,
        "primaryAttributeValue": activity.primary or None,
        "attributes": json.dumps(activity.attributes),
        "actionResult": "succeeded",
    }


def _stretch(value: Any) -> tuple[datetime, datetime]:
    """The two ends of a stretch of time, of at most 31 days."""
    if not isinstance(value, dict) or not value.get("startAt") or not value.get("endAt"):
        raise RefusedError("1002", "Missing value for the required parameter 'createdAt'")
    start, end = moment(value["startAt"]), moment(value["endAt"])
    if end - start > LONGEST:
        raise RefusedError("1003", "The date range must not be longer than 31 days")
    return start, end


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _numbers(chosen: Body, name: str) -> set[int]:
    return {number for one in chosen.get(name) or [] if (number := whole(one)) is not None}


def _file(columns: Sequence[str], headers: Sequence[str], rows: Iterable[dict[str, Any]], delimiter: str) -> bytes:
    """All values are text, and a blank is the word null."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n", delimiter=delimiter)
    lines.writerow(headers)
    for row in rows:
        lines.writerow(list(_texts(row, columns)))
    return text.getvalue().encode()


def _texts(row: dict[str, Any], columns: Sequence[str]) -> Iterator[str]:
    for name in columns:
        value = plain(row.get(name))
        yield "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _part(file: bytes, first: str, last: str, type: str) -> Response:
    """A part of a file, by the places of its first and last byte; without a first, so many from the end."""
    start = int(first) if first else max(len(file) - int(last or 0), 0)
    end = min(int(last), len(file) - 1) if first and last else len(file) - 1
    if start > end:
        return Response(416, b"", (("Content-Range", f"bytes */{len(file)}"),), content_type=type)
    where = (("Content-Range", f"bytes {start}-{end}/{len(file)}"),)
    return Response(206, file[start : end + 1], where, content_type=type)
