"""The tables in which Salesforce remembers what records held before."""

from __future__ import annotations

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row, Value

TABLES = {"Lead": "LeadHistory", "Contact": "ContactHistory", "Opportunity": "OpportunityFieldHistory"}
_STEPS = ("Amount", "Probability", "StageName", "CloseDate", "ForecastCategory")
_DATA_TYPES = {"reference": "EntityId", "currency": "Currency", "date": "DateOnly", "boolean": "Boolean"}


def remember(org: Org, object: str, row: Row, before: Row | None, caller: Caller) -> None:
    """Write down a save: `before` holds what was replaced, None means that the record is new."""
    if object == "Opportunity":
        _remember_step(org, row, before, caller)
    if object not in TABLES:
        return
    if before is None:
        note(org, object, row, "created", caller)
        return
    for name in org.rules.tracked.get(object, ()) & before.keys():
        if before[name] != row.get(name):
            _note_change(org, object, row, name, before[name], caller)


def _note_change(org: Org, object: str, row: Row, name: str, old: Value, caller: Caller) -> None:
    new, shown = row.get(name), "Owner" if name == "OwnerId" else name
    if org.kinds[object].fields[name].type == "reference":
        note(org, object, row, shown, caller, old=_name_of(org, old), new=_name_of(org, new))
        note(org, object, row, shown, caller, old=old, new=new, type="EntityId")
        return
    kind = _DATA_TYPES.get(org.kinds[object].fields[name].type, "Text")
    note(org, object, row, shown, caller, old=old, new=new, type=kind)


def _name_of(org: Org, id: Value) -> Value:
    row = org.find(str(id)) if id else None
    return None if row is None else row.get("Name")


def note(
    org: Org,
    object: str,
    row: Row,
    field: str,
    caller: Caller,
    *,
    old: Value = None,
    new: Value = None,
    type: str = "Text",
) -> None:
    """Add one line to the field history of a record."""
    name = TABLES[object]
    line: Row = {
        "Id": org.ids.new(org.kinds[name].prefix),
        "IsDeleted": False,
        f"{object}Id": row["Id"],
        "CreatedById": caller.user,
        "CreatedDate": org.stamp(object),
        "Field": field,
        "DataType": type,
    }
    if old is not None:
        line["OldValue"] = old
    if new is not None:
        line["NewValue"] = new
    org.tables[name].insert(line)


def _remember_step(org: Org, row: Row, before: Row | None, caller: Caller) -> None:
    if before is not None and all(before.get(name, row.get(name)) == row.get(name) for name in _STEPS):
        return
    now = org.stamp("Opportunity")
    line: Row = {
        "Id": org.ids.new("008"),
        "OpportunityId": row["Id"],
        "CreatedById": caller.user,
        "CreatedDate": now,
        "SystemModstamp": now,
        "IsDeleted": False,
        **{name: row[name] for name in (*_STEPS, "ExpectedRevenue") if name in row},
    }
    table = org.tables["OpportunityHistory"]
    if before is not None:
        for name, old in (("PrevAmount", "Amount"), ("PrevCloseDate", "CloseDate")):
            if (value := before.get(old, row.get(old))) is not None:
                line[name] = value
    table.insert(line)
    marks: Row = {}
    for name, mark in (("Amount", "LastAmountChangedHistoryId"), ("CloseDate", "LastCloseDateChangedHistoryId")):
        if before is not None and before.get(name, row.get(name)) != row.get(name):
            marks[mark] = line["Id"]
    if marks:
        org.tables["Opportunity"].change(row, marks)
