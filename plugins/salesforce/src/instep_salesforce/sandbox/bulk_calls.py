"""The resources of Bulk API 2.0."""

from __future__ import annotations

import base64
import random

from instep.sandbox import Response
from instep_salesforce.sandbox.csvtext import table
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.ingesting import Ingesting
from instep_salesforce.sandbox.jobs import DELIMITERS, ENDED, LINE_ENDINGS, Job, Outcome
from instep_salesforce.sandbox.operations import NOTHING, Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.querying import Querying, object_of
from instep_salesforce.sandbox.schema import ObjectType
from instep_salesforce.sandbox.times import stamp
from instep_salesforce.sandbox.writing import key_field

OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
QUERY_OPERATIONS = frozenset({"query", "queryAll"})
MAX_PAGE = 50_000
FAILED_IDS_FROM = 53.0


class BulkCalls:
    """Ingest and query jobs."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._ingesting, self._querying = Ingesting(org), Querying(org)
        self._random = random.Random(org.seed)  # noqa: S311 - repeatable, not secret

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        ingest, query = "jobs/ingest", "jobs/query"
        return [
            Operation("POST", ingest, self.create_ingest, "bulk.ingest.create"),
            Operation("GET", ingest, self.list_ingest, "bulk.ingest.list"),
            Operation("GET", f"{ingest}/{{id}}", self.show_ingest, "bulk.ingest.read"),
            Operation("PUT", f"{ingest}/{{id}}/batches", self.upload, "bulk.ingest.upload", body_type="text/csv"),
            Operation("PATCH", f"{ingest}/{{id}}", self.change_ingest, "bulk.ingest.close"),
            Operation("DELETE", f"{ingest}/{{id}}", self.delete_ingest, "bulk.ingest.delete"),
            Operation("GET", f"{ingest}/{{id}}/{{results}}", self.ingest_results, "bulk.ingest.results"),
            Operation("POST", query, self.create_query, "bulk.query.create", writes=False),
            Operation("GET", query, self.list_query, "bulk.query.list"),
            Operation("GET", f"{query}/{{id}}", self.show_query, "bulk.query.read"),
            Operation("PATCH", f"{query}/{{id}}", self.change_query, "bulk.query.abort", writes=False),
            Operation("DELETE", f"{query}/{{id}}", self.delete_query, "bulk.query.delete", writes=False),
            Operation("GET", f"{query}/{{id}}/results", self.query_results, "bulk.query.results"),
        ]

    # --- making ------------------------------------------------------------------------------------------------

    def create_ingest(self, call: Call) -> Response:
        """Begin a job that writes."""
        body = call.body()
        operation = str(body.get("operation"))
        if operation not in OPERATIONS:
            raise _bad("INVALIDOPERATION", f"Invalid operation: {operation}")
        kind = self._kind(str(body.get("object")))
        if operation == "hardDelete" and not self._org.personality.bulk_hard_delete:
            message = (
                "hardDelete operation requires special user profile permission, please contact your administrator"
            )
            raise _bad("FEATURENOTENABLED", message)
        if str(body.get("contentType", "CSV")) != "CSV":
            raise _bad("INVALIDJOB", f"Unsupported contentType: {body.get('contentType')}")
        job = self._new(call, "ingest", operation, kind.name, body)
        if operation == "upsert":
            name = body.get("externalIdFieldName")
            if not isinstance(name, str):
                raise _bad("INVALIDJOB", "External ID was blank for upsert")
            job.key_field = key_field(self._org, kind, name, call.user).name
        rule = body.get("assignmentRuleId")
        job.rule = None if rule is None else str(rule)
        job.work = self._ingesting.work
        return reply(self._shown(job))

    def _kind(self, name: str) -> ObjectType:
        kind = self._org.known(name)
        if kind is None or not kind.in_bulk:
            raise _bad("INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
        return kind

    def _new(self, call: Call, kind: str, operation: str, object: str, body: dict[str, object]) -> Job:
        delimiter, ending = str(body.get("columnDelimiter", "COMMA")), str(body.get("lineEnding", "LF"))
        if delimiter not in DELIMITERS or ending not in LINE_ENDINGS:
            raise _bad("INVALIDJOB", f"Invalid columnDelimiter or lineEnding: {delimiter}, {ending}")
        now = self._org.now()
        job = Job(
            id=self._org.ids.new("750"),
            kind="ingest" if kind == "ingest" else "query",
            operation=operation,
            object=object,
            user=call.user,
            version=call.version,
            made=now,
            changed=now,
            state="Open" if kind == "ingest" else "UploadComplete",
            delimiter=delimiter,
            line_ending=ending,
        )
        self._org.jobs.add(job)
        return job

    def create_query(self, call: Call) -> Response:
        """Begin a job that reads."""
        body = call.body()
        operation, text = str(body.get("operation")), body.get("query")
        if operation not in QUERY_OPERATIONS:
            raise _bad("INVALIDOPERATION", f"Invalid operation: {operation}")
        if not isinstance(text, str) or not text.strip():
            raise _bad("API_ERROR", "A query has to be specified")
        kind = self._kind(object_of(text))
        self._querying.require_possible(text, call.user)
        job = self._new(call, "query", operation, kind.name, body)
        job.query, job.closed = text, self._org.now()
        job.looks_left, job.work = self._org.personality.bulk_polls, self._querying.work
        return reply(self._shown(job))

    # --- changing ----------------------------------------------------------------------------------------------

    def upload(self, call: Call) -> Response:
        """Take in the one file of a job."""
        job = self._org.jobs.get(call.params["id"], "ingest")
        if job.state != "Open" or job.data is not None:
            raise _bad("INVALIDJOBSTATE", f"Job {job.id} is not open for data, or has its data already")
        most = self._org.personality.bulk_upload_bytes
        if len(call.request.body) > most:
            raise _bad("LIMIT_EXCEEDED", f"Uploads of more than {most} bytes are refused")
        job.data = call.request.body
        return Response(201)

    def change_ingest(self, call: Call) -> Response:
        """Close or abort a job that writes."""
        return self._change(call, self._org.jobs.get(call.params["id"], "ingest"))

    def change_query(self, call: Call) -> Response:
        """Abort a job that reads."""
        return self._change(call, self._org.jobs.get(call.params["id"], "query"))

    def _change(self, call: Call, job: Job) -> Response:
        state, now = call.body().get("state"), self._org.now()
        if state == "UploadComplete" and job.state == "Open":
            job.closed = now
            job.looks_left = self._org.personality.bulk_polls
            job.to("UploadComplete", now)
        elif state == "Aborted" and job.state not in ENDED:
            job.to("Aborted", now)
        else:
            raise _bad("INVALIDJOBSTATE", f"Job {job.id} cannot go from {job.state} to {state}")
        return reply(self._shown(job))

    def delete_ingest(self, call: Call) -> Response:
        """Forget a job that writes."""
        return self._delete(self._org.jobs.get(call.params["id"], "ingest"))

    def delete_query(self, call: Call) -> Response:
        """Forget a job that reads."""
        return self._delete(self._org.jobs.get(call.params["id"], "query"))

    def _delete(self, job: Job) -> Response:
        if job.state not in ENDED | {"UploadComplete"}:
            raise _bad("INVALIDJOBSTATE", f"Job {job.id} is {job.state} and cannot be deleted")
        self._org.jobs.drop(job)
        return NOTHING

    # --- showing -----------------------------------------------------------------------------------------------

    def list_ingest(self, call: Call) -> Response:
        """All jobs that write."""
        return self._listed(call, "ingest")

    def list_query(self, call: Call) -> Response:
        """All jobs that read."""
        return self._listed(call, "query")

    def _listed(self, call: Call, kind: str) -> Response:
        first, size = int(call.request.one("queryLocator") or 0), self._org.personality.bulk_list_page
        jobs = self._org.jobs.all(kind)
        end = first + size
        more = None if end >= len(jobs) else f"{call.base}/jobs/{kind}?queryLocator={end}"
        records = [self._shown(job) for job in jobs[first:end]]
        return reply({"done": more is None, "records": records, "nextRecordsUrl": more})

    def show_ingest(self, call: Call) -> Response:
        """How far a job is that writes."""
        return self._looked_at(self._org.jobs.get(call.params["id"], "ingest"))

    def show_query(self, call: Call) -> Response:
        """How far a job is that reads."""
        return self._looked_at(self._org.jobs.get(call.params["id"], "query"))

    def _looked_at(self, job: Job) -> Response:
        job.look(self._org.now())
        is_ingest = job.kind == "ingest"
        processed = len(job.outcomes) if is_ingest else job.count
        shown = {
            **self._shown(job),
            "jobType": "V2Ingest" if is_ingest else "V2Query",
            "retries": 0,
            "totalProcessingTime": 10 * processed,
            "numberRecordsProcessed": processed,
        }
        if is_ingest:
            failed = sum(outcome.error is not None for outcome in job.outcomes)
            shown |= {
                "numberRecordsFailed": failed,
                "apiActiveProcessingTime": 5 * processed,
                "apexProcessingTime": 0,
            }
        else:
            shown["isPkChunkingSupported"] = True
        if job.error is not None and (is_ingest or self._org.personality.bulk_query_error_text):
            shown["errorMessage"] = job.error
        return reply(shown)

    def _shown(self, job: Job) -> dict[str, object]:
        shown: dict[str, object] = {
            "id": job.id,
            "operation": job.operation,
            "object": job.object,
            "createdById": job.user,
            "createdDate": stamp(job.made),
            "systemModstamp": stamp(job.changed or job.made),
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": job.version,
            "lineEnding": job.line_ending,
            "columnDelimiter": job.delimiter,
        }
        if job.key_field is not None:
            shown["externalIdFieldName"] = job.key_field
        if job.rule is not None:
            shown["assignmentRuleId"] = job.rule
        if job.kind == "ingest" and job.state == "Open":
            shown["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
        return shown

    # --- results -----------------------------------------------------------------------------------------------

    def ingest_results(self, call: Call) -> Response:
        """What became of the rows; not in the order of the upload."""
        job, which = self._org.jobs.get(call.params["id"], "ingest"), call.params["results"].lower()
        if which not in {"successfulresults", "failedresults", "unprocessedrecords"}:
            raise RefusedError(404, "NOT_FOUND", "The requested resource does not exist")
        if job.state not in ENDED:
            raise _bad("INVALIDJOBSTATE", f"Job {job.id} has not ended: {job.state}")
        if which == "unprocessedrecords":
            return self._csv(table(job, job.header, job.waiting))
        outcomes = [outcome for outcome in job.outcomes if (outcome.error is None) == (which == "successfulresults")]
        self._random.shuffle(outcomes)
        if which == "successfulresults":
            header, rows = ["sf__Id", "sf__Created"], [_succeeded(outcome) for outcome in outcomes]
        elif job.version >= FAILED_IDS_FROM:
            header, rows = ["sf__Id", "sf__Error"], [[o.id, str(o.error), *o.row] for o in outcomes]
        else:
            header, rows = ["sf__Error"], [[str(o.error), *o.row] for o in outcomes]
        return self._csv(table(job, [*header, *job.header], rows))

    def query_results(self, call: Call) -> Response:
        """A page of what was found; every page has the header."""
        job = self._org.jobs.get(call.params["id"], "query")
        if job.state != "JobComplete" or job.page is None:
            raise _bad("INVALIDJOBSTATE", f"Job {job.id} has no results: {job.state}")
        wanted, locator = call.request.one("maxRecords"), call.request.one("locator")
        size = int(wanted) if wanted and wanted.isdigit() else MAX_PAGE
        size = max(1, min(size, self._org.personality.bulk_result_pages or MAX_PAGE))
        start = _place(locator)
        end = min(start + size, job.count)
        following = "null" if end >= job.count else _locator(end)
        headers = (("Sforce-NumberOfRecords", str(max(0, end - start))), ("Sforce-Locator", following))
        return self._csv(job.page(start, end), headers)

    def _csv(self, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        charset = "; charset=UTF-8" if self._org.personality.bulk_charset else ""
        return Response(200, body, headers, f"text/csv{charset}")


def _succeeded(outcome: Outcome) -> list[str]:
    return [outcome.id, "true" if outcome.created else "false", *outcome.row]


def _bad(code: str, message: str) -> RefusedError:
    return RefusedError(400, code, message)


def _locator(place: int) -> str:
    return base64.urlsafe_b64encode(f"p{place}".encode()).decode().rstrip("=")


def _place(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode()
        return int(text.removeprefix("p"))
    except ValueError:
        raise _bad("INVALID_QUERY_LOCATOR", "invalid query locator") from None
