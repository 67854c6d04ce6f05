"""The sandbox as the community's Python library sees it: `marketorestpython` acts as the vendor's users do.

Its host is set to the sandbox after construction, which the library allows; it reads statuses of programs by an older
path that the sandbox does not have, so programs are left to the other tests.
"""

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
