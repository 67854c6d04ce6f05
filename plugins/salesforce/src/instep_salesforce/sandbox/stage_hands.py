"""The hands of the org's admins on stages, lead statuses, processes and record types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from instep_salesforce.sandbox.callers import person
from instep_salesforce.sandbox.errors import not_found
from instep_salesforce.sandbox.metadata import processes
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.metadata.stage_sets import LeadStatuses, OpportunityStages
from instep_salesforce.sandbox.offering import PROCESSED, everything
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Value
from instep_salesforce.sandbox.writing import create

Values = list[Definition]


class StageHands:
    """What admins do in Setup about stages, and about who is offered which. What Setup refuses raises."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def _edit(self, held: OpportunityStages | LeadStatuses, change: Callable[[Values], Values]) -> None:
        """Replace the active values by what `change` makes of them."""
        with self._org.lock:
            held.replace(change(held.active()), self._org.admin)

    # --- opportunity stages ------------------------------------------------------------------------------------

    def add_stage(
        self,
        name: str,
        *,
        probability: float,
        closed: bool = False,
        won: bool = False,
        forecast: str | None = None,
        offered_by: Iterable[str] = (),
    ) -> None:
        """An admin adds an opportunity stage at the end, or brings a retired one back.

        Only the sales processes named in `offered_by` offer it.
        """
        stage = {
            "fullName": name,
            "default": False,
            "label": name,
            "closed": closed or won,
            "won": won,
            "forecastCategory": forecast or ("Closed" if won else "Omitted" if closed else "Pipeline"),
            "probability": int(probability),
        }
        self._edit(OpportunityStages(self._org), lambda values: _with(values, stage))
        self._offer_in("Opportunity", name, offered_by)

    def retire_stage(self, name: str) -> None:
        """An admin deactivates a stage; records keep it, processes offer it no more."""
        self._edit(OpportunityStages(self._org), lambda values: _without(values, name))

    def rename_stage(self, name: str, label: str) -> None:
        """An admin gives a stage another label; its API name stays."""
        self._edit(OpportunityStages(self._org), lambda values: _changed(values, name, label=label))

    def change_stage(self, name: str, **changes: object) -> None:
        """An admin changes `probability`, `forecastCategory` or `description` of a stage; no record changes."""
        self._edit(OpportunityStages(self._org), lambda values: _changed(values, name, **changes))

    def order_stages(self, names: Sequence[str]) -> None:
        """An admin puts these stages first, in this order."""
        self._edit(OpportunityStages(self._org), lambda values: _ordered(values, names))

    # --- lead statuses -----------------------------------------------------------------------------------------

    def add_lead_status(self, name: str, *, converted: bool = False, offered_by: Iterable[str] = ()) -> None:
        """An admin adds a lead status at the end; only the lead processes named in `offered_by` offer it."""
        status = {"fullName": name, "default": False, "label": name, "converted": converted}
        self._edit(LeadStatuses(self._org), lambda values: _with(values, status))
        self._offer_in("Lead", name, offered_by)

    def retire_lead_status(self, name: str) -> None:
        """An admin deactivates a lead status; leads keep it."""
        self._edit(LeadStatuses(self._org), lambda values: _without(values, name))

    def rename_lead_status(self, name: str, label: str) -> None:
        """An admin gives a lead status another label; its API name stays."""
        self._edit(LeadStatuses(self._org), lambda values: _changed(values, name, label=label))

    def order_lead_statuses(self, names: Sequence[str]) -> None:
        """An admin puts these lead statuses first, in this order."""
        self._edit(LeadStatuses(self._org), lambda values: _ordered(values, names))

    # --- what is offered ---------------------------------------------------------------------------------------

    def add_process(self, object: str, name: str, values: Iterable[str] | None = None) -> str:
        """An admin adds a sales process or lead process that offers these values, or all there are; gives its id."""
        with self._org.lock:
            kind = self._org.kind(object)
            offered = everything(self._org, kind, kind.fields[PROCESSED[kind.name]])
            if values is not None:
                offered = {value: offered[value] for value in values}
            return processes.make(self._org, kind, name, offered, self._org.admin, IsActive=True)

    def _offer_in(self, object: str, value: str, names: Iterable[str]) -> None:
        with self._org.lock:
            for name in names:
                row = processes.find(self._org, object, name)
                if row is None:
                    raise not_found()
                self._org.offering.processes[str(row["Id"])].setdefault(value, False)

    def add_record_type(self, object: str, developer_name: str, label: str, *, process: str | None = None) -> str:
        """An admin adds a record type; from then on the object has a `RecordTypeId`. Gives its id.

        It offers what there is now. One of opportunities or leads takes its stages from the process of that name;
        left out, that is a new one with all stages, named like the record type.
        """
        with self._org.lock:
            kind = self._org.kind(object)
            values: dict[str, Value] = {"Name": label, "DeveloperName": developer_name, "SobjectType": kind.name}
            if kind.name in PROCESSED:
                values["BusinessProcessId"] = self._process(kind.name, process, label)
            return create(self._org, self._org.kinds["RecordType"], {**values, "IsActive": True}, person(self._org))

    def _process(self, object: str, name: str | None, label: str) -> str:
        row = processes.find(self._org, object, label if name is None else name)
        if row is not None:
            return str(row["Id"])
        if name is not None:
            raise not_found()
        return self.add_process(object, label)

    def offer_only(self, object: str, record_type: str, field: str, values: Iterable[str]) -> None:
        """An admin lets a record type (by its id), or its process, offer only these choices of a picklist."""
        with self._org.lock:
            kind = self._org.kind(object)
            item = kind.find(field)
            if item is None:
                raise not_found()
            self._org.offering.choose(self._org, kind, item.name, record_type, values)
            self._org.schema_changed(kind)

    def stop_offering(self, object: str, record_type: str, field: str, value: str) -> None:
        """An admin takes one choice of a picklist out of a record type (by its id), or of its process."""
        with self._org.lock:
            kind = self._org.kind(object)
            offered = self._org.offering.of(self._org, kind, kind.fields[field], record_type)
            self.offer_only(object, record_type, field, [one.value for one in offered if one.value != value])


def _with(values: Values, new: Definition) -> Values:
    """The values with one more at the end, or with it in its place."""
    if any(value["fullName"] == new["fullName"] for value in values):
        return [new if value["fullName"] == new["fullName"] else value for value in values]
    return [*values, new]


def _without(values: Values, name: str) -> Values:
    _require(values, name)
    return [value for value in values if value["fullName"] != name]


def _changed(values: Values, name: str, **changes: object) -> Values:
    _require(values, name)
    return [{**value, **changes} if value["fullName"] == name else value for value in values]


def _ordered(values: Values, names: Sequence[str]) -> Values:
    for name in names:
        _require(values, name)
    places = {name: place for place, name in enumerate(names)}
    return sorted(values, key=lambda value: places.get(value["fullName"], len(places)))


def _require(values: Values, name: str) -> None:
    if all(value["fullName"] != name for value in values):
        raise not_found()
