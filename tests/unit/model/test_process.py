"""The buying process: the order of stages, segments and renamed keys."""

from __future__ import annotations

import pytest

from instep.model.process import Behaviour, Entry, Half, Outcome, Process, Segment, Stage
from instep.model.stagetable import StageTable

A, B, C = Stage("a", "A"), Stage("b", "B"), Stage("c", "C", Half.RETENTION)
X, Y, Z = Stage("x", "X"), Stage("y", "Y"), Stage("z", "Z", Half.RETENTION)
PROCESS = Process(
    "p",
    (A, B, C),
    (Behaviour("visits", "Visits"),),
    (Segment("tea", "Tea", None, (X, A, Y, C)), Segment("none", "None"), Segment("late", "Late", None, (Z,))),
    {"old": "older", "older": "a", "loop": "pool", "pool": "loop"},
)


def test_a_stage_that_only_a_segment_has_stands_right_after_its_predecessor_there() -> None:
    assert list(PROCESS.order()) == ["z", "x", "a", "y", "b", "c"]
    assert list(PROCESS.order().values()) == [0, 1, 2, 3, 4, 5]


def test_a_segment_without_stages_of_its_own_goes_through_the_common_ones() -> None:
    assert PROCESS.stages_of("tea") == (X, A, Y, C)
    assert PROCESS.stages_of("none") == PROCESS.stages_of(None) == PROCESS.stages_of("unheard-of") == (A, B, C)


def test_a_stage_is_found_by_its_key_also_where_only_a_segment_has_it() -> None:
    assert (PROCESS.stage("b"), PROCESS.stage("y")) == (B, Y)
    assert (PROCESS.has_stage("y"), PROCESS.has_stage("old")) == (True, False)
    with pytest.raises(KeyError, match="old"):
        PROCESS.stage("old")


def test_a_renamed_key_leads_to_its_last_name_and_a_ring_comes_to_an_end() -> None:
    assert [PROCESS.current_key(key) for key in ("old", "older", "a", "new")] == ["a", "a", "a", "new"]
    assert PROCESS.current_key("loop") == "loop"


def test_the_nearest_earlier_listed_stage_stands_in() -> None:
    assert PROCESS.at_or_before("y", ["c", "a", "x"]) == "a"
    assert PROCESS.at_or_before("y", ["y", "a"]) == "y"
    assert PROCESS.at_or_before("a", ["b", "c"]) is None


def test_the_first_stage_of_a_half_is_that_of_the_segment() -> None:
    assert PROCESS.first_of(Half.ACQUISITION) == A
    assert PROCESS.first_of(Half.ACQUISITION, "tea") == X
    assert PROCESS.first_of(Half.RETENTION, "late") == Z
    assert PROCESS.first_of(Half.ACQUISITION, "late") is None


def test_a_behaviour_that_nobody_defined_is_none() -> None:
    assert PROCESS.behaviour("visits") == Behaviour("visits", "Visits")
    assert PROCESS.behaviour("flies") is None


def test_a_stage_is_entered_by_any_one_or_by_all() -> None:
    entry = Entry(frozenset({"a", "b"}), frozenset({"c", "d"}))
    assert [entry.is_met_by(frozenset(seen)) for seen in ("a", "b", "cd", "c", "", "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert not Entry().is_met_by(frozenset("a"))
    assert entry.behaviours == frozenset("abcd")


def test_only_a_lost_or_undecided_journey_ends() -> None:
    assert [outcome.closes for outcome in (Outcome.WON, Outcome.LOST, Outcome.NO_DECISION)] == [False, True, True]


# --- the table of one system -----------------------------------------------------------------------------------

TABLE = StageTable(
    "field",
    {"a": "Early", "b": "Early", "c": "Late"},
    {"Early": "b"},
    {Outcome.LOST: "Lost"},
    also={"Earlier": "Early", "Gone": "Lost"},
)


def test_every_value_that_means_something_is_listed_once() -> None:
    assert TABLE.every_value() == ("Early", "Late", "Lost", "Earlier", "Gone")
    assert [TABLE.has(value) for value in (*TABLE.every_value(), "Other")] == [True] * 5 + [False]


def test_a_finer_value_is_read_as_the_one_it_counts_as() -> None:
    assert TABLE.counts_as("Earlier") == "Early"
    assert TABLE.get("Earlier", None, PROCESS) == "b"
    assert TABLE.get("Earlier", "a", PROCESS) == "a"
    assert TABLE.includes("Earlier", "a", PROCESS)
    assert TABLE.outcome("Gone") is Outcome.LOST


def test_a_value_keeps_the_stage_that_it_shows_else_lands_where_the_table_says() -> None:
    assert TABLE.get("Early", "a", PROCESS) == "a"
    assert TABLE.get("Early", "y", PROCESS) == "y"
    assert TABLE.get("Early", "c", PROCESS) == "b"
    assert TABLE.get("Late", None, PROCESS) == "c"
    assert TABLE.get("Other", "a", PROCESS) is None


def test_before_the_first_listed_stage_nothing_is_written() -> None:
    assert TABLE.put("x", PROCESS) is None
    assert TABLE.put(None, PROCESS) is None
    assert TABLE.put("y", PROCESS) == "Early"


def test_a_value_is_no_outcome_unless_the_table_says_so() -> None:
    assert TABLE.outcome("Early") is None
    assert TABLE.outcome("Lost") is Outcome.LOST


def test_values_that_stages_share_are_ambiguous_unless_the_table_settles_them() -> None:
    assert TABLE.ambiguous() == ()
    assert StageTable("f", {"a": "E", "b": "E", "c": "L", "x": "D", "y": "D"}).ambiguous() == ("D", "E")
