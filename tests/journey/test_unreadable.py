"""What no store can hold: a text that a system cut in the middle of a character."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..semantics.cases import Stage, claims, play

HALF = "\ud83d"
"""The first half of an emoji, as a system that counts in UTF-16 leaves it when it cuts a text."""


@pytest.mark.parametrize("field", ["title", "email", "instep_id"])
def test_half_a_character_holds_up_nobody_else(tmp_path: Path, field: str) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane title=CTO; a.joan title=CFO; sync; a.joan title=CEO")
    stage.systems["a"].put("people", "jane", **{field: f"cut{HALF}"})
    stage.sync()
    assert claims(stage, "b.joan title=CEO; b.jane title=CTO; quarantined 1 of a; reported: no text") == []
    play(stage, "a.jane title=Chair email=jane@x.example -instep_id; sync; sync")
    assert claims(stage, "b.jane title=Chair; quarantined 0 of a; writes 0") == []


def test_a_record_whose_id_is_cut_is_named_and_left_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    play(stage, "a.jane title=CTO")
    stage.systems["a"].put("people", f"cut{HALF}", email="joan@x.example")
    stage.sync()
    assert claims(stage, "b.jane title=CTO; no b.joan; quarantined 1 of a; reported: no text") == []
