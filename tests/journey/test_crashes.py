"""A run stopped at any effect, and the next one: nothing lost, nothing doubled, everything in step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from instep.store import Store

from ..semantics.cases import Stage, claims, play
from ..thorough import IS_THOROUGH

GIVEN = (
    "a.jane title=CTO stage=research; a.joan title=CFO; a.acme industry=Tools; a.jane in a.acme; "
    "a.deal1 stage=decision amount=5; a.deal1 in a.acme; a.deal1 of a.jane; b.joan city=Bern; sync"
)
HAPPENS = (
    "a.jane title=CEO; b.joan title=Boss; a.kim title=New; a.kim in a.acme; a.joan optout=yes; "
    "a.nora -email first_name=Nora; "  # nothing but our own id says who she is
    "b.deal1 stage=Won; a.deal1 of a.joan"
)
FOLLOWS = (
    "b.jane title=CEO; a.joan title=Boss; b.kim title=New; b.kim in b.acme; b.joan optout=yes; a.deal1 stage=Won; "
    "b.deal1 of b.joan; b.deal1 of b.jane; b.deal1 in b.acme; writes 0"
)


class Stopped(BaseException):
    """The process died here."""


def prepared(folder: str) -> Stage:
    stage = Stage(Path(folder))
    play(stage, GIVEN)
    play(stage, HAPPENS)
    return stage


def points() -> int:
    """How many effects the run has."""
    count = 0

    def boundary(label: str) -> None:
        nonlocal count
        count += 1

    with tempfile.TemporaryDirectory() as folder:
        prepared(folder).sync(boundary)
    return count


def stop_at(stage: Stage, point: int) -> None:
    seen = 0

    def boundary(label: str) -> None:
        nonlocal seen
        seen += 1
        if seen >= point:
            raise Stopped(label)

    with pytest.raises(Stopped):
        stage.sync(boundary)


def test_a_run_stopped_at_any_effect_is_completed_by_the_next(tmp_path: Path) -> None:
    wrong = {}
    for point in range(1, points() + 1, 1 if IS_THOROUGH else 3):
        with tempfile.TemporaryDirectory() as folder:
            stage = prepared(folder)
            stop_at(stage, point)
            play(stage, "sync; sync")
            if found := [*claims(stage, FOLLOWS), *twins(stage), *orphans(stage)]:
                wrong[point] = found
    assert wrong == {}


def twins(stage: Stage) -> list[str]:
    """Entities with two records in one system."""
    found = []
    for system in (stage.systems["a"], stage.systems["b"]):
        for object, rows in system.objects.items():
            emails = [str(row.fields.get("email") or row.fields.get("name")) for row in rows.values()]
            found += [f"{system.name}/{object}: {name} twice" for name in set(emails) if emails.count(name) > 1]
    return found


def orphans(stage: Stage) -> list[str]:
    """Writes whose outcome nobody settled."""
    with Store(stage.root / ".instep" / "state.db") as store:
        rows = store.rows("SELECT seq, action, state FROM journal WHERE state IN ('intended', 'unknown')")
    return [f"unsettled: {row}" for row in rows]
