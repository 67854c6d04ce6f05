"""Claims about behaviours: that an activity keeps its id, is corrected under it, and can be withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol, runtime_checkable

import pytest

from instep.contract import BehaviourFeed, BehaviourGone, BehaviourSeen
from instep.testing.workbench import Workbench

Told = BehaviourSeen | BehaviourGone


@runtime_checkable
class BehaviourHands(Protocol):
    """What a sandbox's world can do, so that the claims about behaviours can be tested."""

    @property
    def activities(self) -> Sequence[str]:
        """The kinds of behaviour that happen here on demand."""
        ...

    def act(self, kind: str, object: str, id: str) -> None:
        """Something of this kind is done with a record of a person."""
        ...

    def correct_act(self, kind: str, id: str) -> bool:
        """A colleague corrects an activity; False where nobody can, in that system."""
        ...

    def withdraw_act(self, kind: str, id: str) -> bool:
        """A colleague deletes an activity, or calls it off; False where the system does not tell of it."""
        ...


class BehaviourClaims:
    """What the part `behaviours` promises."""

    def test_behaviours_are_of_the_kinds_that_were_asked_for(self, bench: Workbench) -> None:
        feed = bench.part("behaviours")
        for kind in feed.kinds:
            seen = [item for item in _read(feed, [kind], None)[0] if isinstance(item, BehaviourSeen)]
            assert {behaviour.kind for behaviour in seen} <= {kind}
            assert all(behaviour.at.tzinfo is not None for behaviour in seen)

    def test_reading_behaviours_ends_with_a_cursor_that_goes_on(self, bench: Workbench) -> None:
        feed = bench.part("behaviours")
        cursor: str | None = None
        for _ in range(3):
            _, cursor = _read(feed, feed.kinds, cursor)
            bench.clock.advance(timedelta(hours=1))
        assert not _read(feed, feed.kinds, cursor)[0]

    def test_an_activity_names_whom_it_was_with(self, bench: Workbench) -> None:
        for done in _done(bench):
            assert (bench.object, done.record) in done.seen.subjects or done.seen.email

    def test_an_activity_has_one_id_however_often_it_is_read(self, bench: Workbench) -> None:
        for done in _done(bench):
            again = [item for item in _read(done.feed, [done.kind], None)[0] if isinstance(item, BehaviourSeen)]
            assert again == [done.seen]

    def test_an_activity_that_was_corrected_comes_again_under_its_id(self, bench: Workbench) -> None:
        corrected = []
        for done in _done(bench):
            if done.hands.correct_act(done.kind, done.seen.id):
                bench.pass_time()
                later = _of(done.seen.id, _read(done.feed, [done.kind], done.cursor)[0])
                assert isinstance(later, BehaviourSeen)
                assert later != done.seen
                corrected.append(done.kind)
        if not corrected:
            pytest.skip(f"Nobody can correct an activity in the sandbox of {bench.plugin.name}.")

    def test_an_activity_that_was_withdrawn_is_gone(self, bench: Workbench) -> None:
        withdrawn = []
        for done in _done(bench):
            if done.hands.withdraw_act(done.kind, done.seen.id):
                bench.pass_time()
                assert isinstance(_of(done.seen.id, _read(done.feed, [done.kind], done.cursor)[0]), BehaviourGone)
                assert not isinstance(_of(done.seen.id, _read(done.feed, [done.kind], None)[0]), BehaviourSeen)
                withdrawn.append(done.kind)
        if not withdrawn:
            pytest.skip(f"{bench.plugin.name} does not tell that an activity was withdrawn.")


class _Done:
    """An activity that was just done with a fresh record, and what was read of it."""

    def __init__(self, bench: Workbench, hands: BehaviourHands, kind: str) -> None:
        self.feed: BehaviourFeed = bench.part("behaviours")
        self.hands, self.kind = hands, kind
        (self.record,) = bench.make(bench.object)
        hands.act(kind, bench.object, self.record)
        bench.pass_time()
        told, self.cursor = _read(self.feed, [kind], None)
        (self.seen,) = [item for item in told if isinstance(item, BehaviourSeen)]
        bench.pass_time()


def _done(bench: Workbench) -> Iterator[_Done]:
    """One activity of every kind that can happen in the sandbox."""
    bench.part("behaviours")
    hands = bench.sandbox.world
    if not isinstance(hands, BehaviourHands):
        pytest.skip(f"The sandbox of {bench.plugin.name} has no hands for activities (BehaviourHands).")
    return (_Done(bench, hands, kind) for kind in hands.activities)


def _read(feed: BehaviourFeed, kinds: Sequence[str], cursor: str | None) -> tuple[list[Told], str | None]:
    told: list[Told] = []
    for page in feed.changed_since(kinds, cursor):
        told += page.items
        cursor = page.cursor
    return told, cursor


def _of(id: str, told: Sequence[Told]) -> Told | None:
    """The last that was told of an activity: that holds."""
    return next((item for item in reversed(told) if item.id == id), None)
