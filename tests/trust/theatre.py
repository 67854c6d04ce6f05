"""Every story that is played, each opened once and kept open; and how many times it was stopped."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import cycle
from pathlib import Path

from .rehearsal import SYSTEMS, Rehearsal, rehearsal
from .stops import Fate, Hands, Told, Weather, stopped, undisturbed

Cell = tuple[str, str]
CELLS: tuple[Cell, ...] = (
    *((systems, journey) for systems in SYSTEMS for journey in ("first load", "everyday", "departures")),
    ("salesforce", "jobs"),
    ("five", "campaign"),
)
WEATHERS = {
    "memory": (Weather.FAIR, Weather.LOST),
    "hubspot": tuple(Weather),
    "salesforce": tuple(Weather),
    "files": (Weather.FAIR,),
    "mixed": (Weather.FAIR, Weather.BOTH),
    "five": (Weather.FAIR, Weather.BOTH),
}


class Scene:
    """One story, and what it comes to when nobody stops it."""

    def __init__(self, cell: Cell, story: Rehearsal, counts: Counter[str]) -> None:
        self.cell, self.story, self._counts = cell, story, counts

    @cached_property
    def told(self) -> Told:
        return undisturbed(self.story)

    def stop(self, at: int, weather: Weather, meanwhile: Hands | None = None, told: Told | None = None) -> list[str]:
        """Stop once."""
        fate = self._played(told or self.told, (at,), weather, meanwhile)
        assert fate.stopped[0] or weather.loses, f"{self.cell} has no effect {at}"
        self._counts["single"] += 1
        return fate.wrong

    def stop_twice(self, number: int, weather: Weather) -> tuple[tuple[int, int], list[str]]:
        """The pair of stops of that number, and what is wrong after them."""
        chance = random.Random(f"{self.cell}, {number}")  # the same pairs on every day
        first, second = chance.randint(1, self.told.effects), chance.randint(1, self.told.effects)
        fate = self._played(self.told, (first, second), weather)
        if fate.stopped == (True, False):  # the second run was over before
            second = chance.randint(1, fate.effects)
            fate = self._played(self.told, (first, second), weather)
        self._counts["double"] += fate.stopped == (True, True)
        return (first, second), fate.wrong

    def _played(self, told: Told, stops: tuple[int, ...], weather: Weather, meanwhile: Hands | None = None) -> Fate:
        began = time.perf_counter()
        fate = stopped(self.story, told, stops, weather, meanwhile)
        self._counts["ms"] += int((time.perf_counter() - began) * 1000)
        self._counts["wrong"] += bool(fate.wrong)
        return fate

    def some(self, wanted: int) -> Iterator[tuple[int, Weather]]:
        """About so many of the story's effects, at equal distances, in each weather in turn."""
        stride = max(1, self.told.effects // wanted)
        weathers = cycle(WEATHERS[self.cell[0]])
        return zip(range(1, self.told.effects + 1, stride), weathers)  # noqa: B905 - weathers never end

    def every(self, weather: Weather) -> Iterator[tuple[int, Weather]]:
        """All of the story's effects."""
        return ((point, weather) for point in range(1, self.told.effects + 1))

    def wrong_at(self, points: Iterable[tuple[int, Weather]]) -> dict[str, list[str]]:
        """Where a stop leaves something wrong, and what."""
        found = {f"{weather}, {at} ({self._label(at)})": self.stop(at, weather) for at, weather in points}
        return {point: wrong for point, wrong in found.items() if wrong}

    def _label(self, at: int) -> str:
        return self.told.labels[at - 1]


class Theatre:
    """Opens every story when it is first asked for."""

    def __init__(self, folder: Path, stack: ExitStack, counts: Counter[str]) -> None:
        self._folder, self._stack, self.counts = folder, stack, counts
        self._scenes: dict[Cell, Scene] = {}

    def scene(self, systems: str, journey: str) -> Scene:
        """The story of that name. No story may be wrong by itself."""
        cell = systems, journey
        if cell not in self._scenes:
            root = self._folder / f"{systems}-{journey}".replace(" ", "-")
            story = self._stack.enter_context(rehearsal(systems, journey, root))
            self._scenes[cell] = Scene(cell, story, self.counts)
            assert self._scenes[cell].told.wrong == ()
        return self._scenes[cell]


@contextmanager
def theatre(counts: Counter[str]) -> Iterator[Theatre]:
    """All stories; how often they were stopped is counted."""
    with in_memory() as folder, ExitStack() as stack:
        yield Theatre(folder, stack, counts)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder that lies in memory where there is one: what a dead process wrote, the system keeps even there."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
