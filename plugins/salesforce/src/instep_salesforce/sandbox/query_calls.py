"""The query resources."""

from __future__ import annotations

import random

from instep.sandbox import Response
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.soql.execution import Result, ask

PAGE = 2_000
SMALLEST_PAGE = 200


class QueryCalls:
    """Statements, and the further pages of their answers."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [
            Operation("GET", "query", self.query, "query"),
            Operation("GET", "queryAll", self.query_all, "query.all"),
            Operation("GET", "query/{locator}", self.more, "query.more"),
            Operation("GET", "queryAll/{locator}", self.more, "query.more"),
        ]

    def query(self, call: Call) -> Response:
        """A statement about live records."""
        return self._first(call, with_deleted=False)

    def query_all(self, call: Call) -> Response:
        """A statement about live and deleted records."""
        return self._first(call, with_deleted=True)

    def _first(self, call: Call, *, with_deleted: bool) -> Response:
        text = call.request.one("q")
        if text is None:
            raise RefusedError(400, "MALFORMED_QUERY", "A query string has to be specified")
        result = ask(self._org, text, call.user, with_deleted=with_deleted, version=str(call.version))
        if result.rows is not None:
            return reply({"totalSize": result.size, "done": True, "records": result.rows})
        size = self._page_size(call)
        if result.size <= self._page(size, 0):
            return reply({"totalSize": result.size, "done": True, "records": result.show(result.ids)})
        cursor = self._org.cursors.open(call.user, self._org.now(), result.ids, result.show, size)
        return self._shown(call, cursor.id, result, 0, size)

    def _shown(self, call: Call, id: str, result: Result, start: int, size: int) -> Response:
        end = start + self._page(size, start)
        body: dict[str, object] = {"totalSize": len(result.ids), "done": end >= len(result.ids)}
        if end < len(result.ids):
            body["nextRecordsUrl"] = f"{call.base}/query/{id}-{end}"
        return reply({**body, "records": result.show(result.ids[start:end])})

    def more(self, call: Call) -> Response:
        """A further page."""
        character, cursors = self._org.personality, self._org.cursors
        cursor, start = cursors.get(call.params["locator"], call.user, self._org.now() - character.locator_life)
        cursor.read += 1
        if character.lose_locators_after is not None and cursor.read >= character.lose_locators_after:
            cursors.close(cursor.id)
        result = Result(len(cursor.ids), cursor.ids, cursor.render)
        return self._shown(call, cursor.id, result, start, cursor.page)

    def _page_size(self, call: Call) -> int:
        wanted = call.option("Sforce-Query-Options", "batchSize")
        size = PAGE if wanted is None or not wanted.isdigit() else max(SMALLEST_PAGE, min(PAGE, int(wanted)))
        return min(size, self._org.personality.page_size or size)

    def _page(self, size: int, start: int) -> int:
        """How many rows the page that begins at `start` gets."""
        if not self._org.personality.uneven_pages:
            return size
        return max(1, int(size * random.Random(start).uniform(0.05, 0.95)))  # noqa: S311 - repeatable, not secret
