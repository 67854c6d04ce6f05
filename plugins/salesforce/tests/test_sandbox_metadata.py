"""How the Metadata API of the Salesforce sandbox is called, and what it says to those who call it wrongly."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from instep.sandbox import FaultKind
from instep_salesforce.sandbox import STATIC_TOKEN

from .metadata import Configured, envelope, fault, fault_of, reading, refused

STAGES = reading("StandardValueSet", "OpportunityStage")
WIDE = "<m:x/>" * 200_001
DEEP = "<m:x>" * 50 + "</m:x>" * 50


def ready(name: str = "Ready", **more: object) -> dict[str, object]:
    return {"fullName": name, "masterLabel": name, "sorted": False, "customValue": [], **more}


# --- calling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/services/Soap/m/63.0", "/services/Soap/m/63.0/", "/services/Soap/m/58.0/"])
def test_the_address_ends_with_a_slash_or_not(configured: Configured, path: str) -> None:
    answer = configured.post(envelope(STAGES), path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml;charset=UTF-8")
    assert b"<fullName>Prospecting</fullName>" in answer.content


@pytest.mark.parametrize("version", ["30.0", "69.0", "63", "x"])
def test_only_living_versions_answer(configured: Configured, version: str) -> None:
    code, _ = fault_of(configured.post(envelope(STAGES), f"/services/Soap/m/{version}"))
    assert code == "sf:UNSUPPORTED_API_VERSION"


def test_the_session_stands_in_the_envelope_and_not_in_a_header(configured: Configured) -> None:
    url, headers = f"{configured.sandbox.url}/services/Soap/m/63.0/", {"Authorization": f"Bearer {STATIC_TOKEN}"}
    answer = configured.sf.session.post(url, data=envelope(STAGES, "wrong"), headers=headers)
    assert fault_of(answer)[0] == "sf:INVALID_SESSION_ID"
    headers = {"Authorization": "Bearer wrong"}
    assert configured.sf.session.post(url, data=envelope(STAGES), headers=headers).ok


def test_a_session_that_is_over_is_a_fault_that_the_client_reads(configured: Configured) -> None:
    token = configured.world.log_in(configured.world.app_user)
    other = configured.mdapi_as(token)
    assert other.StandardValueSet.read(["LeadStatus"]).fullName == "LeadStatus"
    configured.pass_time(seconds=7201)
    code, text = fault(other.StandardValueSet.read, ["LeadStatus"])
    assert code == "sf:INVALID_SESSION_ID"
    assert text == "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader: Illegal Session"


def test_a_call_keeps_its_session_alive(configured: Configured) -> None:
    token = configured.world.log_in(configured.world.app_user)
    configured.pass_time(seconds=7000)
    configured.mdapi_as(token).StandardValueSet.read(["LeadStatus"])
    configured.pass_time(seconds=7000)
    assert configured.other(token).query("SELECT Id FROM Lead")["totalSize"] == 0


def test_every_call_counts(configured: Configured) -> None:
    configured.read("StandardValueSet", "LeadStatus")
    configured.read("StandardValueSet", "LeadStatus")
    assert configured.sf.limits()["DailyApiRequests"]["Remaining"] == 15_000 - 3
    configured.behave(daily_limit=3)
    code, _ = fault(configured.md.StandardValueSet.read, ["LeadStatus"])
    assert code == "sf:REQUEST_LIMIT_EXCEEDED"


def test_the_orgs_own_error_is_a_fault(configured: Configured) -> None:
    configured.sandbox.faults.add("metadata", FaultKind.SERVER_ERROR, 1)
    assert fault(configured.md.StandardValueSet.read, ["LeadStatus"])[0] == "sf:UNKNOWN_EXCEPTION"
    assert configured.read("StandardValueSet", "LeadStatus") is not None


def test_a_change_can_be_done_though_its_answer_is_lost(configured: Configured) -> None:
    configured.sandbox.faults.add("metadata", FaultKind.RESET_AFTER, 1)
    with pytest.raises(requests.ConnectionError):
        configured.create("GlobalValueSet", **ready(customValue=[value(configured, "a")]))
    assert configured.read("GlobalValueSet", "Ready") is not None


def value(org: Configured, name: str, **changes: object) -> Any:
    return org.md.CustomValue(fullName=name, **{"label": name, "default": False, **changes})


# --- several components ----------------------------------------------------------------------------------------


def test_what_is_not_there_is_a_record_of_nothing(configured: Configured) -> None:
    assert configured.read("StandardValueSet", "Nonsense") is None
    found = configured.md.StandardValueSet.read(["LeadStatus", "Nonsense", "Industry"])
    assert [one.fullName for one in found] == ["LeadStatus", None, "Industry"]


def test_one_call_takes_ten_components(configured: Configured) -> None:
    names = ["LeadStatus"] * 10
    assert len(configured.md.StandardValueSet.read(names)) == 10
    assert fault(configured.md.StandardValueSet.read, [*names, "LeadStatus"])[0] == "sf:LIMIT_EXCEEDED"
    sets = [configured.make("GlobalValueSet", **ready(f"Set{place}")) for place in range(11)]
    assert fault(configured.md.GlobalValueSet.create, sets)[0] == "sf:LIMIT_EXCEEDED"
    assert (
        fault(configured.md.GlobalValueSet.delete, [f"Set{place}" for place in range(11)])[0] == "sf:LIMIT_EXCEEDED"
    )


def test_one_call_takes_one_type(configured: Configured) -> None:
    types = [configured.read("StandardValueSet", "LeadStatus"), configured.make("GlobalValueSet", **ready())]
    assert fault(configured.md.StandardValueSet.update, types)[0] == "soapenv:Client"


def test_one_component_is_saved_though_another_is_refused(configured: Configured) -> None:
    good = configured.make("GlobalValueSet", **ready("Good", customValue=[value(configured, "a")]))
    empty = configured.make("GlobalValueSet", **ready("Empty"))
    code, message = refused(configured.md.GlobalValueSet.create, [empty, good])
    assert (code, message) == ("FIELD_INTEGRITY_EXCEPTION", "A value set must have at least one active value")
    assert [configured.read("GlobalValueSet", name) is None for name in ("Good", "Empty")] == [False, True]


def test_a_component_that_somebody_else_deploys_is_refused_for_now(configured: Configured) -> None:
    configured.world.lock_component("StandardValueSet", "OpportunityStage")
    add = configured.stage("Demo")
    assert refused(configured.edit_stages, lambda stages: stages.insert(0, add))[0] == "UNABLE_TO_LOCK_ROW"
    configured.edit_stages(lambda stages: stages.insert(0, add))
    assert configured.stages()[0] == "Demo"


def test_an_upsert_makes_and_then_changes(configured: Configured) -> None:
    for label in ("One", "Two"):
        definition = ready(customValue=[value(configured, "a")], masterLabel=label)
        configured.md.GlobalValueSet.upsert([configured.make("GlobalValueSet", **definition)])
        assert configured.read("GlobalValueSet", "Ready").masterLabel == label


def test_components_are_listed(configured: Configured) -> None:
    def listed(*types: str) -> list[str]:
        queries = [configured.md.ListMetadataQuery(type=type) for type in types]
        return [one.fullName for one in configured.md.list_metadata(queries) or []]

    assert listed("CustomField", "RecordType") == []
    configured.world.add_field("Lead", "Score__c", "Number")
    configured.world.add_record_type("Lead", "Partner", "Partner deals")
    assert listed("CustomField", "RecordType", "BusinessProcess") == [
        "Lead.Score__c",
        "Lead.Partner",
        "Lead.Partner deals",
    ]
    assert listed("StandardValueSet") == []
    configured.behave(lists_standard_value_sets=True)
    assert {"OpportunityStage", "LeadStatus", "Industry"} <= set(listed("StandardValueSet"))
    four = ("CustomField", "RecordType", "BusinessProcess", "GlobalValueSet")
    assert fault(listed, *four)[0] == "sf:LIMIT_EXCEEDED"


def test_types_describe_themselves(configured: Configured) -> None:
    types = {one.xmlName for one in configured.md.describe_metadata().metadataObjects}
    assert types >= {"BusinessProcess", "CustomField", "GlobalValueSet", "PermissionSet", "RecordType"}
    described = configured.md.StandardValueSet.describe()
    assert (described.apiCreatable, described.apiReadable, described.apiUpdatable) == (False, True, True)
    fields = {field.name: field for field in described.valueTypeFields}
    assert [field.name for field in fields["standardValue"].fields][:3] == ["fullName", "color", "default"]


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_standard_value_sets_are_neither_made_nor_deleted(configured: Configured, verb: str) -> None:
    found = configured.read("StandardValueSet", "LeadStatus")
    given = [found] if verb == "create" else ["LeadStatus"]
    code, _ = refused(getattr(configured.md.StandardValueSet, verb), given)
    assert code == "INVALID_TYPE_FOR_OPERATION"


# --- who may ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["Read Only", "Standard User"])
def test_who_may_not_configure_still_reads_everything_else(configured: Configured, profile: str) -> None:
    type = configured.world.add_record_type("Opportunity", "New", "New")
    token = configured.world.log_in(configured.world.add_user("R", "r@sandbox.example", profile=profile))
    code, text = fault(configured.mdapi_as(token).StandardValueSet.read, ["OpportunityStage"])
    assert code == "sf:INSUFFICIENT_ACCESS"
    assert "ModifyAllData or ModifyMetadata" in text
    reader = configured.other(token)
    for table in ("OpportunityStage", "LeadStatus", "RecordType", "BusinessProcess"):
        assert reader.query(f"SELECT Id FROM {table}")["totalSize"] > 0
    assert {field["name"] for field in reader.Opportunity.describe()["fields"]} >= {"StageName"}
    assert reader.restful(f"ui-api/object-info/Opportunity/picklist-values/{type}")["picklistFieldValues"]


def test_a_user_asks_for_its_own_permissions(configured: Configured) -> None:
    query = "SELECT PermissionsModifyMetadata, PermissionsCustomizeApplication FROM UserPermissionAccess"
    assert list(configured.rows(query)[0].values()) == [True, True]
    reader = configured.world.add_user("Reader", "r@sandbox.example", profile="Read Only")
    other = configured.other(configured.world.log_in(reader))
    row = other.query(query)["records"][0]
    assert (row["PermissionsModifyMetadata"], row["PermissionsCustomizeApplication"]) == (False, False)
    profile = other.query(f"SELECT Profile.PermissionsModifyAllData FROM User WHERE Id = '{reader}'")["records"][0]
    assert profile["Profile"]["PermissionsModifyAllData"] is False


def test_the_app_itself_can_lose_its_rights_and_be_given_them_again(configured: Configured) -> None:
    configured.world.give_profile(configured.world.app_user, "Read Only")
    assert fault(configured.md.StandardValueSet.read, ["LeadStatus"])[0] == "sf:INSUFFICIENT_ACCESS"
    configured.world.give_profile(configured.world.app_user, "System Administrator")
    assert configured.read("StandardValueSet", "LeadStatus") is not None


def test_a_permission_set_lets_a_reader_configure(configured: Configured) -> None:
    reader = configured.world.add_user("Reader", "r@sandbox.example", profile="Read Only")
    other = configured.mdapi_as(configured.world.log_in(reader))
    fields = {"Label": "Setup", "PermissionsModifyMetadata": True}
    granted = configured.sf.PermissionSet.create({"Name": "Setup", **fields})["id"]
    configured.sf.PermissionSetAssignment.create({"PermissionSetId": granted, "AssigneeId": reader})
    found = other.StandardValueSet.read(["LeadStatus"])
    assert refused(other.StandardValueSet.update, [found])[0] == "INSUFFICIENT_ACCESS"
    configured.sf.PermissionSet.update(granted, {"PermissionsCustomizeApplication": True})
    other.StandardValueSet.update([found])


def test_a_reader_changes_nothing_by_other_ways_either(configured: Configured) -> None:
    lead = configured.world.create("Lead", LastName="Noether", Company="Göttingen")
    reader = configured.world.add_user("Reader", "r@sandbox.example", profile="Read Only")
    token = configured.world.log_in(reader)
    headers = {"Authorization": f"Bearer {token}"}
    field = {"FullName": "Lead.Score__c", "Metadata": {"label": "S", "type": "Number", "precision": 5, "scale": 0}}
    for method, path, body in (
        ("POST", "sobjects/Lead", {"LastName": "X", "Company": "Y"}),
        ("PATCH", f"sobjects/Lead/{lead}", {"Title": "X"}),
        ("DELETE", f"sobjects/Lead/{lead}", None),
        ("POST", "sobjects/PermissionSet", {"Name": "P", "Label": "P"}),
        ("POST", "tooling/sobjects/CustomField", field),
    ):
        answer = configured.call(method, path, body, **headers)
        assert (answer.status_code, answer.json()[0]["errorCode"][:19]) == (403, "INSUFFICIENT_ACCESS")
    described = configured.other(token).Lead.describe()
    assert (described["createable"], described["updateable"], described["deletable"]) == (False, False, False)
    configured.world.give_profile(reader, "System Administrator")
    assert configured.call("PATCH", f"sobjects/Lead/{lead}", {"Title": "X"}, **headers).status_code == 204


# --- hostile bodies --------------------------------------------------------------------------------------------

ENTITY = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
NO_VALUES = '<m:metadata xsi:type="m:StandardValueSet"><m:fullName>LeadStatus</m:fullName>{}</m:metadata>'


def updating(content: str) -> str:
    return envelope(f"<m:updateMetadata>{content}</m:updateMetadata>")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "{}",
        "<a",
        "<a/>",
        envelope(STAGES)[:-40],
        envelope(STAGES) + "<more/>",
        ENTITY + envelope(reading("StandardValueSet", "&b;")),
        FILE + envelope(reading("StandardValueSet", "&a;")),
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + envelope(STAGES),
        envelope(reading("StandardValueSet", "&undeclared;")),
        envelope(reading("StandardValueSet", "\x00")),
        envelope(STAGES).encode("utf-32"),
        b'<?xml version="1.0" encoding="no-such"?>' + envelope(STAGES).encode(),
        b'<?xml version="1.0" encoding="utf-8"?><a>\xff</a>',
        envelope(DEEP),
        envelope(WIDE),
        envelope(""),
        envelope(STAGES + STAGES),
        envelope("<m:destroyEverything/>"),
        envelope("<readMetadata/>"),
        envelope(STAGES).replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"),
        envelope(reading("ApexClass", "X")),
        envelope(reading("", "X")),
        updating(""),
        updating("<m:metadata/>"),
        updating('<m:metadata xsi:type="m:ApexClass"><m:fullName>X</m:fullName></m:metadata>'),
        updating(NO_VALUES.format("<m:nonsense/>")),
        updating(NO_VALUES.format("<sorted>false</sorted>")),
        updating(NO_VALUES.format("<m:sorted>perhaps</m:sorted>")),
        updating(NO_VALUES.format("<m:sorted><m:x/></m:sorted>")),
        updating(NO_VALUES.format("<m:standardValue><m:probability>9e9</m:probability></m:standardValue>")),
        updating(NO_VALUES.format("<m:standardValue><m:probability>٣</m:probability></m:standardValue>")),
        updating(
            NO_VALUES.format("<m:standardValue><m:forecastCategory>Sure</m:forecastCategory></m:standardValue>")
        ),
        envelope(STAGES).replace(
            "</e:Header>", "<m:AllOrNoneHeader><m:allOrNone>true</m:allOrNone></m:AllOrNoneHeader></e:Header>"
        ),
    ],
)
def test_what_cannot_be_understood_is_a_fault(configured: Configured, body: bytes | str) -> None:
    before = configured.stages()
    code, text = fault_of(configured.post(body))
    assert code.startswith(("soapenv:", "sf:"))
    assert "root:" not in text
    assert configured.stages() == before


def test_signs_of_every_kind_survive(configured: Configured) -> None:
    name = "<&>\"' Ünï ☕ 𝒳 ]]>"
    configured.edit_stages(lambda stages: stages.insert(0, configured.stage(name)))
    assert configured.stages()[0] == name
    assert configured.values("SELECT MasterLabel FROM OpportunityStage WHERE SortOrder = 1 AND IsActive = true") == [
        name
    ]


def test_a_label_that_xml_cannot_hold_is_shown_without_its_signs(configured: Configured) -> None:
    configured.world.rename_stage("Prospecting", "Pro\x00spec\ud800ting")
    assert configured.read("StandardValueSet", "OpportunityStage").standardValue[0].label == "Prospecting"


def test_bodies_that_are_damaged_anywhere_meet_an_answer(configured: Configured) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    whole = bytearray(updating(NO_VALUES.format("<m:sorted>false</m:sorted>")).encode())
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 6)] = chance.randbytes(chance.randint(0, 6))
        answer = configured.post(bytes(body))
        assert answer.status_code in {200, 500}
        assert ElementTree.fromstring(answer.content).tag.endswith("Envelope")
    assert len(configured.values("SELECT ApiName FROM LeadStatus")) == 4
