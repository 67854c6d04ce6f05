"""Wherever an apply stops, the next one completes it, and nothing is made twice."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from instep.sync.transport import nothing

from .drawn import changed, drawn
from .systems import Files, Systems, systems


class Stopped(BaseException):
    """The process died here."""


class Stop:
    """Counts the effects of an apply, and lets nothing through from the given one on."""

    def __init__(self, at: int | None = None) -> None:
        self.labels: list[str] = []
        self._at = at

    def __call__(self, label: str) -> None:
        self.labels.append(label)
        if self._at is not None and len(self.labels) > self._at:
            raise Stopped(label)


def configurations(seed: int) -> tuple[Files, Files]:
    chance = random.Random(seed)
    first = drawn(chance)
    return first, changed(changed(first, chance), chance)


def effects(root: Path, seed: int, name: str, *, second: bool) -> int:
    """How many effects the apply has that is to be stopped."""
    with systems(root, [name]) as place:
        begin(place, seed, name, second=second)
        watch = Stop()
        place.apply(watch, past_guards=True)
        return len(watch.labels)


def begin(place: Systems, seed: int, name: str, *, second: bool) -> None:
    """The files as they are when the apply begins; for a second one, the first was applied."""
    first, then = configurations(seed)
    for files in (first, then):
        files.tables = {name: files.tables[name]}
    place.write(first)
    if second:
        place.apply()
        place.write(then)


def stop_and_go_on(root: Path, seed: int, name: str, at: int, *, second: bool) -> None:
    with systems(root, [name]) as place:
        begin(place, seed, name, second=second)
        with pytest.raises(Stopped):
            place.apply(Stop(at), past_guards=True)
        report = place.apply(nothing, past_guards=True)
        assert [one for one in report.done if one.state != "applied"] == []
        plan = place.plan()
        assert plan.is_empty, (at, plan.as_json()["systems"])
        for system in plan.systems:
            for of in system.compared.lists:
                labels = Counter(stage.label for stage in of.there.stages if stage.active) if of.there else Counter()
                assert max(labels.values(), default=1) == 1, labels
            names = Counter(pipeline.label for pipeline in system.compared.found.pipelines)
            assert max(names.values(), default=1) == 1, names


def points(count: int, every: int) -> range:
    return range(0, count, every)


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
@pytest.mark.parametrize("second", [False, True], ids=["from-nothing", "a-change"])
def test_an_apply_that_was_stopped_is_completed_by_the_next(name: str, second: bool, tmp_path: Path) -> None:
    seed = 7
    print(f"seed {seed}")
    count = effects(tmp_path / "watch", seed, name, second=second)
    assert count > 10
    for at in points(count, max(1, count // 4)):
        stop_and_go_on(tmp_path / str(at), seed, name, at, second=second)


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(11, 13))
@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
@pytest.mark.parametrize("second", [False, True], ids=["from-nothing", "a-change"])
def test_an_apply_may_stop_at_any_effect(name: str, second: bool, seed: int, tmp_path: Path) -> None:
    print(f"seed {seed}")
    count = effects(tmp_path / "watch", seed, name, second=second)
    for at in points(count, 1 if name == "hubspot" else 3):
        stop_and_go_on(tmp_path / str(at), seed, name, at, second=second)
