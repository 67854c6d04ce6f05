"""What the Salesforce sandbox refuses to save."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from instep_salesforce.sandbox import RefusedError

from .sandboxes import Opened, lead, opened, refusal

CLOSE = "2026-03-31"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        yield running


@pytest.mark.parametrize(
    ("fields", "code", "message", "names"),
    [
        ({"foo": 1}, "INVALID_FIELD", "No such column 'foo' on sobject of type Lead", ["foo"]),
        ({"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name.", ["Name"]),
        ({"CreatedDate": "2020-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "CreatedDate", ["CreatedDate"]),
        (
            {"NumberOfEmployees": "x"},
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "value not of required type: x",
            ["NumberOfEmployees"],
        ),
        ({"NumberOfEmployees": 1.5}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: 1.5", None),
        ({"NumberOfEmployees": True}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: true", None),
        ({"Title": 5}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Title: value not of required type: 5", ["Title"]),
        (
            {"HasOptedOutOfEmail": "maybe"},
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "value not of required type: maybe",
            None,
        ),
        ({"HasOptedOutOfEmail": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: null", None),
        ({"AnnualRevenue": 1e18}, "NUMBER_OUTSIDE_VALID_RANGE", "outside of valid range", ["AnnualRevenue"]),
        ({"NumberOfEmployees": 2**31}, "NUMBER_OUTSIDE_VALID_RANGE", "outside of valid range", None),
        (
            {"FirstName": "x" * 41},
            "STRING_TOO_LONG",
            f"First Name: data value too large: {'x' * 41} (max length=40)",
            None,
        ),
        ({"FirstName": "😀" * 21}, "STRING_TOO_LONG", "(max length=40)", ["FirstName"]),
        ({"Email": "no address"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: no address", ["Email"]),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
        (
            {"LastName": " ", "Company": None},
            "REQUIRED_FIELD_MISSING",
            "[LastName, Company]",
            ["LastName", "Company"],
        ),
        (
            {"GeocodeAccuracy": "x"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "bad value for restricted picklist field: x",
            None,
        ),
        ({"OwnerId": "x"}, "MALFORMED_ID", "Owner ID: id value of incorrect type: x", ["OwnerId"]),
        ({"OwnerId": "005000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ["OwnerId"]),
        ({"OwnerId": "003000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY", "id value of incorrect type", ["OwnerId"]),
    ],
)
def test_a_bad_value_is_refused_with_its_field(
    org: Opened, fields: dict[str, Any], code: str, message: str, names: list[str] | None
) -> None:
    (error,) = org.call("POST", "sobjects/Lead", lead(**fields)).json()
    assert error["errorCode"] == code
    assert message in error["message"]
    assert names is None or error["fields"] == names
    assert org.values("SELECT COUNT(Id) FROM Lead") == [0]


ORDER = [
    ("INVALID_FIELD", {"foo": 1}),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", {"Name": "x"}),
    ("INVALID_TYPE_ON_FIELD_IN_RECORD", {"NumberOfEmployees": "x"}),
    ("STRING_TOO_LONG", {"FirstName": "x" * 41}),
    ("REQUIRED_FIELD_MISSING", {"Company": None}),
    ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", {"GeocodeAccuracy": "x"}),
    ("DUPLICATE_VALUE", {"Key__c": "taken"}),
    ("INVALID_CROSS_REFERENCE_KEY", {"IndividualId": "0PK000000000000GAA"}),
    ("INACTIVE_OWNER_OR_USER", {"OwnerId": "inactive"}),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", {"City": "Nowhere"}),
    ("DUPLICATES_DETECTED", {"Email": "taken@example.com"}),
]


@pytest.mark.parametrize("place", range(len(ORDER)))
def test_what_is_wrong_is_looked_at_in_one_order(org: Opened, place: int) -> None:
    org.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
    org.world.create("Lead", **lead(Key__c="taken", Email="taken@example.com"))
    inactive = org.world.add_user("Gone", "gone@sandbox.example", active=False)
    org.world.add_validation_rule("Lead", lambda row: row["City"] == "Nowhere", "There is no such city.", "City")
    org.world.add_duplicate_rule("Lead", "Email", allow_save=False)
    wrong: dict[str, object] = {}
    for _, fields in reversed(ORDER[place:]):
        wrong |= fields
    if wrong.get("OwnerId"):
        wrong["OwnerId"] = inactive
    assert refusal(org.sf.Lead.create, lead(**wrong))[1] == ORDER[place][0]


def test_a_value_that_is_taken_names_its_holder(org: Opened) -> None:
    org.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
    first, second = (org.world.create("Lead", **lead(Key__c=key)) for key in ("a", "b"))
    expected = (
        400,
        "DUPLICATE_VALUE",
        f"duplicate value found: Key__c duplicates value on record with id: {first[:15]}",
    )
    assert refusal(org.sf.Lead.create, lead(Key__c="A")) == expected
    assert refusal(org.sf.Lead.update, second, {"Key__c": "a"}) == expected
    assert org.sf.Lead.update(first, {"Key__c": "a"}) == 204


def test_letter_case_counts_where_the_field_says_so(org: Opened) -> None:
    org.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True, case_sensitive=True)
    org.world.create("Lead", **lead(Key__c="a"))
    assert org.sf.Lead.create(lead(Key__c="A"))["success"]
    assert len(org.values("SELECT Id FROM Lead WHERE Key__c = 'a'")) == 1


@pytest.mark.parametrize(("setting", "stored"), [(False, "Emmy@Example.com"), (True, "emmy@example.com")])
def test_letters_of_addresses_are_kept_unless_told_otherwise(org: Opened, setting: bool, stored: str) -> None:
    org.behave(lowercase_emails=setting)
    id = org.sf.Lead.create(lead(Email=" Emmy@Example.com "))["id"]
    assert org.sf.Lead.get(id)["Email"] == stored


def test_null_can_stand_for_an_empty_checkbox(org: Opened) -> None:
    org.behave(null_checkbox="false")
    id = org.sf.Lead.create(lead(HasOptedOutOfEmail=None))["id"]
    assert org.sf.Lead.get(id)["HasOptedOutOfEmail"] is False


def test_values_are_normalised(org: Opened) -> None:
    org.world.add_field("Opportunity", "Likes__c", "MultiselectPicklist", options=["a", "b", "c"])
    org.world.add_field("Opportunity", "At__c", "DateTime")
    id = org.sf.Opportunity.create(
        {
            "Name": " Deal\x07 ",
            "StageName": "Prospecting",
            "CloseDate": CLOSE,
            "Amount": "10.005",
            "Likes__c": "c; a;c",
            "At__c": "2026-01-01T12:00:00.999+02:00",
        }
    )["id"]
    row = org.sf.Opportunity.get(id)
    assert (row["Name"], row["Amount"], row["Likes__c"]) == ("Deal", 10.01, "a;c")
    assert row["At__c"] == "2026-01-01T10:00:00.000+0000"


@pytest.mark.parametrize("value", ["2026-02-30", "31.12.2026", "2026-01-05T00:00:00Z", "20260105"])
def test_a_date_is_a_date(org: Opened, value: str) -> None:
    fields = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": value}
    expected = (400, "INVALID_TYPE_ON_FIELD_IN_RECORD", f"Close Date: value not of required type: {value}")
    assert refusal(org.sf.Opportunity.create, fields) == expected


def test_unrestricted_picklists_take_anything(org: Opened) -> None:
    id = org.sf.Lead.create(lead(Status="Never heard of", LeadSource="?", Rating="!"))["id"]
    assert org.sf.Lead.get(id)["Status"] == "Never heard of"


def test_a_restricted_picklist_of_ones_own_takes_what_it_offers(org: Opened) -> None:
    org.world.add_field("Lead", "Tier__c", "Picklist", options=["gold", ("silver", "Silver!")], restricted=True)
    assert org.sf.Lead.create(lead(Tier__c="GOLD"))["success"]
    assert refusal(org.sf.Lead.create, lead(Tier__c="bronze"))[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    org.world.add_picklist_value("Lead", "Tier__c", "bronze")
    assert org.sf.Lead.create(lead(Tier__c="bronze"))["success"]
    org.world.retire_picklist_value("Lead", "Tier__c", "bronze")
    assert refusal(org.sf.Lead.create, lead(Tier__c="bronze"))[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert org.sf.Lead.update(org.values("SELECT Id FROM Lead WHERE Tier__c = 'bronze'")[0], {"Title": "x"}) == 204


def test_a_validation_rule_holds_for_people_too(org: Opened) -> None:
    org.world.add_validation_rule("Lead", lambda row: row["Title"] is None, "Say a title.")
    (error,) = org.call("POST", "sobjects/Lead", lead()).json()
    assert error == {"message": "Say a title.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": []}
    with pytest.raises(RefusedError, match="Say a title"):
        org.world.create("Lead", **lead())
    assert org.world.create("Lead", **lead(Title="T"))


def test_a_trigger_can_change_and_refuse(org: Opened) -> None:
    def shout(row: Any) -> dict[str, Any]:
        if row["Company"] == "Bad":
            raise RefusedError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: execution of BeforeInsert", ()
            )
        return {"Company": str(row["Company"]).upper()}

    org.world.add_trigger("Lead", shout)
    assert org.sf.Lead.get(org.sf.Lead.create(lead(Company="acme"))["id"])["Company"] == "ACME"
    assert refusal(org.sf.Lead.create, lead(Company="Bad"))[1] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


# --- duplicates ------------------------------------------------------------------------------------------------


def test_a_duplicate_rule_names_what_it_found(org: Opened) -> None:
    held = org.world.create("Lead", **lead(Email="a@example.com"))
    org.world.add_duplicate_rule("Lead", "Email", allow_save=True)
    answer = org.call("POST", "sobjects/Lead", lead(Email="A@example.com"))
    (error,) = answer.json()
    found = error["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]
    assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    assert (error["duplicateResult"]["allowSave"], found["Id"], "Email" in found) == (True, held, False)
    detailed = org.call(
        "POST", "sobjects/Lead", lead(Email="a@example.com"), Sforce_Duplicate_Rule_Header="includeRecordDetails=true"
    )
    record = detailed.json()[0]["duplicateResult"]["matchResults"][0]["matchRecords"][0]["record"]
    assert record["Email"] == "a@example.com"


@pytest.mark.parametrize(
    ("allow_save", "header", "version", "status"),
    [
        (True, "allowSave=true", "63.0", 201),
        (True, "allowSave=true; runAsCurrentUser=true", "52.0", 201),
        (True, "allowSave=true", "51.0", 400),
        (True, "allowSave=false", "63.0", 400),
        (False, "allowSave=true", "63.0", 400),
    ],
)
def test_a_warning_can_be_overridden_and_a_block_cannot(
    org: Opened, allow_save: bool, header: str, version: str, status: int
) -> None:
    org.world.create("Lead", **lead(Email="a@example.com"))
    org.world.add_duplicate_rule("Lead", "Email", allow_save=allow_save)
    url = f"{org.sandbox.url}/services/data/v{version}/sobjects/Lead"
    headers = {**org.sf.headers, "Sforce-Duplicate-Rule-Header": header}
    assert org.sf.session.post(url, json=lead(Email="a@example.com"), headers=headers).status_code == status


def test_an_update_is_compared_only_when_the_value_is_new(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead(Email=f"{name}@example.com")) for name in "ab")
    org.world.add_duplicate_rule("Lead", "Email", allow_save=False)
    assert org.sf.Lead.update(first, {"Email": "a@example.com", "Title": "x"}) == 204
    assert refusal(org.sf.Lead.update, second, {"Email": "a@example.com"})[1] == "DUPLICATES_DETECTED"


# --- owners ----------------------------------------------------------------------------------------------------


def test_an_inactive_user_can_own_nothing_new(org: Opened) -> None:
    user = org.world.add_user("Gone", "gone@sandbox.example")
    id = org.sf.Lead.create(lead(OwnerId=user))["id"]
    org.world.deactivate_user(user)
    expected = (
        400,
        "INACTIVE_OWNER_OR_USER",
        f"operation performed with inactive user [{user[:15]}] as owner of lead",
    )
    assert refusal(org.sf.Lead.create, lead(OwnerId=user)) == expected
    assert org.sf.Lead.update(id, {"Title": "still editable"}) == 204
    org.behave(inactive_owner_blocks_updates=True)
    assert refusal(org.sf.Lead.update, id, {"Title": "no more"}) == expected


def test_a_queue_owns_leads_and_no_opportunities(org: Opened) -> None:
    queue = org.world.add_queue("Inbound")
    assert org.sf.Lead.create(lead(OwnerId=queue))["success"]
    deal = {"Name": "D", "StageName": "Prospecting", "CloseDate": CLOSE, "OwnerId": queue}
    code, message = refusal(org.sf.Opportunity.create, deal)[1:]
    assert (code, "id value of incorrect type" in message) == ("INVALID_CROSS_REFERENCE_KEY", True)
    other = org.world.add_queue("Cases", objects=("Task",))
    assert refusal(org.sf.Lead.create, lead(OwnerId=other))[1] == "INVALID_CROSS_REFERENCE_KEY"
    assert org.values("SELECT SobjectType FROM QueueSobject WHERE Queue.Name = 'Inbound'") == ["Lead"]


@pytest.mark.parametrize("header", [None, "TRUE", "01Q5g00000000FMAAY"])
def test_the_assignment_rule_chooses_the_owner_unless_it_is_told_not_to(org: Opened, header: str | None) -> None:
    wanted, ruled = (org.world.add_user(name, f"{name}@sandbox.example") for name in ("wanted", "ruled"))
    org.world.assignment_rule("Lead", ruled)
    headers = {} if header is None else {"Sforce-Auto-Assign": header}
    id = org.sf.Lead.create(lead(OwnerId=wanted), headers=headers)["id"]
    assert org.sf.Lead.get(id)["OwnerId"] == ruled
    org.sf.Lead.update(id, {"OwnerId": wanted}, headers={"sforce-auto-assign": "false"})
    assert org.sf.Lead.get(id)["OwnerId"] == wanted
    org.sf.Lead.update(id, {"Title": "x"})
    assert org.sf.Lead.get(id)["OwnerId"] == ruled
    assert org.values("SELECT Active FROM AssignmentRule WHERE SobjectType = 'Lead'") == [True]


def test_the_assignment_rule_leaves_people_alone_and_ends(org: Opened) -> None:
    ruled = org.world.add_user("ruled", "ruled@sandbox.example")
    org.world.assignment_rule("Lead", ruled)
    id = org.world.create("Lead", **lead())
    assert org.world.read("Lead", id)["OwnerId"] != ruled
    org.world.assignment_rule("Lead", None)
    assert org.sf.Lead.get(org.sf.Lead.create(lead())["id"])["OwnerId"] != ruled
    assert org.values("SELECT Id FROM AssignmentRule") == []


# --- locks -----------------------------------------------------------------------------------------------------


def test_a_locked_row_can_be_written_after_some_attempts(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    org.world.lock_rows("Lead", [id], attempts=2)
    for _ in range(2):
        expected = (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        assert refusal(org.sf.Lead.update, id, {"Title": "x"}) == expected
    assert org.sf.Lead.update(id, {"Title": "x"}) == 204
