"""Whatever this machine takes the time for, Marketo's own clock decides; an old place in the log is found anew."""

import random
from datetime import timedelta

import pytest

from instep.contract import ConsentChange, Effects, Gone, MergedInto, Subject
from instep_marketo import marketo

WRONG = [timedelta(days=3650), timedelta(days=-3650), timedelta(0)]


@pytest.fixture(params=WRONG, ids=["ten years ahead", "ten years behind", "right"])
def elsewhere(request, bench):
    """A connection of a machine whose clock may be wrong."""
    effects = Effects(bench.transport, lambda: bench.clock.now() + request.param, bench.clock.sleep, random.Random(1))
    connection = marketo.connect(bench.settings(), effects)
    bench.opened.append(connection)
    return connection


def test_a_merged_lead_is_followed(bench, world, elsewhere):
    kept, merged = world.create(email="a@x.example"), world.create(email="b@x.example")
    world.merge("leads", kept, merged)
    (found,) = elsewhere.records.read("leads", [merged], ["email"])
    assert isinstance(found, MergedInto)
    assert found.survivor == kept


def test_what_buyers_did_lately_is_read(bench, world, elsewhere):
    id = world.create(email="a@x.example")
    world.happen("click-link", id)
    pages = list(elsewhere.behaviours.changed_since(["click-link"], None))
    assert [item.kind for page in pages for item in page.items] == ["click-link"]


def test_when_somebody_unsubscribed_is_found(bench, world, elsewhere):
    id = world.create(email="a@x.example")
    world.unsubscribe(id)
    ((consent,),) = elsewhere.consents.read([Subject("leads", id, "a@x.example")])
    assert (consent.state, consent.explicit, consent.at) == ("out", True, bench.clock.now())


def test_deletions_of_the_last_fortnight_are_told_by_a_first_read(bench, world, elsewhere):
    id = world.create(email="a@x.example")
    world.delete(id)
    bench.pass_time()
    found = [item for page in elsewhere.records.changed_since("leads", ["email"], None) for item in page.items]
    assert [item.id for item in found if isinstance(item, Gone)] == [id]


# --- old places in the log -----------------------------------------------------------------------------------------


def behaviours(bench, cursor=None):
    pages = list(bench.part("behaviours").changed_since(["click-link"], cursor))
    return [item.id for page in pages for item in page.items], pages[-1].cursor


@pytest.mark.parametrize(("days", "asked"), [(29, False), (31, True)])
def test_a_place_in_the_log_of_behaviours_that_is_a_month_old_is_found_anew(bench, world, hands, days, asked):
    id = world.create(email="a@x.example")
    _, cursor = behaviours(bench)
    key = world.happen("click-link", id)
    bench.clock.advance(timedelta(days=days))
    late = world.happen("click-link", id)
    bench.sandbox.log.clear()
    found, _ = behaviours(bench, cursor)
    assert found == [key, late]
    assert any(call.path.endswith("pagingtoken.json") for call in bench.sandbox.log.calls()) == asked


def test_a_place_that_was_found_anew_is_kept(bench, world):
    id = world.create(email="a@x.example")
    _, cursor = behaviours(bench)
    bench.clock.advance(timedelta(days=31))
    _, cursor = behaviours(bench, cursor)
    key = world.happen("click-link", id)
    bench.sandbox.log.clear()
    found, _ = behaviours(bench, cursor)
    assert found == [key]
    assert not [call for call in bench.sandbox.log.calls() if call.path.endswith("pagingtoken.json")]


def test_an_opt_out_is_dated_by_who_told_it(bench, world, elsewhere):
    id = world.create(email="a@x.example")
    at = bench.clock.now() - timedelta(days=3)
    elsewhere.consents.opt_out([ConsentChange(Subject("leads", id, "a@x.example"), "all", at, "Form")])
    ((consent,),) = elsewhere.consents.read([Subject("leads", id, "a@x.example")])
    assert consent.at == at.replace(microsecond=0)


def test_a_read_that_was_stopped_and_goes_on_after_a_month_skips_nothing(bench, world):
    edited, deleted = world.create(email="a@x.example"), world.create(email="b@x.example")
    cursor = bench.end("leads")
    bench.clock.advance(timedelta(days=10))
    world.edit(edited, email="new@x.example")
    world.delete(deleted)
    bench.clock.advance(timedelta(hours=2))
    stopped = next(page for page in bench.pages("leads", ("email",), cursor) if page.items)
    assert [type(item) for item in stopped.items] == [Gone]
    bench.clock.advance(timedelta(days=31))
    found = [item for page in bench.pages("leads", ("email",), stopped.cursor) for item in page.items]
    assert edited in [item.id for item in found]


def test_behaviours_whose_read_was_stopped_and_goes_on_after_a_month_are_all_told(bench, world):
    id = world.create(email="a@x.example")
    kinds = bench.part("behaviours").kinds
    cursor = list(bench.part("behaviours").changed_since(kinds, None))[-1].cursor
    bench.clock.advance(timedelta(days=10))
    keys = [world.happen(kind, id) for kind in kinds]
    bench.clock.advance(timedelta(hours=2))
    stopped = next(page for page in bench.part("behaviours").changed_since(kinds, cursor) if page.items)
    bench.clock.advance(timedelta(days=31))
    later = bench.part("behaviours").changed_since(kinds, stopped.cursor)
    told = {item.id for page in (stopped, *later) for item in page.items}
    assert told == set(keys)
