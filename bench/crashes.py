"""Stopped runs by the second, what the journal costs, and a load through faults against the same load without."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.portals import add_own_fields, add_own_properties
from bench.report import Row
from bench.workspaces import AT_ONCE, Pace, contact, join_crms
from instep.contract import Update
from instep.mapping.compiled import Workspace
from instep.sandbox import FaultKind, VirtualClock
from instep.sync.pull import wanted_fields
from instep.sync.run import sync
from instep.sync.session import identify, open_session

A_FEW_MORE = 1.2
FAULTS = (FaultKind.THROTTLED, FaultKind.SERVER_ERROR, FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER)
A_WHILE = timedelta(minutes=5)
_PERSONS = {"hubspot": "contacts", "salesforce": "Lead", "files": "people", "memory": "people"}
_TITLES = {"hubspot": "jobtitle", "salesforce": "Title", "files": "title", "memory": "title"}


def measure(*, points: int = 40, written: int = 1_000, records: int = 20_000, share: float = 0.05) -> Iterator[Row]:
    """Each of the three."""
    yield from _stops(points)
    yield from _journal(written)
    yield from _faults(records, share)


# --- stops by the second -----------------------------------------------------------------------------------------


def _stops(points: int) -> Iterator[Row]:
    """One story for each set of systems, stopped at some of its effects in each weather in turn."""
    from tests.trust.rehearsal import SYSTEMS
    from tests.trust.theatre import theatre

    counts: Counter[str] = Counter()
    with theatre(counts) as stage:
        for systems in SYSTEMS:
            scene = stage.scene(systems, "everyday")
            chosen = list(scene.some(points))
            began = time.perf_counter()
            if wrong := scene.wrong_at(chosen):
                raise RuntimeError(f"A stop left something wrong: {wrong}")
            spent = time.perf_counter() - began
            size = f"{len(chosen)} of {scene.told.effects} effects"
            yield Row(f"stops: {systems}", size, len(chosen) / spent, "a second")


# --- the journal -------------------------------------------------------------------------------------------------


def _journal(written: int, rounds: int = 3) -> Iterator[Row]:
    """Applying planned updates, with intents, outcomes and bases, against the same calls alone."""
    for kind in ("memory", "files", "hubspot", "salesforce"):
        applied, bare = zip(*(_applied_and_bare(kind, written, number) for number in range(rounds)), strict=True)
        size = f"{written:,} updates"
        each = median(applied) / written * 1000
        yield Row(f"journal: {kind}", size, each, "ms a write", "the calls alone", median(bare) / written * 1000)


def _applied_and_bare(kind: str, written: int, number: int) -> tuple[float, float]:
    """CPU seconds of apply, and of the same writes through the connector alone: sandbox and all."""
    from tests.trust.effects import Watch
    from tests.trust.journeys import Journey, Story
    from tests.trust.rehearsal import rehearsal
    from tests.trust.theatre import in_memory

    names = [f"Person{n}" for n in range(written)]

    def given(story: Story) -> None:
        for name in names:
            story.second.make("person", name, email=f"{name.lower()}@many.example", title="Clerk")
        story.sync()

    def happens(story: Story) -> None:
        for name in names:
            story.second.edit("person", name, title=f"Chief {number}")

    marks: dict[str, float] = {}

    def progress(step: str, done: int | None = None, of: int | None = None) -> None:
        marks.setdefault(step, time.process_time())

    with in_memory() as root, rehearsal(kind, Journey(given, happens), root) as story:
        story.put_back()
        world = story.world(Watch(story.time))
        outcome = sync(story.workspace, world, first_run="apply", progress=progress)
        applied = time.process_time() - marks["apply"]
        if outcome.plan.counts() != {"a": {_PERSONS[kind]: {"update": written}}}:
            raise RuntimeError(f"Something else was written: {outcome.plan.counts()}")
        story.put_back()
        with open_session(story.workspace, story.world(Watch(story.time))) as session:
            identify(session)
            live = session.live("a")
            mapping = live.mapping.objects[_PERSONS[kind]]
            fields, size = wanted_fields(live, mapping), live.records.batch.write
            updates = [_as_update(change, _TITLES[kind]) for change in outcome.plan.changes]
            began = time.process_time()
            for start in range(0, written, size):
                live.records.write(_PERSONS[kind], updates[start : start + size], fields)
            return applied, time.process_time() - began


def _as_update(change: Any, title: str) -> Update:
    if set(change.fields) != {title}:
        raise RuntimeError(f"Something else was written: {change.fields}")
    return Update(change.record, change.fields, change.expected)


# --- faults ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Crms:
    """An account with everybody in it, and an empty org."""

    hubspot: Any
    salesforce: Any
    workspace: Workspace
    pace: Pace = field(default_factory=lambda: Pace(call=AT_ONCE))

    def bring_in_step(self) -> tuple[float, int, int]:
        """Run until nothing is left; how many seconds of work and waiting, how many calls, and how many runs."""
        began, waited, calls = time.process_time(), timedelta(), 0
        for run in range(1, 8):
            self._pass(A_WHILE)
            start = self.pace.now()
            outcome = sync(self.workspace, self.pace.world(), first_run="apply")
            waited += self.pace.now() - start
            calls += sum(account["calls"] for account in outcome.account.values())
            if outcome.status == "done" and not outcome.plan.changes:
                return time.process_time() - began + waited.total_seconds(), calls, run
            for system in (self.hubspot, self.salesforce):
                system.personality = replace(system.personality, partial_failure=None)
        raise RuntimeError(f"The two do not come to rest: {outcome.as_json()}")

    def _pass(self, by: timedelta) -> None:
        self.pace.advance(by)
        self.hubspot.clock.advance(by)
        self.salesforce.clock.advance(by)

    def held(self) -> list[dict[str, str]]:
        """What both hold, without times."""
        rows = [*self.hubspot.world.all("contacts"), *self.salesforce.world.all("Lead")]
        return [{name: str(row[name]) for name in sorted(row.keys() & _COMPARED)} for row in rows]


_COMPARED = {
    *("email", "firstname", "lastname", "phone", "jobtitle", "lifecyclestage", "instep_id", "instep_stage"),
    *("Email", "FirstName", "LastName", "Phone", "Title", "Company", "Instep_Id__c", "Instep_Stage__c"),
}


def _faults(records: int, share: float) -> Iterator[Row]:
    """The same load twice. Of every hundred calls some fail, one way after the other; of some batches, one record."""
    with _crms(records) as crms:
        seconds, calls, runs = crms.bring_in_step()
        whole = sorted(map(str, crms.held()))
    with _crms(records) as crms:
        chance = random.Random(5)  # the same faults on every machine
        for system in (crms.hubspot, crms.salesforce):
            for number, place in enumerate(place for place in range(2 * calls) if chance.random() < share):
                system.faults.add("*", FAULTS[number % len(FAULTS)], after=place)
        crms.salesforce.personality = replace(crms.salesforce.personality, partial_failure=round(20 / share))
        more_seconds, more_calls, more_runs = crms.bring_in_step()
        if sorted(map(str, crms.held())) != whole:
            raise RuntimeError("The load through faults came to something else.")
    size = f"{records:,} records, {share:.0%} faults"
    alike = f"the same end, after {more_runs} runs instead of {runs}"
    yield Row("faults: seconds", size, more_seconds, "s", "without", seconds, None, alike)
    yield Row("faults: calls", size, more_calls, "calls", "without", calls, A_FEW_MORE)


@contextmanager
def _crms(records: int) -> Iterator[Crms]:
    from instep_hubspot.sandbox import hubspot_sandbox
    from instep_salesforce.sandbox import salesforce_sandbox

    with ExitStack() as stack:
        hubspot = stack.enter_context(hubspot_sandbox(clock=VirtualClock()))
        salesforce = stack.enter_context(salesforce_sandbox(clock=VirtualClock()))
        add_own_properties(hubspot.world)
        add_own_fields(salesforce.world)
        hubspot.world.load("contacts", [contact(number) for number in range(records)])
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield Crms(hubspot, salesforce, join_crms(root, hubspot.settings, {**salesforce.settings, "bulk": False}))
