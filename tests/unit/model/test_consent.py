"""Consent as a lattice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from instep.model.consent import Standing, Statement, is_opted_out, settle

START = datetime(2026, 1, 1, tzinfo=UTC)
STATEMENTS = st.builds(
    Statement,
    scope=st.sampled_from(["all", "news"]),
    state=st.sampled_from(["in", "out", "unset"]),
    at=st.integers(0, 5).map(lambda days: START + timedelta(days=days)),
    source=st.sampled_from(["a", "b"]),
    explicit=st.booleans(),
)


@given(st.lists(STATEMENTS, max_size=6), st.randoms())
def test_the_order_of_statements_never_matters(heard: list[Statement], chance: object) -> None:
    shuffled = list(heard)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle([], heard) == settle([], shuffled)


@given(st.lists(STATEMENTS, max_size=6))
def test_hearing_everything_twice_changes_nothing(heard: list[Statement]) -> None:
    assert settle([], [*heard, *heard]) == settle([], heard)


@given(st.lists(STATEMENTS, max_size=4), st.lists(STATEMENTS, max_size=4))
def test_hearing_some_now_and_some_later_is_hearing_all(first: list[Statement], second: list[Statement]) -> None:
    assert settle(settle([], first).values(), second) == settle([], [*first, *second])


@given(st.lists(STATEMENTS, max_size=6))
def test_a_standing_names_the_latest_statement_that_decided_it(heard: list[Statement]) -> None:
    for scope, standing in settle([], heard).items():
        same = [
            s for s in heard if (s.scope, s.state) == (scope, standing.state) and (s.state == "out" or s.explicit)
        ]
        latest = max(same, key=lambda s: (s.at, s.source))
        assert standing == Standing(scope, standing.state, latest.at, latest.source)


@given(st.lists(STATEMENTS, max_size=6))
def test_a_scope_stands_somewhere_exactly_if_someone_said_so(heard: list[Statement]) -> None:
    said = {s.scope for s in heard if s.state == "out" or (s.state == "in" and s.explicit)}
    assert list(settle([], heard)) == sorted(said)


@given(st.lists(STATEMENTS, max_size=6))
def test_an_opt_out_is_lifted_only_by_a_newer_explicit_opt_in_of_its_scope(heard: list[Statement]) -> None:
    for scope, standing in settle([], heard).items():
        outs = [s.at for s in heard if s.scope == scope and s.state == "out"]
        ins = [s.at for s in heard if s.scope == scope and s.state == "in" and s.explicit]
        if outs:
            assert (standing.state == "out") == (not ins or max(ins) <= max(outs))


def test_an_opt_out_of_all_covers_every_scope() -> None:
    standings = {"all": Standing("all", "out", START, "a"), "news": Standing("news", "in", START, "b")}
    assert is_opted_out(standings, "news")


def test_an_opt_out_of_one_scope_covers_no_other() -> None:
    assert not is_opted_out({"news": Standing("news", "out", START, "a")}, "events")
    assert is_opted_out({"news": Standing("news", "out", START, "a")}, "news")


def test_who_said_nothing_or_opted_in_is_not_opted_out() -> None:
    assert not is_opted_out({}, "news")
    assert not is_opted_out({"all": Standing("all", "in", START, "a")}, "all")
