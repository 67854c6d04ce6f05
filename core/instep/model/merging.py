"""Three-way merging of one field: who speaks, and who wins when several do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.model.values import Money, Scalar, is_blank


@dataclass(frozen=True, slots=True)
class Voice:
    """What one record holds in one field, in canonical words.

    `differs` says whether it differs from what that record held when a decision last heard it. `joined` marks a
    record (or field) that no decision has heard before.
    """

    source: str
    connection: str
    value: Scalar
    differs: bool
    joined: bool
    at: datetime | None = None
    place: int = 0
    """Among the objects of one system that hold the same kind of record: the earlier one wins."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The decision for one field. `waits` means that a person must decide; the value then stays."""

    value: Scalar
    rule: str
    winner: Voice | None = None
    losers: tuple[Voice, ...] = ()
    waits: bool = False


def merge(
    law: str,
    prefer: Sequence[str],
    authority: str | None,
    current: Scalar,
    voices: Sequence[Voice],
    *,
    authority_spoke: bool = False,
) -> Merged:
    """Decide one field from its present canonical value and everything that the records say.

    Nobody speaks: the value stays. One value is spoken: it wins. Several: the law decides, and the losers are
    kept. The order of `voices` never matters. `authority_spoke` says that the authority has decided this field
    before: from then on its blank is a decision too.
    """
    if authority is not None:
        owned = sorted((v for v in voices if v.connection == authority), key=lambda v: (not v.differs, v.place))
        own = owned[0] if owned else None
        if own is not None and (authority_spoke or not is_blank(own.value) or (own.differs and not own.joined)):
            return _by_authority(own, voices)
        voices = [voice for voice in voices if voice.connection != authority]
    speaking = speakers(voices)
    if not speaking:
        return Merged(current, "unchanged")
    ranked = sorted(speaking, key=lambda voice: (_rank(prefer, voice.connection), voice.place, voice.source))
    if len({voice.value for voice in ranked}) == 1:
        rule = "the only one to speak" if len(ranked) == 1 else "all agree"
        return Merged(ranked[0].value, rule, ranked[0])
    return LAWS[law](ranked, current)


def speakers(voices: Sequence[Voice]) -> list[Voice]:
    """Who speaks: those who differ from their base; or, when a value joins, everyone who is not blank."""
    if any(voice.joined and not is_blank(voice.value) for voice in voices):
        return [voice for voice in voices if not is_blank(voice.value)]
    return [voice for voice in voices if voice.differs and not voice.joined]


def authority_rule(connection: str) -> str:
    """The rule that says that an authority decided."""
    return f"{connection} is the authority"


def _by_authority(own: Voice, voices: Sequence[Voice]) -> Merged:
    losers = tuple(
        v for v in voices if (v.differs or v.joined) and v.connection != own.connection and v.value != own.value
    )
    kept = tuple(loser for loser in losers if not (loser.joined and is_blank(loser.value)))
    return Merged(own.value, authority_rule(own.connection), own, kept)


def _prefer(ranked: list[Voice], current: Scalar) -> Merged:
    winner = ranked[0]
    losers = tuple(voice for voice in ranked if voice.value != winner.value)
    return Merged(winner.value, f"prefer {winner.connection}", winner, losers)


def _max(ranked: list[Voice], current: Scalar) -> Merged:
    spoken = [voice for voice in ranked if not is_blank(voice.value)]
    winner = max(spoken, key=lambda voice: _size(voice.value))
    return Merged(winner.value, "max", winner, tuple(v for v in ranked if v.value != winner.value))


def _union(ranked: list[Voice], current: Scalar) -> Merged:
    parts: list[str] = []
    for voice in ranked:
        for part in _parts(voice.value):
            if part not in parts:
                parts.append(part)
    joined = tuple(sorted(parts))
    return Merged(joined, "union", ranked[0])


def _most_restrictive(ranked: list[Voice], current: Scalar) -> Merged:
    strict = [voice for voice in ranked if voice.value is True] or ranked
    return Merged(strict[0].value, "most restrictive", strict[0], tuple(v for v in ranked if v not in strict))


def _manual(ranked: list[Voice], current: Scalar) -> Merged:
    return Merged(current, "waits for a person", None, tuple(ranked), waits=True)


LAWS = {
    "prefer": _prefer,
    "max": _max,
    "union": _union,
    "most_restrictive": _most_restrictive,
    "manual": _manual,
}


def merge_elements(
    current: frozenset[str], heard: Sequence[tuple[frozenset[str], frozenset[str] | None]]
) -> frozenset[str]:
    """Merge a many-valued link per element.

    `heard` has, per record, what it holds now and what it held when last heard (None: it joins, and only adds).
    An element is added if anyone added it, and removed only if someone removed it and nobody added it.
    """
    added: set[str] = set()
    removed: set[str] = set()
    for now, base in heard:
        added |= now - (base or frozenset())
        removed |= (base or frozenset()) - now
    return frozenset((current - removed) | added)


def _rank(prefer: Sequence[str], connection: str) -> int:
    return prefer.index(connection) if connection in prefer else len(prefer)


def _size(value: Scalar) -> Any:
    """Something to order by, whatever the type."""
    return (value.amount, value.currency) if isinstance(value, Money) else value


def _parts(value: Scalar) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return () if is_blank(value) else (str(value),)
