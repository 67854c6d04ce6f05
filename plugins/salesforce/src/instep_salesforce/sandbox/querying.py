"""Working a query job."""

from __future__ import annotations

from instep_salesforce.sandbox.csvtext import cell_of, table
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.jobs import Job
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.soql.aggregation import is_aggregated
from instep_salesforce.sandbox.soql.execution import Result, ask, check
from instep_salesforce.sandbox.soql.nodes import Query, TypeOf
from instep_salesforce.sandbox.soql.parser import parse
from instep_salesforce.sandbox.soql.rendering import Renderer


def _refused(message: str) -> RefusedError:
    return RefusedError(400, "API_ERROR", message)


def object_of(text: str) -> str:
    """The object that a statement is about."""
    return _parsed(text).object


def _parsed(text: str) -> Query:
    try:
        return parse(text)
    except RefusedError as refusal:
        raise _refused(f"{refusal.code}: {refusal.message}") from None


class Querying:
    """Answers the statements of query jobs."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def require_possible(self, text: str, user: str) -> None:
        """Refuse what bulk queries cannot do.

        developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
        """
        query = _parsed(text)
        if is_aggregated(query):
            raise _refused("Aggregate functions and GROUP BY are not supported in Bulk Query")
        if query.offset:
            raise _refused("OFFSET is not supported in Bulk Query")
        if any(isinstance(column, Query) for column in query.select):
            raise _refused("Aggregate Relationship not supported in Bulk Query")
        if any(isinstance(column, TypeOf) for column in query.select):
            raise _refused("TYPEOF is not supported in Bulk Query")
        try:
            renderer = check(self._org, text, user)
        except RefusedError as refusal:
            raise _refused(f"{refusal.code}: {refusal.message}") from None
        if any(bound.item.type == "address" for _, bound in renderer.bound):
            raise _refused("Selecting compound data not supported in Bulk Query")

    def work(self, job: Job) -> None:
        """Answer when the last look comes."""
        if job.looks_left:
            return
        try:
            result = self._asked(job)
        except RefusedError as refusal:
            job.fail(f"{refusal.code} : {refusal.message}", self._org.now())
            return
        if result.renderer is not None:
            job.count, job.page = result.size, _Pages(self._org, job, result, result.renderer).page

    def _asked(self, job: Job) -> Result:
        with_deleted = job.operation == "queryAll"
        return ask(self._org, job.query, job.user, with_deleted=with_deleted, version=str(job.version))


class _Pages:
    """The results of one job as tables."""

    def __init__(self, org: Org, job: Job, result: Result, renderer: Renderer) -> None:
        self._org, self._job, self._result = org, job, result
        self._header = [name for name, _ in renderer.bound]
        self._columns = [(bound.get, cell_of(bound.item)) for _, bound in renderer.bound]

    def page(self, start: int, end: int) -> bytes:
        """Some rows below the header."""
        rows = self._org.tables[self._result.object].rows
        found = (rows[id] for id in self._result.ids[start:end] if id in rows)
        columns = self._columns
        return table(self._job, self._header, ([cell(get(row)) for get, cell in columns] for row in found))
