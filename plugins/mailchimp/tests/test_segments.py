"""Segments as fields of members: who is in one, and that somebody who enters or leaves is one change."""

import json

import pytest

from instep.contract import Create, FieldSpec, Garbled, Gone, Rejected, Seen, Update, Written
from instep.errors import RemoteError, RetryLaterError
from instep.testing import Workbench
from instep_mailchimp.sandbox import AUDIENCE, MailchimpWorld

FIELD = "segment:Readers"
NAMES = ("ada", "ben", "cem")


@pytest.fixture
def people(world: MailchimpWorld) -> dict[str, str]:
    """Three members by their names; Ada and Ben are readers."""
    world.add_field("READS")
    world.add_segment("Readers", "READS", "is", "yes")
    return {
        name: world.add_member(f"{name}@x.example", FNAME=name, READS="no" if name == "cem" else "yes")
        for name in NAMES
    }


@pytest.fixture
def reading(bench: Workbench):
    """Reads pages of a connection that has the segment; gives the items and the cursor."""

    def connect(**changes):
        return bench.connect(bench.settings(**{"segments": ("Readers",), **changes}))

    def read(cursor=None, fields=("FNAME", FIELD), connection=None, **changes):
        items = []
        for page in (connection or connect(**changes)).records.changed_since("members", fields, cursor):
            items += page.items
            cursor = page.cursor
        return items, cursor

    read.connect = connect
    return read


def told(items):
    return {item.fields["FNAME"]: item.fields[FIELD] for item in items}


def calls(bench, pattern):
    return len([call for call in bench.sandbox.log.calls() if call.matches(pattern)])


def untouched(world, id, act):
    """Do something by which a member's last change does not move."""
    before = world.look(id)["last_changed"]
    act()
    assert world.look(id)["last_changed"] == before


# --- what is read


def test_every_member_says_whether_they_are_in_a_segment(reading, people) -> None:
    assert told(reading()[0]) == {"ada": True, "ben": True, "cem": False}


def test_a_segment_may_be_named_by_its_id(reading, world, people) -> None:
    id = world.add_segment("Others", "READS", "is", "no")
    items, _ = reading(fields=("FNAME", f"segment:{id}"), segments=[id])
    assert {item.fields["FNAME"]: item.fields[f"segment:{id}"] for item in items} == {
        "ada": False,
        "ben": False,
        "cem": True,
    }


def test_a_tag_is_a_segment_too(reading, world, people) -> None:
    world.tag(people["cem"], "mql")
    items, _ = reading(fields=("FNAME", "segment:mql"), segments=("mql",))
    assert [item.fields["FNAME"] for item in items if item.fields["segment:mql"]] == ["cem"]


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "transactional"])
def test_members_who_get_no_campaigns_are_in_a_segment_as_well(reading, world, people, status) -> None:
    world.add_member("other@x.example", status, FNAME="other", READS="yes")
    assert told(reading()[0])["other"] is True


def test_reading_and_finding_single_members_tells_it_too(reading, people) -> None:
    records = reading.connect().records
    read = records.read("members", list(people.values()), ["FNAME", FIELD])
    found = records.find("members", "email_address", ["ada@x.example", "no@x.example"], ["FNAME", FIELD])
    assert told(read) == {"ada": True, "ben": True, "cem": False}
    assert [told(items) for items in found] == [{"ada": True}, {}]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_small_pages_lose_nobody_and_no_segment(bench, reading, world, people, size) -> None:
    for name in ("mql", "sql"):
        world.tag(people["cem"], name)
    expected = {"ada": True, "ben": True, "cem": False}
    assert told(reading(page_size=size)[0]) == expected
    bench.behave(page_size=size)
    assert told(reading()[0]) == expected


# --- what changed


def test_where_nothing_changes_nothing_is_read_as_changed(bench, reading, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    for _ in range(2):
        bench.clock.sleep(3600)
        items, cursor = reading(cursor)
        assert items == []


def test_one_who_leaves_a_segment_is_exactly_one_change(bench, reading, world, people) -> None:
    """The twin: the segment's rule has no say in when a member changed."""
    world.tag(people["ada"], "reader")
    world.tag(people["ben"], "reader")
    bench.clock.sleep(3600)
    fields = ("FNAME", "segment:reader")
    _, cursor = reading(fields=fields, segments=("reader",))
    bench.clock.sleep(3600)
    untouched(world, people["ben"], lambda: world.untag(people["ben"], "reader"))
    (item,), cursor = reading(cursor, fields, segments=("reader",))
    assert (item.id, item.fields) == (people["ben"], {"FNAME": "ben", "segment:reader": False})
    assert reading(cursor, fields, segments=("reader",))[0] == []


def test_one_who_enters_a_segment_is_exactly_one_change(bench, reading, world, people) -> None:
    world.tag(people["ada"], "reader")
    bench.clock.sleep(3600)
    fields = ("FNAME", "segment:reader")
    _, cursor = reading(fields=fields, segments=("reader",))
    bench.clock.sleep(3600)
    untouched(world, people["cem"], lambda: world.tag(people["cem"], "reader"))
    (item,), _ = reading(cursor, fields, segments=("reader",))
    assert (item.id, item.fields["segment:reader"]) == (people["cem"], True)


def test_who_leaves_a_saved_segment_because_its_rule_changed_is_told(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "FNAME", "is", "ben")
    bench.clock.sleep(3600)
    items, _ = reading(cursor)
    assert told(items) == {"ada": False}


def test_a_member_who_changed_and_left_ends_as_not_in_the_segment(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.edit(people["ada"], READS="no")
    bench.clock.sleep(3600)
    items, _ = reading(cursor)
    assert {item.id for item in items} == {people["ada"]}
    assert {item.fields[FIELD] for item in items} == {False}


@pytest.mark.parametrize("put_away", ["archive", "forget"])
def test_who_is_archived_or_forgotten_is_not_told_as_leaving(bench, reading, world, people, put_away) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    bench.clock.sleep(3600)
    getattr(world, put_away)(people["ada"])
    items, _ = reading(cursor)
    assert [type(item) for item in items] == ([Gone] if put_away == "archive" else [])


def test_a_read_that_stopped_half_way_tells_who_left_meanwhile(bench, reading, world, people) -> None:
    """What was told before the stop was told by the segment as it was then."""
    connection = reading.connect(page_size=1)
    pages = connection.records.changed_since("members", ("FNAME", FIELD), None)
    before, cursor = [], None
    for page in pages:
        before += page.items
        cursor = page.cursor
        if before:
            break
    pages.close()
    ((name, was_in),) = told(before).items()
    assert was_in
    world.change_segment("Readers", "FNAME", "is", "nobody")
    after, _ = reading(cursor, page_size=1)
    assert told([*before, *after]) == dict.fromkeys(NAMES, False)
    assert name in told(after)


def test_a_stop_while_changes_are_told_loses_none(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "FNAME", "is", "nobody")
    pages = reading.connect().records.changed_since("members", ("FNAME", FIELD), cursor)
    first = next(pages)
    pages.close()
    assert told(first.items) == {"ada": False, "ben": False}
    assert told(reading(cursor)[0]) == {"ada": False, "ben": False}, "the page was not kept"
    assert told(reading(first.cursor)[0]) == {}, "the page was kept"


def test_whoever_left_was_told_and_is_back_after_a_stop_is_told_again(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "FNAME", "is", "nobody")
    bench.clock.sleep(3600)
    pages = reading.connect().records.changed_since("members", ("FNAME", FIELD), cursor)
    first = next(pages)
    pages.close()
    assert told(first.items) == {"ada": False, "ben": False}
    world.change_segment("Readers", "READS", "is", "yes")
    bench.clock.sleep(3600)
    assert told(reading(first.cursor)[0]) == {"ada": True, "ben": True}


def test_of_very_many_who_moved_everybody_is_read_anew_and_not_one_by_one(bench, reading, world, people) -> None:
    for number in range(1001):
        world.add_member(f"m{number}@x.example", FNAME=f"m{number}", READS="no")
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "READS", "is", "no")
    bench.clock.sleep(3600)
    bench.sandbox.log.clear()
    items, cursor = reading(cursor)
    assert sum(told(items).values()) == 1002
    assert calls(bench, "members.list") < 10
    assert reading(cursor)[0] == []


# --- pages that shift


def test_whoever_is_missing_on_a_page_that_shifted_has_not_left(bench, reading, world, people) -> None:
    """Pages of one: Ada leaves after hers is read, so Ben moves up onto it, and is on none of the next."""
    world.edit(people["cem"], READS="yes")
    bench.clock.sleep(3600)
    connection = reading.connect(page_size=1)
    _, cursor = reading(connection=connection)
    bench.clock.sleep(3600)
    left = []

    def leave(call):
        if call.label == "segments.members" and not left:
            left.append(call)
            world.change_segment("Readers", "FNAME", "not", "ada")

    watched(bench, leave)
    items, cursor = reading(cursor, connection=connection)
    assert (len(left), told(items)) == (1, {})
    assert told(reading(cursor, connection=connection)[0]) == {"ada": False}


def test_a_segment_that_grows_with_every_call_is_read_to_an_end(bench, reading, world, people) -> None:
    count = iter(range(1000))

    def grow(call):
        if call.label == "segments.members":
            world.add_member(f"m{next(count)}@x.example", READS="yes")

    watched(bench, grow)
    items, _ = reading(page_size=1, fields=(FIELD,))
    assert sum(item.fields[FIELD] for item in items) >= 2
    assert next(count) < 20, "it looks twice at most"


def test_a_page_that_tells_of_members_and_holds_none_says_nothing(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    bench.faults.add("segments.members", "status", status=200, body=b'{"members": [], "total_items": 2}')
    with pytest.raises(RetryLaterError, match="Run again later"):
        reading(cursor)
    assert told(reading(cursor)[0]) == {}


def watched(bench, act):
    """Let something happen after every call that the sandbox answered."""
    record = bench.sandbox.log.record

    def recorded(**call):
        found = record(**call)
        act(found)
        return found

    bench.sandbox.log.record = recorded


# --- what is not there


def test_a_segment_that_is_not_there_is_no_field_and_no_answer(bench, reading, people) -> None:
    connection = reading.connect(segments=("None",))
    names = {field.name for field in connection.fields.read("members")}
    items, _ = reading(fields=("FNAME", "segment:None"), connection=connection)
    assert "segment:None" not in names
    assert all("segment:None" not in item.fields for item in items)


def test_a_segment_that_vanishes_takes_nobody_along_and_comes_back_with_what_changed(
    bench, reading, world, people
) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.drop_segment("Readers")
    bench.clock.sleep(3600)
    items, cursor = reading(cursor)
    assert items == []
    world.add_segment("Readers", "FNAME", "is", "ada")
    items, _ = reading(cursor)
    assert told(items) == {"ben": False}


def test_a_segment_that_vanishes_between_two_calls_is_left_out(bench, reading, world, people) -> None:
    connection = reading.connect()
    connection.fields.read("members")
    world.drop_segment("Readers")
    items, _ = reading(connection=connection)
    assert [FIELD in item.fields for item in items] == [False] * 3


def test_of_a_segment_that_is_not_mapped_any_more_no_member_is_remembered(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    assert '"segments"' in cursor
    bench.clock.sleep(3600)
    _, cursor = reading(cursor, fields=("FNAME",))
    assert '"segments"' not in cursor
    items, cursor = reading(cursor)
    assert '"segments"' in cursor
    assert told(items) == {"ada": True, "ben": True}


def test_of_two_segments_with_one_name_only_the_field_is_left_out_until_an_id_is_named(
    bench, reading, world, people
) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    bench.clock.sleep(3600)
    world.tag(people["ben"], "Readers")
    world.edit(people["ben"], FNAME="benjamin")
    items, _ = reading(cursor)
    assert [(item.fields["FNAME"], FIELD in item.fields) for item in items] == [("benjamin", False)]
    fields = [field.name for field in reading.connect().fields.read("members")]
    assert "FNAME" in fields
    assert FIELD not in fields


def test_a_segment_of_another_audience_is_no_field_here(bench, reading, world, people) -> None:
    other = world.add_audience("Others")
    world.add_segment("Elsewhere", "FNAME", "is", "x", audience=other)
    connection = reading.connect(segments=("Elsewhere",), audiences={"members": AUDIENCE, "others": other})
    where = [
        object
        for object in ("members", "others")
        if any(field.name == "segment:Elsewhere" for field in connection.fields.read(object))
    ]
    assert where == ["others"]


# --- what it costs, and what is refused


def test_without_segments_nothing_is_asked_about_them(bench, reading, people) -> None:
    reading(fields=("FNAME",))
    without = reading.connect(segments=())
    reading(connection=without)
    without.fields.read("members")
    assert calls(bench, "segments.*") == 0


def test_a_quiet_read_costs_one_call_for_the_segments_and_one_for_each_thousand_in_it(bench, reading, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    bench.sandbox.log.clear()
    reading(cursor)
    labels = [call.label for call in bench.sandbox.log.calls()]
    assert sorted(labels) == ["fields.list", "members.list", "members.list", "segments.list", "segments.members"]


def test_reading_members_again_costs_each_segment_once_and_looking_for_nobody_costs_none(
    bench, reading, people
) -> None:
    records = reading.connect().records
    bench.sandbox.log.clear()
    records.read("members", list(people.values()), [FIELD])
    assert calls(bench, "segments.members") == 1
    records.find("members", "email_address", ["no@x.example"], [FIELD])
    assert calls(bench, "segments.members") == 1


def test_an_answer_about_somebody_else_is_never_taken_for_who_left(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "FNAME", "is", "ben")
    other = json.dumps({"members": [world.look(people["cem"])], "total_items": 1}).encode()
    bench.faults.add("members.list", "status", status=200, body=other)
    with pytest.raises(RemoteError, match="tells of others"):
        reading(cursor)
    assert told(reading(cursor)[0]) == {"ada": False}


def test_somebody_who_left_and_cannot_be_read_is_told_as_such(bench, reading, world, people) -> None:
    bench.clock.sleep(3600)
    _, cursor = reading()
    world.change_segment("Readers", "FNAME", "is", "ben")
    odd = json.dumps({"members": [world.look(people["ada"]) | {"last_changed": "?"}], "total_items": 1}).encode()
    bench.faults.add("members.list", "status", status=200, body=odd)
    (item,), _ = reading(cursor)
    assert isinstance(item, Garbled)
    assert item.id == people["ada"]


def test_the_cursor_holds_no_address_and_nothing_made_of_one(bench, reading, world, people) -> None:
    _, cursor = reading()
    shown = world.look(people["ada"])
    assert str(shown["unique_email_id"]) in cursor
    assert not any(str(shown[name]) in cursor for name in ("email_address", "id"))


def test_a_segment_is_a_yes_or_no_that_is_only_read(reading, people) -> None:
    (field,) = [field for field in reading.connect().fields.read("members") if field.name == FIELD]
    assert (field.label, field.type, field.read_only) == ("In the segment Readers", "boolean", True)


def test_writing_a_segment_is_refused_in_words(bench, reading, world, people) -> None:
    records = reading.connect().records
    (outcome,) = records.write("members", [Update(people["cem"], {FIELD: True}, {})], [])
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.field) == ("read_only", FIELD)
    assert 'Set direction = "in"' in outcome.reason


def test_a_write_that_moves_its_member_is_told_by_the_next_read(bench, reading, world, people) -> None:
    connection = reading.connect()
    connection.fields.create(FieldSpec("members", "INSTEP_ID", "Instep id", "text", unique=True))
    (made,) = connection.records.write(
        "members", [Create("INSTEP_ID", "k", {"email_address": "new@x.example", "READS": "yes"})], ["READS", FIELD]
    )
    assert isinstance(made, Written)
    assert FIELD not in made.fields
    (seen,) = connection.records.read("members", [made.id], [FIELD])
    assert isinstance(seen, Seen)
    assert seen.fields == {FIELD: True}
