"""How the Salesforce sandbox describes itself, and how admins change it by the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .sandboxes import Opened, lead, opened, refusal

ME = "SELECT Id FROM User WHERE Username = 'integration@sandbox.example'"
NUMBER = {"label": "Score", "type": "Number", "precision": 5, "scale": 0}
TEXT = {"label": "Key", "type": "Text", "length": 80, "unique": True, "externalId": True}


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


def fields(org: Opened, object: str = "Lead") -> dict[str, Any]:
    return {field["name"]: field for field in getattr(org.sf, object).describe()["fields"]}


# --- describing ------------------------------------------------------------------------------------------------


def test_versions_need_no_login_and_count_for_nothing(org: Opened) -> None:
    answer = org.sf.session.get(f"{org.sandbox.url}/services/data/")
    versions = answer.json()
    assert "Sforce-Limit-Info" not in answer.headers
    assert versions[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert {"label": "Winter '24", "url": "/services/data/v59.0", "version": "59.0"} in versions


@pytest.mark.parametrize(
    ("version", "status"), [("31.0", 200), ("68.0", 200), ("30.0", 410), ("69.0", 404), ("x", 404)]
)
def test_only_living_versions_answer(org: Opened, version: str, status: int) -> None:
    url = f"{org.sandbox.url}/services/data/v{version}/sobjects/Lead/describe/"
    assert org.sf.session.get(url, headers=org.sf.headers).status_code == status


def test_the_org_lists_its_objects(org: Opened) -> None:
    listed = org.sf.describe()
    objects = {one["name"]: one for one in listed["sobjects"]}
    assert listed["maxBatchSize"] == 200
    assert {"Lead", "Contact", "Account", "Opportunity", "Campaign", "Task", "User", "PermissionSet"} <= set(objects)
    assert (objects["Lead"]["keyPrefix"], objects["Lead"]["mergeable"]) == ("00Q", True)
    assert (objects["OpportunityStage"]["createable"], objects["OpportunityStage"]["queryable"]) == (False, True)
    assert objects["Lead"]["urls"]["rowTemplate"] == "/services/data/v63.0/sobjects/Lead/{ID}"


def test_an_object_describes_itself_in_full(org: Opened) -> None:
    described = org.sf.Lead.describe()
    assert {"childRelationships", "recordTypeInfos", "supportedScopes", "sobjectDescribeOption"} <= set(described)
    assert all(len(field) == 57 for field in described["fields"])
    relations = {one["relationshipName"]: one for one in described["childRelationships"]}
    assert relations["CampaignMembers"]["childSObject"] == "CampaignMember"
    assert [one["developerName"] for one in described["recordTypeInfos"]] == ["Master"]
    assert described["recordTypeInfos"][0]["recordTypeId"] == "012000000000000AAA"


@pytest.mark.parametrize(
    ("object", "name", "expected"),
    [
        ("Lead", "Status", {"type": "picklist", "length": 255, "byteLength": 765, "restrictedPicklist": False}),
        ("Lead", "Email", {"type": "email", "idLookup": True, "externalId": False, "soapType": "xsd:string"}),
        ("Lead", "LastName", {"nillable": False, "createable": True, "defaultedOnCreate": False}),
        ("Lead", "Name", {"createable": False, "updateable": False, "nameField": True}),
        ("Lead", "FirstName", {"compoundFieldName": "Name", "nillable": True}),
        ("Lead", "City", {"compoundFieldName": "Address"}),
        ("Lead", "Address", {"type": "address", "filterable": False, "soapType": "urn:address"}),
        (
            "Lead",
            "OwnerId",
            {"referenceTo": ["Group", "User"], "relationshipName": "Owner", "polymorphicForeignKey": True},
        ),
        ("Lead", "Description", {"filterable": False, "sortable": False, "length": 32000}),
        ("Lead", "IsConverted", {"createable": True, "updateable": False, "type": "boolean"}),
        ("Lead", "HasOptedOutOfEmail", {"createable": True, "updateable": True, "defaultedOnCreate": True}),
        ("Contact", "HasOptedOutOfEmail", {"createable": True, "updateable": True, "defaultValue": False}),
        ("Opportunity", "Amount", {"type": "currency", "precision": 18, "scale": 2, "soapType": "xsd:double"}),
        ("Opportunity", "CloseDate", {"nillable": False, "type": "date", "soapType": "xsd:date"}),
        ("Opportunity", "Probability", {"nillable": True, "defaultedOnCreate": True}),
        ("Opportunity", "ForecastCategoryName", {"restrictedPicklist": True}),
        ("Opportunity", "LastStageChangeDate", {"createable": False, "type": "datetime"}),
    ],
)
def test_a_field_says_what_it_is(org: Opened, object: str, name: str, expected: dict[str, Any]) -> None:
    described = fields(org, object)[name]
    assert {key: described[key] for key in expected} == expected


def test_a_picklist_shows_its_values_and_their_labels(org: Opened) -> None:
    org.world.rename_stage("Prospecting", "Searching")
    first = fields(org, "Opportunity")["StageName"]["picklistValues"][0]
    expected = {"active": True, "defaultValue": False, "label": "Searching", "validFor": None, "value": "Prospecting"}
    assert first == expected
    statuses = fields(org)["Status"]["picklistValues"]
    assert [option["value"] for option in statuses if option["defaultValue"]] == ["Open - Not Contacted"]
    org.world.add_lead_status("Nurturing", converted=False)
    assert fields(org)["Status"]["picklistValues"][-1]["value"] == "Nurturing"
    assert org.values("SELECT ApiName FROM LeadStatus WHERE IsConverted = true") == ["Closed - Converted"]


def test_an_unchanged_description_needs_no_second_reading(org: Opened) -> None:
    answer = org.call("GET", "sobjects/Lead/describe")
    since = answer.headers["Last-Modified"]
    assert org.call("GET", "sobjects/Lead/describe", If_Modified_Since=since).status_code == 304
    org.pass_time(minutes=1)
    org.world.add_field("Lead", "New__c", "Text")
    assert org.call("GET", "sobjects/Lead/describe", If_Modified_Since=since).status_code == 200
    assert org.call("GET", "sobjects/Contact/describe", If_Modified_Since=since).status_code == 304


def test_the_organization_says_what_it_is(org: Opened) -> None:
    (row,) = org.rows("SELECT Id, IsSandbox, NamespacePrefix, OrganizationType FROM Organization")
    assert (row["Id"][:3], row["IsSandbox"], row["NamespacePrefix"]) == ("00D", False, None)
    org.behave(is_sandbox=True)
    assert org.sf.is_sandbox() is True


def test_resources_and_basic_descriptions(org: Opened) -> None:
    assert org.call("GET", "").json()["sobjects"] == "/services/data/v63.0/sobjects"
    basic = org.sf.Lead.metadata()
    assert (basic["objectDescribe"]["name"], basic["recentItems"]) == ("Lead", [])


def test_limits_and_counts(org: Opened) -> None:
    for _ in range(3):
        org.world.create("Lead", **lead())
    org.world.delete("Lead", org.world.all("Lead")[0]["Id"])
    assert org.sf.limits()["DailyApiRequests"] == {"Max": 15000, "Remaining": 14999}
    counts = org.call("GET", "limits/recordCount?sObjects=Lead,Contact").json()
    assert counts == {"sObjects": [{"count": 2, "name": "Lead"}]}


# --- custom fields and who sees them ---------------------------------------------------------------------------


def make(org: Opened, name: str = "Lead.Score__c", metadata: dict[str, Any] | None = None) -> str:
    body = {"FullName": name, "Metadata": metadata or NUMBER}
    answer = org.sf.toolingexecute("sobjects/CustomField", method="POST", data=body)
    assert set(answer) == {"id", "success", "errors", "warnings", "infos"}
    return str(answer["id"])


def grant(org: Opened, field: str, *, edit: bool = True, assign: bool = True) -> str:
    parent = org.sf.PermissionSet.create({"Name": "Instep", "Label": "Instep"})["id"]
    if assign:
        org.sf.PermissionSetAssignment.create({"PermissionSetId": parent, "AssigneeId": org.values(ME)[0]})
    rights = {"PermissionsRead": True, "PermissionsEdit": edit}
    row = {"ParentId": parent, "SobjectType": field.partition(".")[0], "Field": field, **rights}
    return str(org.sf.FieldPermissions.create(row)["id"])


def test_a_new_field_is_seen_by_nobody(org: Opened) -> None:
    make(org)
    assert "Score__c" not in fields(org)
    assert refusal(org.sf.query, "SELECT Score__c FROM Lead")[1] == "INVALID_FIELD"
    assert refusal(org.sf.Lead.create, lead(Score__c=5))[1] == "INVALID_FIELD"
    id = org.world.create("Lead", **lead(Score__c=5))
    assert org.world.read("Lead", id)["Score__c"] == 5.0
    assert "Score__c" not in org.sf.Lead.get(id)
    described = fields(org)
    grant(org, "Lead.Score__c")
    assert set(fields(org)) - set(described) == {"Score__c"}
    assert org.values("SELECT Score__c FROM Lead") == [5.0]
    assert org.sf.Lead.update(id, {"Score__c": 7}) == 204


def test_a_right_needs_an_assignment_of_its_permission_set(org: Opened) -> None:
    make(org)
    grant(org, "Lead.Score__c", assign=False)
    assert "Score__c" not in fields(org)
    parent = org.values("SELECT Id FROM PermissionSet WHERE Name = 'Instep'")[0]
    org.sf.PermissionSetAssignment.create({"PermissionSetId": parent, "AssigneeId": org.values(ME)[0]})
    assert "Score__c" in fields(org)


def test_a_right_to_read_is_no_right_to_write(org: Opened) -> None:
    make(org)
    id = grant(org, "Lead.Score__c", edit=False)
    described = fields(org)["Score__c"]
    assert (described["createable"], described["updateable"]) == (False, False)
    assert refusal(org.sf.Lead.create, lead(Score__c=5))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.sf.FieldPermissions.update(id, {"PermissionsEdit": True})
    assert org.sf.Lead.create(lead(Score__c=5))["success"]


@pytest.mark.parametrize("object", ["FieldPermissions", "PermissionSetAssignment", "PermissionSet"])
def test_a_right_ends_with_what_it_rests_on(org: Opened, object: str) -> None:
    make(org)
    grant(org, "Lead.Score__c")
    (id,) = org.values(f"SELECT Id FROM {object}")
    assert getattr(org.sf, object).delete(id) == 204
    assert "Score__c" not in fields(org)
    if object == "PermissionSet":
        assert org.values("SELECT Id FROM FieldPermissions") == []


def test_rights_are_unique_and_about_fields_that_exist(org: Opened) -> None:
    make(org)
    grant(org, "Lead.Score__c")
    parent = org.values("SELECT Id FROM PermissionSet")[0]
    row = {"ParentId": parent, "SobjectType": "Lead", "PermissionsRead": True}
    assert refusal(org.sf.FieldPermissions.create, {**row, "Field": "Lead.Score__c"})[1] == "DUPLICATE_VALUE"
    wrong = refusal(org.sf.FieldPermissions.create, {**row, "Field": "Lead.Nope__c"})
    assert wrong[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert (
        refusal(org.sf.FieldPermissions.create, {**row, "Field": "Lead.LastName"})[1] == "FIELD_INTEGRITY_EXCEPTION"
    )
    assert refusal(org.sf.PermissionSet.create, {"Name": "Instep", "Label": "x"})[1] == "DUPLICATE_VALUE"


def test_rights_are_given_in_one_composite_call(org: Opened) -> None:
    make(org)
    data = "/services/data/v63.0/sobjects/"
    row = {"ParentId": "@{set.id}", "SobjectType": "Lead", "Field": "Lead.Score__c", "PermissionsRead": True}
    parts = [
        ("set", "PermissionSet", {"Name": "P", "Label": "P"}),
        ("me", "PermissionSetAssignment", {"PermissionSetId": "@{set.id}", "AssigneeId": org.values(ME)[0]}),
        ("field", "FieldPermissions", {**row, "PermissionsEdit": True}),
    ]
    body = [{"method": "POST", "url": data + name, "referenceId": ref, "body": fields} for ref, name, fields in parts]
    org.sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": body})
    assert "Score__c" in fields(org)


def test_a_hidden_field_is_gone_for_the_api_and_there_for_people(org: Opened) -> None:
    id = org.world.create("Lead", **lead(Title="Prof"))
    org.world.hide_field("Lead", "Title")
    assert "Title" not in fields(org)
    assert "Title" not in org.sf.Lead.get(id)
    assert refusal(org.sf.query, "SELECT Id FROM Lead WHERE Title = 'x'")[1] == "INVALID_FIELD"
    assert refusal(org.sf.Lead.update, id, {"Title": "x"})[1] == "INVALID_FIELD"
    assert org.world.read("Lead", id)["Title"] == "Prof"
    org.world.show_field("Lead", "Title")
    assert org.sf.Lead.get(id)["Title"] == "Prof"


def test_two_users_can_see_differently(org: Opened) -> None:
    make(org)
    grant(org, "Lead.Score__c")
    other = org.other(org.world.log_in(org.world.add_user("Other", "other@sandbox.example")))
    assert "Score__c" not in {field["name"] for field in other.Lead.describe()["fields"]}


def test_a_hidden_relation_leads_nowhere(org: Opened) -> None:
    assert org.rows("SELECT Account.Name FROM Contact") == []
    org.world.hide_field("Contact", "AccountId")
    assert refusal(org.sf.query, "SELECT Account.Name FROM Contact")[1] == "INVALID_FIELD"


# --- the Tooling API -------------------------------------------------------------------------------------------


def test_a_definition_can_be_read_changed_and_deleted(org: Opened) -> None:
    id = make(org, metadata=TEXT, name="Lead.Key__c")
    org.world.show_field("Lead", "Key__c")
    shown = org.sf.toolingexecute(f"sobjects/CustomField/{id}")
    assert (shown["FullName"], shown["Metadata"]["length"], shown["Metadata"]["unique"]) == ("Lead.Key__c", 80, True)
    changed = {**TEXT, "label": "Our key", "length": 100}
    assert org.call("PATCH", f"tooling/sobjects/CustomField/{id}", {"Metadata": changed}).status_code == 204
    described = fields(org)["Key__c"]
    assert (described["label"], described["length"], described["externalId"]) == ("Our key", 100, True)
    org.sf.Lead.upsert("Key__c/k1", lead())
    assert org.call("DELETE", f"tooling/sobjects/CustomField/{id}").status_code == 204
    assert "Key__c" not in fields(org)
    assert "Key__c" not in org.world.all("Lead")[0]
    assert org.call("GET", f"tooling/sobjects/CustomField/{id}").status_code == 404


def test_a_field_must_stay_what_it_is_and_hold_its_data(org: Opened) -> None:
    id = make(org, metadata=TEXT, name="Lead.Key__c")
    org.world.create("Lead", **lead(Key__c="x" * 50))
    for change in ({"type": "Number", "precision": 3, "scale": 0, "label": "x"}, {**TEXT, "length": 49}):
        answer = org.call("PATCH", f"tooling/sobjects/CustomField/{id}", {"Metadata": change})
        assert answer.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert (
        org.call("PATCH", f"tooling/sobjects/CustomField/{id}", {"Metadata": {**TEXT, "length": 50}}).status_code
        == 204
    )


@pytest.mark.parametrize(
    ("name", "metadata", "code"),
    [
        ("Lead.Score__c", NUMBER, "DUPLICATE_DEVELOPER_NAME"),
        ("Lead.score__c", NUMBER, "DUPLICATE_DEVELOPER_NAME"),
        ("Lead.Score", NUMBER, "FIELD_INTEGRITY_EXCEPTION"),
        ("Nothing.Other__c", NUMBER, "INVALID_INPUT"),
        ("Lead.Other__c", {"type": "Number", "label": "x"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "Text", "label": "x", "length": 256}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "LongTextArea", "label": "x", "length": 255}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "Checkbox", "label": "x"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "Date", "label": "x", "externalId": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "Magic", "label": "x"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", {"type": "Picklist", "label": "x"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Lead.Other__c", None, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_definition_that_cannot_be_is_refused(org: Opened, name: str, metadata: object, code: str) -> None:
    make(org)
    body = {"FullName": name, "Metadata": metadata}
    (error,) = org.call("POST", "tooling/sobjects/CustomField", body).json()
    assert error["errorCode"] == code
    if code == "DUPLICATE_DEVELOPER_NAME":
        assert error["message"].endswith("on Lead.")


def test_the_number_of_fields_is_limited(org: Opened) -> None:
    org.behave(fields_per_object=2, external_ids_per_object=1)
    make(org, "Lead.A__c", TEXT)
    body = {"FullName": "Lead.B__c", "Metadata": TEXT}
    assert org.call("POST", "tooling/sobjects/CustomField", body).json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    make(org, "Lead.B__c")
    body["Metadata"] = NUMBER
    body["FullName"] = "Lead.C__c"
    assert (
        org.call("POST", "tooling/sobjects/CustomField", body).json()[0]["errorCode"] == "NUM_CUSTOM_FIELDS_EXCEEDED"
    )


def test_definitions_can_be_queried(org: Opened) -> None:
    id = make(org)
    make(org, "Lead.Key__c", TEXT)
    make(org, "Contact.Key__c", TEXT)

    def ask(query: str) -> Any:
        return org.sf.toolingexecute("query", params={"q": query})["records"]

    found = ask(
        "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE TableEnumOrId = 'Lead' ORDER BY DeveloperName"
    )
    assert [row["DeveloperName"] for row in found] == ["Key", "Score"]
    assert ask(f"SELECT Metadata, FullName FROM CustomField WHERE Id = '{id}'")[0]["Metadata"]["precision"] == 5
    answer = org.call("GET", "tooling/query?q=SELECT+FullName+FROM+CustomField")
    assert answer.json()[0]["errorCode"] == "MALFORMED_QUERY"
    assert refusal(org.sf.query, "SELECT Id FROM CustomField")[1] == "INVALID_TYPE"


@pytest.mark.parametrize(
    ("metadata", "value", "type"),
    [
        ({"type": "Checkbox", "defaultValue": "true"}, False, "boolean"),
        ({"type": "DateTime"}, "2026-01-01T00:00:00.000+0000", "datetime"),
        ({"type": "LongTextArea", "length": 1000, "visibleLines": 3}, "x" * 1000, "textarea"),
        ({"type": "Percent", "precision": 5, "scale": 2}, 12.34, "percent"),
        ({"type": "Lookup", "referenceTo": "Account"}, None, "reference"),
        (
            {
                "type": "Picklist",
                "valueSet": {"restricted": True, "valueSetDefinition": {"value": [{"fullName": "a"}]}},
            },
            "a",
            "picklist",
        ),
    ],
)
def test_fields_of_many_kinds_hold_their_values(org: Opened, metadata: Any, value: object, type: str) -> None:
    before = org.world.create("Lead", **lead())
    make(org, "Lead.It__c", {"label": "It", **metadata})
    grant(org, "Lead.It__c")
    assert fields(org)["It__c"]["type"] == type
    id = org.sf.Lead.create(lead(It__c=value))["id"]
    assert org.sf.Lead.get(id)["It__c"] == value
    assert org.sf.Lead.get(before)["It__c"] == (True if type == "boolean" else None)


def test_a_lookup_of_ones_own_leads_to_its_parent(org: Opened) -> None:
    org.world.add_field("Lead", "Partner__c", "Lookup", refers_to="Account")
    account = org.world.create("Account", Name="Partner AG")
    org.sf.Lead.create(lead(Partner__c=account))
    assert org.values("SELECT Partner__r.Name FROM Lead")[0]["Name"] == "Partner AG"
    query = "SELECT Name, (SELECT Id FROM Partner__r) FROM Account"
    assert org.sf.query(query)["records"][0]["Partner__r"]["totalSize"] == 1


# --- record types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("object", ["Lead", "Contact", "Account", "Opportunity"])
def test_a_record_type_field_comes_with_the_first_record_type(org: Opened, object: str) -> None:
    assert "RecordTypeId" not in fields(org, object)
    org.world.add_record_type("Campaign", "Other", "Other")
    assert "RecordTypeId" not in fields(org, object)
    id = org.world.add_record_type(object, "Partner", "Partner deals")
    assert fields(org, object)["RecordTypeId"]["referenceTo"] == ["RecordType"]
    infos = getattr(org.sf, object).describe()["recordTypeInfos"]
    assert {info["developerName"]: info["recordTypeId"] for info in infos}["Partner"] == id


def test_a_record_has_a_type_of_its_own_object(org: Opened) -> None:
    own, other = (org.world.add_record_type(object, "T", "T") for object in ("Lead", "Account"))
    org.sf.Lead.create(lead(RecordTypeId=own))
    assert org.values("SELECT RecordType.DeveloperName FROM Lead")[0]["DeveloperName"] == "T"
    assert refusal(org.sf.Lead.create, lead(RecordTypeId=other))[1] == "INVALID_CROSS_REFERENCE_KEY"


def test_record_types_can_be_made_by_the_api(org: Opened) -> None:
    org.sf.RecordType.create({"Name": "N", "DeveloperName": "N", "SobjectType": "Lead", "IsActive": True})
    assert "RecordTypeId" in fields(org)
