"""Consent is a lattice: an opt-out anywhere holds everywhere, until the person says otherwise.

Only an explicit opt-in with source and time, newer than the opt-out and of the same scope, lifts it. A flag that
merely turns false is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

ALL = "all"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Statement:
    """What one record says of one scope. `at` is when it was said, or when it was first heard."""

    scope: str
    state: Literal["in", "out", "unset"]
    at: datetime
    source: str
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The effective consent of one scope, and the statement that decided it."""

    scope: str
    state: Literal["in", "out"]
    at: datetime
    source: str


def settle(before: Iterable[Standing], heard: Iterable[Statement]) -> dict[str, Standing]:
    """The standing of every scope, from what stood before and everything that is heard now.

    Associative, commutative and idempotent over `heard`: it makes no difference in which order, or how often,
    statements arrive.
    """
    outs: dict[str, Statement] = {}
    ins: dict[str, Statement] = {}
    for standing in before:
        pool = outs if standing.state == "out" else ins
        _keep_latest(pool, Statement(standing.scope, standing.state, standing.at, standing.source, explicit=True))
    for statement in heard:
        if statement.state == "out":
            _keep_latest(outs, statement)
        elif statement.state == "in" and statement.explicit:
            _keep_latest(ins, statement)
    return {scope: _standing(outs.get(scope), ins.get(scope)) for scope in sorted({*outs, *ins})}


def _keep_latest(pool: dict[str, Statement], new: Statement) -> None:
    old = pool.get(new.scope)
    if old is None or (new.at, new.source) > (old.at, old.source):
        pool[new.scope] = new


def _standing(out: Statement | None, opted_in: Statement | None) -> Standing:
    winner = out if opted_in is None or (out is not None and out.at >= opted_in.at) else opted_in
    if winner is None:
        raise ValueError("a scope has at least one statement")
    return Standing(winner.scope, "out" if winner is out else "in", winner.at, winner.source)


def is_opted_out(standings: dict[str, Standing], scope: str) -> bool:
    """Whether the person is opted out of a scope, by that scope itself or by "all"."""
    return any(s in standings and standings[s].state == "out" for s in (scope, ALL))
