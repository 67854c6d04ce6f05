"""What happens in the systems before the run that is stopped: told once, for any two or three systems.

Who has no e-mail address (Roe, Ned) and every opportunity has our own id as its only key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from .place import Place


@dataclass(frozen=True)
class Story:
    """The systems of a story in their order of preference, and how it brings them in step on the way."""

    places: Sequence[Place]
    sync: Callable[[], None]
    wait: Callable[[timedelta], None]

    @property
    def first(self) -> Place:
        return self.places[0]

    @property
    def second(self) -> Place:
        return self.places[1]

    @property
    def last(self) -> Place:
        """It has the stages of persons, and its users may move all of them."""
        return self.places[-1]


def first_load(story: Story) -> None:
    """Nobody knows anybody: everything is created elsewhere, but for Doe, whom two systems know already."""
    a, b, z = story.first, story.second, story.last
    a.make("company", "Acme", domain="acme.example", city="Bern", phone="+41 31 555 0101")
    a.make("company", "Bolt", city="Oslo")
    a.make("person", "Doe", email="doe@acme.example", first_name="Dora", title="CTO", phone="+41 31 555 0102")
    a.make("person", "Roe", first_name="Ron", title="Buyer")
    a.make("person", "Poe", email="poe@bolt.example", first_name="Paul")
    a.tie("person", "Doe", "company", "Acme")
    a.make("opportunity", "Ledger", amount="1500", close_date="2030-12-24", stage="decision")
    a.tie("opportunity", "Ledger", "company", "Acme")
    a.tie("opportunity", "Ledger", "person", "Doe")
    a.opt_out("Poe")
    b.make("person", "Doe", email="doe@acme.example", first_name="Dora", phone="+41 31 555 0199")
    b.make("opportunity", "Rent", amount="250.5", close_date="2030-11-30", stage="interest")
    z.make("person", "Loe", email="loe@bolt.example", first_name="Lou", stage="decision")
    z.make("person", "Moe", email="moe@bolt.example", title="CFO", stage="consideration")
    z.make("company", "Cogs", domain="cogs.example", city="Rome")
    z.tie("person", "Loe", "company", "Cogs")


def everyday(story: Story) -> None:
    """New records, edits, stages forth and back, associations, an opt-out, a cleared field: from every side."""
    a, b, z = story.first, story.second, story.last
    a.edit("person", "Doe", title="CEO")
    a.edit("company", "Acme", city="Basel")
    a.make("person", "Kim", email="kim@acme.example", first_name="Kim", title="Engineer")
    a.tie("person", "Kim", "company", "Acme")
    a.make("person", "Kit", email="kit@acme.example", phone="+41 31 555 0103")
    a.make("person", "Ned", first_name="Ned")
    b.edit("person", "Roe", title="Head Buyer", phone="+47 22 555 010")
    b.make("opportunity", "Spare parts", amount="75", close_date="2030-10-01", stage="research")
    b.tie("opportunity", "Spare parts", "company", "Bolt")
    b.tie("opportunity", "Spare parts", "person", "Doe")
    b.edit("opportunity", "Ledger", stage="purchase", amount="1750")
    z.edit("person", "Loe", stage="interest")
    z.edit("person", "Moe", stage="purchase")
    z.opt_out("Doe")
    z.tie("opportunity", "Ledger", "person", "Moe")
    z.untie("person", "Loe", "company", "Cogs")
    z.edit("company", "Cogs", phone="+39 06 555 010")
    a.edit("person", "Poe", first_name="")
    a.edit("opportunity", "Rent", stage="won")


def departures(story: Story) -> None:
    """Records are deleted, merged and converted while others edit them; the opportunities of some are lost."""
    a, b, z = story.first, story.second, story.last
    if a.merges:
        a.merge("person", "Kim", "Kit")
        a.delete("person", "Ned")
        a.delete("opportunity", "Rent")
    for place in story.places:
        if place.converts:
            place.convert("Loe", "Cogs")
    if b.merges:
        b.delete("company", "Bolt")
    z.edit("person", "Ned", title="Clerk")
    z.edit("person", "Kim", phone="+41 31 555 0177")
    z.edit("person", "Loe", title="Partner", stage="research")
    z.edit("opportunity", "Ledger", stage="won")
    b.edit("person", "Doe", first_name="Dorothea")
    a.make("person", "Una", email="una@cogs.example", title="Planner")
    a.edit("company", "Acme", phone="+41 31 555 0100")


def in_step(story: Story) -> None:
    """Everybody knows everybody."""
    first_load(story)
    story.sync()


def everyday_in_step(story: Story) -> None:
    """The same, some time later."""
    in_step(story)
    everyday(story)
    story.sync()


def many(story: Story) -> None:
    """So many edits and new people that jobs cost fewer calls."""
    b = story.second
    for number in range(6):
        b.edit("person", f"Many{number}", title="Chief of Everything", first_name=f"Max{number}")
        b.make("person", f"More{number}", email=f"more{number}@acme.example" if number % 2 else "")
    story.first.edit("person", "Many0", phone="+41 31 555 0105")


def many_in_step(story: Story) -> None:
    """Some people whom everybody knows."""
    for number in range(6):
        story.second.make("person", f"Many{number}", email=f"many{number}@acme.example" if number % 2 else "")
    story.sync()


def campaign(story: Story) -> None:
    """What happens in two campaign tools, third and fourth of five systems, while the others work on."""
    a, b, leads, members, z = story.places
    leads.edit("person", "Doe", title="CEO", first_name="Doris")
    leads.edit("person", "Loe", stage="interest")
    leads.edit("person", "Roe", phone="+41 31 555 0109")
    leads.make("person", "Max", email="max@acme.example", first_name="Max", stage="interest")
    leads.make("person", "Nat", first_name="Nat", title="Buyer")
    members.make("person", "Pia", email="pia@cogs.example", first_name="Pia")
    members.edit("person", "Moe", phone="+39 06 555 011")
    members.opt_out("Loe")
    leads.opt_out("Moe")
    a.edit("person", "Doe", phone="+41 31 555 0110")
    b.make("person", "Kay", email="kay@bolt.example", title="Planner")
    z.edit("person", "Moe", stage="purchase")


@dataclass(frozen=True)
class Journey:
    """What is so before, and what happens before the run that is stopped."""

    given: Callable[[Story], None]
    happens: Callable[[Story], None]


def nothing(story: Story) -> None:
    """A new workspace."""


JOURNEYS = {
    "first load": Journey(nothing, first_load),
    "everyday": Journey(in_step, everyday),
    "departures": Journey(everyday_in_step, departures),
    "jobs": Journey(many_in_step, many),
    "campaign": Journey(in_step, campaign),
}
