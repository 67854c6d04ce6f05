"""What the sandbox does that the client library does not show: logins, refusals, links, controls."""

import io
import json
import tarfile
from datetime import timedelta

import pytest
import requests

from instep.sandbox import VirtualClock
from instep_mailchimp.sandbox import ACCESS_TOKEN, API_KEY, AUDIENCE, MailchimpPersonality, mailchimp_sandbox

NEW = {"status_if_new": "subscribed"}


def test_any_user_name_goes_with_the_key(ask) -> None:
    assert ask("GET", "/3.0/ping").status_code == 200


def test_a_bearer_token_is_a_login(sandbox) -> None:
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    with requests.get(f"{sandbox.url}/3.0/", headers=headers, timeout=5) as answer:
        assert answer.json()["account_name"] == "Sandbox"


def test_the_metadata_of_a_token_name_the_data_centre_and_this_sandbox(sandbox) -> None:
    headers = {"Authorization": f"OAuth {ACCESS_TOKEN}"}
    with requests.get(f"{sandbox.url}/oauth2/metadata", headers=headers, timeout=5) as answer:
        assert (answer.json()["dc"], answer.json()["api_endpoint"]) == ("us1", sandbox.url)
    with requests.get(f"{sandbox.url}/oauth2/metadata", timeout=5) as answer:
        assert answer.status_code == 401


def test_a_problem_has_its_own_content_type_and_an_instance_of_its_own(ask) -> None:
    first, second = ask("GET", "/3.0/lists/none"), ask("GET", "/3.0/lists/none")
    assert first.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert first.json().keys() == {"type", "title", "status", "detail", "instance"}
    assert first.json()["instance"] != second.json()["instance"]


def test_a_key_of_another_data_centre_is_told_apart_from_a_wrong_one(ask) -> None:
    elsewhere = ask("GET", "/3.0/ping", key=API_KEY.replace("us1", "us2"))
    assert (elsewhere.status_code, elsewhere.json()["title"]) == (403, "Wrong Datacenter")
    assert ask("GET", "/3.0/ping", key="wrong").json()["title"] == "API Key Invalid"


@pytest.mark.parametrize(("switches", "status"), [({}, 429), ({"bare_429": True}, 429), ({"bare_403": True}, 403)])
def test_too_many_connections_are_refused_without_a_word_about_when(sandbox, ask, switches, status) -> None:
    sandbox.personality = MailchimpPersonality(connections=0, **switches)
    refused = ask("GET", "/3.0/ping")
    assert refused.status_code == status
    assert not {name.lower() for name in refused.headers} & {"retry-after", "x-ratelimit-remaining"}
    assert bool(refused.content) is not bool(switches)


def test_an_unknown_path_and_an_unknown_verb_are_told_apart(ask) -> None:
    assert ask("GET", "/3.0/nothing").status_code == 404
    assert ask("PATCH", "/3.0/ping").status_code == 405


def test_a_body_that_is_no_json_is_a_parse_error(sandbox) -> None:
    url = f"{sandbox.url}/3.0/lists/{AUDIENCE}/members"
    with requests.post(url, data=b"{", auth=("x", API_KEY), timeout=5) as answer:
        assert (answer.status_code, answer.json()["title"]) == (400, "JSON Parse Error")


def test_a_page_cannot_have_more_than_a_thousand_rows(ask) -> None:
    assert ask("GET", f"/3.0/lists/{AUDIENCE}/members?count=1001").status_code == 400
    assert ask("GET", f"/3.0/lists/{AUDIENCE}/members?count=1000").status_code == 200


def finished(sandbox, ask):
    operations = [{"method": "GET", "path": "/ping", "operation_id": str(number)} for number in range(20)]
    id = ask("POST", "/3.0/batches", {"operations": operations}).json()["id"]
    sandbox.clock.advance(timedelta(minutes=1))
    return ask("GET", f"/3.0/batches/{id}").json()


def test_results_come_in_several_files_and_in_no_order(sandbox, ask) -> None:
    link = finished(sandbox, ask)["response_body_url"]
    with requests.get(link, timeout=5) as answer, tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        files = [json.load(archive.extractfile(info)) for info in archive if info.isfile()]
    ids = [row["operation_id"] for file in files for row in file]
    assert len(files) > 1
    assert sorted(ids, key=int) == [str(number) for number in range(20)]
    assert ids != sorted(ids, key=int)


def test_a_link_to_results_ends_and_a_fresh_one_works(sandbox, ask) -> None:
    found = finished(sandbox, ask)
    sandbox.clock.advance(timedelta(minutes=10))
    with requests.get(found["response_body_url"], timeout=5) as answer:
        assert answer.status_code == 403
    fresh = ask("GET", f"/3.0/batches/{found['id']}").json()["response_body_url"]
    with requests.get(fresh, timeout=5) as answer:
        assert answer.status_code == 200


def test_a_batch_that_is_stopped_does_nothing_more(sandbox, ask) -> None:
    operation = {"method": "POST", "path": f"/lists/{AUDIENCE}/members", "body": '{"email_address":"a@x.example"}'}
    id = ask("POST", "/3.0/batches", {"operations": [operation]}).json()["id"]
    assert ask("DELETE", f"/3.0/batches/{id}").status_code == 204
    sandbox.clock.advance(timedelta(minutes=1))
    assert ask("GET", f"/3.0/batches/{id}").status_code == 404
    assert sandbox.world.emails() == []


def test_a_batch_goes_through_its_states_by_the_clock(sandbox, ask) -> None:
    operations = [{"method": "GET", "path": "/ping"}] * 10
    id = ask("POST", "/3.0/batches", {"operations": operations}).json()["id"]
    seen = []
    for _ in range(11):
        found = ask("GET", f"/3.0/batches/{id}").json()
        seen.append((found["status"], found["total_operations"], found["finished_operations"]))
        sandbox.clock.advance(timedelta(seconds=2))
    assert seen[0] == ("pending", 0, 0)
    assert [status for status, *_ in seen[1:]] == ["started"] * 8 + ["finalizing", "finished"]
    assert [done for *_, done in seen[1:]] == sorted(done for *_, done in seen[1:])
    assert seen[-1] == ("finished", 10, 10)


def test_what_a_batch_did_before_it_was_stopped_stays_done(sandbox, ask) -> None:
    operations = [
        {
            "method": "PUT",
            "path": f"/lists/{AUDIENCE}/members/m{n}@x.example",
            "body": json.dumps(NEW | {"email_address": f"m{n}@x.example"}),
        }
        for n in range(8)
    ]
    id = ask("POST", "/3.0/batches", {"operations": operations}).json()["id"]
    sandbox.clock.advance(timedelta(seconds=10))
    assert ask("DELETE", f"/3.0/batches/{id}").status_code == 204
    sandbox.clock.advance(timedelta(minutes=1))
    assert ask("GET", f"/3.0/lists/{AUDIENCE}/members").json()["total_items"] == 4


def test_a_batch_may_be_finished_with_every_operation_failed(sandbox, ask) -> None:
    operations = [{"method": "GET", "path": "/nothing"}] * 3
    id = ask("POST", "/3.0/batches", {"operations": operations}).json()["id"]
    sandbox.clock.advance(timedelta(minutes=1))
    found = ask("GET", f"/3.0/batches/{id}").json()
    assert (found["status"], found["finished_operations"], found["errored_operations"]) == ("finished", 3, 3)


def counts(ask, query=""):
    return ask("GET", f"/3.0/lists/{AUDIENCE}{query}").json()["stats"]


@pytest.mark.parametrize(("lag", "told"), [(300, [0, 0, 1]), (0, [0, 1, 1])])
def test_the_counts_of_an_audience_are_some_minutes_old(sandbox, ask, lag, told) -> None:
    sandbox.personality = MailchimpPersonality(stats_seconds=lag)
    seen = [counts(ask)["member_count"]]
    sandbox.world.add_member("a@x.example")
    for seconds in (299, 1):
        sandbox.clock.advance(timedelta(seconds=seconds))
        seen.append(counts(ask)["member_count"])
    assert seen == told


def test_an_archived_member_counts_in_the_total_which_only_those_get_who_ask(sandbox, ask) -> None:
    for email in ("a@x.example", "b@x.example"):
        sandbox.world.add_member(email)
    sandbox.world.archive("a@x.example")
    assert "total_contacts" not in counts(ask)
    found = counts(ask, "?include_total_contacts=true")
    assert (found["member_count"], found["total_contacts"]) == (1, 2)


def test_another_process_can_seed_look_and_reset(ask) -> None:
    row = {"email_address": "a@x.example", "FNAME": "Ada"}
    (id,) = ask("POST", "/_sandbox/seed", {"members": [row]}).json()["members"]
    found = ask("GET", f"/3.0/lists/{AUDIENCE}/members/{id}").json()
    assert found["merge_fields"]["FNAME"] == "Ada"
    assert len(ask("GET", "/_sandbox/snapshot").json()["audiences"][AUDIENCE]) == 1
    ask("POST", "/_sandbox/reset")
    assert ask("GET", "/_sandbox/snapshot").json()["audiences"][AUDIENCE] == []


@pytest.mark.parametrize("seed", [0, 7])
def test_one_seed_gives_the_same_ids(seed) -> None:
    def made():
        with mailchimp_sandbox(clock=VirtualClock(), seed=seed) as running:
            return running.world.add_member("a@x.example")

    assert made() == made()
