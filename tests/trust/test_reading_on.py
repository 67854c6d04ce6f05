"""No change is skipped when reading on, whatever people do while we read and however late an index hears of it.

A ghost keeps what every record was last seen to hold, page by page. Once everything is quiet it has to be what the
system itself holds: every record with its last value, none that is gone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

import pytest

from instep.contract import ConnectorPlugin, Gone, MergedInto, Page, Seen
from instep.testing.workbench import Workbench, workbench
from instep_hubspot import hubspot
from instep_salesforce import salesforce

LAG = timedelta(seconds=60)


class Hands(Protocol):
    """The users of a system: everything they have is one text field."""

    object: str
    name: str

    def make(self, sandbox: Any, text: str, number: int) -> str: ...

    def burst(self, sandbox: Any, texts: list[str]) -> None: ...

    def edit(self, sandbox: Any, id: str, text: str) -> None: ...

    def delete(self, sandbox: Any, id: str) -> None: ...

    def late(self, sandbox: Any, text: str, by: timedelta) -> None: ...

    def lag(self, sandbox: Any) -> None: ...

    def held(self, sandbox: Any) -> dict[str, str]: ...


class InHubSpot:
    """Contacts by their job title."""

    object, name = "contacts", "jobtitle"

    def make(self, sandbox: Any, text: str, number: int) -> str:
        return str(sandbox.world.create("contacts", lastname=f"L{number}", jobtitle=text))

    def burst(self, sandbox: Any, texts: list[str]) -> None:
        ids = sandbox.world.load("contacts", [{"lastname": text, "jobtitle": text} for text in texts])
        sandbox.world.set_modified("contacts", ids, sandbox.clock_now)

    def edit(self, sandbox: Any, id: str, text: str) -> None:
        sandbox.world.edit("contacts", id, jobtitle=text)

    def delete(self, sandbox: Any, id: str) -> None:
        sandbox.world.archive("contacts", id)

    def late(self, sandbox: Any, text: str, by: timedelta) -> None:
        id = self.make(sandbox, text, 0)
        sandbox.world.set_modified("contacts", [id], sandbox.clock_now - by)

    def lag(self, sandbox: Any) -> None:
        sandbox.personality = replace(sandbox.personality, index_lag=LAG)

    def held(self, sandbox: Any) -> dict[str, str]:
        return {row["hs_object_id"]: row["jobtitle"] for row in sandbox.world.all("contacts")}


class InSalesforce:
    """Contacts by their title."""

    object, name = "Contact", "Title"

    def make(self, sandbox: Any, text: str, number: int) -> str:
        return str(sandbox.world.create("Contact", LastName=f"L{number}", Title=text))

    def burst(self, sandbox: Any, texts: list[str]) -> None:
        ids = sandbox.world.load("Contact", [{"LastName": text, "Title": text} for text in texts])
        sandbox.world.set_modified("Contact", ids, sandbox.clock_now)

    def edit(self, sandbox: Any, id: str, text: str) -> None:
        sandbox.world.edit("Contact", id, Title=text)

    def delete(self, sandbox: Any, id: str) -> None:
        sandbox.world.delete("Contact", id)

    def late(self, sandbox: Any, text: str, by: timedelta) -> None:
        with sandbox.world.commit_late("Contact", by):
            sandbox.world.create("Contact", LastName="Late", Title=text)

    def lag(self, sandbox: Any) -> None:
        sandbox.personality = replace(sandbox.personality, stale_reads=LAG)

    def held(self, sandbox: Any) -> dict[str, str]:
        return {str(row["Id"]): str(row["Title"]) for row in sandbox.world.all("Contact")}


SYSTEMS: dict[str, tuple[ConnectorPlugin[Any], Hands]] = {
    "hubspot": (hubspot, InHubSpot()),
    "salesforce": (salesforce, InSalesforce()),
}


@dataclass
class Reader:
    """Reads on from page to page and from cursor to cursor, and keeps what it was shown."""

    bench: Workbench
    hands: Hands
    chance: random.Random
    ghost: dict[str, str] = field(default_factory=dict)
    cursor: str | None = None
    texts: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def sandbox(self) -> Any:
        return self.bench.sandbox

    def take(self, page: Page) -> None:
        for item in page.items:
            if isinstance(item, Seen):
                self.ghost[item.id] = str(item.fields[self.hands.name])
            elif isinstance(item, Gone | MergedInto):
                self.ghost.pop(item.id, None)
        self.cursor = page.cursor

    def read(self, *, while_people_work: bool = False) -> None:
        """Read to the end, or give up somewhere and go on from the last page's cursor."""
        pages = self.bench.records.changed_since(self.hands.object, [self.hands.name], self.cursor)
        for page in pages:
            self.take(page)
            if while_people_work:
                self.work(3)
                self.bench.clock.advance(timedelta(milliseconds=self.chance.choice([0, 0, 300, 5000])))
                if self.chance.random() < 0.2:
                    return

    def text(self) -> str:
        return f"Title {next(self.texts)}"

    def work(self, times: int) -> None:
        """People make, change and delete records; a transaction that began a while ago is committed."""
        self.sandbox.clock_now = self.bench.clock.now()
        for _ in range(times):
            known = sorted(self.hands.held(self.sandbox))
            act = self.chance.choice(["make", "edit", "edit", "edit", "delete", "late"])
            if act == "make" or not known:
                self.hands.make(self.sandbox, self.text(), self.chance.randrange(10**6))
            elif act == "edit":
                self.hands.edit(self.sandbox, self.chance.choice(known), self.text())
            elif act == "delete":
                self.hands.delete(self.sandbox, self.chance.choice(known))
            else:
                self.hands.late(self.sandbox, self.text(), timedelta(seconds=self.chance.randrange(1, 50)))

    def skipped(self) -> dict[str, tuple[str | None, str | None]]:
        """What the ghost has otherwise than the system, once all is quiet."""
        for _ in range(2):
            self.bench.pass_time()
            self.read()
        held = self.hands.held(self.sandbox)
        every = sorted(held.keys() | self.ghost.keys())
        return {id: (self.ghost.get(id), held.get(id)) for id in every if self.ghost.get(id) != held.get(id)}


def read_on(system: str, seed: int, *, size: int, rounds: int) -> dict[str, tuple[str | None, str | None]]:
    """A history of bursts, edits, lags and reads that are given up on the way; what was skipped in it."""
    plugin, hands = SYSTEMS[system]
    with workbench(plugin, {}, "instep_id") as bench:
        reader = Reader(bench, hands, random.Random(seed))
        sandbox: Any = bench.sandbox
        sandbox.clock_now = bench.clock.now()
        if system == "salesforce":
            bench.behave(uneven_pages=True)
        hands.burst(sandbox, [reader.text() for _ in range(size)])
        if seed % 2:
            hands.lag(sandbox)
        for _ in range(rounds):
            reader.read(while_people_work=True)
            sandbox.clock_now = bench.clock.now()
            if reader.chance.random() < 0.3:
                hands.burst(sandbox, [reader.text() for _ in range(size // 2)])
            bench.clock.advance(timedelta(seconds=reader.chance.choice([0, 1, 30, 400])))
        return reader.skipped()


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_skipped_while_people_go_on_working(system: str) -> None:
    assert {seed: found for seed in range(4) if (found := read_on(system, seed, size=450, rounds=6))} == {}


@pytest.mark.ci
@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_skipped_in_many_histories(system: str) -> None:
    assert {seed: found for seed in range(100, 130) if (found := read_on(system, seed, size=700, rounds=8))} == {}


def burst_at_one_instant(system: str, size: int) -> Iterator[str]:
    """So many changes at one instant, read on in pieces: after every page the read begins anew at its cursor."""
    plugin, hands = SYSTEMS[system]
    with workbench(plugin, {}, "instep_id") as bench:
        reader = Reader(bench, hands, random.Random(1))
        reader.read()
        bench.pass_time()
        reader.read()
        sandbox: Any = bench.sandbox
        sandbox.clock_now = bench.clock.now()
        hands.burst(sandbox, [reader.text() for _ in range(size)])
        bench.pass_time()
        for _ in range(7):
            pages = bench.records.changed_since(hands.object, [hands.name], reader.cursor)
            reader.take(next(iter(pages)))
        yield from reader.skipped()


@pytest.mark.parametrize("system", SYSTEMS)
def test_thousands_of_changes_at_one_instant_are_all_read(system: str) -> None:
    assert [*burst_at_one_instant(system, 2_500)] == []


@pytest.mark.ci
@pytest.mark.parametrize("system", SYSTEMS)
def test_more_changes_at_one_instant_than_a_search_gives_are_all_read(system: str) -> None:
    assert [*burst_at_one_instant(system, 10_500)] == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_cursor_from_the_future_skips_nothing(system: str) -> None:
    plugin, hands = SYSTEMS[system]
    with workbench(plugin, {}, "instep_id") as ahead:
        ahead.clock.advance(timedelta(days=1))
        future = ahead.end(hands.object, fields=[hands.name])
    with workbench(plugin, {}, "instep_id") as bench:
        reader = Reader(bench, hands, random.Random(1))
        reader.work(20)
        reader.read()
        reader.cursor = future
        bench.clock.advance(timedelta(hours=1))
        reader.work(20)
        bench.clock.advance(timedelta(hours=1))
        reader.read()
        assert reader.skipped() == {}
