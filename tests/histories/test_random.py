"""Whatever people do in two or three systems, whatever goes wrong meanwhile: it comes to a right end.

A history that does not is printed as its steps: paste them into a file in `found/`, and it is played first from then
on. `INSTEP_SEED` plays other histories of the same number again.
"""

from __future__ import annotations

import os
import random

import pytest

from .machine import HistoriesWithTools, play


def test_a_few_short_histories_end_well() -> None:
    play(8, 8)


def test_a_few_short_histories_with_campaign_tools_end_well() -> None:
    play(5, 8, machine=HistoriesWithTools)


@pytest.mark.ci
def test_histories_with_campaign_tools_end_well() -> None:
    number = given_seed(1)
    print(f"seed {number}: INSTEP_SEED={number} plays these histories again")
    play(10, 15, number=number, machine=HistoriesWithTools)


@pytest.mark.ci
def test_histories_end_well() -> None:
    play(45, 20, number=given_seed(1))


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(10))
def test_many_histories_end_well(part: int) -> None:
    number = given_seed(random.SystemRandom().randrange(10**6)) + part
    print(f"seed {number}: INSTEP_SEED={number - part} plays these histories again")
    play(100, 30, number=number)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(3))
def test_many_histories_with_campaign_tools_end_well(part: int) -> None:
    number = given_seed(random.SystemRandom().randrange(10**6)) + part
    print(f"seed {number}: INSTEP_SEED={number - part} plays these histories again")
    play(100, 30, number=number, machine=HistoriesWithTools)


def given_seed(otherwise: int) -> int:
    return int(os.environ.get("INSTEP_SEED", otherwise))
