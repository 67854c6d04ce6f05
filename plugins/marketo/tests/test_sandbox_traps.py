"""What is known to trip those who write against Marketo, shown in the sandbox one by one.

Others are shown where they belong: tokens and identity in `test_sandbox`, the shared window in `test_sandbox_limits`,
extracts in `test_sandbox_bulk`, twins in `test_sandbox_leads`, what a client makes of it all in `test_client`.
"""

import json
from datetime import timedelta

import pytest
from marketorestpython.client import MarketoClient

from instep_marketo.sandbox import CLIENT_ID, CLIENT_SECRET, MUNCHKIN_ID, MarketoPersonality

LEADS = "/rest/v1/leads.json"


def test_an_error_arrives_with_status_200_and_a_record_is_skipped_in_a_success(call):
    reply = call("GET", "/rest/v1/nobody.json")
    assert (reply.status_code, reply.json()["success"]) == (200, False)
    body = call("POST", LEADS, json={"input": [{"firstName": "Ann"}]}).json()
    assert (body["success"], body["result"][0]["status"]) == (True, "skipped")


def test_codes_are_texts_on_every_level(call):
    errors = call("GET", "/rest/v1/nobody.json").json()["errors"]
    reasons = call.sync({"firstName": "Ann"})[0]["reasons"]
    assert [one["code"] for one in (*errors, *reasons)] == ["610", "1002"]


def test_a_token_that_is_never_accepted_ends_in_nothing_with_the_communitys_library(sandbox):
    client = MarketoClient(MUNCHKIN_ID, CLIENT_ID, CLIENT_SECRET, requests_timeout=20)
    client.host = sandbox.url
    assert client.execute(method="describe") is not None
    sandbox.world.revoke_tokens()
    assert client.execute(method="describe") is None


@pytest.mark.parametrize(("field", "moves"), [("phone", True), ("buyingStage", False)])
def test_a_leads_own_time_stands_still_when_a_custom_field_changes(sandbox, call, field, moves):
    id = sandbox.world.create(email="a@x.example")
    before = sandbox.world.read(id)["updatedAt"]
    sandbox.clock.advance(timedelta(hours=1))
    call.sync({"email": "a@x.example", field: "1"})
    assert (sandbox.world.read(id)["updatedAt"] != before) is moves
    assert len(call.log(13)) == 1


def test_members_keep_the_status_that_they_have_when_the_channel_is_edited(sandbox, call):
    program, id = sandbox.settings["programs"][0], sandbox.world.create(email="a@x.example")
    sandbox.world.put_status(program, id, "Interest")
    sandbox.world.add_channel("Journey", ["Curiosity", "Purchase"])
    path = f"/rest/v1/programs/{program}/members"
    query = {"filterType": "leadId", "filterValues": id, "fields": "statusName"}
    assert call.result("GET", f"{path}.json", params=query)[0]["statusName"] == "Interest"
    body = {"statusName": "Interest", "input": [{"leadId": int(id)}]}
    assert call.why(call.result("POST", f"{path}/status.json", json=body)[0]) == "1025"


def test_assets_spell_a_moment_with_both_zones_and_leads_with_one(sandbox, call):
    id = sandbox.world.create(email="a@x.example")
    (program,) = call.result("GET", f"/rest/asset/v1/program/{sandbox.settings['programs'][0]}.json")
    (lead,) = call.result("GET", f"/rest/v1/lead/{id}.json")
    assert program["createdAt"].endswith("Z+0000")
    assert lead["createdAt"].endswith("Z")


@pytest.mark.parametrize(("switch", "code"), [(True, "1021"), (False, None)])
def test_whether_a_companys_fields_may_be_sent_with_a_lead_is_a_switch(sandbox, call, switch, code):
    sandbox.personality = MarketoPersonality(refuses_company_fields=switch)
    assert call.why(call.sync({"email": "a@x.example", "industry": "Rope"})[0]) == code


def test_bulk_calls_are_not_under_rest(call):
    assert call.code("GET", "/rest/bulk/v1/leads/export.json") == "610"
    assert call.code("GET", "/bulk/v1/leads/export.json") is None


def test_the_two_descriptions_differ_and_only_the_newer_one_says_what_finds_a_lead(call):
    old, (new,) = (call.result("GET", f"/rest/v1/leads/{name}.json") for name in ("describe", "describe2"))
    assert {"id", "displayName", "dataType", "rest"} <= old[0].keys()
    assert ["email"] in new["searchableFields"]
    assert {"name", "updateable", "crmManaged"} <= new["fields"][0].keys()
    assert len(old) == len(new["fields"])


def test_a_hidden_field_is_left_out_of_the_newer_description_only(call):
    path = "/rest/v1/leads/schema/fields/buyingStage.json"
    call.result("POST", path, json={"input": [{"isHidden": True}]})
    old, (new,) = (call.result("GET", f"/rest/v1/leads/{name}.json") for name in ("describe", "describe2"))
    assert "buyingStage" in {field["rest"]["name"] for field in old}
    assert "buyingStage" not in {field["name"] for field in new["fields"]}


def test_leads_say_lookup_field_and_everything_else_dedupe_by(call):
    row = {"externalCompanyId": "c1", "company": "Acme"}
    body = {"action": "updateOnly", "lookupField": "id", "dedupeBy": "id", "input": [row]}
    assert call.code("POST", "/rest/v1/companies.json", json=body) == "1003"
    del body["dedupeBy"]
    assert call.code("POST", "/rest/v1/companies.json", json=body) is None  # and `lookupField` is not heard
    assert call.why(call.sync({"email": "a@x.example"}, dedupeBy="nobody")[0]) is None


def test_an_asset_takes_forms_and_a_lead_takes_json(call):
    folder = json.dumps({"id": 1, "type": "Folder"})
    form = {"name": "Guests", "folder": folder}
    assert call.code("POST", "/rest/asset/v1/staticLists.json", json=form) == "612"
    assert call.code("POST", "/rest/asset/v1/staticLists.json", data=form) is None
    assert call.code("POST", LEADS, data={"input": "[]"}) == "612"


@pytest.mark.parametrize(("name", "found"), [("Guests, Friends", False), ("Guests", True)])
def test_an_asset_whose_name_has_a_comma_cannot_be_searched(sandbox, call, name, found):
    sandbox.world.add_list(name)
    body = call.body("GET", "/rest/asset/v1/staticList/byName.json", params={"name": name})
    assert ("result" in body) is found


@pytest.mark.parametrize("switch", [True, False])
def test_whether_a_blank_field_is_null_or_left_out_is_a_switch(sandbox, call, switch):
    sandbox.personality = MarketoPersonality(omits_nulls=switch)
    id = sandbox.world.create(email="a@x.example")
    (lead,) = call.result("GET", f"/rest/v1/lead/{id}.json", params={"fields": "email,phone"})
    assert ("phone" in lead) is not switch


@pytest.mark.parametrize("switch", [True, False])
def test_whether_a_merge_logs_a_deletion_is_a_switch(sandbox, call, switch):
    sandbox.personality = MarketoPersonality(merges_log_deletions=switch)
    kept, lost = (sandbox.world.create(email=f"{n}@x.example") for n in range(2))
    sandbox.world.merge("leads", kept, lost)
    assert [activity["leadId"] for activity in call.log(37)] == ([int(lost)] if switch else [])
