"""Consent is a lattice: an opt-out anywhere holds everywhere, until the person says otherwise.

Only an explicit opt-in with source and time, newer than the opt-out and of the same scope, lifts it. A flag that
merely turns false is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ALL = "all"


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

    Of each scope the latest counts, at one instant an opt-out. Associative, commutative and idempotent over
    `heard`: it makes no difference in which order, or how often, statements arrive.
    """
    standings = list(before)
    for statement in heard:
        if statement.state == "out" or (statement.state == "in" and statement.explicit):
            standings.append(Standing(statement.scope, statement.state, statement.at, statement.source))
    standings.sort(key=lambda standing: (standing.scope, standing.at, standing.state == "out", standing.source))
    return {standing.scope: standing for standing in standings}


def is_opted_out(standings: dict[str, Standing], scope: str) -> bool:
    """Whether the person is opted out of a scope, by that scope itself or by "all"."""
    return any(s in standings and standings[s].state == "out" for s in (scope, ALL))
