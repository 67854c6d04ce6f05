"""Reads the stages of opportunities and the statuses of leads."""

from __future__ import annotations

from typing import Final

from instep.contract import Pipeline, SystemStage
from instep_salesforce import wire
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import query_all
from instep_salesforce.schema import Schema
from instep_salesforce.wire import Record

STAGE: Final = "StageName"
STATUS: Final = "Status"
_STAGES: Final = {
    "ApiName": "string",
    "MasterLabel": "string",
    "SortOrder": "int",
    "IsActive": "boolean",
    "IsClosed": "boolean",
    "IsWon": "boolean",
    "DefaultProbability": "percent",
}
_STATUSES: Final = {"ApiName": "string", "MasterLabel": "string", "SortOrder": "int", "IsConverted": "boolean"}


class SalesforceStages:
    """One pipeline for each record type of opportunities, or one named `StageName`; and one of lead statuses.

    Salesforce does not tell cheaply which stages a record type offers, and takes any of them: each pipeline has all
    that are active.
    """

    def __init__(self, client: SalesforceClient, schema: Schema) -> None:
        self._client = client
        self._schema = schema

    def read(self) -> tuple[Pipeline, ...]:
        """Every pipeline in use. The ids of stages are their API names, which records hold.

        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunitystage.htm
        """
        return (*self._of_opportunities(), self._of_leads())

    def _of_opportunities(self) -> list[Pipeline]:
        found = self._ordered("OpportunityStage", _STAGES)
        stages = tuple(_stage(record, order) for order, record in enumerate(r for r in found if r["IsActive"]))
        types = [found for found in self._schema.of("Opportunity").record_types if found.active]
        if not types:
            return [Pipeline("Opportunity", STAGE, "Opportunity stages", stages)]
        return [Pipeline("Opportunity", found.developerName, found.name, stages) for found in types]

    def _of_leads(self) -> Pipeline:
        """Lead statuses. One of them is given by converting the lead: that one closes."""
        records = enumerate(self._ordered("LeadStatus", _STATUSES))
        stages = (
            SystemStage(_name(r), r["MasterLabel"], order, closed=bool(r["IsConverted"])) for order, r in records
        )
        return Pipeline("Lead", STATUS, "Lead status", tuple(stages))

    def _ordered(self, object: str, types: dict[str, str]) -> list[Record]:
        query = f"SELECT {','.join(types)} FROM {object} ORDER BY SortOrder"  # noqa: S608 - constants
        return list(query_all(self._client, object, wire.Columns(types), query))


def _stage(record: Record, order: int) -> SystemStage:
    share = record["DefaultProbability"]
    return SystemStage(
        id=_name(record),
        label=record["MasterLabel"],
        order=order,
        closed=bool(record["IsClosed"]),
        won=bool(record["IsClosed"] and record["IsWon"]),
        probability=float(share) / 100 if share is not None else None,
    )


def _name(record: Record) -> str:
    return str(record["ApiName"] or record["MasterLabel"])
