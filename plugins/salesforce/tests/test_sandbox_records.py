"""Single records in the Salesforce sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .sandboxes import Opened, lead, opened, refusal


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        running.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
        yield running


def upsert(org: Opened, key: str, version: str = "63.0", query: str = "", **fields: object) -> tuple[int, object]:
    url = f"/services/data/v{version}/sobjects/Lead/Key__c/{key}{query}"
    answer = org.sf.session.patch(org.sandbox.url + url, json=fields, headers=org.sf.headers)
    return answer.status_code, answer.json() if answer.content else None


def test_a_new_record_has_an_id_of_eighteen_characters_and_a_place(org: Opened) -> None:
    answer = org.call("POST", "sobjects/Lead/", lead())
    id = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.json() == {"id": id, "success": True, "errors": []}
    assert (len(id), id[:3]) == (18, "00Q")
    assert answer.headers["Location"] == f"/services/data/v63.0/sobjects/Lead/{id}"


def test_ids_grow(org: Opened) -> None:
    ids = [org.sf.Lead.create(lead())["id"] for _ in range(5)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_a_record_is_shown_flat_with_every_readable_field(org: Opened) -> None:
    id = org.sf.Lead.create(lead(City="Göttingen", HasOptedOutOfEmail=True))["id"]
    row = org.sf.Lead.get(id)
    assert row["attributes"] == {"type": "Lead", "url": f"/services/data/v63.0/sobjects/Lead/{id}"}
    assert (row["Name"], row["City"], row["Title"], row["HasOptedOutOfEmail"]) == ("Noether", "Göttingen", None, True)
    assert row["Address"]["city"] == "Göttingen"
    assert row["Status"] == "Open - Not Contacted"
    assert row["CreatedDate"] == row["SystemModstamp"] == "2026-01-05T09:00:00.000+0000"
    assert set(row) - {"attributes"} == {field["name"] for field in org.sf.Lead.describe()["fields"]}


def test_chosen_fields_alone_can_be_asked_for(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    answer = org.call("GET", f"sobjects/Lead/{id}?fields=lastname,Company")
    assert set(answer.json()) == {"attributes", "Id", "LastName", "Company"}
    assert org.call("GET", f"sobjects/Lead/{id}?fields=Nope").json()[0]["errorCode"] == "INVALID_FIELD"


def test_fifteen_characters_are_enough_and_letter_case_counts_there(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    assert org.sf.Lead.get(id[:15])["Id"] == id
    assert org.sf.Lead.get(id.lower())["Id"] == id
    assert refusal(org.sf.Lead.get, id[:15].lower())[:2] == (400, "MALFORMED_ID")


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("00Q000000000000EAA", (404, "NOT_FOUND", "The requested resource does not exist")),
        ("003000000000000AAA", (400, "MALFORMED_ID", "Lead ID: id value of incorrect type: 003000000000000AAA")),
        ("nonsense", (404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: nonsense")),
    ],
)
def test_an_id_of_nothing_is_refused(org: Opened, id: str, expected: tuple[int, str, str]) -> None:
    assert refusal(org.sf.Lead.get, id) == expected


def test_an_object_that_is_not_there_is_not_found(org: Opened) -> None:
    assert refusal(org.sf.Nothing.get, "00Q000000000000EAA")[:2] == (404, "NOT_FOUND")
    assert refusal(org.sf.Nothing.describe)[:2] == (404, "NOT_FOUND")
    assert refusal(org.sf.restful, "nowhere")[:2] == (404, "NOT_FOUND")


def test_an_update_answers_nothing_and_moves_the_stamps(org: Opened) -> None:
    id = org.sf.Lead.create(lead(Title="Old"))["id"]
    org.pass_time(seconds=90)
    answer = org.call("PATCH", f"sobjects/Lead/{id}", {"Title": " New ", "City": None, "Phone": ""})
    assert (answer.status_code, answer.content) == (204, b"")
    row = org.world.read("Lead", id)
    assert (row["Title"], row["Phone"]) == ("New", None)
    assert (row["CreatedDate"], row["SystemModstamp"]) == (
        "2026-01-05T09:00:00.000+0000",
        "2026-01-05T09:01:30.000+0000",
    )
    assert row["LastModifiedDate"] == row["SystemModstamp"]


@pytest.mark.parametrize("value", [None, "", "   "])
def test_null_and_blank_clear_a_field(org: Opened, value: object) -> None:
    id = org.sf.Lead.create(lead(Title="Old"))["id"]
    org.sf.Lead.update(id, {"Title": value})
    assert org.sf.Lead.get(id)["Title"] is None


def test_null_is_a_default_for_new_records_and_no_value_for_others(org: Opened) -> None:
    id = org.sf.Lead.create(lead(Status=None, OwnerId=None))["id"]
    row = org.sf.Lead.get(id)
    assert (row["Status"], row["OwnerId"]) == ("Open - Not Contacted", row["CreatedById"])
    expected = (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Status]")
    assert refusal(org.sf.Lead.update, id, {"Status": None}) == expected


@pytest.mark.parametrize(("touches", "seconds"), [(True, 60), (False, 0)])
def test_an_update_of_nothing_moves_the_stamps_unless_told_otherwise(
    org: Opened, touches: bool, seconds: int
) -> None:
    id = org.sf.Lead.create(lead(Title="Same"))["id"]
    org.behave(no_op_touches=touches)
    org.pass_time(seconds=60)
    org.sf.Lead.update(id, {"Title": "Same"})
    assert org.world.read("Lead", id)["SystemModstamp"] == f"2026-01-05T09:0{seconds // 60}:00.000+0000"


def test_the_id_has_no_place_in_the_body_of_an_update(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    expected = "The Id field should not be specified in the sobject data."
    assert refusal(org.sf.Lead.update, id, {"Id": id}) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE", expected)


def test_a_deleted_record_is_a_tombstone(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    assert org.sf.Lead.delete(id) == 204
    expected = (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert refusal(org.sf.Lead.get, id) == expected
    assert refusal(org.sf.Lead.delete, id) == expected
    assert refusal(org.sf.Lead.update, id, {"Title": "x"}) == expected


def test_upsert_creates_then_updates(org: Opened) -> None:
    status, made = upsert(org, "k1", **lead())
    assert (status, made["created"], made["success"]) == (201, True, True)
    assert upsert(org, "K1", Title="T") == (200, {**made, "created": False})
    row = org.world.read("Lead", made["id"])
    assert (row["Key__c"], row["Title"]) == ("k1", "T")


def test_upsert_answered_nothing_before_version_46(org: Opened) -> None:
    status, made = upsert(org, "k1", "45.0", **lead())
    assert (status, "created" in made) == (201, False)
    assert upsert(org, "k1", "45.0", Title="T") == (204, None)
    assert upsert(org, "k1", "46.0", Title="T")[0] == 200


def test_a_key_of_several_records_chooses_none(org: Opened) -> None:
    org.world.add_field("Lead", "Loose__c", "Text", external_id=True)
    ids = [org.world.create("Lead", **lead(Loose__c="x")) for _ in range(2)]
    answer = org.call("PATCH", "sobjects/Lead/Loose__c/x", {"Title": "T"})
    assert (answer.status_code, answer.json()) == (300, [f"/services/data/v63.0/sobjects/Lead/{id}" for id in ids])
    assert org.call("GET", "sobjects/Lead/Loose__c/x").status_code == 300
    assert org.values("SELECT Title FROM Lead") == [None, None]


@pytest.mark.parametrize("field", ["Title", "Nope__c"])
def test_a_field_that_is_no_key_is_not_found(org: Opened, field: str) -> None:
    expected = f"Provided external ID field does not exist or is not accessible: {field}"
    assert refusal(org.sf.Lead.upsert, f"{field}/x", lead()) == (404, "NOT_FOUND", expected)


def test_a_hidden_key_is_not_found(org: Opened) -> None:
    org.world.hide_field("Lead", "Key__c")
    assert refusal(org.sf.Lead.upsert, "Key__c/x", lead())[:2] == (404, "NOT_FOUND")
    org.world.show_field("Lead", "Key__c")
    assert org.sf.Lead.upsert("Key__c/x", lead()) == 201


def test_a_key_may_need_escaping(org: Opened) -> None:
    status, made = upsert(org, "a%2Fb%20c%2Bd%3A%C3%A9.x", **lead())
    assert status == 201
    assert org.world.read("Lead", made["id"])["Key__c"] == "a/b c+d:é.x"


def test_an_upsert_without_a_key_is_none(org: Opened) -> None:
    assert org.call("PATCH", "sobjects/Lead/Key__c/", lead()).status_code == 404


def test_the_key_must_not_be_repeated_in_the_body(org: Opened) -> None:
    status, error = upsert(org, "k1", Key__c="k1", **lead())
    assert (status, error[0]["errorCode"]) == (400, "INVALID_FIELD")
    org.behave(key_in_upsert_body="ignore")
    assert upsert(org, "k1", Key__c="k1", **lead())[0] == 201


def test_an_upsert_can_be_told_not_to_create(org: Opened) -> None:
    assert upsert(org, "k1", query="?updateOnly=true", **lead())[0] == 404
    assert org.values("SELECT COUNT(Id) FROM Lead") == [0]
    upsert(org, "k1", **lead())
    assert upsert(org, "k1", query="?updateOnly=true", Title="T")[0] == 200


def test_the_id_is_a_key_too(org: Opened) -> None:
    made = org.call("POST", "sobjects/Lead/Id", lead())
    assert made.status_code == 201
    answer = org.call("PATCH", f"sobjects/Lead/Id/{made.json()['id']}", {"Title": "T"})
    assert (answer.status_code, answer.json()["created"]) == (200, False)


def test_a_record_can_be_read_and_deleted_by_its_key(org: Opened) -> None:
    upsert(org, "k1", **lead())
    assert org.sf.Lead.get_by_custom_id("Key__c", "k1")["LastName"] == "Noether"
    assert org.call("DELETE", "sobjects/Lead/Key__c/k1").status_code == 204
    assert org.call("DELETE", "sobjects/Lead/Key__c/k1").status_code == 404
    assert org.call("GET", "sobjects/Lead/Key__c/k1").status_code == 404


def test_the_key_of_a_deleted_record_is_free(org: Opened) -> None:
    _, first = upsert(org, "k1", **lead())
    org.sf.Lead.delete(first["id"])
    status, second = upsert(org, "k1", **lead())
    assert (status, second["id"] != first["id"]) == (201, True)


def test_a_parent_can_be_named_by_its_key(org: Opened) -> None:
    org.world.add_field("Account", "Code__c", "Text", unique=True, external_id=True)
    account = org.world.create("Account", Name="A", Code__c="A1")
    id = org.sf.Contact.create({"LastName": "L", "Account": {"Code__c": "a1"}})["id"]
    assert org.sf.Contact.get(id)["AccountId"] == account
    expected = "Foreign key external ID: a2 not found for field Code__c in entity Account"
    found = refusal(org.sf.Contact.create, {"LastName": "L", "Account": {"Code__c": "a2"}})
    assert found == (400, "INVALID_FIELD", expected)
    org.sf.Contact.update(id, {"Account": None})
    assert org.sf.Contact.get(id)["AccountId"] is None


def test_a_body_that_is_no_json_is_refused(org: Opened) -> None:
    answer = org.sf.session.post(org.base + "sobjects/Lead", data="{", headers=org.sf.headers)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert org.call("POST", "sobjects/Lead", ["x"]).status_code == 400


def test_a_method_that_a_path_does_not_know_is_refused(org: Opened) -> None:
    answer = org.call("PUT", "sobjects/Lead/00Q000000000000EAA", {})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert "HTTP Method 'PUT' not allowed. Allowed are DELETE,GET,PATCH" in answer.json()[0]["message"]


# --- conditional requests --------------------------------------------------------------------------------------


def test_a_read_can_depend_on_a_change_since(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    answer = org.call("GET", f"sobjects/Lead/{id}")
    since = answer.headers["Last-Modified"]
    assert since == "Mon, 05 Jan 2026 09:00:00 GMT"
    unchanged = org.call("GET", f"sobjects/Lead/{id}", If_Modified_Since=since)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    org.pass_time(seconds=1)
    org.world.edit("Lead", id, Title="x")
    assert org.call("GET", f"sobjects/Lead/{id}", If_Modified_Since=since).status_code == 200


def test_a_write_can_depend_on_no_change_since_to_the_second(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    since = "Mon, 05 Jan 2026 09:00:00 GMT"
    org.world.edit("Lead", id, Title="in the same second")
    assert org.call("PATCH", f"sobjects/Lead/{id}", {"City": "A"}, If_Unmodified_Since=since).status_code == 204
    org.pass_time(seconds=1)
    org.world.edit("Lead", id, Title="later")
    answer = org.call("PATCH", f"sobjects/Lead/{id}", {"City": "B"}, If_Unmodified_Since=since)
    assert (answer.status_code, answer.content) == (412, b"")
    assert org.sf.Lead.get(id)["City"] == "A"
    bad = org.call("PATCH", f"sobjects/Lead/{id}", {"City": "C"}, If_Unmodified_Since="yesterday")
    assert bad.status_code == 400


def test_a_delete_depends_on_nothing(org: Opened) -> None:
    id = org.sf.Lead.create(lead())["id"]
    org.pass_time(hours=1)
    org.world.edit("Lead", id, Title="x")
    answer = org.call("DELETE", f"sobjects/Lead/{id}", If_Unmodified_Since="Mon, 05 Jan 2026 09:00:00 GMT")
    assert answer.status_code == 204


def test_only_accounts_have_entity_tags(org: Opened) -> None:
    account, other = org.world.create("Account", Name="A"), org.world.create("Lead", **lead())
    tag = org.call("GET", f"sobjects/Account/{account}").headers["ETag"]
    assert "ETag" not in org.call("GET", f"sobjects/Lead/{other}").headers
    assert org.call("GET", f"sobjects/Account/{account}", If_None_Match=tag).status_code == 304
    assert org.call("PATCH", f"sobjects/Account/{account}", {"Name": "B"}, If_Match=tag).status_code == 204
    assert org.call("PATCH", f"sobjects/Account/{account}", {"Name": "C"}, If_Match=tag).status_code == 412
    assert org.call("PATCH", f"sobjects/Account/{account}", {"Name": "C"}, If_Match="*").status_code == 204
    assert org.call("PATCH", f"sobjects/Account/{account}", {"Name": "C"}, If_None_Match="*").status_code == 412
    assert org.call("PATCH", f"sobjects/Account/{account}", {"Name": "C"}, If_Match="no tag").status_code == 400
