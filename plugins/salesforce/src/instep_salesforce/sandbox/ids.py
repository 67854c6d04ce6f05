"""Salesforce's identifiers: a prefix, a counter in base 62, and a checksum of letter cases."""

from __future__ import annotations

from functools import cache

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_POD = "5g0"
_PAIRS = 62 * 62
_KNOWN = frozenset(DIGITS)


def _bits(group: str) -> int:
    return sum(1 << place for place, letter in enumerate(group) if "A" <= letter <= "Z")


def to_18(id: str) -> str:
    """The form with 18 characters of an id with 15."""
    return id + "".join(_CHECKSUM[_bits(id[start : start + 5])] for start in (0, 5, 10))


def normalise(id: str) -> str | None:
    """The one form in which ids are kept; None if this is no id.

    Eighteen characters are understood in any letter case, as the checksum tells the true one.
    """
    if not _KNOWN.issuperset(id):
        return None
    if len(id) == 15:
        return to_18(id)
    if len(id) != 18:
        return None
    groups = []
    for place, letter in enumerate(id[15:].upper()):
        bits = _CHECKSUM.find(letter)
        if bits < 0:
            return None
        group = id[place * 5 : place * 5 + 5]
        groups.append("".join(c.upper() if bits >> k & 1 else c.lower() for k, c in enumerate(group)))
    return to_18("".join(groups))


@cache
def _pairs() -> list[tuple[str, int]]:
    return [(a + b, _bits("000" + a + b)) for a in DIGITS for b in DIGITS]


def _base_62(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


class _Sequence:
    """The ids of one prefix; they only grow, also in the order of their letters."""

    def __init__(self, prefix: str, start: int) -> None:
        self._prefix = prefix
        self._high, self._low = divmod(start, _PAIRS)
        self._pairs = _pairs()
        self._turn()

    def _turn(self) -> None:
        self._head = self._prefix + _POD + _base_62(self._high, 7)
        self._tail = _CHECKSUM[_bits(self._head[:5])] + _CHECKSUM[_bits(self._head[5:10])]
        self._started = _bits(self._head[10:13])

    def next(self) -> str:
        self._low += 1
        if self._low == _PAIRS:
            self._high, self._low = self._high + 1, 0
            self._turn()
        pair, bits = self._pairs[self._low]
        return self._head + pair + self._tail + _CHECKSUM[self._started | bits]


class Ids:
    """Identifiers that are the same on every run with the same seed."""

    def __init__(self, seed: int) -> None:
        self._start = 951 + 10_000_000 * seed
        self._sequences: dict[str, _Sequence] = {}

    def new(self, prefix: str) -> str:
        """The next id with this prefix, in its long form."""
        sequence = self._sequences.get(prefix)
        if sequence is None:
            sequence = self._sequences[prefix] = _Sequence(prefix, self._start)
        return sequence.next()
