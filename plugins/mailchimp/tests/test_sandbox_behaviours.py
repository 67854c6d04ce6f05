"""Events, journeys, automations, campaigns and their reports as the sandbox has them."""

from datetime import timedelta

import mailchimp_marketing
import pytest

from instep_mailchimp.sandbox import API_KEY, AUDIENCE

LIST = f"/3.0/lists/{AUDIENCE}"
ADA, BEN = "ada@x.example", "ben@x.example"
EVENTS = f"{LIST}/members/{ADA}/events"


@pytest.fixture
def world(sandbox):
    for email in (ADA, BEN):
        sandbox.world.add_member(email)
    return sandbox.world


@pytest.fixture
def library(sandbox):
    client = mailchimp_marketing.Client({"api_key": API_KEY})
    client.api_client.host = f"{sandbox.url}/3.0"
    return client


# --- custom events


def test_an_event_is_told_with_its_time_and_its_properties(ask, world) -> None:
    event = {"name": "demo_attended", "properties": {"room": "2"}, "occurred_at": "2026-01-01T00:00:00+00:00"}
    assert ask("POST", EVENTS, event).status_code == 204
    found = ask("GET", EVENTS).json()
    assert (found["events"], found["total_items"]) == ([event], 1)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "x"}, 400),
        ({"name": "xy"}, 204),
        ({"name": "x" * 30}, 204),
        ({"name": "x" * 31}, 400),
        ({"properties": {"n": 1}}, 400),
        ({"properties": ["n"]}, 400),
        ({"occurred_at": "yesterday"}, 400),
        ({"is_syncing": True}, 204),
    ],
)
def test_an_event_has_a_name_of_some_length_and_properties_that_are_texts(ask, world, change, status) -> None:
    assert ask("POST", EVENTS, {"name": "demo", **change}).status_code == status
    assert ask("GET", EVENTS).json()["total_items"] == (status == 204)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_event_is_history_that_no_call_changes(ask, world, method) -> None:
    ask("POST", EVENTS, {"name": "demo"})
    assert ask(method, EVENTS, {"name": "other"}).status_code == 405
    assert [event["name"] for event in ask("GET", EVENTS).json()["events"]] == ["demo"]


def test_an_event_of_somebody_who_is_no_member_is_refused(ask, world) -> None:
    assert ask("POST", f"{LIST}/members/nobody@x.example/events", {"name": "demo"}).status_code == 404


# --- the feed of a member


def test_the_feed_of_a_member_tells_everything_newest_first(sandbox, ask, world) -> None:
    world.add_member("new@x.example", by_form=True)
    campaign = world.send_campaign("News")
    for kind in ("open", "click"):
        sandbox.clock.sleep(1)
        world.react(kind, "new@x.example", campaign)
    sandbox.clock.sleep(1)
    ask("POST", f"{LIST}/members/new@x.example/events", {"name": "demo", "properties": {"room": "2"}})
    sandbox.clock.sleep(1)
    world.unsubscribe("new@x.example", campaign=campaign, reason="Too much mail")
    feed = ask("GET", f"{LIST}/members/new@x.example/activity-feed").json()["activity"]
    kinds = [row["activity_type"] for row in feed]
    assert kinds == ["unsub", "event", "click", "open", "sent", "generic_signup"]
    assert feed[0]["unsubscribe_reason"] == "Too much mail"
    assert (feed[1]["event_name"], feed[1]["event_properties"]) == ("demo", [{"name": "room", "value": "2"}])
    assert (feed[2]["campaign_title"], feed[2]["link_clicked"]) == ("News", "https://sandbox.example/offer")


def test_the_feed_can_be_asked_for_some_kinds_and_for_a_page(ask, world) -> None:
    world.react("open", ADA, world.send_campaign())
    path = f"{LIST}/members/{ADA}/activity-feed"
    kinds = [row["activity_type"] for row in ask("GET", f"{path}?activity_filters=open,click").json()["activity"]]
    assert kinds == ["open"]
    page = ask("GET", f"{path}?count=1&offset=1").json()
    assert (len(page["activity"]), page["total_items"]) == (1, 2)


# --- journeys and automations


def test_a_step_of_a_journey_is_set_off_each_time_it_is_triggered(library, world) -> None:
    journey, step = world.add_journey()
    for _ in range(2):
        library.customerJourneys.trigger(journey, step, {"email_address": ADA})
    assert world.triggered(journey, step) == [world.look(ADA)["contact_id"]] * 2


def test_a_journey_or_a_step_that_is_not_there_is_not_found(ask, world) -> None:
    journey, step = world.add_journey()
    for path in (f"{journey}/steps/{step + 1}", f"{journey + 1}/steps/{step}"):
        url = f"/3.0/customer-journeys/journeys/{path}/actions/trigger"
        assert ask("POST", url, {"email_address": ADA}).status_code == 404
    assert world.triggered(journey, step) == []


def test_a_journey_is_not_set_off_for_somebody_who_is_no_member(ask, world) -> None:
    journey, step = world.add_journey()
    url = f"/3.0/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger"
    assert ask("POST", url, {"email_address": "nobody@x.example"}).status_code == 400
    assert world.triggered(journey, step) == []


def test_a_member_is_queued_for_an_automation_once_and_told_when_it_is_sent(library, ask, world) -> None:
    workflow, email = world.add_automation()
    queued = library.automations.add_workflow_email_subscriber(workflow, email, {"email_address": ADA})
    assert queued["next_send"] == "2026-01-05T10:00:00+00:00"
    path = f"/3.0/automations/{workflow}/emails/{email}/queue"
    assert ask("POST", path, {"email_address": ADA}).status_code == 400
    assert [row["email_address"] for row in ask("GET", path).json()["queue"]] == [ADA]


def test_an_automation_that_is_not_there_is_not_found(ask, world) -> None:
    workflow, email = world.add_automation()
    for path in (f"{workflow}/emails/none", f"none/emails/{email}"):
        assert ask("POST", f"/3.0/automations/{path}/queue", {"email_address": ADA}).status_code == 404


# --- campaigns and reports


def test_a_campaign_goes_to_subscribed_members_only(ask, world) -> None:
    for status in ("unsubscribed", "cleaned", "pending", "transactional"):
        world.add_member(f"{status}@x.example", status)
    campaign = world.send_campaign()
    emails = ask("GET", f"/3.0/reports/{campaign}/sent-to").json()["sent_to"]
    assert [row["email_address"] for row in emails] == [ADA, BEN]


def test_every_report_of_a_campaign_tells_the_same_acts(sandbox, ask, world) -> None:
    campaign = world.send_campaign("News")
    for url in ("https://x.example/1", "https://x.example/1", "https://x.example/2"):
        world.react("click", ADA, campaign, url=url)
    for _ in range(2):
        world.react("open", ADA, campaign)
    world.react("bounce", BEN, campaign, bounce="soft")
    world.unsubscribe(ADA, campaign=campaign, reason="Too much mail")

    def told(path, name):
        return ask("GET", f"/3.0/reports/{campaign}{path}").json()[name]

    acts = [act["action"] for row in told("/email-activity", "emails") for act in row["activity"]]
    assert sorted(acts) == ["bounce", "click", "click", "click", "open", "open"]
    assert told("", "opens") | {"last_open": "", "open_rate": 0} == {
        "opens_total": 2,
        "unique_opens": 1,
        "open_rate": 0,
        "last_open": "",
    }
    assert (told("", "clicks")["clicks_total"], told("", "clicks")["unique_clicks"]) == (3, 2)
    assert (told("", "bounces")["soft_bounces"], told("", "unsubscribed")) == (1, 1)
    assert [row["opens_count"] for row in told("/open-details", "members")] == [2]
    links = told("/click-details", "urls_clicked")
    assert [(link["url"], link["total_clicks"]) for link in links] == [
        ("https://x.example/1", 2),
        ("https://x.example/2", 1),
    ]
    (clicker,) = told(f"/click-details/{links[0]['id']}/members", "members")
    assert (clicker["email_address"], clicker["clicks"]) == (ADA, 2)
    (left,) = told("/unsubscribed", "unsubscribes")
    assert (left["email_address"], left["reason"]) == (ADA, "Too much mail")
    statuses = {row["email_address"]: row["status"] for row in told("/sent-to", "sent_to")}
    assert statuses == {ADA: "sent", BEN: "soft"}


def test_only_what_was_done_since_then_is_told(sandbox, ask, world) -> None:
    campaign = world.send_campaign()
    world.react("open", ADA, campaign)
    sandbox.clock.advance(timedelta(hours=1))
    since = "?since=2026-01-05T09:30:00%2B00:00"
    assert ask("GET", f"/3.0/reports/{campaign}/open-details{since}").json()["members"] == []
    world.react("open", ADA, campaign)
    (row,) = ask("GET", f"/3.0/reports/{campaign}/open-details{since}").json()["members"]
    assert row["opens_count"] == 1


@pytest.mark.parametrize("kind", ["open", "click"])
def test_a_report_holds_a_thousand_opens_and_a_thousand_clicks_of_one_member(sandbox, ask, world, kind) -> None:
    campaign = world.send_campaign()
    for _ in range(1001):
        world.react(kind, ADA, campaign)
    emails = ask("GET", f"/3.0/reports/{campaign}/email-activity").json()["emails"]
    assert len(emails[0]["activity"]) == 1000
