"""What the org offers: versions, resources, objects, limits."""

from __future__ import annotations

from instep.sandbox import Response
from instep_salesforce.sandbox.describing import MASTER_TYPE, describe_briefly, describe_object
from instep_salesforce.sandbox.errors import not_found
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import ALLOWANCE, DAY, Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Option
from instep_salesforce.sandbox.times import to_header

_RESOURCES = {
    "tooling": "tooling",
    "query": "query",
    "queryAll": "queryAll",
    "composite": "composite",
    "limits": "limits",
    "sobjects": "sobjects",
    "jobs": "jobs",
}
_INFO = "ui-api/object-info/{object}"
_ALLOWED = {
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DataStorageMB": 5,
    "FileStorageMB": 20,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "SingleEmail": 15,
}
_SEASONS = ("Winter", "Spring", "Summer")
_FIRST = 31
_NEWEST = 68


def versions() -> list[dict[str, str]]:
    """The versions that the org speaks; three a year, the first of them in winter."""
    found = []
    for number in range(_FIRST, _NEWEST + 1):
        years, season = divmod(number - 59, 3)
        label = f"{_SEASONS[season]} '{24 + years}"
        found.append({"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"})
    return found


class DescribeCalls:
    """Descriptions and limits."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [
            Operation("GET", "", self.resources, "resources"),
            Operation("GET", "sobjects", self.all, "sobjects.list"),
            Operation("GET", "sobjects/{object}", self.basic, "sobject.basic"),
            Operation("GET", "sobjects/{object}/describe", self.describe, "sobject.describe"),
            Operation("GET", f"{_INFO}/picklist-values/{{recordType}}", self.offers, "ui.picklists"),
            Operation("GET", "limits", self.limits, "limits"),
            Operation("GET", "limits/recordCount", self.counts, "limits.counts"),
        ]

    def resources(self, call: Call) -> Response:
        """Where things are."""
        return reply({name: f"{call.base}/{path}" for name, path in _RESOURCES.items()})

    def all(self, call: Call) -> Response:
        """Every object, briefly."""
        found = [describe_briefly(kind, call.base) for kind in self._org.kinds.values()]
        return reply(
            {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sorted(found, key=lambda o: str(o["name"]))}
        )

    def basic(self, call: Call) -> Response:
        """One object, briefly."""
        kind = self._org.kind(call.params["object"])
        return reply({"objectDescribe": describe_briefly(kind, call.base), "recentItems": []})

    def describe(self, call: Call) -> Response:
        """One object with everything."""
        kind = self._org.kind(call.params["object"])
        changed = self._org.described_at(kind)
        since = call.moment("If-Modified-Since")
        headers = (("Last-Modified", to_header(changed)), ("ETag", self._tag(kind, changed)))
        if since is not None and changed <= since:
            return Response(304, headers=headers)
        return reply(describe_object(self._org, kind, call.user, call.base), headers=headers)

    def offers(self, call: Call) -> Response:
        """What a record type offers for every picklist that the user sees."""
        kind, record_type = self._org.kind(call.params["object"]), call.params["recordType"]
        row = self._org.tables["RecordType"].live(record_type)
        if record_type != MASTER_TYPE and (row is None or row["SobjectType"] != kind.name):
            raise not_found()
        hidden = self._org.visibility.hidden(call.user, kind)
        fields = [item for item in kind.fields.values() if item.is_picklist and item.name not in hidden]
        found = {item.name: self._offered(call, kind, item, record_type) for item in fields}
        return reply({"eTag": self._tag(kind, self._org.described_at(kind)), "picklistFieldValues": found})

    def _offered(self, call: Call, kind: ObjectType, item: Field, record_type: str) -> dict[str, object]:
        options = self._org.offering.of(self._org, kind, item, record_type)
        values: dict[Option, dict[str, object]] = {
            o: {"attributes": None, "label": o.label or o.value, "validFor": [], "value": o.value} for o in options
        }
        default = next((shown for option, shown in values.items() if option.default), None)
        url = f"{call.base}/{_INFO.format(object=kind.name)}/picklist-values/{record_type}/{item.name}"
        return {
            "controllerValues": {},
            "defaultValue": default,
            "eTag": "",
            "url": url,
            "values": list(values.values()),
        }

    def _tag(self, kind: ObjectType, changed: str) -> str:
        return f'"{kind.name}-{kind.version}-{changed[:19]}"'

    def limits(self, call: Call) -> Response:
        """What is allowed and what is left of it."""
        most = self._org.personality.daily_limit or ALLOWANCE
        now = self._org.now()
        jobs = self._org.jobs.since("query", now - DAY)
        used = {"DailyApiRequests": self._org.usage.used(now), "DailyBulkV2QueryJobs": jobs}
        allowed = {"DailyApiRequests": most, **_ALLOWED}
        return reply({name: {"Max": n, "Remaining": max(0, n - used.get(name, 0))} for name, n in allowed.items()})

    def counts(self, call: Call) -> Response:
        """About how many records there are."""
        names = call.request.many("sObjects") or list(self._org.kinds)
        kinds = [kind for name in names if (kind := self._org.known(name)) is not None]
        counted = (
            (kind.name, len(self._org.tables[kind.name].rows) - len(self._org.tables[kind.name].bin))
            for kind in kinds
        )
        return reply({"sObjects": [{"count": count, "name": name} for name, count in counted if count]})
