"""What one version of the process changes of the one before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.mapping.load import read_preset
from instep.mapping.preset import preset_names
from instep.mapping.version_changes import changes_between
from instep.model.process import Behaviour, Entry, Process, Role, Segment, Stage

A, B, C = (Stage(key, key.upper(), enter=Entry(any=frozenset({f"does-{key}"}))) for key in "abc")
PROCESS = Process("ours", (A, B, C), (Behaviour("does-a", "Does a"),))


@pytest.mark.parametrize("preset", preset_names())
def test_the_same_process_changes_nothing(preset: str) -> None:
    process = read_preset(preset).read.process
    assert changes_between(process, process).is_empty


def test_stages_that_come_and_go_are_told_with_what_they_became() -> None:
    after = replace(PROCESS, stages=(A, C, replace(B, key="d")), moved={"b": "d"})
    (change,) = changes_between(PROCESS, after).stages

    assert (change.added, change.removed, change.order) == (("d",), (("b", "d"),), ())


def test_a_stage_that_went_and_became_nothing_is_told() -> None:
    (change,) = changes_between(PROCESS, replace(PROCESS, stages=(A, C))).stages
    assert change.removed == (("b", None),)


def test_a_new_order_is_told_of_the_stages_that_stayed() -> None:
    (change,) = changes_between(PROCESS, replace(PROCESS, stages=(B, A))).stages
    assert change.order == ("b", "a")


def test_what_is_said_differently_of_a_stage_is_told() -> None:
    new = replace(B, role=Role.SALES, expected_days=9, enter=Entry(all=frozenset({"x", "y"})))
    (change,) = changes_between(PROCESS, replace(PROCESS, stages=(A, new, C))).stages

    assert [(detail.what, detail.before, detail.after) for detail in change.changed] == [
        ("role", None, "sales"),
        ("enter", "any of does-b", "all of x, y"),
        ("expected_days", None, "9"),
    ]


def test_behaviours_and_segments_that_come_and_go_are_told() -> None:
    after = replace(PROCESS, behaviours=(Behaviour("does-b", "Does b"),), segments=(Segment("tea", "Tea"),))
    found = changes_between(PROCESS, after)

    assert (found.behaviours_added, found.behaviours_removed) == (("does-b",), ("does-a",))
    assert (found.segments_added, found.segments_removed) == (("tea",), ())


def test_a_segments_own_list_is_told_beside_the_common_one() -> None:
    before = replace(PROCESS, segments=(Segment("tea", "Tea", stages=(A, B)),))
    after = replace(PROCESS, segments=(Segment("tea", "Tea", stages=(A, C)),))
    (change,) = changes_between(before, after).stages

    assert (change.segment, change.added, change.removed) == ("tea", ("c",), (("b", None),))
