"""Won journeys held against the process: what came out of order, was skipped, or is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from instep.model.process import Actor, Behaviour, Entry, Process, Segment, Stage
from instep.model.validation import SAMPLES, DatedAct, Validated, WonJourney, validate

START = datetime(2026, 1, 1, tzinfo=UTC)


def stage(key: str, *, all_of: tuple[str, ...] = ()) -> Stage:
    return Stage(key, key, enter=Entry(all=frozenset(all_of)) if all_of else Entry(any=frozenset({f"does-{key}"})))


A, B, C = stage("a"), stage("b"), stage("c")
PROCESS = Process("ours", (A, B, C), tuple(Behaviour(f"does-{key}", key) for key in "abc"))


def journey(id: str, *did: str, segment: str | None = None) -> WonJourney:
    """A journey whose buyer did this, a day apart; what is joined by "+" on the same day."""
    days = [(day, key) for day, keys in enumerate(did) for key in keys.split("+")]
    return WonJourney(id, tuple(DatedAct(START + timedelta(days=day), f"does-{key}") for day, key in days), segment)


def figures(found: Validated) -> dict[str, tuple[int, int, int]]:
    return {one.stage: (one.seen.count, one.out_of_order.count, one.skipped.count) for one in found.stages}


def held(*journeys: WonJourney, process: Process = PROCESS) -> Validated:
    return validate(process, journeys, fewest=1)[0]


def test_a_journey_in_order_has_nothing_out_of_order_or_skipped() -> None:
    assert figures(held(journey("1", "a", "b", "c"))) == {"a": (1, 0, 0), "b": (1, 0, 0), "c": (1, 0, 0)}


def test_a_stage_that_is_seen_after_a_later_one_came_out_of_order() -> None:
    assert figures(held(journey("1", "a", "c", "b"))) == {"a": (1, 0, 0), "b": (1, 1, 0), "c": (1, 0, 0)}


def test_what_happened_at_one_moment_is_in_order() -> None:
    assert figures(held(journey("1", "c+b+a"))) == {"a": (1, 0, 0), "b": (1, 0, 0), "c": (1, 0, 0)}


def test_a_stage_that_is_never_seen_though_a_later_one_is_was_skipped() -> None:
    assert figures(held(journey("1", "a", "c"))) == {"a": (1, 0, 0), "b": (0, 0, 1), "c": (1, 0, 0)}


def test_a_stage_after_the_last_one_seen_was_not_skipped() -> None:
    assert figures(held(journey("1", "a")))["c"] == (0, 0, 0)


def test_what_is_done_a_second_time_changes_nothing() -> None:
    assert figures(held(journey("1", "a", "b", "c", "a"))) == figures(held(journey("1", "a", "b", "c")))


def test_a_stage_that_needs_everything_is_seen_with_the_last_of_it() -> None:
    process = Process("ours", (stage("both", all_of=("does-a", "does-c")), B))

    assert figures(held(journey("1", "a", "b", "c"), process=process)) == {"both": (1, 1, 0), "b": (1, 0, 0)}
    assert figures(held(journey("1", "a", "b"), process=process)) == {"both": (0, 0, 1), "b": (1, 0, 0)}


def test_a_stage_that_nothing_enters_is_left_out() -> None:
    process = Process("ours", (Stage("latent", "Latent", latent=True), A))
    assert [one.stage for one in held(journey("1", "a"), process=process).stages] == ["a"]


def test_what_buyers_did_and_no_stage_is_entered_by_is_missing_the_most_frequent_first() -> None:
    found = held(journey("1", "x", "y", "a"), journey("2", "y"))

    assert [(key, share.count, share.samples) for key, share in found.missing] == [
        ("does-y", 2, ("1", "2")),
        ("does-x", 1, ("1",)),
    ]


def test_what_a_seller_does_is_not_missing() -> None:
    process = Process("ours", (A,), (Behaviour("does-x", "x", Actor.SELLER),))
    assert held(journey("1", "a", "x"), process=process).missing == ()


def test_buyers_of_a_segment_are_held_against_its_own_stages() -> None:
    process = Process("ours", (A, B), (), (Segment("tea", "Tea", stages=(C,)), Segment("steel", "Steel")))
    journeys = [
        journey("1", "c", segment="tea"),
        journey("2", "a", segment="steel"),
        journey("3", "a", segment="gone"),
    ]
    common, tea = validate(process, journeys, fewest=1)

    assert (common.segment, common.journeys, figures(common)) == (None, 2, {"a": (2, 0, 0), "b": (0, 0, 0)})
    assert (tea.segment, tea.journeys, figures(tea)) == ("tea", 1, {"c": (1, 0, 0)})


def test_of_too_few_journeys_nothing_is_said() -> None:
    (found,) = validate(PROCESS, [journey(str(n), "a", "c") for n in range(4)])

    assert (found.is_enough, found.journeys, found.stages, found.missing) == (False, 4, (), ())


def test_shares_are_of_all_won_journeys_and_a_few_of_them_are_named() -> None:
    found = held(*(journey(str(n), "a", "c") for n in range(8)), journey("8", "a"), journey("9", "a"))
    skipped = found.stages[1].skipped

    assert (skipped.count, skipped.share) == (8, 0.8)
    assert skipped.samples == ("0", "1", "2", "3", "4")


# --- whatever buyers did -------------------------------------------------------------------------------------------

ACTS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["a", "b", "c", "x"])), max_size=8)
JOURNEYS = st.lists(ACTS, min_size=1, max_size=8).map(
    lambda all_acts: [
        WonJourney(str(n), tuple(DatedAct(START + timedelta(days=day), f"does-{key}") for day, key in acts))
        for n, acts in enumerate(all_acts)
    ]
)


@given(JOURNEYS)
def test_counts_add_up(journeys: list[WonJourney]) -> None:
    found = held(*journeys)

    for one in found.stages:
        assert one.out_of_order.count <= one.seen.count
        assert one.seen.count + one.skipped.count <= found.journeys == len(journeys)
        assert not set(one.seen.samples) & set(one.skipped.samples)
        assert all(len(share.samples) == min(share.count, SAMPLES) for share in (one.seen, one.skipped))


@given(JOURNEYS)
def test_the_last_stage_is_never_out_of_order_or_skipped(journeys: list[WonJourney]) -> None:
    last = held(*journeys).stages[-1]
    assert (last.out_of_order.count, last.skipped.count) == (0, 0)


@given(JOURNEYS, st.randoms())
def test_the_order_in_which_acts_are_told_does_not_count(journeys: list[WonJourney], chance) -> None:
    shuffled = [WonJourney(one.id, tuple(chance.sample(one.acts, len(one.acts)))) for one in journeys]
    assert held(*shuffled) == held(*journeys)


@given(JOURNEYS)
def test_a_journey_that_is_counted_twice_counts_twice(journeys: list[WonJourney]) -> None:
    twins = [WonJourney(f"{one.id}'", one.acts) for one in journeys]
    once, twice = figures(held(*journeys)), figures(held(*journeys, *twins))

    assert twice == {key: tuple(2 * figure for figure in found) for key, found in once.items()}


@given(JOURNEYS)
def test_nothing_is_missing_that_a_stage_is_entered_by(journeys: list[WonJourney]) -> None:
    assert {key for key, _ in held(*journeys).missing} <= {"does-x"}
