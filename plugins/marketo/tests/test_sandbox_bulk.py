"""Bulk extracts and imports in the sandbox: queues, files, and what they refuse."""

import csv
import hashlib
import io
from datetime import timedelta

import pytest
import requests

from instep_marketo.sandbox import MarketoPersonality

EXPORT, ACTIVITIES, IMPORT = "/bulk/v1/leads/export", "/bulk/v1/activities/export", "/bulk/v1/leads"
JANUARY = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}
WHOLE = {"fields": ["id", "email", "phone"], "filter": {"createdAt": JANUARY}}


def create(call, body=WHOLE, root=EXPORT):
    return call.result("POST", f"{root}/create.json", json=body)[0]["exportId"]


def enqueue(call, id, root=EXPORT):
    return call.code("POST", f"{root}/{id}/enqueue.json")


def status(call, id, root=EXPORT):
    return call.result("GET", f"{root}/{id}/status.json")[0]


def extract(sandbox, call, body=WHOLE, root=EXPORT):
    """Have a file made, and wait for it."""
    id = create(call, body, root)
    assert enqueue(call, id, root) is None
    sandbox.clock.advance(timedelta(seconds=61))
    return id, call("GET", f"{root}/{id}/file.json")


def rows(text, delimiter=","):
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


# --- the life of an extract ------------------------------------------------------------------------------------


def test_an_extract_takes_its_time_and_a_file_is_404_in_plain_text_until_then(sandbox, call):
    sandbox.world.create(email="a@x.example")
    job = create(call)
    assert enqueue(call, job) is None
    early = call("GET", f"{EXPORT}/{job}/file.json")
    assert (early.status_code, early.headers["Content-Type"]) == (404, "text/plain")
    sandbox.clock.advance(timedelta(seconds=61))
    done, file = status(call, job), call("GET", f"{EXPORT}/{job}/file.json")
    assert (done["status"], done["numberOfRecords"], done["fileSize"]) == ("Completed", 1, len(file.content))
    assert done["fileChecksum"] == f"sha256:{hashlib.sha256(file.content).hexdigest()}"
    assert rows(file.text)[1][1:] == ["a@x.example", "null"]


def test_two_extracts_run_and_the_third_waits_its_turn(sandbox, call):
    jobs = [create(call) for _ in range(3)]
    for job in jobs:
        enqueue(call, job)
    assert [status(call, job)["status"] for job in jobs] == ["Processing", "Processing", "Queued"]
    sandbox.clock.advance(timedelta(seconds=60))
    assert [status(call, job)["status"] for job in jobs] == ["Completed", "Completed", "Processing"]
    sandbox.clock.advance(timedelta(seconds=60))
    third = status(call, jobs[2])
    assert (third["queuedAt"], third["startedAt"], third["finishedAt"]) == (
        "2026-01-05T09:00:00Z",
        "2026-01-05T09:01:00Z",
        "2026-01-05T09:02:00Z",
    )


def test_a_job_that_is_cancelled_makes_room_and_is_spelt_two_ways(sandbox, call):
    jobs = [create(call) for _ in range(3)]
    for job in jobs:
        enqueue(call, job)
    sandbox.clock.advance(timedelta(seconds=30))
    assert call.result("POST", f"{EXPORT}/{jobs[0]}/cancel.json")[0]["status"] == "Cancelled"
    assert [status(call, job)["status"] for job in jobs] == ["Canceled", "Processing", "Processing"]
    assert status(call, jobs[2])["startedAt"] == "2026-01-05T09:00:30Z"
    assert call("GET", f"{EXPORT}/{jobs[0]}/file.json").status_code == 404


def test_ten_jobs_wait_or_run_whatever_they_extract(sandbox, call):
    body = {"filter": {"createdAt": JANUARY, "activityTypeIds": [13]}}
    codes = [enqueue(call, create(call)) for _ in range(9)]
    codes.append(enqueue(call, create(call, body, ACTIVITIES), ACTIVITIES))
    assert codes == [None] * 10
    waiting = create(call)
    reply = call("POST", f"{EXPORT}/{waiting}/enqueue.json").json()["errors"][0]
    assert reply == {"code": "1029", "message": "Too many jobs in queue"}
    sandbox.clock.advance(timedelta(seconds=60))
    assert enqueue(call, waiting) is None


def test_the_same_code_has_three_meanings(sandbox, call):
    sandbox.personality = MarketoPersonality(extract_bytes_a_day=10, jobs_queued=1)
    job, other = create(call), create(call)

    def said(id):
        (error,) = call("POST", f"{EXPORT}/{id}/enqueue.json").json()["errors"]
        return error["code"], error["message"]

    enqueue(call, job)
    assert said(job) == ("1029", "Job already queued")
    assert said(other) == ("1029", "Too many jobs in queue")
    sandbox.clock.advance(timedelta(seconds=60))
    assert said(other) == ("1029", "Export daily quota exceeded")


def test_the_volume_of_a_day_is_that_of_completed_files_and_begins_anew_in_chicago(sandbox, call):
    sandbox.personality = MarketoPersonality(extract_bytes_a_day=10)
    late = create(call)
    extract(sandbox, call)
    assert enqueue(call, late) == "1029"
    sandbox.clock.advance(timedelta(hours=24))
    assert enqueue(call, late) is None


def test_a_job_is_only_for_who_made_it(sandbox, call, callers):
    other = callers(*sandbox.world.add_login("tap@api.sandbox.example"))
    job, _ = extract(sandbox, call)
    assert other.code("GET", f"{EXPORT}/{job}/status.json") == "1013"
    assert other("GET", f"{EXPORT}/{job}/file.json").status_code == 404
    assert other.result("GET", f"{EXPORT}.json") == []
    assert [one["exportId"] for one in call.result("GET", f"{EXPORT}.json")] == [job]


def test_jobs_are_listed_by_status_for_a_week(sandbox, call):
    job, _ = extract(sandbox, call)
    waiting = create(call)
    query = {"status": "Completed,Failed"}
    assert [one["exportId"] for one in call.result("GET", f"{EXPORT}.json", params=query)] == [job]
    assert {one["exportId"] for one in call.result("GET", f"{EXPORT}.json")} == {job, waiting}
    sandbox.clock.advance(timedelta(days=8))
    assert call.result("GET", f"{EXPORT}.json") == []


def test_a_file_is_gone_after_a_week_though_its_job_is_still_called_complete(sandbox, call):
    job, file = extract(sandbox, call)
    assert file.status_code == 200
    sandbox.clock.advance(timedelta(days=8))
    first = call("GET", f"{EXPORT}/{job}/file.json", headers={"Range": "bytes=0-0"})
    assert (status(call, job)["status"], first.status_code) == ("Completed", 404)


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [("bytes=0-1", 206, slice(0, 2)), ("bytes=3-", 206, slice(3, None)), ("bytes=-4", 206, slice(-4, None))],
)
def test_a_part_of_a_file_can_be_asked_for(sandbox, call, asked, status, part):
    sandbox.world.create(email="a@x.example")
    job, whole = extract(sandbox, call)
    reply = call("GET", f"{EXPORT}/{job}/file.json", headers={"Range": asked})
    assert (reply.status_code, reply.content) == (status, whole.content[part])
    assert reply.headers["Content-Range"].endswith(f"/{len(whole.content)}")
    assert call("GET", f"{EXPORT}/{job}/file.json", headers={"Range": "bytes=9999-"}).status_code == 416


# --- what is in a file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("format", "delimiter"), [("CSV", ","), ("TSV", "\t"), ("SSV", ";")])
def test_files_have_one_of_three_signs_between_values_and_headings_of_ones_own(sandbox, call, format, delimiter):
    id = sandbox.world.create(email="a@x.example")
    body = {**WHOLE, "format": format, "columnHeaderNames": {"id": "Marketo Id"}}
    _, file = extract(sandbox, call, body)
    assert rows(file.text, delimiter) == [["Marketo Id", "email", "phone"], [id, "a@x.example", "null"]]
    assert "Content-Encoding" not in file.headers


def test_only_the_leads_that_the_filter_finds_are_extracted(sandbox, call):
    early = sandbox.world.create(email="a@x.example")
    sandbox.clock.advance(timedelta(days=40))
    late = sandbox.world.create(email="b@x.example")
    sandbox.world.put_on_list(sandbox.settings["lists"][0], late)
    for chosen, found in (
        ({"createdAt": JANUARY}, early),
        ({"staticListId": sandbox.settings["lists"][0]}, late),
        ({"staticListName": "Watched"}, late),
    ):
        _, file = extract(sandbox, call, {**WHOLE, "filter": chosen})
        assert [row[0] for row in rows(file.text)[1:]] == [found]


@pytest.mark.parametrize(("switch", "code"), [(False, "1035"), (True, None)])
def test_whether_leads_are_extracted_by_their_last_change_is_a_switch(sandbox, call, switch, code):
    sandbox.personality = MarketoPersonality(extracts_updates=switch)
    body = {**WHOLE, "filter": {"updatedAt": JANUARY}}
    assert call.code("POST", f"{EXPORT}/create.json", json=body) == code


def test_an_extract_by_change_sees_custom_fields_which_the_leads_own_time_does_not(sandbox, call):
    sandbox.personality = MarketoPersonality(extracts_updates=True)
    ids = [sandbox.world.create(email=f"{n}@x.example") for n in range(2)]
    made = sandbox.world.read(ids[0])["updatedAt"]
    sandbox.clock.advance(timedelta(days=2))
    sandbox.world.edit(ids[0], buyingStage="Interest")
    stretch = {"startAt": "2026-01-06T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}
    _, file = extract(sandbox, call, {**WHOLE, "filter": {"updatedAt": stretch}})
    assert [row[0] for row in rows(file.text)[1:]] == [ids[0]]
    assert sandbox.world.read(ids[0])["updatedAt"] == made


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fields": []}, "1002"),
        ({"fields": ["nobody"]}, "1006"),
        ({"format": "XLS"}, "1003"),
        ({"filter": {}}, "1002"),
        ({"filter": {"createdAt": JANUARY, "staticListId": 1}}, "1003"),
        ({"filter": {"createdAt": {"startAt": "yesterday", "endAt": "now"}}}, "704"),
        ({"filter": {"createdAt": {**JANUARY, "endAt": "2026-02-01T00:00:00Z"}}}, None),
        ({"filter": {"createdAt": {**JANUARY, "endAt": "2026-02-02T00:00:00Z"}}}, "1003"),
        ({"filter": {"smartListId": 1}}, "1035"),
        ({"filter": {"staticListId": 1}}, "1013"),
    ],
)
def test_an_extract_is_of_known_fields_and_one_filter_of_a_month_at_most(call, change, code):
    assert call.code("POST", f"{EXPORT}/create.json", json={**WHOLE, **change}) == code


def test_activities_are_extracted_by_type_and_never_as_deletions(sandbox, call):
    id = sandbox.world.create(email="a@x.example", phone="1")
    sandbox.world.edit(id, phone="2")
    sandbox.world.delete(sandbox.world.create(email="b@x.example"))
    body = {"filter": {"createdAt": JANUARY, "activityTypeIds": [13]}}
    _, file = extract(sandbox, call, body, ACTIVITIES)
    heading, only = rows(file.text)
    told = dict(zip(heading, only, strict=True))
    assert (told["leadId"], told["activityTypeId"], told["campaignId"]) == (id, "13", "null")
    assert '"New Value": "2"' in told["attributes"]
    _, file = extract(sandbox, call, {"filter": {"createdAt": JANUARY}}, ACTIVITIES)
    assert {row[3] for row in rows(file.text)[1:]} == {"12", "13"}


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"activityTypeIds": [37]}, "1003"),
        ({"activityTypeIds": [99999]}, "1003"),
        ({"primaryAttributeValues": ["x"]}, "1003"),
        ({"activityTypeIds": [1], "primaryAttributeValues": ["x"], "primaryAttributeValueIds": [1]}, "1003"),
        ({"activityTypeIds": [1], "primaryAttributeValueIds": list(range(51))}, "1003"),
        ({"activityTypeIds": [1], "primaryAttributeValueIds": [71]}, None),
    ],
)
def test_a_filter_of_activities_has_rules(call, chosen, code):
    body = {"filter": {"createdAt": JANUARY, **chosen}}
    assert call.code("POST", f"{ACTIVITIES}/create.json", json=body) == code


# --- imports ---------------------------------------------------------------------------------------------------


def send(call, text, **query):
    token = call.identify().json()["access_token"]
    return call("POST", f"{IMPORT}.json", token, params={"format": "csv", **query}, files={"file": ("l.csv", text)})


def load(sandbox, call, text, **query):
    """Import a file, and wait for it."""
    reply = send(call, text, **query).json()
    assert reply["success"], reply
    sandbox.clock.advance(timedelta(seconds=10))
    (batch,) = call.result("GET", f"{IMPORT}/batch/{reply['result'][0]['batchId']}.json")
    return batch


def test_an_import_is_queued_and_takes_every_row_some_time_later(sandbox, call):
    (made,) = send(call, "email,phone\na@x.example,1\nb@x.example,2\n").json()["result"]
    path = f"{IMPORT}/batch/{made['batchId']}.json"
    assert (made["status"], call.result("GET", path)[0]["status"]) == ("Queued", "Importing")
    assert sandbox.world.ids() == []
    sandbox.clock.advance(timedelta(seconds=10))
    (done,) = call.result("GET", path)
    assert (done["status"], done["numOfLeadsProcessed"], done["numOfRowsFailed"]) == ("Complete", 2, 0)
    assert [sandbox.world.read(id)["phone"] for id in sandbox.world.ids()] == ["1", "2"]
    assert call.log(12)[0]["attributes"][0] == {"name": "Source Type", "value": "List import"}


def test_rows_that_were_not_taken_come_back_with_the_reason(sandbox, call):
    batch = load(sandbox, call, "email,phone\na@x.example,1\n,2\nc@x.example,3,4\n")
    assert (batch["numOfLeadsProcessed"], batch["numOfRowsFailed"]) == (1, 2)
    failures = rows(call("GET", f"{IMPORT}/batch/{batch['batchId']}/failures.json").text)
    assert failures[0] == ["email", "phone", "Import Failure Reason"]
    assert [row[:2] for row in failures[1:]] == [["", "2"], ["c@x.example", "3"]]


def test_a_value_that_cannot_be_stored_is_left_out_with_a_warning(sandbox, call):
    batch = load(sandbox, call, "email,leadScore\na@x.example,many\nb@x.example,5\n")
    assert (batch["numOfLeadsProcessed"], batch["numOfRowsWithWarning"]) == (2, 1)
    assert [sandbox.world.read(id).get("leadScore") for id in sandbox.world.ids()] == [None, 5]
    warnings = rows(call("GET", f"{IMPORT}/batch/{batch['batchId']}/warnings.json").text)
    assert warnings[1][:2] == ["a@x.example", "many"]


def test_an_import_by_id_only_updates(sandbox, call):
    id = sandbox.world.create(email="a@x.example")
    batch = load(sandbox, call, f"id,phone\n{id},1\n999999,2\n", lookupField="id")
    assert (batch["numOfLeadsProcessed"], batch["numOfRowsFailed"]) == (1, 1)
    assert (sandbox.world.ids(), sandbox.world.read(id)["phone"]) == ([id], "1")


def test_an_import_can_put_its_leads_on_a_list_and_in_a_partition(sandbox, call):
    sandbox.world.add_partition("EU")
    watched = sandbox.settings["lists"][0]
    load(sandbox, call, "email\na@x.example\n", listId=str(watched), partitionName="EU")
    (id,) = sandbox.world.ids()
    assert (sandbox.world.on_list(watched, id), sandbox.world.read(id)["leadPartitionId"]) == (True, 2)


def test_ten_imports_wait_or_run(sandbox, call):
    sandbox.personality = MarketoPersonality(jobs_queued=2)
    file = "email\na@x.example\n"
    codes = [send(call, file).json().get("errors", [{"code": None}])[0]["code"] for _ in range(3)]
    assert codes == [None, None, "1016"]
    sandbox.clock.advance(timedelta(seconds=10))
    assert send(call, file).json()["success"]


@pytest.mark.parametrize(
    ("text", "query", "code"),
    [
        ("email\n", {}, "1003"),
        ("phone\n1\n", {}, "1003"),
        ("email,nobody\na,1\n", {}, "1006"),
        ("email\na@x.example\n", {"format": "xls"}, "1003"),
        ("email\na@x.example\n", {"listId": "1"}, "1013"),
        ("email\na@x.example\n", {"partitionName": "EU"}, "1008"),
        ("email\na@x.example\n", {"lookupField": "firstName"}, "1011"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_at_once(call, text, query, code):
    assert send(call, text, **query).json()["errors"][0]["code"] == code


def test_an_import_is_a_body_of_several_parts_one_of_them_the_file(call):
    query = {"format": "csv"}
    assert call.code("POST", f"{IMPORT}.json", params=query, json={"input": []}) == "612"
    assert call.code("POST", f"{IMPORT}.json", params=query, files={"other": "email\na@x.example\n"}) == "613"


def test_an_import_is_forgotten_after_a_week_and_by_a_reset(sandbox, call):
    batch = load(sandbox, call, "email\na@x.example\n")
    path = f"{IMPORT}/batch/{batch['batchId']}.json"
    sandbox.clock.advance(timedelta(days=6))
    assert call.code("GET", path) is None
    sandbox.clock.advance(timedelta(days=2))
    assert call.code("GET", path) == "1013"
    path = f"{IMPORT}/batch/{load(sandbox, call, 'email,phone' + chr(10) + 'b@x.example,1')['batchId']}.json"
    requests.post(f"{sandbox.url}/_sandbox/reset")
    assert call.code("GET", path) == "1013"
