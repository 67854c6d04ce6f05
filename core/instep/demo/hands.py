"""What a connector's sandbox offers the demo, so that the story can be told of any system.

A sandbox that takes part has an attribute `demo` with these hands. They speak of the scene in the buyer's words and
act in the system's own; they know nothing of Instep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from instep.demo.scene import Scene
from instep.sandbox import CallLog


@dataclass(frozen=True, slots=True)
class Held:
    """A record as its system shows it to anybody: fields by the system's names, and what it is associated with."""

    object: str
    id: str
    fields: Mapping[str, str | None]
    related: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A stage as people see it: its name, how probable it is to be won, and the references of the deals in it."""

    label: str
    probability: float
    deals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A pipeline as people see it, from left to right."""

    label: str
    columns: tuple[Column, ...]


class AnyHands(Protocol):
    """What every system offers that takes part."""

    def seed(self, scene: Scene) -> None:
        """Fill the system with its part of the scene: those whom its field of `Presence` names."""
        ...

    def read_back(self) -> Iterable[Held]:
        """Every record, read past Instep: with the vendor's own client library, or by plain HTTP."""
        ...


class Hands(AnyHands, Protocol):
    """The people who work in a system that knows companies and deals."""

    def hire(self, scene: Scene) -> None:
        """Give every colleague a user, and leave the system empty."""
        ...

    def buyer_attends_demo(self, email: str, at: datetime) -> None:
        """Record that a buyer took part in a product demo."""
        ...

    def rep_moves(self, reference: str, stage: str) -> None:
        """Move the deal of this reference to a stage of the process."""
        ...

    def rep_marks(self, email: str, stage: str) -> None:
        """Set a person's stage by hand."""
        ...

    def rep_converts(self, email: str) -> None:
        """Turn somebody's lead into a contact, where the system has both; elsewhere nothing happens."""
        ...

    def buyer_acts(self, behaviour: str, email: str, at: datetime) -> None:
        """Record that a buyer did something, in this system's way of recording it."""
        ...

    def buyer_appears(self, email: str, first: str, last: str, at: datetime) -> None:
        """Somebody makes themselves known, as one of the company with the domain of their address."""
        ...

    def rep_calls(self, email: str, at: datetime) -> None:
        """Record that a colleague called a buyer."""
        ...

    def rep_withdraws(self, email: str) -> None:
        """Delete what was recorded last of a buyer: it did not happen."""
        ...

    @property
    def stage_notes(self) -> tuple[str, str]:
        """The fields in which colleagues say why they set a deal's stage, and up to which day."""
        ...

    def rep_sets(self, reference: str, stage: str, reason: str, until: date) -> None:
        """Move a deal to a stage of the process for a reason, up to a last day."""
        ...

    def admin_edits(
        self, board: str, column: str, *, label: str | None = None, probability: float | None = None
    ) -> None:
        """Change a stage by hand, through the vendor's own client library; named as people see it."""
        ...

    def boards(self) -> Iterable[Board]:
        """Every pipeline of deals, read through the vendor's own client library."""
        ...

    def rep_gives(self, email: str, to: str) -> None:
        """Give a person to a colleague, named by key, through the vendor's own client library."""
        ...


class CampaignHands(AnyHands, Protocol):
    """The people who work in a tool that knows people only, and buyers who answer to what it sends."""

    def buyer_attends_webinar(self, email: str) -> None:
        """A buyer who was invited takes part; nothing happens where there are no webinars."""
        ...

    def buyer_leaves(self, email: str) -> None:
        """A buyer wants no more mail."""
        ...

    def colleague_renames(self, email: str, last: str) -> None:
        """Correct a last name through the vendor's own HTTP API."""
        ...


class AnySandbox(Protocol):
    """A running sandbox that takes part."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What a connection's table in sync.toml says to reach it."""
        ...

    @property
    def url(self) -> str:
        """Where it answers."""
        ...

    @property
    def log(self) -> CallLog:
        """What it was asked."""
        ...

    @property
    def demo(self) -> AnyHands: ...


class DemoSandbox(AnySandbox, Protocol):
    """A running sandbox that knows companies and deals."""

    @property
    def demo(self) -> Hands: ...


class CampaignSandbox(AnySandbox, Protocol):
    """A running sandbox that knows people only."""

    @property
    def demo(self) -> CampaignHands: ...
