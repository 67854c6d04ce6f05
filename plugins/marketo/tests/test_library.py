"""The sandbox as the community's Python library sees it: `marketorestpython` acts as the vendor's users do.

Its host is set to the sandbox after construction, which the library allows. It makes programs with JSON that is none
(names without quotes), which Marketo forgives and the sandbox does not, so that is left to the other tests.
"""

from datetime import timedelta

import pytest
from marketorestpython.client import MarketoClient

from instep_marketo.sandbox import CLIENT_ID, CLIENT_SECRET, MUNCHKIN_ID


@pytest.fixture
def library(sandbox):
    client = MarketoClient(MUNCHKIN_ID, CLIENT_ID, CLIENT_SECRET, requests_timeout=20)
    client.host = sandbox.url
    return client


def test_the_library_writes_and_reads_leads(sandbox, library):
    rows = [{"email": "a@x.example", "firstName": "Ann"}, {"email": "b@x.example", "leadScore": "many"}]
    first, second = library.execute(method="create_update_leads", leads=rows, action="createOrUpdate")
    assert (first["status"], second["status"], second["reasons"][0]["code"]) == ("created", "skipped", "1001")
    found = library.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=["A@x.example"],
        fields=["firstName"],
    )
    assert [(lead["id"], lead["firstName"]) for lead in found] == [(first["id"], "Ann")]
    assert sandbox.world.ids() == [str(first["id"])]


def test_the_library_reads_the_activity_log_past_empty_pages(sandbox, library):
    made = {int(sandbox.world.create(email=f"{n}@x.example")) for n in range(8)}
    sandbox.world.edit(str(min(made)), phone="1")
    activities = library.execute(
        method="get_lead_activities", activityTypeIds=["12"], sinceDatetime="2026-01-01T00:00:00Z", batchSize=3
    )
    assert {activity["leadId"] for activity in activities} == made
    changes = library.execute(method="get_lead_changes", fields=["phone"], sinceDatetime="2026-01-01T00:00:00Z")
    assert [change["fields"][0]["newValue"] for change in changes if change["fields"]] == ["1"]


def test_the_library_merges_leads_and_requests_campaigns(sandbox, library):
    ran = []
    campaign = sandbox.world.add_campaign("Flow", ran.append)
    kept, lost = (int(sandbox.world.create(email=f"{n}@x.example")) for n in range(2))
    library.execute(method="request_campaign", id=campaign, leads=[kept])
    library.execute(method="merge_lead", id=kept, leadIds=[lost])
    assert ran == [str(kept)]
    assert sandbox.world.ids() == [str(kept)]


def test_the_library_reads_fields_channels_and_usage(library):
    assert "buyingStage" in {field["rest"]["name"] for field in library.execute(method="describe")}
    assert [channel["name"] for channel in library.execute(method="get_channels")] == ["Journey"]
    assert library.execute(method="get_daily_usage")[0]["total"] == 3


def test_the_library_moves_members_and_reads_the_leads_of_programs_and_lists(sandbox, library):
    program, watched = sandbox.settings["programs"][0], sandbox.settings["lists"][0]
    id = int(sandbox.world.create(email="a@x.example"))
    sandbox.world.put_status(program, str(id), "Interest")
    (moved,) = library.execute(method="change_lead_program_status", id=program, leadIds=[id], status="Purchase")
    assert (moved["status"], sandbox.world.status(program, str(id))) == ("updated", "Purchase")
    library.execute(method="add_leads_to_list", listId=watched, id=[id])
    assert library.execute(method="member_of_list", listId=watched, id=[id])[0]["status"] == "memberof"
    assert [lead["id"] for lead in library.execute(method="get_multiple_leads_by_list_id", listId=watched)] == [id]


def test_the_library_writes_and_finds_companies_and_roles(sandbox, library):
    id = int(sandbox.world.create(email="a@x.example"))
    rows = {
        "create_update_companies": {"externalCompanyId": "c1", "company": "Acme"},
        "create_update_opportunities": {"externalOpportunityId": "o1", "name": "Big"},
        "create_update_opportunities_roles": {"externalOpportunityId": "o1", "leadId": id, "role": "User"},
    }
    for method, row in rows.items():
        assert library.execute(method=method, input=[row])[0]["status"] == "created"
    query = {"filterType": "externalCompanyId", "filterValues": ["c1"], "fields": ["company"]}
    assert library.execute(method="get_companies", **query)[0]["company"] == "Acme"
    query = {"filterType": "leadId", "filterValues": [str(id)], "fields": ["role"]}
    assert library.execute(method="get_opportunity_roles", **query)[0]["role"] == "User"


@pytest.mark.filterwarnings(
    "ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning"
)  # it leaves files open
def test_the_library_imports_and_extracts_leads_and_pushes_and_submits_them(sandbox, library, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("email,phone\na@x.example,1\n")
    (batch,) = library.execute(method="import_lead", format="csv", file=str(file))
    sandbox.clock.advance(timedelta(seconds=10))
    assert library.execute(method="get_import_lead_status", id=batch["batchId"])[0]["status"] == "Complete"
    january = {"createdAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}}
    (job,) = library.execute(method="create_leads_export_job", fields=["email", "phone"], filters=january)
    library.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    sandbox.clock.advance(timedelta(seconds=61))
    data = library.execute(method="get_leads_export_job_file", job_id=job["exportId"])
    assert data.decode() == "email,phone\na@x.example,1\n"
    form = sandbox.world.add_form("Contact", ["email"])
    visitor = {"leadFormFields": {"email": "b@x.example"}}
    assert library.execute(method="submit_form", formId=form, input=visitor)[0]["status"] == "created"
    pushed = library.execute(method="push_lead", leads=[{"email": "c@x.example"}], programName="Buying journey")
    assert sandbox.world.status(sandbox.settings["programs"][0], str(pushed[0]["id"])) == "Awareness"
