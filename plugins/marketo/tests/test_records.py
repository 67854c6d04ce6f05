"""What is read: first loads, the streams of the activity log, merges, filters."""

from datetime import timedelta
from decimal import Decimal

import pytest

from instep.contract import Gone, MergedInto, Seen
from instep.errors import RemoteError, RetryLaterError
from instep.sandbox import FaultKind
from instep.testing.workbench import items


def read(bench, fields=("email",), cursor=None):
    """What was read, and where reading goes on."""
    pages = bench.pages("leads", fields, cursor)
    return [item for page in pages for item in page.items], pages[-1].cursor


def settled(bench, fields=("email",)):
    return bench.end("leads", fields=fields)


# --- everything ------------------------------------------------------------------------------------------------


def test_a_first_read_extracts_ids_month_by_month_and_reads_values_from_the_lead_database(bench, world, hands):
    id = world.create(email="a@x.example", leadScore=7)
    found, _ = read(bench, ("email", "leadScore", "phone"))
    assert [(item.id, item.fields) for item in found] == [
        (id, {"email": "a@x.example", "leadScore": 7, "phone": None})
    ]
    assert hands.labels().count("export.create") == 2  # forty days
    assert sum(bench.slept) >= 120  # an extract takes a minute


def test_a_month_is_never_longer_than_marketo_takes(bench, world, hands):
    world.create(email="a@x.example")
    connection = hands.connect(first_lead_created="2024-01-01")
    assert [i for page in connection.records.changed_since("leads", ["email"], None) for i in page.items]
    assert hands.labels().count("export.create") == 25


def test_a_first_read_that_stops_goes_on_with_its_month(bench, world, hands):
    world.create(email="a@x.example")
    pages = bench.pages("leads", ["email"])
    bench.sandbox.log.clear()
    bench.pages("leads", ["email"], pages[0].cursor)
    assert hands.labels().count("export.create") == 1


def test_what_changes_while_a_first_read_goes_on_is_read_by_the_next(bench, world):
    id = world.create(email="a@x.example")
    reading = bench.records.changed_since("leads", ["email"], None)
    next(reading)
    world.edit(id, email="b@x.example")
    cursor = [page.cursor for page in reading][-1]
    found, _ = read(bench, cursor=cursor)
    assert [item.fields["email"] for item in found] == ["b@x.example"] * len(found)
    assert found


def test_a_full_queue_of_extracts_is_waited_for_and_given_up_in_the_end(bench, world):
    body = b'{"requestId":"a#b","success":false,"errors":[{"code":"1029","message":"Too many jobs in queue"}]}'
    bench.faults.add("export.enqueue", FaultKind.STATUS, None, status=200, body=body)
    with pytest.raises(RetryLaterError):
        bench.pages("leads", ["email"])
    assert sum(bench.slept) >= 240


def test_the_daily_volume_of_extracts_is_not_waited_for(bench):
    body = b'{"requestId":"a#b","success":false,"errors":[{"code":"1029","message":"Export daily quota exceeded"}]}'
    bench.faults.add("export.enqueue", FaultKind.STATUS, None, status=200, body=body)
    with pytest.raises(RetryLaterError, match="volume"):
        bench.pages("leads", ["email"])
    assert not bench.slept


def test_a_job_that_is_queued_already_counts_as_queued(bench, world):
    world.create(email="a@x.example")
    bench.faults.add("export.enqueue", FaultKind.RESET_AFTER, 1)
    assert read(bench)[0]


def test_a_file_that_is_not_there_although_the_job_is_complete_is_no_empty_file(bench, world):
    world.create(email="a@x.example")
    bench.faults.add("export.file", FaultKind.STATUS, None, status=404, body=b"file not found")
    with pytest.raises(RetryLaterError, match="no file"):
        bench.pages("leads", ["email"])


def test_a_file_that_breaks_off_is_noticed_by_its_checksum(bench, world):
    for n in range(5):
        world.create(email=f"{n}@x.example")
    bench.faults.add("export.file", FaultKind.TRUNCATED_JSON, None)
    with pytest.raises(RetryLaterError, match="incomplete"):
        bench.pages("leads", ["email"])


# --- the streams -----------------------------------------------------------------------------------------------


def test_a_custom_field_is_read_though_updated_at_stands_still(bench, world):
    id = world.create(email="a@x.example")
    cursor = settled(bench, ("buyingStage",))
    before = world.read(id)["updatedAt"]
    world.edit(id, buyingStage="Interest")
    assert world.read(id)["updatedAt"] == before
    (found,) = read(bench, ("buyingStage",), cursor)[0]
    assert found.fields == {"buyingStage": "Interest"}
    assert found.modified_at == bench.clock.now()


def test_a_field_that_is_not_read_makes_no_lead_come_again(bench, world):
    id = world.create(email="a@x.example")
    cursor = settled(bench)
    world.edit(id, buyingStage="Interest")
    assert read(bench, cursor=cursor)[0] == []


def test_a_score_that_a_flow_step_changes_is_read_though_it_is_no_data_change(bench, world):
    id = world.create(email="a@x.example")
    cursor = settled(bench, ("leadScore",))
    world.score(id, "leadScore", 5)
    assert [item.fields for item in read(bench, ("leadScore",), cursor)[0]] == [{"leadScore": 5}]


def test_empty_pages_with_more_to_come_end_nothing(bench, world, hands):
    cursor = settled(bench)
    made = {world.create(email=f"{n}@x.example") for n in range(40)}
    hands.behave(page_size=3, empty_pages=2)
    bench.sandbox.log.clear()
    assert made <= {item.id for item in read(bench, cursor=cursor)[0]}
    assert hands.labels().count("activities.leadchanges") > 14  # or no page was empty


def test_a_quiet_read_takes_three_calls_and_starts_where_the_last_one_stopped(bench, world, hands):
    for n in range(20):
        world.create(email=f"{n}@x.example")
    cursor = settled(bench)
    hands.behave(page_size=5)
    for _ in range(2):
        bench.sandbox.log.clear()
        found, cursor = read(bench, cursor=cursor)
        assert (found, len(hands.labels())) == ([], 3)


def test_the_place_in_every_stream_moves_on_over_what_concerns_nobody(bench, world, hands):
    id = world.create(email="a@x.example")
    cursor = settled(bench)
    hands.behave(page_size=5, empty_pages=0)
    for _ in range(50):
        world.happen("visit-webpage", id)
    _, cursor = read(bench, cursor=cursor)
    bench.sandbox.log.clear()
    read(bench, cursor=cursor)
    assert len(hands.labels()) == 3


def test_what_the_log_shows_late_is_read_late_and_not_lost(bench, world, hands):
    id = world.create(email="a@x.example")
    cursor = settled(bench)
    hands.behave(index_lag=timedelta(seconds=50))
    world.edit(id, email="b@x.example")
    found, cursor = read(bench, cursor=cursor)
    assert found == []
    bench.clock.advance(timedelta(minutes=1))
    assert [item.fields["email"] for item in read(bench, cursor=cursor)[0]] == ["b@x.example"]


@pytest.mark.parametrize(("days", "is_new"), [(20, False), (40, True)])
def test_a_token_of_more_than_a_month_is_made_anew_and_nothing_is_lost(bench, world, hands, days, is_new):
    id = world.create(email="a@x.example")
    cursor = settled(bench)
    world.edit(id, email="b@x.example")
    bench.clock.advance(timedelta(days=days))
    bench.sandbox.log.clear()
    assert [item.fields["email"] for item in read(bench, cursor=cursor)[0]][-1] == "b@x.example"
    assert ("activities.pagingtoken" in hands.labels()) is is_new


def test_a_change_says_when_and_that_it_came_by_the_api(bench, world, hands):
    id = world.create(email="a@x.example")
    cursor = settled(bench)
    world.edit(id, email="b@x.example")
    ((seen,), cursor) = read(bench, cursor=cursor)
    assert (seen.changes["email"].at, seen.changes["email"].by) == (bench.clock.now(), "unknown")
    hands.update(id, email="c@x.example")
    ((seen,), _) = read(bench, cursor=cursor)
    assert seen.changes["email"].by == "integration"


def test_more_fields_than_an_address_holds_are_read_all_the_same(bench, world):
    names = [f"field_{n}_{'x' * 90}" for n in range(90)]
    for name in names:
        world.add_field(name, name)
    id = world.create(email="a@x.example")
    cursor = settled(bench, names)
    world.edit(id, **{names[5]: "words"})
    assert [item.fields[names[5]] for item in read(bench, names, cursor)[0]] == ["words"]


@pytest.mark.parametrize("logs", [False, True])
def test_a_merged_lead_is_never_told_as_deleted_whatever_the_log_says(bench, world, hands, logs):
    hands.behave(merges_log_deletions=logs)
    kept, lost = world.create(email="a@x.example"), world.create(email="b@x.example")
    cursor = settled(bench)
    world.merge("leads", kept, lost)
    found, _ = read(bench, cursor=cursor)
    assert not [item for item in found if isinstance(item, Gone)]
    assert {(item.id, item.survivor) for item in found if isinstance(item, MergedInto)} == {(lost, kept)}


def test_a_lead_that_was_merged_twice_leads_to_the_last_survivor(bench, world):
    first, second, third = (world.create(email=f"{n}@x.example") for n in range(3))
    world.merge("leads", second, first)
    world.merge("leads", third, second)
    (item,) = bench.records.read("leads", [first], [])
    assert isinstance(item, MergedInto)
    assert item.survivor == third


def test_a_lead_whose_merge_is_long_ago_is_gone(bench, world):
    kept, lost = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.merge("leads", kept, lost)
    bench.clock.advance(timedelta(days=31))
    assert isinstance(bench.records.read("leads", [lost], [])[0], Gone)


# --- values and filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("omits", [False, True])
def test_a_field_that_marketo_leaves_out_is_blank(bench, world, hands, omits):
    hands.behave(omits_nulls=omits)
    id = world.create(email="a@x.example")
    assert bench.fields_of("leads", id, ["phone", "nobody_has_this"]) == {"phone": None}


def test_values_have_the_types_of_their_fields(bench, world):
    world.add_field("fit", "Fit", "float")
    id = world.create(email="a@x.example", leadScore=3, fit=1.5, unsubscribed=False, dateOfBirth="1990-01-02")
    held = bench.fields_of("leads", id, ["leadScore", "fit", "unsubscribed", "dateOfBirth", "createdAt"])
    assert (held["leadScore"], held["fit"], held["unsubscribed"]) == (3, Decimal("1.5"), False)
    assert held["dateOfBirth"].isoformat() == "1990-01-02"
    assert held["createdAt"] == bench.clock.now()


def test_an_address_is_found_without_regard_to_case_and_all_who_have_it(bench, world):
    ids = [world.create(email=email) for email in ("A@x.example", "a@X.example")]
    found = bench.records.find("leads", "email", ["a@x.EXAMPLE", "b@x.example"], ["email"])
    assert [[seen.id for seen in one] for one in found] == [ids, []]


def test_a_filter_that_finds_too_many_is_halved_until_it_passes(bench, world, hands):
    hands.behave(matches_limit=4)
    made = [world.create(email=f"{n}@x.example") for n in range(9)]
    found = bench.records.find("leads", "email", [f"{n}@x.example" for n in range(9)], [])
    assert [one[0].id for one in found] == made


def test_a_single_value_that_finds_too_many_is_an_error(bench, world, hands):
    hands.behave(matches_limit=2)
    for _ in range(3):
        world.create(email="a@x.example")
    with pytest.raises(RemoteError, match="Too many"):
        bench.records.find("leads", "email", ["a@x.example"], [])


def test_a_value_with_a_comma_finds_nobody_else_and_is_not_asked_for(bench, world, hands):
    id = world.create(email="a@x.example")
    world.create(email="b@x.example")
    assert bench.records.find("leads", "email", ["a@x.example,b@x.example"], []) == [()]
    assert hands.labels() == []
    assert bench.records.find("leads", "email", ["a@x.example"], [])[0][0].id == id


def test_a_field_that_is_no_filter_is_refused(bench, world):
    world.create(email="a@x.example", firstName="Ann")
    with pytest.raises(RemoteError, match="1011"):
        bench.records.find("leads", "firstName", ["Ann"], [])


def test_pages_of_leads_are_all_read(bench, world, hands):
    made = [world.create(email=f"{n}@x.example") for n in range(10)]
    hands.behave(page_size=3)
    assert [item.id for item in bench.records.read("leads", made, ["email"])] == made


def test_activities_without_an_id_are_read_by_their_guid(bench, world, hands):
    hands.behave(activity_ids=False)
    id = world.create(email="a@x.example")
    assert items(bench.pages("leads", ["email"]), Seen)[0].id == id
