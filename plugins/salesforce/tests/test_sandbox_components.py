"""Custom fields, global value sets and permission sets in the Metadata API of the Salesforce sandbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from .metadata import Configured, refused
from .sandboxes import lead, refusal

ME = "SELECT Id FROM User WHERE Username = 'integration@sandbox.example'"


def options(org: Configured, *names: str) -> list[Any]:
    return [org.md.CustomValue(fullName=name, label=name.title(), default=False) for name in names]


def value_set(org: Configured, *names: str, restricted: bool = True) -> Any:
    inner = org.md.ValueSetValuesDefinition(sorted=False, value=options(org, *names))
    return org.md.ValueSet(restricted=restricted, valueSetDefinition=inner)


def make(org: Configured, name: str = "Lead.Tier__c", type: str = "Picklist", **more: object) -> None:
    if type.endswith("icklist"):
        more = {"valueSet": value_set(org, "gold", "silver"), **more}
    org.create("CustomField", fullName=name, label="Tier", type=type, **more)


def show(org: Configured, *fields: str, name: str = "Instep", **more: object) -> None:
    """A permission set that shows fields, given to the app's own user."""
    rights = [org.md.PermissionSetFieldPermissions(field=field, editable=True, readable=True) for field in fields]
    org.create("PermissionSet", fullName=name, label=name, fieldPermissions=rights, **more)
    parent = org.values(f"SELECT Id FROM PermissionSet WHERE Name = '{name}'")[0]
    org.sf.PermissionSetAssignment.create({"PermissionSetId": parent, "AssigneeId": org.values(ME)[0]})


def change_values(org: Configured, change: Any, name: str = "Lead.Tier__c") -> None:
    org.edit("CustomField", name, lambda found: change(found.valueSet.valueSetDefinition.value))


# --- custom fields ---------------------------------------------------------------------------------------------


def test_a_new_field_is_seen_by_nobody_until_it_is_granted(configured: Configured) -> None:
    make(configured)
    assert configured.read("CustomField", "Lead.Tier__c").label == "Tier"
    assert configured.field("Lead", "Tier__c") is None
    assert refusal(configured.sf.query, "SELECT Tier__c FROM Lead")[1] == "INVALID_FIELD"
    show(configured, "Lead.Tier__c")
    assert configured.choices("Lead", "Tier__c") == ["gold", "silver"]
    id = configured.sf.Lead.create(lead(Tier__c="gold"))["id"]
    assert configured.sf.Lead.get(id)["Tier__c"] == "gold"


def test_a_required_field_is_seen_by_everybody(configured: Configured) -> None:
    make(configured, "Lead.Key__c", "Text", length=20, required=True)
    assert configured.field("Lead", "Key__c") is not None


def test_a_restricted_picklist_takes_what_it_lists(configured: Configured) -> None:
    make(configured)
    show(configured, "Lead.Tier__c")
    code = refusal(configured.sf.Lead.create, lead(Tier__c="lead"))[1]
    assert code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    make(configured, "Lead.Open__c", valueSet=value_set(configured, "gold", restricted=False))
    show(configured, "Lead.Open__c", name="More")
    assert configured.sf.Lead.create(lead(Open__c="lead"))["success"]


def test_a_choice_that_is_left_out_becomes_inactive(configured: Configured) -> None:
    make(configured)
    show(configured, "Lead.Tier__c")
    id = configured.sf.Lead.create(lead(Tier__c="silver"))["id"]
    change_values(configured, lambda values: values.pop())
    assert configured.choices("Lead", "Tier__c") == ["gold"]
    assert configured.sf.Lead.get(id)["Tier__c"] == "silver"
    change_values(configured, lambda values: values.insert(0, options(configured, "silver")[0]))
    assert configured.choices("Lead", "Tier__c") == ["silver", "gold"]


def test_the_tooling_api_keeps_what_is_left_out_too(configured: Configured) -> None:
    make(configured)
    query = {"q": "SELECT Id, Metadata FROM CustomField WHERE DeveloperName = 'Tier'"}
    (row,) = configured.sf.toolingexecute("query", params=query)["records"]
    row["Metadata"]["valueSet"]["valueSetDefinition"]["value"].pop()
    path = f"tooling/sobjects/CustomField/{row['Id']}"
    assert configured.call("PATCH", path, {"Metadata": row["Metadata"]}).status_code == 204
    (again,) = configured.sf.toolingexecute("query", params=query)["records"]
    values = again["Metadata"]["valueSet"]["valueSetDefinition"]["value"]
    assert [(value["fullName"], value["isActive"]) for value in values] == [("gold", True), ("silver", False)]


@pytest.mark.parametrize(("offered", "count"), [(False, 0), (True, 2)])
def test_record_types_offer_nothing_of_a_new_picklist_in_most_orgs(
    configured: Configured, offered: bool, count: int
) -> None:
    configured.behave(new_picklists_offered=offered)
    id = configured.world.add_record_type("Lead", "Partner", "Partner")
    make(configured)
    show(configured, "Lead.Tier__c")
    assert len(configured.offered("Lead", id, "Tier__c")) == count


def test_a_field_of_activities_is_one_of_tasks_and_of_events(configured: Configured) -> None:
    make(configured, "Activity.Score__c", "Number", precision=5, scale=0)
    show(configured, "Task.Score__c", "Event.Score__c")
    assert configured.field("Task", "Score__c")
    assert configured.field("Event", "Score__c")
    assert configured.read("CustomField", "Activity.Score__c").precision == 5
    wrong = refused(make, configured, "Task.Other__c", "Number", precision=5, scale=0)
    assert wrong[0] == "INVALID_CROSS_REFERENCE_KEY"
    configured.md.CustomField.delete(["Activity.Score__c"])
    assert (configured.field("Task", "Score__c"), configured.field("Event", "Score__c")) == (None, None)


@pytest.mark.parametrize(
    ("name", "type", "more", "code"),
    [
        ("Lead.Key__c", "Text", {"length": 10}, "DUPLICATE_DEVELOPER_NAME"),
        ("Lead.key__c", "Text", {"length": 10}, "DUPLICATE_DEVELOPER_NAME"),
        ("Lead.Other__c", "Text", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "Text", {"length": 256}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other", "Text", {"length": 10}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Two words__c", "Text", {"length": 10}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.a__b__c", "Text", {"length": 10}, "FIELD_INTEGRITY_EXCEPTION"),
        (f"Lead.{'x' * 41}__c", "Text", {"length": 10}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "Text", {"length": 10, "label": "x" * 41}, "STRING_TOO_LONG"),
        ("Lead.Other__c", "Text", {"length": 10, "label": ""}, "REQUIRED_FIELD_MISSING"),
        ("Lead.Other__c", "Text", {"length": 10, "description": "x" * 1001}, "STRING_TOO_LONG"),
        ("Lead.Other__c", "LongTextArea", {"length": 1000}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "Checkbox", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "Picklist", {"valueSet": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "MultiselectPicklist", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", "Html", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Nothing.Other__c", "Text", {"length": 10}, "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_a_field_that_cannot_be_is_refused(
    configured: Configured, name: str, type: str, more: dict[str, object], code: str
) -> None:
    make(configured, "Lead.Key__c", "Text", length=10)
    given: dict[str, object] = {"fullName": name, "label": "L", "type": type, **more}
    if type.endswith("icklist"):
        given.setdefault("valueSet", value_set(configured, "a"))
    found = refused(configured.create, "CustomField", **given)
    assert found[0] == code
    if code == "DUPLICATE_DEVELOPER_NAME":
        assert found[1].endswith("on Lead.")


@pytest.mark.parametrize(
    "values", [(), ("a", "A"), ("x" * 256,)], ids=["none at all", "one twice", "one that is too long"]
)
def test_choices_that_cannot_be_are_refused(configured: Configured, values: tuple[str, ...]) -> None:
    assert refused(make, configured, valueSet=value_set(configured, *values))[0] in {
        "FIELD_INTEGRITY_EXCEPTION",
        "DUPLICATE_VALUE",
        "STRING_TOO_LONG",
    }
    assert configured.read("CustomField", "Lead.Tier__c") is None


def test_a_field_is_changed_and_taken_away(configured: Configured) -> None:
    make(configured, "Lead.Key__c", "Text", length=20, description="Ours")
    show(configured, "Lead.Key__c")
    configured.sf.Lead.create(lead(Key__c="x" * 15))
    shorter = refused(configured.edit, "CustomField", "Lead.Key__c", lambda found: setattr(found, "length", 14))
    assert shorter[0] == "FIELD_INTEGRITY_EXCEPTION"
    other = refused(configured.edit, "CustomField", "Lead.Key__c", lambda found: setattr(found, "type", "TextArea"))
    assert other[0] == "FIELD_INTEGRITY_EXCEPTION"
    configured.edit("CustomField", "Lead.Key__c", lambda found: setattr(found, "label", "Our key"))
    assert (configured.field("Lead", "Key__c") or {})["label"] == "Our key"
    configured.md.CustomField.delete(["Lead.Key__c"])
    assert configured.field("Lead", "Key__c") is None
    assert refused(configured.md.CustomField.delete, ["Lead.Key__c"])[0] == "INVALID_CROSS_REFERENCE_KEY"


def test_standard_fields_are_no_custom_ones(configured: Configured) -> None:
    assert configured.read("CustomField", "Lead.Status") is None
    assert refused(configured.md.CustomField.delete, ["Lead.Status"])[0] == "INVALID_CROSS_REFERENCE_KEY"


def test_a_new_field_can_take_seconds_to_be_known_everywhere(configured: Configured) -> None:
    configured.behave(field_lag=timedelta(seconds=20))
    make(configured)
    show(configured, "Lead.Tier__c")
    assert configured.read("CustomField", "Lead.Tier__c") is not None
    assert configured.field("Lead", "Tier__c") is None
    assert refusal(configured.sf.query, "SELECT Tier__c FROM Lead")[1] == "INVALID_FIELD"
    assert refusal(configured.sf.Lead.create, lead(Tier__c="gold"))[1] == "INVALID_FIELD"
    configured.pass_time(seconds=20)
    assert configured.choices("Lead", "Tier__c") == ["gold", "silver"]
    assert configured.sf.Lead.create(lead(Tier__c="gold"))["success"]


# --- global value sets -----------------------------------------------------------------------------------------


def make_set(org: Configured, name: str = "Tiers", *values: str) -> None:
    shown = options(org, *(values or ("gold", "silver")))
    org.create("GlobalValueSet", fullName=name, masterLabel=name, sorted=False, customValue=shown)


def test_a_global_set_is_shared_by_its_fields(configured: Configured) -> None:
    make_set(configured)
    for object in ("Lead", "Contact"):
        shared = configured.md.ValueSet(restricted=True, valueSetName="Tiers")
        make(configured, f"{object}.Tier__c", valueSet=shared)
    show(configured, "Lead.Tier__c", "Contact.Tier__c")

    def change(found: Any) -> None:
        found.customValue = [*options(configured, "platinum"), found.customValue[0]]

    configured.edit("GlobalValueSet", "Tiers", change)
    assert configured.choices("Lead", "Tier__c") == ["platinum", "gold"]
    assert configured.choices("Contact", "Tier__c") == ["platinum", "gold"]
    assert configured.read("CustomField", "Lead.Tier__c").valueSet.valueSetName == "Tiers"
    change_back = configured.make("GlobalValueSet", fullName="Tiers", masterLabel="T", sorted=True, customValue=[])
    change_back.customValue = options(configured, "silver", "platinum", "gold")
    configured.md.GlobalValueSet.update([change_back])
    assert configured.choices("Lead", "Tier__c") == ["gold", "platinum", "silver"]


def test_a_global_set_in_use_stays(configured: Configured) -> None:
    make_set(configured)
    make(configured, valueSet=configured.md.ValueSet(restricted=True, valueSetName="Tiers"))
    assert refused(configured.md.GlobalValueSet.delete, ["Tiers"])[0] == "DEPENDENCY_EXISTS"
    configured.md.CustomField.delete(["Lead.Tier__c"])
    configured.md.GlobalValueSet.delete(["Tiers"])
    assert configured.read("GlobalValueSet", "Tiers") is None
    missing = configured.md.ValueSet(restricted=True, valueSetName="Tiers")
    assert refused(make, configured, valueSet=missing)[0] == "INVALID_CROSS_REFERENCE_KEY"


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("tiers", {}, "DUPLICATE_DEVELOPER_NAME"),
        ("two words", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Other", {"masterLabel": "x" * 81}, "STRING_TOO_LONG"),
        ("Other", {"masterLabel": ""}, "REQUIRED_FIELD_MISSING"),
        ("Other", {"customValue": []}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_a_global_set_that_cannot_be_is_refused(
    configured: Configured, name: str, more: dict[str, object], code: str
) -> None:
    make_set(configured)
    given = {"fullName": name, "masterLabel": "L", "sorted": False, "customValue": options(configured, "a"), **more}
    assert refused(configured.create, "GlobalValueSet", **given)[0] == code


# --- permission sets -------------------------------------------------------------------------------------------


def test_a_permission_set_is_read_and_replaced(configured: Configured) -> None:
    make(configured, "Lead.A__c", "Date")
    make(configured, "Lead.B__c", "Date")
    show(configured, "Lead.A__c")
    found = configured.read("PermissionSet", "Instep")
    assert [(one.field, one.readable, one.editable) for one in found.fieldPermissions] == [("Lead.A__c", True, True)]

    def change(found: Any) -> None:
        found.fieldPermissions[0].field, found.fieldPermissions[0].editable = "Lead.B__c", False

    configured.edit("PermissionSet", "Instep", change)
    assert (configured.field("Lead", "A__c"), (configured.field("Lead", "B__c") or {})["updateable"]) == (None, False)


def test_some_orgs_keep_the_field_permissions_that_are_left_out(configured: Configured) -> None:
    make(configured, "Lead.A__c", "Date")
    show(configured, "Lead.A__c")
    configured.behave(permission_sets_replace=False)
    configured.edit("PermissionSet", "Instep", lambda found: found.fieldPermissions.clear())
    assert configured.field("Lead", "A__c") is not None
    configured.behave(permission_sets_replace=True)
    configured.edit("PermissionSet", "Instep", lambda found: found.fieldPermissions.clear())
    assert configured.field("Lead", "A__c") is None


def test_a_permission_set_grants_permissions(configured: Configured) -> None:
    reader = configured.world.add_user("Reader", "r@sandbox.example", profile="Read Only")
    permission = configured.md.PermissionSetUserPermission(enabled=True, name="ModifyMetadata")
    configured.create("PermissionSet", fullName="Setup", label="Setup", userPermissions=[permission])
    parent = configured.values("SELECT Id FROM PermissionSet")[0]
    configured.sf.PermissionSetAssignment.create({"PermissionSetId": parent, "AssigneeId": reader})
    found = configured.mdapi_as(configured.world.log_in(reader)).PermissionSet.read(["Setup"])
    assert [one.name for one in found.userPermissions] == ["ModifyMetadata"]


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("Instep", {}, "DUPLICATE_DEVELOPER_NAME"),
        ("two words", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Other", {"label": "x" * 81}, "STRING_TOO_LONG"),
        ("Other", {"label": ""}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_permission_set_that_cannot_be_is_refused(
    configured: Configured, name: str, more: dict[str, object], code: str
) -> None:
    show(configured)
    found = refused(configured.create, "PermissionSet", **{"fullName": name, "label": "L", **more})
    assert found[0] == code


@pytest.mark.parametrize(
    ("field", "code"),
    [("Lead.Nope__c", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"), ("Lead.LastName", "FIELD_INTEGRITY_EXCEPTION")],
)
def test_a_permission_set_with_a_wrong_field_is_not_made_at_all(
    configured: Configured, field: str, code: str
) -> None:
    assert refused(show, configured, field)[0] == code
    assert configured.values("SELECT Id FROM PermissionSet") == []


def test_a_permission_set_that_is_deleted_grants_nothing(configured: Configured) -> None:
    make(configured)
    show(configured, "Lead.Tier__c")
    configured.md.PermissionSet.delete(["Instep"])
    assert configured.field("Lead", "Tier__c") is None
    assert configured.values("SELECT Id FROM PermissionSetAssignment") == []
    assert refused(configured.md.PermissionSet.delete, ["Instep"])[0] == "INVALID_CROSS_REFERENCE_KEY"


# --- campaign member statuses ----------------------------------------------------------------------------------


def statuses(org: Configured) -> dict[str, str]:
    return {
        row["Label"]: row["Id"] for row in org.rows("SELECT Label, Id FROM CampaignMemberStatus ORDER BY SortOrder")
    }


def test_campaigns_keep_a_default_status_and_one_that_responds(configured: Configured) -> None:
    configured.world.add_campaign("Fair")
    sf, found = configured.sf, statuses(configured)
    for name, change in (("Sent", {"IsDefault": False}), ("Responded", {"HasResponded": False})):
        assert refusal(sf.CampaignMemberStatus.update, found[name], change)[1] == "FIELD_INTEGRITY_EXCEPTION"
    sf.CampaignMemberStatus.update(found["Responded"], {"IsDefault": True})
    sf.CampaignMemberStatus.update(found["Sent"], {"HasResponded": True})
    assert sf.CampaignMemberStatus.update(found["Responded"], {"HasResponded": False}) == 204
    assert configured.values("SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true") == ["Responded"]


def test_a_status_that_members_hold_is_not_deleted(configured: Configured) -> None:
    campaign, person = configured.world.add_campaign("Fair"), configured.world.create("Lead", **lead())
    status = {"CampaignId": campaign, "Label": "Visited the stand", "HasResponded": True, "SortOrder": 3}
    id = configured.sf.CampaignMemberStatus.create(status)["id"]
    member = {"CampaignId": campaign, "LeadId": person, "Status": "Visited the stand"}
    held = configured.sf.CampaignMember.create(member)["id"]
    assert refusal(configured.sf.CampaignMemberStatus.delete, id)[1] == "DELETE_FAILED"
    configured.sf.CampaignMember.update(held, {"Status": "Sent"})
    assert configured.sf.CampaignMemberStatus.delete(id) == 204


def test_members_follow_the_new_label_of_their_status(configured: Configured) -> None:
    campaign, person = configured.world.add_campaign("Fair"), configured.world.create("Lead", **lead())
    held = configured.sf.CampaignMember.create({"CampaignId": campaign, "LeadId": person})["id"]
    configured.sf.CampaignMemberStatus.update(statuses(configured)["Sent"], {"Label": "Invited"})
    assert configured.sf.CampaignMember.get(held)["Status"] == "Invited"
