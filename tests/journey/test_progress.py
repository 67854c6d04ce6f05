"""Whoever waits for a run is told whom it asks, and whom it waits for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instep.cli.output import Progress
from instep.contract import Connection, ConnectionInfo, Effects
from instep.sync.run import plan_only
from instep.sync.transport import World

from ..semantics.cases import Stage, play

STEPS = ["identify a", "identify b", "recover", "pull a", "pull b", "match", "decide", "plan"]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    play(stage, "a.jane; sync")
    return stage


def steps(stage: Stage, world: World) -> list[str]:
    """What a plan says that it does, in order."""
    told: list[str] = []
    plan_only(stage.workspace(), world, progress=lambda step, done=None, of=None: told.append(step))
    return list(dict.fromkeys(told))


def waiting_for(stage: Stage, system: str) -> World:
    """A world in which one system is asked twice who we are, with a wait in between."""
    world = stage.world()
    plugin = world.find_plugin("memory")

    def connect(settings: Any, effects: Effects) -> Connection:
        connection = plugin.connect(settings, effects)

        def check() -> ConnectionInfo:
            connection.check()
            effects.sleep(60)
            return connection.check()

        return replace(connection, check=check) if settings.system == system else connection

    return replace(world, find_plugin=lambda name: replace(plugin, connect=connect))


def test_every_system_is_named_before_it_is_asked(stage: Stage) -> None:
    assert [step for step in steps(stage, stage.world()) if step.count(" ") < 2] == STEPS


def test_a_wait_for_a_system_is_told_before_it_begins(stage: Stage) -> None:
    told = steps(stage, waiting_for(stage, "b"))
    assert told[:3] == ["identify a", "identify b", "wait for b"]


def test_where_there_is_no_terminal_a_step_is_one_line_however_often_it_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress()
    for step in ("identify b", "wait for b", "wait for b", "pull b"):
        progress(step)
    assert capsys.readouterr().err.splitlines() == ["identify b …", "wait for b …", "pull b …"]
