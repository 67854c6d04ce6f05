"""`instep sync` killed by the operating system at any moment: two more runs, and all is as if nothing had been.

Each kill has a number, from which its moment is drawn, as a share of what the whole run takes on this machine.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from .killed import killed, killing
from .stops import undisturbed


def wrong_after_kills(root: Path, journey: str, numbers: range, counts: Counter[str]) -> dict[str, list[str]]:
    """What is wrong after each of these kills."""
    found = {}
    with killing("mixed", journey, root) as story:
        told = undisturbed(story)
        assert told.wrong == ()
        whole = min(story.duration() for _ in range(2))
        for number in numbers:
            moment = whole * random.Random(f"{journey}, {number}").random() ** 0.5  # rather late: it begins slowly
            while not (fate := killed(story, told, moment, by_command=number % 5 == 0)).was_killed:
                moment *= 0.8  # it was quicker than before
            counts["killed"] += 1
            if fate.wrong:
                found[f"kill {number} after {moment:.3f} of {whole:.3f} s"] = fate.wrong
    return found


@pytest.mark.ci
def test_a_killed_command_is_completed_by_the_next_ones(memory: Path, counts: Counter[str]) -> None:
    assert wrong_after_kills(memory, "everyday", range(10), counts) == {}


@pytest.mark.nightly
@pytest.mark.parametrize("journey", ["first load", "everyday", "departures"])
def test_a_command_killed_at_many_moments_is_completed(memory: Path, counts: Counter[str], journey: str) -> None:
    assert wrong_after_kills(memory, journey, range(10, 80), counts) == {}
