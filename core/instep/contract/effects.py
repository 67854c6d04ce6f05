"""How a plugin reaches the world: through what it is handed, and through nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")


class Transport(Protocol):
    """The only way out of the process. Every request and every file replace passes here."""

    def send(self, action: Callable[[], T], *, label: str, writes: bool, lane: str = "default") -> T:
        """Run `action`, which sends exactly one request, and return what it returns.

        `label` says what is sent, without values ("contacts/batch/update"). `writes` says whether the request can
        change something in the system. `lane` names the `RateLimit` that it counts against. The transport paces
        calls, counts them, and may raise instead of sending; what it raises must reach the caller untouched.
        """
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a system says of the calls that it allows in a day: how many in all, and how many are left now.

    `renews_at` is when there will be that many again, where the system tells; None where they come back one by one.
    """

    calls: int
    left: int
    renews_at: datetime | None = None


def ignore(allowance: Allowance) -> None:
    """Nobody wants to know what is left."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a plugin may do to the world, handed to it so that tests can watch, stop and speed up everything.

    `allowed` is told, after every answer that says so, how many calls of the day are left.
    """

    transport: Transport
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    random: random.Random
    allowed: Callable[[Allowance], None] = ignore
