"""Merging in two or three systems, against an oracle that says the same in twenty lines of plain Python."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..semantics.cases import COARSE, FINE, Stage, play
from ..thorough import examples

TITLES = ("CEO", "CTO", "CFO")
CITIES = ("Bern", "Rome", "Oslo")
RANKS = ("1", "2", "3")
TAGS = ("x", "y", "x|y", "z")
VALUES = {"title": TITLES, "city": CITIES, "rank": RANKS, "tags": TAGS}
AUTHORITY = "b"

quick = settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def rounds(draw: st.DrawFn) -> tuple[str, list[list[tuple[str, str, str]]]]:
    """Which systems there are, and what their users set before each sync: (system, field, value)."""
    systems = draw(st.sampled_from(["ab", "abc"]))
    edit = st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(st.sampled_from(systems), st.just(name), st.sampled_from(VALUES[name]))
    )
    return systems, draw(st.lists(st.lists(edit, max_size=5), min_size=1, max_size=4))


@dataclass
class Oracle:
    """One field in several systems: what is true, what each holds, and what was last heard of each."""

    name: str
    systems: str
    true: Any = None
    held: dict[str, Any] = field(default_factory=dict)
    heard: dict[str, Any] = field(default_factory=dict)

    def sync(self) -> None:
        spoken = [s for s in self.systems if self.held.get(s) != self.heard.get(s)]
        if self.name == "city" and self.held.get(AUTHORITY) is not None:
            self.true = self.held[AUTHORITY]
        elif spoken:
            values = [self.held[s] for s in spoken]
            match self.name:
                case "rank":
                    self.true = max(values)
                case "tags" if len(set(values)) > 1:
                    self.true = "|".join(sorted({part for value in values for part in value.split("|")}))
                case _:
                    self.true = values[0]
        self.held = dict.fromkeys(self.systems, self.true)
        self.heard = dict(self.held)


def held(stage: Stage, system: str, name: str) -> str | None:
    id = stage.find(system, "jane")
    value = stage.systems[system].objects["people"][str(id)].fields.get(name)
    if isinstance(value, tuple):
        return "|".join(sorted(value))
    return None if value is None else str(value)


@given(rounds())
@quick
def test_all_systems_hold_what_the_oracle_says_after_every_sync(
    history: tuple[str, list[list[tuple[str, str, str]]]],
) -> None:
    systems, said = history
    oracles = {name: Oracle(name, systems) for name in VALUES}
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, f"files: systems = {' '.join(systems)}; files: law of city = authority {AUTHORITY}")
        play(stage, ";".join(f"{system}.jane" for system in systems) + ";sync")
        for edits in said:
            for system, name, value in edits:
                play(stage, f"{system}.jane {name}={value}")
                oracles[name].held[system] = value
            play(stage, "sync")
            for name, oracle in oracles.items():
                oracle.sync()
                assert {s: held(stage, s, name) for s in systems} == oracle.held, (name, said)
        play(stage, "sync")
        assert not any(stage.written.values()), said


def test_the_oracle_notices_a_single_wrong_value() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, "a.jane title=CEO; b.jane; sync")
        oracle = Oracle("title", "ab", held={"a": "CEO"})
        oracle.sync()
        assert {s: held(stage, s, "title") for s in "ab"} == oracle.held
        stage.systems["b"].put("people", str(stage.find("b", "jane")), title="CFO")
        assert {s: held(stage, s, "title") for s in "ab"} != oracle.held


# --- stages ------------------------------------------------------------------------------------------------------

COARSE_VALUES = dict(
    pair.replace('"', "").split(" = ") for pair in COARSE.split("{")[1].split("}")[0].strip().split(", ")
)
LANDS_ON = dict(pair.replace('"', "").split(" = ") for pair in COARSE.split("{")[2].split("}")[0].strip().split(", "))


def coarse(stage: str) -> str | None:
    """What the coarser system shows: the value of the nearest earlier stage that it lists."""
    before = FINE[: FINE.index(stage) + 1]
    return next((COARSE_VALUES[s] for s in reversed(before) if s in COARSE_VALUES), None)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("ac"), st.sampled_from(FINE[1:])),
            st.tuples(st.just("b"), st.sampled_from(sorted(LANDS_ON))),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["jane", "deal1"]),
)
@quick
def test_a_coarser_system_set_back_and_forth_flattens_nothing(moves: list[tuple[str, str]], who: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        play(stage, f"files: systems = a b c; files: coarse = b; a.{who} stage=awareness; sync")
        true = "awareness"
        for system, value in moves:
            play(stage, f"{system}.{who} stage={value}; sync")
            if system != "b":
                true = value
            elif coarse(true) != value:
                true = LANDS_ON[value]
            shown = {s: _shown(stage, s, who) for s in "abc"}
            assert shown == {"a": true, "b": coarse(true), "c": true}, moves
        play(stage, "sync")
        assert not any(stage.written.values()), moves


def _shown(stage: Stage, system: str, who: str) -> Any:
    return stage.systems[system].objects[stage.object_of(who)][str(stage.find(system, who))].fields.get("stage")
