"""Three-way merging of one field, as laws."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.merging import LAWS, Merged, Voice, authority_rule, merge, merge_elements, speakers
from instep.model.values import Money, Scalar, is_blank

CONNECTIONS = ("a", "b", "c")
VALUES = st.sampled_from([None, "CTO", "CEO", "CFO"])


@st.composite
def voices(draw: st.DrawFn) -> list[Voice]:
    """At most one record of each connection."""
    names = draw(st.lists(st.sampled_from(CONNECTIONS), unique=True, max_size=3))
    return [
        Voice(f"{name}/people/1", name, draw(VALUES), differs=draw(st.booleans()), joined=draw(st.booleans()))
        for name in names
    ]


@given(st.sampled_from(sorted(LAWS)), voices(), VALUES)
def test_the_order_in_which_records_are_heard_never_matters(law: str, heard: list[Voice], current: str) -> None:
    results = {
        (merged.value, merged.rule, merged.losers, merged.waits)
        for order in permutations(heard)
        for merged in [merge(law, CONNECTIONS, None, current, list(order))]
    }
    assert len(results) == 1


@given(voices(), VALUES)
def test_a_value_that_is_decided_was_said_by_someone_or_stood_before(heard: list[Voice], current: str) -> None:
    merged = merge("prefer", CONNECTIONS, None, current, heard)
    assert merged.value in {current, *(voice.value for voice in heard)}


@given(voices(), VALUES)
def test_when_a_record_joins_a_blank_never_wins(heard: list[Voice], current: str) -> None:
    merged = merge("prefer", CONNECTIONS, None, current, heard)
    if any(voice.joined and not is_blank(voice.value) for voice in heard) and merged.winner is not None:
        assert not is_blank(merged.value)


@given(voices(), VALUES)
def test_every_value_that_was_spoken_and_did_not_win_is_kept(heard: list[Voice], current: str) -> None:
    merged = merge("prefer", CONNECTIONS, None, current, heard)
    if merged.winner is None:
        return
    joining = any(voice.joined and not is_blank(voice.value) for voice in heard)
    spoken = {v.value for v in heard if (not is_blank(v.value) if joining else v.differs and not v.joined)}
    assert {loser.value for loser in merged.losers} == spoken - {merged.value}


@given(voices(), VALUES)
def test_only_the_authority_is_believed(heard: list[Voice], current: str) -> None:
    said = [voice.value for voice in heard if voice.connection == "b"]
    if said:
        assert merge("prefer", CONNECTIONS, "b", current, heard, authority_spoke=True).value == said[0]


def say(connection: str, value: Scalar, *, differs: bool = True, joined: bool = False, place: int = 0) -> Voice:
    return Voice(f"{connection}/people/{place}", connection, value, differs, joined, place=place)


def decided(law: str, *heard: Voice, prefer: tuple[str, ...] = CONNECTIONS, current: Scalar = "old") -> Merged:
    return merge(law, prefer, None, current, heard)


def test_where_nobody_speaks_the_value_stays() -> None:
    assert decided("prefer") == Merged("old", "unchanged")
    assert decided("prefer", say("a", "x", differs=False)) == Merged("old", "unchanged")


def test_the_only_one_to_speak_wins_also_with_a_blank() -> None:
    for value in ("new", None):
        spoken = say("b", value)
        assert decided("prefer", say("a", "x", differs=False), spoken) == Merged(
            value, "the only one to speak", spoken
        )


def test_who_agrees_is_no_loser_whatever_the_law() -> None:
    first, second = say("a", "new"), say("b", "new")
    for law in LAWS:
        assert decided(law, second, first) == Merged("new", "all agree", first)


def test_the_preferred_system_wins_then_the_earlier_object_then_those_not_listed() -> None:
    one, two, other = say("a", "x", place=1), say("a", "y", place=0), say("c", "z")
    assert decided("prefer", other, one, two, prefer=("a", "b")) == Merged("y", "prefer a", two, (one, other))
    assert decided("prefer", one, say("b", "w"), prefer=("b",)).value == "w"


def test_the_largest_wins_and_a_blank_is_never_the_largest() -> None:
    small, large, blank = say("a", Decimal(2)), say("b", Decimal(10)), say("c", None)
    assert decided("max", small, large, blank) == Merged(Decimal(10), "max", large, (small, blank))


def test_amounts_are_ordered_by_their_number_then_by_their_currency() -> None:
    less, more, dollars = (
        say(c, Money(Decimal(n), w)) for c, n, w in [("a", 9, "USD"), ("b", 10, "EUR"), ("c", 10, "USD")]
    )
    assert decided("max", less, more).winner == more
    assert decided("max", more, dollars).winner == dollars


def test_a_union_holds_every_part_once_in_order_and_nobody_loses() -> None:
    first, second, blank = say("a", ("y", "x")), say("b", ("z", "y")), say("c", None)
    assert decided("union", first, second, blank) == Merged(("x", "y", "z"), "union", first)
    assert decided("union", say("a", "b"), say("b", ("a",))).value == ("a", "b")


def test_a_yes_from_anyone_is_the_most_restrictive() -> None:
    no, yes, also = say("a", False), say("b", True), say("c", True)
    assert decided("most_restrictive", no, yes, also) == Merged(True, "most restrictive", yes, (no,))
    blank = say("b", None)
    assert decided("most_restrictive", no, blank).value is False
    assert decided("most_restrictive", no, blank).winner == no


def test_what_waits_for_a_person_keeps_its_value_and_everything_that_was_said() -> None:
    first, second = say("a", "x"), say("b", "y")
    assert decided("manual", second, first) == Merged("old", "waits for a person", None, (first, second), waits=True)


# --- joining and authority -------------------------------------------------------------------------------------


def test_a_record_that_joins_makes_everyone_speak_who_is_not_blank() -> None:
    there, joining, blank = say("a", "x", differs=False), say("b", "y", joined=True), say("c", None)
    assert speakers([there, joining, blank]) == [there, joining]


def test_a_record_that_joins_with_a_blank_says_nothing() -> None:
    edit, blank = say("a", "x"), say("b", None, joined=True)
    assert speakers([edit, blank, say("c", "z", differs=False)]) == [edit]


def owned(*heard: Voice, spoke: bool = False) -> Merged:
    return merge("prefer", CONNECTIONS, "b", "old", heard, authority_spoke=spoke)


def test_an_authority_decides_against_edits_and_keeps_them() -> None:
    own = say("b", "ours", differs=False)
    edit, still = say("a", "edit"), say("c", "older", differs=False)
    assert owned(edit, still, own) == Merged("ours", "b is the authority", own, (edit,))
    assert authority_rule("b") == "b is the authority"


def test_an_authority_keeps_a_value_that_joins_but_no_blank_that_does() -> None:
    own = say("b", "ours")
    joining, same = say("a", "theirs", differs=False, joined=True), say("c", "ours")
    assert owned(own, joining, same).losers == (joining,)
    assert owned(own, say("a", None, joined=True)).losers == ()


def test_an_authority_that_never_spoke_leaves_a_blank_to_the_others() -> None:
    edit = say("a", "edit")
    assert owned(edit, say("b", None, differs=False)).winner == edit
    assert owned(edit, say("b", None, joined=True)).winner == edit
    assert owned(edit, say("b", None, differs=False), spoke=True).value is None
    assert owned(edit, say("b", None)).value is None


def test_of_two_records_of_an_authority_the_edited_one_decides_then_the_earlier_object() -> None:
    edited, kept = say("b", "new", place=1), say("b", "kept", differs=False, place=0)
    assert owned(kept, edited) == Merged("new", "b is the authority", edited)
    assert owned(say("b", "late", place=1), say("b", "early", place=0)).value == "early"


def test_nobody_else_of_the_authority_speaks_where_it_leaves_the_field_to_others() -> None:
    blank = say("b", None, differs=False, place=0)
    assert owned(blank, say("b", "second", differs=False, place=1)) == Merged("old", "unchanged")


# --- many-valued links -----------------------------------------------------------------------------------------


def test_what_is_added_joins_and_what_is_removed_goes() -> None:
    both = frozenset({"x", "y"})
    assert merge_elements(both, [(frozenset({"x"}), both), (both | {"z"}, both)]) == {"x", "z"}


def test_a_record_that_joins_only_adds() -> None:
    assert merge_elements(frozenset({"x"}), [(frozenset({"y"}), None)]) == {"x", "y"}


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_an_element_removed_by_one_and_added_by_another_stays(name: str) -> None:
    added = (frozenset({name}), frozenset[str]())
    removed = (frozenset[str](), frozenset({name}))
    assert merge_elements(frozenset({name}), [added, removed]) == {name}


@given(st.frozensets(st.sampled_from("xyz")), st.lists(st.frozensets(st.sampled_from("xyz")), max_size=3))
def test_records_that_hold_what_was_last_heard_change_nothing(
    current: frozenset[str], held: list[frozenset[str]]
) -> None:
    assert merge_elements(current, [(now, now) for now in held]) == current
