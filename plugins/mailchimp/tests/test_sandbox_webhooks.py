"""What the sandbox posts to others. Every post is made by `deliver` or a control call, by the clock of the test."""

import hmac
import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from instep_mailchimp.sandbox import AUDIENCE, MailchimpPersonality

LIST = f"/3.0/lists/{AUDIENCE}"
ADA = "ada@x.example"
ALL_EVENTS = dict.fromkeys(("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign"), True)
ALL_SOURCES = dict.fromkeys(("user", "admin", "api"), True)


@pytest.fixture
def hook(ask, receiver):
    """Set up a webhook that hears of everything, unless told otherwise; gives what the call answered."""

    def make(**changes):
        body = {"url": receiver.url, "events": ALL_EVENTS, "sources": ALL_SOURCES, **changes}
        return ask("POST", f"{LIST}/webhooks", body)

    return make


def advance(sandbox, minutes):
    sandbox.clock.advance(timedelta(minutes=minutes))
    return sandbox.world.deliver()


# --- setting one up


def test_an_address_is_asked_before_it_is_taken(ask, hook, receiver) -> None:
    assert hook().status_code == 200
    assert (receiver.probes, receiver.posts) == (1, [])


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_address_that_does_not_answer_with_200_is_refused(ask, hook, receiver, status) -> None:
    receiver.status = status
    assert hook().status_code == 400
    assert ask("GET", f"{LIST}/webhooks").json()["webhooks"] == []


@pytest.mark.parametrize(
    "url", ["https://x.example/", "http://192.0.2.1/", "http://x.example/", "ftp://127.0.0.1/", 7]
)
def test_nothing_is_posted_to_other_machines(ask, hook, receiver, url) -> None:
    assert hook(url=url).status_code == 400
    made = hook().json()
    assert ask("PATCH", f"{LIST}/webhooks/{made['id']}", {"url": url}).status_code == 400
    assert ask("POST", "/3.0/batch-webhooks", {"url": url}).status_code == 400


def test_what_a_webhook_hears_can_be_changed(sandbox, ask, hook, receiver) -> None:
    made = hook(events={"profile": True}).json()
    assert made["events"] == dict.fromkeys(ALL_EVENTS, False) | {"profile": True}
    ask("PATCH", f"{LIST}/webhooks/{made['id']}", {"events": {"profile": False, "subscribe": True}})
    sandbox.world.edit(sandbox.world.add_member(ADA), FNAME="Ada")
    sandbox.world.deliver()
    assert receiver.kinds() == ["subscribe"]


def test_a_webhook_that_is_deleted_hears_nothing_not_even_what_waited(sandbox, ask, hook, receiver) -> None:
    path = f"{LIST}/webhooks/{hook().json()['id']}"
    sandbox.world.add_member(ADA)
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", path).status_code == 404
    assert sandbox.world.deliver() == 0


# --- what is posted


def test_a_post_is_a_form_with_the_member_in_it(sandbox, ask, hook, receiver) -> None:
    hook()
    sandbox.world.add_member(ADA, by_form=True, FNAME="Ada")
    sandbox.world.deliver()
    ((headers, _),) = receiver.posts
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    (form,) = receiver.told()
    assert (form["type"], form["fired_at"]) == ("subscribe", "2026-01-05 09:00:00")
    assert (form["data[email]"], form["data[list_id]"], form["data[email_type]"]) == (ADA, AUDIENCE, "html")
    assert form["data[merges][EMAIL]"] == ADA
    assert form["data[merges][INTERESTS]"] == ""
    assert {"data[id]", "data[ip_opt]", "data[ip_signup]", "data[merges][FNAME]"} <= set(form)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda world: world.unsubscribe(ADA), {"type": "unsubscribe", "data[action]": "unsub"}),
        (lambda world: world.archive(ADA), {"type": "unsubscribe", "data[action]": "delete"}),
        (lambda world: world.forget(ADA), {"type": "unsubscribe", "data[action]": "delete"}),
        (lambda world: world.clean(ADA), {"type": "cleaned", "data[email]": ADA, "data[reason]": "hard"}),
        (lambda world: world.edit(ADA, FNAME="A."), {"type": "profile", "data[merges][FNAME]": "A."}),
        (
            lambda world: world.change_email(ADA, "new@x.example"),
            {"type": "upemail", "data[old_email]": ADA, "data[new_email]": "new@x.example"},
        ),
        (lambda world: world.send_campaign("News"), {"type": "campaign", "data[subject]": "News"}),
    ],
)
def test_one_act_is_told_once_with_what_belongs_to_it(sandbox, hook, receiver, act, expected) -> None:
    sandbox.world.add_member(ADA)
    hook()
    act(sandbox.world)
    sandbox.world.deliver()
    (form,) = receiver.told()
    assert expected.items() <= form.items()


def test_somebody_who_has_to_confirm_is_told_when_they_did(sandbox, hook, receiver) -> None:
    hook()
    sandbox.world.add_member(ADA, "pending")
    assert sandbox.world.deliver() == 0
    sandbox.world.confirm(ADA)
    sandbox.world.deliver()
    assert receiver.kinds() == ["subscribe"]


@pytest.mark.parametrize("event", list(ALL_EVENTS))
def test_only_the_events_that_were_asked_for_are_told(sandbox, hook, receiver, event) -> None:
    world = sandbox.world
    hook(events={event: True})
    world.add_member(ADA)
    world.edit(ADA, FNAME="Ada")
    world.send_campaign()
    world.unsubscribe(ADA)
    world.change_email(ADA, "new@x.example")
    world.clean("new@x.example")
    world.deliver()
    assert receiver.kinds() == [event]


@pytest.mark.parametrize("source", ["user", "admin", "api"])
def test_only_the_sources_that_were_asked_for_are_told(sandbox, ask, hook, receiver, source) -> None:
    hook(sources={source: True})
    sandbox.world.add_member("user@x.example", by_form=True)
    sandbox.world.add_member("admin@x.example")
    ask("POST", f"{LIST}/members", {"email_address": "api@x.example", "status": "subscribed"})
    sandbox.world.deliver()
    assert [form["data[email]"] for form in receiver.told()] == [f"{source}@x.example"]


@pytest.mark.parametrize(("api", "posts"), [(False, 0), (True, 4)])
def test_writes_by_the_api_are_echoed_only_where_that_was_asked_for(sandbox, ask, hook, receiver, api, posts) -> None:
    hook(sources={"user": True, "admin": True, "api": api})
    path = f"{LIST}/members/{ADA}"
    ask("PUT", path, {"email_address": ADA, "status_if_new": "subscribed"})
    ask("PATCH", path, {"merge_fields": {"FNAME": "Ada"}})
    ask("PATCH", path, {"merge_fields": {"FNAME": "Ada"}})
    ask("PATCH", path, {"status": "unsubscribed"})
    ask("PATCH", path, {"status": "subscribed"})
    ask("PATCH", path, {"vip": False})
    assert sandbox.world.deliver() == posts


def test_tags_are_told_to_no_webhook(sandbox, hook, receiver) -> None:
    sandbox.world.add_member(ADA)
    hook()
    sandbox.world.tag(ADA, "mql")
    assert sandbox.world.deliver() == 0


def test_what_happens_in_another_audience_is_not_told(sandbox, hook, receiver) -> None:
    hook()
    sandbox.world.add_member(ADA, audience=sandbox.world.add_audience("Others"))
    assert sandbox.world.deliver() == 0


# --- signatures


def test_a_post_is_signed_with_a_secret_that_is_told_once(sandbox, ask, hook, receiver) -> None:
    made = hook().json()
    assert "signing_secret" not in ask("GET", f"{LIST}/webhooks/{made['id']}").json()
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    ((headers, body),) = receiver.posts
    time = int(sandbox.clock.now().timestamp())
    expected = hmac.digest(made["signing_secret"].encode(), f"{time}.".encode() + body, "sha256").hex()
    assert headers["X-Mailchimp-Signature"] == f"t={time},v1={expected}"


def test_a_later_try_is_signed_with_its_own_time(sandbox, hook, receiver) -> None:
    hook()
    receiver.status = 500
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    advance(sandbox, 1)
    (first, body), (second, again) = receiver.posts
    assert body == again
    assert first["X-Mailchimp-Signature"] != second["X-Mailchimp-Signature"]


def test_a_webhook_without_a_signature_has_none(sandbox, hook, receiver) -> None:
    sandbox.personality = MailchimpPersonality(signs_webhooks=False)
    assert "signing_secret" not in hook().json()
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    assert "X-Mailchimp-Signature" not in receiver.posts[0][0]


# --- when it is posted


def test_nothing_is_posted_by_itself_and_another_process_can_have_it_posted(sandbox, ask, hook, receiver) -> None:
    hook()
    sandbox.world.add_member(ADA)
    sandbox.clock.advance(timedelta(hours=1))
    ask("GET", f"{LIST}/members")
    assert receiver.posts == []
    ask("POST", "/_sandbox/flush")
    assert receiver.kinds() == ["subscribe"]
    ask("POST", "/_sandbox/flush")
    assert len(receiver.posts) == 1


def test_a_post_that_is_not_taken_is_tried_at_its_minutes(sandbox, hook, receiver) -> None:
    hook()
    receiver.status = 500
    sandbox.world.add_member(ADA)
    tried = [minute for minute in range(80) if advance(sandbox, 1 if minute else 0)]
    assert tried == [0, 1, 5, 15, 60]
    assert len({body for _, body in receiver.posts}) == 1


def test_a_post_that_is_taken_is_not_tried_again(sandbox, hook, receiver) -> None:
    hook()
    receiver.status = 503
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    receiver.status = 200
    assert [advance(sandbox, 1), advance(sandbox, 80)] == [1, 0]


def test_an_answer_that_comes_too_late_is_a_failure_so_one_event_comes_twice(sandbox, hook, receiver) -> None:
    hook()
    sandbox.personality = MailchimpPersonality(webhook_seconds=0.05)
    receiver.released.clear()
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    receiver.released.set()
    sandbox.personality = MailchimpPersonality()
    advance(sandbox, 1)
    first, second = receiver.told()
    key = ("type", "data[email]", "fired_at")
    assert [first[name] for name in key] == [second[name] for name in key]


def test_a_redirect_is_not_followed(sandbox, hook, receiver) -> None:
    hook()
    receiver.status, receiver.location = 302, receiver.url
    sandbox.world.add_member(ADA)
    sandbox.world.deliver()
    assert (len(receiver.posts), receiver.probes) == (1, 1)


@pytest.mark.parametrize(("disables", "heard"), [(True, 0), (False, 1)])
def test_a_webhook_that_failed_every_time_may_be_switched_off(sandbox, hook, receiver, disables, heard) -> None:
    sandbox.personality = MailchimpPersonality(disables_webhooks=disables)
    hook()
    receiver.status = 500
    sandbox.world.add_member(ADA)
    for _ in range(5):
        advance(sandbox, 20)
    receiver.status = 200
    sandbox.world.unsubscribe(ADA)
    assert sandbox.world.deliver() == heard


def test_somebody_who_hears_can_ask_the_account_at_once(sandbox, hook, receiver) -> None:
    """No lock is held while a post is on its way."""
    hook()
    receiver.released.clear()
    sandbox.world.add_member(ADA)
    posting = threading.Thread(target=sandbox.world.deliver)
    posting.start()
    try:
        with requests.get(f"{sandbox.url}/3.0/ping", auth=("x", sandbox.settings["api_key"]), timeout=5) as answer:
            assert answer.status_code == 200
    finally:
        receiver.released.set()
        posting.join()


# --- batches


@pytest.fixture
def batch(ask):
    def start():
        operations = [{"method": "GET", "path": "/ping"}, {"method": "GET", "path": "/nothing"}]
        return ask("POST", "/3.0/batches", {"operations": operations}).json()["id"]

    return start


def test_the_end_of_a_batch_is_told_with_a_link_that_works(sandbox, ask, receiver, batch) -> None:
    assert ask("POST", "/3.0/batch-webhooks", {"url": receiver.url}).json()["enabled"]
    id = batch()
    assert sandbox.world.deliver() == 0
    advance(sandbox, 1)
    (form,) = receiver.told()
    assert (form["type"], form["data[id]"]) == ("batch_operation_completed", id)
    assert (form["data[finished_operations]"], form["data[errored_operations]"]) == ("2", "1")
    with requests.get(form["data[response_body_url]"], timeout=5) as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_batch_webhook_that_is_off_or_gone_hears_nothing(sandbox, ask, receiver, batch, method) -> None:
    made = ask("POST", "/3.0/batch-webhooks", {"url": receiver.url}).json()
    ask(method, f"/3.0/batch-webhooks/{made['id']}", {"enabled": False})
    batch()
    assert advance(sandbox, 1) == 0


def test_an_account_has_so_many_batch_webhooks(sandbox, ask, receiver) -> None:
    sandbox.personality = replace(MailchimpPersonality(), batch_webhooks=2)
    codes = [ask("POST", "/3.0/batch-webhooks", {"url": receiver.url}).status_code for _ in range(3)]
    assert codes == [200, 200, 400]
    assert ask("GET", "/3.0/batch-webhooks").json()["total_items"] == 2


def test_a_webhook_of_an_audience_is_none_of_batches(ask, hook) -> None:
    made = json.loads(hook().content)
    assert ask("GET", f"/3.0/batch-webhooks/{made['id']}").status_code == 404
