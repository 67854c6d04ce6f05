"""Journeys: one purchase being considered, and the stage it has reached.

Everything that is known of a journey's stage is a claim: evidence (what a buyer did), an assertion (what a
colleague or a system set) or an outcome. The effective stage is a fold over accepted claims in the order in
which they happened, however late they were heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from instep.model.process import Half, Outcome, Process

ClaimType = Literal["evidence", "assertion", "outcome", "reopened"]
_TURN = {"evidence": 0, "outcome": 1, "reopened": 1, "assertion": 2}


@dataclass(frozen=True, slots=True)
class Claim:
    """One dated statement about a journey's stage.

    `value` is a behaviour key for evidence, a stage key for an assertion, an outcome for an outcome. `source`
    names the record or behaviour it comes from, as "connection/object/id".
    """

    at: datetime
    type: ClaimType
    value: str
    source: str
    accepted: bool = True
    note: str = ""
    expires: datetime | None = None
    journey: str = ""

    @property
    def connection(self) -> str:
        return self.source.split("/", 1)[0]


@dataclass(frozen=True, slots=True)
class Step:
    """An entry of a journey's dated history: from `at` on, it was at `stage`, because of `cause`."""

    stage: str
    at: datetime
    cause: Claim


@dataclass(frozen=True, slots=True)
class Position:
    """Where a journey stands, and how it came there."""

    stage: str | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    history: tuple[Step, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def since(self) -> datetime | None:
        return self.history[-1].at if self.history else None


def fold(claims: Iterable[Claim], process: Process, now: datetime, segment: str | None = None) -> Position:
    """The position that these claims add up to.

    What lies ahead has not happened yet.

    An assertion sets the stage. Evidence raises it and never lowers it. At one instant the assertion comes
    last. What is not accepted, or has expired, does not count. The order of `claims` does not matter.
    """
    order = process.order()
    stages = process.stages_of(segment)
    stage: str | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    seen: set[str] = set()
    steps: list[Step] = []

    def move(to: str, claim: Claim) -> None:
        nonlocal stage
        if to != stage:
            stage = to
            steps.append(Step(to, claim.at, claim))

    for claim in sorted(claims, key=lambda c: (c.at, _TURN[c.type], c.source, c.value)):
        if not claim.accepted or (claim.expires is not None and claim.expires <= now):
            continue
        if claim.type == "evidence" and claim.at > now:
            continue  # a meeting that is booked has not been attended
        match claim.type:
            case "evidence":
                seen.add(claim.value)
                did = frozenset(seen)
                reached = [s.key for s in stages if claim.value in s.enter.behaviours and s.enter.is_met_by(did)]
                furthest = max(reached, key=order.__getitem__, default=None)
                if furthest is not None and (stage is None or order[furthest] > order[stage]):
                    move(furthest, claim)
            case "assertion" if process.current_key(claim.value) in order:
                move(process.current_key(claim.value), claim)
            case "outcome":
                outcome = Outcome(claim.value)
                closed_at = claim.at if outcome.closes else None
                after = process.first_of(Half.RETENTION, segment)
                acquiring = stage is None or process.stage(stage).half is Half.ACQUISITION
                if outcome is Outcome.WON and after is not None and acquiring:
                    move(after.key, claim)
            case "reopened":
                outcome, closed_at = None, None
            case _:
                pass
    return Position(stage, outcome, closed_at, tuple(steps))


def next_due(claims: Iterable[Claim], now: datetime) -> datetime | None:
    """When a journey has to be looked at again: its next act that lies ahead, or assertion that expires."""
    ahead = [claim.at for claim in claims if claim.type == "evidence" and claim.at > now]
    expiring = [claim.expires for claim in claims if claim.accepted and claim.expires and claim.expires > now]
    return min([*ahead, *expiring], default=None)


def is_accepted(speaks_for: frozenset[str], left: str | None, to: str, process: Process) -> bool:
    """Whether a system may move a journey from stage `left` to stage `to`.

    It may if it speaks for the role that owns the stage left, or if the move is forward into a stage whose role
    it speaks for. A stage that nobody owns is anybody's.
    """
    if left is None:
        return _speaks(speaks_for, to, process)
    order = process.order()
    return _speaks(speaks_for, left, process) or (order[to] > order[left] and _speaks(speaks_for, to, process))


def _speaks(speaks_for: frozenset[str], stage: str, process: Process) -> bool:
    role = process.stage(stage).role
    return role is None or role in speaks_for


def shown(positions: Sequence[tuple[str, Position]], process: Process) -> str | None:
    """Which of several journeys (id, position) a person or company shows.

    The furthest open one; with none open, the one that closed last. None without any that has a stage.
    """
    order = process.order()
    staged = [(journey, position) for journey, position in positions if position.stage in order]
    opened = [(order[p.stage], journey) for journey, p in staged if p.is_open and p.stage is not None]
    if opened:
        return max(opened, key=lambda pair: (pair[0], pair[1]))[1]
    closed = [(p.closed_at, journey) for journey, p in staged if p.closed_at is not None]
    return max(closed)[1] if closed else None


def first_contact(
    heard: Sequence[tuple[str, str, frozenset[str]]],
) -> tuple[str, str] | None:
    """The one stage that several systems' values add up to when they are first heard together.

    `heard` has, in falling order of preference: connection, stage that its value means, and every stage that
    its value includes. The preferred value decides; a finer stage of another system that the preferred value
    includes is taken instead. Returns (connection, stage), or None when nobody said anything.
    """
    if not heard:
        return None
    connection, stage, included = heard[0]
    for other, finer, includes in heard[1:]:
        if includes < included and finer != stage:
            return other, finer
    return connection, stage
