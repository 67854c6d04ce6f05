"""Replaying changed files for everybody: by columns, beside reading these columns and beside doing it row by row."""

from __future__ import annotations

import importlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from bench.buyers import NOW
from bench.known import peak_mb
from bench.multiplied import RESTLESS, multiplied, world
from bench.report import Row
from instep.mapping.compiled import Workspace
from instep.store import Store
from instep.store.segments import Projection, Segments
from instep.sync.offline import offline
from instep.sync.projections import acts as acts_of
from instep.sync.replay import Replay, replay
from instep.sync.replay.actsonce import numbered_keys
from instep.sync.replay.changed import changed
from instep.sync.replay.columns import AT_ONCE, Columns
from instep.sync.replay.files import Replacement, with_replacements
from instep.sync.replay.scored import Scored
from instep.sync.replay.tally import Tally
from instep.sync.replay.ticking import persons as persons_of
from instep.sync.replay.ticking import ticks

if TYPE_CHECKING:
    import polars as pl

EVERYTHING = ("process", "scoring", "team", "crm")
WITHIN_SECONDS = 15.0
WITHIN_MB = 600.0
A_TICK_SECONDS = 1.0
"""These are for a million persons."""
MILLION = 1_000_000


def measure(root: Path, *, persons: int = 100_000, sample: int = 5_000, restless: float = RESTLESS) -> Iterator[Row]:
    """Each figure is taken in a process of its own, after one that built the columns."""
    many, few = root / "replaying", root / "sample"
    multiplied(many, persons, restless)
    multiplied(few, sample, 0.0)
    size, share = f"{persons:,} persons", persons / MILLION
    built = _alone(build, many)
    yield Row("replay: columns built", size, built.seconds, "s")
    yield Row("replay: the same, rows of columns a second", size, built.count / built.seconds, "rows/s")
    whole = _alone(replay_some, many, EVERYTHING)
    yield Row("replay: all four files", size, whole.seconds, "s", goal=WITHIN_SECONDS * share)
    yield Row("replay: peak of that", size, whole.peak_mb, "MB", goal=WITHIN_MB)
    left = f"{whole.count:,} of them"
    yield Row("replay: left to the rows", left, whole.marks["rows"], "s", "all of it", whole.seconds)
    rows = _alone(replay_rows, few, EVERYTHING)
    each, by_row = whole.seconds / persons, rows.seconds / sample
    yield Row("replay: one person", size, each * 1e6, "us", f"row by row, of {sample:,}", by_row * 1e6, 1 / 6)
    scored = _alone(replay_some, many, ("scoring",))
    yield Row("replay: scoring.toml alone", size, scored.seconds, "s", "all four files", whole.seconds, 0.5)
    decoded = _alone(decode, many)
    yield Row("replay: all four files", size, whole.seconds, "s", "reading these columns", decoded.seconds, 5.0)
    summed = _alone(rescore, many)
    acts, by = f"{summed.count:,} activities", next(name for name in ("numpy", "Polars") if name in summed.marks)
    yield Row("replay: engagement", acts, summed.seconds, "s", f"{by}, in memory", summed.marks[by], 5.0)
    ticked = _alone(tick, many)
    yield Row("replay: a day's tick", size, ticked.seconds, "s", goal=A_TICK_SECONDS * share)


# --- a process of its own --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Taken:
    """What one process found."""

    seconds: float
    count: int = 0
    peak_mb: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)


def _alone(measuring: Callable[..., Taken], root: Path, *more: Any) -> Taken:
    """What a function finds in a new process."""
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_tell, args=(there, measuring, root, *more))
    process.start()
    there.close()
    try:
        found: Taken = here.recv()
    except EOFError:
        raise RuntimeError(f"{measuring.__name__} failed; see above.") from None
    process.join()
    here.close()
    return found


def _tell(wire: Connection, measuring: Callable[..., Taken], root: Path, *more: Any) -> None:
    import polars as pl

    pl.DataFrame({"warm": [1]}).sum()  # importing is no part of what is measured
    found = measuring(root, *more)
    found.peak_mb = peak_mb()
    wire.send(found)


def _workspace(root: Path) -> Workspace:
    return multiplied(root, int((root / "made.txt").read_text()))


# --- what is measured ------------------------------------------------------------------------------------------


def build(root: Path) -> Taken:
    """Build all columns that a replay reads."""
    workspace, rows = _workspace(root), dict[str, int]()
    with (
        Store(workspace.store) as store,
        Segments(store) as segments,
        offline(workspace, store, world(), NOW) as session,
    ):
        every = replace(changed(workspace, workspace), process=True, scoring=True)
        wanted = Columns(segments, session, session, every, Tally()).projections()
        began = time.perf_counter()
        segments.refresh(wanted, lambda step, done=None, of=None: rows.update({step: done or 0}))
        return Taken(time.perf_counter() - began, sum(rows.values()))


def replay_some(root: Path, names: Sequence[str]) -> Taken:
    """Replay some changed files. Counts who was left to the rows, and marks how long these took."""
    marks: dict[str, float] = {}
    left = 0

    def reached(step: str, done: int | None = None, of: int | None = None) -> None:
        nonlocal left
        if step == "replay" and done == of and "columns" not in marks:
            marks["columns"] = time.perf_counter()
        elif "columns" in marks:
            left = of or 0

    began = time.perf_counter()
    found = replayed(_workspace(root), names, progress=reached)
    ended = time.perf_counter()
    if found.tally.is_empty:
        raise RuntimeError("Nobody would move: the figures would mean nothing.")
    return Taken(ended - began, left, marks={"rows": ended - marks.get("columns", ended)})


def replay_rows(root: Path, names: Sequence[str]) -> Taken:
    """Replay some changed files row by row."""
    began = time.perf_counter()
    replayed(_workspace(root), names, rows_only=True)
    return Taken(time.perf_counter() - began)


def replayed(workspace: Workspace, names: Sequence[str], **options: Any) -> Replay:
    """A replay of these changed files, which lie beside the workspace's own."""
    return replay(workspace, world(), _changed(workspace.root, names), **options)


def decode(root: Path) -> Taken:
    """Read everything that a replay of all changed files reads, and do nothing with it."""
    workspace, reads = _workspace(root), list[tuple[Projection, int, Sequence[str] | None]]()

    class Noted(Segments):
        """Columns that remember what was read of them."""

        def read(self, projection: Projection, partition: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
            reads.append((projection, partition, columns))
            return super().read(projection, partition, columns)

    with mock.patch("instep.sync.replay.run.Segments", Noted):
        replayed(workspace, EVERYTHING)
    with Store(workspace.store) as store, Segments(store) as segments:
        segments.refresh(list({projection.name: projection for projection, *_ in reads}.values()))
        began = time.perf_counter()
        count = sum(segments.read(*read).height for read in reads)
        return Taken(time.perf_counter() - began, count)


def rescore(root: Path) -> Taken:
    """Score everything that everybody did by a changed model; marks the same as bare arrays in memory."""
    import polars as pl

    workspace = _workspace(root)
    scoring = with_replacements(workspace, _changed(root, ["scoring"])).scoring
    with Store(workspace.store) as store, Segments(store) as segments:
        projection = acts_of([])
        segments.refresh([projection])
        now = _decided_at(segments)
        keys = sorted(scoring.points)
        scored = Scored(scoring, now, keys)

        def summed(partition: int) -> tuple[float, int]:
            acts = segments.read(projection, partition, ["key", "at"])
            acts = acts.with_columns(acts["entity"].rle_id().alias("entity"))  # a replay numbers its persons too
            return scored.engagement(numbered_keys(acts, keys))["engagement"].sum(), acts.height

        with ThreadPoolExecutor(AT_ONCE) as pool:
            began = time.perf_counter()
            found = list(pool.map(summed, range(segments.partitions)))
            seconds = time.perf_counter() - began
        parts = [segments.read(projection, partition, ["key", "at"]) for partition in range(segments.partitions)]
    acts = pl.concat(parts)
    points = acts["key"].replace_strict(dict(scoring.points), default=0.0, return_dtype=pl.Float64)
    halvings = (acts["at"] - int(now.timestamp() * 1e6)) / (scoring.half_life_days * 86_400_000_000)
    total, count = map(sum, zip(*found, strict=True))
    return Taken(seconds, count, marks={"total": total, **_bare(acts["entity"].rank("dense"), points, halvings)})


def _bare(who: pl.Series, points: pl.Series, halvings: pl.Series) -> dict[str, float]:
    """Seconds that it takes to sum up arrays in memory: by numpy where it is installed, else by Polars."""
    import polars as pl

    try:
        numpy = importlib.import_module("numpy")
    except ImportError:
        began = time.perf_counter()
        worth = pl.DataFrame({"who": who, "worth": points * (2.0**halvings)})
        worth.group_by("who").agg(pl.col("worth").sum())
        return {"Polars": time.perf_counter() - began}
    arrays = who.to_numpy(), points.to_numpy(), halvings.to_numpy()
    began = time.perf_counter()
    numpy.bincount(arrays[0], arrays[1] * numpy.exp2(arrays[2]))
    return {"numpy": time.perf_counter() - began}


def tick(root: Path) -> Taken:
    """Who crosses a line within a day, from the last decisions alone."""
    workspace = _workspace(root)
    with Store(workspace.store) as store, Segments(store) as segments:
        segments.refresh([persons_of(workspace)])
        since = _decided_at(segments)
        began = time.perf_counter()
        found = sum(frame.height for frame in ticks(segments, workspace, since, since + timedelta(days=1)))
        return Taken(time.perf_counter() - began, found)


def _decided_at(segments: Segments) -> datetime:
    """The moment of the last run that decided anything."""
    return datetime.fromisoformat(str(segments.rows.meta("decided_at")))


def _changed(root: Path, names: Sequence[str]) -> list[Replacement]:
    return [Replacement(f"mappings/{name}.toml", root / "drafts" / f"{name}.toml") for name in names]
