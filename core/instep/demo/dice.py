"""Chance that falls the same way everywhere."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws from a seed, by the one method of `random` whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # repeatable, not secret

    def chance(self, share: float) -> bool:
        """True in this share of all throws."""
        return self._random.random() < share

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, things: Sequence[T]) -> T:
        """One of these."""
        return things[self.number(0, len(things) - 1)]

    def some(self, things: Sequence[T], count: int) -> list[T]:
        """So many different ones of these, or all if there are fewer."""
        left = list(things)
        drawn: list[T] = []
        while left and len(drawn) < count:
            drawn.append(left.pop(self.number(0, len(left) - 1)))
        return drawn

    def weighed(self, weights: Mapping[T, int]) -> T:
        """One of these, by weight."""
        point = self.number(1, sum(weights.values()))
        for thing, weight in weights.items():
            point -= weight
            if point <= 0:
                return thing
        raise ValueError("Weights must be positive.")
