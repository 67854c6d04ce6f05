"""Peak memory: of a first run, and of run after run in one process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from bench.known import first_peak_mb, known, peak_mb
from bench.report import Row

WITHIN_MB = 500.0
FLAT = 1.1


def measure(root: Path, *, persons: int = 100_000, changed: int = 500, runs: int = 6) -> Iterator[Row]:
    """The first run and the later ones are done in processes of their own: a peak never goes down."""
    known(root, persons)
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    process = spawning.Process(target=run_often, args=(root, persons, changed, runs, there))
    process.start()
    there.close()
    peaks = here.recv()
    process.join()
    here.close()
    size = f"{persons:,} persons"
    yield Row("memory: first run", size, first_peak_mb(root), "MB", goal=WITHIN_MB)
    yield Row(f"memory: {changed:,} changed", size, peaks[0], "MB", goal=WITHIN_MB)
    yield Row(f"memory: after {runs} runs", size, peaks[-1], "MB", "after one", peaks[0], FLAT)


def run_often(root: Path, persons: int, changed: int, runs: int, wire: Connection) -> None:
    """Run again and again in this process, and tell the peak after each."""
    state = known(root, persons)
    peaks = []
    for _ in range(runs):
        state.change(changed)
        peaks.append(peak_mb())
    wire.send(peaks)
