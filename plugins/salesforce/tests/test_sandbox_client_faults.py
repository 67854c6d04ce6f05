"""Known faults of the vendor's client, as far as they depend on what the server says."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceGeneralError

from instep.sandbox import FaultKind
from instep_salesforce.sandbox import STATIC_TOKEN

from .sandboxes import Opened, lead, opened


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        running.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
        yield running


def test_an_expired_session_is_told_in_the_one_form_that_the_client_can_read(org: Opened) -> None:
    org.world.expire_tokens()
    with pytest.raises(SalesforceExpiredSession) as caught:
        org.sf.query("SELECT Id FROM Lead")
    assert caught.value.content == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_headers_are_lost_when_the_client_logs_in_again(org: Opened) -> None:
    owner = org.world.add_user("Rule Owner", "rule@sandbox.example")
    org.world.assignment_rule("Lead", owner)
    me = org.world.read("Lead", org.sf.Lead.create(lead(), headers={"Sforce-Auto-Assign": "FALSE"})["id"])
    org.sf._salesforce_login_partial = lambda: (STATIC_TOKEN, org.sandbox.url.removeprefix("http://"))
    error = b'[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
    org.sandbox.faults.add("record.create", FaultKind.STATUS, 1, status=401, body=error)
    again = org.world.read("Lead", org.sf.Lead.create(lead(), headers={"Sforce-Auto-Assign": "FALSE"})["id"])
    assert me is not None
    assert again is not None
    assert me["OwnerId"] != owner
    assert again["OwnerId"] == owner


def test_the_client_logs_in_without_end_while_every_session_is_refused(org: Opened) -> None:
    logins = []

    def login() -> tuple[str, str]:
        logins.append(1)
        return "nobody", org.sandbox.url.removeprefix("http://")

    org.sf._salesforce_login_partial = login
    org.world.expire_tokens()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        with pytest.raises(RecursionError):
            org.sf.Lead.describe()
    finally:
        sys.setrecursionlimit(limit)
    assert len(logins) > 10


def test_results_without_a_charset_are_read_as_latin_1(org: Opened) -> None:
    def results() -> str:
        records = [{"Key__c": "k1", "LastName": "Müller", "Company": "C"}]
        (job,) = org.sf.bulk2.Lead.upsert(records=records, external_id_field="Key__c", wait=0.001)
        return str(org.sf.bulk2.Lead.get_successful_records(job["job_id"]))

    assert "MÃ¼ller" in results()
    org.behave(bulk_charset=True)
    assert "Müller" in results()


def test_a_quoted_line_break_is_lost_by_the_clients_reader_of_all_results(org: Opened) -> None:
    records = [{"Key__c": "k1", "LastName": "L", "Company": "C", "Street": "1 Main St\nFloor 2"}]
    (job,) = org.sf.bulk2.Lead.upsert(records=records, external_id_field="Key__c", wait=0.001)
    found = org.sf.bulk2.Lead.get_all_ingest_records(job["job_id"])["successfulRecords"]
    assert "1 Main St\nFloor 2" not in [row.get("Street") for row in found]
    assert org.values("SELECT Street FROM Lead") == ["1 Main St\nFloor 2"]


def test_failed_rows_of_a_bulk_job_raise_nothing(org: Opened) -> None:
    (job,) = org.sf.bulk2.Lead.insert(records=[{"LastName": "No company"}], wait=0.001)
    assert (job["numberRecordsFailed"], job["numberRecordsProcessed"]) == (1, 1)
    assert "REQUIRED_FIELD_MISSING" in org.sf.bulk2.Lead.get_failed_records(job["job_id"])


def test_deleting_a_job_succeeds_and_raises_all_the_same(org: Opened) -> None:
    (job,) = org.sf.bulk2.Lead.insert(records=[lead()], wait=0.001)
    with pytest.raises(ValueError, match="Expecting value"):
        org.sf.bulk2.Lead._client.delete_job(job["job_id"], is_query=False)
    assert org.call("GET", f"jobs/ingest/{job['job_id']}").status_code == 404


def test_an_unmet_condition_is_a_general_error_without_content(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    with pytest.raises(SalesforceGeneralError) as caught:
        org.sf.Lead.update(id, {"Title": "x"}, headers={"If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"})
    assert (caught.value.status, caught.value.content) == (412, "")


def test_a_key_with_a_space_is_not_found_by_the_clients_own_quoting(org: Opened) -> None:
    org.world.create("Lead", **lead(Key__c="a b"))
    assert org.call("GET", "sobjects/Lead/Key__c/a%20b").status_code == 200
    with pytest.raises(Exception, match="NOT_FOUND"):
        org.sf.Lead.get_by_custom_id("Key__c", "a b")


def test_headers_that_a_deploy_has_left_behind_are_refused(org: Opened) -> None:
    org.sf.headers.update({"Content-Type": "text/xml", "SOAPAction": "deploy"})
    body = {"records": [{"attributes": {"type": "Lead"}, **lead()}]}
    with pytest.raises(SalesforceGeneralError) as caught:
        org.sf.restful("composite/sobjects", method="POST", json=body)
    assert caught.value.status == 415
    org.sf._generate_headers()
    assert org.sf.restful("composite/sobjects", method="POST", json=body)[0]["success"]


def test_upsert_says_only_a_status_unless_asked_for_more(org: Opened) -> None:
    assert org.sf.Lead.upsert("Key__c/k9", lead()) == 201
    assert org.sf.Lead.upsert("Key__c/k9", {"Title": "T"}) == 200


def test_a_naive_date_is_sent_in_a_form_that_is_refused(org: Opened) -> None:
    now = org.clock.now().replace(tzinfo=None)
    with pytest.raises(Exception, match="INVALID_REPLICATION_DATE"):
        org.sf.Lead.updated(now, now)
