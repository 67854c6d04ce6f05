"""What saving a record does to other records and to the org."""

from __future__ import annotations

from dataclasses import replace

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row

_RIGHTS = {"FieldPermissions", "PermissionSetAssignment", "PermissionSet"}


def before_save(org: Org, kind: ObjectType, given: Row, before: Row | None) -> None:
    """Refuse what only this kind of record forbids."""
    if kind.name == "FieldPermissions" and before is None:
        _require_permissible(org, given)
    if kind.name == "CampaignMemberStatus" and before is not None:
        _require_default_and_response(org, given, before)
    if kind.name == "RecordType" and given.get("SobjectType", "Lead") not in org.kinds:
        raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Sobject Type Name: bad value", "SobjectType")


def _require_default_and_response(org: Org, given: Row, before: Row) -> None:
    """Refuse a change that leaves a campaign without a default status, or without one that is a response.

    developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_campaignmemberstatus.htm
    """
    if before.get("IsDefault") and given.get("IsDefault") is False:
        raise refused("FIELD_INTEGRITY_EXCEPTION", "A campaign needs a default member status: name another one.")
    if before.get("HasResponded") and given.get("HasResponded") is False:
        table = org.tables["CampaignMemberStatus"]
        others = [table.rows[id] for id in table.holders("CampaignId", before["CampaignId"]) if id != before["Id"]]
        if not any(other.get("HasResponded") for other in others):
            message = "A campaign needs a member status that counts as a response."
            raise refused("FIELD_INTEGRITY_EXCEPTION", message)


def _require_permissible(org: Org, given: Row) -> None:
    object, _, name = str(given["Field"]).partition(".")
    kind = org.known(object)
    item = kind.find(name) if kind is not None else None
    if kind is None or item is None or kind.name != given["SobjectType"]:
        message = f"Field Name: bad value for restricted picklist field: {given['Field']}"
        raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, "Field")
    if item.required:
        message = f"You cannot deploy to a required field: {given['Field']}"
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, "Field")
    given["Field"] = f"{kind.name}.{item.name}"


def after_save(org: Org, kind: ObjectType, row: Row, before: Row | None, caller: Caller) -> None:
    """Let others know of a saved record; `before` is None for a new one."""
    if kind.name in _RIGHTS:
        org.visibility.changed()
    if kind.name == "RecordType":
        _know_record_types(org, str(row["SobjectType"]))
        if before is None:
            org.offering.write_down(org, org.kinds[str(row["SobjectType"])], str(row["Id"]))
    if kind.name == "Campaign" and before is None:
        _give_statuses(org, row, caller)
    if kind.name == "CampaignMemberStatus" and row.get("IsDefault"):
        _end_other_defaults(org, row)
    if kind.name == "CampaignMemberStatus" and before is not None and "Label" in before:
        _rename_status(org, row, before, caller)
    if kind.name == "OpportunityContactRole" and row.get("IsPrimary"):
        _end_other_primaries(org, row, caller)
    if kind.name in {"Task", "Event"}:
        _note_activity(org, row)
    if kind.name == "Opportunity" and before is None and row.get("ContactId"):
        _tie_contact(org, row, caller)


def _know_record_types(org: Org, object: str) -> None:
    """An object has a `RecordTypeId` as soon as it has record types."""
    kind = org.kinds[object]
    if "RecordTypeId" not in kind.fields:
        item = Field(name="RecordTypeId", type="reference", label="Record Type ID", refers_to=("RecordType",))
        kind.put(replace(item, createable=True, updateable=True))
    org.schema_changed(kind)


def _give_statuses(org: Org, campaign: Row, caller: Caller) -> None:
    kind, now = org.kinds["CampaignMemberStatus"], org.stamp("CampaignMemberStatus")
    for place, (label, responded) in enumerate((("Sent", False), ("Responded", True)), 1):
        org.tables[kind.name].insert(
            {
                **kind.template,
                "Id": org.ids.new(kind.prefix),
                "CampaignId": campaign["Id"],
                "Label": label,
                "SortOrder": place,
                "IsDefault": not responded,
                "HasResponded": responded,
                "CreatedDate": now,
                "CreatedById": caller.user,
                "LastModifiedDate": now,
                "LastModifiedById": caller.user,
                "SystemModstamp": now,
            }
        )


def _end_other_defaults(org: Org, status: Row) -> None:
    table = org.tables["CampaignMemberStatus"]
    for id in table.holders("CampaignId", status["CampaignId"]):
        if id != status["Id"] and table.rows[id].get("IsDefault"):
            table.change(table.rows[id], {"IsDefault": False, "SystemModstamp": org.stamp()})


def _rename_status(org: Org, status: Row, before: Row, caller: Caller) -> None:
    """Members hold the label of their status: they follow it."""
    table, now = org.tables["CampaignMember"], org.stamp("CampaignMember")
    for id in table.holders("CampaignId", status["CampaignId"]):
        if before["Label"] != status["Label"] and table.rows[id].get("Status") == before["Label"]:
            touched: Row = {"LastModifiedDate": now, "LastModifiedById": caller.user, "SystemModstamp": now}
            table.change(table.rows[id], {"Status": status["Label"], **touched})


def _end_other_primaries(org: Org, role: Row, caller: Caller) -> None:
    table, now = org.tables["OpportunityContactRole"], org.stamp("OpportunityContactRole")
    for id in table.holders("OpportunityId", role["OpportunityId"]):
        if id != role["Id"] and table.rows[id].get("IsPrimary"):
            table.change(
                table.rows[id],
                {"IsPrimary": False, "LastModifiedDate": now, "LastModifiedById": caller.user, "SystemModstamp": now},
            )


def _note_activity(org: Org, row: Row) -> None:
    day = row.get("ActivityDate")
    for name in ("WhoId", "WhatId"):
        target = org.find(str(row.get(name) or ""))
        if target is None or day is None or not row.get("IsClosed", True):
            continue
        kind = org.kind_of_id(str(target["Id"]))
        if kind is not None and str(day) > str(target.get("LastActivityDate") or ""):
            org.tables[kind.name].change(target, {"LastActivityDate": day, "SystemModstamp": org.stamp(kind.name)})


def _tie_contact(org: Org, opportunity: Row, caller: Caller) -> None:
    kind, now = org.kinds["OpportunityContactRole"], org.stamp("OpportunityContactRole")
    org.tables[kind.name].insert(
        {
            **kind.template,
            "Id": org.ids.new(kind.prefix),
            "OpportunityId": opportunity["Id"],
            "ContactId": opportunity["ContactId"],
            "IsPrimary": True,
            "CreatedDate": now,
            "CreatedById": caller.user,
            "LastModifiedDate": now,
            "LastModifiedById": caller.user,
            "SystemModstamp": now,
        }
    )
