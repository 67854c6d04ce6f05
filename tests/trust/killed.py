"""The real command, as a process that is killed at any moment, against systems that live on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from instep.mapping.load import load_workspace
from instep.sync.run import sync
from instep.sync.transport import World

from .apart import MachineTime, apart
from .checks import differences, disagreements, orphans, twins, unmatched, view
from .in_files import KINDS, FilesPlace
from .journeys import JOURNEYS
from .place import Place
from .rehearsal import SYSTEMS, Rehearsal, Run
from .stops import Told

PATIENCE_SECONDS = 60


class Killing(Rehearsal):
    """A workspace whose runs may be processes."""

    exit_code = 0

    def wait(self, time: timedelta) -> None:
        """Time passes by itself."""

    def run(self, stop_at: int | None = None, *, seed: int = 0) -> Run:
        """One run in this process."""
        return self._noted(lambda: sync(load_workspace(self.root), World(), first_run="apply").exit_code)

    def command(self, kill_after: float | None = None) -> Run:
        """`instep sync` in a process of its own; killed after so many seconds, if it takes as long."""
        return self._noted(lambda: self._process(kill_after))

    def _process(self, kill_after: float | None) -> int:
        with open(self.root / "said", "wb") as said:
            command = [sys.executable, "-m", "instep.cli.main", "sync", "--first-run=apply"]
            process = subprocess.Popen(command, cwd=self.root, stdout=said, stderr=said)
            try:
                return process.wait(PATIENCE_SECONDS if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait(PATIENCE_SECONDS)

    def _noted(self, run: Callable[[], int]) -> Run:
        before = {place.name: place.calls for place in self.places}
        earlier = self.last_run()
        files = [(p, {object: p.rows(object) for object in KINDS}) for p in self.places if isinstance(p, FilesPlace)]
        self.exit_code = run()
        for place, objects in files:
            for object, rows in objects.items():
                place.note(object, rows)
        calls = {place.name: (before[place.name], place.calls) for place in self.places}
        self.runs.append(Run(self.number_after(earlier), (), calls, self.exit_code < 0, None))
        return self.runs[-1]

    def bring_in_step(self) -> None:
        """Run until nothing is left to write."""
        for _ in range(4):
            if self.run().writes == 0:
                return
        raise AssertionError(f"{self.name} does not come to rest")

    @property
    def said(self) -> str:
        """What the last process had to say."""
        return (self.root / "said").read_text(encoding="utf-8", errors="replace")[-600:]

    def duration(self) -> float:
        """How many seconds the whole run takes."""
        self.put_back()
        began = time.perf_counter()
        self.command()
        return time.perf_counter() - began


class Fate(NamedTuple):
    """What became of a story with a kill."""

    was_killed: bool
    wrong: list[str]


def killed(story: Killing, told: Told, after: float, *, by_command: bool) -> Fate:
    """Kill the command after so many seconds, sync twice; what is wrong then.

    The two runs that follow are commands too, or runs of this process, which are much quicker.
    """
    story.put_back()
    was_killed = story.command(after).stopped
    wrong = []
    for number in (1, 2):
        last = story.command() if by_command else story.run()
        if story.exit_code:
            wrong.append(f"run {number} after the killed one ended with {story.exit_code}: {story.said}")
    if last.writes:
        wrong.append(f"the second run after the killed one was still writing: {story.said}")
    held = story.held()
    wrong += [*differences(told.view, view(held)), *twins(held), *disagreements(held), *orphans(story)]
    return Fate(was_killed, [*wrong, *unmatched(story)])


@contextmanager
def killing(systems: str, journey: str, root: Path) -> Iterator[Killing]:
    """The systems of that name, each in its own process, at the moment before the journey's run."""
    with ExitStack() as stack:
        places: list[Place] = []
        for name, kind in zip("abc", SYSTEMS[systems], strict=False):
            is_folder = kind == "files"
            folder = FilesPlace(name, MachineTime(), root / "exports") if is_folder else None
            places.append(folder or stack.enter_context(apart(kind, name)))  # type: ignore[arg-type]
        made = Killing(f"{systems}, {journey}, killed", root / "workspace", places, MachineTime())
        made.prepare(JOURNEYS[journey])
        yield made
