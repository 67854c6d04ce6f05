"""A story that can be played again and again from the moment before a run, and the run stopped anywhere."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from instep.contract import ConnectorPlugin
from instep.errors import InstepError
from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace
from instep.plugins import find_plugin
from instep.store import Store
from instep.sync.run import Outcome, sync
from instep.sync.transport import World
from instep_salesforce import writes

from ..semantics.memory import connector
from .effects import Stopped, Time, Watch
from .in_files import FilesPlace
from .in_hubspot import hubspot_place
from .in_mailchimp import mailchimp_place
from .in_marketo import marketo_place
from .in_memory import MemoryPlace
from .in_salesforce import salesforce_place
from .journeys import JOURNEYS, Journey, Story
from .mappings import PROCESS
from .place import Held, Place

UNGUARDED = "[guards]\nenabled = false\n"
"""So few records are soon half of all."""
SYSTEMS = {
    "memory": ("memory", "memory"),
    "hubspot": ("hubspot", "memory"),
    "salesforce": ("salesforce", "memory"),
    "files": ("files", "memory"),
    "mixed": ("hubspot", "salesforce", "files"),
    "five": ("hubspot", "salesforce", "marketo", "mailchimp", "files"),
}
SOON = timedelta(seconds=10)
"""How soon after a stop the next run begins: before an index that lags has caught up."""
LATER = timedelta(minutes=3)
"""When every index has caught up."""
MUCH_LATER = timedelta(minutes=15)
"""When a vendor has worked off what a dead run had left with it."""


Runner = Callable[[Workspace, World], Outcome]
"""What a run is: a sync, or one that only plans."""
Hears = Callable[[str], None]


def _sync(workspace: Workspace, world: World) -> Outcome:
    return sync(workspace, world, first_run="apply")


@dataclass(frozen=True)
class Run:
    """One run as it was seen from outside: its number, its effects, and each system's count of calls at its ends."""

    number: int
    labels: tuple[str, ...]
    calls: dict[str, tuple[int, int]]
    stopped: bool
    outcome: Outcome | None
    error: InstepError | None = None
    """Why it gave up."""

    @property
    def writes(self) -> int:
        return sum(end - begin for begin, end in self.calls.values())


@dataclass
class Rehearsal:
    """One workspace and its systems, kept as they were right before the run."""

    name: str
    root: Path
    places: Sequence[Place]
    time: Time
    by_jobs: bool = False
    """Whether a dozen records go the way that otherwise only thousands go: as a job of Salesforce's Bulk API."""
    runs: list[Run] = field(default_factory=list)
    team: str = ""
    """The colleagues, as team.toml names them."""

    def __post_init__(self) -> None:
        (self.root / "mappings").mkdir(parents=True)
        (self.root / "sync.toml").write_text(UNGUARDED + "".join(place.table() for place in self.places))
        (self.root / "mappings" / "process.toml").write_text(PROCESS)
        (self.root / "mappings" / "team.toml").write_text(self.team)
        for place in self.places:
            (self.root / "mappings" / f"{place.name}.toml").write_text(place.mapping)
        self.workspace = load_workspace(self.root)
        self.clock: Callable[[], datetime] = self.time.now
        """What this machine takes for the time; the systems always know what it is."""
        self._state = self.root / ".instep"
        self._kept_state = self.root / "kept"
        self._memory = connector(
            {place.name: place.system for place in self.places if isinstance(place, MemoryPlace)}
        )

    # --- beginning again ---------------------------------------------------------------------------------------

    def prepare(self, told: Journey) -> None:
        """Play everything up to the moment before the run."""
        with Store(self.workspace.store):
            pass  # its tables are made once, not at every point
        story = Story(self.places, self.bring_in_step, self.wait)
        told.given(story)
        self.wait(LATER)
        told.happens(story)
        self.wait(LATER)
        self._kept = [place.keep() for place in self.places]
        self._kept_time = self.time.at
        _copy(self._state, self._kept_state)

    def put_back(self) -> None:
        """Everything as it was at that moment."""
        for place, kept in zip(self.places, self._kept, strict=True):
            place.put_back(kept)
        self.time.at = self._kept_time
        _copy(self._kept_state, self._state)
        self.runs = []

    def wait(self, time: timedelta) -> None:
        """Let time pass."""
        self.time.at += time

    # --- running -----------------------------------------------------------------------------------------------

    def run(
        self,
        stop_at: int | None = None,
        *,
        seed: int = 0,
        meanwhile: Hears = lambda label: None,
        runner: Runner = _sync,
        hears: Hears = lambda label: None,
    ) -> Run:
        """One run as of a new process. Where it is stopped, the state stays as it was at that very moment.

        `meanwhile` hears of every effect right before it takes place; `hears` as well, once the systems noted it.
        """
        watch = Watch(self.time, stop_at, self._freeze)
        watch.tell(meanwhile)
        before = {place.name: place.calls for place in self.places}
        earlier = self.last_run()
        for place in self.places:
            watch.tell(place.hear)
            if isinstance(place, MemoryPlace) and place.lost is not None:
                watch.lose, place.lost = place.lost, None
        watch.tell(hears)
        outcome, error = None, None
        try:
            with patch.object(writes, "costs_less", bool) if self.by_jobs else nullcontext():
                outcome = runner(self.workspace, self.world(watch, seed))
        except Stopped:
            _copy(self.root / "frozen", self._state)
        except InstepError as failure:
            error = failure
        calls = {place.name: (before[place.name], place.calls) for place in self.places}
        run = Run(self.number_after(earlier), tuple(watch.labels), calls, watch.stopped, outcome, error)
        self.runs.append(run)
        return run

    def world(self, watch: Watch, seed: int = 0) -> World:
        """What a run is handed."""
        return World(self.clock, self.time.sleep, random.Random(seed), self._find_plugin, watch)

    def _find_plugin(self, name: str) -> ConnectorPlugin[Any]:
        return self._memory if name == "memory" else find_plugin(name)

    def _freeze(self) -> None:
        _copy(self._state, self.root / "frozen")

    def number_after(self, earlier: int) -> int:
        """The run's number; 0 where it was stopped before it had one."""
        last = self.last_run()
        return last if last > earlier else 0

    def last_run(self) -> int:
        """The number of the last run that the state knows of."""
        rows = self.rows("SELECT max(id) FROM run")
        return int(rows[0][0] or 0) if rows else 0

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the state says."""
        path = self._state / "state.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as state:
            try:
                return state.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []  # stopped before the tables were there

    def bring_in_step(self) -> None:
        """Run until nothing is left to write."""
        for _ in range(4):
            self.wait(LATER)
            run = self.run()
            assert run.outcome is not None, run.error
            if run.writes == 0:
                return
        raise AssertionError(f"{self.name} does not come to rest: {run.outcome.plan.changes}")

    def held(self) -> dict[str, list[Held]]:
        """What every system holds."""
        return {place.name: place.held() for place in self.places}


def _copy(source: Path, target: Path) -> None:
    """A state as a dying process leaves it: its file and its log of changes, without anything shared in memory."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in ("state.db", "state.db-wal"):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


@contextmanager
def rehearsal(systems: str, journey: str | Journey, root: Path) -> Iterator[Rehearsal]:
    """The systems of that name, open, at the moment before the journey's run."""
    told = journey if isinstance(journey, Journey) else JOURNEYS[journey]
    time = Time()
    with ExitStack() as stack:
        places = [_opened(kind, number, time, root, stack) for number, kind in enumerate(SYSTEMS[systems])]
        made = Rehearsal(f"{systems}, {journey}", root / "workspace", places, time, by_jobs=journey == "jobs")
        made.prepare(told)
        yield made


def _opened(kind: str, number: int, time: Time, root: Path, stack: ExitStack) -> Place:
    name = "abcde"[number]
    match kind:
        case "hubspot":
            return stack.enter_context(hubspot_place(name, time))
        case "salesforce":
            return stack.enter_context(salesforce_place(name, time))
        case "marketo":
            return stack.enter_context(marketo_place(name, time))
        case "mailchimp":
            return stack.enter_context(mailchimp_place(name, time))
        case "files":
            return FilesPlace(name, time, root / "exports")
    return MemoryPlace(name, time)
