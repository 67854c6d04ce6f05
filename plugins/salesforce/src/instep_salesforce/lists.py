"""Lists of stages and options: what they are now, what can be done to them, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from instep.contract import Missing, Outcome, Rejected, RetireStage, StageLimits, SystemStage
from instep.errors import AccessError
from instep_salesforce import wire
from instep_salesforce.answers import Call
from instep_salesforce.client import Component, SalesforceClient
from instep_salesforce.metadata import Metadata
from instep_salesforce.queries import query_all
from instep_salesforce.schema import Field, Schema
from instep_salesforce.values import quoted
from instep_salesforce.valuesets import (
    FORECASTS,
    SET_OF,
    SETS,
    ListChange,
    Values,
    id_of,
    is_sorted,
    values_of,
    with_values,
)
from instep_salesforce.wire import Record

STAGE: Final = "StageName"
STATUS: Final = "Status"
_SURE: Final = (("Opportunity", STAGE), ("Lead", STATUS))
_TRIES: Final = 3
_MOST: Final = {"picklist": 1000, "multipicklist": 500}
_STAGES: Final = {
    "ApiName": "string",
    "MasterLabel": "string",
    "SortOrder": "int",
    "IsActive": "boolean",
    "IsClosed": "boolean",
    "IsWon": "boolean",
    "DefaultProbability": "percent",
    "ForecastCategory": "string",
    "Description": "string",
}
_STATUSES: Final = {"ApiName": "string", "MasterLabel": "string", "SortOrder": "int", "IsConverted": "boolean"}
_HAND: Final = "Change the values of {0}.{1} in Setup > Object Manager > {0} > Fields & Relationships > {1}."


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the values of a field are kept: a component, by its type and its full name."""

    type: str
    name: str


class Lists:
    """The lists of one org. Reading them takes no more than the right to read the records."""

    def __init__(self, client: SalesforceClient, schema: Schema) -> None:
        self._client = client
        self._schema = schema
        self._metadata = Metadata(client)

    def limits(self, object: str, field: str) -> StageLimits | None:
        """What can be done to a field's list; None where it is none.

        Only of opportunities are the inactive stages told. Other values that are retired are kept as well, unseen.
        """
        known = self._schema.of(object).field(field)
        if known is None or known.type not in _MOST:
            return None
        if (object, field) == ("Opportunity", STAGE):
            return _OPPORTUNITIES
        if (object, field) == ("Lead", STATUS):
            return _LEADS
        return StageLimits(
            object,
            field,
            ids_are_labels=True,
            most_stages=_MOST[known.type] if is_custom(field) else None,
            by_hand="" if kept_in(object, field) else _HAND.format(object, field),
        )

    def now(self, object: str, field: str) -> tuple[SystemStage, ...]:
        """The stages or options of a field, the inactive last. Nothing for a field that is no list."""
        if (object, field) == ("Opportunity", STAGE):
            return self.of_opportunities()
        if (object, field) == ("Lead", STATUS):
            return self.of_leads()
        known = self._schema.read(object).field(field)
        return _options(known) if known is not None and known.type in _MOST else ()

    def of_opportunities(self) -> tuple[SystemStage, ...]:
        """Every stage. Their table is the only place that is sure to tell which are inactive.

        developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunitystage.htm
        """
        found = sorted(self._ordered("OpportunityStage", _STAGES), key=lambda record: not record["IsActive"])
        return tuple(_stage(record, order) for order, record in enumerate(found))

    def of_leads(self) -> tuple[SystemStage, ...]:
        """Lead statuses that are active. Converting a lead gives it one of them: that one closes."""
        records = enumerate(self._ordered("LeadStatus", _STATUSES))
        return tuple(_status(record, order) for order, record in records)

    def _ordered(self, object: str, types: dict[str, str]) -> list[Record]:
        query = f"SELECT {','.join(types)} FROM {object} ORDER BY SortOrder"  # noqa: S608 - constants
        return list(query_all(self._client, object, wire.Columns(types), query))

    # --- changing ----------------------------------------------------------------------------------------------

    def change(self, object: str, field: str, changes: Mapping[int, ListChange]) -> dict[int, Outcome]:
        """Make changes to one list, by their places: one reading, one writing of the whole list.

        A stage that records hold is not retired.
        """
        held = {
            change.id: outcome
            for change in changes.values()
            if isinstance(change, RetireStage) and (outcome := self._in_use(object, field, change.id)) is not None
        }
        outcomes: dict[int, Outcome] = {}

        def edit(kept: Kept, values: Values) -> None:
            for place, change in changes.items():
                outcomes[place] = _obstacle(change, kept, values, held) or values.change(change)

        failure = self.edit(object, field, edit)
        if failure is None:
            return outcomes
        return {place: _unless_refused(outcomes.get(place), failure) for place in changes}

    def edit(self, object: str, field: str, edit: Callable[[Kept, Values], None]) -> Outcome | None:
        """Read a field's list, let it be edited, and write it whole where that changed it. Gives what went wrong.

        Between reading and writing nobody can be kept from changing the list; it is as short as can be.
        """
        if not self._is_list(object, field):
            return Rejected(
                "no_list", f"The field {object}.{field} has no list of values. Check its name and its type."
            )
        kept = kept_in(object, field)
        if kept is None:
            return Rejected("by_hand", f"No API changes this. {_HAND.format(object, field)}")
        found = self._read(kept)
        if found is None:
            return Rejected("missing", f"Salesforce has no {kept.type} {kept.name}. Check the name of the field.")
        kept, component = found
        for _ in range(_TRIES):
            values = self._with_activity(object, field, kept, component)
            if values is not None:
                break
            component = self._metadata.read(kept.type, [kept.name]).get(kept.name) or component
        else:
            return Rejected("changing", f"Others are changing {kept.name} now. Run again later.", permanent=False)
        edit(kept, values)
        if not values.is_changed and not (values.is_ordered and is_sorted(kept.type, component)):
            return None
        self._schema.forget(object)
        return self._metadata.save("update", kept.type, [with_values(kept.type, component, values)]).get(kept.name)

    def _is_list(self, object: str, field: str) -> bool:
        """Whether a field has values. Of stages and statuses that is sure: nothing is read for it."""
        return (object, field) in _SURE or self.limits(object, field) is not None

    def _read(self, kept: Kept) -> tuple[Kept, Component] | None:
        """The component that has the values: a field's own, or the global set that it uses."""
        component = self._metadata.read(kept.type, [kept.name]).get(kept.name)
        shared = ((component or {}).get("valueSet") or {}).get("valueSetName")
        if shared:
            return self._read(Kept("GlobalValueSet", str(shared)))
        return (kept, component) if component is not None else None

    def _with_activity(self, object: str, field: str, kept: Kept, component: Component) -> Values | None:
        """The values, and which are inactive, which their definition may not tell.

        None where there is one that the definition does not have: it was added since, and would be lost.
        """
        given = values_of(kept.type, component)
        listed = {id_of(value) for value in given}
        stages = self._sure(object, field)
        active = {stage.id for stage in stages if stage.active}
        if not active <= listed:
            return None
        tells_all = (object, field) == ("Opportunity", STAGE)
        inactive = {stage.id for stage in stages if not stage.active} if tells_all else listed - active
        return Values(kept.name if kept.type == "StandardValueSet" else "", given, inactive)

    def _sure(self, object: str, field: str) -> tuple[SystemStage, ...]:
        """A field's list. Raises `AccessError` where the login cannot see the field: all would look inactive."""
        found = self.now(object, field)
        if not any(stage.active for stage in found):
            raise AccessError(
                f"Salesforce: the login cannot see the values of {object}.{field}. "
                "Give its user read access to that field."
            )
        return found

    # --- who holds a stage -------------------------------------------------------------------------------------

    def _in_use(self, object: str, field: str, id: str) -> Rejected | None:
        """A refusal where live records hold this stage, in any of the fields that share the list."""
        for owner, name in SETS.get(SET_OF.get((object, field), ""), ((object, field),)):
            known = self._schema.of(owner).field(name)
            if known is not None and (count := self._count(owner, known, id)):
                return in_use(owner, id, count)
        return None

    def _count(self, object: str, field: Field, id: str) -> int:
        return count(self._client, object, holding(field, id))


def count(client: SalesforceClient, object: str, where: str) -> int:
    """How many live records there are.

    developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_count.htm
    """
    query = f"SELECT COUNT() FROM {wire.identifier(object)} WHERE {where}"  # noqa: S608 - values are quoted
    call = Call("GET", client.path("query"), f"{object}/count", {"q": query})
    return client.fetch(call, wire.total).value.totalSize


def holding(field: Field, id: str) -> str:
    """The condition for live records that hold a stage."""
    name = wire.identifier(field.name)
    return f"{name} INCLUDES ({quoted(id)})" if field.type == "multipicklist" else f"{name} = {quoted(id)}"


def in_use(object: str, id: str, count: int) -> Rejected:
    """The refusal to retire a stage that records hold."""
    hold = "1 record holds" if count == 1 else f"{count} records hold"
    return Rejected("in_use", f'In {object}, {hold} "{id}". Move them to another value first.', permanent=False)


def is_custom(field: str) -> bool:
    return field.endswith("__c")


def kept_in(object: str, field: str) -> Kept | None:
    """Where a field's values are kept; None where no API changes them."""
    if is_custom(field):
        return Kept("CustomField", f"{_OWNERS.get(object, object)}.{field}")
    name = SET_OF.get((object, field))
    return Kept("StandardValueSet", name) if name is not None else None


_OWNERS: Final = {"Task": "Activity", "Event": "Activity"}
"""Tasks and events have their custom fields in common.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/customfield.htm
"""

_OPPORTUNITIES: Final = StageLimits(
    "Opportunity",
    STAGE,
    shared_list=STAGE,
    makes_pipelines=True,
    ids_are_labels=True,
    has_outcomes=True,
    keeps_retired=True,
    pipeline_label_length=80,
    details={"forecastCategory": FORECASTS, "description": str},
)
_LEADS: Final = StageLimits(
    "Lead",
    STATUS,
    ids_are_labels=True,
    details={"converted": bool},
)


def _stage(record: Record, order: int) -> SystemStage:
    share = record["DefaultProbability"]
    details = {"forecastCategory": record["ForecastCategory"], "description": record["Description"]}
    return SystemStage(
        id=_name(record),
        label=record["MasterLabel"],
        order=order,
        closed=bool(record["IsClosed"]),
        won=bool(record["IsClosed"] and record["IsWon"]),
        probability=float(share) / 100 if share is not None else None,
        details={name: value for name, value in details.items() if value},
        active=bool(record["IsActive"]),
    )


def _status(record: Record, order: int) -> SystemStage:
    converted = bool(record["IsConverted"])
    return SystemStage(
        _name(record), record["MasterLabel"], order, closed=converted, details={"converted": converted}
    )


def _options(field: Field) -> tuple[SystemStage, ...]:
    found = sorted(field.picklistValues or (), key=lambda value: not value.active)
    return tuple(
        SystemStage(one.value, one.label or one.value, order, active=one.active) for order, one in enumerate(found)
    )


def _name(record: Record) -> str:
    return str(record["ApiName"] or record["MasterLabel"])


def _obstacle(change: ListChange, kept: Kept, values: Values, held: Mapping[str, Outcome]) -> Outcome | None:
    """Why a stage that can still be chosen is not retired."""
    if not isinstance(change, RetireStage) or not values.has(change.id):
        return None
    return _shared(kept) if kept.type == "GlobalValueSet" else held.get(change.id)


def _unless_refused(outcome: Outcome | None, failure: Outcome) -> Outcome:
    """What became of one change of a list that was not written: its own refusal, or that of the list."""
    return outcome if isinstance(outcome, Rejected | Missing) else failure


def _shared(kept: Kept) -> Rejected:
    reason = (
        f"Other fields may use the global value set {kept.name} too. "
        "Deactivate the value in Setup > Picklist Value Sets."
    )
    return Rejected("shared", reason)
