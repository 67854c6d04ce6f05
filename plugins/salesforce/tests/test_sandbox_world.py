"""What people do in the Salesforce sandbox, and what the API shows of it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from simple_salesforce.exceptions import SalesforceResourceNotFound

from instep_salesforce.sandbox import RefusedError

from .sandboxes import Opened, lead, opened, refusal

CLOSE = "2026-03-31"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


def test_people_are_unseen_by_the_log_and_named_as_authors(org: Opened) -> None:
    id = org.world.create("Lead", **lead(), AnnualRevenue=Decimal(5), Email=None)
    assert not org.sandbox.log.calls()
    row = org.sf.Lead.get(id)
    (admin,) = org.values("SELECT Id FROM User WHERE Username = 'admin@sandbox.example'")
    assert (row["CreatedById"], row["OwnerId"], row["AnnualRevenue"]) == (admin, admin, 5.0)


def test_python_dates_are_understood(org: Opened) -> None:
    id = org.world.create("Opportunity", Name="D", StageName="Prospecting", CloseDate=date(2026, 3, 31))
    org.world.add_field("Opportunity", "At__c", "DateTime")
    org.world.edit("Opportunity", id, At__c=datetime(2026, 1, 1, 12, tzinfo=UTC))
    row = org.world.read("Opportunity", id)
    assert (row["CloseDate"], row["At__c"]) == (CLOSE, "2026-01-01T12:00:00.000+0000")


def test_reading_what_is_not_there_gives_nothing(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.delete("Lead", id)
    assert org.world.read("Lead", id) is None
    assert org.world.read("Lead", "nonsense") is None
    assert [row["Id"] for row in org.world.all("Lead", deleted=True)] == [id]
    for act in (org.world.edit, org.world.delete, org.world.touch):
        with pytest.raises(RefusedError):
            act("Lead", id)


# --- loading ---------------------------------------------------------------------------------------------------


def test_many_records_can_be_loaded_at_once(org: Opened) -> None:
    people = [{"FirstName": "A", "LastName": f"L{n}", "Birthdate": date(1990, 1, 1)} for n in range(5)]
    ids = org.world.load("Contact", people)
    assert org.values("SELECT Name FROM Contact ORDER BY Id") == [f"A L{n}" for n in range(5)]
    assert org.sf.Contact.get(ids[0])["Birthdate"] == "1990-01-01"
    assert org.sf.Contact.get(ids[0])["HasOptedOutOfEmail"] is False
    (row,) = org.world.load(
        "Lead", [lead(CreatedDate=datetime(2020, 1, 1, tzinfo=UTC), SystemModstamp="2020-01-02T00:00:00Z")]
    )
    shown = org.sf.Lead.get(row)
    assert (shown["CreatedDate"][:10], shown["SystemModstamp"]) == ("2020-01-01", "2020-01-02T00:00:00.000+0000")
    assert shown["Status"] == "Open - Not Contacted"


def test_loaded_deals_follow_their_stage(org: Opened) -> None:
    deal = {"Name": "D", "StageName": "Closed Won", "CloseDate": CLOSE, "Amount": 5}
    (id,) = org.world.load("Opportunity", [deal])
    row = org.sf.Opportunity.get(id)
    assert (row["IsWon"], row["Probability"], row["ExpectedRevenue"], row["ForecastCategory"]) == (
        True,
        100.0,
        5.0,
        "Closed",
    )


def test_loading_refuses_unknown_fields_and_doubles(org: Opened) -> None:
    with pytest.raises(RefusedError, match="Nope"):
        org.world.load("Lead", [lead(Nope=1)])
    org.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
    with pytest.raises(RefusedError, match="duplicate"):
        org.world.load("Lead", [lead(Key__c="a"), lead(Key__c="A")])


def test_another_process_can_seed_look_and_reset(org: Opened) -> None:
    def control(path: str, body: object = None, method: str = "POST") -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{org.sandbox.url}/_sandbox/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return bytes(answer.read())

    ids = json.loads(control("seed", {"Lead": [lead()], "Account": [{"Name": "A"}]}))
    assert org.values("SELECT Id FROM Lead") == ids["Lead"]
    snapshot = json.loads(control("snapshot", method="GET"))
    assert [row["Name"] for row in snapshot["objects"]["Account"]] == ["A"]
    assert json.loads(control("quota", method="GET")) == {"daily": 1, "dailyLimit": 15000}
    control("clock", {"advance_seconds": 60})
    assert org.clock.now().minute == 1
    control("flush")
    control("reset")
    assert org.world.all("Lead") == []
    assert org.values("SELECT Id FROM Lead") == []


def test_the_same_seed_gives_the_same_ids() -> None:
    def first(seed: int) -> str:
        with opened(seed=seed) as org:
            return org.world.create("Lead", **lead())

    assert first(1) == first(1)
    assert first(1) != first(2)


# --- the recycle bin -------------------------------------------------------------------------------------------


def test_an_account_takes_its_children_with_it_and_brings_them_back(org: Opened) -> None:
    account = org.world.create("Account", Name="A")
    contact = org.world.create("Contact", LastName="C", AccountId=account)
    deal = org.world.create("Opportunity", Name="D", StageName="Prospecting", CloseDate=CLOSE, AccountId=account)
    role = org.world.create("OpportunityContactRole", OpportunityId=deal, ContactId=contact)
    task = org.world.create("Task", WhoId=contact)
    earlier = org.world.create("Contact", LastName="E", AccountId=account)
    org.world.delete("Contact", earlier)
    org.pass_time(hours=1)
    org.sf.Account.delete(account)
    places = {"Contact": contact, "Opportunity": deal, "OpportunityContactRole": role, "Task": task}
    for object, id in places.items():
        assert refusal(getattr(org.sf, object).get, id)[1] == "ENTITY_IS_DELETED"
    assert (
        org.values(f"SELECT SystemModstamp FROM Contact WHERE Id = '{contact}'", include_deleted=True)[0][11:13]
        == "10"
    )
    org.world.undelete("Account", account)
    for object, id in places.items():
        assert getattr(org.sf, object).get(id)["Id"] == id
    assert org.world.read("Contact", earlier) is None


def test_a_record_comes_back_as_it_was_with_a_new_stamp(org: Opened) -> None:
    id = org.world.create("Lead", **lead(Title="T"))
    org.sf.Lead.delete(id)
    org.pass_time(hours=2)
    org.world.undelete("Lead", id)
    row = org.sf.Lead.get(id)
    assert (row["Title"], row["IsDeleted"], row["SystemModstamp"][11:13]) == ("T", False, "11")
    with pytest.raises(RefusedError):
        org.world.undelete("Lead", id)


def test_a_unique_value_that_was_taken_meanwhile_stops_the_return(org: Opened) -> None:
    org.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
    first = org.world.create("Lead", **lead(Key__c="a"))
    org.world.delete("Lead", first)
    org.world.create("Lead", **lead(Key__c="a"))
    with pytest.raises(RefusedError, match="duplicate value"):
        org.world.undelete("Lead", first)
    assert org.world.read("Lead", first) is None


def test_the_bin_is_emptied_after_fifteen_days(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.delete("Lead", id)
    org.pass_time(days=14, hours=23)
    assert refusal(org.sf.Lead.get, id)[1] == "ENTITY_IS_DELETED"
    org.pass_time(hours=1)
    assert refusal(org.sf.Lead.get, id)[1] == "NOT_FOUND"
    assert org.values("SELECT Id FROM Lead", include_deleted=True) == []


def test_a_record_that_came_back_is_not_emptied(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.delete("Lead", id)
    org.pass_time(days=10)
    org.world.undelete("Lead", id)
    org.pass_time(days=4)
    org.world.delete("Lead", id)
    org.pass_time(days=2)
    assert refusal(org.sf.Lead.get, id)[1] == "ENTITY_IS_DELETED"
    org.pass_time(days=13, hours=1)
    assert refusal(org.sf.Lead.get, id)[1] == "NOT_FOUND"


def test_an_erased_record_leaves_nothing(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.erase("Lead", id)
    assert refusal(org.sf.Lead.get, id)[1] == "NOT_FOUND"
    assert org.values("SELECT Id FROM Lead", include_deleted=True) == []


# --- merging ---------------------------------------------------------------------------------------------------


def test_a_merged_record_says_where_it_went(org: Opened) -> None:
    first, second, third = (org.world.create("Contact", LastName=name) for name in "abc")
    org.pass_time(hours=1)
    assert org.world.merge("Contact", first, second) == first
    rows = org.rows(
        "SELECT Id, IsDeleted, MasterRecordId, SystemModstamp FROM Contact ORDER BY Id", include_deleted=True
    )
    late, early = "2026-01-05T10:00:00.000+0000", "2026-01-05T09:00:00.000+0000"
    assert rows == [
        {"Id": first, "IsDeleted": False, "MasterRecordId": None, "SystemModstamp": late},
        {"Id": second, "IsDeleted": True, "MasterRecordId": first, "SystemModstamp": late},
        {"Id": third, "IsDeleted": False, "MasterRecordId": None, "SystemModstamp": early},
    ]
    org.world.merge("Contact", third, first)
    chain = org.rows(
        "SELECT Id, MasterRecordId FROM Contact WHERE IsDeleted = true ORDER BY Id", include_deleted=True
    )
    assert chain == [{"Id": first, "MasterRecordId": third}, {"Id": second, "MasterRecordId": first}]


def test_children_move_to_the_master(org: Opened) -> None:
    first, second = (org.world.create("Account", Name=name) for name in "ab")
    contact = org.world.create("Contact", LastName="C", AccountId=second)
    org.world.merge("Account", first, second)
    assert org.sf.Contact.get(contact)["AccountId"] == first
    org.world.undelete("Account", second)
    assert org.sf.Contact.get(contact)["AccountId"] == first
    assert org.sf.Account.get(second)["MasterRecordId"] is None


def test_memberships_are_not_doubled_by_a_merge(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead()) for _ in range(2))
    both, one = org.world.add_campaign("Both"), org.world.add_campaign("One")
    for campaign, person in ((both, first), (both, second), (one, second)):
        org.world.create("CampaignMember", CampaignId=campaign, LeadId=person)
    org.world.merge("Lead", first, second)
    rows = org.rows("SELECT Campaign.Name, LeadId FROM CampaignMember ORDER BY Campaign.Name")
    assert [(row["Campaign"]["Name"], row["LeadId"]) for row in rows] == [("Both", first), ("One", first)]


def test_what_cannot_be_merged_is_refused(org: Opened) -> None:
    deals = [org.world.create("Opportunity", Name=n, StageName="Prospecting", CloseDate=CLOSE) for n in "ab"]
    with pytest.raises(RefusedError):
        org.world.merge("Opportunity", *deals)
    id = org.world.create("Lead", **lead())
    with pytest.raises(RefusedError):
        org.world.merge("Lead", id, id)


# --- converting ------------------------------------------------------------------------------------------------


def test_a_lead_becomes_account_contact_and_opportunity(org: Opened) -> None:
    id = org.world.create("Lead", **lead(FirstName="Emmy", Email="e@example.com", City="Göttingen", LeadSource="Web"))
    made = org.world.convert(id, opportunity="First deal")
    row = org.sf.Lead.get(id)
    assert (row["IsConverted"], row["Status"], row["ConvertedDate"]) == (True, "Closed - Converted", "2026-01-05")
    converted = tuple(row[f"Converted{name}Id"] for name in ("Account", "Contact", "Opportunity"))
    assert converted == (made.account, made.contact, made.opportunity)
    contact = org.sf.Contact.get(made.contact)
    assert (contact["Name"], contact["Email"], contact["MailingCity"]) == (
        "Emmy Noether",
        "e@example.com",
        "Göttingen",
    )
    assert contact["AccountId"] == made.account
    assert org.sf.Account.get(made.account)["Name"] == "Göttingen"
    deal = org.sf.Opportunity.get(made.opportunity)
    assert (deal["Name"], deal["StageName"], deal["AccountId"]) == ("First deal", "Prospecting", made.account)
    assert org.values("SELECT ContactId FROM OpportunityContactRole") == [made.contact]
    assert "leadConverted" in org.values("SELECT Field FROM LeadHistory")


def test_only_blanks_of_an_existing_contact_are_filled(org: Opened) -> None:
    account = org.world.create("Account", Name="Old")
    contact = org.world.create("Contact", LastName="Old name", Email="old@example.com", AccountId=account)
    id = org.world.create("Lead", **lead(Email="new@example.com", Title="Prof"))
    made = org.world.convert(id, contact=contact)
    assert (made.contact, made.account, made.opportunity) == (contact, account, None)
    row = org.sf.Contact.get(contact)
    assert (row["LastName"], row["Email"], row["Title"]) == ("Old name", "old@example.com", "Prof")
    assert len(org.world.all("Account")) == 1


def test_open_activities_and_memberships_follow_the_person(org: Opened) -> None:
    id, campaign = org.world.create("Lead", **lead()), org.world.add_campaign("Fair")
    member = org.world.create("CampaignMember", CampaignId=campaign, LeadId=id)
    waiting = org.world.create("Task", Subject="Call", WhoId=id)
    done = org.world.create("Task", Subject="Mail", WhoId=id, Status="Completed")
    made = org.world.convert(id, opportunity="D")
    row = org.sf.CampaignMember.get(member)
    assert (row["LeadId"], row["ContactId"]) == (id, made.contact)
    assert org.sf.Task.get(waiting)["WhoId"] == made.contact
    assert org.sf.Task.get(waiting)["WhatId"] == made.opportunity
    assert org.sf.Task.get(done)["WhoId"] == id


def test_a_converted_lead_is_closed_for_good(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.convert(id)
    expected = (400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    assert refusal(org.sf.Lead.update, id, {"Title": "x"}) == expected
    with pytest.raises(RefusedError):
        org.world.convert(id)
    org.behave(update_converted_leads=True)
    assert org.sf.Lead.update(id, {"Title": "x"}) == 204


def test_a_conversion_needs_a_status_that_means_it(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    with pytest.raises(RefusedError, match="convertedStatus"):
        org.world.convert(id, status="Working - Contacted")
    org.world.add_lead_status("Won over", converted=True)
    org.world.convert(id, status="Won over")
    assert org.sf.Lead.get(id)["Status"] == "Won over"


def test_a_conversion_that_fails_leaves_nothing_behind(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.add_validation_rule("Contact", lambda row: True, "No contacts today.")
    with pytest.raises(RefusedError, match="No contacts"):
        org.world.convert(id)
    assert org.world.all("Account") == []
    assert org.world.read("Lead", id)["IsConverted"] is False


# --- what changed ----------------------------------------------------------------------------------------------


def test_updated_and_deleted_ids_of_a_span(org: Opened) -> None:
    ids = [org.world.create("Lead", **lead()) for _ in range(3)]
    org.pass_time(minutes=10, seconds=30)
    start = org.clock.now()
    org.world.edit("Lead", ids[0], Title="x")
    org.world.delete("Lead", ids[1])
    org.world.delete("Lead", ids[2])
    org.world.undelete("Lead", ids[2])
    org.pass_time(minutes=5, seconds=20)
    updated = org.sf.Lead.updated(start, org.clock.now())
    assert sorted(updated["ids"]) == [ids[0], ids[2]]
    assert updated["latestDateCovered"] == "2026-01-05T09:15:00.000+0000"
    found = org.sf.Lead.deleted(start, org.clock.now())
    assert [dict(row) for row in found["deletedRecords"]] == [
        {"id": ids[1], "deletedDate": "2026-01-05T09:10:30.000+0000"}
    ]
    assert found["earliestDateAvailable"] == "2025-12-21T09:15:50.000+0000"
    org.world.erase("Lead", ids[1])
    assert len(org.sf.Lead.deleted(start, org.clock.now())["deletedRecords"]) == 1


@pytest.mark.parametrize(
    ("method", "start", "end"),
    [
        ("updated", "2025-12-01T00:00:00Z", "2026-01-05T09:00:00Z"),
        ("deleted", "2025-12-20T00:00:00Z", "2026-01-05T09:00:00Z"),
        ("updated", "2026-01-05T09:00:00Z", "2026-01-05T08:00:00Z"),
        ("updated", "2026-01-05T08:59:00Z", "2026-01-05T08:59:59Z"),
        ("updated", "", "2026-01-05T09:00:00Z"),
    ],
)
def test_a_span_that_cannot_be_is_refused(org: Opened, method: str, start: str, end: str) -> None:
    answer = org.call("GET", f"sobjects/Lead/{method}?start={start}&end={end}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_an_emptied_bin_says_from_when_on_it_knows(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead()) for _ in range(2))
    org.world.delete("Lead", first)
    org.pass_time(minutes=10)
    start = org.clock.now() - timedelta(hours=1)
    org.world.empty_bin("Lead")
    org.world.delete("Lead", second)
    org.pass_time(minutes=10)
    found = org.sf.Lead.deleted(start, org.clock.now())
    assert [row["id"] for row in found["deletedRecords"]] == [second]
    assert found["earliestDateAvailable"] == "2026-01-05T09:10:00.000+0000"
    assert refusal(org.sf.Lead.get, first)[1] == "NOT_FOUND"


def test_what_is_covered_can_lag_and_ids_can_be_too_many(org: Opened) -> None:
    for _ in range(3):
        org.world.create("Lead", **lead())
    org.pass_time(minutes=10)
    start, end = org.clock.now() - timedelta(hours=1), org.clock.now()
    org.behave(replication_lag=timedelta(minutes=7))
    assert org.sf.Lead.updated(start, end)["latestDateCovered"] == "2026-01-05T09:03:00.000+0000"
    org.behave(max_replicated_ids=2)
    assert refusal(org.sf.Lead.updated, start, end)[1] == "EXCEEDED_ID_LIMIT"


def test_setup_tables_cannot_be_deleted_from(org: Opened) -> None:
    (user, *_) = org.values("SELECT Id FROM User")
    assert refusal(org.sf.User.delete, user)[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    with pytest.raises(SalesforceResourceNotFound):
        org.sf.User.get("005000000000000AAA")
