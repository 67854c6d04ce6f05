"""Leads in the sandbox: partitions, fields, merges, forms, and everything that brings leads."""

import pytest

from instep_marketo.sandbox import MarketoPersonality

LEADS, PARTITIONS, FIELDS = "/rest/v1/leads.json", "/rest/v1/leads/partitions.json", "/rest/v1/leads/schema/fields"
COOKIE = "id:123-ABC-456&token:_mch-x.example-1412345678901-12345"


def find(call, kind, *values, **more):
    return call.result("GET", LEADS, params={"filterType": kind, "filterValues": ",".join(map(str, values)), **more})


# --- finding ---------------------------------------------------------------------------------------------------


def test_an_address_is_found_in_any_letter_case_and_every_twin_with_it(sandbox, call):
    ids = [int(sandbox.world.create(email=email)) for email in ("A@x.example", "a@X.example", "b@x.example")]
    assert [lead["id"] for lead in find(call, "email", "a@x.EXAMPLE")] == ids[:2]


def test_pages_are_followed_by_tokens_with_signs_that_must_be_encoded(sandbox, call):
    ids = [int(sandbox.world.create(email=f"{n}@x.example")) for n in range(3)]
    query = {"filterType": "id", "filterValues": ",".join(map(str, ids)), "batchSize": "2"}
    first = call.body("GET", LEADS, params=query)
    second = call.body("GET", LEADS, params={**query, "nextPageToken": first["nextPageToken"]})
    assert [lead["id"] for lead in first["result"] + second["result"]] == ids
    assert first["nextPageToken"].endswith("=")
    assert "nextPageToken" not in second


@pytest.mark.parametrize(("limit", "code"), [(2, None), (1, "1003")])
def test_a_filter_that_finds_too_many_leads_finds_none(sandbox, call, limit, code):
    sandbox.personality = MarketoPersonality(matches_limit=limit)
    for _ in range(2):
        sandbox.world.create(email="a@x.example")
    assert call.code("GET", LEADS, params={"filterType": "email", "filterValues": "a@x.example"}) == code


def test_a_long_filter_may_come_as_a_form(sandbox, call):
    id = int(sandbox.world.create(email="a@x.example"))
    form = {"filterType": "email", "filterValues": "a@x.example", "fields": "email"}
    assert call.result("POST", LEADS, params={"_method": "GET"}, data=form) == [{"id": id, "email": "a@x.example"}]


def test_page_sizes_that_are_no_numbers_are_refused(call):
    query = {"filterType": "email", "filterValues": "a", "batchSize": "many"}
    assert call.code("GET", LEADS, params=query) == "1001"


# --- partitions ------------------------------------------------------------------------------------------------


def test_leads_are_made_in_a_partition_and_stay_there(sandbox, call):
    sandbox.world.add_partition("EU")
    assert [item["name"] for item in call.result("GET", PARTITIONS)] == ["Default", "EU"]
    (made,) = call.sync({"email": "a@x.example"}, partitionName="EU")
    assert find(call, "leadPartitionId", 2)[0]["id"] == made["id"]
    (same,) = call.sync({"email": "a@x.example", "phone": "1"}, partitionName="EU")
    (other,) = call.sync({"email": "a@x.example", "phone": "2"}, partitionName="Default")
    assert (same["status"], call.why(other)) == ("updated", "1010")
    assert sandbox.world.read(str(made["id"]))["phone"] == "1"


def test_an_update_needs_no_partition(sandbox, call):
    sandbox.world.add_partition("EU")
    (made,) = call.sync({"email": "a@x.example"}, partitionName="EU")
    row = {"id": made["id"], "phone": "1"}
    (result,) = call.sync(row, action="updateOnly", lookupField="id", partitionName="Default")
    assert result["status"] == "updated"


@pytest.mark.parametrize(("close", "code"), [(False, None), (True, "1008")])
def test_a_partition_that_is_closed_to_the_login_is_refused(sandbox, call, close, code):
    sandbox.world.add_partition("EU")
    if close:
        sandbox.world.close_partition("EU")
    body = {"input": [{"email": "a@x.example"}], "partitionName": "EU"}
    assert call.code("POST", LEADS, json=body) == code
    assert ("EU" in {item["name"] for item in call.result("GET", PARTITIONS)}) is not close


@pytest.mark.parametrize(("required", "code"), [(False, None), (True, "1009")])
def test_a_new_lead_without_a_partition_is_skipped_where_one_must_be_named(sandbox, call, required, code):
    sandbox.world.add_partition("EU")
    sandbox.personality = MarketoPersonality(partition_required=required)
    assert call.why(call.sync({"email": "a@x.example"})[0]) == code
    assert call.why(call.sync({"email": "b@x.example"}, partitionName="EU")[0]) is None


def test_moving_to_a_partition_is_a_call_of_its_own_and_is_logged(sandbox, call):
    sandbox.world.add_partition("EU")
    id = int(sandbox.world.create(email="a@x.example"))
    rows = [{"id": id, "partitionName": "EU"}, {"id": 1, "partitionName": "EU"}, {"id": id, "partitionName": "X"}]
    results = call.result("POST", PARTITIONS, json={"input": rows})
    assert [call.why(result) for result in results] == [None, "1004", "1008"]
    (activity,) = call.log(100)
    assert (activity["leadId"], activity["primaryAttributeValue"]) == (id, "EU")


# --- twins and merges ------------------------------------------------------------------------------------------


def test_a_duplicate_that_was_asked_for_makes_later_updates_by_its_key_fail(sandbox, call):
    for _ in range(2):
        call.sync({"email": "a@x.example"}, action="createDuplicate")
    assert call.why(call.sync({"email": "a@x.example", "phone": "1"})[0]) == "1007"
    call.body("POST", f"/rest/v1/leads/{sandbox.world.ids()[0]}/merge.json?leadIds={sandbox.world.ids()[1]}")
    assert call.why(call.sync({"email": "a@x.example", "phone": "1"})[0]) is None


def test_a_merge_has_no_result_and_fills_only_what_was_blank(sandbox, call):
    kept = sandbox.world.create(email="a@x.example", phone="1")
    lost = sandbox.world.create(email="b@x.example", phone="2", title="CEO")
    body = call.body("POST", f"/rest/v1/leads/{kept}/merge.json", params={"leadId": lost})
    lead = sandbox.world.read(kept)
    assert "result" not in body
    assert (lead["email"], lead["phone"], lead["title"], sandbox.world.read(lost)) == (
        "a@x.example",
        "1",
        "CEO",
        None,
    )


@pytest.mark.parametrize(("count", "code"), [(25, None), (26, "1080")])
def test_a_merge_takes_twenty_five_leads_at_most(sandbox, call, count, code):
    kept = sandbox.world.create(email="a@x.example")
    lost = [sandbox.world.create(email=f"{n}@x.example") for n in range(count)]
    assert call.code("POST", f"/rest/v1/leads/{kept}/merge.json", params={"leadIds": ",".join(lost)}) == code
    assert len(sandbox.world.ids()) == (1 if code is None else count + 1)


# --- fields ----------------------------------------------------------------------------------------------------

FIELD = {"displayName": "Buying Step", "name": "buyingStep", "dataType": "string"}


def test_a_field_is_made_changed_and_hidden_but_never_deleted(call):
    path = f"{FIELDS}/buyingStep.json"
    assert call.result("POST", f"{FIELDS}.json", json={"input": [FIELD]}) == [
        {"name": "buyingStep", "status": "created"}
    ]
    call.result("POST", path, json={"input": [{"displayName": "Step", "isHidden": True}]})
    (field,) = call.result("GET", path)
    assert (field["displayName"], field["isHidden"], field["isApiCreated"]) == ("Step", True, True)
    assert call.code("DELETE", path) == "605"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("buyingStage", {"dataType": "integer"}, "1011"),
        ("buyingStage", {"name": "other"}, "1011"),
        ("buyingStage", {"displayName": "Email Address"}, "1003"),
        ("email", {"isHidden": True}, "1003"),
        ("email", {"description": "Theirs"}, None),
    ],
)
def test_of_a_field_only_its_words_and_its_visibility_change(call, name, change, code):
    assert call.why(call.result("POST", f"{FIELDS}/{name}.json", json={"input": [change]})[0]) == code


def test_a_field_that_is_not_there_is_not_read(call):
    assert call.code("GET", f"{FIELDS}/nobody.json") == "1006"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "1st"}, "1003"),
        ({"name": "a b"}, "1003"),
        ({"displayName": "Step/Stage"}, "1003"),
        ({"dataType": "choice"}, "1003"),
        ({"name": "email"}, "1017"),
        ({"displayName": "Email Address"}, "1017"),
        ({"displayName": None}, "1002"),
        ({}, None),
    ],
)
def test_names_of_new_fields_have_rules(call, change, code):
    assert call.why(call.result("POST", f"{FIELDS}.json", json={"input": [{**FIELD, **change}]})[0]) == code


def test_so_many_fields_are_made_by_api_and_no_more(sandbox, call):
    sandbox.personality = MarketoPersonality(custom_fields_limit=2)  # one is there from the start
    rows = [{**FIELD, "name": f"f{n}", "displayName": f"F {n}"} for n in range(2)]
    results = call.result("POST", f"{FIELDS}.json", json={"input": rows})
    assert [call.why(result) for result in results] == [None, "1014"]


# --- forms, push and cookies -----------------------------------------------------------------------------------


def submit(call, form, fields, **more):
    body = {"formId": form, "input": [{"leadFormFields": fields, **more}]}
    return call("POST", "/rest/v1/leads/submitForm.json", json=body).json()


def test_a_form_makes_a_lead_and_tells_what_was_filled_in(sandbox, call):
    form = sandbox.world.add_form("Contact", ["email", "phone"])
    visit = {"pageURL": "https://x.example/", "userAgentString": "Firefox"}
    (done,) = submit(call, form, {"email": "a@x.example", "phone": "1"}, visitorData=visit, cookie=COOKIE)["result"]
    assert done["status"] == "created"
    (activity,) = call.log(2)
    told = {item["name"]: item["value"] for item in activity["attributes"]}
    assert (activity["leadId"], activity["primaryAttributeValueId"]) == (done["id"], form)
    assert (told["Form Fields"], told["User Agent"]) == ("email=a@x.example, phone=1", "Firefox")
    assert [lead["id"] for lead in find(call, "cookies", COOKIE)] == [done["id"]]


def test_a_second_form_of_the_same_person_updates(sandbox, call):
    form = sandbox.world.add_form("Contact", ["email"])
    first, second = (submit(call, form, {"email": "a@x.example"})["result"][0] for _ in range(2))
    assert (first["id"], second["status"], len(call.log(2))) == (second["id"], "updated", 2)


def test_a_form_takes_only_its_own_fields_one_visitor_and_a_cookie_that_is_one(sandbox, call):
    form = sandbox.world.add_form("Contact", ["email"])
    fields = {"email": "a@x.example"}
    assert call.why(submit(call, form, {**fields, "phone": "1"})["result"][0]) == "1006"
    assert call.why(submit(call, form, fields, cookie="x")["result"][0]) == "1012"
    assert submit(call, 1, fields)["errors"][0]["code"] == "1013"
    two = {"formId": form, "input": [{"leadFormFields": fields}] * 2}
    assert call.code("POST", "/rest/v1/leads/submitForm.json", json=two) == "1003"
    assert sandbox.world.ids() == []


def push(call, program, **more):
    body = {"programName": program, "input": [{"email": "a@x.example"}], **more}
    return call("POST", "/rest/v1/leads/push.json", json=body).json()


def test_a_pushed_lead_becomes_a_member_and_the_log_says_why(sandbox, call):
    program = sandbox.settings["programs"][0]
    (done,) = push(call, "Buying journey", programStatus="Interest", reason="Fair", source="Badge")["result"]
    assert sandbox.world.status(program, str(done["id"])) == "Interest"
    (activity,) = call.log(145)
    told = {item["name"]: item["value"] for item in activity["attributes"]}
    assert (activity["primaryAttributeValueId"], told["Reason"], told["Source"]) == (program, "Fair", "Badge")


def test_a_push_without_a_status_takes_the_first_and_never_moves_anybody_back(sandbox, call):
    program = sandbox.settings["programs"][0]
    (done,) = push(call, "Buying journey")["result"]
    assert sandbox.world.status(program, str(done["id"])) == "Awareness"
    push(call, "Buying journey", programStatus="Purchase")
    (again,) = push(call, "Buying journey", programStatus="Interest")["result"]
    assert (again["status"], sandbox.world.status(program, str(done["id"]))) == ("updated", "Purchase")


@pytest.mark.parametrize(
    ("program", "more", "code"),
    [("", {}, "1002"), ("Nothing", {}, "1013"), ("Buying journey", {"programStatus": "Former"}, "1025")],
)
def test_a_push_names_a_program_and_one_of_its_statuses(sandbox, call, program, more, code):
    assert push(call, program, **more)["errors"][0]["code"] == code
    assert sandbox.world.ids() == []


def test_a_cookie_is_tied_to_a_lead_and_follows_it_into_a_merge(sandbox, call):
    kept, lost = (int(sandbox.world.create(email=f"{n}@x.example")) for n in range(2))
    path = "/rest/v1/leads/{}/associate.json"
    assert "result" not in call.body("POST", path.format(lost), params={"cookie": COOKIE})
    assert [lead["id"] for lead in find(call, "cookies", COOKIE)] == [lost]
    sandbox.world.merge("leads", str(kept), str(lost))
    assert [lead["id"] for lead in find(call, "cookies", COOKIE)] == [kept]


@pytest.mark.parametrize("cookie", ["x", "id:1&token:_mch-x", "token:_mch-x.example-1"])
def test_what_is_no_cookie_is_refused(sandbox, call, cookie):
    id = sandbox.world.create(email="a@x.example")
    assert call.code("POST", f"/rest/v1/leads/{id}/associate.json", params={"cookie": cookie}) == "1012"
    assert call.code("POST", f"/rest/v1/leads/{id}/associate.json", params={"cookie": COOKIE}) is None
