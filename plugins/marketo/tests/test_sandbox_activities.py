"""The activity log in the sandbox, and activities of one's own."""

from datetime import timedelta

import pytest

from instep_marketo.sandbox import MarketoPersonality

LOG, EXTERNAL = "/rest/v1/activities", "/rest/v1/activities/external"
KIND = {
    "apiName": "game",
    "name": "Game",
    "triggerName": "Plays a game",
    "filterName": "Played a game",
    "primaryAttribute": {"apiName": "title", "name": "Title"},
}


def since(call, moment="2025-01-01"):
    return call.body("GET", f"{LOG}/pagingtoken.json", params={"sinceDatetime": moment})["nextPageToken"]


# --- the log ---------------------------------------------------------------------------------------------------


def test_the_log_holds_only_kinds_that_it_describes(sandbox, call):
    world, program = sandbox.world, sandbox.settings["programs"][0]
    world.add_salesperson("s1", "ann@x.example")
    id, other = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.edit(id, phone="1")
    world.score(id, "leadScore", 5)
    world.change_owner(id, "s1")
    world.change_revenue_stage(id, 1, 2, "Interest")
    world.put_status(program, id, "Interest")
    world.put_on_list(sandbox.settings["lists"][0], id)
    for kind in ("visit-webpage", "fill-out-form"):
        world.happen(kind, id)
    world.merge("leads", id, other)
    world.delete(id)
    kinds = {
        kind["id"]: {item["name"] for item in kind["attributes"]} for kind in call.result("GET", f"{LOG}/types.json")
    }
    wanted = [1, 2, 12, 13, 22, 23, 24, 32, 37, 101, 104]
    found = [activity for part in (wanted[:6], wanted[6:]) for activity in call.log(*part)]
    assert {activity["activityTypeId"] for activity in found} == set(wanted)
    for activity in found:
        assert {item["name"] for item in activity["attributes"]} <= kinds[activity["activityTypeId"]]


def test_a_moment_says_where_in_the_log_to_begin(sandbox, call):
    sandbox.world.create(email="a@x.example")
    sandbox.clock.advance(timedelta(hours=1))
    late = int(sandbox.world.create(email="b@x.example"))
    query = {"activityTypeIds": "12"}
    for moment, count in (("2026-01-05T09:30:00Z", 1), ("2026-01-05T03:30:00-06:00", 1), ("2026-01-05", 2)):
        page = call.body("GET", f"{LOG}.json", params={**query, "nextPageToken": since(call, moment)})
        assert (len(page["result"]), page["result"][-1]["leadId"]) == (count, late)


def test_activities_are_asked_for_by_a_list_unless_it_is_too_long(sandbox, call):
    watched, ids = sandbox.settings["lists"][0], [sandbox.world.create(email=f"{n}@x.example") for n in range(2)]
    sandbox.world.put_on_list(watched, ids[0])
    assert [activity["leadId"] for activity in call.log(12, listId=str(watched))] == [int(ids[0])]
    sandbox.personality = MarketoPersonality(list_limit=1)
    query = {"nextPageToken": since(call), "activityTypeIds": "12", "listId": watched}
    assert call.code("GET", f"{LOG}.json", params=query) == "1003"
    assert call.code("GET", f"{LOG}.json", params={**query, "listId": "1"}) == "1013"


def test_nothing_is_found_for_a_list_on_which_nobody_is(sandbox, call):
    sandbox.world.create(email="a@x.example")
    assert call.log(12, listId=str(sandbox.settings["lists"][0])) == []


def test_activities_are_asked_for_by_what_they_are_about(sandbox, call):
    program, other = sandbox.settings["programs"][0], sandbox.world.add_program("Other", "Journey")
    id = sandbox.world.create(email="a@x.example")
    for one in (program, other):
        sandbox.world.put_status(one, id, "Interest")
    assert [activity["primaryAttributeValueId"] for activity in call.log(104, assetIds=str(other))] == [other]


def test_every_fifth_page_is_empty_and_promises_more(sandbox, call):
    for n in range(12):
        sandbox.world.create(email=f"{n}@x.example")
    token, pages = since(call), []
    while not pages or pages[-1]["moreResult"]:
        query = {"nextPageToken": token, "activityTypeIds": "12", "batchSize": "2"}
        pages.append(call.body("GET", f"{LOG}.json", params=query))
        token = pages[-1]["nextPageToken"]
    assert [len(page.get("result", [])) for page in pages] == [2, 2, 2, 2, 0, 2, 2]
    assert pages[4]["moreResult"] is True


@pytest.mark.parametrize(("days", "found"), [(None, 1), (14, 0), (16, 1)])
def test_how_long_deletions_are_told_is_a_switch(sandbox, call, days, found):
    sandbox.personality = MarketoPersonality(deletions_kept_days=days)
    sandbox.world.delete(sandbox.world.create(email="a@x.example"))
    sandbox.clock.advance(timedelta(days=15))
    body = call.body("GET", f"{LOG}/deletedleads.json", params={"nextPageToken": since(call)})
    assert len(body.get("result", [])) == found


@pytest.mark.parametrize("switch", [True, False])
def test_whether_activities_have_an_id_beside_their_key_is_a_switch(sandbox, call, switch):
    sandbox.personality = MarketoPersonality(activity_ids=switch)
    sandbox.world.create(email="a@x.example")
    (activity,) = call.log(12)
    assert isinstance(activity["marketoGUID"], str)
    assert ("id" in activity) is switch


# --- kinds of one's own ----------------------------------------------------------------------------------------


def define(call, approve=True, **change):
    (made,) = call.result("POST", f"{EXTERNAL}/type.json", json={**KIND, **change})
    name = made["apiName"]
    body = {"attributes": [{"apiName": "level", "name": "Level", "dataType": "integer"}]}
    call.result("POST", f"{EXTERNAL}/type/{name}/attributes/create.json", json=body)
    if approve:
        call.result("POST", f"{EXTERNAL}/type/{name}/approve.json")
    return made["id"]


def add(call, lead, kind, **change):
    one = {"leadId": int(lead), "activityTypeId": kind, "activityDate": "2026-01-04T12:00:00+01:00"}
    one |= {"primaryAttributeValue": "Chess", "attributes": [{"apiName": "level", "value": 3}], **change}
    return call.result("POST", f"{EXTERNAL}.json", json={"input": [one]})[0]


def test_a_kind_is_drafted_approved_and_drafted_again(call):
    define(call, approve=False)
    assert [one["status"] for one in call.result("GET", f"{EXTERNAL}/types.json")] == ["draft"]
    path = f"{EXTERNAL}/type/game"
    assert call.result("POST", f"{path}/approve.json")[0]["status"] == "approved"
    assert call.result("POST", f"{path}.json", json={"name": "Match"})[0]["status"] == "approved with draft"
    names = [call.result("GET", f"{path}/describe.json", params={"draft": d})[0]["name"] for d in ("false", "true")]
    assert names == ["Game", "Match"]
    assert call.result("POST", f"{path}/discardDraft.json")[0]["status"] == "approved"
    assert call.code("POST", f"{path}/approve.json") == "1003"


def test_attributes_are_added_changed_and_dropped_in_a_draft(call):
    define(call)
    path = f"{EXTERNAL}/type/game/attributes"
    body = {"attributes": [{"apiName": "level", "name": "Stage", "dataType": "string"}]}
    assert call.result("POST", f"{path}/update.json", json=body)[0]["attributes"][0]["name"] == "Stage"
    assert call.result("POST", f"{path}/delete.json", json=body)[0]["attributes"] == []
    assert call.code("POST", f"{path}/update.json", json=body) == "1006"
    (approved,) = call.result("GET", f"{EXTERNAL}/type/game/describe.json")
    assert [item["name"] for item in approved["attributes"]] == ["Level"]


def test_ten_kinds_and_twenty_attributes_are_all_there_can_be(call):
    define(call, approve=False)
    many = [{"apiName": f"a{n}"} for n in range(20)]
    path = f"{EXTERNAL}/type/game/attributes/create.json"
    assert call.code("POST", path, json={"attributes": many}) == "1028"
    assert call.code("POST", path, json={"attributes": many[:19]}) is None
    codes = [call.code("POST", f"{EXTERNAL}/type.json", json={**KIND, "apiName": f"k{n}"}) for n in range(10)]
    assert codes == [None] * 9 + ["1027"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"apiName": "1st"}, "1003"),
        ({"apiName": None}, "1002"),
        ({"triggerName": None}, "1002"),
        ({"primaryAttribute": None}, "1002"),
        ({"primaryAttribute": {"apiName": "x", "dataType": "colour"}}, "1003"),
    ],
)
def test_a_kind_that_is_incomplete_is_refused(call, change, code):
    assert call.code("POST", f"{EXTERNAL}/type.json", json={**KIND, **change}) == code
    assert call.code("POST", f"{EXTERNAL}/type.json", json=KIND) is None
    assert call.code("POST", f"{EXTERNAL}/type.json", json=KIND) == "1017"


def test_an_activity_is_written_as_often_as_it_is_sent_and_read_with_all_others(sandbox, call):
    kind, lead = define(call), sandbox.world.create(email="a@x.example")
    first, second = add(call, lead, kind), add(call, lead, kind)
    assert [first["status"], second["status"]] == ["added", "added"]
    assert first["marketoGUID"] != second["marketoGUID"]
    found = call.log(kind)
    assert [activity["marketoGUID"] for activity in found] == [first["marketoGUID"], second["marketoGUID"]]
    assert found[0]["activityDate"][:19] == "2026-01-04T11:00:00"
    assert (found[0]["primaryAttributeValue"], found[0]["attributes"]) == ("Chess", [{"name": "Level", "value": "3"}])
    assert kind in {one["id"] for one in call.result("GET", f"{LOG}/types.json")}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"leadId": 1}, "1004"),
        ({"activityTypeId": 12}, "1013"),
        ({"activityDate": "yesterday"}, "704"),
        ({"activityDate": None}, "1002"),
        ({"primaryAttributeValue": ""}, "1002"),
        ({"attributes": [{"apiName": "nobody", "value": 1}]}, "1006"),
        ({"attributes": [{"apiName": "level", "value": "x" * 65_536}]}, "1049"),
    ],
)
def test_an_activity_that_is_refused_says_why_in_errors_and_not_in_reasons(sandbox, call, change, code):
    kind, lead = define(call), sandbox.world.create(email="a@x.example")
    result = add(call, lead, kind, **change)
    assert (result["status"], [one["code"] for one in result["errors"]], "reasons" in result) == (
        "skipped",
        [code],
        False,
    )
    assert call.log(kind) == []


def test_nothing_is_written_of_a_kind_that_is_only_a_draft(sandbox, call):
    kind, lead = define(call, approve=False), sandbox.world.create(email="a@x.example")
    assert add(call, lead, kind)["errors"][0]["code"] == "1013"
    call.result("POST", f"{EXTERNAL}/type/game/approve.json")
    assert add(call, lead, kind)["status"] == "added"


def test_a_kind_that_is_in_use_keeps_its_primary_attribute_and_stays(sandbox, call):
    kind, lead = define(call), sandbox.world.create(email="a@x.example")
    path, body = f"{EXTERNAL}/type/game", {"primaryAttribute": {"apiName": "other"}}
    assert call.code("POST", f"{path}.json", json=body) is None
    add(call, lead, kind)
    assert (call.code("POST", f"{path}.json", json=body), call.code("POST", f"{path}/delete.json")) == (
        "1003",
        "1022",
    )


def test_a_kind_that_nothing_uses_is_deleted(call):
    define(call)
    assert call.result("POST", f"{EXTERNAL}/type/game/delete.json")[0]["status"] == "deleted"
    assert call.result("GET", f"{EXTERNAL}/types.json") == []
