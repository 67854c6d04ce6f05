"""What stands for what: by ids first, then by name; and no id stands for two."""

from __future__ import annotations

import pytest

from instep.contract import StageLimits
from instep.model.configuration import Key
from instep.provision.bind import Bound, bind
from instep.provision.diff import Wanted
from instep.provision.found import Found

from .pure import OPTIONS, OWN, SHARED, found, ids, pipeline, process, stage, there, wanted, wanted_list

ABC = process("a", "b", "c")


def bound(of: Wanted, now: Found) -> Bound:
    (one,) = bind(of.configuration, of.process, now)
    return one


def pairs(one: Bound) -> dict[str, str | None]:
    """What stands for each wanted stage, by its keys."""
    return {known.wanted.name: known.stage.id if known.stage else None for known in one.stages}


def left(one: Bound) -> dict[str, str | None]:
    """What is left over, and where its records go."""
    return {leftover.stage.id: leftover.to.wanted.name if leftover.to else None for leftover in one.leftovers}


def test_a_stage_that_is_called_otherwise_keeps_its_id() -> None:
    now = found(OWN, [pipeline([there("1", "Old word"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a", "New word"), stage("b", "Second")]), ABC, ids("p1", a="1", b="2"))
    assert pairs(bound(of, now)) == {"a": "1", "b": "2"}
    assert all(one.was_managed for one in bound(of, now).stages)


def test_stages_that_swap_their_labels_keep_their_ids() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a", "Second"), stage("b", "First")]), ABC, ids("p1", a="1", b="2"))
    assert pairs(bound(of, now)) == {"a": "1", "b": "2"}


def test_two_stages_that_become_one_keep_the_one_that_is_called_so_and_the_other_goes_there() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a b", "Second")]), ABC, ids("p1", a="1", b="2"))
    one = bound(of, now)
    assert (pairs(one), left(one)) == ({"a / b": "2"}, {"1": "a / b"})


@pytest.mark.parametrize(("first", "second"), [("Both", "Second"), ("First", "Both")])
def test_a_stage_that_becomes_two_stays_with_the_one_that_keeps_its_name(first: str, second: str) -> None:
    now = found(OWN, [pipeline([there("1", "Both")])])
    of = wanted(wanted_list([stage("a", first), stage("b", second)]), ABC, ids("p1", a="1", b="1"))
    kept = "a" if first == "Both" else "b"
    assert pairs(bound(of, now)) == {"a": None, "b": None, kept: "1"}


def test_a_moved_key_takes_its_id_along() -> None:
    now = found(OWN, [pipeline([there("1", "First")])])
    of = wanted(wanted_list([stage("new", "First")]), process("new", moved={"a": "new"}), ids("p1", a="1"))
    one = bound(of, now)
    assert (pairs(one), left(one)) == ({"new": "1"}, {})
    assert one.now_known().stages == {Key("values", "new"): ("1",)}


def test_a_key_that_moved_to_a_stage_with_an_id_of_its_own_sends_its_records_there() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    of = wanted(wanted_list([stage("b", "Second")]), process("b", moved={"a": "b"}), ids("p1", a="1", b="2"))
    assert left(bound(of, now)) == {"1": "b"}


def test_a_stage_that_is_listed_no_more_goes_where_the_files_say_or_nobody_knows() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    known = ids("p1", a="1", b="2")
    told = wanted(wanted_list([stage("a", "First")], retire={"b": "a"}), ABC, known)
    untold = wanted(wanted_list([stage("a", "First")]), ABC, known)
    assert (left(bound(told, now)), left(bound(untold, now))) == ({"2": "a"}, {"2": None})


def test_what_nobody_manages_is_left_alone_whatever_becomes_of_the_files() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("9", "Somebody's")])])
    of = wanted(wanted_list([stage("a", "First")]), ABC, ids("p1", a="1"))
    one = bound(of, now)
    assert left(one) == {}
    assert [known.id for known in one.unlisted] == ["9"]
    assert one.now_known().left_alone == ("9",)


@pytest.mark.parametrize("limits", [OWN, OPTIONS])
@pytest.mark.parametrize("spelled", ["closedwon", "In the bag", "in the BAG"])
def test_what_is_there_is_recognised_by_its_id_and_by_its_label(limits: StageLimits, spelled: str) -> None:
    name = None if limits is OPTIONS else "Line"
    now = found(limits, [pipeline([there("x"), there("closedwon", "In the bag")], id="p1" if name else "stage")])
    one = bound(wanted(wanted_list([stage("a", spelled)], name), ABC), now)
    assert pairs(one) == {"a": "closedwon"}
    assert not one.stages[0].was_managed


def test_a_stage_that_is_named_by_its_id_keeps_the_label_that_it_has() -> None:
    now = found(OWN, [pipeline([there("closedwon", "In the bag")])])
    one = bound(wanted(wanted_list([stage("a", "closedwon")]), ABC), now)
    assert one.stages[0].label(OWN) == "In the bag"
    labelled = bound(wanted(wanted_list([stage("a", "closedwon", label="Won")]), ABC), now)
    assert labelled.stages[0].label(OWN) == "Won"


def test_an_id_goes_before_a_label_and_an_active_stage_before_a_retired_one() -> None:
    stages = [there("1", "Line"), there("Line", "Other"), there("3", "Late", active=False), there("4", "Late")]
    now = found(OWN, [pipeline(stages)])
    of = wanted(wanted_list([stage("a", "Line"), stage("b", "Late")]), ABC)
    assert pairs(bound(of, now)) == {"a": "Line", "b": "4"}


def test_a_pipeline_that_was_ours_is_found_by_its_id_alone() -> None:
    renamed = pipeline([there("1", "First")], label="Somebody's word")
    namesake = pipeline([there("8", "First")], id="p2", label="Line")
    of = wanted(wanted_list([stage("a", "First")]), ABC, ids("p1", a="1"))
    one = bound(of, found(OWN, [namesake, renamed]))
    assert one.pipeline == renamed


def test_a_pipeline_that_vanished_gives_way_to_one_of_its_name() -> None:
    namesake = pipeline([there("8", "First")], id="p2", label="Line")
    of = wanted(wanted_list([stage("a", "First")]), ABC, ids("p1", a="1"))
    one = bound(of, found(OWN, [namesake]))
    assert (one.pipeline, pairs(one)) == (namesake, {"a": "8"})
    nothing = bound(of, found(OWN))
    assert (nothing.pipeline, pairs(nothing), left(nothing)) == (None, {"a": None}, {})


def test_no_pipeline_stands_for_two_lists() -> None:
    now = found(OWN, [pipeline([there("1", "First")], label="Line")])
    lists = [wanted_list([stage("a", "First")], "Other", name="known"), wanted_list([stage("a", "First")], "Line")]
    known = {lists[0].path: ids("p1", a="1")}
    one, two = bind(wanted(lists, ABC, known).configuration, ABC, now)
    assert one.pipeline is not None
    assert two.pipeline is None


def test_several_spellings_are_stages_of_their_own_each_in_its_place() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    spelled = [stage("a", "One"), stage("a", "Two", place=1)]
    one = bound(wanted(wanted_list(spelled), ABC, ids("p1", a="1 2")), now)
    assert [known.stage.id for known in one.stages if known.stage] == ["1", "2"]
    assert one.now_known().stages == {Key("values", "a"): ("1", "2")}
    fewer = bound(wanted(wanted_list([stage("a", "Two")]), ABC, ids("p1", a="1 2")), now)
    assert (pairs(fewer), left(fewer)) == ({"a": "1"}, {"2": "a"})


def test_a_stage_of_a_shared_list_that_another_pipeline_manages_is_this_one_too_if_the_key_is_the_same() -> None:
    everything = pipeline([there("First", "Renamed since"), there("Second")], id="stage", label="Stage")
    offers = pipeline([there("First", "Renamed since")], offers="stage")
    lists = [wanted_list([stage("a", "First")]), wanted_list([stage("a", "First")], "New", name="new")]
    of = wanted(lists, ABC, {lists[0].path: ids("p1", a="First")})
    _, new = bind(of.configuration, ABC, found(SHARED, [everything, offers]))
    assert (new.pipeline, pairs(new)) == (None, {"a": "First"})
    other = wanted(
        [lists[0], wanted_list([stage("b", "Renamed since")], "New", name="new")], ABC, of.configuration.ids
    )
    _, new = bind(other.configuration, ABC, found(SHARED, [everything, offers]))
    assert pairs(new) == {"b": None}
