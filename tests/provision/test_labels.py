"""Two stages of one list that are called alike: the plan says so, and nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instep.errors import ConfigError

from .systems import Files, Listed, Systems, Table, systems


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Systems]:
    with systems(tmp_path / "ws", ["hubspot"]) as place:
        yield place


def write(place: Systems, labels: str) -> None:
    """One pipeline with two steps that people shall see under these labels."""
    listed = [Listed("first", "First", 0.2), Listed("second", "Second", 0.4)]
    place.write(Files(["first", "second"], {"hubspot": [Table("line", "Line", listed)]}))
    file = place.root / "mappings" / "hubspot.toml"
    file.write_text(file.read_text() + f"labels = {labels}\n")


def test_a_new_pipeline_with_two_stages_that_are_called_alike_is_not_made(place: Systems) -> None:
    write(place, '{ first = "Talk", second = "Talk" }')
    assert [finding.code for finding in place.plan().wrong] == ["label-taken"]
    with pytest.raises(ConfigError, match="2 stages of"):
        place.apply()
    assert place.writes() == 0


def test_one_whose_stages_are_called_differently_is_made(place: Systems) -> None:
    write(place, '{ first = "Talk", second = "Talks" }')
    assert place.plan().wrong == []
    assert place.apply().exit_code == 0
    assert place.writes() > 0
