"""The sandbox as Mailchimp's own client library sees it.

The library's host is replaced. It turns the word "server" anywhere in an address into the data centre, so no name in
these tests has it. Problems reach it as text, because it only parses what calls itself `application/json`.
"""

import json
from datetime import timedelta

import mailchimp_marketing
import pytest
from mailchimp_marketing.api_client import ApiClientError

from instep_mailchimp.sandbox import API_KEY, AUDIENCE
from instep_mailchimp.wire import subscriber_hash

ADA = subscriber_hash("ada@x.example")


@pytest.fixture
def library(sandbox):
    client = mailchimp_marketing.Client({"api_key": API_KEY})
    client.api_client.host = f"{sandbox.url}/3.0"
    return client


@pytest.fixture
def lists(library):
    return library.lists


def put(lists, email="ada@x.example", **more):
    body = {"email_address": email, "status_if_new": "subscribed", **more}
    return lists.set_list_member(AUDIENCE, subscriber_hash(email), body)


def refusal(attempt):
    with pytest.raises(ApiClientError) as caught:
        attempt()
    problem = json.loads(caught.value.text)
    return caught.value.status_code, problem["title"], problem


# --- the account


def test_the_library_logs_in_and_pings(library) -> None:
    assert library.ping.get() == {"health_status": "Everything's Chimpy!"}
    assert library.root.get_root()["account_name"] == "Sandbox"


def test_a_wrong_key_is_refused(sandbox) -> None:
    client = mailchimp_marketing.Client({"api_key": "wrong-us1"})
    client.api_client.host = f"{sandbox.url}/3.0"
    assert refusal(client.ping.get)[:2] == (401, "API Key Invalid")


def test_every_resource_has_links_unless_they_are_left_out(lists) -> None:
    put(lists)
    assert lists.get_list_member(AUDIENCE, ADA)["_links"]
    assert "_links" not in lists.get_list_member(AUDIENCE, ADA, exclude_fields=["_links"])
    assert lists.get_list_member(AUDIENCE, ADA, fields=["id", "stats.avg_open_rate"]) == {
        "id": ADA,
        "stats": {"avg_open_rate": 0},
    }


# --- members


def test_put_creates_once_and_leaves_the_status_of_who_is_there(lists, sandbox) -> None:
    assert put(lists)["status"] == "subscribed"
    sandbox.world.unsubscribe(ADA)
    assert put(lists, merge_fields={"FNAME": "Ada"})["status"] == "unsubscribed"
    assert len(sandbox.world.emails()) == 1


def test_put_with_a_status_changes_it_unless_only_the_person_may(lists, sandbox) -> None:
    put(lists)
    assert put(lists, status="unsubscribed")["status"] == "unsubscribed"
    assert put(lists, status="subscribed")["status"] == "subscribed"
    sandbox.world.unsubscribe(ADA)
    assert refusal(lambda: put(lists, status="subscribed"))[:2] == (400, "Member In Compliance State")
    assert put(lists, status="pending")["status"] == "pending"
    sandbox.world.confirm(ADA)
    assert lists.get_list_member(AUDIENCE, ADA)["status"] == "subscribed"


def test_post_of_a_member_twice_is_refused(lists) -> None:
    body = {"email_address": "ada@x.example", "status": "subscribed"}
    lists.add_list_member(AUDIENCE, body)
    code, title, problem = refusal(lambda: lists.add_list_member(AUDIENCE, body))
    assert (code, title) == (400, "Member Exists")
    assert "ada@x.example is already a list member" in problem["detail"]


def test_a_member_is_found_by_hash_address_and_contact_id(lists) -> None:
    made = put(lists)
    for key in (ADA, "ada@x.example", "ADA@x.example", made["contact_id"]):
        assert lists.get_list_member(AUDIENCE, key)["id"] == ADA


def test_the_hash_of_another_spelling_does_not_make_a_twin(lists) -> None:
    import hashlib

    put(lists)
    other = hashlib.md5(b"Ada@x.example").hexdigest()
    body = {"email_address": "Ada@x.example", "status_if_new": "subscribed"}
    assert refusal(lambda: lists.set_list_member(AUDIENCE, other, body))[1] == "Member Exists"


def test_deleting_archives_and_forgetting_is_for_ever(lists, sandbox) -> None:
    put(lists)
    lists.delete_list_member(AUDIENCE, ADA)
    assert lists.get_list_member(AUDIENCE, ADA)["status"] == "archived"
    assert lists.get_list_members_info(AUDIENCE)["total_items"] == 0
    assert lists.get_list_members_info(AUDIENCE, status="archived")["total_items"] == 1
    lists.delete_list_member_permanent(AUDIENCE, ADA)
    assert refusal(lambda: lists.get_list_member(AUDIENCE, ADA))[0] == 404
    assert refusal(lambda: put(lists))[:2] == (400, "Forgotten Email Not Subscribed")


def test_a_page_has_ten_rows_unless_more_are_asked_for(lists) -> None:
    for number in range(12):
        put(lists, f"m{number}@x.example")
    found = lists.get_list_members_info(AUDIENCE)
    assert (len(found["members"]), found["total_items"]) == (10, 12)
    assert len(lists.get_list_members_info(AUDIENCE, count=1000)["members"]) == 12
    assert len(lists.get_list_members_info(AUDIENCE, count=5, offset=10)["members"]) == 2


def test_members_are_listed_by_when_they_changed(lists, sandbox) -> None:
    put(lists, "a@x.example")
    sandbox.clock.advance(timedelta(minutes=1))
    put(lists, "b@x.example")
    found = lists.get_list_members_info(AUDIENCE, since_last_changed="2026-01-05T09:00:30+00:00")
    assert [member["email_address"] for member in found["members"]] == ["b@x.example"]
    found = lists.get_list_members_info(AUDIENCE, sort_field="last_changed", sort_dir="DESC")
    assert [member["email_address"] for member in found["members"]] == ["b@x.example", "a@x.example"]


def test_many_members_at_once_are_told_row_by_row(lists) -> None:
    put(lists)
    rows = [{"email_address": email, "status": "subscribed"} for email in ("ada@x.example", "b@x.example", "bad")]
    found = lists.batch_list_members(AUDIENCE, {"members": rows, "update_existing": False})
    assert (found["total_created"], found["total_updated"], found["error_count"]) == (1, 0, 2)
    assert [error["error_code"] for error in found["errors"]] == ["ERROR_CONTACT_EXISTS", "ERROR_GENERIC"]
    assert refusal(lambda: lists.batch_list_members(AUDIENCE, {"members": rows * 200}))[0] == 400


# --- merge fields


@pytest.mark.parametrize("value", [None, True, ["a"]])
def test_a_merge_field_takes_neither_null_nor_yes_or_no(lists, value) -> None:
    code, title, problem = refusal(lambda: put(lists, merge_fields={"FNAME": value}))
    assert (code, title) == (400, "Invalid Resource")
    assert problem["errors"][0]["field"] == "merge_fields.FNAME"


def test_a_required_merge_field_is_wanted_unless_it_is_skipped(lists, sandbox) -> None:
    sandbox.world.add_field("NEEDED", required=True)
    _, _, problem = refusal(lambda: put(lists))
    assert problem["errors"] == [{"field": "NEEDED", "message": "Please enter a value"}]
    body = {"email_address": "ada@x.example", "status_if_new": "subscribed"}
    assert lists.set_list_member(AUDIENCE, ADA, body, skip_merge_validation=True)["id"] == ADA


def test_a_value_outside_the_choices_is_refused_unless_that_is_not_checked(lists, sandbox) -> None:
    body = {"name": "Size", "type": "dropdown", "tag": "SIZE", "options": {"choices": ["S"]}}
    lists.add_list_merge_field(AUDIENCE, body)
    assert refusal(lambda: put(lists, merge_fields={"SIZE": "XL"}))[0] == 400
    sandbox.personality = type(sandbox.personality)(checks_choices=False)
    assert put(lists, merge_fields={"SIZE": "XL"})["merge_fields"]["SIZE"] == "XL"


def test_deleting_a_merge_field_wipes_its_values(lists) -> None:
    made = lists.add_list_merge_field(AUDIENCE, {"name": "Size", "type": "text", "tag": "SIZE"})
    put(lists, merge_fields={"SIZE": "S"})
    lists.delete_list_merge_field(AUDIENCE, made["merge_id"])
    lists.add_list_merge_field(AUDIENCE, {"name": "Size", "type": "text", "tag": "SIZE"})
    assert lists.get_list_member(AUDIENCE, ADA)["merge_fields"]["SIZE"] == ""


def test_a_tag_is_kept_short_and_used_once(lists) -> None:
    for tag in ("ELEVENCHARS", "FNAME"):
        body = {"name": "X", "type": "text", "tag": tag}
        assert refusal(lambda body=body: lists.add_list_merge_field(AUDIENCE, body))[0] == 400


# --- tags, segments and events


def test_a_tag_is_a_static_segment(lists, sandbox) -> None:
    put(lists)
    lists.update_list_member_tags(AUDIENCE, ADA, {"tags": [{"name": "mql", "status": "active"}]})
    (segment,) = lists.list_segments(AUDIENCE)["segments"]
    assert (segment["name"], segment["member_count"], segment["type"]) == ("mql", 1, "static")
    body = {"members_to_remove": ["ada@x.example"], "members_to_add": ["nobody@x.example"]}
    found = lists.batch_segment_members(body, AUDIENCE, segment["id"])
    assert (found["total_removed"], found["total_added"], found["error_count"]) == (1, 0, 1)
    assert lists.get_list_member_tags(AUDIENCE, ADA)["tags"] == []
    assert [tag["name"] for tag in lists.tag_search(AUDIENCE, name="m")["tags"]] == ["mql"]


def test_an_event_needs_a_name_of_some_length(lists) -> None:
    put(lists)
    lists.create_list_member_event(AUDIENCE, ADA, {"name": "demo_attended"})
    assert [event["name"] for event in lists.get_list_member_events(AUDIENCE, ADA)["events"]] == ["demo_attended"]
    assert refusal(lambda: lists.create_list_member_event(AUDIENCE, ADA, {"name": "x"}))[0] == 400


# --- campaigns and batches


def test_a_report_lists_who_did_nothing_as_well(library, lists, sandbox) -> None:
    put(lists)
    put(lists, "b@x.example")
    campaign = sandbox.world.send_campaign("News")
    sandbox.world.react("click", ADA, campaign)
    assert [found["id"] for found in library.campaigns.list(status="sent")["campaigns"]] == [campaign]
    emails = library.reports.get_email_activity_for_campaign(campaign)["emails"]
    assert [(row["email_id"] == ADA, len(row["activity"])) for row in emails] == [(True, 1), (False, 0)]
    assert library.reports.get_campaign_report(campaign)["clicks"]["clicks_total"] == 1


def test_a_batch_is_done_later_and_one_after_the_other(library, sandbox) -> None:
    operation = {
        "method": "PUT",
        "path": f"/lists/{AUDIENCE}/members/{ADA}",
        "operation_id": "1",
        "body": json.dumps({"email_address": "ada@x.example", "status_if_new": "subscribed"}),
    }
    first = library.batches.start({"operations": [operation]})
    second = library.batches.start({"operations": [operation]})
    assert (first["status"], sandbox.world.emails()) == ("pending", [])
    sandbox.clock.advance(timedelta(seconds=20))
    states = [library.batches.status(batch["id"])["status"] for batch in (first, second)]
    assert states == ["finished", "pending"]
    assert sandbox.world.emails() == ["ada@x.example"]
    sandbox.clock.advance(timedelta(seconds=20))
    assert library.batches.status(second["id"])["finished_operations"] == 1


def test_a_batch_holds_so_many_operations_and_so_many_wait(library, sandbox) -> None:
    operation = {"method": "GET", "path": "/ping"}
    assert refusal(lambda: library.batches.start({"operations": [operation] * 1001}))[0] == 400
    sandbox.personality = type(sandbox.personality)(open_batches=1)
    library.batches.start({"operations": [operation]})
    assert refusal(lambda: library.batches.start({"operations": [operation]}))[:2] == (429, "Too Many Requests")


def test_the_body_of_an_operation_is_json_in_a_text(library, sandbox) -> None:
    operation = {"method": "POST", "path": f"/lists/{AUDIENCE}/members", "body": {"email_address": "a@x.example"}}
    made = library.batches.start({"operations": [operation]})
    sandbox.clock.advance(timedelta(seconds=20))
    assert library.batches.status(made["id"])["errored_operations"] == 1
