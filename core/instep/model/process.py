"""The buying process: stages that the buyer goes through, and the behaviours that prove them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    library: str | None = None
    """The library that it comes from: it is there to be named, and need not be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """When a buyer enters a stage: after any one of `any`, or after every one of `all`."""

    any: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()

    def is_met_by(self, seen: frozenset[str]) -> bool:
        """Whether a buyer who did all of `seen` has arrived."""
        return bool(self.any & seen) or (bool(self.all) and self.all <= seen)

    @property
    def behaviours(self) -> frozenset[str]:
        return self.any | self.all


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
    _order: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_order", self._places())

    def stage(self, key: str) -> Stage:
        """The stage of that key, a segment's variant included. Raises `KeyError` for an unknown key."""
        for stage in self._every_stage():
            if stage.key == key:
                return stage
        raise KeyError(key)

    def current_key(self, key: str) -> str:
        """A stage key as it is called today; history keeps the old word."""
        seen = set()
        while key in self.moved and key not in seen:
            seen.add(key)
            key = self.moved[key]
        return key

    def has_stage(self, key: str) -> bool:
        return any(stage.key == key for stage in self._every_stage())

    def stages_of(self, segment: str | None) -> tuple[Stage, ...]:
        """The stages that buyers of a segment go through, in order."""
        for candidate in self.segments:
            if candidate.key == segment and candidate.stages:
                return candidate.stages
        return self.stages

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

    def first_of(self, half: Half, segment: str | None = None) -> Stage | None:
        return next((stage for stage in self.stages_of(segment) if stage.half is half), None)

    def _every_stage(self) -> Iterable[Stage]:
        yield from self.stages
        for segment in self.segments:
            yield from segment.stages
