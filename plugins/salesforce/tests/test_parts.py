import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from instep.contract import (
    BehaviourGone,
    BehaviourSeen,
    FieldSpec,
    Option,
    Rejected,
    SystemField,
    SystemOwner,
    Unknown,
    Written,
)
from instep.errors import AccessError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import is_sentence
from instep_salesforce.sandbox import STATIC_TOKEN, USERNAME

HOUR = timedelta(hours=1)
STAMP = {"StageName": "Prospecting", "CloseDate": "2026-03-01"}


def labels(bench: Workbench) -> list[str]:
    return [sent.label for sent in bench.transport.sent]


# --- who we are ------------------------------------------------------------------------------------------------


def test_check_costs_one_call_beside_the_login_and_tells_org_and_user(bench: Workbench) -> None:
    info = bench.connection.check()
    assert labels(bench) == ["oauth/token", "check"]
    assert len(info.org) == 18
    assert info.org.startswith("00D")
    assert info.org_name
    assert info.user == USERNAME
    assert info.calls_left_today is not None
    bench.connection.check()
    assert labels(bench) == ["oauth/token", "check", "check"]


def test_check_tells_salesforces_own_time(bench: Workbench) -> None:
    bench.clock.advance(HOUR)
    assert bench.connection.check().now == bench.clock.now()


def test_a_sandbox_org_is_called_one(bench: Workbench) -> None:
    assert "(sandbox)" not in bench.connection.check().org_name
    bench.behave(is_sandbox=True)
    assert bench.connection.check().org_name.endswith("(sandbox)")


def test_a_ready_token_does_not_say_whose_it_is(bench: Workbench) -> None:
    settings = bench.settings(access_token=STATIC_TOKEN, client_id=None, client_secret=None)
    info = bench.connect(settings).check()
    assert (info.user, len(info.org)) == ("", 18)


@pytest.mark.parametrize("form", ["short", "per_app", "bursts"])
def test_calls_left_are_told_in_every_form(bench: Workbench, form: str) -> None:
    bench.behave(limit_info=form, daily_limit=100)
    first, second = (bench.connection.check().calls_left_today for _ in range(2))
    assert first is not None
    assert second is not None
    assert 90 < second < first < 100


@pytest.mark.parametrize(
    ("scope", "missing"), [("api refresh_token", set()), ("full", set()), ("id", {"api"}), ("", set())]
)
def test_a_missing_scope_is_told(server: Any, scope: str, missing: set[str]) -> None:
    from instep_salesforce.account import check

    rows = {
        "body": {"records": [{"Id": "00D000000000001", "Name": "Acme"}]},
        "httpStatusCode": 200,
        "referenceId": "org",
    }
    server.say((200, {"access_token": "t", "scope": scope}), (200, {"compositeResponse": [rows]}))
    info = check(server.client())
    assert (info.org, info.missing, info.user, info.currency) == ("00D000000000001EAA", missing, "", None)


def test_the_corporate_currency_is_told_where_there_are_several(server: Any) -> None:
    from instep_salesforce.account import check

    def part(name: str, **row: str) -> dict[str, object]:
        return {"body": {"records": [row]}, "httpStatusCode": 200, "referenceId": name}

    parts = [part("org", Id="00D000000000001"), part("currency", IsoCode="EUR"), part("user", Username="bot@acme")]
    server.say((200, []), (200, {"compositeResponse": parts}))
    info = check(server.client())
    assert (info.currency, info.user) == ("EUR", "bot@acme")


# --- stages ----------------------------------------------------------------------------------------------------


def test_an_org_without_record_types_has_one_pipeline_of_opportunities(bench: Workbench) -> None:
    deals, leads = bench.connection.stages.read()
    assert (deals.object, deals.id, leads.object, leads.id) == ("Opportunity", "StageName", "Lead", "Status")
    assert [stage.id for stage in deals.stages][:2] == ["Prospecting", "Qualification"]
    closed = {stage.id: (stage.won, stage.probability) for stage in deals.stages if stage.closed}
    assert closed == {"Closed Won": (True, 1.0), "Closed Lost": (False, 0.0)}
    assert [stage.id for stage in leads.stages if stage.closed] == ["Closed - Converted"]


def test_each_record_type_of_opportunities_is_a_pipeline(bench: Workbench) -> None:
    bench.sandbox.world.add_record_type("Opportunity", "New_Business", "New business")
    bench.sandbox.world.add_record_type("Opportunity", "Renewal", "Renewals")
    found = bench.connection.stages.read()
    assert [(p.id, p.label) for p in found if p.object == "Opportunity"] == [
        ("New_Business", "New business"),
        ("Renewal", "Renewals"),
    ]
    assert found[0].stages == found[1].stages


def test_retired_stages_are_left_out_and_new_ones_are_there(bench: Workbench) -> None:
    bench.sandbox.world.retire_stage("Qualification")
    bench.sandbox.world.add_stage("Piloting", probability=40)
    bench.sandbox.world.add_lead_status("Called", converted=False)
    deals, leads = bench.connection.stages.read()
    known = {stage.id: stage for stage in deals.stages}
    assert "Qualification" not in known
    assert known["Piloting"].probability == 0.4
    assert "Called" in {stage.id for stage in leads.stages}


# --- fields ----------------------------------------------------------------------------------------------------


def fields(bench: Workbench, object: str) -> dict[str, SystemField]:
    return {field.name: field for field in bench.connection.fields.read(object)}


def test_fields_are_described_as_the_house_speaks(bench: Workbench) -> None:
    contact, deal, lead = (fields(bench, object) for object in ("Contact", "Opportunity", "Lead"))
    assert {
        n: deal[n].type for n in ("Name", "Amount", "CloseDate", "IsWon", "CreatedDate", "StageName", "OwnerId")
    } == {
        "Name": "text",
        "Amount": "number",
        "CloseDate": "date",
        "IsWon": "boolean",
        "CreatedDate": "instant",
        "StageName": "choice",
        "OwnerId": "owner",
    }
    required = {name for name, field in deal.items() if field.required}
    assert required == {"Name", "StageName", "CloseDate"}
    assert {name for name, field in lead.items() if field.required} == {"LastName", "Company"}
    assert (contact["CreatedDate"].read_only, contact["LastName"].read_only) == (True, False)
    assert (contact["Name"].read_only, contact["LastName"].max_length) == (True, 80)
    assert not {"MailingAddress", "Address"} & (contact.keys() | lead.keys())


def test_options_are_given_only_where_other_values_cannot_be_written(bench: Workbench) -> None:
    contact, deal, lead = (fields(bench, object) for object in ("Contact", "Opportunity", "Lead"))
    assert contact["LeadSource"].options is None
    assert contact["MailingGeocodeAccuracy"].options
    assert Option("Prospecting", "Prospecting") in (deal["StageName"].options or ())
    assert Option("Open - Not Contacted", "Open - Not Contacted") in (lead["Status"].options or ())


def test_a_hidden_field_is_not_there(bench: Workbench) -> None:
    assert "Title" in fields(bench, "Contact")
    bench.sandbox.world.hide_field("Contact", "Title")
    assert "Title" not in fields(bench, "Contact")


def test_record_types_are_a_choice_by_their_developer_names(bench: Workbench) -> None:
    assert "RecordType.DeveloperName" not in fields(bench, "Opportunity")
    bench.sandbox.world.add_record_type("Opportunity", "New_Business", "New business")
    found = fields(bench, "Opportunity")["RecordType.DeveloperName"]
    assert (found.type, found.options) == ("choice", (Option("New_Business", "New business"),))


SCORE = FieldSpec("Lead", "Instep_Score__c", "Buying score", "number", description="How much this buyer does.")


def create(bench: Workbench, spec: FieldSpec) -> object:
    return bench.connection.fields.create(spec)


def test_a_new_field_is_visible_to_the_user_through_a_permission_set(bench: Workbench) -> None:
    assert create(bench, SCORE) == Written(SCORE.name, {}, created=True)
    assert fields(bench, "Lead")[SCORE.name].type == "number"
    (set,) = [s for s in bench.sandbox.world.all("PermissionSet") if s["Name"] == "Instep"]
    (assigned,) = bench.sandbox.world.all("PermissionSetAssignment")
    assert assigned["PermissionSetId"] == set["Id"]
    (granted,) = bench.sandbox.world.all("FieldPermissions")
    assert (granted["Field"], granted["PermissionsEdit"]) == ("Lead.Instep_Score__c", True)


def test_a_second_field_uses_the_permission_set_that_is_there(bench: Workbench) -> None:
    create(bench, SCORE)
    other = bench.connect()
    other.fields.create(FieldSpec("Lead", "Instep_Id__c", "Instep id", "text", unique=True))
    assert len([s for s in bench.sandbox.world.all("PermissionSet") if s["Name"] == "Instep"]) == 1
    assert len(bench.sandbox.world.all("PermissionSetAssignment")) == 1
    assert len(bench.sandbox.world.all("FieldPermissions")) == 2


def test_a_unique_text_is_an_external_id(bench: Workbench) -> None:
    create(bench, FieldSpec("Lead", "Instep_Id__c", "Instep id", "text", unique=True))
    records = bench.connection.records
    from instep.contract import Create

    (outcome,) = records.write("Lead", [Create("Instep_Id__c", "k", {"LastName": "x", "Company": "X"})], [])
    assert isinstance(outcome, Written)
    assert fields(bench, "Lead")["Instep_Id__c"].unique


@pytest.mark.parametrize("type", ["text", "number", "boolean", "date", "instant"])
def test_a_field_of_every_type_can_be_made_twice(bench: Workbench, type: Any) -> None:
    spec = FieldSpec("Account", "Made__c", "Made", type)
    assert create(bench, spec) == Written("Made__c", {}, created=True)
    assert create(bench, spec) == Written("Made__c", {})
    assert fields(bench, "Account")["Made__c"].type == type


def test_a_field_that_is_there_but_hidden_is_shown(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Lead", "Instep_Score__c", "Number")
    bench.sandbox.world.hide_field("Lead", "Instep_Score__c")
    assert create(bench, SCORE) == Written(SCORE.name, {})
    assert SCORE.name in fields(bench, "Lead")


def test_a_hidden_field_of_another_kind_is_refused(bench: Workbench) -> None:
    bench.sandbox.world.add_field("Lead", "Instep_Score__c", "Checkbox")
    bench.sandbox.world.hide_field("Lead", "Instep_Score__c")
    outcome = create(bench, SCORE)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "different"


def test_a_name_that_is_not_custom_is_refused_with_the_right_one(bench: Workbench) -> None:
    outcome = create(bench, FieldSpec("Lead", "instep_score", "Score", "number"))
    assert isinstance(outcome, Rejected)
    assert is_sentence(outcome.reason)
    assert "instep_score__c" in outcome.reason
    assert not bench.transport.sent


def test_a_lost_answer_while_making_a_field_is_unknown(bench: Workbench) -> None:
    bench.connection.check()
    bench.faults.arm(100)
    assert isinstance(create(bench, SCORE), Unknown)


def test_a_ready_token_can_make_fields_too(bench: Workbench) -> None:
    settings = bench.settings(access_token=STATIC_TOKEN, client_id=None, client_secret=None)
    assert bench.connect(settings).fields.create(SCORE) == Written(SCORE.name, {}, created=True)


# --- owners ----------------------------------------------------------------------------------------------------


def test_everyone_and_every_queue_is_an_owner(bench: Workbench) -> None:
    world = bench.sandbox.world
    ann, bob = world.add_user("Ann Ax", "ann@x.example"), world.add_user("Bob Bo", "bob@x.example")
    world.deactivate_user(bob)
    queue = world.add_queue("Inbound")
    owners = {owner.id: owner for owner in bench.connection.owners.read()}
    assert owners[ann] == SystemOwner(ann, "Ann Ax", "ann@x.example", active=True)
    assert not owners[bob].active
    assert (owners[queue].name, owners[queue].queue) == ("Inbound", True)


# --- behaviours ------------------------------------------------------------------------------------------------


KINDS = ("task", "event", "campaign-member")


def told(
    bench: Workbench, kinds: Sequence[str] = KINDS, cursor: str | None = None
) -> tuple[list[BehaviourSeen | BehaviourGone], str]:
    pages = list(bench.connection.behaviours.changed_since(kinds, cursor))
    return [item for page in pages for item in page.items], pages[-1].cursor


def seen(
    bench: Workbench, kinds: Sequence[str] = KINDS, cursor: str | None = None
) -> tuple[list[BehaviourSeen], str]:
    items, cursor = told(bench, kinds, cursor)
    return [item for item in items if isinstance(item, BehaviourSeen)], cursor


def gone(bench: Workbench, cursor: str) -> list[str]:
    """What was withdrawn since, where nothing else was told."""
    items = told(bench, cursor=cursor)[0]
    assert all(isinstance(item, BehaviourGone) for item in items)
    return [item.id for item in items]


def test_a_done_task_is_told_and_an_open_one_is_not(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    world.create("Task", Subject="Later", WhoId=contact, Status="Not Started")
    done = world.create("Task", Subject="Call", WhoId=contact, Status="Completed", CallType="Inbound")
    (behaviour,) = seen(bench)[0]
    assert (behaviour.id, behaviour.kind, behaviour.actor) == (done, "task", "buyer")
    assert behaviour.subjects == (("Contact", contact),)
    assert (behaviour.details["Subject"], behaviour.details["Status"]) == ("Call", "Completed")


def test_a_task_of_ones_own_is_the_sellers(bench: Workbench) -> None:
    world = bench.sandbox.world
    lead = world.create("Lead", LastName="Ada", Company="X")
    world.create("Task", Subject="Mail", WhoId=lead, Status="Completed")
    (behaviour,) = seen(bench)[0]
    assert (behaviour.actor, behaviour.subjects) == ("seller", (("Lead", lead),))


def test_a_task_that_is_done_later_is_told_then(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    task = world.create("Task", Subject="Call", WhoId=contact, Status="Not Started")
    found, cursor = seen(bench)
    assert not found
    bench.clock.advance(HOUR)
    world.edit("Task", task, Status="Completed")
    assert [b.id for b in seen(bench, cursor=cursor)[0]] == [task]


def test_a_meeting_is_the_buyers_at_the_time_it_takes_place(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    deal = world.create("Opportunity", Name="O", **STAMP)
    times = {
        "StartDateTime": datetime(2026, 2, 1, 10, tzinfo=UTC),
        "EndDateTime": datetime(2026, 2, 1, 11, tzinfo=UTC),
    }
    world.create("Event", Subject="Demo", WhoId=contact, WhatId=deal, **times)
    (behaviour,) = seen(bench)[0]
    assert (behaviour.kind, behaviour.actor, behaviour.at) == ("event", "buyer", times["StartDateTime"])
    assert behaviour.subjects == (("Contact", contact), ("Opportunity", deal))


def test_what_is_deleted_is_withdrawn(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    times = {
        "StartDateTime": datetime(2026, 2, 1, 10, tzinfo=UTC),
        "EndDateTime": datetime(2026, 2, 1, 11, tzinfo=UTC),
    }
    made = {
        "Task": world.create("Task", Subject="Call", WhoId=contact, Status="Completed"),
        "Event": world.create("Event", Subject="Demo", WhoId=contact, **times),
        "CampaignMember": world.create("CampaignMember", CampaignId=world.add_campaign("Spring"), ContactId=contact),
    }
    found, cursor = seen(bench)
    assert {b.id for b in found} == set(made.values())
    bench.clock.advance(HOUR)
    for object, id in made.items():
        world.delete(object, id)
    assert told(bench, cursor=cursor)[0] == [BehaviourGone(id, bench.clock.now()) for id in made.values()]


def test_what_is_brought_back_is_told_again(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    task = world.create("Task", Subject="Call", WhoId=contact, Status="Completed")
    world.delete("Task", task)
    found, cursor = seen(bench)
    assert not found
    bench.clock.advance(HOUR)
    world.undelete("Task", task)
    assert [b.id for b in seen(bench, cursor=cursor)[0]] == [task]


def test_a_task_that_is_open_again_is_withdrawn(bench: Workbench) -> None:
    world = bench.sandbox.world
    task = world.create("Task", Subject="Call", WhoId=world.create("Contact", LastName="Ada"), Status="Completed")
    cursor = seen(bench)[1]
    bench.clock.advance(HOUR)
    world.edit("Task", task, Status="Not Started")
    assert gone(bench, cursor) == [task]


def test_what_is_about_nobody_any_more_is_withdrawn(bench: Workbench) -> None:
    world = bench.sandbox.world
    task = world.create("Task", Subject="Call", WhoId=world.create("Contact", LastName="Ada"), Status="Completed")
    cursor = seen(bench)[1]
    bench.clock.advance(HOUR)
    world.edit("Task", task, WhoId=None)
    assert gone(bench, cursor) == [task]


def test_what_turns_out_to_be_somebody_elses_is_told_again(bench: Workbench) -> None:
    world = bench.sandbox.world
    ada, bob = world.create("Contact", LastName="Ada"), world.create("Contact", LastName="Bob")
    task = world.create("Task", Subject="Call", WhoId=ada, Status="Completed", CallType="Inbound")
    cursor = seen(bench)[1]
    bench.clock.advance(HOUR)
    world.edit("Task", task, WhoId=bob, CallType="Outbound")
    (behaviour,) = seen(bench, cursor=cursor)[0]
    assert (behaviour.id, behaviour.actor, behaviour.subjects) == (task, "seller", (("Contact", bob),))


def test_what_is_deleted_while_it_is_read_is_withdrawn(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    tasks = [world.create("Task", Subject="Call", WhoId=contact, Status="Completed") for _ in range(4)]
    bench.behave(page_size=2)
    pages = bench.connection.behaviours.changed_since(["task"], None)
    cursor = next(pages).cursor
    bench.clock.advance(HOUR)
    world.delete("Task", tasks[0])
    assert BehaviourGone(tasks[0], bench.clock.now()) in told(bench, ["task"], cursor)[0]


def test_an_activity_without_a_person_is_its_companys(bench: Workbench) -> None:
    world = bench.sandbox.world
    firm = world.create("Account", Name="Acme")
    ada = world.create("Contact", LastName="Ada", AccountId=firm)
    deal = world.create("Opportunity", Name="O", AccountId=firm, **STAMP)
    for about in ({"WhatId": firm}, {"WhatId": deal}, {"WhoId": ada}):
        world.create("Task", Subject="Call", Status="Completed", **about)
    assert [b.subjects for b in seen(bench)[0]] == [
        (("Account", firm),),
        (("Opportunity", deal), ("Account", firm)),
        (("Contact", ada),),
    ]


def test_an_answer_to_a_campaign_is_the_buyers_on_its_day(bench: Workbench) -> None:
    world = bench.sandbox.world
    campaign = world.add_campaign("Spring webinar")
    world.edit("Campaign", campaign, Type="Webinar")
    contact = world.create("Contact", LastName="Ada")
    member = world.create("CampaignMember", CampaignId=campaign, ContactId=contact, Status="Sent")
    found, cursor = seen(bench)
    assert [(b.id, b.actor, b.at) for b in found] == [(member, "seller", bench.clock.now())]
    bench.clock.advance(timedelta(days=2))
    world.edit("CampaignMember", member, Status="Responded")
    (behaviour,) = seen(bench, cursor=cursor)[0]
    assert (behaviour.kind, behaviour.actor) == ("campaign-member", "buyer")
    assert behaviour.at.date() == bench.clock.now().date()
    assert behaviour.details == {
        "Status": "Responded",
        "HasResponded": True,
        "Campaign.Name": "Spring webinar",
        "Campaign.Type": "Webinar",
    }


def test_a_campaigns_field_that_is_hidden_is_left_out(bench: Workbench) -> None:
    world = bench.sandbox.world
    campaign = world.add_campaign("Spring webinar")
    contact = world.create("Contact", LastName="Ada")
    world.create("CampaignMember", CampaignId=campaign, ContactId=contact, Status="Sent")
    world.hide_field("Campaign", "Type")
    found, cursor = seen(bench)
    assert found[0].details == {"Status": "Sent", "HasResponded": False, "Campaign.Name": "Spring webinar"}
    bench.transport.sent.clear()
    assert not seen(bench, ["campaign-member"], cursor)[0]
    assert labels(bench)[-1] == "CampaignMember/query"


def test_a_quiet_feed_costs_one_call_for_each_kind(bench: Workbench) -> None:
    cursor = seen(bench)[1]
    bench.clock.advance(HOUR)
    quiet = bench.connect(bench.settings(access_token=STATIC_TOKEN))
    bench.transport.sent.clear()
    pages = list(quiet.behaviours.changed_since(("task", "event", "campaign-member"), cursor))
    assert labels(bench) == ["Task/query", "Event/query", "CampaignMember/query"]
    assert not [item for page in pages for item in page.items]


def test_what_was_told_is_not_told_again_though_the_overlap_shows_it(bench: Workbench) -> None:
    world = bench.sandbox.world
    contact = world.create("Contact", LastName="Ada")
    world.create("Task", Subject="Call", WhoId=contact, Status="Completed")
    found, cursor = seen(bench)
    assert len(found) == 1
    assert not seen(bench, cursor=cursor)[0]
    with world.commit_late("Task", timedelta(minutes=5)):
        late = world.create("Task", Subject="Call", WhoId=contact, Status="Completed")
    assert [b.id for b in seen(bench, cursor=cursor)[0]] == [late]


def test_activities_that_the_login_may_not_see_are_named(bench: Workbench) -> None:
    body = json.dumps([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]).encode()
    bench.faults.add("*describe*", FaultKind.STATUS, 1, status=404, body=body)
    with pytest.raises(AccessError, match="Task"):
        seen(bench)
