"""Writes many records as one job of Bulk API 2.0, where that costs fewer calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from instep.contract import Unknown, Written
from instep.errors import AccessError, RemoteError, RetryLaterError
from instep_salesforce import wire
from instep_salesforce.account import user_id
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.batches import MOST, Batch, Outcomes, Row
from instep_salesforce.client import SalesforceClient
from instep_salesforce.refusals import is_about_the_record, rejected
from instep_salesforce.values import CLEARED, id18, to_cell
from instep_salesforce.wire import Problem

_CALLS_OF_A_JOB: Final = 7
"""Create, upload, close, look twice, read what worked and what did not."""
_LONGEST_CELL: Final = 32_000
_LARGEST_FILE: Final = 100_000_000
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 3600.0
_MOST_PAGES: Final = 100
"""Of the list of jobs, each of up to 1,000; Salesforce forgets a job after seven days."""
_ENDED: Final = frozenset(("JobComplete", "Failed", "Aborted"))
_RUNNING: Final = frozenset(("UploadComplete", "InProgress"))


class _Job(msgspec.Struct):
    id: str
    state: str
    numberRecordsProcessed: int = 0  # noqa: N815
    errorMessage: str | None = None  # noqa: N815
    object: str = ""
    createdById: str = ""  # noqa: N815


class _Csv:
    """Decodes a CSV answer: UTF-8, quoted line breaks kept. A body that is no table is never read as empty."""

    def decode(self, data: bytes, /) -> list[dict[str, str]]:
        csv.field_size_limit(max(csv.field_size_limit(), _LARGEST_FILE))
        text = data.decode("utf-8").replace("\x00", "")
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise msgspec.DecodeError(str(error)) from None
        if (
            not text.strip()
            or "<html" in text[:200].casefold()
            or any(None in row or None in row.values() for row in rows)
        ):
            raise msgspec.DecodeError("no table")
        return rows


class _Jobs(msgspec.Struct):
    records: list[_Job]
    done: bool = True
    nextRecordsUrl: str | None = None  # noqa: N815


_job = msgspec.json.Decoder(_Job)
_jobs = msgspec.json.Decoder(_Jobs)
_csv = _Csv()


def costs_less(rows: int) -> bool:
    """Whether a job takes fewer calls than sending 200 records at a time.

    Both are read back alike, 2,000 a call: a query job takes four calls and cannot name so many ids.
    """
    return -(-rows // MOST) > _CALLS_OF_A_JOB


def fits(row: Row) -> bool:
    """Whether a row can be put into a job's file: there, one text means "clear", and cells have a size."""
    return all(
        value != CLEARED and not (isinstance(value, str) and len(value) > _LONGEST_CELL)
        for value in row.values.values()
    )


class BulkJobs:
    """Runs one job at a time and waits for its end.

    developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_intro.htm
    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def run(self, batch: Batch, rows: Sequence[Row]) -> tuple[Outcomes, list[Row]]:
        """Write rows, none of which has a record or key twice.

        Gives the outcomes, and the rows that were surely not touched: they can be written in another way. A row that
        a job may have touched without saying what became of it is `Unknown`; nothing is repeated.
        """
        data = _file(batch, rows)
        if len(data) > _LARGEST_FILE:
            return {}, list(rows)
        id = self._uploaded(batch, data)
        if id is None:
            return {}, list(rows)
        state = self._closed(batch, id)
        if state == "Aborted":
            return {}, list(rows)
        if state is None:
            return self._lost(batch, rows), []
        return self._results(batch, id, rows)

    def settle(self) -> None:
        """Wait for the end of every job of this login: one may be of a run that died before it could.

        Raises `RetryLaterError` after an hour. Nothing is aborted: another tool may share the login.
        developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_all_jobs.htm
        """
        try:
            jobs = list(self._listed())
        except (AccessError, RefusedError):
            return  # who may not see jobs has made none
        ours = user_id(self._client)
        for job in jobs:
            if job.state in _RUNNING and (not ours or id18(job.createdById) == ours):
                batch = Batch(job.object, "update")
                if not self._ended(batch, job.id):
                    raise RetryLaterError(
                        f"Salesforce ({job.object}): bulk job {job.id} of an earlier run is still at work. Run again "
                        "later, or abort it under Setup, Bulk Data Load Jobs."
                    )

    def _listed(self) -> Iterator[_Job]:
        call = Call("GET", self._client.path("jobs", "ingest"), "bulk/list")
        for _ in range(_MOST_PAGES):
            page = self._client.fetch(call, _jobs).value
            yield from page.records
            if page.done or not page.nextRecordsUrl:
                return
            call = Call("GET", wire.own_path(page.nextRecordsUrl, self._client.host), "bulk/list/next")

    # --- starting ----------------------------------------------------------------------------------------------

    def _uploaded(self, batch: Batch, data: bytes) -> str | None:
        """The job with its file, not started yet. None where that did not work: nothing was touched then."""
        body: dict[str, Any] = {"object": batch.object, "operation": batch.verb, "contentType": "CSV"}
        body |= {"columnDelimiter": "COMMA", "lineEnding": "LF"}
        body |= {"externalIdFieldName": batch.key_field} if batch.key_field else {}
        try:
            job = self._fetch(self._call("POST", batch, "create", body=body, writes=True))
        except RemoteError:
            return None
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        upload = self._call("PUT", batch, "upload", job.id, "batches", data=data, headers=headers, writes=True)
        try:
            self._client.send(upload)
        except RemoteError:
            self._abort(batch, job.id)
            return None
        return job.id

    def _closed(self, batch: Batch, id: str) -> str | None:
        """Start the job; gives its state. None where it cannot be told whether it was started."""
        try:
            return self._fetch(self._state_call(batch, id, "UploadComplete", "close")).state
        except RemoteError:
            pass
        try:
            state = self._fetch(self._call("GET", batch, "job", id)).state
            return self._abort(batch, id) if state == "Open" else state
        except RemoteError:
            return None

    def _abort(self, batch: Batch, id: str) -> str | None:
        try:
            return self._fetch(self._state_call(batch, id, "Aborted", "abort")).state
        except RemoteError:
            return None

    # --- waiting and reading -----------------------------------------------------------------------------------

    def _results(self, batch: Batch, id: str, rows: Sequence[Row]) -> tuple[Outcomes, list[Row]]:
        """Wait for the end, and match what Salesforce says to rows by their key: its order says nothing.

        developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm
        """
        outcomes: Outcomes = {}
        untouched: list[Row] = []
        by_key = {_folded(batch, row.id): row for row in rows}
        try:
            if not self._ended(batch, id):
                self._abort(batch, id)
            for found in self._read(batch, id, "successfulResults"):
                row = by_key[_folded(batch, found[_key(batch)])]
                made = found.get("sf__Created", "").casefold() == "true"
                outcomes[row.place] = Written(found["sf__Id"] or row.id, {}, created=made)
            for found in self._read(batch, id, "failedResults"):
                row = by_key[_folded(batch, found[_key(batch)])]
                outcomes[row.place] = _refusal(found["sf__Error"])
            if len(outcomes) < len(rows):
                keys = [_folded(batch, found[_key(batch)]) for found in self._read(batch, id, "unprocessedrecords")]
                untouched = [by_key[key] for key in keys if by_key[key].place not in outcomes]
        except (RemoteError, KeyError):
            pass
        settled = outcomes.keys() | {row.place for row in untouched}
        return self._lost(batch, [row for row in rows if row.place not in settled]) | outcomes, untouched

    def _ended(self, batch: Batch, id: str) -> bool:
        """Wait until a job has ended, one way or another, for an hour at most; says whether it has."""
        waited, wait = 0.0, _FIRST_WAIT_SECONDS
        while True:
            self._client.effects.sleep(wait)
            job = self._fetch(self._call("GET", batch, "job", id))
            if job.state in _ENDED:
                return True
            waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT_SECONDS)
            if waited > _PATIENCE_SECONDS:
                return False

    def _read(self, batch: Batch, id: str, what: str) -> list[dict[str, str]]:
        headers = {"Accept": "text/csv"}
        return self._client.fetch(self._call("GET", batch, what, id, what, headers=headers), _csv).value

    def _lost(self, batch: Batch, rows: Sequence[Row]) -> Outcomes:
        lost = Unknown(f"Salesforce ({batch.object}): a bulk job may have written this record and did not say so.")
        return {row.place: lost for row in rows}

    # --- calls -------------------------------------------------------------------------------------------------

    def _state_call(self, batch: Batch, id: str, state: str, step: str) -> Call:
        return self._call("PATCH", batch, step, id, body={"state": state}, writes=True)

    def _call(self, method: Any, batch: Batch, step: str, *parts: str, **more: Any) -> Call:
        path = self._client.path("jobs", "ingest", *parts)
        return Call(method, path, f"{batch.object}/bulk/{step}", repeatable=step != "upload", **more)

    def _fetch(self, call: Call) -> _Job:
        return self._client.fetch(call, _job).value


def _file(batch: Batch, rows: Sequence[Row]) -> bytes:
    """The rows as CSV. A cell that is left empty leaves its field alone."""
    names = sorted({name for row in rows for name in row.values})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_key(batch), *names])
    for row in rows:
        values = row.values
        writer.writerow(
            [row.id, *(to_cell(batch.types.get(n, "string"), values[n]) if n in values else "" for n in names)]
        )
    return text.getvalue().encode()


def _key(batch: Batch) -> str:
    return batch.key_field or "Id"


def _folded(batch: Batch, key: str) -> str:
    """A unique value without regard to case, as Salesforce compares it; an id in its long form."""
    return key.casefold() if batch.key_field else id18(key)


def _refusal(text: str) -> Any:
    """What `CODE:words:fields --` means.

    developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_failed_results.htm
    """
    code, _, rest = text.partition(":")
    words, _, names = rest.rpartition(":")
    fields = [name for part in names.replace("--", "").split(",") if (name := part.strip())]
    problem = Problem(words or rest, statusCode=code, fields=fields)
    return problem if is_about_the_record(problem) else rejected(problem)
