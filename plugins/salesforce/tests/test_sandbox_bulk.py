"""Bulk API 2.0 of the Salesforce sandbox."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import SalesforceBulkV2LoadError, SalesforceOperationError

from .sandboxes import Opened, lead, opened

QUICK = {"wait": 0.001}
CSV = {"Content-Type": "text/csv; charset=UTF-8"}


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        running.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
        yield running


def begin(org: Opened, operation: str = "insert", object: str = "Lead", **more: object) -> dict[str, Any]:
    answer = org.call("POST", "jobs/ingest", {"operation": operation, "object": object, "contentType": "CSV", **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def upload(org: Opened, id: str, text: str | bytes) -> requests.Response:
    data = text.encode() if isinstance(text, str) else text
    return org.sf.session.put(f"{org.base}jobs/ingest/{id}/batches", data=data, headers={**org.sf.headers, **CSV})


def close(org: Opened, id: str, state: str = "UploadComplete", kind: str = "ingest") -> requests.Response:
    return org.call("PATCH", f"jobs/{kind}/{id}", {"state": state})


def look(org: Opened, id: str, kind: str = "ingest") -> dict[str, Any]:
    return dict(org.call("GET", f"jobs/{kind}/{id}").json())


def table(answer: requests.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def results(org: Opened, id: str, which: str = "successfulResults") -> list[dict[str, str]]:
    return table(org.call("GET", f"jobs/ingest/{id}/{which}/"))


def run(org: Opened, text: str, operation: str = "insert", **more: object) -> str:
    """A whole job; gives its id."""
    id = str(begin(org, operation, **more)["id"])
    assert upload(org, id, text).status_code == 201
    close(org, id)
    while look(org, id)["state"] == "InProgress":
        pass
    return id


# --- the life of a job -----------------------------------------------------------------------------------------


def test_a_job_goes_its_way(org: Opened) -> None:
    job = begin(org, "upsert", externalIdFieldName="key__c")
    assert (job["id"][:3], job["state"], job["apiVersion"]) == ("750", "Open", 63.0)
    assert (job["externalIdFieldName"], job["createdDate"]) == ("Key__c", "2026-01-05T09:00:00.000+0000")
    assert job["contentUrl"] == f"services/data/v63.0/jobs/ingest/{job['id']}/batches"
    answer = upload(org, job["id"], "Key__c,LastName,Company\nk1,L,C\n")
    assert (answer.status_code, answer.content) == (201, b"")
    closed = close(org, job["id"])
    assert (closed.status_code, closed.json()["state"]) == (200, "UploadComplete")
    assert "numberRecordsProcessed" not in closed.json()
    assert look(org, job["id"])["state"] == "InProgress"
    done = look(org, job["id"])
    assert (done["state"], done["jobType"], done["retries"]) == ("JobComplete", "V2Ingest", 0)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (1, 0)
    assert org.call("DELETE", f"jobs/ingest/{job['id']}").status_code == 204
    assert org.call("GET", f"jobs/ingest/{job['id']}").status_code == 404


@pytest.mark.parametrize("polls", [0, 1, 4])
def test_how_often_a_job_is_in_progress_can_be_chosen(org: Opened, polls: int) -> None:
    org.behave(bulk_polls=polls)
    id = begin(org)["id"]
    upload(org, id, "LastName,Company\n" + "L,C\n" * 5)
    close(org, id)
    states = [look(org, id)["state"] for _ in range(polls + 1)]
    assert states == ["InProgress"] * polls + ["JobComplete"]
    assert len(org.world.all("Lead")) == 5


def test_a_job_is_worked_share_by_share_and_can_be_aborted_between(org: Opened) -> None:
    org.behave(bulk_polls=3)
    id = begin(org)["id"]
    upload(org, id, "LastName,Company\n" + "".join(f"L{n},C\n" for n in range(8)))
    close(org, id)
    look(org, id)
    assert len(org.world.all("Lead")) == 2
    assert close(org, id, "Aborted").json()["state"] == "Aborted"
    assert len(results(org, id)) == 2
    for spelling in ("unprocessedrecords", "unprocessedRecords"):
        assert [row["LastName"] for row in results(org, id, spelling)] == [f"L{n}" for n in range(2, 8)]
    assert look(org, id)["state"] == "Aborted"


def test_a_closed_job_ends_without_anybody_looking(org: Opened) -> None:
    id = begin(org)["id"]
    upload(org, id, "LastName,Company\nL,C\n")
    close(org, id)
    assert org.values("SELECT Id FROM Lead") == []
    org.pass_time(minutes=10)
    assert len(org.values("SELECT Id FROM Lead")) == 1
    assert look(org, id)["state"] == "JobComplete"


def test_a_job_is_kept_for_a_week(org: Opened) -> None:
    id = run(org, "LastName,Company\nL,C\n")
    org.pass_time(days=6)
    assert look(org, id)["state"] == "JobComplete"
    assert [job["id"] for job in org.call("GET", "jobs/ingest").json()["records"]] == [id]
    org.pass_time(days=1)
    assert org.call("GET", f"jobs/ingest/{id}").status_code == 404


def test_what_is_out_of_turn_is_refused(org: Opened) -> None:
    id = begin(org)["id"]
    assert org.call("GET", f"jobs/ingest/{id}/successfulResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert org.call("DELETE", f"jobs/ingest/{id}").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    upload(org, id, "LastName,Company\nL,C\n")
    assert upload(org, id, "LastName,Company\nL,C\n").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    close(org, id)
    assert close(org, id).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert org.call("GET", f"jobs/query/{id}").status_code == 404
    assert org.call("GET", f"jobs/ingest/{id}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "explode", "object": "Lead"}, "INVALIDOPERATION"),
        ({"operation": "insert", "object": "Nothing"}, "INVALIDENTITY"),
        ({"operation": "insert", "object": "LeadStatus"}, "INVALIDENTITY"),
        ({"operation": "upsert", "object": "Lead"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Lead", "contentType": "XML"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Lead", "lineEnding": "CR"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Lead", "externalIdFieldName": "Title"}, "NOT_FOUND"),
    ],
)
def test_a_job_that_cannot_be_is_refused(org: Opened, body: dict[str, str], code: str) -> None:
    assert org.call("POST", "jobs/ingest", body).json()[0]["errorCode"] == code


def test_uploads_have_a_type_and_a_size(org: Opened) -> None:
    org.behave(bulk_upload_bytes=30)
    id = begin(org)["id"]
    url = f"{org.base}jobs/ingest/{id}/batches"
    assert org.sf.session.put(url, data=b"LastName\nL\n", headers=org.sf.headers).status_code == 415
    assert upload(org, id, "LastName,Company\n" + "x" * 20).json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    assert upload(org, id, "LastName,Company\nL,C\n").status_code == 201


@pytest.mark.parametrize(
    ("text", "more", "error"),
    [
        ("LastName,Nope__c\nL,1\n", {}, "InvalidBatch : Field name not found : Nope__c"),
        ("LastName;Company\nL;C\n", {}, "InvalidBatch : Field name not found : LastName;Company"),
        ("LastName,Company\r\nL,C\r\n", {}, "LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("LastName,Company\nL,C\n", {"lineEnding": "CRLF"}, "Current LineEnding setting is CRLF"),
        ("LastName,Company\n", {}, "InvalidBatch : Records not found"),
        ("", {}, "InvalidBatch : Records not found"),
        (b"LastName,Company\nM\xfcller,C\n", {}, "ClientInputError : The file is not encoded in UTF-8"),
        ('LastName,Company\n"L,C\n', {}, "ClientInputError : "),
        ("Address,LastName\nx,L\n", {}, "InvalidBatch : Field name not found : Address"),
        ("LastName,Owner.Nope\nL,x\n", {}, "InvalidBatch : Field name not found : Owner.Nope"),
    ],
)
def test_a_file_that_cannot_be_worked_fails_the_job(
    org: Opened, text: str | bytes, more: dict[str, object], error: str
) -> None:
    id = begin(org, **more)["id"]
    upload(org, id, text)
    close(org, id)
    job = look(org, id)
    assert job["state"] == "Failed"
    assert error in job["errorMessage"]
    assert org.world.all("Lead") == []


def test_an_update_needs_ids_and_an_upsert_its_key(org: Opened) -> None:
    for operation, more in (("update", {}), ("upsert", {"externalIdFieldName": "Key__c"})):
        id = run(org, "LastName\nL\n", operation, **more)
        assert look(org, id)["errorMessage"].startswith("InvalidBatch : Field name not found : ")


def test_the_client_reports_a_failed_job(org: Opened) -> None:
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope__c"):
        org.sf.bulk2.Lead.insert(records=[{"Nope__c": "x"}], **QUICK)
    with pytest.raises(SalesforceBulkV2LoadError):
        org.sf.bulk2.Lead.insert(records=[], **QUICK)


# --- rows ------------------------------------------------------------------------------------------------------


def test_upserted_rows_say_whether_they_are_new(org: Opened) -> None:
    held = org.world.create("Lead", **lead(Key__c="k1"))
    id = run(org, "Key__c,LastName,Company\nK1,New,C\nk2,L2,C\n", "upsert", externalIdFieldName="Key__c")
    rows = {row["Key__c"]: row for row in results(org, id)}
    assert (rows["K1"]["sf__Id"], rows["K1"]["sf__Created"]) == (held, "false")
    assert rows["k2"]["sf__Created"] == "true"
    assert org.values("SELECT LastName FROM Lead ORDER BY Key__c") == ["New", "L2"]


def test_results_are_not_in_the_order_of_the_upload(org: Opened) -> None:
    names = [f"L{n:03}" for n in range(50)]
    id = run(org, "LastName,Company\n" + "".join(f"{name},C\n" for name in names))
    found = [row["LastName"] for row in results(org, id)]
    assert found != names
    assert sorted(found) == names


def test_failed_rows_say_why_in_one_cell(org: Opened) -> None:
    id = run(org, "LastName,Company,Email\nL,,e@example.com\nL,C,bad\nGood,C,\n")
    failed = {row["Email"]: row["sf__Error"] for row in results(org, id, "failedResults")}
    assert failed["e@example.com"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"
    assert failed["bad"] == "INVALID_EMAIL_ADDRESS:Email: invalid email address: bad:Email --"
    job = look(org, id)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 3, 2)


@pytest.mark.parametrize(("version", "header"), [("52.0", "sf__Error"), ("53.0", "sf__Id")])
def test_failed_rows_have_ids_from_version_53(org: Opened, version: str, header: str) -> None:
    other = org.other(org.sf.session_id, version)
    (job,) = other.bulk2.Lead.insert(records=[{"LastName": "x"}], **QUICK)
    assert other.bulk2.Lead.get_failed_records(job["job_id"]).startswith(f'"{header}"')


def test_an_empty_cell_says_nothing_and_a_sign_says_null(org: Opened) -> None:
    id = org.world.create("Lead", **lead(Title="T", City="G", HasOptedOutOfEmail=True))
    run(org, f"Id,Title,City,Company\n{id},,#N/A,\n", "update")
    row = org.world.read("Lead", id)
    assert (row["Title"], row["City"], row["Company"]) == ("T", None, "Göttingen")


@pytest.mark.parametrize(
    ("cell", "value"), [("true", True), ("TRUE", True), ("1", True), ("False", False), ("0", False)]
)
def test_booleans_have_many_spellings(org: Opened, cell: str, value: bool) -> None:
    run(org, f"LastName,Company,HasOptedOutOfEmail\nL,C,{cell}\n")
    assert org.world.all("Lead")[0]["HasOptedOutOfEmail"] is value


def test_cells_are_values_of_their_fields(org: Opened) -> None:
    org.world.add_field("Lead", "At__c", "DateTime")
    org.world.add_field("Lead", "Likes__c", "MultiselectPicklist", options=["a", "b"])
    text = (
        "lastname,COMPANY,AnnualRevenue,NumberOfEmployees,At__c,Likes__c,Street\n"
        'L,"C, ""D""",5,7,2024-01-02T03:04:05.000Z,b;a,"1 Main St\nFloor 2"\n'
    )
    run(org, text)
    row = org.world.all("Lead")[0]
    assert (row["Company"], row["AnnualRevenue"], row["NumberOfEmployees"]) == ('C, "D"', 5.0, 7)
    assert (row["At__c"], row["Likes__c"], row["Street"]) == (
        "2024-01-02T03:04:05.000+0000",
        "a;b",
        "1 Main St\nFloor 2",
    )


def test_parents_are_named_in_columns(org: Opened) -> None:
    org.world.add_field("Account", "Code__c", "Text", unique=True, external_id=True)
    account = org.world.create("Account", Name="A", Code__c="A1")
    org.world.add_user("Emmy", "emmy@sandbox.example")
    text = "LastName,Account.Code__c,User:Owner.Username\nL,a1,emmy@sandbox.example\n"
    id = run(org, text, object="Contact")
    assert look(org, id)["numberRecordsFailed"] == 0
    (row,) = org.rows("SELECT AccountId, Owner.Username FROM Contact")
    assert (row["AccountId"], row["Owner"]["Username"]) == (account, "emmy@sandbox.example")


def test_a_key_twice_in_a_job_fails_twice(org: Opened) -> None:
    id = run(org, "Key__c,LastName,Company\na,1,C\nb,2,C\nA,3,C\n", "upsert", externalIdFieldName="Key__c")
    failed = results(org, id, "failedResults")
    assert sorted(row["LastName"] for row in failed) == ["1", "3"]
    assert all(row["sf__Error"].startswith("DUPLICATE_VALUE:Duplicate external id specified: ") for row in failed)


def test_rows_can_be_deleted_and_erased(org: Opened) -> None:
    first, second, third = (org.world.create("Lead", **lead()) for _ in range(3))
    org.sf.bulk2.Lead.delete(records=[{"Id": first}], **QUICK)
    org.sf.bulk2.Lead.hard_delete(records=[{"Id": second}, {"Id": first}], **QUICK)
    assert org.values("SELECT Id FROM Lead", include_deleted=True) == [third]
    org.behave(bulk_hard_delete=False)
    answer = org.call("POST", "jobs/ingest", {"operation": "hardDelete", "object": "Lead"})
    assert answer.json()[0]["errorCode"] == "FEATURENOTENABLED"


def test_rows_of_nothing_fail_alone(org: Opened) -> None:
    id, gone = (org.world.create("Lead", **lead()) for _ in range(2))
    org.world.delete("Lead", gone)
    job = run(org, f"Id,Title\n{id},T\n{gone},T\n00Q000000000000EAA,T\n", "update")
    failed = {row["sf__Id"]: row["sf__Error"].partition(":")[0] for row in results(org, job, "failedResults")}
    assert failed == {gone: "ENTITY_IS_DELETED", "00Q000000000000EAA": "INVALID_CROSS_REFERENCE_KEY"}
    assert [row["sf__Id"] for row in results(org, job)] == [id]


def test_no_assignment_rule_runs_unless_the_job_names_one(org: Opened) -> None:
    ruled = org.world.add_user("ruled", "ruled@sandbox.example")
    org.world.assignment_rule("Lead", ruled)
    (rule,) = org.values("SELECT Id FROM AssignmentRule")
    run(org, "LastName,Company\nFree,C\n")
    run(org, "LastName,Company\nRuled,C\n", assignmentRuleId=rule)
    owners = {row["LastName"]: row["OwnerId"] for row in org.world.all("Lead")}
    assert (owners["Ruled"] == ruled, owners["Free"] == ruled) == (True, False)


def test_locked_rows_can_be_sent_again(org: Opened) -> None:
    id = org.world.create("Lead", **lead())
    org.world.lock_rows("Lead", [id], attempts=1)
    first = run(org, f"Id,Title\n{id},T\n", "update")
    assert results(org, first, "failedResults")[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")
    assert len(results(org, run(org, f"Id,Title\n{id},T\n", "update"))) == 1


@pytest.mark.parametrize(("delimiter", "sign"), [("SEMICOLON", ";"), ("TAB", "\t"), ("PIPE", "|")])
def test_dialects_can_be_chosen(org: Opened, delimiter: str, sign: str) -> None:
    text = f"LastName{sign}Company\r\nL{sign}C\r\n"
    id = run(org, text, columnDelimiter=delimiter, lineEnding="CRLF")
    answer = org.call("GET", f"jobs/ingest/{id}/successfulResults")
    assert answer.text.startswith(f'"sf__Id"{sign}"sf__Created"{sign}"LastName"{sign}"Company"\r\n')


# --- queries ---------------------------------------------------------------------------------------------------


def ask(org: Opened, query: str, operation: str = "query") -> dict[str, Any]:
    return dict(org.call("POST", "jobs/query", {"operation": operation, "query": query}).json())


def answered(org: Opened, query: str, operation: str = "query") -> str:
    id = str(ask(org, query, operation)["id"])
    while look(org, id, "query")["state"] == "InProgress":
        pass
    return id


def page(org: Opened, id: str, query: str = "") -> requests.Response:
    return org.call("GET", f"jobs/query/{id}/results{query}")


def test_a_query_goes_its_way(org: Opened) -> None:
    org.world.create("Lead", **lead())
    job = ask(org, "SELECT Id FROM Lead")
    assert (job["state"], job["object"], job["operation"]) == ("UploadComplete", "Lead", "query")
    assert page(org, job["id"]).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert look(org, job["id"], "query")["state"] == "InProgress"
    done = look(org, job["id"], "query")
    assert (done["state"], done["jobType"], done["numberRecordsProcessed"]) == ("JobComplete", "V2Query", 1)
    assert org.sf.limits()["DailyBulkV2QueryJobs"]["Remaining"] == 9_999
    assert not org.sandbox.log.writes()


def test_every_page_has_the_header(org: Opened) -> None:
    org.world.load("Lead", [lead(LastName=f"L{n}") for n in range(5)])
    id = answered(org, "SELECT LastName FROM Lead ORDER BY LastName")
    found, locator = [], ""
    for expected in (2, 2, 1):
        answer = page(org, id, f"?maxRecords=2{locator}")
        assert answer.headers["Sforce-NumberOfRecords"] == str(expected)
        assert answer.text.startswith('"LastName"\n')
        found += [row["LastName"] for row in table(answer)]
        locator = f"&locator={answer.headers['Sforce-Locator']}"
    assert locator == "&locator=null"
    assert found == [f"L{n}" for n in range(5)]
    assert page(org, id, "?locator=nonsense").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_the_org_can_give_smaller_pages_than_asked_for(org: Opened) -> None:
    org.behave(bulk_result_pages=2)
    org.world.load("Lead", [lead() for _ in range(5)])
    pages = list(org.sf.bulk2.Lead.query("SELECT Id FROM Lead", **QUICK))
    assert [len(list(csv.DictReader(io.StringIO(one)))) for one in pages] == [2, 2, 1]


def test_nothing_found_is_a_header_alone(org: Opened) -> None:
    answer = page(org, answered(org, "SELECT Id, Name FROM Lead"))
    assert (answer.text, answer.headers["Sforce-NumberOfRecords"]) == ('"Id","Name"\n', "0")
    assert answer.headers["Sforce-Locator"] == "null"


def test_cells_are_quoted_and_dated_in_their_own_way(org: Opened) -> None:
    org.world.create("Lead", **lead(LastName='Ä"b', AnnualRevenue=5, Street="a\nb"))
    query = "SELECT LastName, Title, AnnualRevenue, IsConverted, CreatedDate, Owner.Email, Street FROM Lead"
    answer = page(org, answered(org, query))
    header, row = answer.content.decode().split("\n", 1)
    assert header == '"LastName","Title","AnnualRevenue","IsConverted","CreatedDate","Owner.Email","Street"'
    cells = '"Ä""b","","5.0","false","2026-01-05T09:00:00.000Z","admin@sandbox.example","a\nb"\n'
    assert row == cells
    assert answer.headers["Content-Type"] == "text/csv"


def test_deleted_rows_come_with_query_all(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead()) for _ in range(2))
    org.world.delete("Lead", first)
    assert [row["Id"] for row in table(page(org, answered(org, "SELECT Id FROM Lead")))] == [second]
    found = table(page(org, answered(org, "SELECT Id, IsDeleted FROM Lead ORDER BY Id", "queryAll")))
    assert [(row["Id"], row["IsDeleted"]) for row in found] == [(first, "true"), (second, "false")]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT COUNT() FROM Lead", "API_ERROR", "Aggregate"),
        ("SELECT Status, COUNT(Id) FROM Lead GROUP BY Status", "API_ERROR", "GROUP BY"),
        ("SELECT Id FROM Lead OFFSET 5", "API_ERROR", "OFFSET"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR", "Aggregate Relationship"),
        ("SELECT Address FROM Lead", "API_ERROR", "Selecting compound data not supported in Bulk Query"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Lead", "API_ERROR", "TYPEOF"),
        ("SELECT Nope__c FROM Lead", "API_ERROR", "INVALID_FIELD: \nSELECT Nope__c"),
        ("SELECT Id FROM Lead WHERE", "API_ERROR", "MALFORMED_QUERY"),
        ("SELECT Id FROM LeadStatus", "INVALIDENTITY", "is not supported by the Bulk API"),
        ("SELECT Id FROM Nothing", "INVALIDENTITY", "Nothing"),
        ("", "API_ERROR", "query"),
    ],
)
def test_what_bulk_queries_cannot_do_is_refused(org: Opened, query: str, code: str, words: str) -> None:
    answer = org.call("POST", "jobs/query", {"operation": "query", "query": query})
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert words in error["message"]


@pytest.mark.parametrize("told", [False, True])
def test_a_failed_query_often_says_nothing(org: Opened, told: bool) -> None:
    org.world.load("Lead", [lead() for _ in range(20)])
    org.behave(query_timeout_rows=10, bulk_query_error_text=told)
    job = look(org, answered(org, "SELECT Id FROM Lead"), "query")
    assert (job["state"], "errorMessage" in job) == ("Failed", told)


def test_a_query_can_be_aborted_and_deleted(org: Opened) -> None:
    id = ask(org, "SELECT Id FROM Lead")["id"]
    assert close(org, id, "Aborted", "query").json()["state"] == "Aborted"
    assert close(org, id, "Aborted", "query").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert org.call("DELETE", f"jobs/query/{id}").status_code == 204
    assert org.call("GET", "jobs/query").json() == {"done": True, "records": [], "nextRecordsUrl": None}


def test_the_client_loads_and_reads_thousands(org: Opened) -> None:
    records = [{"Key__c": f"k{n}", "LastName": f"L{n}", "Company": "C"} for n in range(3_000)]
    jobs = org.sf.bulk2.Lead.upsert(records=records, external_id_field="Key__c", batch_size=2_000, **QUICK)
    assert [job["numberRecordsProcessed"] for job in jobs] == [2_000, 1_000]
    (text,) = org.sf.bulk2.Lead.query("SELECT Key__c FROM Lead", **QUICK)
    assert {row["Key__c"] for row in csv.DictReader(io.StringIO(text))} == {row["Key__c"] for row in records}
