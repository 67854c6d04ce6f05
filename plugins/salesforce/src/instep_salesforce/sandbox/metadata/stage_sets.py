"""The two standard value sets that have tables of their own: opportunity stages and lead statuses."""

from __future__ import annotations

from collections.abc import Sequence

from instep_salesforce.sandbox.birth import put
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.metadata import values as lists
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row, Value
from instep_salesforce.sandbox.standard.picklists import FORECASTS


class _Rows:
    """Values that are the rows of a table."""

    table = ""
    owner = ""
    field = ""

    def __init__(self, org: Org) -> None:
        self._org = org

    def _rows(self) -> list[Row]:
        """All values in their order, inactive ones last."""
        rows = self._org.tables[self.table].rows.values()
        return sorted(rows, key=lambda row: (not self._is_active(row), int(row["SortOrder"] or 0)))

    def _is_active(self, row: Row) -> bool:
        return bool(row["IsActive"])

    def shown(self) -> list[Definition]:
        """The values as the set's definition has them."""
        rows = [row for row in self._rows() if self._is_active(row) or lists.lists_inactive(self._org)]
        return [lists.as_listed(self._org, self._defined(row)) for row in rows]

    def active(self) -> list[Definition]:
        """The active values in their order."""
        return [self._defined(row) for row in self._rows() if self._is_active(row)]

    def _defined(self, row: Row) -> Definition:
        return {
            "fullName": row["ApiName"],
            "default": bool(row.get("IsDefault")),
            "isActive": self._is_active(row),
            "label": row["MasterLabel"],
        }

    def replace(self, values: Sequence[Definition], user: str) -> None:
        """Let the table have these values in this order; what is left out is inactive, and keeps its number."""
        for value in values:
            self._require_complete(value)
        lists.require_sound(values)
        self._require_possible([value for value in values if lists.is_active(value)])
        known = {str(row["ApiName"]): row for row in self._rows()}
        for place, value in enumerate(values, 1):
            row = known.pop(str(value["fullName"]), None)
            self._put(row, {**self._row(value), "SortOrder": place}, user)
        for row in known.values():
            self._put(row, {"IsActive": False, "IsDefault": self._default(on=False)}, user)
        kind = self._org.kinds[self.owner]
        self._org.offering.forget_inactive(self._org, kind.name, self.field)
        self._org.schema_changed(kind)

    def _put(self, row: Row | None, changes: Row, user: str) -> None:
        if row is None:
            put(self._org, self.table, **{**changes, "CreatedById": user, "LastModifiedById": user})
        elif any(row.get(name) != value for name, value in changes.items()):
            now = self._org.stamp(self.table)
            touched: Row = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": user}
            self._org.tables[self.table].change(row, {**changes, **touched})

    def _row(self, value: Definition) -> Row:
        active = lists.is_active(value)
        return {
            "ApiName": value["fullName"],
            "MasterLabel": lists.label_of(value),
            "IsActive": active,
            "IsDefault": self._default(on=active and bool(value["default"])),
        }

    def _default(self, *, on: bool) -> Value:
        """How a row says whether it is the default."""
        return on

    def _require_complete(self, value: Definition) -> None:
        """Refuse a value that lacks what its set needs."""

    def _require_possible(self, active: Sequence[Definition]) -> None:
        """Refuse a list that lacks what its set needs."""


def _require(value: Definition, *names: str) -> None:
    for name in names:
        if value.get(name) is None:
            message = f"Required field is missing: {name} ({value['fullName']})"
            raise refused("REQUIRED_FIELD_MISSING", message, name)


class OpportunityStages(_Rows):
    """The stages; those of records change with none of this."""

    table = "OpportunityStage"
    owner = "Opportunity"
    field = "StageName"

    def _defined(self, row: Row) -> Definition:
        return {
            **super()._defined(row),
            "description": row.get("Description"),
            "closed": bool(row["IsClosed"]),
            "forecastCategory": row["ForecastCategory"],
            "probability": int(row["DefaultProbability"] or 0),
            "won": bool(row["IsWon"]),
        }

    def _row(self, value: Definition) -> Row:
        category = str(value["forecastCategory"])
        return {
            **super()._row(value),
            "Description": value.get("description"),
            "IsClosed": bool(value["closed"]),
            "IsWon": bool(value["won"]),
            "ForecastCategory": category,
            "ForecastCategoryName": FORECASTS[category],
            "DefaultProbability": float(value["probability"]),
        }

    def _default(self, *, on: bool) -> Value:
        """Their table has no column for it: only the default itself says so."""
        return on or None

    def _require_complete(self, value: Definition) -> None:
        _require(value, "closed", "won", "probability", "forecastCategory")
        if not 0 <= value["probability"] <= 100:
            message = f"Probability: value outside of valid range on numeric field: {value['probability']}"
            raise refused("NUMBER_OUTSIDE_VALID_RANGE", message, "probability")
        if value["won"] and not value["closed"]:
            message = f"A stage that is won must be closed: {value['fullName']}"
            raise refused("FIELD_INTEGRITY_EXCEPTION", message, "closed")

    def _require_possible(self, active: Sequence[Definition]) -> None:
        outcomes = {bool(value["won"]) for value in active if value["closed"]}
        if self._org.personality.needs_won_and_lost and outcomes != {True, False}:
            message = "There must be at least one Closed/Won and one Closed/Lost opportunity stage"
            raise refused("FIELD_INTEGRITY_EXCEPTION", message)


class LeadStatuses(_Rows):
    """The statuses of leads. Their table has only those that are active."""

    table = "LeadStatus"
    owner = "Lead"
    field = "Status"

    def _rows(self) -> list[Row]:
        return [*super()._rows(), *self._org.retired_statuses.values()]

    def _is_active(self, row: Row) -> bool:
        return str(row["ApiName"]) not in self._org.retired_statuses

    def _put(self, row: Row | None, changes: Row, user: str) -> None:
        """Keep inactive ones beside the table."""
        active, table = changes.pop("IsActive"), self._org.tables[self.table]
        if row is not None and not self._is_active(row):
            table.insert(self._org.retired_statuses.pop(str(row["ApiName"])))
        super()._put(row, changes, user)
        if not active:
            name = str((row or changes)["ApiName"])
            (retired,) = (one for one in table.all() if one["ApiName"] == name)
            table.remove(str(retired["Id"]))
            self._org.retired_statuses[name] = retired

    def _defined(self, row: Row) -> Definition:
        return {**super()._defined(row), "converted": bool(row["IsConverted"])}

    def _row(self, value: Definition) -> Row:
        return {**super()._row(value), "IsConverted": bool(value["converted"])}

    def _require_complete(self, value: Definition) -> None:
        _require(value, "converted")

    def _require_possible(self, active: Sequence[Definition]) -> None:
        if not any(value["converted"] for value in active):
            raise refused("FIELD_INTEGRITY_EXCEPTION", "At least one lead status must be a converted status")
