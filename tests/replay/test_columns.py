"""Replaying by columns comes out as replaying row by row does, whatever the history and whatever is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instep.store import segments
from instep.sync.replay import replay
from instep.sync.replay import run as replaying
from instep.sync.replay.columns import Columns
from instep.sync.replay.files import Replacement

from ..semantics.cases import Stage, play
from .drawn import changes, history

FEW = range(2)
MANY = [*range(2, 24), *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(24, 60))]


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few entities are replayed by columns too, in several partitions side by side."""
    monkeypatch.setattr(replaying, "FEW", 0)
    monkeypatch.setattr(segments, "IN_A_PARTITION", 4)


def replacements(stage: Stage, changed: dict[str, str]) -> list[Replacement]:
    """The files of a workspace as they would be with other words, in a folder of their own."""
    elsewhere = Stage(stage.root / "elsewhere")
    elsewhere.root.mkdir(exist_ok=True)
    elsewhere.config = stage.config | changed
    elsewhere.write_files()
    stage.write_files()
    found = []
    for file in sorted((elsewhere.root / "mappings").glob("*.toml")):
        if file.read_text() != (stage.root / "mappings" / file.name).read_text():
            found.append(Replacement(f"mappings/{file.name}", file))
    return found


def both_ways(stage: Stage, changed: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    files, workspace = replacements(stage, changed), stage.workspace()
    by_rows = replay(workspace, stage.world(), files, rows_only=True)
    by_columns = replay(workspace, stage.world(), files)
    return by_rows.as_json(), by_columns.as_json()


@pytest.mark.parametrize("seed", FEW)
def test_columns_come_out_as_rows_do(tmp_path: Path, seed: int) -> None:
    stage = history(tmp_path, seed)
    for changed in changes(stage, seed):
        by_rows, by_columns = both_ways(stage, changed)
        assert by_columns == by_rows, f"seed {seed}: {changed}"


@pytest.mark.ci
@pytest.mark.parametrize("seed", MANY)
def test_columns_come_out_as_rows_do_in_many_histories(tmp_path: Path, seed: int) -> None:
    test_columns_come_out_as_rows_do(tmp_path, seed)


@pytest.mark.parametrize("seed", FEW)
def test_files_that_say_the_same_make_no_difference(tmp_path: Path, seed: int) -> None:
    stage = history(tmp_path, seed)
    for found in both_ways(stage, {}):
        assert (found["is_empty"], found["moves"], found["writes"]) == (True, [], []), f"seed {seed}"


def test_columns_replay_most_of_those_who_are_at_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    run = Columns.run

    def counting(self: Columns) -> None:
        run(self)
        left.append(sum(len(ids) for ids in self.whom.values()))

    monkeypatch.setattr(Columns, "run", counting)
    stage = history(tmp_path, 3)
    both_ways(stage, {"scoring": stage.config["scoring"].replace("webinar = 10", "webinar = 30")})
    assert left[0] <= 6


# --- what columns once missed ----------------------------------------------------------------------------------

BASE = "points = { webinar = 20, trial = 30 }\nbands = { cold = 0, warm = 25 }\n"
MISSED = {
    "a company's score": (
        {"scoring": BASE, "companies are told": "score"},
        "a.jane; a.joan; a.acme; a.jane in a.acme; a.joan in a.acme; sync; sync; jane did webinar 3d ago; sync; sync",
        {"scoring": BASE.replace("webinar = 20", "webinar = 40")},
    ),
    "a detour": (
        {"scoring": BASE, "told": "detour"},
        "a.jane; a.joan; sync; sync; jane did webinar 30d ago; sync; sync",
        {"process": '\n[[detours]]\nkey = "dormant"\nafter = "5d"\n'},
    ),
    "acts that count as one": (
        {"scoring": BASE},
        "a.jane; a.joan; sync; sync; jane did webinar 3d ago; b.jane did webinar 1d ago; sync; sync",
        {"process": '\n[[behaviours]]\nkey = "whatever"\nlabel = "Whatever"\nsame_within = "5d"\n'},
    ),
    "what is proven": (
        {"scoring": BASE, "told": "proven_stage"},
        "a.jane; a.joan; sync; sync; jane did webinar 3d ago; sync; sync",
        {"process": '\n[[stages]]\nkey = "purchase"\nenter = { any = ["webinar"] }\n'},
    ),
    "a stage that nothing holds any more": (
        {},
        "a.jane; a.joan; jane did trial 0m ago; sync; jane withdrew act1; sync; jane did brings 3d ago; sync; sync",
        {"process": '\n[[stages]]\nkey = "purchase"\nenter = { any = ["brings"] }\n'},
    ),
    "whom a rule may be given to": (
        {"assign": '[[assign]]\nkind = "person"\nwhen = "blank"\nif = { field = "title", eq = "CTO" }\n'},
        "a.jane; a.joan; sync; sync; jane did webinar 3d ago; joan did webinar 3d ago; sync; sync",
        {"process": '\n[[stages]]\nkey = "purchase"\nenter = { any = ["webinar"] }\n'},
    ),
}


@pytest.mark.parametrize("missed", MISSED)
def test_what_columns_cannot_follow_is_left_to_the_rows(tmp_path: Path, missed: str) -> None:
    config, steps, changed = MISSED[missed]
    stage = Stage(tmp_path)
    stage.config |= {**config, "quarantine": "tries = 5\n[guards]\nenabled = false"}
    play(stage, steps)
    by_rows, by_columns = both_ways(stage, changed)
    assert by_columns == by_rows
    assert by_rows["moves"] or missed == "acts that count as one"
