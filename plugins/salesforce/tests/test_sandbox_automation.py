"""What the Salesforce sandbox fills in by itself: deals, campaigns, activities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .sandboxes import Opened, lead, opened, refusal

CLOSE = "2026-03-31"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


# --- opportunities ---------------------------------------------------------------------------------------------


def deal(org: Opened, **fields: object) -> str:
    return str(
        org.sf.Opportunity.create({"Name": "D", "StageName": "Prospecting", "CloseDate": CLOSE, **fields})["id"]
    )


def of_deal(org: Opened, id: str, *names: str) -> tuple[Any, ...]:
    row = org.sf.Opportunity.get(id)
    return tuple(row[name] for name in names)


DERIVED = ("Probability", "ForecastCategory", "ForecastCategoryName", "IsClosed", "IsWon", "ExpectedRevenue")


def test_a_stage_says_what_follows_from_it(org: Opened) -> None:
    id = deal(org, Amount=200)
    assert of_deal(org, id, *DERIVED) == (10.0, "Pipeline", "Pipeline", False, False, 20.0)
    assert of_deal(org, id, "LastStageChangeDate", "FiscalYear", "FiscalQuarter") == (None, 2026, 1)
    org.pass_time(hours=1)
    org.sf.Opportunity.update(id, {"StageName": "Closed Won"})
    assert of_deal(org, id, *DERIVED) == (100.0, "Closed", "Closed", True, True, 200.0)
    assert of_deal(org, id, "LastStageChangeDate") == ("2026-01-05T10:00:00.000+0000",)
    org.sf.Opportunity.update(id, {"StageName": "Closed Lost", "Amount": None})
    assert of_deal(org, id, *DERIVED) == (0.0, "Omitted", "Omitted", True, False, None)


def test_what_is_sent_with_a_stage_is_kept(org: Opened) -> None:
    id = deal(org, Probability=35, ForecastCategoryName="Commit")
    assert of_deal(org, id, "Probability", "ForecastCategory") == (35.0, "Forecast")
    org.sf.Opportunity.update(id, {"StageName": "Qualification", "Probability": 42})
    assert of_deal(org, id, "Probability", "ForecastCategoryName") == (42.0, "Pipeline")


def test_an_unknown_stage_is_accepted_and_means_nothing(org: Opened) -> None:
    assert of_deal(org, deal(org, StageName="Half way"), *DERIVED[:5]) == (0.0, "Omitted", "Omitted", False, False)


def test_stages_are_a_table_that_cannot_be_written(org: Opened) -> None:
    org.world.add_stage("Research", probability=5)
    org.world.retire_stage("Qualification")
    rows = org.rows("SELECT ApiName, IsActive, DefaultProbability FROM OpportunityStage ORDER BY SortOrder")
    assert rows[0] == {"ApiName": "Prospecting", "IsActive": True, "DefaultProbability": 10.0}
    assert rows[1]["IsActive"] is False
    assert rows[-1] == {"ApiName": "Research", "IsActive": True, "DefaultProbability": 5.0}
    described = {field["name"]: field for field in org.sf.Opportunity.describe()["fields"]}
    offered = [option["value"] for option in described["StageName"]["picklistValues"]]
    assert ("Qualification" in offered, offered[-1]) == (False, "Research")
    assert refusal(org.sf.OpportunityStage.create, {"MasterLabel": "x"})[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    id = deal(org, StageName="Qualification")
    assert of_deal(org, id, "Probability") == (10.0,)


def test_every_step_of_a_deal_is_remembered(org: Opened) -> None:
    id = deal(org, Amount=100)
    org.pass_time(hours=1)
    org.sf.Opportunity.update(id, {"NextStep": "call"})
    org.sf.Opportunity.update(id, {"StageName": "Closed Won", "Amount": 150})
    names = "StageName, Amount, PrevAmount, Probability"
    where = f"OpportunityId = '{id}' ORDER BY Id"
    assert org.rows(f"SELECT {names} FROM OpportunityHistory WHERE {where}") == [
        {"StageName": "Prospecting", "Amount": 100.0, "PrevAmount": None, "Probability": 10.0},
        {"StageName": "Closed Won", "Amount": 150.0, "PrevAmount": 100.0, "Probability": 100.0},
    ]
    fields = org.rows("SELECT Field, OldValue, NewValue FROM OpportunityFieldHistory ORDER BY Id")
    assert fields[0] == {"Field": "created", "OldValue": None, "NewValue": None}
    assert {"Field": "StageName", "OldValue": "Prospecting", "NewValue": "Closed Won"} in fields
    assert {"Field": "Amount", "OldValue": 100.0, "NewValue": 150.0} in fields
    assert len(fields) == 3


def test_a_new_owner_is_remembered_by_name_and_by_id(org: Opened) -> None:
    org.world.track("Lead", "OwnerId")
    user = org.world.add_user("Emmy Noether", "emmy@sandbox.example")
    id = org.sf.Lead.create(lead())["id"]
    org.sf.Lead.update(id, {"OwnerId": user, "Status": "Working - Contacted"})
    rows = org.rows("SELECT Field, NewValue FROM LeadHistory WHERE Field != 'created' ORDER BY Id")
    assert rows == [{"Field": "Owner", "NewValue": "Emmy Noether"}, {"Field": "Owner", "NewValue": user}]


# --- campaigns and activities ----------------------------------------------------------------------------------


def test_a_campaign_begins_with_two_statuses(org: Opened) -> None:
    campaign = org.sf.Campaign.create({"Name": "Fair"})["id"]
    rows = org.rows(
        f"SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus WHERE CampaignId = '{campaign}'"
    )
    assert rows == [
        {"Label": "Sent", "IsDefault": True, "HasResponded": False},
        {"Label": "Responded", "IsDefault": False, "HasResponded": True},
    ]
    org.sf.CampaignMemberStatus.create(
        {"CampaignId": campaign, "Label": "Invited", "IsDefault": True, "SortOrder": 3}
    )
    assert org.values("SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true") == ["Invited"]
    default, responded = (
        org.values(f"SELECT Id FROM CampaignMemberStatus WHERE Label = '{label}'")[0]
        for label in ("Invited", "Responded")
    )
    assert refusal(org.sf.CampaignMemberStatus.delete, default)[1] == "FIELD_INTEGRITY_EXCEPTION"
    assert refusal(org.sf.CampaignMemberStatus.delete, responded)[1] == "FIELD_INTEGRITY_EXCEPTION"
    sent = org.values("SELECT Id FROM CampaignMemberStatus WHERE Label = 'Sent'")[0]
    assert org.sf.CampaignMemberStatus.delete(sent) == 204


def test_a_member_responds_by_its_status(org: Opened) -> None:
    campaign, person = org.world.add_campaign("Fair"), org.world.create("Lead", **lead(Email="e@example.com"))
    id = org.sf.CampaignMember.create({"CampaignId": campaign, "LeadId": person})["id"]
    row = org.sf.CampaignMember.get(id)
    assert (row["Status"], row["HasResponded"], row["FirstRespondedDate"]) == ("Sent", False, None)
    assert (row["Email"], row["Type"], row["LeadOrContactId"]) == ("e@example.com", "Lead", person)
    org.sf.CampaignMember.update(id, {"Status": "Responded"})
    row = org.sf.CampaignMember.get(id)
    assert (row["HasResponded"], row["FirstRespondedDate"]) == (True, "2026-01-05")


def test_a_person_is_a_member_once_and_either_lead_or_contact(org: Opened) -> None:
    campaign, person = org.world.add_campaign("Fair"), org.world.create("Lead", **lead())
    contact = org.world.create("Contact", LastName="C")
    both = {"CampaignId": campaign, "LeadId": person, "ContactId": contact}
    assert refusal(org.sf.CampaignMember.create, both)[1] == "FIELD_INTEGRITY_EXCEPTION"
    assert refusal(org.sf.CampaignMember.create, {"CampaignId": campaign})[1] == "FIELD_INTEGRITY_EXCEPTION"
    member = org.sf.CampaignMember.create({"CampaignId": campaign, "LeadId": person})["id"]
    again = refusal(org.sf.CampaignMember.create, {"CampaignId": campaign, "LeadId": person})
    assert again == (400, "DUPLICATE_VALUE", "Already a campaign member.")
    assert refusal(org.sf.CampaignMember.update, member, {"LeadId": person})[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert org.sf.CampaignMember.create({"CampaignId": campaign, "ContactId": contact})["success"]


@pytest.mark.parametrize(
    ("setting", "code"), [("accept", None), ("refuse", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")]
)
def test_a_status_that_the_campaign_lacks(org: Opened, setting: str, code: str | None) -> None:
    org.behave(unknown_member_status=setting)
    fields = {"CampaignId": org.world.add_campaign("F"), "LeadId": org.world.create("Lead", **lead()), "Status": "?"}
    if code is None:
        assert org.sf.CampaignMember.create(fields)["success"]
    else:
        assert refusal(org.sf.CampaignMember.create, fields)[1] == code


def test_one_contact_of_a_deal_is_primary(org: Opened) -> None:
    id, first, second = deal(org), *(org.world.create("Contact", LastName=name) for name in "ab")
    for contact in (first, second):
        org.sf.OpportunityContactRole.create({"OpportunityId": id, "ContactId": contact, "IsPrimary": True})
    assert org.values("SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true") == [second]


def test_a_task_is_closed_by_its_status(org: Opened) -> None:
    person = org.world.create("Contact", LastName="C", AccountId=org.world.create("Account", Name="A"))
    id = org.sf.Task.create({"Subject": "Call", "WhoId": person, "ActivityDate": "2026-01-04"})["id"]
    row = org.sf.Task.get(id)
    assert (row["Status"], row["Priority"], row["IsClosed"]) == ("Not Started", "Normal", False)
    assert row["AccountId"] == org.sf.Contact.get(person)["AccountId"]
    org.sf.Task.update(id, {"Status": "Completed"})
    assert org.sf.Task.get(id)["CompletedDateTime"] == "2026-01-05T09:00:00.000+0000"
    assert org.sf.Contact.get(person)["LastActivityDate"] == "2026-01-04"


def test_a_lead_excludes_other_relations(org: Opened) -> None:
    fields = {"WhoId": org.world.create("Lead", **lead()), "WhatId": org.world.create("Account", Name="A")}
    assert refusal(org.sf.Task.create, fields)[1] == "FIELD_INTEGRITY_EXCEPTION"
    org.behave(lead_excludes_what=False)
    assert org.sf.Task.create(fields)["success"]


@pytest.mark.parametrize(
    "fields",
    [
        {"StartDateTime": "2026-01-06T10:00:00Z", "EndDateTime": "2026-01-06T11:30:00Z"},
        {"StartDateTime": "2026-01-06T10:00:00Z", "DurationInMinutes": 90},
    ],
)
def test_an_event_has_a_length(org: Opened, fields: dict[str, object]) -> None:
    row = org.sf.Event.get(org.sf.Event.create({"Subject": "Meeting", **fields})["id"])
    assert (row["DurationInMinutes"], row["EndDateTime"]) == (90, "2026-01-06T11:30:00.000+0000")
    assert row["ActivityDate"] == "2026-01-06"


def test_an_event_without_a_time_is_none(org: Opened) -> None:
    assert refusal(org.sf.Event.create, {"Subject": "x"})[1] == "REQUIRED_FIELD_MISSING"
    assert refusal(org.sf.Event.create, {"IsAllDayEvent": True})[1] == "REQUIRED_FIELD_MISSING"
    assert org.sf.Event.create({"IsAllDayEvent": True, "ActivityDate": "2026-01-06"})["success"]
    backwards = {"StartDateTime": "2026-01-06T10:00:00Z", "EndDateTime": "2026-01-06T09:00:00Z"}
    assert refusal(org.sf.Event.create, backwards)[1] == "FIELD_INTEGRITY_EXCEPTION"
