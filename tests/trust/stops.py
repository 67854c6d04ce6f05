"""Stopping a story's run, once or twice, in any weather, and letting it come to rest."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .checks import View, differences, disagreements, orphans, twins, unmatched, view
from .place import Applied
from .rehearsal import LATER, SOON, Rehearsal


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
    """The story without a stop: how many effects its run has, what each system was sent, what it all came to."""

    labels: tuple[str, ...]
    applied: dict[str, tuple[Applied, ...]]
    view: View
    wrong: tuple[str, ...]
    """What is not as it should be even so."""

    @property
    def effects(self) -> int:
        return len(self.labels)


def undisturbed(story: Rehearsal) -> Told:
    """Play the story to its end once."""
    story.put_back()
    run = story.run()
    applied = {place.name: tuple(place.applied) for place in story.places}
    story.bring_in_step()
    held = story.held()
    wrong = (*twins(held), *disagreements(held), *orphans(story), *unmatched(story))
    return Told(run.labels, applied, view(held), wrong)


def stopped(story: Rehearsal, told: Told, stops: Sequence[int], weather: Weather = Weather.FAIR) -> list[str]:
    """Stop the run, and the next ones, at these effects; then let it come to rest. What is wrong then."""
    chance = random.Random(f"{story.name}, {weather}, {stops}")
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
        assert run.stopped or weather.loses or number, f"{story.name}: there is no effect {stop}"
        story.wait(SOON)
    if chance.random() < 0.5:
        _lose(story, weather, chance)
    return [*wrong, *_rest(story), *_wrong(story, told)]


def _lose(story: Rehearsal, weather: Weather, chance: random.Random) -> None:
    if weather.loses:
        chance.choice(story.places).lose(after=chance.randrange(6), times=chance.choice([1, 5]))


def _no_prefix(story: Rehearsal, told: Told) -> Iterator[str]:
    """A stopped run has done the beginning of what the whole run does, and nothing else."""
    for place in story.places:
        done = tuple(place.applied)
        if done != told.applied[place.name][: len(done)]:
            yield f"{place.name}: the stopped run did {done}, the whole one {told.applied[place.name]}"


def _rest(story: Rehearsal) -> Iterator[str]:
    """The next run, and at most two more, leave nothing to write; the one after that finds nothing."""
    for number in range(3):
        run = story.run(seed=10 + number)
        for place in story.places:
            place.calm()
        story.wait(LATER)
        if run.writes == 0 and number:
            break
    rows = story.rows("SELECT count(*) FROM journal")
    run = story.run(seed=20)
    if run.writes or story.rows("SELECT count(*) FROM journal") != rows:
        assert run.outcome is not None
        yield f"still writing: {run.outcome.plan.counts()}"
    if run.outcome is not None and run.outcome.status != "done":
        yield f"the last run came to {run.outcome.status}: {run.outcome.account}"


def _wrong(story: Rehearsal, told: Told) -> Iterator[str]:
    held = story.held()
    yield from differences(told.view, view(held))
    yield from twins(held)
    yield from disagreements(held)
    yield from orphans(story)
    yield from unmatched(story)
