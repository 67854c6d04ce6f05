"""Many records in one call to the Salesforce sandbox: collections, composite, graphs, batches, trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .sandboxes import Opened, lead, of_type, opened, refusal

DATA = "/services/data/v63.0"


@pytest.fixture
def org() -> Iterator[Opened]:
    with opened() as running:
        running.world.add_field("Lead", "Key__c", "Text", unique=True, external_id=True)
        yield running


def send(org: Opened, method: str, records: list[Any], path: str = "", **options: object) -> list[dict[str, Any]]:
    body = {"allOrNone": False, "records": records, **options}
    return list(org.sf.restful(f"composite/sobjects{path}", method=method, json=body))


def codes(results: list[dict[str, Any]]) -> list[str | None]:
    return [None if result["success"] else result["errors"][0]["statusCode"] for result in results]


def titles(org: Opened) -> list[Any]:
    return org.values("SELECT Title FROM Lead ORDER BY Id")


# --- collections -----------------------------------------------------------------------------------------------


def test_each_record_has_its_own_result_in_order(org: Opened) -> None:
    results = send(org, "POST", of_type("Lead", lead(), {"LastName": "x"}, lead(Foo=1), lead()))
    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", "INVALID_FIELD", None]
    assert dict(results[1]) == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Company]",
                "fields": ["Company"],
            }
        ],
    }
    assert org.values("SELECT Id FROM Lead ORDER BY Id") == [results[0]["id"], results[3]["id"]]


def test_all_or_none_takes_everything_back(org: Opened) -> None:
    results = send(org, "POST", of_type("Lead", lead(), {"LastName": "x"}, lead()), allOrNone=True)
    rolled = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert codes(results) == [rolled, "REQUIRED_FIELD_MISSING", rolled]
    assert org.world.all("Lead") == []
    assert codes(send(org, "POST", of_type("Lead", lead(), lead()), allOrNone=True)) == [None, None]
    assert len(org.world.all("Lead")) == 2


def test_a_rollback_gives_back_every_value(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead(Key__c=key, Title="old")) for key in "ab")
    before = org.world.all("Lead"), org.world.all("LeadHistory")
    org.pass_time(hours=1)
    records = of_type("Lead", {"id": first, "Title": "new", "Key__c": "c"}, {"id": second, "Email": "no"})
    assert codes(send(org, "PATCH", records, allOrNone=True))[1] == "INVALID_EMAIL_ADDRESS"
    assert (org.world.all("Lead"), org.world.all("LeadHistory")) == before
    assert org.values("SELECT Id FROM Lead WHERE Key__c = 'a'") == [first]
    assert org.values("SELECT Id FROM Lead WHERE SystemModstamp > 2026-01-05T09:30:00Z") == []


def test_records_are_updated_by_id(org: Opened) -> None:
    first, second, third = (org.world.create("Lead", **lead()) for _ in range(3))
    org.world.delete("Lead", third)
    records = of_type(
        "Lead",
        {"id": first, "Title": "1"},
        {"Id": second[:15], "Title": "2"},
        {"id": third, "Title": "3"},
        {"id": "00Q000000000000EAA", "Title": "4"},
        {"Title": "5"},
    )
    results = send(org, "PATCH", records)
    assert codes(results) == [None, None, "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MISSING_ARGUMENT"]
    assert [result.get("id") for result in results[:2]] == [first, second]
    assert titles(org) == ["1", "2"]


def test_a_record_twice_in_one_update_fails_twice(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead()) for _ in range(2))
    records = of_type(
        "Lead", {"id": first, "Title": "1"}, {"id": second, "Title": "2"}, {"id": first[:15], "Title": "3"}
    )
    assert codes(send(org, "PATCH", records)) == ["DUPLICATE_VALUE", None, "DUPLICATE_VALUE"]
    assert titles(org) == [None, "2"]


def test_upsert_says_what_it_created(org: Opened) -> None:
    held = org.world.create("Lead", **lead(Key__c="a"))
    results = send(org, "PATCH", of_type("Lead", lead(Key__c="A", Title="1"), lead(Key__c="b")), "/Lead/Key__c")
    assert [(result["success"], result["created"]) for result in results] == [(True, False), (True, True)]
    assert results[0]["id"] == held
    assert org.values("SELECT Key__c FROM Lead ORDER BY Id") == ["a", "b"]


def test_a_key_twice_in_one_upsert_fails_twice(org: Opened) -> None:
    records = of_type("Lead", lead(Key__c="a"), lead(Key__c="b"), lead(Key__c="A"), lead())
    results = send(org, "PATCH", records, "/Lead/Key__c")
    assert codes(results) == ["DUPLICATE_VALUE", None, "DUPLICATE_VALUE", "MISSING_ARGUMENT"]
    assert results[0]["errors"][0]["message"] == "Duplicate external id specified: a"


def test_upsert_by_id_creates_what_has_none(org: Opened) -> None:
    held = org.world.create("Lead", **lead())
    results = send(org, "PATCH", of_type("Lead", {"Id": held, "Title": "1"}, lead()), "/Lead/Id")
    assert [result["created"] for result in results] == [False, True]


def test_upsert_by_a_key_of_several_records_fails(org: Opened) -> None:
    org.world.add_field("Lead", "Loose__c", "Text", external_id=True)
    for _ in range(2):
        org.world.create("Lead", **lead(Loose__c="x"))
    assert codes(send(org, "PATCH", of_type("Lead", lead(Loose__c="x")), "/Lead/Loose__c")) == [
        "DUPLICATE_EXTERNAL_ID"
    ]


def test_records_are_deleted_by_id(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead()) for _ in range(2))
    params = {"ids": f"{first},{first[:15]},00Q000000000000EAA,x", "allOrNone": "false"}
    results = org.sf.restful("composite/sobjects", params=params, method="DELETE")
    assert codes(results) == [None, "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"]
    assert org.values("SELECT Id FROM Lead") == [second]
    params = {"ids": f"{second},x", "allOrNone": "true"}
    results = org.sf.restful("composite/sobjects", params=params, method="DELETE")
    assert codes(results) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    assert org.values("SELECT Id FROM Lead") == [second]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_records_are_read_in_order_and_null_stands_for_what_is_not_there(org: Opened, method: str) -> None:
    first, second, third = (org.world.create("Lead", **lead(Title=title)) for title in "abc")
    org.world.delete("Lead", second)
    ids, fields = [third, second, first[:15], "00Q000000000000EAA"], ["Title", "Owner.Name"][:1]
    if method == "GET":
        query = f"?ids={','.join(ids)}&fields={','.join(fields)}"
        found = org.call("GET", f"composite/sobjects/Lead{query}").json()
    else:
        found = org.call("POST", "composite/sobjects/Lead", {"ids": ids, "fields": fields}).json()
    assert [row and (row["Id"], row["Title"]) for row in found] == [(third, "c"), None, (first, "a"), None]
    assert not org.sandbox.log.writes()


def test_reading_a_hidden_field_is_refused(org: Opened) -> None:
    org.world.hide_field("Lead", "Title")
    answer = org.call("POST", "composite/sobjects/Lead", {"ids": ["00Q000000000000EAA"], "fields": ["Title"]})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (of_type("Lead", *[lead()] * 201), "EXCEEDED_ID_LIMIT"),
        ([], "INVALID_INPUT"),
        ([lead()], "INVALID_INPUT"),
        (of_type("Nothing", {}), "INVALID_TYPE"),
        ([*of_type("Lead", lead()), *of_type("Account", {"Name": "A"})] * 6, "LIMIT_EXCEEDED"),
        ([*of_type("Lead", lead()), *of_type("Group", {"Name": "A", "Type": "Regular"})], "MIXED_DML_OPERATION"),
    ],
)
def test_a_collection_that_cannot_be_is_refused_as_a_whole(org: Opened, records: list[Any], code: str) -> None:
    answer = org.call("POST", "composite/sobjects", {"allOrNone": False, "records": records})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert org.world.all("Lead") == []


def test_two_hundred_records_of_ten_chunks_are_accepted(org: Opened) -> None:
    chunk = [*of_type("Lead", *[lead()] * 20), *of_type("Account", *[{"Name": "A"}] * 20)]
    assert codes(send(org, "POST", chunk * 5)) == [None] * 200


def test_a_call_counts_once_whatever_it_holds(org: Opened) -> None:
    before = org.call("GET", "limits").headers["Sforce-Limit-Info"]
    send(org, "POST", of_type("Lead", *[lead()] * 50))
    after = org.call("GET", "limits").headers["Sforce-Limit-Info"]
    assert (before, after) == ("api-usage=1/15000", "api-usage=3/15000")


def test_locks_and_duplicate_rules_strike_single_records(org: Opened) -> None:
    first, second = (org.world.create("Lead", **lead(Email=f"{n}@example.com")) for n in "ab")
    org.world.lock_rows("Lead", [first])
    org.world.add_duplicate_rule("Lead", "Email", allow_save=False)
    records = of_type("Lead", {"id": first, "Title": "1"}, {"id": second, "Email": "a@example.com"})
    results = send(org, "PATCH", records)
    assert codes(results) == ["UNABLE_TO_LOCK_ROW", "DUPLICATES_DETECTED"]
    assert set(results[1]["errors"][0]) == {"statusCode", "message", "fields"}
    assert codes(send(org, "PATCH", records[:1])) == [None]


def test_every_nth_input_can_fail(org: Opened) -> None:
    org.behave(partial_failure=3)
    results = send(org, "POST", of_type("Lead", *[lead()] * 6))
    assert codes(results) == [None, None, "UNKNOWN_EXCEPTION"] * 2


# --- composite -------------------------------------------------------------------------------------------------


def part(name: str, method: str, url: str, body: object = None, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {"method": method, "url": DATA + url, "referenceId": name}
    if body is not None:
        found["body"] = body
    return {**found, "httpHeaders": headers} if headers else found


def composite(org: Opened, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    body = {"allOrNone": all_or_none, "compositeRequest": list(parts)}
    return list(org.sf.restful("composite", method="POST", json=body)["compositeResponse"])


def test_parts_refer_to_each_other(org: Opened) -> None:
    responses = composite(
        org,
        part("account", "POST", "/sobjects/Account", {"Name": "A"}),
        part("contact", "POST", "/sobjects/Contact", {"LastName": "C", "AccountId": "@{account.id}"}),
        part("found", "GET", "/query?q=SELECT Id, Account.Name FROM Contact WHERE Id = '@{contact.id}'"),
        part(
            "same", "PATCH", "/sobjects/Contact/@{found.records[0].Id}", {"Title": "@{found.records[0].Account.Name}"}
        ),
    )
    assert [response["httpStatusCode"] for response in responses] == [201, 201, 200, 204]
    assert responses[3]["body"] is None
    assert responses[0]["httpHeaders"]["Location"].endswith(responses[0]["body"]["id"])
    assert org.values("SELECT Title FROM Contact") == ["A"]


def test_what_depends_on_a_failure_is_halted(org: Opened) -> None:
    responses = composite(
        org,
        part("bad", "POST", "/sobjects/Account", {}),
        part("after", "POST", "/sobjects/Contact", {"LastName": "C", "AccountId": "@{bad.id}"}),
        part("free", "POST", "/sobjects/Contact", {"LastName": "Free"}),
    )
    assert [response["httpStatusCode"] for response in responses] == [400, 400, 201]
    assert responses[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert responses[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert org.values("SELECT LastName FROM Contact") == ["Free"]


def test_a_reference_to_nothing_is_refused(org: Opened) -> None:
    (response,) = composite(org, part("a", "GET", "/sobjects/Lead/@{nobody.id}"))
    assert response["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_one_failure_takes_all_parts_back_if_wanted(org: Opened) -> None:
    parts = (
        part("good", "POST", "/sobjects/Account", {"Name": "A"}),
        part("bad", "POST", "/sobjects/Account", {}),
        part("late", "POST", "/sobjects/Account", {"Name": "B"}),
    )
    responses = composite(org, *parts, all_or_none=True)
    found = [response["body"][0]["errorCode"] for response in responses]
    assert found == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert org.world.all("Account") == []
    assert len(composite(org, *parts)) == 3
    assert len(org.world.all("Account")) == 2


def test_a_part_has_its_own_headers_only(org: Opened) -> None:
    ruled = org.world.add_user("ruled", "ruled@sandbox.example")
    org.world.assignment_rule("Lead", ruled)
    body = {
        "compositeRequest": [
            part("with", "POST", "/sobjects/Lead", lead(), **{"Sforce-Auto-Assign": "FALSE"}),
            part("without", "POST", "/sobjects/Lead", lead()),
        ]
    }
    answer = org.call("POST", "composite", body, Sforce_Auto_Assign="FALSE").json()["compositeResponse"]
    owners = [org.world.read("Lead", response["body"]["id"])["OwnerId"] for response in answer]
    assert [owner == ruled for owner in owners] == [False, True]


def test_a_conditional_part_can_be_unmodified(org: Opened) -> None:
    (response,) = composite(
        org, part("d", "GET", "/sobjects/Lead/describe", **{"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"})
    )
    assert (response["httpStatusCode"], response["body"]) == (304, None)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([part(f"r{n}", "GET", "/limits") for n in range(26)], "LIMIT_EXCEEDED"),
        ([part(f"r{n}", "GET", "/query?q=SELECT Id FROM Lead") for n in range(6)], "LIMIT_EXCEEDED"),
        ([part("same", "GET", "/limits"), part("same", "GET", "/limits")], "INVALID_INPUT"),
        ([{"method": "GET", "url": DATA}], "INVALID_INPUT"),
        ([], "INVALID_INPUT"),
    ],
)
def test_a_composite_call_that_cannot_be_is_refused(org: Opened, parts: list[Any], code: str) -> None:
    answer = org.call("POST", "composite", {"compositeRequest": parts})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_twenty_five_parts_are_one_call(org: Opened) -> None:
    composite(org, *(part(f"r{n}", "GET", "/limits") for n in range(25)))
    assert org.call("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=2/15000"


def test_the_log_says_whether_anything_inside_writes(org: Opened) -> None:
    composite(org, part("r", "GET", "/limits"))
    composite(org, part("r", "GET", "/limits"), part("w", "POST", "/sobjects/Lead", lead()))
    assert [call.wrote for call in org.sandbox.log.calls("composite")] == [False, True]


def test_an_unknown_path_inside_is_answered_inside(org: Opened) -> None:
    responses = composite(org, part("a", "GET", "/nowhere"), part("b", "PUT", "/sobjects/Lead"))
    assert [response["httpStatusCode"] for response in responses] == [404, 405]


# --- graphs ----------------------------------------------------------------------------------------------------


def graph(name: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": name, "compositeRequest": list(parts)}


def test_each_graph_stands_or_falls_alone(org: Opened) -> None:
    good = graph(
        "g1",
        part("a", "POST", "/sobjects/Account", {"Name": "A"}),
        part("c", "POST", "/sobjects/Contact", {"LastName": "C", "AccountId": "@{a.id}"}),
    )
    bad = graph(
        "g2", part("a", "POST", "/sobjects/Account", {"Name": "B"}), part("c", "POST", "/sobjects/Contact", {})
    )
    graphs = org.sf.restful("composite/graph", method="POST", json={"graphs": [good, bad]})["graphs"]
    assert [(g["graphId"], g["isSuccessful"]) for g in graphs] == [("g1", True), ("g2", False)]
    failed = graphs[1]["graphResponse"]["compositeResponse"]
    assert [response["body"][0]["errorCode"] for response in failed] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
    ]
    assert org.values("SELECT Name FROM Account") == ["A"]


def test_after_fourteen_failed_graphs_the_rest_is_halted(org: Opened) -> None:
    graphs = [graph(f"g{n}", part("a", "POST", "/sobjects/Account", {})) for n in range(14)]
    graphs.append(graph("last", part("a", "POST", "/sobjects/Account", {"Name": "A"})))
    answer = org.sf.restful("composite/graph", method="POST", json={"graphs": graphs})["graphs"]
    assert answer[-1]["isSuccessful"] is False
    assert org.world.all("Account") == []
    org.sf.restful("composite/graph", method="POST", json={"graphs": graphs[1:]})
    assert len(org.world.all("Account")) == 1


@pytest.mark.parametrize(
    "graphs",
    [
        [graph(f"g{n}", part("a", "GET", "/sobjects/Lead/x")) for n in range(76)],
        [graph("g", *(part(f"r{n}", "GET", "/sobjects/Lead/x") for n in range(501)))],
        [graph("-bad", part("a", "GET", "/sobjects/Lead/x"))],
        [graph("g", part("a", "GET", "/query?q=SELECT Id FROM Lead"))],
        [graph("g", *(part(f"r{n}", "GET", f"/sobjects/Lead/@{{r{n - 1}.id}}") for n in range(1, 18)))],
    ],
)
def test_a_graph_that_cannot_be_is_refused(org: Opened, graphs: list[Any]) -> None:
    assert org.call("POST", "composite/graph", {"graphs": graphs}).status_code == 400


# --- batches and trees -----------------------------------------------------------------------------------------


def batch(org: Opened, *parts: dict[str, Any], halt: bool = False) -> dict[str, Any]:
    body = {"haltOnError": halt, "batchRequests": list(parts)}
    return dict(org.sf.restful("composite/batch", method="POST", json=body))


def test_a_batch_runs_calls_that_each_count(org: Opened) -> None:
    create = {"method": "POST", "url": "v63.0/sobjects/Lead", "richInput": lead()}
    answer = batch(org, create, {"method": "GET", "url": "v63.0/nowhere"}, create)
    assert answer["hasErrors"] is True
    assert [result["statusCode"] for result in answer["results"]] == [201, 404, 201]
    assert org.call("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=4/15000"
    assert len(org.world.all("Lead")) == 2


def test_a_batch_can_halt_at_an_error(org: Opened) -> None:
    create = {"method": "POST", "url": "v63.0/sobjects/Lead", "richInput": lead()}
    answer = batch(org, {"method": "GET", "url": "v63.0/nowhere"}, create, halt=True)
    assert [result["statusCode"] for result in answer["results"]] == [404, 412]
    assert answer["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert org.world.all("Lead") == []
    body = {"batchRequests": [{"method": "GET", "url": "v63.0/limits"}] * 26}
    assert org.call("POST", "composite/batch", body).status_code == 400


def tree(org: Opened, records: list[Any]) -> tuple[int, Any]:
    answer = org.call("POST", "composite/tree/Account", {"records": records})
    return answer.status_code, answer.json()


def node(reference: str, object: str, **fields: object) -> dict[str, Any]:
    return {"attributes": {"type": object, "referenceId": reference}, **fields}


def test_a_tree_makes_parents_and_children(org: Opened) -> None:
    contacts = {"records": [node("c1", "Contact", LastName="One"), node("c2", "Contact", LastName="Two")]}
    status, answer = tree(org, [node("a1", "Account", Name="A", Contacts=contacts), node("a2", "Account", Name="B")])
    assert (status, answer["hasErrors"]) == (201, False)
    assert [result["referenceId"] for result in answer["results"]] == ["a1", "c1", "c2", "a2"]
    assert org.values("SELECT Account.Name FROM Contact ORDER BY LastName")[0]["Name"] == "A"


def test_a_tree_with_one_bad_record_makes_nothing(org: Opened) -> None:
    contacts = {"records": [node("c1", "Contact")]}
    status, answer = tree(org, [node("a1", "Account", Name="A", Contacts=contacts)])
    assert (status, answer["hasErrors"]) == (400, True)
    assert answer["results"][0]["referenceId"] == "c1"
    assert answer["results"][0]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert org.world.all("Account") == []


@pytest.mark.parametrize(
    "records",
    [
        [node(f"a{n}", "Account", Name="A") for n in range(201)],
        [node("same", "Account", Name="A"), node("same", "Account", Name="B")],
        [{"attributes": {"type": "Account"}, "Name": "A"}],
        [node("a", "Account", Name="A", Leads={"records": [node("l", "Lead", **lead())]})],
    ],
)
def test_a_tree_that_cannot_be_is_refused(org: Opened, records: list[Any]) -> None:
    assert tree(org, records)[0] == 400
    assert org.world.all("Account") == []


def test_the_wrong_method_for_a_collection_is_refused(org: Opened) -> None:
    assert refusal(org.sf.restful, "composite/sobjects", method="GET")[1] == "METHOD_NOT_ALLOWED"
