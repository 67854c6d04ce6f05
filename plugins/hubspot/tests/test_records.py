import json
from dataclasses import replace
from datetime import timedelta

import pytest

from instep.contract import Delete, Garbled, Gone, MergedInto, Seen
from instep.errors import RemoteError
from instep.sandbox import FaultKind
from instep.testing import Workbench
from instep.testing.workbench import items


@pytest.mark.parametrize("object", ["contacts", "companies", "deals"])
def test_a_read_without_news_costs_one_listing_and_one_search(bench: Workbench, object: str) -> None:
    first, *_ = bench.make(object, 3)
    bench.write(object, [Delete(first)])
    cursor = bench.end(object)
    bench.sandbox.log.clear()
    bench.pages(object, (), cursor)
    assert [call.label for call in bench.sandbox.log.calls()] == ["objects.list", "objects.search"]


def test_a_full_read_lists_a_hundred_a_page(bench: Workbench) -> None:
    bench.sandbox.world.load("contacts", [{"email": f"p{n}@x.example"} for n in range(250)])
    sizes = [len(page.items) for page in bench.pages("contacts")]
    assert sizes == [100, 100, 50]


def test_25_000_records_of_one_instant_are_all_read(bench: Workbench) -> None:
    cursor = bench.end("contacts")
    made = bench.sandbox.world.load("contacts", [{"email": f"p{n}@x.example"} for n in range(25_000)])
    bench.pass_time()
    seen = items(bench.pages("contacts", (), cursor), Seen)
    assert [record.id for record in seen] == made


def test_what_the_index_hides_for_a_while_is_not_lost(bench: Workbench) -> None:
    cursor = bench.end("contacts")
    bench.sandbox.personality = replace(bench.sandbox.personality, index_lag=timedelta(seconds=30))
    (id,) = bench.make("contacts")
    pages = bench.pages("contacts", (), cursor)
    assert not items(pages, Seen)
    bench.clock.advance(timedelta(seconds=60))
    assert [seen.id for seen in items(bench.pages("contacts", (), pages[-1].cursor), Seen)] == [id]


def test_more_fields_than_an_address_can_hold_are_read_by_id(bench: Workbench) -> None:
    made = bench.make("contacts", 3)
    fields = ["firstname", *(f"no_such_property_with_quite_a_long_name_{n}" for n in range(300))]
    seen = items(bench.pages("contacts", fields), Seen)
    assert [record.id for record in seen] == made
    assert all(set(record.fields) == {"firstname"} for record in seen)


def test_a_record_that_cannot_be_read_is_set_aside_by_name(bench: Workbench) -> None:
    good = {"id": "1", "properties": {"firstname": "Ada"}, "updatedAt": "2026-01-05T09:00:00Z"}
    bad = {"id": "2", "properties": {"firstname": "Bo"}, "updatedAt": "yesterday"}
    body = json.dumps({"results": [good, bad]}).encode()
    cursor = bench.end("contacts")
    bench.faults.add("objects.search", FaultKind.STATUS, 1, status=200, body=body)
    (page,) = bench.pages("contacts", ["firstname"], cursor)
    assert [type(item) for item in page.items] == [Seen, Garbled]
    assert [item.id for item in page.items] == ["1", "2"]


def test_a_record_that_cannot_be_read_by_id_leaves_its_neighbours_readable(bench: Workbench) -> None:
    good = {"id": "1", "properties": {"firstname": "Ada"}, "updatedAt": "2026-01-05T09:00:00Z"}
    bad = {"id": "2", "properties": {"firstname": 7}, "updatedAt": "2026-01-05T09:00:00Z"}
    body = json.dumps({"results": [good, bad]}).encode()
    bench.faults.add("objects.batch_read", FaultKind.STATUS, 1, status=200, body=body)
    found = bench.records.read("contacts", ["2", "1"], ["firstname"])
    assert [(type(item), item.id) for item in found] == [(Garbled, "2"), (Seen, "1")]


def test_a_hidden_property_is_absent(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    bench.sandbox.world.hide_property("contacts", "firstname")
    assert bench.fields_of("contacts", id, ["firstname", "lastname"]) == {"lastname": None}


def test_many_deletions_are_paged_and_each_reported_once(bench: Workbench) -> None:
    made = bench.make("companies", 130)
    cursor = bench.end("companies")
    for start in (0, 100):
        bench.write("companies", [Delete(id) for id in made[start : start + 100]])
    pages = bench.pages("companies", (), cursor)
    assert sorted(gone.id for gone in items(pages, Gone)) == sorted(made)
    rests = [len(items(bench.pages("companies", (), page.cursor), Gone)) for page in pages]
    assert rests == [30, 0, 0]


def test_an_index_that_lags_cannot_bring_a_deleted_record_back(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    cursor = bench.end("contacts")
    bench.sandbox.personality = replace(bench.sandbox.personality, index_lag=timedelta(seconds=30))
    bench.sandbox.world.edit("contacts", id, lastname="Edited")
    bench.clock.advance(timedelta(seconds=31))
    bench.sandbox.world.archive("contacts", id)
    pages = bench.pages("contacts", (), cursor)
    assert [type(item) for page in pages for item in page.items] == [Gone]


def test_a_record_that_came_back_is_not_reported_as_gone(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    cursor = bench.end("contacts")
    bench.sandbox.world.archive("contacts", id)
    bench.sandbox.world.restore("contacts", id)
    assert not items(bench.pages("contacts", (), cursor), Gone)


def test_a_record_deleted_again_is_reported_again(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    cursor = bench.end("contacts")
    for _ in range(2):
        bench.sandbox.world.archive("contacts", id)
        pages = bench.pages("contacts", (), cursor)
        assert [gone.id for gone in items(pages, Gone)] == [id]
        bench.sandbox.world.restore("contacts", id)
        cursor = bench.end("contacts", pages[-1].cursor)


def test_an_erased_record_is_gone(bench: Workbench) -> None:
    (id,) = bench.make("contacts")
    bench.sandbox.world.erase("contacts", id)
    assert bench.records.read("contacts", [id], []) == [Gone(id)]


def test_a_contact_is_found_by_the_address_it_inherited(bench: Workbench) -> None:
    world = bench.sandbox.world
    kept, merged = world.create("contacts", email="a@x.example"), world.create("contacts", email="b@x.example")
    survivor = world.merge("contacts", kept, merged)
    found = bench.records.find("contacts", "email", ["B@x.example", "a@x.example"], ["email"])
    assert [[seen.id for seen in one] for one in found] == [[survivor], [survivor]]


def test_a_chain_of_merges_leads_to_the_last_survivor(bench: Workbench) -> None:
    first, second, third = bench.make("contacts", 3)
    middle = bench.sandbox.world.merge("contacts", first, second)
    last = bench.sandbox.world.merge("contacts", third, middle)
    found = bench.records.read("contacts", [first, second, middle, third], [])
    assert found == [MergedInto(id, last) for id in (first, second, middle, third)]


def test_a_property_that_is_not_unique_cannot_be_found_by(bench: Workbench) -> None:
    with pytest.raises(RemoteError, match="non-unique"):
        bench.records.find("companies", "domain", ["x.example"], [])


def test_reading_no_ids_sends_nothing(bench: Workbench) -> None:
    assert bench.records.read("contacts", [], []) == []
    assert bench.records.find("contacts", "email", [""], []) == [()]
    assert not bench.transport.sent
