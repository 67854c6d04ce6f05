"""What Salesforce fills in by itself when a record is saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row, Value
from instep_salesforce.sandbox.standard.campaigns import COPIED
from instep_salesforce.sandbox.standard.picklists import FORECASTS
from instep_salesforce.sandbox.times import stamp, to_moment

Derive = Callable[[Org, Row, Row], Row]


def derive(org: Org, object: str, given: Row, before: Row) -> Row:
    """What follows from `given` for a record that held `before` (nothing, if it is new)."""
    rule = _DERIVE.get(object)
    return {} if rule is None else rule(org, given, before)


def held(given: Row, before: Row, name: str) -> Value:
    """What a record will hold."""
    return given[name] if name in given else before.get(name)


def _name(org: Org, given: Row, before: Row) -> Row:
    if "FirstName" not in given and "LastName" not in given:
        return {}
    parts = (held(given, before, "FirstName"), held(given, before, "LastName"))
    return {"Name": " ".join(str(part) for part in parts if part)}


def _lead(org: Org, given: Row, before: Row) -> Row:
    extra = _name(org, given, before)
    if not held(given, before, "Status"):
        extra["Status"] = _first_status(org)
    return extra


def _first_status(org: Org) -> Value:
    """The status of a new lead: the default one, or the first where none is."""
    rows = org.tables["LeadStatus"].rows.values()
    return min(rows, key=lambda row: (not row.get("IsDefault"), int(row["SortOrder"] or 0)))["ApiName"]


def stage_row(org: Org, name: Value) -> Row | None:
    """The definition of a stage, retired or not."""
    stages = org.tables["OpportunityStage"].rows.values()
    return next((row for row in stages if row["ApiName"] == name), None)


def _opportunity(org: Org, given: Row, before: Row) -> Row:
    """developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunity.htm"""
    extra: Row = {}
    if "StageName" in given and (not before or given["StageName"] != before.get("StageName")):
        extra |= _of_stage(org, given)
        extra["LastStageChangeDate"] = org.stamp("Opportunity") if before else None
    if given.get("ForecastCategoryName") is not None:
        names = {label: value for value, label in FORECASTS.items()}
        extra["ForecastCategory"] = names.get(str(given["ForecastCategoryName"]))
    now = {**before, **extra, **given}
    amount, probability = now.get("Amount"), now.get("Probability")
    if isinstance(amount, int | float) and isinstance(probability, int | float):
        extra["ExpectedRevenue"] = round(amount * probability / 100, 2)
    else:
        extra["ExpectedRevenue"] = None
    if given.get("CloseDate"):
        closes = date.fromisoformat(str(given["CloseDate"]))
        quarter = (closes.month + 2) // 3
        extra |= {"FiscalYear": closes.year, "FiscalQuarter": quarter, "Fiscal": f"{closes.year} {quarter}"}
    return extra


def _of_stage(org: Org, given: Row) -> Row:
    stage = stage_row(org, given["StageName"]) or {}
    forecast = str(stage.get("ForecastCategory", "Omitted"))
    extra: Row = {"IsClosed": stage.get("IsClosed", False), "IsWon": stage.get("IsWon", False)}
    if given.get("Probability") is None:
        extra["Probability"] = stage.get("DefaultProbability", 0.0)
    if given.get("ForecastCategoryName") is None:
        extra |= {"ForecastCategory": forecast, "ForecastCategoryName": FORECASTS[forecast]}
    return extra


def member_statuses(org: Org, campaign: Value) -> list[Row]:
    """What the members of a campaign can be, in order."""
    table = org.tables["CampaignMemberStatus"]
    rows = [table.rows[id] for id in table.holders("CampaignId", campaign)]
    return sorted(rows, key=lambda row: int(row.get("SortOrder") or 0))


def _member(org: Org, given: Row, before: Row) -> Row:
    extra: Row = {}
    person = held(given, before, "ContactId") or held(given, before, "LeadId")
    if bool(held(given, before, "LeadId")) + bool(held(given, before, "ContactId")) != 1 and not before:
        raise refused("FIELD_INTEGRITY_EXCEPTION", "A campaign member is either a lead or a contact.")
    statuses = member_statuses(org, held(given, before, "CampaignId"))
    status = held(given, before, "Status")
    if not status:
        status = extra["Status"] = next((row["Label"] for row in statuses if row.get("IsDefault")), "Sent")
    known = {str(row["Label"]).lower(): row for row in statuses}.get(str(status).lower())
    if known is None and org.personality.unknown_member_status == "refuse":
        message = f"Status: bad value for restricted picklist field: {status}"
        raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, "Status")
    responded = bool(known and known.get("HasResponded"))
    extra["HasResponded"] = responded
    if responded and not before.get("FirstRespondedDate"):
        extra["FirstRespondedDate"] = org.stamp("CampaignMember")[:10]
    if not before:
        extra |= _of_person(org, str(person))
    return extra


def _of_person(org: Org, id: str) -> Row:
    row = org.find(id) or {}
    is_lead = id.startswith("00Q")
    extra: Row = {name: row.get(name) for name in COPIED}
    extra |= {
        "Type": "Lead" if is_lead else "Contact",
        "LeadOrContactId": id,
        "LeadOrContactOwnerId": row.get("OwnerId"),
        "HasOptedOutOfEmail": row.get("HasOptedOutOfEmail", False),
    }
    account = org.tables["Account"].live(str(row.get("AccountId") or ""))
    extra["CompanyOrAccount"] = row.get("Company") if is_lead else (account or {}).get("Name")
    return extra


def _task(org: Org, given: Row, before: Row) -> Row:
    closed = held(given, before, "Status") == "Completed"
    extra: Row = {"IsClosed": closed, "IsHighPriority": held(given, before, "Priority") == "High"}
    if not closed:
        extra["CompletedDateTime"] = None
    elif not before.get("CompletedDateTime"):
        extra["CompletedDateTime"] = org.stamp("Task")
    return extra | _of_activity(org, given, before)


def _of_activity(org: Org, given: Row, before: Row) -> Row:
    who, what = held(given, before, "WhoId"), held(given, before, "WhatId")
    if org.personality.lead_excludes_what and str(who or "").startswith("00Q") and what:
        message = "WhatId: a lead cannot be related to another record"
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, "WhatId")
    if isinstance(what, str) and what.startswith("001"):
        return {"AccountId": what}
    owner = org.find(str(what or who or "")) or {}
    return {"AccountId": owner.get("AccountId")}


def _event(org: Org, given: Row, before: Row) -> Row:
    now = {**before, **given}
    extra = _of_activity(org, given, before)
    if now.get("IsAllDayEvent"):
        day = now.get("ActivityDate") or str(now.get("StartDateTime") or "")[:10]
        if not day:
            raise refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDate]", "ActivityDate")
        return extra | {"ActivityDate": day, "EndDate": day, "StartDateTime": f"{day}T00:00:00.000+0000"}
    start = now.get("StartDateTime") or now.get("ActivityDateTime")
    length = _length(given, now, start)
    if not isinstance(start, str) or length is None:
        names = ("StartDateTime", "EndDateTime") if not start else ("EndDateTime",)
        raise refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", *names)
    if length < timedelta(0):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "End date must be after start date.", "EndDateTime")
    end = stamp(to_moment(start) + length)
    return extra | {
        "StartDateTime": start,
        "ActivityDateTime": start,
        "ActivityDate": start[:10],
        "EndDateTime": end,
        "EndDate": end[:10],
        "DurationInMinutes": int(length.total_seconds() // 60),
    }


def _length(given: Row, now: Row, start: Value) -> timedelta | None:
    minutes, end = now.get("DurationInMinutes"), now.get("EndDateTime")
    if isinstance(end, str) and start and ("EndDateTime" in given or "DurationInMinutes" not in given):
        return to_moment(end) - to_moment(str(start))
    return timedelta(minutes=minutes) if isinstance(minutes, int) else None


def _permission_set(org: Org, given: Row, before: Row) -> Row:
    return {} if before else {"IsCustom": True, "Type": "Regular"}


def _assigned(org: Org, given: Row, before: Row) -> Row:
    return {"IsActive": True}


def _field_permission(org: Org, given: Row, before: Row) -> Row:
    return {"PermissionsRead": True} if given.get("PermissionsEdit") else {}


_DERIVE: dict[str, Derive] = {
    "Lead": _lead,
    "Contact": _name,
    "Individual": _name,
    "User": _name,
    "Opportunity": _opportunity,
    "CampaignMember": _member,
    "Task": _task,
    "Event": _event,
    "PermissionSet": _permission_set,
    "PermissionSetAssignment": _assigned,
    "FieldPermissions": _field_permission,
}
