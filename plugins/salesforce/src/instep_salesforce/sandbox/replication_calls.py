"""Which records changed or were deleted in a span of time.

developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_getdeleted.htm
"""

from __future__ import annotations

from datetime import datetime, timedelta

from instep.sandbox import Response
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import BIN_LIFE, Org
from instep_salesforce.sandbox.schema import ObjectType
from instep_salesforce.sandbox.tables import Span
from instep_salesforce.sandbox.times import parse_moment, stamp, to_moment

UPDATES_LIFE = timedelta(days=30)
_MINUTE = timedelta(minutes=1)


class ReplicationCalls:
    """getUpdated and getDeleted."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [
            Operation("GET", "sobjects/{object}/updated", self.updated, "sobject.updated"),
            Operation("GET", "sobjects/{object}/deleted", self.deleted, "sobject.deleted"),
        ]

    def updated(self, call: Call) -> Response:
        """The ids of live records that were changed."""
        kind = self._org.kind(call.params["object"])
        start, end = self._window(call, kind, UPDATES_LIFE)
        table = self._org.tables[kind.name]
        span = Span(stamp(start), stamp(end), with_high=False)
        ids = [id for id in table.stamps.between(span, table.rows) if id not in table.bin]
        self._require_few(len(ids))
        return reply({"ids": ids, "latestDateCovered": self._covered(end)})

    def deleted(self, call: Call) -> Response:
        """The ids of deleted records, also of those that are in the recycle bin no longer."""
        kind = self._org.kind(call.params["object"])
        start, end = self._window(call, kind, BIN_LIFE)
        table = self._org.tables[kind.name]
        low, high = stamp(start), stamp(end)
        found = [(at, id) for at, id in table.deletions if low <= at < high]
        self._require_few(len(found))
        records = [{"id": id, "deletedDate": at} for at, id in sorted(found)]
        earliest = max(stamp(self._org.now() - BIN_LIFE), table.log_begins)
        return reply(
            {
                "deletedRecords": records,
                "earliestDateAvailable": earliest,
                "latestDateCovered": self._covered(end),
            }
        )

    def _window(self, call: Call, kind: ObjectType, life: timedelta) -> tuple[datetime, datetime]:
        if "SystemModstamp" not in kind.fields:
            raise RefusedError(400, "INVALID_TYPE_FOR_OPERATION", f"{kind.name} is not replicateable")
        start, end = (self._moment(call, name) for name in ("start", "end"))
        now = self._org.now()
        if end - start < _MINUTE:
            raise _bad("end date must be greater than start date by more than one minute")
        if start < now - life - _MINUTE:
            raise _bad(f"start date cannot be more than {life.days} days ago")
        return start, end

    def _moment(self, call: Call, name: str) -> datetime:
        """A parameter to the minute: seconds do not count."""
        text = (call.request.one(name) or "").replace(" ", "+")
        parsed = parse_moment(text)
        if parsed is None:
            raise _bad(f"{name} is not a date: {text}")
        return to_moment(parsed).replace(second=0)

    def _covered(self, end: datetime) -> str:
        now = self._org.now().replace(second=0, microsecond=0)
        return stamp(min(end, now) - self._org.personality.replication_lag)

    def _require_few(self, count: int) -> None:
        if count > self._org.personality.max_replicated_ids:
            raise RefusedError(400, "EXCEEDED_ID_LIMIT", "exceeded max ids limit. Try a smaller window")


def _bad(message: str) -> RefusedError:
    return RefusedError(400, "INVALID_REPLICATION_DATE", message)
