"""Stopping a story's run, once or twice, in any weather, and letting it come to rest."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .checks import View, differences, disagreements, orphans, twins, unmatched, view
from .place import Applied
from .rehearsal import LATER, MUCH_LATER, SOON, Rehearsal

Hands = Callable[[Rehearsal], None]


class Weather(StrEnum):
    """What else goes wrong."""

    FAIR = "fair"
    LAG = "lag"
    """What was written is not found by searches at once."""
    LOST = "lost"
    """Calls take effect and are not answered: one, or as many as it takes until nobody tries again."""
    BOTH = "lag and lost"

    @property
    def lags(self) -> bool:
        return self in (Weather.LAG, Weather.BOTH)

    @property
    def loses(self) -> bool:
        return self in (Weather.LOST, Weather.BOTH)


@dataclass(frozen=True)
class Told:
    """The story without a stop: the effects of its run, what each system was sent in it, what it all came to."""

    labels: tuple[str, ...]
    applied: dict[str, tuple[Applied, ...]]
    view: View
    wrong: tuple[str, ...]
    """What is not as it should be even so."""

    @property
    def effects(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Fate:
    """What became of a story with stops."""

    stopped: tuple[bool, ...]
    """Which of the stops were reached: a run that follows a stop may be over before."""
    effects: int
    """How many effects the last run had that was to be stopped."""
    wrong: list[str]


def undisturbed(story: Rehearsal, meanwhile: Hands | None = None) -> Told:
    """Play the story to its end once. What colleagues do `meanwhile` they do after the run."""
    story.put_back()
    run = story.run()
    assert run.error is None, run.error
    applied = {place.name: tuple(place.applied) for place in story.places}
    story.wait(SOON)
    if meanwhile is not None:
        meanwhile(story)
    story.bring_in_step()
    held = story.held()
    wrong = (*twins(held), *disagreements(held), *orphans(story), *unmatched(story))
    return Told(run.labels, applied, view(held), wrong)


def stopped(
    story: Rehearsal,
    told: Told,
    stops: Sequence[int],
    weather: Weather = Weather.FAIR,
    meanwhile: Hands | None = None,
) -> Fate:
    """Stop the run, and the next ones, at these effects; then let it come to rest. What is wrong then."""
    chance = random.Random(f"{story.name}, {weather}, {tuple(stops)}")
    story.put_back()
    if weather.lags:
        for place in story.places:
            place.lag()
    wrong: list[str] = []
    for number, stop in enumerate(stops):
        _lose(story, weather, chance)
        run = story.run(stop, seed=number)
        if number == 0 and weather is Weather.FAIR:
            wrong += _no_prefix(story, told)
        story.wait(SOON)
    reached = tuple(run.stopped for run in story.runs)
    if meanwhile is not None:
        meanwhile(story)
    if chance.random() < 0.5:
        _lose(story, weather, chance)
    wrong += [*_rest(story, chance), *_wrong(story, told)]
    return Fate(reached, len(run.labels), wrong)


def _lose(story: Rehearsal, weather: Weather, chance: random.Random) -> None:
    if weather.loses:
        chance.choice(story.places).lose(after=chance.randrange(6), times=chance.choice([1, 5]))


def _no_prefix(story: Rehearsal, told: Told) -> Iterator[str]:
    """A stopped run has done the beginning of what the whole run does, and nothing else."""
    for place in story.places:
        done = tuple(place.applied)
        if done != told.applied[place.name][: len(done)]:
            yield f"{place.name}: the stopped run did {done}, the whole one {told.applied[place.name]}"


def _rest(story: Rehearsal, chance: random.Random) -> Iterator[str]:
    """The next run, and at most two more, leave nothing to write; the one after them finds nothing."""
    for number in range(4):
        rows = story.rows("SELECT count(*) FROM journal")
        run = story.run(seed=10 + number)
        is_quiet = run.writes == 0 and story.rows("SELECT count(*) FROM journal") == rows
        for place in story.places:
            place.calm()
        story.wait(chance.choice([LATER, MUCH_LATER]))
        if is_quiet and number and chance.random() < 0.8:  # of five stories, one is looked at once more
            break
    assert run.outcome is not None, run.error
    if not is_quiet:
        yield f"still writing: {run.outcome.plan.counts()}"
    if run.outcome.status != "done":
        yield f"the last run came to {run.outcome.status}: {run.outcome.account}"


def _wrong(story: Rehearsal, told: Told) -> Iterator[str]:
    held = story.held()
    yield from differences(told.view, view(held))
    yield from twins(held)
    yield from disagreements(held)
    yield from orphans(story)
    yield from unmatched(story)
