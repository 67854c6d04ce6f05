"""Processes and record types in the Salesforce sandbox: what they offer, and what is offered no more."""

from __future__ import annotations

from typing import Any

import pytest

from .metadata import Configured, refused

STAGES = ["Prospecting", "Proposal/Price Quote", "Closed Won", "Closed Lost"]


def values(org: Configured, *names: str, default: str = "") -> list[Any]:
    return [org.md.PicklistValue(fullName=name, default=name == default) for name in names]


def process(org: Configured, name: str = "Opportunity.New", *names: str, **more: object) -> None:
    offered = values(org, *(names or ("Prospecting", "Proposal%2FPrice Quote", "Closed Won", "Closed Lost")))
    org.create("BusinessProcess", **{"fullName": name, "isActive": True, "values": offered, **more})


def record_type(org: Configured, name: str = "Opportunity.New", **more: object) -> str:
    definition = {"fullName": name, "active": True, "label": name, "businessProcess": "New", **more}
    org.create("RecordType", **{key: value for key, value in definition.items() if value is not None})
    object, _, own = name.partition(".")
    query = f"SELECT Id FROM RecordType WHERE SobjectType = '{object}' AND DeveloperName = '{own}'"
    return str(org.values(query)[0])


def offering(org: Configured, picklist: str, *names: str, default: str = "") -> Any:
    return org.md.RecordTypePicklistValue(picklist=picklist, values=values(org, *names, default=default))


def names_of(found: Any) -> list[str]:
    return [value.fullName for value in found.values or []]


# --- processes -------------------------------------------------------------------------------------------------


def test_a_process_is_everywhere_at_once(configured: Configured) -> None:
    process(configured)
    rows = configured.rows("SELECT Name, TableEnumOrId, IsActive FROM BusinessProcess")
    assert rows == [{"Name": "New", "TableEnumOrId": "Opportunity", "IsActive": True}]
    found = configured.read("BusinessProcess", "Opportunity.New")
    assert names_of(found) == ["Prospecting", "Proposal%2FPrice Quote", "Closed Won", "Closed Lost"]


def test_names_in_a_process_are_percent_encoded(configured: Configured) -> None:
    configured.world.add_process("Opportunity", "All")
    found = names_of(configured.read("BusinessProcess", "Opportunity.All"))
    assert found[4:8] == [
        "Id%2E Decision Makers",
        "Perception Analysis",
        "Proposal%2FPrice Quote",
        "Negotiation%2FReview",
    ]
    raw = refused(process, configured, "Opportunity.Raw", "Proposal/Price Quote")
    assert raw[0] == "FIELD_INTEGRITY_EXCEPTION"
    configured.behave(raw_value_names=True)
    process(configured, "Opportunity.Raw", "Proposal/Price Quote")


@pytest.mark.parametrize(
    ("name", "offered", "more", "code"),
    [
        ("Opportunity.X", ("Nonsense",), {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Opportunity.X", ("Prospecting", "Prospecting"), {}, "DUPLICATE_VALUE"),
        ("Opportunity.X", ("Prospecting",), {"values": []}, "REQUIRED_FIELD_MISSING"),
        ("Opportunity.X", ("Prospecting",), {"description": "x" * 256}, "STRING_TOO_LONG"),
        (f"Opportunity.{'x' * 81}", ("Prospecting",), {}, "STRING_TOO_LONG"),
        ("Contact.X", ("Prospecting",), {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Nothing.X", ("Prospecting",), {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Opportunity", ("Prospecting",), {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Lead.X", ("Prospecting",), {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Opportunity.New", ("Prospecting",), {}, "DUPLICATE_DEVELOPER_NAME"),
        ("Opportunity.new", ("Prospecting",), {}, "DUPLICATE_DEVELOPER_NAME"),
    ],
)
def test_a_process_that_cannot_be_is_refused(
    configured: Configured, name: str, offered: tuple[str, ...], more: dict[str, object], code: str
) -> None:
    process(configured)
    assert refused(process, configured, name, *offered, **more)[0] == code
    assert configured.values("SELECT Name FROM BusinessProcess") == ["New"]


def test_a_process_takes_no_stage_that_is_inactive(configured: Configured) -> None:
    configured.world.retire_stage("Prospecting")
    code, message = refused(process, configured)
    assert (code, message) == (
        "INVALID_CROSS_REFERENCE_KEY",
        "Picklist value: Prospecting in picklist: StageName not found",
    )


def test_a_process_is_replaced_and_its_record_types_offer_that(configured: Configured) -> None:
    process(configured)
    id = record_type(configured)
    assert configured.offered("Opportunity", id, "StageName") == STAGES

    def change(found: Any) -> None:
        found.values = values(configured, "Needs Analysis", "Prospecting", default="Needs Analysis")

    configured.edit("BusinessProcess", "Opportunity.New", change)
    assert configured.offered("Opportunity", id, "StageName") == ["Prospecting", "Needs Analysis"]
    answer = configured.sf.restful(f"ui-api/object-info/Opportunity/picklist-values/{id}")
    assert answer["picklistFieldValues"]["StageName"]["defaultValue"]["value"] == "Needs Analysis"


def test_a_process_in_use_stays(configured: Configured) -> None:
    process(configured)
    record_type(configured)
    assert refused(configured.md.BusinessProcess.delete, ["Opportunity.New"])[0] == "DEPENDENCY_EXISTS"
    process(configured, "Opportunity.Other")
    configured.md.BusinessProcess.delete(["Opportunity.Other"])
    assert configured.values("SELECT Name FROM BusinessProcess") == ["New"]
    assert configured.read("BusinessProcess", "Opportunity.Other") is None


def test_processes_and_record_types_are_renamed(configured: Configured) -> None:
    process(configured)
    record_type(configured)
    configured.md.BusinessProcess.rename("Opportunity.New", "Opportunity.Fresh business")
    configured.md.RecordType.rename("Opportunity.New", "Opportunity.Fresh")
    assert configured.read("RecordType", "Opportunity.Fresh").businessProcess == "Fresh business"
    assert configured.read("RecordType", "Opportunity.New") is None
    code, _ = refused(configured.md.StandardValueSet.rename, "LeadStatus", "X")
    assert code == "INVALID_TYPE_FOR_OPERATION"


# --- record types ----------------------------------------------------------------------------------------------


def test_a_record_type_is_everywhere_at_once(configured: Configured) -> None:
    process(configured)
    id = record_type(configured, label="New business", description="First deals")
    row = configured.rows("SELECT DeveloperName, Name, IsActive, BusinessProcessId FROM RecordType")[0]
    assert (row["DeveloperName"], row["Name"], row["IsActive"]) == ("New", "New business", True)
    assert row["BusinessProcessId"] == configured.values("SELECT Id FROM BusinessProcess")[0]
    infos = configured.sf.Opportunity.describe()["recordTypeInfos"]
    assert {info["developerName"]: info["recordTypeId"] for info in infos}["New"] == id
    assert configured.field("Opportunity", "RecordTypeId") is not None


def test_what_a_record_type_offers_is_read_with_encoded_names(configured: Configured) -> None:
    new = configured.md.StandardValue(fullName="Fair/Exhibition", default=False)
    configured.edit("StandardValueSet", "LeadSource", lambda found: found.standardValue.append(new))
    process(configured)
    offer = offering(configured, "LeadSource", "Web", "Fair%2FExhibition", default="Web")
    id = record_type(configured, picklistValues=[offer])
    assert configured.offered("Opportunity", id, "LeadSource") == ["Web", "Fair/Exhibition"]
    found = {one.picklist: one for one in configured.read("RecordType", "Opportunity.New").picklistValues}
    assert [(v.fullName, v.default) for v in found["LeadSource"]["values"]] == [
        ("Web", True),
        ("Fair%2FExhibition", False),
    ]
    assert "StageName" not in found


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("Opportunity.X", {"businessProcess": None}, "REQUIRED_FIELD_MISSING"),
        ("Lead.X", {"businessProcess": None}, "REQUIRED_FIELD_MISSING"),
        ("Opportunity.X", {"businessProcess": "Nonsense"}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Lead.X", {"businessProcess": "New"}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Account.X", {"businessProcess": "New"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.two words", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.1st", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Opportunity.a__b", {}, "FIELD_INTEGRITY_EXCEPTION"),
        (f"Opportunity.{'x' * 81}", {}, "STRING_TOO_LONG"),
        ("Opportunity.X", {"label": "x" * 81}, "STRING_TOO_LONG"),
        ("Opportunity.X", {"label": ""}, "REQUIRED_FIELD_MISSING"),
        ("Nothing.X", {}, "INVALID_CROSS_REFERENCE_KEY"),
        ("Opportunity.New", {}, "DUPLICATE_DEVELOPER_NAME"),
    ],
)
def test_a_record_type_that_cannot_be_is_refused(
    configured: Configured, name: str, more: dict[str, object], code: str
) -> None:
    process(configured)
    record_type(configured)
    assert refused(record_type, configured, name, **more)[0] == code
    assert configured.values("SELECT DeveloperName FROM RecordType") == ["New"]


@pytest.mark.parametrize(
    ("picklist", "name", "code"),
    [
        ("LeadSource", "Nonsense", "INVALID_CROSS_REFERENCE_KEY"),
        ("Nonsense", "Web", "INVALID_CROSS_REFERENCE_KEY"),
        ("Amount", "Web", "INVALID_CROSS_REFERENCE_KEY"),
        ("StageName", "Prospecting", "INVALID_CROSS_REFERENCE_KEY"),
        ("Type", "Existing Customer / Upgrade", "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_a_record_type_offers_only_what_there_is(configured: Configured, picklist: str, name: str, code: str) -> None:
    process(configured)
    offer = offering(configured, picklist, name)
    assert refused(record_type, configured, picklistValues=[offer])[0] == code


def test_an_update_replaces_the_picklists_that_it_names(configured: Configured) -> None:
    process(configured)
    id = record_type(configured)
    sources = configured.offered("Opportunity", id, "LeadSource")

    def change(found: Any) -> None:
        found.label, found.picklistValues = "Fresh", [offering(configured, "Type", "New Customer")]

    configured.edit("RecordType", "Opportunity.New", change)
    assert configured.offered("Opportunity", id, "Type") == ["New Customer"]
    assert configured.offered("Opportunity", id, "LeadSource") == sources
    assert configured.values("SELECT Name FROM RecordType") == ["Fresh"]


@pytest.mark.parametrize(("character", "count"), [("all", 4), ("nothing", 0)])
def test_orgs_differ_in_what_a_new_record_type_offers(configured: Configured, character: str, count: int) -> None:
    configured.behave(new_record_types_offer=character)
    process(configured)
    id = record_type(configured)
    assert len(configured.offered("Opportunity", id, "Type")) == count
    assert configured.offered("Opportunity", id, "StageName") == STAGES


def test_a_record_type_in_use_or_active_stays(configured: Configured) -> None:
    process(configured)
    id = record_type(configured)
    assert refused(configured.md.RecordType.delete, ["Opportunity.New"])[0] == "DELETE_NOT_ALLOWED"
    configured.edit("RecordType", "Opportunity.New", lambda found: setattr(found, "active", False))
    deal = {"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
    record = configured.world.create("Opportunity", **deal, RecordTypeId=id)
    assert refused(configured.md.RecordType.delete, ["Opportunity.New"])[0] == "DELETE_NOT_ALLOWED"
    configured.world.delete("Opportunity", record)
    configured.md.RecordType.delete(["Opportunity.New"])
    assert configured.values("SELECT Id FROM RecordType") == []


# --- new values and retired ones -------------------------------------------------------------------------------


def test_a_new_stage_is_in_no_process_until_somebody_adds_it(configured: Configured) -> None:
    process(configured)
    id = record_type(configured)
    configured.edit_stages(lambda stages: stages.insert(0, configured.stage("Demo")))
    assert configured.choices("Opportunity", "StageName")[0] == "Demo"
    assert configured.offered("Opportunity", id, "StageName") == STAGES
    configured.edit(
        "BusinessProcess", "Opportunity.New", lambda found: found["values"].extend(values(configured, "Demo"))
    )
    assert configured.offered("Opportunity", id, "StageName") == ["Demo", *STAGES]


def test_a_new_value_is_in_no_record_type_until_somebody_adds_it(configured: Configured) -> None:
    id = configured.world.add_record_type("Contact", "Partner", "Partner")
    before = configured.offered("Contact", id, "LeadSource")
    new = configured.md.StandardValue(fullName="Fair", default=False)
    configured.edit("StandardValueSet", "LeadSource", lambda found: found.standardValue.append(new))
    assert configured.offered("Contact", id, "LeadSource") == before
    assert "Fair" in configured.offered("Contact", "012000000000000AAA", "LeadSource")


def test_a_retired_stage_leaves_every_process_and_does_not_come_back_by_itself(configured: Configured) -> None:
    process(configured)
    id = record_type(configured)
    configured.edit_stages(lambda stages: stages.pop(0))
    assert names_of(configured.read("BusinessProcess", "Opportunity.New"))[0] == "Proposal%2FPrice Quote"
    configured.edit_stages(lambda stages: stages.insert(0, configured.stage("Prospecting")))
    assert configured.offered("Opportunity", id, "StageName") == STAGES[1:]


def test_a_retired_value_leaves_every_record_type(configured: Configured) -> None:
    id = configured.world.add_record_type("Lead", "Partner", "Partner")
    configured.edit("StandardValueSet", "Industry", lambda found: found.standardValue.pop(0))
    assert "Agriculture" not in configured.offered("Lead", id, "Industry")
    configured.edit_statuses(lambda statuses: statuses.pop(1))
    assert "Working - Contacted" not in configured.offered("Lead", id, "Status")


# --- the hands of admins ---------------------------------------------------------------------------------------


def test_admins_decide_in_setup_what_is_offered(configured: Configured) -> None:
    world = configured.world
    world.add_process("Opportunity", "Short", ["Prospecting", "Closed Won", "Closed Lost"])
    id = world.add_record_type("Opportunity", "Short", "Short deals", process="Short")
    world.add_stage("Demo", probability=40, offered_by=["Short"])
    assert configured.offered("Opportunity", id, "StageName") == ["Prospecting", "Closed Won", "Closed Lost", "Demo"]
    world.stop_offering("Opportunity", id, "StageName", "Demo")
    world.stop_offering("Opportunity", id, "Type", "New Customer")
    assert configured.offered("Opportunity", id, "StageName") == ["Prospecting", "Closed Won", "Closed Lost"]
    assert "New Customer" not in configured.offered("Opportunity", id, "Type")
    assert configured.read("RecordType", "Opportunity.Short").businessProcess == "Short"


def test_a_record_type_without_a_process_gets_one_with_everything(configured: Configured) -> None:
    id = configured.world.add_record_type("Opportunity", "New", "New business")
    assert configured.offered("Opportunity", id, "StageName") == configured.choices("Opportunity", "StageName")
    assert configured.values("SELECT Name FROM BusinessProcess") == ["New business"]
