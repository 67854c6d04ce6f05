"""Who agreed to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from instep.contract.writing import Outcome


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose consent is meant."""

    object: str
    id: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a system knows of one person's consent in one scope ("all", or a subscription's name).

    `explicit` is true only where the person (or someone on record for them) said so, with source and time. A
    flag that merely is not set is `state="unset"`.
    """

    scope: str
    state: Literal["in", "out", "unset"]
    at: datetime | None = None
    source: str = ""
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """A consent to record: `at` and `source` say where it came from."""

    subject: Subject
    scope: str
    at: datetime
    source: str


@runtime_checkable
class ConsentStore(Protocol):
    """Who agreed to what, through the vendor's own way of recording it."""

    @property
    def flag_field(self) -> str | None:
        """The record's field that is true while the person is opted out of all; read with every record."""
        ...

    def read(self, subjects: Sequence[Subject]) -> list[tuple[Consent, ...]]: ...

    def opt_out(self, changes: Sequence[ConsentChange]) -> list[Outcome]: ...

    def opt_in(self, changes: Sequence[ConsentChange]) -> list[Outcome]: ...
