"""The invented vendor and its market, as they would be if every system told the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Literal

START = datetime(2026, 6, 15, 7, 0, tzinfo=UTC)
"""When the story begins. Fixed, so that the demo is the same on every day and every machine."""

HOUSE = "tidewright.example"
"""The vendor's own domain."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Someone who works, or worked, at the vendor. `key` is theirs in team.toml."""

    key: str
    name: str
    segment: str = ""
    job: str = ""
    has_left: bool = False

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@{HOUSE}"


@dataclass(frozen=True, slots=True)
class Presence:
    """Who knows something: the exported files, the system of one team, that of another, and two campaign tools.

    `campaigns` is the tool that nurtures leads, `newsletter` the one that sends mail to members.
    """

    files: bool = True
    system: bool = True
    other: bool = False
    campaigns: bool = False
    newsletter: bool = False


@dataclass(frozen=True, slots=True)
class Firm:
    """A company that may buy. `spelled_industry` is what somebody typed into the files."""

    key: str
    name: str
    legal_name: str
    domain: str
    segment: str
    industry: str
    spelled_industry: str
    city: str
    country: str
    employees: int
    owner: str
    known: Presence


@dataclass(frozen=True, slots=True)
class Buyer:
    """A person at a firm. `stage` is what the files say, `system_stage` what the systems were last told.

    `is_lead` says that the other system has not made a contact of this person yet.
    """

    key: str
    first: str
    last: str
    email: str
    title: str
    other_title: str
    phone: str
    firm: str
    stage: str
    system_stage: str
    owner: str
    opted_out: Presence
    tied: Presence
    known: Presence
    has_deal: bool = False
    is_lead: bool = False


@dataclass(frozen=True, slots=True)
class Deal:
    """One purchase being considered, or made. `outcome` is blank while it is open."""

    key: str
    reference: str
    name: str
    firm: str
    segment: str
    buyers: tuple[str, ...]
    stage: str
    outcome: str
    amount: int
    opened_on: date
    close_date: date
    owner: str
    known: Presence


Recorder = Literal["files", "system", "other", "campaigns", "newsletter"]


@dataclass(frozen=True, slots=True)
class Act:
    """Something a buyer did, and who recorded it.

    Without a `buyer` it was a visitor of `firm` whom nobody knows; `page` is what was looked at.
    """

    key: str
    behaviour: str
    buyer: str
    at: datetime
    deal: str = ""
    recorded_by: Recorder = "files"
    firm: str = ""
    page: str = ""


@dataclass(frozen=True)
class Scene:
    """Everything at the start of the story."""

    colleagues: tuple[Colleague, ...]
    firms: tuple[Firm, ...]
    buyers: tuple[Buyer, ...]
    deals: tuple[Deal, ...]
    acts: tuple[Act, ...]

    @cached_property
    def firm(self) -> dict[str, Firm]:
        """Firms by key."""
        return {firm.key: firm for firm in self.firms}

    @cached_property
    def buyer(self) -> dict[str, Buyer]:
        """Buyers by key."""
        return {buyer.key: buyer for buyer in self.buyers}

    @cached_property
    def deal(self) -> dict[str, Deal]:
        """Deals by key."""
        return {deal.key: deal for deal in self.deals}

    def colleague(self, key: str) -> Colleague | None:
        """Someone by key; None for the blank key."""
        return next((colleague for colleague in self.colleagues if colleague.key == key), None)

    def acts_of(self, recorder: Recorder) -> Iterator[Act]:
        """What one of them recorded."""
        return (act for act in self.acts if act.recorded_by == recorder)


COLLEAGUES = (
    Colleague("ines", "Ines Kupfer", "e-commerce", "sales"),
    Colleague("bruno", "Bruno Talweg", "e-commerce", "service"),
    Colleague("laila", "Laila Nordhaven", "life-sciences", "sales"),
    Colleague("otto", "Otto Brindle", "life-sciences", "service"),
    Colleague("maeve", "Maeve Quillan", "higher-education", "sales"),
    Colleague("tariq", "Tariq Ostrom", "higher-education", "service"),
    Colleague("marketing", "Marketing", "", "marketing"),
    Colleague("wilma", "Wilma Abgang", "", "sales", has_left=True),
)
