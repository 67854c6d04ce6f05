"""Whatever plans a write, and whyever: nobody who opted out is opted in by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.model.entities import Kind
from instep.sync import run
from instep.sync.changes import Change, Value

from ..semantics.cases import Stage, claims, play

Changes = list[Change]
Planner = Callable[[Changes, str, str], Changes]
"""What a planner that went wrong makes of the changes it found: for an entity, whose record in b has that id."""

IN_A_FIELD = "files: b keeps consent in = gone; "


def lifts_the_flag(_: Changes, entity: str, record: str) -> Changes:
    lifted = (Value("consent", "gone", "yes", None, "a mistake"),)
    return [Change("update", "b", "people", Kind.PERSON, entity, record, lifted)]


def writes_the_stores_own_flag(_: Changes, entity: str, record: str) -> Changes:
    lifted = (Value("optout", "optout", True, False, "a mistake"),)
    return [Change("update", "b", "people", Kind.PERSON, entity, record, lifted)]


def opts_in(_: Changes, entity: str, record: str) -> Changes:
    return [Change("opt_in", "b", "people", Kind.PERSON, entity, record, scope="all", because="a mistake")]


def forgets_consent(found: Changes, _entity: str, _record: str) -> Changes:
    return [
        replace(change, values=tuple(value for value in change.values if value.name != "consent")) for change in found
    ]


def went_wrong(monkeypatch: pytest.MonkeyPatch, stage: Stage, planner: Planner) -> None:
    plans = run.plan
    record = stage.find("b", "jane") or ""
    entity = stage.entity_id("jane") if record else ""

    def plan(*arguments: Any) -> Changes:
        return planner(plans(*arguments), entity, record)

    monkeypatch.setattr(run, "plan", plan)


@pytest.mark.parametrize(
    ("given", "planner", "holds"),
    [
        (f"{IN_A_FIELD}a.jane optout=yes; sync", lifts_the_flag, "b.jane gone=yes"),
        ("a.jane optout=yes; sync", writes_the_stores_own_flag, "b.jane optout=yes"),
        ("a.jane optout=yes; sync", opts_in, "b.jane optout=yes"),
        (f"{IN_A_FIELD}a.joan; sync; a.jane optout=yes", forgets_consent, "no b.jane"),
    ],
)
def test_no_plan_opts_anybody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, planner: Planner, holds: str
) -> None:
    stage = Stage(tmp_path)
    play(stage, given)
    went_wrong(monkeypatch, stage, planner)
    play(stage, "a.jane title=CEO; sync")
    assert claims(stage, f"{holds}; writes b=0; reported: Not written, because") == []
    monkeypatch.undo()
    play(stage, "sync")
    assert claims(stage, "b.jane title=CEO") == []


def test_what_somebody_said_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane optout=yes; sync; 1d pass; a.jane opts in; sync")
    assert claims(stage, "b.jane has no optout") == []
    went_wrong(monkeypatch, stage, opts_in)
    stage.systems["b"].writes.clear()
    play(stage, "a.jane title=CEO; sync")
    assert {action for action, _ in stage.systems["b"].writes} == {"opt_in"}
