"""Replays are measured on a state that the engine leaves behind, and columns say of it what rows say."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from bench import multiplied as many
from bench import replaying
from bench.multiplied import multiplied
from bench.replaying import replayed

from instep.mapping.compiled import Workspace
from instep.store import Store
from instep.store.segments import Segments
from instep.sync.replay import run
from instep.sync.replay.ticking import persons, ticks


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three blocks of buyers, of whom some are not at rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "IN_A_BLOCK", 40)
        return multiplied(tmp_path_factory.mktemp("replaying"), 120, restless=0.05)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few persons as these are replayed by columns."""
    monkeypatch.setattr(run, "FEW", 0)


def test_unchanged_files_make_no_difference(workspace: Workspace) -> None:
    found = replayed(workspace, [])
    assert (found.tally.is_empty, found.tally.looked_at.total()) == (True, 132)


@pytest.mark.parametrize("names", [("process",), ("scoring",), ("team",), ("crm",), replaying.EVERYTHING])
def test_columns_and_rows_say_the_same(workspace: Workspace, names: tuple[str, ...]) -> None:
    assert replayed(workspace, names).as_json() == replayed(workspace, names, rows_only=True).as_json()


def test_every_changed_file_moves_somebody(workspace: Workspace) -> None:
    moved = {aspect for _, aspect, *_ in replayed(workspace, replaying.EVERYTHING).tally.moves}
    assert moved >= {"stage", "owner", "score", "band"}


def test_no_two_buyers_of_different_blocks_share_an_id(workspace: Workspace) -> None:
    with Store(workspace.store) as store:
        counts = store.row("SELECT count(DISTINCT id), count(DISTINCT shown), count(DISTINCT fields) FROM entity")
    assert counts == (132, 120, 132)


def test_whoever_a_tick_names_is_due_by_then(workspace: Workspace) -> None:
    with Store(workspace.store) as store, Segments(store) as segments:
        segments.refresh([persons(workspace)])
        since = datetime.fromisoformat(str(store.meta("decided_at")))
        for days in (1, 8, 31, 60):
            until = since + timedelta(days=days)
            named = pl.concat(ticks(segments, workspace, since, until))["entity"]
            latest = (until + timedelta(seconds=1)).isoformat()
            due = {id for (id,) in store.rows("SELECT id FROM entity WHERE due_at <= ?", (latest,))}
            assert set(named) <= due
        assert len(named) > 0


@pytest.mark.ci
def test_every_figure_is_taken(tmp_path: Path) -> None:
    rows = list(replaying.measure(tmp_path, persons=1_000, sample=30))
    assert [row.unit for row in rows] == ["s", "rows/s", "s", "MB", "s", "us", "s", "s", "s", "s"]
