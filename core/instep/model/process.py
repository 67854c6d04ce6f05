"""The buying process: stages that the buyer goes through, and the behaviours that prove them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from instep.model.rules import Rule


class Actor(StrEnum):
    """Who did it. Only a buyer's act may advance a stage."""

    BUYER = "buyer"
    SELLER = "seller"
    SYSTEM = "system"


class Half(StrEnum):
    """Which half of the hourglass a stage belongs to: winning a customer, or keeping one."""

    ACQUISITION = "acquisition"
    RETENTION = "retention"


class Role(StrEnum):
    """Who owns the buyer at a stage."""

    MARKETING = "marketing"
    SALES = "sales"
    SERVICE = "service"
    SERVICES = "services"
    SUPPORT = "support"
    PARTNER = "partner"
    FACILITATOR = "facilitator"


class Outcome(StrEnum):
    """How a journey ended, or, for `WON`, passed into retention."""

    WON = "won"
    LOST = "lost"
    NO_DECISION = "no_decision"

    @property
    def closes(self) -> bool:
        """Whether the journey ends here; a won journey goes on in the retention half."""
        return self is not Outcome.WON


class JourneyKind(StrEnum):
    """What is being considered: a first purchase, more of it, or the same again."""

    NEW = "new"
    EXPANSION = "expansion"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Something someone can do. `weight` is how much commitment it shows, for people to compare."""

    key: str
    label: str
    actor: Actor = Actor.BUYER
    weight: int = 1
    buyer_counterpart: str | None = None
    """For a seller's act: what the buyer does instead, if anything ("requests-quote")."""
    same_within: timedelta = timedelta(days=1)
    """Two systems that tell of it within that time of each other tell of one act; zero where they never do."""
    library: str | None = None
    """The library that it comes from: it is there to be named, and need not be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """When a buyer enters a stage: after `times` acts of `any`, or after every one of `all`.

    With `within`, all of these have to lie within that time of each other. `otherwise` are further ways in.
    """

    any: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()
    times: int = 1
    within: timedelta | None = None
    otherwise: tuple[Entry, ...] = ()

    def is_met_by(self, seen: frozenset[str]) -> bool:
        """Whether a buyer who did all of `seen`, each once and at one time, has arrived."""
        now = datetime.max.replace(tzinfo=UTC)
        acts = dict.fromkeys(seen, (now,))
        return any(self.is_met_at(key, now, acts) for key in seen)

    def is_met_at(self, key: str, at: datetime, acts: Mapping[str, Sequence[datetime]]) -> bool:
        """Whether an act at `at`, with those before it, is enough by a way that it belongs to.

        `acts` are the instants of everything that was done until then, by behaviour, the act itself included.
        """
        return any(way._is_met(key, at, acts) for way in self.ways)

    def _is_met(self, key: str, at: datetime, acts: Mapping[str, Sequence[datetime]]) -> bool:
        if key in self.any and self.times == 1:
            return True
        since = at - self.within if self.within is not None else None
        if key in self.any:
            done = sum(1 for name in self.any for act in acts.get(name, ()) if since is None or act >= since)
            if done >= self.times:
                return True
        return key in self.all and all(
            any(since is None or act >= since for act in acts.get(name, ())) for name in self.all
        )

    @property
    def ways(self) -> tuple[Entry, ...]:
        """This way in, and every other."""
        return (self, *self.otherwise)

    @property
    def behaviours(self) -> frozenset[str]:
        return frozenset().union(*(way.any | way.all for way in self.ways))

    @property
    def is_plain(self) -> bool:
        """Whether any single act of the behaviours that are named is enough."""
        return all(not way.all and way.times == 1 for way in self.ways)


@dataclass(frozen=True, slots=True)
class Detour:
    """Where a journey waits beside the path, without having ended: sent back, ruled out, or gone quiet."""

    key: str
    label: str
    role: Role | None = None
    """Who looks after the buyer meanwhile; None: whoever owns the stage."""
    after: timedelta | None = None
    """It begins by itself when the buyer has done nothing, and nobody moved the journey, for so long."""
    ends_by_hand: bool = False
    """Whether only a colleague leads the buyer back; otherwise the buyer's next act does."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the buying process, in the buyer's words."""

    key: str
    label: str
    half: Half = Half.ACQUISITION
    role: Role | None = None
    enter: Entry = Entry()
    expected_days: int | None = None
    win_probability: float | None = None
    latent: bool = False
    """True for buyers who are not looking: counted in the market, left out of forecasts."""
    aliases: tuple[str, ...] = ()
    """Words that other people use for it, to recognise it by in a system's own list."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of buyers. `stages` names its own variant of the process, or is empty for the common one."""

    key: str
    label: str
    when: Rule | None = None
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """The canonical buying process of one company. Stage order is the order of `stages`."""

    key: str
    stages: tuple[Stage, ...]
    behaviours: tuple[Behaviour, ...] = ()
    segments: tuple[Segment, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    """Renamed stage keys: old key to its successor."""
    detours: tuple[Detour, ...] = ()
    _order: dict[str, int] = field(init=False, repr=False, compare=False)
    _stages: dict[str, Stage] = field(init=False, repr=False, compare=False)
    _halves: dict[str, frozenset[Half]] = field(init=False, repr=False, compare=False)
    _entered: dict[str | None, dict[str, tuple[Stage, ...]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_order", self._places())
        object.__setattr__(self, "_stages", {stage.key: stage for stage in reversed(list(self.every_stage()))})
        halves: dict[str, frozenset[Half]] = {}
        for stage in self.every_stage():
            for behaviour in stage.enter.behaviours:
                halves[behaviour] = halves.get(behaviour, frozenset()) | {stage.half}
        object.__setattr__(self, "_halves", halves)
        variants = {segment.key: segment.stages for segment in self.segments if segment.stages}
        entered = {segment: self._by_act(stages) for segment, stages in ((None, self.stages), *variants.items())}
        object.__setattr__(self, "_entered", entered)

    def stage(self, key: str) -> Stage:
        """The stage of that key, a segment's variant included. Raises `KeyError` for an unknown key."""
        return self._stages[key]

    def current_key(self, key: str) -> str:
        """A stage key as it is called today; history keeps the old word."""
        seen = set()
        while key in self.moved and key not in seen:
            seen.add(key)
            key = self.moved[key]
        return key

    @property
    def watches_acts(self) -> bool:
        """Whether some detour begins by nobody doing anything."""
        return any(detour.after is not None for detour in self.detours)

    def has_stage(self, key: str) -> bool:
        return key in self._stages

    def stages_of(self, segment: str | None) -> tuple[Stage, ...]:
        """The stages that buyers of a segment go through, in order."""
        for candidate in self.segments:
            if candidate.key == segment and candidate.stages:
                return candidate.stages
        return self.stages

    def entered_by(self, act: str, segment: str | None) -> tuple[Stage, ...]:
        """The stages that an act may lead a buyer of a segment to, the furthest first."""
        return self._entered.get(segment, self._entered[None]).get(act, ())

    def _by_act(self, stages: tuple[Stage, ...]) -> dict[str, tuple[Stage, ...]]:
        found: dict[str, tuple[Stage, ...]] = {}
        for stage in sorted(stages, key=lambda stage: self._order[stage.key], reverse=True):
            for act in stage.enter.behaviours:
                found[act] = (*found.get(act, ()), stage)
        return found

    def order(self) -> dict[str, int]:
        """Every stage key's place. A stage that only a segment has stands right after its predecessor there."""
        return self._order

    def _places(self) -> dict[str, int]:
        keys = [stage.key for stage in self.stages]
        for segment in self.segments:
            previous = None
            for stage in segment.stages:
                if stage.key not in keys:
                    keys.insert(0 if previous is None else keys.index(previous) + 1, stage.key)
                previous = stage.key
        return {key: place for place, key in enumerate(keys)}

    def at_or_before(self, key: str, listed: Iterable[str]) -> str | None:
        """The stage `key` if it is among `listed`, else the nearest earlier one that is, else None."""
        order = self.order()
        place = order[key]
        earlier = [other for other in listed if order[other] <= place]
        return max(earlier, key=order.__getitem__, default=None)

    def behaviour(self, key: str) -> Behaviour | None:
        return next((behaviour for behaviour in self.behaviours if behaviour.key == key), None)

    def halves_of(self, behaviour: str) -> frozenset[Half]:
        """The halves of the stages that a behaviour may enter; empty where it enters none."""
        return self._halves.get(behaviour, frozenset())

    def detour(self, key: str) -> Detour | None:
        return next((detour for detour in self.detours if detour.key == key), None)

    def first_of(self, half: Half, segment: str | None = None) -> Stage | None:
        return next((stage for stage in self.stages_of(segment) if stage.half is half), None)

    def every_stage(self) -> Iterable[Stage]:
        """Every stage, each segment's variants included: a key may come several times."""
        yield from self.stages
        for segment in self.segments:
            yield from segment.stages
