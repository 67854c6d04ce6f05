"""Bulk imports of leads: files that are taken row by row, some time later."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial

from instep.sandbox import Request, Response
from instep_marketo.sandbox.bulk_calls import DELIMITERS
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.jobs import Import, Job
from instep_marketo.sandbox.operations import Body, Operation, need, result, whole
from instep_marketo.sandbox.subscription import Subscription
from instep_marketo.sandbox.upserts import Upserts

IMPORT = "/bulk/v1/leads.json"
SOURCE = "List import"
KEPT = timedelta(days=7)
STATUSES = {"Processing": "Importing", "Completed": "Complete"}


class ImportCalls:
    """The calls of `/bulk/v1/leads`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        one, write = "/bulk/v1/leads/batch/{id}", "Read-Write Lead"
        return [
            Operation("POST", IMPORT, self.create, "import.create", write),
            Operation("GET", one, self.status, "import.status", write),
            Operation("GET", f"{one}/failures.json", self.failures, "import.failures", write),
            Operation("GET", f"{one}/warnings.json", self.warnings, "import.warnings", write),
        ]

    def create(self, request: Request) -> Body:
        """Queue a file. With `lookupField=id`, it only updates."""
        state, now = self._state, self._state.now()
        lookup, format = request.one("lookupField") or "email", need(request, "format").upper()
        if format not in DELIMITERS:
            raise RefusedError("1003", "Invalid data: format")
        upserts = Upserts(
            state,
            action="updateOnly" if lookup == "id" else "createOrUpdate",
            lookup=lookup,
            partition=request.one("partitionName"),
            source=SOURCE,
        )
        list_id = whole(request.one("listId") or 0)
        if list_id and list_id not in state.lists:
            raise RefusedError("1013", f"List '{list_id}' not found")
        lines = list(csv.reader(io.StringIO(_text(request)), delimiter=DELIMITERS[format]))
        if len(lines) < 2 or lookup not in lines[0]:
            raise RefusedError("1003", f"Invalid data: the file has no rows, or no column '{lookup}'")
        for name in lines[0]:
            state.field(name)
        if state.imports.waiting() >= state.personality.jobs_queued:
            raise RefusedError("1016", "Too many imports")
        id = state.ids.number()
        job = Job(str(id), "import", state.caller.email, now, partial(self._take, id, upserts, list_id or 0))
        state.imported[id] = Import(id, job, lines[0], lines[1:], DELIMITERS[format])
        state.imports.enqueue(job, now, timedelta(seconds=state.personality.import_seconds))
        return result([{"batchId": id, "importId": str(id), "status": "Queued"}])

    def _take(self, id: int, upserts: Upserts, list_id: int, job: Job) -> None:
        made = self._state.imported[id]
        for row in made.rows:
            try:
                given = self._values(made, row, upserts)
                lead = upserts.take(given)["id"]
            except RefusedError as refused:
                made.failures.append([*row, refused.message])
                continue
            made.taken += 1
            if list_id:
                self._state.put_on(self._state.lists[list_id], lead, SOURCE)

    def _values(self, made: Import, row: list[str], upserts: Upserts) -> Body:
        """The values of a row; one that cannot be stored is left out, with a warning."""
        if len(row) != len(made.names):
            raise RefusedError("1003", "The row has another number of values than the heading")
        given: Body = {}
        for name, value in zip(made.names, row, strict=True):
            try:
                given[name] = whole(value) if name == "id" else upserts.value(name, value) and value
            except RefusedError as refused:
                made.warnings.append([*row, refused.message])
        return given

    # --- how it went -------------------------------------------------------------------------------------------

    def status(self, request: Request) -> Body:
        """How far an import is."""
        made = self._import(request)
        status = made.job.status
        shown = {"batchId": made.id, "importId": str(made.id), "status": STATUSES.get(status, status)}
        if status != "Completed":
            return result([shown])
        failed, warned = len(made.failures), len(made.warnings)
        message = "Import succeeded" if not failed else f"Import completed with errors, {made.taken} records imported"
        counts = {"numOfLeadsProcessed": made.taken, "numOfRowsFailed": failed, "numOfRowsWithWarning": warned}
        return result([{**shown, **counts, "message": message}])

    def failures(self, request: Request) -> Response:
        """The rows that were not taken, each with the reason."""
        made = self._import(request)
        return _file(made, made.failures, "Import Failure Reason")

    def warnings(self, request: Request) -> Response:
        """The rows that were taken in part, each with the reason."""
        made = self._import(request)
        return _file(made, made.warnings, "Import Warning Reason")

    def _import(self, request: Request) -> Import:
        made = self._state.imported.get(whole(request.params["id"].removesuffix(".json")) or 0)
        if made is None or made.job.created_at < self._state.now() - KEPT:
            raise RefusedError("1013", "Object not found")
        return made


def _text(request: Request) -> str:
    """The part `file` of a body of several parts."""
    kind = request.headers.get("content-type", "")
    if "multipart/form-data" not in kind:
        raise RefusedError("612", "Invalid Content Type")
    whole_body = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body)
    for part in whole_body.iter_parts() if whole_body.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            data = part.get_payload(decode=True)
            return bytes(data).decode("utf-8-sig", errors="replace") if isinstance(data, bytes) else ""
    raise RefusedError("613", "Invalid Multipart Request")


def _file(made: Import, rows: list[list[str]], heading: str) -> Response:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n", delimiter=made.delimiter)
    lines.writerow([*made.names, heading])
    lines.writerows(rows)
    return Response(200, text.getvalue().encode(), content_type="text/csv")
