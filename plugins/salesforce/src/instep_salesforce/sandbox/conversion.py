"""Turning a lead into an account, a contact and perhaps an opportunity.

developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_convertlead.htm
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import not_found, refused
from instep_salesforce.sandbox.histories import note
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Row
from instep_salesforce.sandbox.writing import create, save, update

_TO_ACCOUNT = {"Company": "Name", "Phone": "Phone", "Website": "Website", "Industry": "Industry", "Rating": "Rating"}
_TO_ACCOUNT |= {"AnnualRevenue": "AnnualRevenue", "NumberOfEmployees": "NumberOfEmployees"}
_TO_ACCOUNT |= {part: f"Billing{part}" for part in ("Street", "City", "State", "PostalCode", "Country")}
_TO_CONTACT = {
    name: name
    for name in (
        *("FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "Fax", "LeadSource"),
        *("HasOptedOutOfEmail", "Description"),
    )
}
_TO_CONTACT |= {part: f"Mailing{part}" for part in ("Street", "City", "State", "PostalCode", "Country")}


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a lead."""

    account: str
    contact: str
    opportunity: str | None


def convert(
    org: Org,
    lead: str,
    caller: Caller,
    *,
    account: str | None = None,
    contact: str | None = None,
    opportunity: str | None = None,
    status: str | None = None,
) -> Converted:
    """Convert a lead into new or given records; `opportunity` is the name of a new one."""
    row = org.tables["Lead"].live(lead)
    if row is None:
        raise not_found()
    if row.get("IsConverted"):
        raise refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    status = _status(org, status)
    made_account = account or (_account_of(org, contact) if contact else None)
    if made_account is None:
        made_account = create(org, org.kinds["Account"], _copied(row, _TO_ACCOUNT) | _owner(org, row), caller)
    made_contact = _contact(org, row, contact, made_account, caller)
    made_opportunity = None
    if opportunity is not None:
        made_opportunity = _opportunity(org, row, opportunity, made_account, made_contact, caller)
    _close(org, row, status, made_account, made_contact, made_opportunity, caller)
    _move(org, lead, made_contact, made_opportunity or made_account, caller)
    return Converted(made_account, made_contact, made_opportunity)


def _status(org: Org, status: str | None) -> str:
    known = [str(r["ApiName"]) for r in org.tables["LeadStatus"].all() if r["IsConverted"]]
    if status is not None and status not in known:
        raise refused("INVALID_STATUS", f"invalid convertedStatus: {status}")
    return status or known[0]


def _account_of(org: Org, contact: str) -> str | None:
    row = org.tables["Contact"].live(contact) or {}
    id = row.get("AccountId")
    return id if isinstance(id, str) else None


def _owner(org: Org, lead: Row) -> Row:
    owner = str(lead.get("OwnerId"))
    return {"OwnerId": owner} if owner.startswith(org.kinds["User"].prefix) else {}


def _copied(lead: Row, names: dict[str, str]) -> Row:
    return {there: lead[here] for here, there in names.items() if lead.get(here) is not None}


def _contact(org: Org, lead: Row, contact: str | None, account: str, caller: Caller) -> str:
    kind, wanted = org.kinds["Contact"], _copied(lead, _TO_CONTACT)
    if contact is None:
        return create(org, kind, {**wanted, "AccountId": account, **_owner(org, lead)}, caller)
    row = org.tables["Contact"].live(contact)
    if row is None:
        raise not_found()
    empty = {name: value for name, value in wanted.items() if row.get(name) is None}
    if row.get("AccountId") is None:
        empty["AccountId"] = account
    if empty:
        update(org, kind, row, empty, caller)
    return contact


def _opportunity(org: Org, lead: Row, name: str, account: str, contact: str, caller: Caller) -> str:
    stages = [row for row in org.tables["OpportunityStage"].all() if row["IsActive"] and not row["IsClosed"]]
    first = min(stages, key=lambda row: int(row["SortOrder"] or 0))
    values: Row = {
        "Name": name,
        "StageName": first["ApiName"],
        "CloseDate": (org.now() + timedelta(days=90)).date().isoformat(),
        "AccountId": account,
        "ContactId": contact,
        "LeadSource": lead.get("LeadSource"),
        **_owner(org, lead),
    }
    return create(org, org.kinds["Opportunity"], values, caller)


def _close(
    org: Org, lead: Row, status: str, account: str, contact: str, opportunity: str | None, caller: Caller
) -> None:
    changes: Row = {
        "IsConverted": True,
        "ConvertedDate": org.now().date().isoformat(),
        "ConvertedAccountId": account,
        "ConvertedContactId": contact,
        "ConvertedOpportunityId": opportunity,
        "Status": status,
        "IsUnreadByOwner": False,
    }
    save(org, org.kinds["Lead"], lead, changes, caller)
    note(org, "Lead", lead, "leadConverted", caller)


def _move(org: Org, lead: str, contact: str, what: str, caller: Caller) -> None:
    """Open activities and campaign memberships follow the person."""
    now = org.stamp("Task")
    stamps: Row = {"LastModifiedDate": now, "LastModifiedById": caller.user, "SystemModstamp": now}
    for object in ("Task", "Event"):
        table = org.tables[object]
        for id in table.holders("WhoId", lead):
            if not table.rows[id].get("IsClosed"):
                table.change(table.rows[id], {"WhoId": contact, "WhatId": what, **stamps})
    members = org.tables["CampaignMember"]
    for id in members.holders("LeadId", lead):
        changes: Row = {"ContactId": contact, "LeadOrContactId": contact, "Type": "Contact", **stamps}
        members.change(members.rows[id], changes)
