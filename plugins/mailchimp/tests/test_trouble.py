"""One answer that makes no sense harms nobody else, and what was sent is never taken for unsent."""

import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from instep.contract import Consent, ConsentChange, Rejected, Reply, Subject, Unknown, Update, Written
from instep.errors import RetryLaterError
from instep.testing import Workbench
from instep_mailchimp import values
from instep_mailchimp.queries import KeyIndex
from instep_mailchimp.sandbox import MailchimpWorld
from instep_mailchimp.walk import Stretch
from instep_mailchimp.wire import Member

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
EMAILS = [f"m{n}@x.example" for n in range(3)]


@pytest.fixture
def ids(world: MailchimpWorld) -> list[str]:
    return [world.add_member(email) for email in EMAILS]


@pytest.fixture
def spoil(bench: Workbench, monkeypatch: pytest.MonkeyPatch):
    """Has answers about one member changed on their way, as long as the test lasts."""

    def begin(label: str, id: str, old: str, new: str) -> None:
        original = bench.transport.send

        def send(action, *, label: str, writes: bool, lane: str = "default"):
            reply = original(action, label=label, writes=writes, lane=lane)
            if isinstance(reply, Reply) and label == wanted and id.encode() in reply.data:
                return replace(reply, data=re.sub(old.encode(), new.encode(), reply.data, count=1))
            return reply

        wanted = label
        monkeypatch.setattr(bench.transport, "send", send)

    return begin


LAST_CHANGED = r'"last_changed": ?"[^"]*"'
NO_TIME = '"last_changed":"never"'


def updates(ids, name="Another"):
    return [Update(id, {"FNAME": name}, {}) for id in ids]


def names(world, ids):
    return [world.look(id)["merge_fields"].get("FNAME") for id in ids]


def test_a_member_that_cannot_be_read_before_a_write_stops_no_other_write(
    bench: Workbench, world: MailchimpWorld, ids, spoil
) -> None:
    spoil("members/read", ids[1], LAST_CHANGED, NO_TIME)
    outcomes = bench.records.write("members", updates(ids), [])
    assert [type(outcome) for outcome in outcomes] == [Written, Rejected, Written]
    assert (outcomes[1].code, outcomes[1].permanent) == ("unreadable", False)
    assert names(world, [ids[0], ids[2]]) == ["Another", "Another"]
    assert names(world, [ids[1]]) != ["Another"]


def test_a_write_whose_answer_cannot_be_read_is_unknown_and_its_neighbours_are_written(
    bench: Workbench, world: MailchimpWorld, ids, spoil
) -> None:
    spoil("members/update", ids[1], LAST_CHANGED, NO_TIME)
    outcomes = bench.records.write("members", updates(ids), [])
    assert [type(outcome) for outcome in outcomes] == [Written, Unknown, Written]
    assert names(world, ids) == ["Another"] * 3


def test_an_opt_out_of_somebody_who_cannot_be_read_stops_no_other_opt_out(
    bench: Workbench, world: MailchimpWorld, ids, spoil
) -> None:
    spoil("members/read", ids[1], LAST_CHANGED, NO_TIME)
    changes = [
        ConsentChange(Subject("members", id, email), "all", NINE, "Form")
        for id, email in zip(ids, EMAILS, strict=True)
    ]
    outcomes = bench.connection.consents.opt_out(changes)
    assert [type(outcome) for outcome in outcomes] == [Written, Rejected, Written]
    assert not outcomes[1].permanent
    assert [world.look(id)["status"] for id in ids] == ["unsubscribed", "subscribed", "unsubscribed"]


def test_what_somebody_said_who_cannot_be_read_is_never_taken_for_nothing(bench: Workbench, ids, spoil) -> None:
    spoil("members/read", ids[1], LAST_CHANGED, NO_TIME)
    with pytest.raises(RetryLaterError):
        bench.connection.consents.read([Subject("members", ids[1], EMAILS[1])])


@pytest.mark.parametrize("odd", ["0000-00-00 00:00:00", "yesterday"])
def test_a_sign_up_at_no_time_is_no_explicit_opt_in(bench: Workbench, world: MailchimpWorld, spoil, odd: str) -> None:
    id = world.add_member("a@x.example", by_form=True)
    spoil("members/read", id, r'"timestamp_signup": ?"[^"]*"', f'"timestamp_signup":"{odd}"')
    ((consent, _),) = bench.connection.consents.read([Subject("members", id, "a@x.example")])
    assert consent == Consent("all", "in", NINE, "Mailchimp: Hosted Signup Form", explicit=False)


def test_a_time_that_makes_no_sense_stays_what_it_is(bench: Workbench, world: MailchimpWorld, spoil) -> None:
    id = world.add_member("a@x.example", by_form=True)
    spoil("members/read", id, r'"timestamp_signup": ?"[^"]*"', '"timestamp_signup":"yesterday"')
    (found,) = bench.records.read("members", [id], ["timestamp_signup", "timestamp_opt"])
    assert found.fields == {"timestamp_signup": "yesterday", "timestamp_opt": NINE}


def test_a_time_without_a_zone_is_universal_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert values.moment("2026-01-05 09:00:00") == NINE
    assert values.moment("2026-01-05T11:00:00+02:00") == NINE


# --- batches -------------------------------------------------------------------------------------------------------


def test_a_batch_that_is_lost_sight_of_is_unknown_and_never_refused(
    bench: Workbench, world: MailchimpWorld, ids, spoil
) -> None:
    connection = bench.connect(bench.settings(batch_from=3))
    real = bench.transport.send

    def send(action, *, label: str, writes: bool, lane: str = "default"):
        reply = real(action, label=label, writes=writes, lane=lane)
        if label == "batches/read" and isinstance(reply, Reply) and names(world, ids) == ["Another"] * 3:
            return Reply(404, {}, b'{"title":"Resource Not Found","status":404}')
        return reply

    bench.transport.send = send
    outcomes = connection.records.write("members", updates(ids), [])
    assert [type(outcome) for outcome in outcomes] == [Unknown] * 3
    assert names(world, ids) == ["Another"] * 3


# --- behaviours ----------------------------------------------------------------------------------------------------


def test_the_acts_of_very_many_come_page_by_page(bench: Workbench, world: MailchimpWorld) -> None:
    members = [world.add_member(f"a{n}@x.example") for n in range(5)]
    campaign = world.send_campaign()
    for id in members[1:]:
        world.react("click", id, campaign)
    bench.behave(page_size=2)
    pages = list(bench.connection.behaviours.changed_since(("click",), None))
    assert [len(page.items) for page in pages if page.items] == [1, 2, 1]
    assert len({item.email for page in pages for item in page.items}) == 4
    again = bench.connection.behaviours.changed_since(("click",), pages[0].cursor)  # stopped after the first page
    assert len([item for page in again for item in page.items]) == 4


# --- reading -------------------------------------------------------------------------------------------------------


def test_a_page_on_which_nobody_can_be_read_is_not_taken_for_the_last(
    bench: Workbench, world: MailchimpWorld, ids, spoil
) -> None:
    bench.clock.sleep(60)
    late = world.add_member("late@x.example")
    spoil("members/list", ids[0], LAST_CHANGED, NO_TIME)
    page_by_page, one_by_one = (bench.connect(bench.settings(page_size=size)).records for size in (2, 1))
    pages = list(page_by_page.changed_since("members", [], None))
    assert late in {item.id for page in pages for item in page.items}
    reading = one_by_one.changed_since("members", [], None)
    with pytest.raises(RetryLaterError):
        list(reading)


def test_very_many_keys_are_held_in_little_memory() -> None:
    class People:
        """Walks through very many members, who are not kept."""

        def walk(self, list_id: str, since: datetime | None, status: str | None = None):
            for n in range(20_000 if status is None else 0):
                fields = {"INSTEP_ID": f"key-{n:028}"}
                yield Stretch([Member(f"h{n}", f"contact-{n:024}", "", "subscribed", NINE, fields)], NINE, NINE)

    index = KeyIndex(People(), timedelta(0))
    tracemalloc.start()
    found = index.holders("list", "INSTEP_ID", [f"key-{7:028}"])
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {f"key-{7:028}": [f"contact-{7:024}"]}
    assert used / 20_000 < 350  # bytes a member: a million take no more than 350 MB
