"""How a buyer enters a stage: by acts that are counted, within some time, by one way or another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.entrywords import entry_words, span_words
from instep.model.journey import Claim, fold
from instep.model.process import Entry, Process, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)
KEYS = ("visits", "asks", "tries")


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def act(day: float, key: str, source: str = "", doer: str = "jane") -> Claim:
    return Claim(at(day), "evidence", key, source or f"a/behaviour/{key}{day}", doer=doer)


def entered(entry: Entry, *acts: Claim) -> datetime | None:
    """When a buyer who did this entered a stage."""
    return fold(acts, Process("p", (Stage("in", "In", enter=entry),)), NOW).since


def any_of(*keys: str, **more: object) -> Entry:
    return Entry(any=frozenset(keys), **more)  # type: ignore[arg-type]


def all_of(*keys: str, **more: object) -> Entry:
    return Entry(all=frozenset(keys), **more)  # type: ignore[arg-type]


ACTS = st.lists(st.builds(act, st.integers(0, 9), st.sampled_from(KEYS)), max_size=8)
NAMES = st.frozensets(st.sampled_from(KEYS))


@given(ACTS, NAMES, NAMES)
def test_an_entry_that_counts_nothing_is_met_by_what_was_ever_done(
    acts: list[Claim], some: frozenset[str], every: frozenset[str]
) -> None:
    """It is met at the first act with which one of `any`, or every one of `all`, was done."""
    named, seen, since = some | every, set[str](), None
    for claim in sorted(acts, key=lambda c: (c.at, c.source, c.value)):
        seen.add(claim.value)
        is_met = bool(some & seen) or (bool(every) and every <= seen)
        if since is None and claim.value in named and is_met:
            since = claim.at
    assert entered(Entry(some, every), *acts) == since
    assert Entry(some, every).is_met_by(frozenset(seen)) == (bool(some & seen) or (bool(every) and every <= seen))


@given(ACTS, NAMES, NAMES)
def test_a_way_in_beside_others_is_met_as_it_is_alone(
    acts: list[Claim], some: frozenset[str], every: frozenset[str]
) -> None:
    one, other = Entry(some), Entry(all=every)
    alone = [when for entry in (one, other) if (when := entered(entry, *acts)) is not None]
    assert entered(Entry(some, otherwise=(other,)), *acts) == min(alone, default=None)


@given(ACTS, st.integers(1, 4), st.none() | st.integers(0, 5).map(days), st.randoms())
def test_the_order_in_which_acts_are_told_changes_no_count(
    acts: list[Claim], times: int, within: timedelta | None, chance: object
) -> None:
    entry = any_of("visits", "asks", times=times, within=within)
    shuffled = [*acts, *acts]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert entered(entry, *shuffled) == entered(entry, *acts)


@given(ACTS, st.integers(1, 4), st.integers(0, 5))
def test_a_window_only_ever_makes_it_harder(acts: list[Claim], times: int, width: int) -> None:
    within = entered(any_of("visits", times=times, within=days(width)), *acts)
    ever = entered(any_of("visits", times=times), *acts)
    assert within is None or (ever is not None and ever <= within)


def test_so_many_acts_are_needed_whichever_they_are() -> None:
    entry = any_of("visits", "asks", times=3)
    assert entered(entry, act(1, "visits"), act(2, "visits")) is None
    assert entered(entry, act(1, "visits"), act(2, "asks"), act(4, "visits")) == at(4)


def test_what_two_people_did_together_was_done_once() -> None:
    both = (act(1, "visits", "a/behaviour/1", "jane"), act(1, "visits", "a/behaviour/1", "joan"))
    assert entered(any_of("visits", times=2), *both) is None
    assert entered(any_of("visits", times=2), *both, act(2, "visits")) == at(2)


@pytest.mark.parametrize(
    ("when", "since"),
    [((1, 2, 9), None), ((1, 8, 9), None), ((1, 4, 8), 8), ((0, 1, 7.5, 8), 8), ((1, 8.0001, 9), None)],
)
def test_counted_acts_have_to_lie_within_the_window(when: tuple[float, ...], since: float | None) -> None:
    entry = any_of("visits", times=3, within=days(7))
    found = entered(entry, *(act(day, "visits") for day in when))
    assert found == (None if since is None else at(since))


def test_every_one_has_to_lie_within_the_window() -> None:
    entry = all_of("visits", "asks", within=days(7))
    assert entered(entry, act(1, "visits"), act(9, "asks")) is None
    assert entered(entry, act(1, "visits"), act(9, "asks"), act(10, "visits")) == at(10)


def test_an_old_act_counts_again_for_nothing_that_it_is_too_old_for() -> None:
    entry = all_of("visits", "asks", within=days(7))
    assert entered(entry, act(1, "visits"), act(9, "asks"), act(16.5, "visits")) is None


def test_one_way_in_is_enough() -> None:
    entry = any_of("visits", times=3, otherwise=(all_of("asks", "tries"),))
    assert entered(entry, act(1, "asks"), act(2, "tries")) == at(2)
    assert entered(entry, act(1, "asks"), act(2, "visits")) is None
    assert entry.behaviours == {"visits", "asks", "tries"}


def test_an_entry_is_plain_where_any_single_act_is_enough() -> None:
    assert any_of("visits", "asks").is_plain
    assert any_of("visits", otherwise=(any_of("asks"),)).is_plain
    assert not any_of("visits", times=2).is_plain
    assert not any_of("visits", otherwise=(all_of("asks"),)).is_plain


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry(), ""),
        (any_of("b", "a"), "any of a, b"),
        (any_of("a", times=3, within=days(14)), "3 of a within 14 days"),
        (all_of("a", "b", within=timedelta(hours=36)), "all of a, b within 36 hours"),
        (any_of("a", otherwise=(all_of("b"),)), "any of a; or all of b"),
        (Entry(frozenset("a"), frozenset("b")), "any of a; or all of b"),
    ],
)
def test_a_way_in_is_said_in_words(entry: Entry, words: str) -> None:
    assert entry_words(entry) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (days(1), "1 day"),
        (days(2), "2 days"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=61), "61 seconds"),
    ],
)
def test_a_span_is_said_in_its_largest_whole_unit(span: timedelta, words: str) -> None:
    assert span_words(span) == words
