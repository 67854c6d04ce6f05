"""API calls against the floor: two HubSpot accounts kept in step, and every call counted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.floor import Account, formula
from bench.portals import Portal, portals
from bench.report import Row
from bench.workspaces import UNHURRIED, Pace, contact, hubspot_mapping, write_workspace
from instep.mapping.compiled import Workspace
from instep.sync.run import Outcome, sync

AT_THE_FLOOR = 1.0
NEAR_THE_FLOOR = 1.1
BETWEEN_RUNS = timedelta(minutes=10)
"""Longer than the connector looks back, so that a run reads only what changed since the one before."""


@dataclass(slots=True)
class Pair:
    """Two accounts, `a` with all the records and `b` with none, and the workspace that joins them."""

    a: Portal
    b: Portal
    workspace: Workspace
    pace: Pace = field(default_factory=Pace)

    def sync(self) -> Outcome:
        """Let time pass, then run once."""
        self.rest()
        began = self.pace.now()
        outcome = sync(self.workspace, self.pace.world(), first_run="apply")
        if outcome.status != "done":
            raise RuntimeError(f"The run came to {outcome.status}: {outcome.notes}")
        self._wait(self.pace.now() - began)
        return outcome

    def rest(self) -> None:
        """Let so much time pass, everywhere alike, that what happened before is the past for the next run."""
        self.pace.advance(BETWEEN_RUNS)
        self._wait(BETWEEN_RUNS)

    def _wait(self, time: timedelta) -> None:
        for portal in (self.a, self.b):
            portal.advance(time)


def measure(*, contacts: int = 20_000, changed: int = 1_000, companies: int = 0) -> Iterator[Row]:
    """A first load, its echo, a run without changes, one with changed contacts, and the echo of that."""
    with portals(2) as (a, b), tempfile.TemporaryDirectory() as root:
        tables = {
            name: {"plugin": "hubspot", **portal.settings, **UNHURRIED} for name, portal in (("a", a), ("b", b))
        }
        pair = Pair(a, b, write_workspace(Path(root), tables, hubspot_mapping()))
        ids = _fill(pair.a, contacts, companies)
        yield from _first_load(pair, contacts, companies)
        size = f"{contacts:,} known"
        yield row("no change", size, pair.sync(), Account(), Account(), goal=AT_THE_FLOOR)
        yield from _changes(pair, ids[:changed])


def _fill(portal: Portal, contacts: int, companies: int) -> list[str]:
    """Load contacts, and companies that they belong to in turn; gives the contacts' ids."""
    ids = portal.load("contacts", [contact(number) for number in range(contacts)])
    firms = [{"name": f"Firm {number}", "domain": f"firm{number}.example"} for number in range(companies)]
    firm_ids = portal.load("companies", firms)
    if firm_ids:
        portal.associate([(id, firm_ids[place % companies]) for place, id in enumerate(ids)])
    return ids


def _first_load(pair: Pair, contacts: int, companies: int) -> Iterator[Row]:
    """Everything is read from `a` and created in `b`; each contact in `a` learns its id and exact step."""
    held = {"contacts": contacts, "companies": companies}
    a = Account(is_first=True, changed=held, unread=held, told={("contacts", "update"): contacts})
    created = {(name, "create"): count for name, count in held.items()}
    tied = {("contacts", "companies"): contacts if companies else 0}
    b = Account(is_first=True, told=created, tied=tied)
    size = f"{contacts:,} contacts" + (f", {companies:,} companies" if companies else "")
    yield row("first load", size, pair.sync(), a, b, goal=NEAR_THE_FLOOR)
    echo_a, echo_b = Account(changed={"contacts": contacts}), Account(changed=held)
    yield row("echo of the first load", size, pair.sync(), echo_a, echo_b, goal=NEAR_THE_FLOOR)


def _changes(pair: Pair, ids: list[str]) -> Iterator[Row]:
    """Colleagues change contacts in `a`: those are read, their associations too, and written to `b`."""
    pair.a.edit("contacts", ids, jobtitle="Chief of Everything")
    some: Mapping[str, int] = {"contacts": len(ids)}
    a, b = Account(changed=some, unread=some), Account(told={("contacts", "update"): len(ids)})
    size = f"{len(ids):,} contacts"
    yield row("changed in one account", size, pair.sync(), a, b, goal=NEAR_THE_FLOOR)
    yield row("echo of the change", size, pair.sync(), Account(), Account(changed=some), goal=NEAR_THE_FLOOR)


def row(what: str, size: str, outcome: Outcome, *accounts: Account, goal: float) -> Row:
    """The calls of a run beside their floor."""
    made = sum(account["calls"] for account in outcome.account.values())
    least = sum(account.calls for account in accounts)
    return Row(f"calls: {what}", size, made, "calls", "floor", least, goal, formula(*accounts))
