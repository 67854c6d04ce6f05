"""Where journeys wait beside the path: how detours begin, what ends them, and what else is told of a journey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.model.journey import Claim, Position, fold, next_due, proven, shown, turns
from instep.model.process import Detour, Entry, Half, Outcome, Process, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def entry(key: str) -> Entry:
    return Entry(any=frozenset({key}))


STAGES = (
    Stage("sidelines", "Sidelines", latent=True),
    Stage("interest", "Interest", enter=entry("visits"), expected_days=10),
    Stage("decision", "Decision", enter=entry("tries"), expected_days=5),
    Stage("live", "Live", Half.RETENTION, enter=entry("trains")),
)
BY_HAND = Detour("ruled-out", "Ruled out", ends_by_hand=True)
PROCESS = Process("p", STAGES, detours=(Detour("recycled", "Recycled"), BY_HAND))
QUIET = Process("p", STAGES, detours=(Detour("dormant", "Dormant", after=timedelta(days=30)),))
NOW = at(100)


def act(day: float, key: str) -> Claim:
    return Claim(at(day), "evidence", key, f"a/behaviour/{key}{day}", doer="jane")


def set_to(day: float, stage: str, **more: object) -> Claim:
    return Claim(at(day), "assertion", stage, "a/people/1", **more)  # type: ignore[arg-type]


def left(day: float, detour: str = "recycled", **more: object) -> Claim:
    return Claim(at(day), "detour", detour, "a/people/1", **more)  # type: ignore[arg-type]


def ended(day: float, outcome: str = "lost") -> Claim:
    return Claim(at(day), "outcome", outcome, "a/deals/1")


def stands(*claims: Claim, process: Process = PROCESS, now: datetime = NOW) -> tuple[str | None, str | None]:
    position = fold(claims, process, now)
    return position.stage, position.detour


# --- begun by somebody -----------------------------------------------------------------------------------------


def test_a_journey_on_a_detour_keeps_its_stage() -> None:
    position = fold([set_to(1, "decision"), left(2)], PROCESS, NOW)
    assert (position.stage, position.detour, position.detour_since) == ("decision", "recycled", at(2))
    assert position.is_open


@pytest.mark.parametrize(
    ("key", "follows"),
    [("visits", ("interest", None)), ("tries", ("decision", None))],
    ids=["the stage that was left", "a later one"],
)
def test_an_act_that_proves_the_stage_or_a_later_one_ends_a_detour(key: str, follows: tuple[str, None]) -> None:
    assert stands(set_to(1, "interest"), left(2), act(3, key)) == follows


def test_an_act_that_proves_only_an_earlier_stage_ends_no_detour() -> None:
    assert stands(set_to(1, "decision"), left(2), act(3, "visits")) == ("decision", "recycled")


def test_an_act_from_before_a_detour_does_not_end_it() -> None:
    assert stands(set_to(1, "interest"), left(3), act(2, "visits")) == ("interest", "recycled")


def test_only_a_colleague_ends_a_detour_that_ends_by_hand() -> None:
    claims = [set_to(1, "interest"), left(2, "ruled-out"), act(3, "tries")]
    assert stands(*claims) == ("decision", "ruled-out")
    assert stands(*claims, set_to(4, "interest")) == ("interest", None)


def test_setting_the_same_stage_again_ends_a_detour() -> None:
    assert stands(set_to(1, "interest"), left(2), set_to(3, "interest")) == ("interest", None)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_ends_a_detour(outcome: Outcome) -> None:
    assert fold([set_to(1, "decision"), left(2), ended(3, outcome.value)], PROCESS, NOW).detour is None


def test_one_detour_follows_another() -> None:
    assert stands(set_to(1, "decision"), left(2), left(3, "ruled-out")) == ("decision", "ruled-out")


def test_a_detour_that_the_process_does_not_have_says_nothing() -> None:
    assert stands(set_to(1, "decision"), left(2, "unheard-of")) == ("decision", None)


def test_a_detour_that_was_not_accepted_or_is_over_does_not_count() -> None:
    assert stands(set_to(1, "decision"), left(2, accepted=False)) == ("decision", None)
    assert stands(set_to(1, "decision"), left(2, expires=at(5)), now=at(4)) == ("decision", "recycled")
    assert stands(set_to(1, "decision"), left(2, expires=at(5)), now=at(6)) == ("decision", None)


# --- gone quiet ------------------------------------------------------------------------------------------------


def test_a_journey_of_which_nothing_is_heard_for_long_leaves_the_path_by_itself() -> None:
    assert stands(act(1, "visits"), process=QUIET, now=at(30.9)) == ("interest", None)
    position = fold([act(1, "visits")], QUIET, at(31))
    assert (position.detour, position.detour_since) == ("dormant", at(31))


def test_the_next_act_ends_the_quiet() -> None:
    assert stands(act(1, "visits"), act(40, "visits"), process=QUIET, now=at(41)) == ("interest", None)


def test_what_proves_no_stage_keeps_a_journey_awake_all_the_same() -> None:
    assert fold([act(1, "visits")], QUIET, at(40), active_at=at(20)).detour is None
    assert fold([act(1, "visits")], QUIET, at(50), active_at=at(20)).detour_since == at(50)


def test_what_lies_ahead_keeps_nobody_awake() -> None:
    assert fold([act(1, "visits"), act(60, "visits")], QUIET, at(40), active_at=at(60)).detour == "dormant"


def test_buyers_who_are_not_looking_never_grow_quiet() -> None:
    assert stands(set_to(1, "sidelines"), process=QUIET) == ("sidelines", None)


def test_a_journey_without_a_stage_or_that_is_closed_never_grows_quiet() -> None:
    assert stands(act(1, "unheard-of"), process=QUIET) == (None, None)
    assert stands(set_to(1, "decision"), ended(2), process=QUIET) == ("decision", None)


def test_of_two_kinds_of_quiet_the_longer_follows_the_shorter() -> None:
    cold = Detour("cold", "Cold", after=timedelta(days=60))
    both = Process("p", STAGES, detours=(*QUIET.detours, cold))
    assert [fold([act(1, "visits")], both, at(day)).detour for day in (20, 40, 70)] == [None, "dormant", "cold"]


ACTS = st.lists(st.builds(act, st.integers(0, 90), st.sampled_from(["visits", "tries", "trains"])), max_size=5)
MOVES = st.lists(
    st.builds(
        lambda day, stage, lasts: set_to(day, stage, expires=at(day + lasts) if lasts else None),
        st.integers(0, 90),
        st.sampled_from([stage.key for stage in STAGES]),
        st.integers(0, 40),
    ),
    max_size=3,
)


@given(ACTS, MOVES, st.integers(0, 200), st.none() | st.integers(0, 90).map(at))
def test_nothing_happens_to_a_journey_between_now_and_when_it_is_due(
    acts: list[Claim], moves: list[Claim], day: int, active_at: datetime | None
) -> None:
    claims, now = [*acts, *moves], at(day)
    heard = active_at if active_at is not None and active_at <= now else None
    position = fold(claims, QUIET, now, active_at=heard)
    due = next_due(claims, now, QUIET, position, heard)
    just_before = due - timedelta(seconds=1) if due is not None else at(10_000)
    told = [fold(claims, QUIET, then, active_at=heard) for then in (now, max(now, just_before))]
    assert told[0] == told[1]


def test_what_was_said_until_a_day_that_has_passed_keeps_nobody_awake() -> None:
    claims = [act(1, "visits"), set_to(20, "decision", expires=at(25))]
    position = fold(claims, QUIET, at(26))
    assert next_due(claims, at(26), QUIET, position) == at(31)


def test_a_journey_on_a_detour_or_closed_is_not_due_for_growing_quiet() -> None:
    for position in (Position("interest", detour="dormant"), Position("interest", closed_at=at(1))):
        assert next_due([act(1, "visits")], at(2), QUIET, position) is None


# --- what else is told -----------------------------------------------------------------------------------------


def test_what_is_proven_is_what_the_buyer_did_alone() -> None:
    claims = [act(1, "visits"), set_to(2, "decision"), left(3)]
    assert proven(claims, PROCESS, NOW) == "interest"
    assert proven([set_to(2, "decision")], PROCESS, NOW) is None
    assert proven([*claims, ended(4, "won")], PROCESS, NOW) == "live"


@given(ACTS, MOVES)
def test_no_colleague_changes_what_is_proven(acts: list[Claim], moves: list[Claim]) -> None:
    assert proven([*acts, *moves], PROCESS, NOW) == fold(acts, PROCESS, NOW).stage


def test_a_buyer_is_overdue_once_they_stayed_longer_than_expected() -> None:
    assert fold([act(1, "visits")], PROCESS, NOW).overdue_from(PROCESS) == at(11)
    assert fold([act(1, "visits"), act(4, "tries")], PROCESS, NOW).overdue_from(PROCESS) == at(9)


@pytest.mark.parametrize(
    "claims",
    [[], [set_to(1, "live")], [set_to(1, "decision"), ended(2)], [set_to(1, "decision"), left(2)]],
    ids=["at no stage", "at a stage that takes no certain time", "closed", "beside the path"],
)
def test_nobody_is_overdue(claims: list[Claim]) -> None:
    assert fold(claims, PROCESS, NOW).overdue_from(PROCESS) is None


def test_a_journey_on_the_path_is_shown_before_one_that_waits_beside_it() -> None:
    waiting, near = Position("decision", detour="recycled"), Position("interest")
    assert shown([("1", waiting), ("2", near)], PROCESS) == "2"
    assert shown([("1", waiting)], PROCESS) == "1"


def test_the_turns_of_a_journey_are_its_halves_and_its_ends() -> None:
    claims = [ended(9), set_to(1, "interest"), ended(3, "won"), Claim(at(12), "reopened", "lost", "a/deals/1")]
    assert turns(claims, PROCESS, Half.ACQUISITION) == (
        (at(3), Half.RETENTION),
        (at(9), None),
        (at(12), Half.RETENTION),
    )


def test_what_brought_a_buyer_moves_no_stage() -> None:
    brought = Claim(at(1), "referral", "joan", "a/behaviour/1", doer="jane")
    assert fold([brought], PROCESS, NOW) == Position()
