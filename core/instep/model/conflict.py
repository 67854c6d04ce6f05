"""Conflicts: several values for one field of one entity, what decided between them, and what a person says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from instep.model.merging import Voice
from instep.model.values import Scalar, is_blank, pack, unpack

BY_A_PERSON = "decided by a person"
OVERTAKEN = "something else was said since"
State = Literal["open", "decided", "resolved"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What was said of one field, and the rule that decided; `waits` for a person where none could.

    `winner` is what holds meanwhile: None for a field that nothing is written to until somebody decides.
    """

    field: str
    rule: str
    winner: Voice | None
    losers: tuple[Voice, ...]
    waits: bool = False
    journey: str = ""
    """For a stage: the journey that it was said of."""

    @property
    def state(self) -> State:
        return "open" if self.waits else "decided"

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Everything that was said, what holds first."""
        return (self.winner, *self.losers) if self.winner is not None else self.losers

    @property
    def digest(self) -> str:
        """The same for the same values in the same records, whenever they were said."""
        said = sorted([voice.source, _text(voice.value)] for voice in self.losers)
        holds = _text(self.winner.value) if self.winner else None
        return hashlib.sha256(msgspec.json.encode([self.field, self.journey, holds, said])).hexdigest()

    def joined_by(self, losers: Iterable[Voice]) -> Conflict:
        """The same conflict with more that was not taken."""
        known = {(voice.source, _text(voice.value)) for voice in self.losers}
        more = tuple(voice for voice in losers if (voice.source, _text(voice.value)) not in known)
        return Conflict(self.field, self.rule, self.winner, (*self.losers, *more), self.waits, self.journey)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided of a conflict. It takes effect once, and only if nobody has said anything else since."""

    id: int
    conflict: Conflict
    voice: Voice
    """The value taken, and whose it was; "a person" where it was nobody's."""
    at: datetime

    def stands(self, current: Scalar, voices: Sequence[Voice]) -> bool:
        """Whether everything is still as it was when the conflict was recorded."""
        if self.conflict.winner is not None and current != self.conflict.winner.value:
            return False
        return all(self._is_as_it_was(voice) for voice in voices)

    def _is_as_it_was(self, voice: Voice) -> bool:
        said = {known.source: known.value for known in self.conflict.voices}
        if voice.value == self.voice.value or (voice.source in said and said[voice.source] == voice.value):
            return True
        if self.conflict.winner is None and voice.source in said:
            return False
        return not voice.differs and (not voice.joined or is_blank(voice.value))


def voice_row(voice: Voice) -> dict[str, Any]:
    """A voice as the state keeps it."""
    at = voice.at.isoformat() if voice.at else None
    return {"source": voice.source, "connection": voice.connection, "value": pack(voice.value), "at": at}


def voice_of(row: dict[str, Any]) -> Voice:
    """What `voice_row` was given."""
    at = datetime.fromisoformat(row["at"]) if row["at"] else None
    return Voice(row["source"], row["connection"], unpack(row["value"]), True, False, at)


def _text(value: Scalar) -> str:
    return msgspec.json.encode(pack(value)).decode()
