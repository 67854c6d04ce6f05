"""Three-way merging of one field, as laws."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.merging import LAWS, Voice, merge, merge_elements
from instep.model.values import is_blank

CONNECTIONS = ("a", "b", "c")
VALUES = st.sampled_from([None, "", "CTO", "CEO", "CFO"])


@st.composite
def voices(draw: st.DrawFn) -> list[Voice]:
    """At most one record of each connection."""
    names = draw(st.lists(st.sampled_from(CONNECTIONS), unique=True, max_size=3))
    return [
        Voice(f"{name}/people/1", name, draw(VALUES), differs=draw(st.booleans()), joined=draw(st.booleans()))
        for name in names
    ]


@given(st.sampled_from([law for law in LAWS if law not in ("max", "union")]), voices(), VALUES)
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
