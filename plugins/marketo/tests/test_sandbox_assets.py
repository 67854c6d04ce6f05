"""Channels, programs and their members, lists and campaigns in the sandbox."""

import json
from datetime import timedelta

import pytest

from instep_marketo.sandbox import MarketoPersonality

ASSET = "/rest/asset/v1"
PROGRAMS, LISTS, CAMPAIGNS = f"{ASSET}/programs.json", "/rest/v1/lists", "/rest/v1/campaigns"
NOTHING = ["No assets found for the given search criteria."]
FOLDER = json.dumps({"id": 1035, "type": "Folder"})
FORM = {"name": "Fair", "folder": FOLDER, "type": "Event", "channel": "Journey"}


@pytest.mark.parametrize(
    "path",
    [
        "channels.json?offset=5",
        "channel/byName.json?name=Nothing",
        "programs.json?offset=5",
        "program/77.json",
        "program/byName.json?name=Nothing",
        "program/byTag.json?tagType=a&tagValue=b",
        "staticLists.json?offset=5",
        "staticList/77.json",
        "staticList/byName.json?name=Nothing",
        "smartCampaigns.json",
        "smartCampaign/77.json",
        "smartCampaign/byName.json?name=Nothing",
    ],
)
def test_where_no_asset_is_found_there_is_a_warning_in_plain_text_and_no_result(call, path):
    body = call("GET", f"{ASSET}/{path}").json()
    assert (body["success"], "result" in body, body["errors"], body["warnings"]) == (True, False, [], NOTHING)


@pytest.mark.parametrize(
    ("kind", "name"), [("channel", "Journey"), ("staticList", "Watched"), ("program", "Buying journey")]
)
def test_an_asset_is_found_by_its_name(call, kind, name):
    body = call.body("GET", f"{ASSET}/{kind}/byName.json", params={"name": name})
    assert ([one["name"] for one in body["result"]], body["errors"], body["warnings"]) == ([name], [], [])


def test_assets_are_paged_by_an_offset_twenty_at_a_time_or_up_to_two_hundred(sandbox, call):
    for n in range(25):
        sandbox.world.add_list(f"List {n}")
    assert len(call.result("GET", f"{ASSET}/staticLists.json")) == 20
    assert len(call.result("GET", f"{ASSET}/staticLists.json?offset=20")) == 6
    assert len(call.result("GET", f"{ASSET}/staticLists.json?maxReturn=200")) == 26
    assert call.code("GET", f"{ASSET}/staticLists.json?maxReturn=201") == "1001"


# --- programs --------------------------------------------------------------------------------------------------


def test_a_program_is_made_by_a_form_with_json_inside_and_keeps_its_channel_and_type(call):
    tags = [{"tagType": "Region", "tagValue": "EU"}]
    (made,) = call.result("POST", PROGRAMS, data={**FORM, "tags": json.dumps(tags)})
    assert (made["type"], made["channel"], made["folder"]["value"], made["tags"]) == ("Event", "Journey", 1035, tags)
    path = f"{ASSET}/program/{made['id']}.json"
    (changed,) = call.result("POST", path, data={"name": "Fair 2", "channel": "Other", "type": "Email"})
    assert (changed["name"], changed["channel"], changed["type"]) == ("Fair 2", "Journey", "Event")
    found = call.result("GET", f"{ASSET}/program/byTag.json", params={"tagType": "Region", "tagValue": "EU"})
    assert [one["id"] for one in found] == [made["id"]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": None}, "701"),
        ({"name": "Buying journey"}, "709"),
        ({"channel": "Nothing"}, "709"),
        ({"type": "Party"}, "709"),
        ({"folder": None}, "701"),
        ({"folder": "1035"}, "609"),
        ({"folder": "{'id': 1035}"}, "609"),
        ({"folder": json.dumps({"type": "Folder"})}, "710"),
        ({"folder": json.dumps({"id": 1035, "type": "Program"})}, "711"),
        ({}, None),
    ],
)
def test_a_program_that_cannot_be_made_is_refused_by_a_code_of_assets(call, change, code):
    assert call.code("POST", PROGRAMS, data={**FORM, **change}) == code


def test_an_asset_that_is_written_as_json_is_refused(call):
    assert call.code("POST", PROGRAMS, json=FORM) == "612"


def test_a_program_is_cloned_without_its_members_and_deleted(sandbox, call):
    program = sandbox.settings["programs"][0]
    sandbox.world.put_status(program, sandbox.world.create(email="a@x.example"), "Interest")
    (clone,) = call.result("POST", f"{ASSET}/program/{program}/clone.json", data={"name": "Copy", "folder": FOLDER})
    assert (clone["name"], clone["channel"]) == ("Copy", "Journey")
    query = {"filterType": "statusName", "filterValues": "Interest"}
    assert call.result("GET", f"/rest/v1/programs/{clone['id']}/members.json", params=query) == []
    assert call.result("POST", f"{ASSET}/program/{clone['id']}/delete.json") == [{"id": clone["id"]}]
    assert call.body("GET", f"{ASSET}/program/{clone['id']}.json")["warnings"] == NOTHING
    assert call.code("POST", f"{ASSET}/program/{clone['id']}/delete.json") == "702"


def test_programs_are_found_by_when_they_were_changed(sandbox, call):
    sandbox.clock.advance(timedelta(days=2))
    (made,) = call.result("POST", PROGRAMS, data=FORM)
    query = {"earliestUpdatedAt": "2026-01-06T00:00:00Z"}
    assert [one["id"] for one in call.result("GET", PROGRAMS, params=query)] == [made["id"]]
    assert len(call.result("GET", PROGRAMS)) == 2


# --- members ---------------------------------------------------------------------------------------------------


@pytest.fixture
def members(sandbox):
    return f"/rest/v1/programs/{sandbox.settings['programs'][0]}/members"


def move(call, members, status, *leads):
    return call.result(
        "POST",
        f"{members}/status.json",
        json={"statusName": status, "input": [{"leadId": int(lead)} for lead in leads]},
    )


def find(call, members, kind, values="", **more):
    return call.result("GET", f"{members}.json", params={"filterType": kind, "filterValues": values, **more})


def test_members_move_forward_and_never_back(sandbox, call, members):
    lead = sandbox.world.create(email="a@x.example")
    results = [move(call, members, status, lead)[0] for status in ("Interest", "Purchase", "Purchase", "Interest")]
    assert [one["status"] for one in results] == ["created", "updated", "skipped", "skipped"]
    assert [call.why(one) for one in results[2:]] == ["1037", "1037"]
    assert sandbox.world.status(sandbox.settings["programs"][0], lead) == "Purchase"


@pytest.mark.parametrize(("status", "code"), [("Nothing", "1025"), ("Former", "1025"), ("Not in Program", "1025")])
def test_a_status_that_is_not_offered_is_refused(sandbox, call, members, status, code):
    lead = sandbox.world.create(email="a@x.example")
    assert call.why(move(call, members, status, lead)[0]) == code
    assert call.why(move(call, members, "Interest", 1)[0]) == "1004"
    assert call.code("POST", "/rest/v1/programs/1/members/status.json", json={"statusName": "x"}) == "1013"


def test_members_are_found_by_id_status_success_and_their_own_fields(sandbox, call, members):
    sandbox.world.add_member_field("seat", "Seat")
    sandbox.world.add_channel("Journey", ["Interest", "Purchase"], successes=["Purchase"])
    one, two = (sandbox.world.create(email=f"{n}@x.example") for n in range(2))
    move(call, members, "Interest", one)
    move(call, members, "Purchase", two)
    call.result("POST", f"{members}.json", json={"input": [{"leadId": int(one), "seat": "A1"}]})
    for kind, values, found in (
        ("leadId", two, two),
        ("statusName", "Interest", one),
        ("reachedSuccess", "true", two),
        ("seat", "A1", one),
    ):
        assert [member["leadId"] for member in find(call, members, kind, values)] == [int(found)]
    query = {"filterType": "acquiredBy", "filterValues": "true"}
    assert call.code("GET", f"{members}.json", params=query) == "1011"


@pytest.mark.parametrize(("end", "code"), [("2026-01-08T00:00:00Z", None), ("2026-01-08T00:00:01Z", "1003")])
def test_members_are_found_by_their_last_change_within_a_week_at_most(sandbox, call, members, end, code):
    lead = sandbox.world.create(email="a@x.example")
    move(call, members, "Interest", lead)
    query = {"filterType": "updatedAt", "startAt": "2026-01-01T00:00:00Z", "endAt": end}
    assert call.code("GET", f"{members}.json", params=query) == code
    if code is None:
        assert [one["leadId"] for one in call.result("GET", f"{members}.json", params=query)] == [int(lead)]
        later = {**query, "startAt": "2026-01-06T00:00:00Z"}
        assert call.result("GET", f"{members}.json", params=later) == []


def test_too_many_members_are_found_by_their_ids_only(sandbox, call, members):
    sandbox.personality = MarketoPersonality(members_limit=1)
    leads = [sandbox.world.create(email=f"{n}@x.example") for n in range(2)]
    move(call, members, "Interest", *leads)
    query = {"filterType": "statusName", "filterValues": "Interest"}
    assert call.code("GET", f"{members}.json", params=query) == "1003"
    assert len(find(call, members, "leadId", ",".join(leads))) == 2


def test_members_show_five_fields_unless_others_are_asked_for(sandbox, call, members):
    lead = sandbox.world.create(email="a@x.example")
    move(call, members, "Interest", lead)
    (member,) = find(call, members, "leadId", lead)
    five = {"acquiredBy", "leadId", "membershipDate", "programId", "reachedSuccess"}
    assert member.keys() == {"seq", *five}
    (member,) = find(call, members, "leadId", lead, fields="statusName")
    assert (member["statusName"], "programId" in member) == ("Interest", False)


def test_data_of_members_is_written_for_members_only_and_logged(sandbox, call, members):
    one, two = (sandbox.world.create(email=f"{n}@x.example") for n in range(2))
    move(call, members, "Interest", one)
    rows = [{"leadId": int(lead), "registrationCode": "R1"} for lead in (one, two)]
    results = call.result("POST", f"{members}.json", json={"input": rows})
    assert (results[0]["status"], call.why(results[1])) == ("updated", "1013")
    assert find(call, members, "leadId", one, fields="registrationCode")[0]["registrationCode"] == "R1"
    assert [activity["leadId"] for activity in call.log(123)] == [int(one)]
    for name, code in (("nobody", "1006"), ("statusName", "1011")):
        body = {"input": [{"leadId": int(one), name: "x"}]}
        assert call.why(call.result("POST", f"{members}.json", json=body)[0]) == code


def test_members_are_taken_out_once(sandbox, call, members):
    lead = sandbox.world.create(email="a@x.example")
    move(call, members, "Interest", lead)
    body = {"input": [{"leadId": int(lead)}]}
    assert call.result("POST", f"{members}/delete.json", json=body)[0]["status"] == "deleted"
    assert call.why(call.result("POST", f"{members}/delete.json", json=body)[0]) == "1013"
    assert move(call, members, "Awareness", lead)[0]["status"] == "created"


def test_the_older_calls_read_the_leads_of_a_program_and_move_members_only(sandbox, call, members):
    program = sandbox.settings["programs"][0]
    one, two = (sandbox.world.create(email=f"{n}@x.example") for n in range(2))
    move(call, members, "Interest", one)
    (lead,) = call.result("GET", f"/rest/v1/leads/programs/{program}.json")
    assert (lead["id"], lead["membership"]["progressionStatus"]) == (int(one), "Interest")
    body = {"status": "Purchase", "input": [{"id": int(one)}, {"id": int(two)}]}
    results = call.result("POST", f"/rest/v1/leads/programs/{program}/status.json", json=body)
    assert (results[0]["status"], call.why(results[1])) == ("updated", "1037")


def test_members_are_described_at_two_addresses(call):
    new, old = (call.result("GET", f"/rest/v1/{name}/members/describe.json") for name in ("programs", "program"))
    assert new == old
    assert ["statusName"] in new[0]["searchableFields"]


def test_what_a_lead_is_a_member_of_is_told(sandbox, call, members):
    lead, ran = sandbox.world.create(email="a@x.example"), []
    campaign = sandbox.world.add_campaign("Flow", ran.append)
    move(call, members, "Interest", lead)
    sandbox.world.put_on_list(sandbox.settings["lists"][0], lead)
    call.result("POST", f"{CAMPAIGNS}/{campaign}/trigger.json", json={"input": {"leads": [{"id": int(lead)}]}})
    for name, key, id in (
        ("programMembership", "id", sandbox.settings["programs"][0]),
        ("listMembership", "listId", sandbox.settings["lists"][0]),
        ("smartCampaignMembership", "smartCampaignId", campaign),
    ):
        assert [one[key] for one in call.result("GET", f"/rest/v1/leads/{lead}/{name}.json")] == [id]


# --- lists -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["list", "lists"])
def test_the_leads_on_a_list_are_read_by_either_spelling(sandbox, call, spelling):
    watched, ids = sandbox.settings["lists"][0], [sandbox.world.create(email=f"{n}@x.example") for n in range(3)]
    for id in ids[:2]:
        sandbox.world.put_on_list(watched, id)
    path = f"/rest/v1/{spelling}/{watched}/leads.json"
    first = call.body("GET", path, params={"batchSize": "1", "fields": "email"})
    second = call.body("GET", path, params={"nextPageToken": first["nextPageToken"]})
    assert [lead["id"] for lead in first["result"] + second["result"]] == [int(id) for id in ids[:2]]


def test_leads_are_put_on_a_list_and_taken_off_and_every_change_is_logged_once(sandbox, call):
    path = f"{LISTS}/{sandbox.settings['lists'][0]}/leads"
    lead = int(sandbox.world.create(email="a@x.example"))
    body = {"input": [{"id": lead}, {"id": 1}]}
    for _ in range(2):
        added, unknown = call.result("POST", f"{path}.json", json=body)
        assert (added["status"], call.why(unknown)) == ("added", "1004")
    assert call.result("GET", f"{path}/ismember.json", params={"id": lead}) == [{"id": lead, "status": "memberof"}]
    removed = [call.result("DELETE", f"{path}.json", params={"id": lead})[0] for _ in range(2)]
    assert (removed[0]["status"], call.why(removed[1])) == ("removed", "1015")
    assert [activity["activityTypeId"] for activity in call.log(24, 25)] == [24, 25]
    assert call.result("GET", f"{path}/ismember.json", params={"id": lead})[0]["status"] == "notmemberof"


def test_a_list_is_made_by_a_form_in_a_folder_or_a_program(sandbox, call):
    program = sandbox.settings["programs"][0]
    folder = json.dumps({"id": program, "type": "Program"})
    (made,) = call.result("POST", f"{ASSET}/staticLists.json", data={"name": "Guests", "folder": folder})
    assert made["folder"] == {"type": "Program", "id": program}
    (read,) = call.result("GET", f"{LISTS}/{made['id']}.json")
    assert (read["name"], read["programName"]) == ("Guests", "Buying journey")
    assert [one["id"] for one in call.result("GET", f"{LISTS}.json", params={"name": "Guests"})] == [made["id"]]
    assert call.code("POST", f"{ASSET}/staticLists.json", data={"name": "guests", "folder": FOLDER}) == "709"
    assert call.code("GET", f"{LISTS}/1.json") == "1013"


# --- campaigns -------------------------------------------------------------------------------------------------


def request(call, campaign, *leads):
    return call.code(
        "POST",
        f"{CAMPAIGNS}/{campaign}/trigger.json",
        json={"input": {"leads": [{"id": int(lead)} for lead in leads]}},
    )


def test_a_requested_campaign_changes_owner_score_and_revenue_stage_and_the_log_has_a_kind_for_each(sandbox, call):
    world = sandbox.world
    world.add_salesperson("s1", "ann@x.example")

    def flow(lead):
        world.change_owner(lead, "s1")
        world.score(lead, "leadScore", 5)
        world.change_revenue_stage(lead, 1, 3, "Interest")

    lead, campaign = world.create(email="a@x.example"), world.add_campaign("Flow", flow)
    assert request(call, campaign, lead) is None
    found = world.read(lead)
    assert (found["leadOwnerEmailAddress"], found["leadScore"], found["leadRevenueStageId"]) == (
        "ann@x.example",
        5,
        3,
    )
    assert [activity["activityTypeId"] for activity in call.log(13, 22, 23, 47, 101)] == [47, 23, 22, 101]


def test_a_campaign_may_take_its_time(sandbox, call):
    ran = []
    sandbox.personality = MarketoPersonality(flow_seconds=30)
    lead, campaign = sandbox.world.create(email="a@x.example"), sandbox.world.add_campaign("Flow", ran.append)
    assert request(call, campaign, lead) is None
    sandbox.clock.advance(timedelta(seconds=29))
    sandbox.world.ids()
    assert ran == []
    sandbox.clock.advance(timedelta(seconds=1))
    sandbox.world.ids()
    assert ran == [lead]


def test_a_campaign_runs_for_all_leads_of_a_request_or_for_none(sandbox, call):
    ran = []
    lead, campaign = sandbox.world.create(email="a@x.example"), sandbox.world.add_campaign("Flow", ran.append)
    assert request(call, campaign, lead, 1) == "1004"
    assert request(call, campaign, *([lead] * 101)) == "1003"
    assert (ran, call.log(47)) == ([], [])
    assert request(call, campaign, lead) is None
    assert ran == [lead]


def test_only_an_active_campaign_with_the_trigger_is_requested(sandbox, call):
    lead, ran = sandbox.world.create(email="a@x.example"), []
    batch = sandbox.world.add_campaign("Batch", ran.append, list=sandbox.settings["lists"][0])
    asleep = sandbox.world.add_campaign("Asleep", ran.append, active=False)
    assert [request(call, id, lead) for id in (batch, asleep, 1)] == ["1003", "1003", "1013"]
    assert call.result("POST", f"{ASSET}/smartCampaign/{asleep}/activate.json") == [{"id": asleep}]
    assert request(call, asleep, lead) is None
    assert ran == [lead]
    call.result("POST", f"{ASSET}/smartCampaign/{asleep}/deactivate.json")
    assert request(call, asleep, lead) == "1003"


def schedule(call, campaign, **given):
    return call.code("POST", f"{CAMPAIGNS}/{campaign}/schedule.json", json={"input": given})


def test_a_scheduled_campaign_runs_at_its_time_for_who_is_on_its_list_then(sandbox, call):
    ran, watched = [], sandbox.settings["lists"][0]
    campaign = sandbox.world.add_campaign("Batch", ran.append, list=watched)
    assert schedule(call, campaign, runAt="2026-01-05T10:00:00+0000") is None
    lead = sandbox.world.create(email="a@x.example")
    sandbox.world.put_on_list(watched, lead)
    sandbox.clock.advance(timedelta(minutes=59))
    sandbox.world.ids()
    assert ran == []
    sandbox.clock.advance(timedelta(minutes=1))
    sandbox.world.ids()
    assert ran == [lead]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-01-05T09:05:00Z", None),
        ("2026-01-05T09:04:59Z", "1042"),
        ("2028-01-05T09:00:00Z", None),
        ("2028-01-06T09:00:00Z", "1042"),
        ("soon", "704"),
    ],
)
def test_a_campaign_is_scheduled_five_minutes_ahead_and_two_years_at_most(sandbox, call, at, code):
    campaign = sandbox.world.add_campaign("Batch", print, list=sandbox.settings["lists"][0])
    assert schedule(call, campaign, runAt=at) == code


def test_a_trigger_campaign_is_not_scheduled(sandbox, call):
    assert schedule(call, sandbox.world.add_campaign("Flow", print)) == "1003"


def test_so_many_programs_a_day_are_cloned_by_scheduling(sandbox, call):
    sandbox.personality = MarketoPersonality(clones_limit=1)
    program, watched = sandbox.settings["programs"][0], sandbox.settings["lists"][0]
    campaign = sandbox.world.add_campaign("Batch", print, list=watched, program=program)
    assert schedule(call, campaign, cloneToProgramName="Copy 1") is None
    assert schedule(call, campaign, cloneToProgramName="Copy 2") == "1020"
    assert len(call.result("GET", f"{ASSET}/program/byName.json", params={"name": "Copy 1"})) == 1
    sandbox.clock.advance(timedelta(days=1))
    assert schedule(call, campaign, cloneToProgramName="Copy 2") is None


def test_campaigns_are_listed_in_the_lead_database_and_as_assets(sandbox, call):
    batch = sandbox.world.add_campaign("Batch", print, active=False, list=sandbox.settings["lists"][0])
    flow = sandbox.world.add_campaign("Flow", print, program=sandbox.settings["programs"][0])
    assert [one["id"] for one in call.result("GET", f"{CAMPAIGNS}.json", params={"isTriggerable": "true"})] == [flow]
    assert call.result("GET", f"{CAMPAIGNS}/{flow}.json")[0]["programName"] == "Buying journey"
    active = call.result("GET", f"{ASSET}/smartCampaigns.json", params={"isActive": "true"})
    (asset,) = call.result("GET", f"{ASSET}/smartCampaign/{batch}.json")
    assert [one["id"] for one in active] == [flow]
    assert (asset["type"], asset["isRequestable"], asset["status"]) == ("batch", False, "Never Run")
