from datetime import timedelta

import pytest

from instep.testing import Workbench
from instep_mailchimp.sandbox import MailchimpWorld

KINDS = ("open", "click", "bounce")


def read(bench, cursor=None, kinds=KINDS):
    found = []
    for page in bench.connection.behaviours.changed_since(kinds, cursor):
        found += page.items
        cursor = page.cursor
    return found, cursor


def test_an_open_a_click_and_a_bounce_are_told_with_whose_they_are(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign("News")
    world.react("open", id, campaign)
    world.react("click", id, campaign, url="https://x.example/paper")
    world.react("bounce", id, campaign, bounce="soft")
    told, _ = read(bench)
    assert [(item.kind, item.actor, item.email) for item in told] == [
        ("open", "buyer", "a@x.example"),
        ("click", "buyer", "a@x.example"),
        ("bounce", "system", "a@x.example"),
    ]
    assert [item.details["campaign"] for item in told] == ["News"] * 3
    assert (told[1].details["url"], told[2].details["bounce"]) == ("https://x.example/paper", "soft")


def test_members_who_did_nothing_are_told_nothing_of(bench: Workbench, world: MailchimpWorld) -> None:
    quiet, busy = world.add_member("a@x.example"), world.add_member("b@x.example")
    campaign = world.send_campaign()
    assert read(bench)[0] == []
    world.react("open", busy, campaign)
    assert [item.email for item in read(bench)[0]] == ["b@x.example"]
    assert quiet != busy


def test_what_was_done_with_an_older_campaign_is_heard_later(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign()
    cursor = read(bench)[1]
    bench.clock.advance(timedelta(days=20))
    world.react("click", id, campaign)
    bench.clock.advance(timedelta(minutes=5))
    told, cursor = read(bench, cursor)
    assert [item.kind for item in told] == ["click"]
    bench.clock.advance(timedelta(minutes=5))
    assert read(bench, cursor)[0] == []


@pytest.mark.parametrize(("days", "heard"), [(2, 0), (30, 1)])
def test_a_campaign_is_asked_for_so_many_days(bench: Workbench, world: MailchimpWorld, days: int, heard: int) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign()
    bench.clock.advance(timedelta(days=10))
    feed = bench.connect(bench.settings(activity_days=days)).behaviours
    cursor = list(feed.changed_since(KINDS, None))[-1].cursor
    world.react("click", id, campaign)
    bench.clock.advance(timedelta(minutes=5))
    assert sum(len(page.items) for page in feed.changed_since(KINDS, cursor)) == heard


def test_two_clicks_on_different_links_at_one_moment_are_two_activities(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign()
    for url in ("https://x.example/1", "https://x.example/2"):
        world.react("click", id, campaign, url=url)
    told, _ = read(bench)
    assert len({item.id for item in told}) == len(told) == 2


def test_campaigns_of_other_audiences_are_not_told(bench: Workbench, world: MailchimpWorld) -> None:
    other = world.add_audience("Others")
    id = world.add_member("a@x.example", audience=other)
    world.react("click", id, world.send_campaign(audience=other), audience=other)
    assert read(bench)[0] == []
    connection = bench.connect(bench.settings(audiences={"others": other}))
    assert [item.kind for page in connection.behaviours.changed_since(KINDS, None) for item in page.items] == [
        "click"
    ]


def test_a_kind_that_is_asked_for_later_comes_from_the_beginning(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign()
    world.react("open", id, campaign)
    world.react("click", id, campaign)
    bench.clock.advance(timedelta(hours=1))
    cursor = read(bench, kinds=["open"])[1]
    assert "click" in [item.kind for item in read(bench, cursor)[0]]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_small_pages_lose_no_campaign_and_no_recipient(bench: Workbench, world: MailchimpWorld, size: int) -> None:
    bench.behave(page_size=size)
    members = [world.add_member(f"m{number}@x.example") for number in range(5)]
    for campaign in [world.send_campaign(f"C{number}") for number in range(3)]:
        for member in members:
            world.react("click", member, campaign)
    assert len({item.id for item in read(bench)[0]}) == 15


def test_nothing_is_asked_where_no_kind_is_wanted(bench: Workbench) -> None:
    read(bench, kinds=[])
    assert not bench.transport.sent


def test_a_cursor_of_a_clock_that_ran_ahead_loses_nothing(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    campaign = world.send_campaign()
    cursor = read(bench)[1]
    ahead = cursor.replace('"2026-', '"2027-')
    assert ahead != cursor
    bench.clock.advance(timedelta(minutes=30))
    world.react("click", id, campaign)
    bench.clock.advance(timedelta(minutes=30))
    found, after = read(bench, ahead)
    assert [item.kind for item in found] == ["click"]
    assert read(bench, after)[0] == []
