"""A run that was paused while another one took over: it wakes, notices, and writes nothing more."""

from __future__ import annotations

import tempfile

from instep.errors import PlanError
from instep.store import Store

from ..semantics.cases import Stage, claims, play
from .test_crashes import FOLLOWS, orphans, prepared, twins


def sends(stage: Stage) -> list[int]:
    """The places, among all effects of the run, where something is about to be sent."""
    seen: list[str] = []
    stage.sync(seen.append)
    return [n for n, label in enumerate(seen, 1) if ": " in label and label[1] == ":" and "answered" not in label]


def pause_at(stage: Stage, point: int) -> None:
    """Let the run sleep at one of its effects, until its lock is gone and another run has come and gone."""
    seen = 0

    def boundary(label: str) -> None:
        nonlocal seen
        seen += 1
        if seen == point:
            (stage.root / ".instep" / "state.db.lock").unlink(missing_ok=True)
            other = Stage(stage.root, stage.clock, config=stage.config)
            other.systems = stage.systems
            other.sync()
            assert other.error is None
            stage.systems["a"].writes.clear()
            stage.systems["b"].writes.clear()

    stage.sync(boundary)


def test_a_run_that_was_overtaken_stops_and_leaves_everything_in_step() -> None:
    with tempfile.TemporaryDirectory() as folder:
        points = sends(prepared(folder))
    assert len(points) > 15
    for point in points:
        with tempfile.TemporaryDirectory() as folder:
            stage = prepared(folder)
            pause_at(stage, point)
            assert isinstance(stage.error, PlanError), point
            assert "taken over" in str(stage.error)
            batch = stage.systems["a"].writes + stage.systems["b"].writes
            assert len(batch) <= 3, "only the call that was on its way may still arrive"
            play(stage, "sync; sync")
            assert [*claims(stage, FOLLOWS), *twins(stage), *orphans(stage)] == [], point


def test_a_run_that_nobody_overtook_finishes() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = prepared(folder)
        stage.sync()
        assert stage.error is None


def test_no_journal_row_carries_an_older_number_than_one_before_it() -> None:
    with tempfile.TemporaryDirectory() as folder:
        points = sends(prepared(folder))
    for point in points[:: max(1, len(points) // 6)]:
        with tempfile.TemporaryDirectory() as folder:
            stage = prepared(folder)
            pause_at(stage, point)
            with Store(stage.root / ".instep" / "state.db") as store:
                fences = [row[0] for row in store.rows("SELECT fence FROM journal ORDER BY seq")]
            assert fences == sorted(fences)
