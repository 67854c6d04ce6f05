"""Acts: each counts once, for the journeys that were open when it was done, whatever the order of hearing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.acts import NAMED, Act, Course, claim_of_act, counts_for, evidence, told_once
from instep.model.process import Actor, Behaviour, Entry, Half, Process, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
BUYING, KEEPING = Half.ACQUISITION, Half.RETENTION


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def entry(key: str) -> Entry:
    return Entry(any=frozenset({key}))


PROCESS = Process(
    "p",
    (Stage("decision", "Decision", enter=entry("tries")), Stage("live", "Live", KEEPING, enter=entry("trains"))),
    (
        Behaviour("tries", "Tries"),
        Behaviour("trains", "Trains"),
        Behaviour("visits", "Visits"),
        Behaviour("calls", "Calls", Actor.SELLER),
        Behaviour("orders", "Orders", same_within=timedelta(0)),
    ),
)
SYSTEMS = ("a", "b", "c")


def act(day: float, key: str = "tries", source: str = "a/behaviour/1", **more: object) -> Act:
    return Act(key, at(day), "buyer", source, **more)  # type: ignore[arg-type]


# --- told by one system or several -----------------------------------------------------------------------------

TOLD = st.lists(
    st.builds(
        lambda system, number, hour, key: Act(key, at(hour / 24), "buyer", f"{system}/behaviour/{number}"),
        st.sampled_from(SYSTEMS),
        st.integers(0, 9),
        st.integers(0, 60),
        st.sampled_from(["tries", "visits", "orders"]),
    ),
    max_size=9,
    unique_by=lambda told: told.source,
)


@given(TOLD, st.data())
def test_in_any_order_and_told_twice_it_is_the_same_acts(told: list[Act], data: st.DataObject) -> None:
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told)) if told else st.just([]))]))
    assert told_once(again, PROCESS, SYSTEMS) == told_once(told, PROCESS, SYSTEMS)


@given(TOLD)
def test_every_act_is_there_once_by_itself_or_as_another_systems_word_for_one(told: list[Act]) -> None:
    found = told_once(told, PROCESS, SYSTEMS)
    sources = [source for one in found for source in (one.source, *one.also)]
    assert sorted(sources) == sorted(one.source for one in told)
    assert [one.at for one in found] == sorted(one.at for one in found)


@given(TOLD)
def test_two_acts_of_one_system_are_two(told: list[Act]) -> None:
    for one in told_once(told, PROCESS, SYSTEMS):
        systems = [source.split("/")[0] for source in (one.source, *one.also)]
        assert len(set(systems)) == len(systems)


@given(TOLD)
def test_what_one_system_alone_tells_is_as_it_tells_it(told: list[Act]) -> None:
    mine = [one for one in told if one.connection == "a"]
    assert told_once(mine, PROCESS, SYSTEMS) == sorted(mine, key=lambda one: (one.at, one.source))


@pytest.mark.parametrize(("hours", "acts"), [(0, 1), (24, 1), (24.01, 2)])
def test_what_two_systems_tell_of_within_a_day_was_one_act(hours: float, acts: int) -> None:
    assert len(told_once([act(1), act(1 + hours / 24, source="b/behaviour/1")], PROCESS, SYSTEMS)) == acts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (act(1, "tries"), act(1, "visits", "b/behaviour/1")),
        (act(1, "orders"), act(1, "orders", "b/behaviour/1")),
        (act(1), Act("tries", at(1), "seller", "b/behaviour/1")),
    ],
    ids=["another behaviour", "one that two systems never both tell of", "another actor"],
)
def test_what_is_not_the_same_was_not_one_act(one: Act, other: Act) -> None:
    assert told_once([one, other], PROCESS, SYSTEMS) == [one, other]


def test_a_behaviour_that_the_process_does_not_describe_is_told_once_within_a_day() -> None:
    assert len(told_once([act(1, "new"), act(1.5, "new", "b/behaviour/1")], PROCESS, SYSTEMS)) == 1


def test_the_preferred_systems_word_counts() -> None:
    first, second = act(1, source="b/behaviour/1"), act(1.5)
    (found,) = told_once([first, second], PROCESS, SYSTEMS)
    assert (found.at, found.source, found.also) == (second.at, second.source, (first.source,))


def test_an_act_names_what_any_system_names() -> None:
    told = [act(1, about=("deal1",)), act(1, source="b/behaviour/1", about=("deal1", "deal2"))]
    assert told_once(told, PROCESS, SYSTEMS)[0].about == ("deal1", "deal2")


# --- when a journey was open -----------------------------------------------------------------------------------

WON = Course("won", at(0), ((at(10), KEEPING),))
LOST = Course("lost", at(0), ((at(10), None), (at(20), BUYING)))
LATE = Course("late", at(30))


@pytest.mark.parametrize(
    ("course", "day", "half"),
    [(WON, 5, BUYING), (WON, 10, KEEPING), (LOST, 15, None), (LOST, 25, BUYING), (LATE, 1, BUYING)],
)
def test_a_journey_is_in_one_half_at_a_time(course: Course, day: float, half: Half | None) -> None:
    assert course.half_at(at(day)) is half


def test_a_journey_is_open_from_its_opening_on() -> None:
    assert not LATE.is_open_in(frozenset({BUYING}), at(29))
    assert LATE.is_open_in(frozenset({BUYING}), at(30))
    assert not LATE.is_open_in(frozenset({KEEPING}), at(30))


@pytest.mark.parametrize(
    ("course", "half", "day", "opens"),
    [(LATE, BUYING, 1, 30), (LATE, BUYING, 30, None), (LOST, BUYING, 15, 20), (WON, KEEPING, 5, 10)],
)
def test_when_a_journey_is_open_next_is_known(course: Course, half: Half, day: float, opens: float | None) -> None:
    found = course.opens_in(frozenset({half}), at(day))
    assert found == (None if opens is None else at(opens))


@pytest.mark.parametrize(
    ("course", "day", "taken"),
    [
        (Course("1", at(5), (), None), 1, True),
        (Course("1", at(5), ((at(5), KEEPING),), None), 1, True),
        (Course("1", at(5), ((at(5), KEEPING),), None), 6, False),
        (Course("1", at(5), ((at(8), None),)), 1, True),
        (Course("1", at(5), ((at(8), None),)), 9, False),
    ],
)
def test_an_own_journey_takes_what_was_done_in_its_half(course: Course, day: float, taken: bool) -> None:
    assert course.takes_own(frozenset({BUYING}), at(day)) is taken


# --- for which journeys an act counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "courses", "wanted"),
    [
        (act(5), [WON], ["won"]),
        (act(12), [WON], []),
        (act(12, "trains"), [WON], ["won"]),
        (act(5, "trains"), [WON], ["won"]),
        (act(5), [WON, LOST], ["lost", "won"]),
        (act(15), [LOST], ["lost"]),
        (act(1), [LATE], ["late"]),
        (act(15), [LOST, LATE], ["lost"]),
        (act(35), [WON, LATE], ["late"]),
        (act(12), [], []),
        (act(12, about=("won",)), [WON, LOST], ["won"]),
        (act(12, about=("elsewhere",)), [WON], []),
        (act(5, "visits"), [WON], []),
    ],
    ids=[
        "open then", "won before", "in the other half", "of the half that comes", "two open", "open again", "to come",
        "the next of two", "open then beside a won one", "none", "named", "named and unknown", "proves nothing",
    ],
)  # fmt: skip
def test_an_act_counts_for_what_was_open_when_it_was_done(
    done: Act, courses: list[Course], wanted: list[str]
) -> None:
    assert counts_for(done, courses, PROCESS) == wanted


COURSES = st.lists(
    st.builds(
        lambda id, day, turned: Course(id, at(day), tuple(sorted((at(d), h) for d, h in turned.items()))),
        st.sampled_from(["1", "2", "3"]),
        st.integers(0, 40),
        st.dictionaries(st.integers(0, 40), st.sampled_from([BUYING, KEEPING, None]), max_size=3),
    ),
    max_size=3,
    unique_by=lambda course: course.journey,
)


@given(st.data(), COURSES, st.integers(0, 50), st.sampled_from(["tries", "trains"]))
def test_the_order_in_which_journeys_are_known_changes_nothing(
    data: st.DataObject, courses: list[Course], day: int, key: str
) -> None:
    other = data.draw(st.permutations(courses))
    assert counts_for(act(day, key), other, PROCESS) == counts_for(act(day, key), courses, PROCESS)


@given(COURSES, st.integers(0, 50), st.sampled_from(["tries", "trains"]))
def test_where_any_was_open_an_act_counts_for_no_other(courses: list[Course], day: int, key: str) -> None:
    half = frozenset({BUYING if key == "tries" else KEEPING})
    found = counts_for(act(day, key), courses, PROCESS)
    was_open = sorted(course.journey for course in courses if course.is_open_in(half, at(day)))
    assert found == was_open or (not was_open and len(found) <= 1)


# --- what can move a stage -------------------------------------------------------------------------------------


def test_only_a_buyers_act_that_enters_a_stage_is_evidence() -> None:
    seller = Act("tries", at(1), "seller", "a/behaviour/2")
    assert evidence([act(1), act(1, "visits"), act(1, "calls"), seller], PROCESS) == [act(1)]


def test_evidence_says_who_did_it_and_whether_its_source_names_the_journey() -> None:
    named, other = (claim_of_act(act(1, about=("deal1",)), "jane", journey) for journey in ("deal1", "deal2"))
    assert (named.note, other.note, named.doer, named.journey) == (NAMED, "", "jane", "deal1")
    assert (named.at, named.type, named.value, named.source) == (at(1), "evidence", "tries", "a/behaviour/1")
