"""How the stages, lead statuses and other standard picklists of the Salesforce sandbox are configured by SOAP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .metadata import Configured, refused
from .sandboxes import lead

Change = Callable[[list[Any]], object]
TABLE = "SELECT ApiName, MasterLabel, SortOrder FROM OpportunityStage WHERE IsActive = true ORDER BY SortOrder"


def named(values: list[Any], name: str) -> Any:
    return next(value for value in values if value.fullName == name)


def without(*names: str) -> Change:
    def change(values: list[Any]) -> None:
        values[:] = [value for value in values if value.fullName not in names]

    return change


# --- replacing the list ----------------------------------------------------------------------------------------


def test_a_set_is_read_as_the_org_has_it(configured: Configured) -> None:
    values = configured.read("StandardValueSet", "OpportunityStage").standardValue
    rows = configured.rows(
        "SELECT ApiName, DefaultProbability, IsClosed, IsWon, ForecastCategory FROM OpportunityStage"
    )
    assert [(v.fullName, v.probability, v.closed, v.won, v.forecastCategory) for v in values] == [
        tuple(row.values()) for row in rows
    ]
    statuses = configured.read("StandardValueSet", "LeadStatus").standardValue
    assert [value.fullName for value in statuses if value.default] == ["Open - Not Contacted"]
    assert [value.fullName for value in statuses if value.converted] == ["Closed - Converted"]


def test_writing_back_what_was_read_changes_nothing(configured: Configured) -> None:
    before = configured.world.all("OpportunityStage"), configured.world.all("LeadStatus")
    configured.pass_time(hours=1)
    configured.edit_stages(lambda values: None)
    configured.edit_statuses(lambda values: None)
    assert (configured.world.all("OpportunityStage"), configured.world.all("LeadStatus")) == before
    configured.edit_stages(lambda values: setattr(values[0], "probability", 11))
    changed = [
        (old["ApiName"], {name for name in old if old[name] != new[name]})
        for old, new in zip(before[0], configured.world.all("OpportunityStage"), strict=True)
        if old != new
    ]
    assert changed == [
        ("Prospecting", {"DefaultProbability", "LastModifiedById", "LastModifiedDate", "SystemModstamp"})
    ]


def test_a_new_stage_is_everywhere_at_once(configured: Configured) -> None:
    new = configured.stage("Demo", label="Demonstration", probability=35, forecastCategory="BestCase")
    configured.edit_stages(lambda values: values.insert(1, new))
    assert configured.choices("Opportunity", "StageName")[:3] == ["Prospecting", "Demo", "Qualification"]
    assert configured.rows(TABLE)[1] == {"ApiName": "Demo", "MasterLabel": "Demonstration", "SortOrder": 2}
    id = configured.sf.Opportunity.create({"Name": "O", "StageName": "Demo", "CloseDate": "2026-01-01"})["id"]
    row = configured.sf.Opportunity.get(id)
    assert (row["Probability"], row["ForecastCategoryName"], row["IsClosed"]) == (35.0, "Best Case", False)


def test_the_order_of_the_elements_is_the_order_that_people_see(configured: Configured) -> None:
    configured.edit_stages(lambda values: values.reverse())
    assert configured.choices("Opportunity", "StageName")[0] == "Closed Lost"
    assert [row["SortOrder"] for row in configured.rows(TABLE)] == list(range(1, 11))


def test_a_sorted_set_is_in_the_order_of_its_labels(configured: Configured) -> None:
    configured.edit("StandardValueSet", "OpportunityStage", lambda found: setattr(found, "sorted", True))
    labels = [row["MasterLabel"] for row in configured.rows(TABLE)]
    assert labels == sorted(labels, key=str.lower)


def test_what_is_left_out_becomes_inactive_and_is_never_deleted(configured: Configured) -> None:
    id = configured.world.create("Opportunity", Name="O", StageName="Needs Analysis", CloseDate="2026-01-01")
    configured.edit_stages(without("Needs Analysis"))
    assert "Needs Analysis" not in configured.choices("Opportunity", "StageName")
    assert configured.values("SELECT ApiName FROM OpportunityStage WHERE IsActive = false") == ["Needs Analysis"]
    assert configured.sf.Opportunity.get(id)["StageName"] == "Needs Analysis"
    assert configured.sf.Opportunity.update(id, {"NextStep": "x"}) == 204


def test_a_value_that_is_called_inactive_is_inactive(configured: Configured) -> None:
    configured.edit_stages(lambda values: setattr(named(values, "Needs Analysis"), "isActive", False))
    assert configured.values("SELECT ApiName FROM OpportunityStage WHERE IsActive = false") == ["Needs Analysis"]


def test_a_value_that_is_named_again_is_active_again_with_its_id(configured: Configured) -> None:
    def id_of() -> str:
        return str(configured.values("SELECT Id FROM OpportunityStage WHERE ApiName = 'Needs Analysis'")[0])

    before = id_of()
    configured.edit_stages(without("Needs Analysis"))
    configured.edit_stages(lambda values: values.append(configured.stage("Needs Analysis")))
    assert (id_of(), configured.stages()[-1]) == (before, "Needs Analysis")


def test_another_label_is_another_label_and_another_name_another_value(configured: Configured) -> None:
    configured.edit_stages(lambda values: setattr(values[0], "label", "Searching"))
    assert configured.rows(TABLE)[0]["MasterLabel"] == "Searching"
    configured.edit_stages(lambda values: setattr(values[0], "fullName", "Seeking"))
    rows = configured.rows("SELECT ApiName, IsActive FROM OpportunityStage ORDER BY Id")
    assert rows[0] == {"ApiName": "Prospecting", "IsActive": False}
    assert rows[-1] == {"ApiName": "Seeking", "IsActive": True}


def test_a_label_that_is_left_out_is_the_name(configured: Configured) -> None:
    configured.world.rename_stage("Prospecting", "Searching")
    configured.edit_stages(lambda values: setattr(values[0], "label", None))
    assert configured.rows(TABLE)[0]["MasterLabel"] == "Prospecting"


def test_the_definition_of_a_stage_never_touches_records(configured: Configured) -> None:
    id = configured.world.create("Opportunity", Name="O", StageName="Prospecting", CloseDate="2026-01-01")
    before = configured.world.read("Opportunity", id)

    def change(values: list[Any]) -> None:
        values[0].probability, values[0].forecastCategory = 45, "MostLikely"

    configured.edit_stages(change)
    assert configured.world.read("Opportunity", id) == before
    other = configured.world.create("Opportunity", Name="P", StageName="Prospecting", CloseDate="2026-01-01")
    assert (configured.world.read("Opportunity", other) or {})["Probability"] == 45.0


# --- what is refused -------------------------------------------------------------------------------------------


def first(**changes: object) -> Change:
    def change(values: list[Any]) -> None:
        for name, value in changes.items():
            setattr(values[0], name, value)

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda values: values.clear(), "FIELD_INTEGRITY_EXCEPTION"),
        (without("Closed Won"), "FIELD_INTEGRITY_EXCEPTION"),
        (without("Closed Lost"), "FIELD_INTEGRITY_EXCEPTION"),
        (first(closed=None), "REQUIRED_FIELD_MISSING"),
        (first(won=None), "REQUIRED_FIELD_MISSING"),
        (first(probability=None), "REQUIRED_FIELD_MISSING"),
        (first(forecastCategory=None), "REQUIRED_FIELD_MISSING"),
        (first(fullName=""), "REQUIRED_FIELD_MISSING"),
        (first(probability=101), "NUMBER_OUTSIDE_VALID_RANGE"),
        (first(probability=-1), "NUMBER_OUTSIDE_VALID_RANGE"),
        (first(won=True), "FIELD_INTEGRITY_EXCEPTION"),
        (first(label="x" * 256), "STRING_TOO_LONG"),
        (first(fullName="x" * 256), "STRING_TOO_LONG"),
        (first(fullName="qualification"), "DUPLICATE_VALUE"),
        (first(label="Qualification"), "DUPLICATE_VALUE"),
        (lambda values: [setattr(value, "default", True) for value in values], "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_stages_that_cannot_be_are_refused_and_nothing_is_changed(
    configured: Configured, change: Change, code: str
) -> None:
    before = configured.world.all("OpportunityStage")
    assert refused(configured.edit_stages, change)[0] == code
    assert configured.world.all("OpportunityStage") == before


def test_some_orgs_need_neither_a_won_stage_nor_a_lost_one(configured: Configured) -> None:
    configured.behave(needs_won_and_lost=False)
    configured.edit_stages(without("Closed Won"))
    assert "Closed Won" not in configured.stages()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (without("Closed - Converted"), "FIELD_INTEGRITY_EXCEPTION"),
        (first(converted=None), "REQUIRED_FIELD_MISSING"),
        (lambda values: values.clear(), "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_lead_statuses_that_cannot_be_are_refused(configured: Configured, change: Change, code: str) -> None:
    assert refused(configured.edit_statuses, change)[0] == code
    assert len(configured.values("SELECT Id FROM LeadStatus")) == 4


def test_a_set_needs_its_name_and_says_whether_it_is_sorted(configured: Configured) -> None:
    one = {"standardValue": [configured.md.StandardValue(fullName="a", default=False, converted=True)]}
    assert refused(configured.update, "StandardValueSet", **one, sorted=False)[0] == "REQUIRED_FIELD_MISSING"
    found = refused(configured.update, "StandardValueSet", **one, fullName="Nonsense", sorted=False)
    assert found[0] == "INVALID_CROSS_REFERENCE_KEY"


# --- lead statuses ---------------------------------------------------------------------------------------------


def test_a_lead_status_goes_and_comes_back(configured: Configured) -> None:
    id = configured.world.create("Lead", **lead(Status="Working - Contacted"))
    configured.edit_statuses(without("Working - Contacted"))
    for values in (configured.values("SELECT ApiName FROM LeadStatus"), configured.choices("Lead", "Status")):
        assert "Working - Contacted" not in values
    assert configured.sf.Lead.get(id)["Status"] == "Working - Contacted"
    back = configured.md.StandardValue(fullName="Working - Contacted", default=False, converted=False)
    configured.edit_statuses(lambda values: values.insert(1, back))
    assert configured.choices("Lead", "Status")[1] == "Working - Contacted"


def test_new_leads_begin_with_the_default_status(configured: Configured) -> None:
    def change(values: list[Any]) -> None:
        values[0].default, values[1].default = False, True

    configured.edit_statuses(change)
    assert configured.sf.Lead.get(configured.sf.Lead.create(lead())["id"])["Status"] == "Working - Contacted"
    configured.edit_statuses(without("Working - Contacted"))
    assert configured.sf.Lead.get(configured.sf.Lead.create(lead())["id"])["Status"] == "Open - Not Contacted"


# --- inactive values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("character", "said"), [("hidden", []), ("marked", [False]), ("unmarked", [None])])
@pytest.mark.parametrize(
    ("set", "name"),
    [("OpportunityStage", "Needs Analysis"), ("LeadStatus", "Working - Contacted"), ("Industry", "Banking")],
)
def test_orgs_differ_in_what_they_say_of_inactive_values(
    configured: Configured, set: str, name: str, character: str, said: list[object]
) -> None:
    configured.edit("StandardValueSet", set, lambda found: without(name)(found.standardValue))
    configured.behave(metadata_inactive_values=character)
    values = configured.read("StandardValueSet", set).standardValue
    assert [value.isActive for value in values if value.fullName == name] == said


def test_writing_back_inactive_values_that_are_not_marked_brings_them_back(configured: Configured) -> None:
    configured.edit_stages(without("Needs Analysis"))
    configured.behave(metadata_inactive_values="marked")
    configured.edit_stages(lambda values: None)
    assert "Needs Analysis" not in configured.choices("Opportunity", "StageName")
    configured.behave(metadata_inactive_values="unmarked")
    configured.edit_stages(lambda values: None)
    assert "Needs Analysis" in configured.choices("Opportunity", "StageName")


@pytest.mark.parametrize(
    ("object", "field", "set"),
    [
        ("Opportunity", "StageName", "OpportunityStage"),
        ("Lead", "Status", "LeadStatus"),
        ("Task", "Type", "TaskType"),
    ],
)
def test_some_orgs_describe_inactive_values(configured: Configured, object: str, field: str, set: str) -> None:
    name = configured.choices(object, field)[0]
    configured.edit("StandardValueSet", set, lambda found: without(name)(found.standardValue))
    assert name not in configured.choices(object, field)
    configured.behave(describe_inactive_values=True)
    described = configured.field(object, field) or {}
    assert [one["value"] for one in described["picklistValues"] if not one["active"]] == [name]


# --- other standard picklists ----------------------------------------------------------------------------------


def test_a_shared_set_changes_all_of_its_fields(configured: Configured) -> None:
    new = configured.md.StandardValue(fullName="Fair", label="Trade fair", default=False)
    configured.edit("StandardValueSet", "LeadSource", lambda found: found.standardValue.insert(0, new))
    for object, field in (("Lead", "LeadSource"), ("Opportunity", "LeadSource"), ("Account", "AccountSource")):
        assert configured.choices(object, field)[:2] == ["Fair", "Web"]
    configured.edit("StandardValueSet", "LeadSource", lambda found: without("Web")(found.standardValue))
    assert "Web" not in configured.choices("Contact", "LeadSource")


def test_the_default_of_a_set_is_what_new_records_hold(configured: Configured) -> None:
    configured.edit("StandardValueSet", "Industry", lambda found: first(default=True)(found.standardValue))
    id = configured.sf.Account.create({"Name": "A"})["id"]
    assert configured.sf.Account.get(id)["Industry"] == "Agriculture"


# --- the hands of admins ---------------------------------------------------------------------------------------


def test_admins_configure_stages_in_setup(configured: Configured) -> None:
    world = configured.world
    world.add_stage("Demo", probability=40)
    world.rename_stage("Demo", "Demonstration")
    world.change_stage("Demo", probability=45, forecastCategory="BestCase", description="They saw it")
    world.order_stages(["Demo", "Qualification"])
    world.retire_stage("Prospecting")
    values = configured.read("StandardValueSet", "OpportunityStage").standardValue
    demo = values[0]
    assert (demo.fullName, demo.label, demo.probability) == ("Demo", "Demonstration", 45)
    assert (demo.forecastCategory, demo.description) == ("BestCase", "They saw it")
    assert [value.fullName for value in values][1:3] == ["Qualification", "Needs Analysis"]
    assert "Prospecting" not in configured.stages()


def test_admins_configure_lead_statuses_in_setup(configured: Configured) -> None:
    world = configured.world
    world.add_lead_status("Nurturing")
    world.rename_lead_status("Nurturing", "In care")
    world.order_lead_statuses(["Nurturing"])
    world.retire_lead_status("Working - Contacted")
    rows = configured.rows("SELECT ApiName, MasterLabel FROM LeadStatus ORDER BY SortOrder")
    assert rows[0] == {"ApiName": "Nurturing", "MasterLabel": "In care"}
    assert [row["ApiName"] for row in rows[1:]] == [
        "Open - Not Contacted",
        "Closed - Converted",
        "Closed - Not Converted",
    ]
