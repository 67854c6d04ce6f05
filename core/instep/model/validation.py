"""Whether the process is what buyers really did: the journeys that were won, held against its stages.

A stage was seen in a journey once the buyer had done what enters it. It came out of order if a later stage had been
seen before, and was skipped if a later one was seen and it never was. What buyers did and no stage is entered by is
missing from the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from instep.model.process import Actor, Process, Stage

SAMPLES = 5
"""How many journeys are named for each finding."""
FEWEST = 5
"""With fewer won journeys, nothing is said of a process."""


@dataclass(frozen=True, slots=True)
class DatedAct:
    """Something that a buyer did: a behaviour's key, and when."""

    at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class WonJourney:
    """A journey that was won, with everything that its buyers did, in any order."""

    id: str
    acts: tuple[DatedAct, ...]
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """In how many journeys something was so, of how many, and a few of these."""

    count: int
    of: int
    samples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """From 0 to 1; 0 of none is 0."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class StageSeen:
    """How one stage was gone through. `seen` and `skipped` share nothing; `out_of_order` is a part of `seen`."""

    stage: str
    seen: Share
    out_of_order: Share
    skipped: Share


@dataclass(frozen=True, slots=True)
class Validated:
    """What the won journeys say of one list of stages: the common one (`segment` None) or a segment's own.

    Stages that nothing enters are left out: nobody can be seen to enter them.
    """

    segment: str | None
    journeys: int
    fewest: int
    stages: tuple[StageSeen, ...] = ()
    missing: tuple[tuple[str, Share], ...] = ()
    """Behaviours that no stage is entered by, the most frequent first."""

    @property
    def is_enough(self) -> bool:
        """Whether there are journeys enough to say anything; if not, nothing is said."""
        return self.journeys >= self.fewest


def validate(process: Process, journeys: Sequence[WonJourney], fewest: int = FEWEST) -> tuple[Validated, ...]:
    """What won journeys say of a process: the common stages first, then each segment's own.

    The order of `journeys` decides only which of them are named as samples: the first ones.
    """
    own = [segment.key for segment in process.segments if segment.stages]
    return tuple(
        _validated(process, segment, [j for j in journeys if _list_of(j, own) == segment], fewest)
        for segment in (None, *own)
    )


def _list_of(journey: WonJourney, own: Sequence[str]) -> str | None:
    return journey.segment if journey.segment in own else None


def _validated(process: Process, segment: str | None, journeys: Sequence[WonJourney], fewest: int) -> Validated:
    found = Validated(segment, len(journeys), fewest)
    if not found.is_enough:
        return found
    entered = [stage for stage in process.stages_of(segment) if stage.enter.behaviours]
    seen = {journey.id: _first_seen(entered, journey.acts) for journey in journeys}
    named = {key for stage in entered for key in stage.enter.behaviours}
    missing = _missing(process, named, journeys)
    return Validated(segment, len(journeys), fewest, _stages_seen(entered, seen), missing)


def _first_seen(stages: Sequence[Stage], acts: Iterable[DatedAct]) -> dict[str, datetime]:
    """When each stage was first proved; those that never were are not there."""
    did: dict[str, list[datetime]] = {}
    first: dict[str, datetime] = {}
    for act in sorted(acts, key=lambda act: act.at):
        did.setdefault(act.key, []).append(act.at)
        for stage in stages:
            if stage.key not in first and stage.enter.is_met_at(act.key, act.at, did):
                first[stage.key] = act.at
    return first


def _stages_seen(stages: Sequence[Stage], seen: Mapping[str, Mapping[str, datetime]]) -> tuple[StageSeen, ...]:
    found = []
    for place, stage in enumerate(stages):
        later = [other.key for other in stages[place + 1 :]]
        found.append(
            StageSeen(
                stage=stage.key,
                seen=_share(seen, _is_seen(stage.key)),
                out_of_order=_share(seen, _is_late(stage.key, later)),
                skipped=_share(seen, _is_skipped(stage.key, later)),
            )
        )
    return tuple(found)


_Claim = Callable[[Mapping[str, datetime]], bool]


def _is_seen(stage: str) -> _Claim:
    return lambda first: stage in first


def _is_late(stage: str, later: Sequence[str]) -> _Claim:
    return lambda first: stage in first and any(key in first and first[key] < first[stage] for key in later)


def _is_skipped(stage: str, later: Sequence[str]) -> _Claim:
    return lambda first: stage not in first and any(key in first for key in later)


def _share(seen: Mapping[str, Mapping[str, datetime]], holds: _Claim) -> Share:
    return _counted([journey for journey, first in seen.items() if holds(first)], len(seen))


def _counted(journeys: Sequence[str], of: int) -> Share:
    return Share(len(journeys), of, tuple(journeys[:SAMPLES]))


def _missing(process: Process, named: set[str], journeys: Sequence[WonJourney]) -> tuple[tuple[str, Share], ...]:
    """What buyers did and no stage is entered by; what a process calls a seller's or a system's act is not theirs."""
    by_key: dict[str, list[str]] = {}
    for journey in journeys:
        for key in sorted({act.key for act in journey.acts} - named):
            behaviour = process.behaviour(key)
            if behaviour is None or behaviour.actor is Actor.BUYER:
                by_key.setdefault(key, []).append(journey.id)
    found = [(key, _counted(ids, len(journeys))) for key, ids in by_key.items()]
    return tuple(sorted(found, key=lambda pair: (-pair[1].count, pair[0])))
