"""A workspace that knows many persons already: two generated systems hold the same ones, and a first run is done."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bench.generated import MAPPING, PERSONS, Made, generated, tables
from bench.workspaces import AT_ONCE, Pace, write_workspace
from instep.mapping.compiled import Workspace
from instep.sync.run import Outcome, sync

BETWEEN_RUNS = timedelta(minutes=10)


@dataclass(slots=True)
class Known:
    """Two systems, and the workspace that joins them. `marks` says when the last run came to each step."""

    a: Made
    b: Made
    pace: Pace
    workspace: Workspace
    edited: int = 0
    marks: dict[str, float] = field(default_factory=dict)

    def sync(self) -> Outcome:
        """Run once, and apply. Times go on from here, in whichever process this workspace is opened next."""
        self.marks = {}
        plugin = generated([self.a, self.b])
        world = self.pace.world(find_plugin=lambda name: plugin)
        outcome = sync(self.workspace, world, first_run="apply", progress=self._reached)
        if outcome.status != "done":
            raise RuntimeError(f"The run came to {outcome.status}: {outcome.notes}")
        self.pace.advance(BETWEEN_RUNS)
        clock_file(self.workspace.root).write_text(self.pace.now().isoformat())
        return outcome

    def change(self, count: int) -> range:
        """Users of `a` give the next `count` persons a new title, and a run brings it to `b`; gives their numbers."""
        numbers = range(self.edited, self.edited + count)
        self.edited += count
        self.a.edit([number % self.a.size for number in numbers], f"Chief since {self.pace.now():%d %H:%M:%S}")
        self.pace.advance(BETWEEN_RUNS)
        planned = self.sync().plan.counts()
        if planned != {"b": {PERSONS: {"update": count}}}:
            raise RuntimeError(f"The run planned {planned}: the figures would mean nothing.")
        return numbers

    def seconds(self, since: str, until: str) -> float:
        """How long the last run took from one step to another."""
        return self.marks[until] - self.marks[since]

    def _reached(self, step: str, done: int | None = None, of: int | None = None) -> None:
        self.marks.setdefault(step, time.perf_counter())


def known(root: Path, persons: int) -> Known:
    """The workspace in `root`, made in a process of its own if it is not there."""
    if not (root / "made.json").exists():
        process = multiprocessing.get_context("spawn").Process(target=make, args=(root, persons))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError("The first run failed; see above.")
    made = json.loads((root / "made.json").read_text())
    if made["persons"] != persons:
        raise RuntimeError(f"{root} holds {made['persons']:,} persons, not {persons:,}.")
    return opened(root, persons, datetime.fromisoformat(clock_file(root).read_text()))


def opened(root: Path, persons: int, at: datetime | None = None) -> Known:
    """The workspace in `root`, at a time."""
    pace = Pace(at, AT_ONCE)
    a, b = Made("a", pace.now, persons), Made("b", pace.now, persons)
    return Known(a, b, pace, write_workspace(root, tables([a, b]), MAPPING))


def make(root: Path, persons: int) -> None:
    """Do the first run, and note how much memory that took."""
    state = opened(root, persons)
    counts = state.sync().plan.counts()
    told = {name: counts[name][PERSONS].get("update", 0) for name in counts}
    if told != {"a": persons, "b": persons}:
        raise RuntimeError(f"The first run planned {counts}: the figures would mean nothing.")
    note = {"persons": persons, "peak_mb": peak_mb()}
    (root / "made.json").write_text(json.dumps(note))


def clock_file(root: Path) -> Path:
    """Where the time of the last run is kept."""
    return root / "clock.txt"


def first_peak_mb(root: Path) -> float:
    """The peak memory of the process that did the first run."""
    return float(json.loads((root / "made.json").read_text())["peak_mb"])


def peak_mb() -> float:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():  # where there is none, a process begins with the peak of the one that started it
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
