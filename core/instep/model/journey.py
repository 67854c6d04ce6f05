"""Journeys: one purchase being considered, and the stage it has reached.

Everything that is known of a journey's stage is a claim: evidence (what a buyer did), an assertion (what a
colleague or a system set) or an outcome. The effective stage is a fold over accepted claims in the order in
which they happened, however late they were heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from instep.model.process import Half, Outcome, Process

Turns = tuple[tuple[datetime, Half | None], ...]
ClaimType = Literal["evidence", "referral", "outcome", "reopened", "detour", "assertion"]
_TURN = {"evidence": 0, "referral": 0, "outcome": 1, "reopened": 1, "detour": 2, "assertion": 2}


@dataclass(frozen=True, slots=True)
class Claim:
    """One dated statement about a journey's stage.

    `value` is a behaviour key for evidence, a stage key for an assertion, a detour's key for a detour, an outcome for
    an outcome, and who referred the buyer for a referral. `source` names the record or behaviour it comes from, as
    "connection/object/id"; `doer` is the person or company that did what is evidence.
    """

    at: datetime
    type: ClaimType
    value: str
    source: str
    accepted: bool = True
    note: str = ""
    expires: datetime | None = None
    journey: str = ""
    doer: str = ""

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
    detour: str | None = None
    """Where the journey waits beside the path; its stage is then the one that it left the path at."""
    detour_since: datetime | None = None
    since: datetime | None = None
    """When it came to its stage."""
    proven: str | None = None
    """The stage by what the buyer did alone, where somebody asked."""

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def overdue_from(self, process: Process, segment: str | None = None) -> datetime | None:
        """When the buyer will have been at this stage for longer than expected; None where nothing is expected."""
        stage = next((s for s in process.stages_of(segment) if s.key == self.stage), None)
        if stage is None or stage.expected_days is None or self.since is None:
            return None
        return self.since + timedelta(days=stage.expected_days) if self.is_open and self.detour is None else None


def fold(
    claims: Iterable[Claim],
    process: Process,
    now: datetime,
    segment: str | None = None,
    active_at: datetime | None = None,
) -> Position:
    """The position that these claims add up to. `active_at` is when the buyer last did anything at all.

    What lies ahead has not happened yet.

    An assertion sets the stage. Evidence raises it and never lowers it. At one instant the assertion comes
    last. What is not accepted, or has expired, does not count. The order of `claims` does not matter, nor does
    it how often one is told.
    """
    folding = _Folding(process, segment)
    for claim in sorted(claims, key=lambda c: (c.at, _TURN[c.type], c.source, c.value)):
        if _counts(claim, now):
            folding.take(claim)
    folding.grow_quiet(now, active_at)
    return folding.position()


def _counts(claim: Claim, now: datetime) -> bool:
    """Whether a claim says anything at an instant: a meeting that is booked has not been attended."""
    is_over = claim.expires is not None and claim.expires <= now
    return claim.accepted and not is_over and (claim.type != "evidence" or claim.at <= now)


def turns(claims: Iterable[Claim], process: Process, half: Half | None, segment: str | None = None) -> Turns:
    """From which instant on a journey that began in `half` was in which half; None: closed."""
    folding, found = _Folding(process, segment), list[tuple[datetime, Half | None]]()
    for claim in sorted((c for c in claims if c.accepted), key=lambda c: (c.at, _TURN[c.type], c.source, c.value)):
        folding.take(claim)
        position = folding.position()
        staged = process.stage(position.stage).half if position.stage is not None else half
        now = staged if position.is_open else None
        if now != (found[-1][1] if found else half):
            found.append((claim.at, now))
    return tuple(found)


class _Folding:
    """A journey while its claims are read in order."""

    def __init__(self, process: Process, segment: str | None) -> None:
        self._process, self._order, self._segment = process, process.order(), segment
        self._after = process.first_of(Half.RETENTION, segment)
        self._stage: str | None = None
        self._outcome: Outcome | None = None
        self._closed_at: datetime | None = None
        self._detour: tuple[str, datetime] | None = None
        self._acts: dict[str, list[datetime]] = {}
        self._told: set[tuple[str, str]] = set()
        self._steps: list[Step] = []
        self._last: datetime | None = None

    def take(self, claim: Claim) -> None:
        match claim.type:
            case "evidence":
                self._hear_act(claim)
            case "assertion" if self._process.current_key(claim.value) in self._order:
                self._move(self._process.current_key(claim.value), claim)
                self._detour = None
            case "outcome":
                self._end(claim)
            case "reopened":
                self._outcome, self._closed_at, self._detour = None, None, None
            case "detour" if self._process.detour(claim.value) is not None:
                self._detour = (claim.value, claim.at)
            case _:
                return
        self._last = claim.at

    def _hear_act(self, claim: Claim) -> None:
        if (claim.value, claim.source) in self._told:
            return  # two people did it together: it is one act all the same
        self._told.add((claim.value, claim.source))
        self._acts.setdefault(claim.value, []).append(claim.at)
        here = -1 if self._stage is None else self._order[self._stage]
        for stage in self._process.entered_by(claim.value, self._segment):
            if self._order[stage.key] < here:
                return
            if stage.enter.is_met_at(claim.value, claim.at, self._acts):
                self._arrive(stage.key, claim)
                return

    def _arrive(self, stage: str, claim: Claim) -> None:
        """What the buyer did leads to a stage that is not behind them: there, and back from beside the path."""
        if self._detour is not None:
            found = self._process.detour(self._detour[0])
            self._detour = self._detour if found is not None and found.ends_by_hand else None
        self._move(stage, claim)

    def _end(self, claim: Claim) -> None:
        self._outcome, self._detour = Outcome(claim.value), None
        self._closed_at = claim.at if self._outcome.closes else None
        acquiring = self._stage is None or self._process.stage(self._stage).half is Half.ACQUISITION
        if self._outcome is Outcome.WON and self._after is not None and acquiring:
            self._move(self._after.key, claim)

    def _move(self, to: str, claim: Claim) -> None:
        if to != self._stage:
            self._stage = to
            self._steps.append(Step(to, claim.at, claim))

    def grow_quiet(self, now: datetime, active_at: datetime | None) -> None:
        """Leave the path when nothing has happened for as long as a detour says."""
        last = _later(self._last, active_at if active_at is None or active_at <= now else None)
        if last is None or self._detour is not None or self._closed_at is not None or not self._can_grow_quiet():
            return
        begun = [
            (last + d.after, d.key) for d in self._process.detours if d.after is not None and last + d.after <= now
        ]
        if begun:
            since, key = max(begun)
            self._detour = (key, since)

    def _can_grow_quiet(self) -> bool:
        return self._stage is not None and not self._process.stage(self._stage).latent

    def position(self) -> Position:
        detour, since = self._detour or (None, None)
        came = self._steps[-1].at if self._steps else None
        return Position(self._stage, self._outcome, self._closed_at, tuple(self._steps), detour, since, came)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((instant for instant in (one, other) if instant is not None), default=None)


def proven(claims: Iterable[Claim], process: Process, now: datetime, segment: str | None = None) -> str | None:
    """The stage by what the buyer did alone, whatever colleagues say of it."""
    return fold((c for c in claims if c.type in ("evidence", "outcome")), process, now, segment).stage


def next_due(
    claims: Iterable[Claim],
    now: datetime,
    process: Process | None = None,
    position: Position | None = None,
    active_at: datetime | None = None,
) -> datetime | None:
    """When a journey has to be looked at again.

    At its next act that lies ahead, when an assertion expires, and, given its position, when it grows quiet.
    """
    due = [claim.expires for claim in claims if claim.accepted and claim.expires and claim.expires > now]
    due += [claim.at for claim in claims if claim.type == "evidence" and claim.at > now]
    if process is not None and position is not None and position.is_open and position.detour is None:
        counted = [c.at for c in claims if _counts(c, now) and c.type != "referral"]
        last = _later(max(counted, default=None), active_at)
        due += [last + d.after for d in process.detours if d.after is not None and last is not None]
    return min((instant for instant in due if instant > now), default=None)


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

    The furthest open one, those on the path before those that wait beside it; with none open, the one that closed
    last. None without any that has a stage.
    """
    order = process.order()
    staged = [(journey, position) for journey, position in positions if position.stage in order]
    opened = [(p.detour is None, order[p.stage], id) for id, p in staged if p.is_open and p.stage is not None]
    if opened:
        return max(opened)[2]
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
