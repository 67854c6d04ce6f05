"""Two CRMs, HubSpot and Salesforce: API calls against the floor, and first loads against the vendors' rate limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.calls import AT_THE_FLOOR, BETWEEN_RUNS, NEAR_THE_FLOOR
from bench.floor import Account, Org, formula
from bench.portals import Portal, portals, salesforce_org
from bench.report import Row
from bench.workspaces import AT_ONCE, Pace, contact, join_crms
from instep.mapping.compiled import Workspace
from instep.sync.run import Outcome, sync

A_LOAD = 1.02
AT_ONCE_CALLS = 190
HUBSPOTS_PACE = 10 / AT_ONCE_CALLS
"""HubSpot allows 190 calls in any ten seconds: the first 190 go at once. Salesforce sets no limit per second."""


@dataclass(slots=True)
class Crms:
    """An account, an org, and the workspace that joins them. Time passes only where a limit makes a run wait."""

    hubspot: Portal
    salesforce: Portal
    workspace: Workspace
    pace: Pace = field(default_factory=lambda: Pace(call=AT_ONCE))

    def sync(self) -> tuple[Outcome, float]:
        """Let time pass, then run once; gives the outcome, and how many seconds the run waited."""
        self._wait(BETWEEN_RUNS)
        self.pace.advance(BETWEEN_RUNS)
        began = self.pace.now()
        outcome = sync(self.workspace, self.pace.world(), first_run="apply")
        if outcome.status != "done":
            raise RuntimeError(f"The run came to {outcome.status}: {outcome.notes}")
        waited = self.pace.now() - began
        self._wait(waited)
        return outcome, waited.total_seconds()

    def _wait(self, time: timedelta) -> None:
        self.hubspot.advance(time)
        self.salesforce.advance(time)


def measure(
    *, loaded: int = 100_000, known: int = 20_000, changed: int = 1_000, missing: Sequence[int] = (0, 10, 100)
) -> Iterator[Row]:
    """First loads from each side at several shares of missing records; then runs with few changes, or none."""
    for percent in missing:
        yield from _load_from_hubspot(loaded, percent)
        yield from _load_from_salesforce(loaded, percent)
    yield from _changes(known, changed)


def _load_from_hubspot(contacts: int, percent: int) -> Iterator[Row]:
    """HubSpot holds everybody, Salesforce lacks some. Each contact in HubSpot learns its id and exact step."""
    lacking = contacts * percent // 100
    with _crms() as crms:
        crms.hubspot.load("contacts", [contact(number) for number in range(contacts)])
        crms.salesforce.load("Contact", [person(number) for number in range(lacking, contacts)])
        told: dict[tuple[str, str], int] = {("contacts", "update"): contacts}
        held = {"contacts": contacts}
        account = Account(is_first=True, changed=held, unread=held, told=told)
        there = {("Lead", "create"): lacking, ("Contact", "update"): contacts - lacking}
        org = Org(is_first=True, changed={"Contact": contacts - lacking}, told=there)
        yield from _load("HubSpot to Salesforce", contacts, percent, crms, account, org)


def _load_from_salesforce(contacts: int, percent: int) -> Iterator[Row]:
    """Salesforce holds everybody, HubSpot lacks some. Nobody has a step yet, so only what is missing is written."""
    lacking = contacts * percent // 100
    with _crms() as crms:
        crms.salesforce.load("Contact", [person(number) for number in range(contacts)])
        held = [{**contact(number), "lifecyclestage": ""} for number in range(lacking, contacts)]
        crms.hubspot.load("contacts", held)
        told = {("contacts", "create"): lacking}
        there = {"contacts": contacts - lacking}
        account = Account(is_first=True, changed=there, unread=there, told=told)
        org = Org(is_first=True, changed={"Contact": contacts})
        yield from _load("Salesforce to HubSpot", contacts, percent, crms, account, org)


def _load(what: str, contacts: int, percent: int, crms: Crms, account: Account, org: Org) -> Iterator[Row]:
    outcome, seconds = crms.sync()
    size = f"{contacts:,} contacts, {percent} % missing"
    yield _row(f"first load, {what}", size, outcome, account, org, goal=A_LOAD)
    least = max(0, account.calls - AT_ONCE_CALLS) * HUBSPOTS_PACE
    spelled = f"{account.calls:,} calls to HubSpot, {AT_ONCE_CALLS} in ten seconds"
    yield Row(f"waiting: first load, {what}", size, seconds, "s", "floor", least, None, spelled)


def _changes(known: int, changed: int) -> Iterator[Row]:
    with _crms() as crms:
        ids = crms.hubspot.load("contacts", [contact(number) for number in range(known)])
        crms.sync()
        crms.sync()  # each side reads back what was written to it
        outcome, _ = crms.sync()
        yield _row("no change in two CRMs", f"{known:,} known", outcome, Account(), Org(), goal=AT_THE_FLOOR)
        crms.hubspot.edit("contacts", ids[:changed], jobtitle="Chief of Everything")
        some: Mapping[str, int] = {"contacts": changed}
        outcome, _ = crms.sync()
        account, told = Account(changed=some, unread=some), {("Lead", "update"): changed}
        size = f"{changed:,} contacts"
        yield _row("changed in HubSpot", size, outcome, account, Org(told=told), goal=NEAR_THE_FLOOR)


def _row(what: str, size: str, outcome: Outcome, *systems: Account | Org, goal: float) -> Row:
    made = sum(account["calls"] for account in outcome.account.values())
    least = sum(system.calls for system in systems)
    return Row(f"calls: {what}", size, made, "calls", "floor", least, goal, formula(*systems))


@contextmanager
def _crms() -> Iterator[Crms]:
    """An empty account and an empty org, joined by the starter mappings."""
    with portals(1) as (hubspot,), salesforce_org() as salesforce, tempfile.TemporaryDirectory() as root:
        yield Crms(hubspot, salesforce, join_crms(Path(root), hubspot.settings, salesforce.settings))


def person(number: int) -> dict[str, str]:
    """The same person as `contact(number)`, as Salesforce would hold them."""
    held = contact(number)
    return {
        "Email": held["email"],
        "FirstName": held["firstname"],
        "LastName": held["lastname"],
        "Phone": held["phone"],
        "Title": held["jobtitle"],
    }
