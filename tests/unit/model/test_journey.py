"""The stage of a journey as a fold over claims."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from instep.model.journey import Claim, Position, Step, first_contact, fold, is_accepted, next_due, shown
from instep.model.process import Behaviour, Entry, Half, Outcome, Process, Role, Segment, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=100)
PROCESS = Process(
    "test",
    (
        Stage("interest", "Interest", role=Role.MARKETING, enter=Entry(any=frozenset({"visits"}))),
        Stage("decision", "Decision", role=Role.SALES, enter=Entry(all=frozenset({"trial", "budget"}))),
        Stage("live", "Live", Half.RETENTION, Role.SERVICE, Entry(any=frozenset({"training"}))),
    ),
    (Behaviour("visits", "Visits"), Behaviour("trial", "Trial"), Behaviour("budget", "Budget")),
)
ORDER = PROCESS.order()


def at(day: int) -> datetime:
    return START + timedelta(days=day)


def evidence(day: int, behaviour: str) -> Claim:
    return Claim(at(day), "evidence", behaviour, f"a/behaviour/{day}{behaviour}")


def assertion(day: int, stage: str, **more: object) -> Claim:
    return Claim(at(day), "assertion", stage, f"a/people/{day}", **more)  # type: ignore[arg-type]


CLAIMS = st.one_of(
    st.builds(evidence, st.integers(0, 9), st.sampled_from(["visits", "trial", "budget", "training"])),
    st.builds(assertion, st.integers(0, 9), st.sampled_from(list(ORDER))),
    st.builds(
        lambda day, outcome: Claim(at(day), "outcome", outcome.value, "a/deals/1"),
        st.integers(0, 9),
        st.sampled_from(list(Outcome)),
    ),
)


@given(st.lists(CLAIMS, max_size=7), st.randoms())
def test_late_claims_give_the_same_stage_as_if_they_had_come_in_order(claims: list[Claim], chance: object) -> None:
    shuffled = list(claims)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled, PROCESS, NOW) == fold(claims, PROCESS, NOW)


@given(st.lists(st.builds(evidence, st.integers(0, 9), st.sampled_from(["visits", "trial", "budget"])), max_size=7))
def test_evidence_alone_never_lowers_a_stage(claims: list[Claim]) -> None:
    steps = [ORDER[step.stage] for step in fold(claims, PROCESS, NOW).history]
    assert steps == sorted(steps)


@given(st.lists(CLAIMS, max_size=6), st.sampled_from(list(ORDER)))
def test_the_last_assertion_stands_unless_later_evidence_raises_it(claims: list[Claim], stage: str) -> None:
    position = fold([*claims, assertion(50, stage)], PROCESS, NOW)
    assert position.stage == stage


def test_every_behaviour_of_an_all_rule_is_needed() -> None:
    assert fold([evidence(1, "trial")], PROCESS, NOW).stage is None
    assert fold([evidence(1, "trial"), evidence(2, "budget")], PROCESS, NOW).stage == "decision"


def test_evidence_that_was_there_before_an_assertion_does_not_undo_it() -> None:
    claims = [evidence(1, "trial"), evidence(2, "budget"), assertion(3, "interest")]
    assert fold(claims, PROCESS, NOW).stage == "interest"


def test_at_one_instant_the_assertion_comes_last() -> None:
    claims = [assertion(2, "interest"), evidence(1, "trial"), evidence(2, "budget")]
    assert fold(claims, PROCESS, NOW).stage == "interest"


def test_an_expired_assertion_no_longer_counts() -> None:
    expiring = assertion(3, "decision", expires=at(5))
    assert fold([evidence(1, "visits"), expiring], PROCESS, at(4)).stage == "decision"
    assert fold([evidence(1, "visits"), expiring], PROCESS, at(6)).stage == "interest"


def test_what_is_not_accepted_is_kept_and_does_not_count() -> None:
    assert fold([evidence(1, "visits"), assertion(2, "decision", accepted=False)], PROCESS, NOW).stage == "interest"


def test_winning_moves_a_journey_into_retention_and_leaves_it_open() -> None:
    position = fold([assertion(1, "decision"), Claim(at(2), "outcome", "won", "a/deals/1")], PROCESS, NOW)
    assert (position.stage, position.outcome, position.is_open) == ("live", Outcome.WON, True)


def test_deciding_for_nobody_closes_a_journey_where_it_stands() -> None:
    position = fold([assertion(1, "decision"), Claim(at(2), "outcome", "no_decision", "a/deals/1")], PROCESS, NOW)
    assert (position.stage, position.closed_at) == ("decision", at(2))


def test_a_system_that_speaks_for_the_stage_left_may_move_anywhere() -> None:
    assert is_accepted(frozenset({"sales"}), "decision", "interest", PROCESS)


def test_a_system_may_pull_forward_into_what_it_speaks_for_but_not_back() -> None:
    assert is_accepted(frozenset({"sales"}), "interest", "decision", PROCESS)
    assert not is_accepted(frozenset({"marketing"}), "decision", "interest", PROCESS)


def test_the_furthest_open_journey_is_shown_else_the_one_that_closed_last() -> None:
    near, far = Position("interest"), Position("decision")
    early, late = Position("decision", Outcome.LOST, at(1)), Position("interest", Outcome.LOST, at(2))
    assert shown([("1", near), ("2", far), ("3", early)], PROCESS) == "2"
    assert shown([("3", early), ("4", late)], PROCESS) == "4"
    assert shown([], PROCESS) is None


def test_a_finer_stage_that_the_preferred_value_includes_is_taken() -> None:
    coarse = frozenset({"interest", "decision"})
    assert first_contact([("a", "interest", coarse), ("b", "decision", frozenset({"decision"}))]) == ("b", "decision")
    assert first_contact([("a", "interest", frozenset({"interest"})), ("b", "live", frozenset({"live"}))]) == (
        "a",
        "interest",
    )


def test_of_two_systems_that_include_the_same_the_preferred_one_decides() -> None:
    both = frozenset({"interest", "decision"})
    assert first_contact([("a", "interest", both), ("b", "decision", both)]) == ("a", "interest")


def test_a_system_that_says_the_same_more_finely_decides_nothing() -> None:
    coarse = frozenset({"interest", "decision"})
    assert first_contact([("a", "interest", coarse), ("b", "interest", frozenset({"interest"}))]) == ("a", "interest")
    assert first_contact([]) is None


def test_a_stage_that_nobody_owns_is_anybodys() -> None:
    free = Process("p", (Stage("x", "X"), Stage("y", "Y", role=Role.SALES)))
    assert is_accepted(frozenset(), None, "x", free)
    assert is_accepted(frozenset(), "x", "y", free)
    assert not is_accepted(frozenset(), None, "y", free)


def test_a_system_that_speaks_only_for_where_it_goes_may_not_go_back() -> None:
    assert not is_accepted(frozenset({"marketing"}), "live", "interest", PROCESS)
    assert is_accepted(frozenset({"service"}), "decision", "live", PROCESS)


def test_what_lies_ahead_counts_when_it_has_happened() -> None:
    booked = evidence(5, "visits")
    assert fold([booked], PROCESS, at(4)).stage is None
    assert fold([booked], PROCESS, at(5)).stage == "interest"


def test_a_journey_is_looked_at_again_at_the_next_act_or_expiry_ahead() -> None:
    claims = [
        evidence(2, "visits"),
        evidence(9, "trial"),
        assertion(1, "decision", expires=at(7)),
        assertion(1, "decision", expires=at(6), accepted=False),
        assertion(8, "decision"),
    ]
    assert [next_due(claims, at(day)) for day in (1, 2, 6, 7, 8, 9)] == [at(2), at(7), at(7), at(9), at(9), None]


def test_a_journey_that_is_reopened_is_open_where_it_stands() -> None:
    lost = Claim(at(2), "outcome", "lost", "a/deals/1")
    back = Claim(at(3), "reopened", "lost", "a/deals/1")
    position = fold([assertion(1, "decision"), lost, back], PROCESS, NOW)
    assert (position.stage, position.outcome, position.closed_at, position.is_open) == ("decision", None, None, True)
    assert position.since == at(1)


def test_winning_what_is_kept_already_moves_nothing() -> None:
    more = Process("p", (*PROCESS.stages, Stage("loyal", "Loyal", Half.RETENTION)))
    won = Claim(at(2), "outcome", "won", "a/deals/1")
    assert fold([assertion(1, "loyal"), won], more, NOW).stage == "loyal"
    assert fold([won], more, NOW).stage == "live"
    assert fold([won], Process("p", PROCESS.stages[:2]), NOW).stage is None


def test_a_history_names_every_stage_its_time_and_its_cause() -> None:
    first, second = assertion(1, "interest"), assertion(3, "decision")
    again = assertion(2, "interest")
    assert fold([second, again, first], PROCESS, NOW).history == (
        Step("interest", at(1), first),
        Step("decision", at(3), second),
    )
    assert Position().since is None


def test_a_renamed_stage_is_asserted_by_its_old_name() -> None:
    renamed = Process("p", PROCESS.stages, moved={"old": "older", "older": "decision"})
    assert fold([assertion(1, "old")], renamed, NOW).stage == "decision"
    assert fold([assertion(1, "unheard-of")], renamed, NOW).stage is None


def test_evidence_counts_for_the_stages_of_its_segment() -> None:
    own = (PROCESS.stages[0], Stage("tasting", "Tasting", enter=Entry(any=frozenset({"tastes"}))), PROCESS.stages[1])
    tea = Process("p", PROCESS.stages, segments=(Segment("tea", "Tea", None, own),))
    assert fold([evidence(1, "tastes")], tea, NOW, "tea").stage == "tasting"
    assert fold([evidence(1, "tastes")], tea, NOW).stage is None


def test_journeys_without_a_stage_are_never_shown() -> None:
    closed = Position("interest", Outcome.LOST, at(1))
    assert shown([("1", Position()), ("2", closed)], PROCESS) == "2"
    assert shown([("1", Position(closed_at=at(9)))], PROCESS) is None


def test_of_two_journeys_as_far_the_same_one_is_shown_whatever_their_order() -> None:
    one, two = ("1", Position("decision")), ("2", Position("decision"))
    assert shown([one, two], PROCESS) == shown([two, one], PROCESS) == "2"


def test_a_claim_knows_the_connection_that_it_came_from() -> None:
    assert Claim(at(1), "assertion", "interest", "hub/people/7/8").connection == "hub"
