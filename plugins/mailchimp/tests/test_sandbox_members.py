"""Members as the sandbox has them, where that matters to whoever writes to them."""

import hashlib

import pytest

from instep_mailchimp.sandbox import AUDIENCE

LIST = f"/3.0/lists/{AUDIENCE}"
ADA = "ada@x.example"
NEW = {"email_address": ADA, "status": "subscribed"}


def tags(ask, email=ADA):
    return {tag["name"] for tag in ask("GET", f"{LIST}/members/{email}/tags").json()["tags"]}


def test_a_post_whose_answer_was_lost_is_refused_the_second_time_and_a_put_is_not(sandbox, ask) -> None:
    """Why the connector never posts a member."""
    sandbox.faults.arm(1)
    with pytest.raises(OSError, match="Connection"):
        ask("POST", f"{LIST}/members", NEW)
    assert ask("POST", f"{LIST}/members", NEW).json()["title"] == "Member Exists"
    put = {"email_address": ADA, "status_if_new": "subscribed"}
    assert [ask("PUT", f"{LIST}/members/{ADA}", put).status_code for _ in range(2)] == [200, 200]
    assert len(sandbox.world.emails()) == 1


def test_the_id_is_made_of_the_lower_case_and_not_of_the_folded_address(sandbox, ask) -> None:
    email = "Straße@x.example"
    sandbox.world.add_member(email)
    lower, folded = (hashlib.md5(one.encode()).hexdigest() for one in (email.lower(), email.casefold()))
    assert ask("GET", f"{LIST}/members/{lower}").json()["id"] == lower
    assert ask("GET", f"{LIST}/members/{folded}").status_code == 404


def test_a_forgotten_address_reads_like_a_new_one_and_is_refused_for_ever(sandbox, ask) -> None:
    sandbox.world.add_member(ADA)
    sandbox.world.forget(ADA)
    assert ask("GET", f"{LIST}/members/{ADA}").json() | {"instance": ""} == ask(
        "GET", f"{LIST}/members/new@x.example"
    ).json() | {"instance": ""}
    put = {"email_address": ADA, "status_if_new": "subscribed"}
    for attempt in (
        ask("POST", f"{LIST}/members", NEW),
        ask("PUT", f"{LIST}/members/{ADA}", put),
        ask("POST", f"{LIST}/members", NEW | {"email_address": ADA.upper()}),
    ):
        assert attempt.json()["title"] == "Forgotten Email Not Subscribed"


@pytest.mark.parametrize("lose", ["unsubscribe", "clean", "review"])
def test_only_the_person_lifts_an_unsubscribe_a_bounce_or_a_review(sandbox, ask, lose) -> None:
    sandbox.world.add_member(ADA, "unsubscribed" if lose == "review" else "subscribed")
    getattr(sandbox.world, lose)(ADA)
    path = f"{LIST}/members/{ADA}"
    assert ask("PATCH", path, {"status": "subscribed"}).json()["title"] == "Member In Compliance State"
    assert ask("PATCH", path, {"status": "pending"}).json()["status"] == "pending"
    sandbox.world.confirm(ADA)
    assert ask("GET", path).json()["status"] == "subscribed"


@pytest.mark.parametrize("by", ["admin", "api"])
def test_an_unsubscribe_by_others_is_lifted_by_the_api(sandbox, ask, by) -> None:
    sandbox.world.add_member(ADA)
    path = f"{LIST}/members/{ADA}"
    if by == "api":
        ask("PATCH", path, {"status": "unsubscribed"})
    else:
        sandbox.world.unsubscribe(ADA, by=by)
    assert ask("PATCH", path, {"status": "subscribed"}).json()["status"] == "subscribed"


def test_tags_in_a_member_count_when_it_is_made_and_not_when_it_is_changed(ask) -> None:
    ask("POST", f"{LIST}/members", NEW | {"tags": ["mql"]})
    ask("PATCH", f"{LIST}/members/{ADA}", {"tags": ["sql"]})
    assert tags(ask) == {"mql"}


def test_a_listing_ends_before_the_time_that_it_is_given(sandbox, ask) -> None:
    for name in ("a", "b"):
        sandbox.world.add_member(f"{name}@x.example")
        sandbox.clock.sleep(60)
    found = ask("GET", f"{LIST}/members?before_last_changed=2026-01-05T09:01:00%2B00:00").json()["members"]
    assert [member["email_address"] for member in found] == ["a@x.example"]


# --- many at once


def many(ask, *rows, query="", **more):
    return ask("POST", f"{LIST}{query}", {"members": list(rows), **more}).json()


def test_five_hundred_members_at_once_are_taken_and_no_more(ask) -> None:
    rows = [{"email_address": f"m{n}@x.example", "status": "subscribed"} for n in range(501)]
    assert many(ask, *rows[:500])["total_created"] == 500
    assert many(ask, *rows)["status"] == 400


@pytest.mark.parametrize(("query", "errors"), [("", 1), ("?skip_duplicate_check=true", 0)])
def test_an_address_that_comes_twice_counts_the_first_time(ask, query, errors) -> None:
    found = many(ask, NEW, NEW | {"email_address": ADA.upper(), "status": "unsubscribed"}, query=query)
    assert (found["total_created"], found["error_count"]) == (1, errors)
    assert ask("GET", f"{LIST}/members/{ADA}").json()["status"] == "subscribed"


@pytest.mark.parametrize(("sync", "held"), [(True, {"sql"}), (False, {"mql", "sql"})])
def test_tags_of_many_are_added_or_put_in_the_place_of_the_others(ask, sync, held) -> None:
    many(ask, NEW | {"tags": ["mql"]})
    many(ask, NEW | {"tags": ["sql"]}, sync_tags=sync, update_existing=True)
    assert tags(ask) == held


def test_a_row_with_an_unknown_status_is_refused_alone(ask) -> None:
    found = many(ask, NEW | {"status": "keen"}, {"email_address": "b@x.example", "status": "subscribed"})
    assert (found["total_created"], found["errors"][0]["field"]) == (1, "status")


# --- what goes wrong on the way


@pytest.mark.parametrize(
    ("fault", "status", "is_made"),
    [
        ({"kind": "server_error"}, 500, False),
        ({"kind": "status", "status": 503, "body": b"<html>Service Unavailable</html>"}, 503, False),
        ({"kind": "html_502"}, 502, False),
        ({"kind": "reset_before"}, 0, False),
        ({"kind": "reset_after"}, 0, True),
        ({"kind": "timeout_after_commit"}, 0, True),
        ({"kind": "slow", "seconds": 120}, 200, True),
    ],
)
def test_a_fault_is_met_once_and_says_whether_the_write_was_done(sandbox, ask, fault, status, is_made) -> None:
    sandbox.faults.add("members.create", **fault)
    before = sandbox.clock.now()
    try:
        found = ask("POST", f"{LIST}/members", NEW).status_code
    except OSError:
        found = 0
    assert (found, bool(sandbox.world.emails())) == (status, is_made)
    assert (sandbox.clock.now() - before).total_seconds() == fault.get("seconds", 0)
    assert ask("GET", f"{LIST}/members").status_code == 200
