"""The statuses that members of a campaign can have: a list for each campaign, kept in records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from instep.contract import (
    AddStage,
    ChangeStage,
    Missing,
    OrderStages,
    Outcome,
    Pipeline,
    Rejected,
    RetireStage,
    StageLimits,
    SystemStage,
    Unknown,
    Written,
)
from instep.errors import UnknownOutcomeError
from instep_salesforce import wire
from instep_salesforce.answers import Call, RefusedError
from instep_salesforce.client import SalesforceClient
from instep_salesforce.lists import count, in_use
from instep_salesforce.metadata import refusal
from instep_salesforce.queries import query_all, select
from instep_salesforce.values import is_id, quoted
from instep_salesforce.valuesets import ListChange
from instep_salesforce.wire import Record

OBJECT: Final = "CampaignMember"
_TABLE: Final = "CampaignMemberStatus"
_COLUMNS: Final = wire.Columns(
    {
        "Id": "id",
        "CampaignId": "id",
        "Campaign.Name": "string",
        "Label": "string",
        "SortOrder": "int",
        "IsDefault": "boolean",
        "HasResponded": "boolean",
    }
)
LIMITS: Final = StageLimits(
    OBJECT,
    "Status",
    ids_are_labels=True,
    label_length=40,
    details={"responded": bool, "default": bool},
)
"""developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_campaignmemberstatus.htm"""


class Campaigns:
    """The member statuses of every campaign. Members hold a status by its label."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def read(self) -> tuple[Pipeline, ...]:
        """A list for each campaign: its id, its name, and its statuses."""
        query = (
            f"SELECT {','.join(_COLUMNS)} FROM {_TABLE} WHERE IsDeleted = FALSE ORDER BY CampaignId, SortOrder, Id"  # noqa: S608
        )
        found: dict[str, list[Record]] = {}
        for row in query_all(self._client, _TABLE, _COLUMNS, query):
            found.setdefault(row["CampaignId"], []).append(row)
        return tuple(
            Pipeline(OBJECT, id, str(rows[0]["Campaign.Name"] or id), tuple(map(_stage, rows, range(len(rows)))))
            for id, rows in found.items()
        )

    def apply(self, changes: Mapping[int, ListChange]) -> dict[int, Outcome]:
        """Make changes, by their places: one call each, and one more for each status that is retired."""
        ids = list(dict.fromkeys(change.list for change in changes.values() if is_id(change.list)))
        rows = list(select(self._client, _TABLE, _COLUMNS, ids, "CampaignId", " AND IsDeleted = FALSE"))
        return {place: self._outcome(change, rows) for place, change in changes.items()}

    def _outcome(self, change: ListChange, rows: list[Record]) -> Outcome:
        own = sorted((row for row in rows if row["CampaignId"] == change.list), key=lambda row: row["SortOrder"] or 0)
        try:
            return self._change(change, own, rows)
        except UnknownOutcomeError as lost:
            return Unknown(str(lost))
        except RefusedError as refused:
            return refusal(refused)

    def _change(self, change: ListChange, own: Sequence[Record], rows: list[Record]) -> Outcome:
        match change:
            case AddStage(stage=stage):
                return self._add(change.list, stage, own, rows)
            case ChangeStage():
                return self._edit(change, own)
            case OrderStages(ids=ids):
                return self._order(change.list, ids, own)
            case RetireStage(id=id):
                return self._retire(id, own, rows)

    def _add(self, campaign: str, stage: SystemStage, own: Sequence[Record], rows: list[Record]) -> Outcome:
        label = stage.id or stage.label
        wanted = _words(stage)
        found = _named(own, label)
        if found is not None:
            return self._written(found, {n: v for n, v in wanted.items() if n != "Label" and found[n] != v and v})
        last = max((int(row["SortOrder"] or 0) for row in own), default=0)
        values = {"CampaignId": campaign, **wanted, "Label": label, "SortOrder": last + 1}
        call = Call(
            "POST",
            self._client.path("sobjects", _TABLE),
            f"{_TABLE}/create",
            body=values,
            writes=True,
            repeatable=False,
        )
        id = self._client.fetch(call, wire.made).value.id
        rows.append({**values, "Id": id})
        return Written(label, {}, created=True)

    def _edit(self, change: ChangeStage, own: Sequence[Record]) -> Outcome:
        found = _named(own, change.before.id)
        if found is None:
            return Missing()
        if change.after.label != found["Label"]:
            reason = (
                "Members hold this status by its label. Add another status, move the members, and retire this one."
            )
            return Rejected("fixed", reason, "label")
        before, after = _words(change.before), _words(change.after)
        return self._written(found, {name: value for name, value in after.items() if before[name] != value})

    def _order(self, campaign: str, ids: Sequence[str], own: Sequence[Record]) -> Outcome:
        """The named statuses in this order, in the places that they have; all others stay where they are."""
        named = [row for id in dict.fromkeys(ids) if (row := _named(own, id)) is not None]
        waiting = iter(named)
        ordered = [next(waiting) if row in named else row for row in own]
        if ordered == list(own):
            return Written(campaign, {})
        for place, row in enumerate(ordered, 1):
            self._written(row, {"SortOrder": place})
        return Written(campaign, {})

    def _retire(self, id: str, own: Sequence[Record], rows: list[Record]) -> Outcome:
        found = _named(own, id)
        if found is None:
            return Written(id, {})
        where = f"CampaignId = {quoted(found['CampaignId'])} AND Status = {quoted(found['Label'])}"
        if held := count(self._client, OBJECT, where):
            return in_use(OBJECT, id, held)
        self._send("DELETE", found, None)
        rows.remove(found)
        return Written(id, {})

    def _written(self, row: Record, values: Mapping[str, Any]) -> Outcome:
        different = {name: value for name, value in values.items() if row[name] != value}
        if different:
            self._send("PATCH", row, different)
            row.update(different)
        return Written(str(row["Label"]), {})

    def _send(self, method: Literal["PATCH", "DELETE"], row: Record, body: Mapping[str, Any] | None) -> None:
        label = f"{_TABLE}/{'update' if method == 'PATCH' else 'delete'}"
        call = Call(method, self._client.path("sobjects", _TABLE, row["Id"]), label, body=body, writes=True)
        try:
            self._client.send(call)
        except RefusedError as refused:
            if method == "PATCH" or refused.status != 404:
                raise


def _words(stage: SystemStage) -> dict[str, Any]:
    return {
        "Label": stage.label,
        "HasResponded": bool(stage.details.get("responded")),
        "IsDefault": bool(stage.details.get("default")),
    }


def _stage(row: Record, order: int) -> SystemStage:
    details = {"responded": bool(row["HasResponded"]), "default": bool(row["IsDefault"])}
    return SystemStage(str(row["Label"]), str(row["Label"]), order, details=details)


def _named(rows: Sequence[Record], label: str) -> Record | None:
    return next((row for row in rows if str(row["Label"]).casefold() == label.casefold()), None)
