"""No window of time ever sees more calls than a system allows, however many processes share the state."""

from __future__ import annotations

import heapq
import itertools
import multiprocessing
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from instep.contract import RateLimit
from instep.mapping.load import load_workspace
from instep.store import Store
from instep.sync.pace import SharedPace
from instep.sync.session import open_session
from instep.sync.transport import World
from instep_hubspot import hubspot
from instep_hubspot.sandbox import hubspot_sandbox

LANE, LIMIT = "a/search", RateLimit(5, 1.0)


def most(arrivals: Sequence[float], seconds: float) -> int:
    """The most calls that any window saw."""
    times = sorted(arrivals)
    return max(sum(begin <= time < begin + seconds for time in times) for begin in times)


class Clock:
    """One clock for all."""

    def __init__(self) -> None:
        self.seconds = 1_900_000_000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


def arrivals(clock: Clock, paces: Sequence[SharedPace], seed: int, calls: int) -> list[float]:
    """When the calls of several processes arrive: each sends one after the other, on lines of changing slowness."""
    chance, arrived, number = random.Random(seed), list[float](), itertools.count()
    waiting: list[tuple[float, int, int, str, int]] = []

    def later(by: float, process: int, what: str, slot: int = -1) -> None:
        heapq.heappush(waiting, (clock.seconds + by, next(number), process, what, slot))

    for process in range(len(paces)):
        later(chance.random(), process, "asks")
    while waiting:
        clock.seconds, _, process, what, slot = heapq.heappop(waiting)
        if what == "asks" and len(arrived) < calls:
            free, wait = paces[process].claim(LANE, LIMIT)
            if free is None:
                later(wait, process, "asks")
            else:
                later(chance.choice([0.0, 0.001, 0.4, 1.2]), process, "arrives", free)
        elif what == "arrives":
            arrived.append(clock.seconds)
            later(chance.choice([0.001, 0.05, 0.3]), process, "is answered", slot)
        elif what == "is answered":
            paces[process].free(LANE, LIMIT, slot)
            later(2.5 if chance.random() < 0.05 else 0.0, process, "asks")
    return arrived


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_no_window_sees_more_calls_than_a_lane_allows(memory: Path, processes: int) -> None:
    for seed in range(6):
        with ExitStack() as stack:
            stores = [stack.enter_context(Store(memory / f"{seed}.db")) for _ in range(processes)]
            clock = Clock()
            began = clock.seconds
            arrived = arrivals(clock, [SharedPace(store, clock) for store in stores], seed, 120)
        assert most(arrived, LIMIT.seconds) <= LIMIT.calls, f"seed {seed}"
        assert most(arrived, LIMIT.seconds) == LIMIT.calls or processes == 1, f"seed {seed}: the lane was never full"
        assert clock.seconds - began < 120, f"seed {seed}: slower than it need be"


def test_processes_that_share_nothing_exceed_it(memory: Path) -> None:
    with Store(memory / "one.db") as one, Store(memory / "other.db") as other:
        clock = Clock()
        arrived = arrivals(clock, [SharedPace(one, clock), SharedPace(other, clock)], 1, 120)
    assert most(arrived, LIMIT.seconds) > LIMIT.calls


# --- real processes --------------------------------------------------------------------------------------------

SYNC = """
[connections.hubspot]
plugin = "hubspot"
base_url = "{url}"
access_token = "{token}"
search_calls_per_second = {calls}
"""


def workspace(root: Path, sandbox: Any, calls: int) -> Path:
    """A workspace that reads one account."""
    (root / "mappings").mkdir(parents=True)
    (root / "sync.toml").write_text(SYNC.format(url=sandbox.url, token=sandbox.settings["access_token"], calls=calls))
    (root / "mappings" / "process.toml").write_text('preset = "b2b-11"\n')
    (root / "mappings" / "hubspot.toml").write_text(hubspot.starter_mapping)
    with Store(load_workspace(root).store):
        return root


def search(root: Path, times: int) -> None:
    """What one process does: it reads changes again and again."""
    with open_session(load_workspace(root), World()) as session:
        records = session.live("hubspot").records
        cursor = [*records.changed_since("contacts", ["email"], None)][-1].cursor
        for _ in range(times):
            cursor = [*records.changed_since("contacts", ["email"], cursor)][-1].cursor


def searched(roots: Sequence[Path], times: int) -> None:
    """Every workspace of a list is read by a process of its own."""
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=search, args=(root, times)) for root in roots]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


@pytest.mark.ci
@pytest.mark.parametrize("share", [True, False], ids=["of one state", "of two states"])
def test_two_processes_of_one_state_are_never_refused_for_too_many_calls(memory: Path, share: bool) -> None:
    with hubspot_sandbox() as sandbox:
        sandbox.personality = replace(sandbox.personality, search_rate_limit=10)
        one = workspace(memory / "one", sandbox, 10)
        searched([one, one if share else workspace(memory / "other", sandbox, 10)], 15)
        calls = sandbox.log.calls("*search")
    passed = [call.at.timestamp() for call in calls if call.status == 200]
    refused = [call for call in calls if call.status == 429]
    assert len(passed) == 30
    assert most(passed, 1.0) <= 10
    assert bool(refused) is not share
