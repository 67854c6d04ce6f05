"""Random histories over two or three systems: whatever people do and whenever the process dies, all end in step.

Each history prints its seed when it fails. `dev.py ci` plays some, `dev.py nightly` many.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from instep.store import Store

from ..semantics.cases import Stage, play

PEOPLE, COMPANIES, DEALS = ("jane", "joan"), ("acme", "bolt"), ("deal1",)
FIELDS = {"people": ("title", "city"), "companies": ("industry",), "deals": ("amount",)}
STAGES = ("interest", "research", "consideration", "decision", "purchase")


class Stopped(BaseException):
    """The process died here."""


class History:
    """What some people did to some systems, with syncs in between, some of them killed."""

    def __init__(self, seed: int, folder: str) -> None:
        self.chance = random.Random(seed)
        self.stage = Stage(Path(folder))
        self.systems = ["a", "b", "c"][: self.chance.choice([2, 2, 3])]
        self.has_leads = self.chance.random() < 0.4
        self.said: list[str] = []
        self.number = 0
        self.opted_out: set[str] = set()
        self.deleted: set[tuple[str, str]] = set()
        self.do("files: systems = " + " ".join(self.systems))
        if self.has_leads:
            self.do("files: a has leads = yes")

    def do(self, step: str) -> None:
        self.said.append(step)
        play(self.stage, step)

    def run(self) -> list[str]:
        """Play the history to its end; what is wrong then."""
        for name in (*PEOPLE, *COMPANIES, *DEALS):
            self.do(f"{self.chance.choice(self.systems)}.{name}")
        for _ in range(self.chance.randint(2, 6)):
            for _ in range(self.chance.randint(1, 4)):
                self.act()
            self.sync_perhaps_killed()
        self.do("sync")
        self.do("sync")
        self.do("sync")
        wrong = [*self.writes(), *self.disagreements(), *self.twins(), *self.consents()]
        return [*wrong, *self.returned(), *self.unsettled()]

    def act(self) -> None:
        system, name = self.chance.choice(self.systems), self.chance.choice([*PEOPLE, *COMPANIES, *DEALS])
        object = self.stage.object_of(name)
        there = self.stage.find(system, name) is not None
        if self.has_leads and object == "people" and system == "a" and self.chance.random() < 0.5:
            return self.act_on_lead(name)
        kinds = ["edit", "edit", "edit", "blank"] + ["stage", "opt out", "delete", "join", "relate"] * there
        match self.chance.choice(kinds):
            case "edit" if there or (system, name) not in self.deleted:
                self.number += 1
                value = str(self.number) if object == "deals" else f"v{self.number}"
                self.do(f"{system}.{name} {self.chance.choice(FIELDS[object])}={value}")
            case "blank" if there:
                self.do(f"{system}.{name} -{self.chance.choice(FIELDS[object])}")
            case "stage" if object != "companies":
                self.do(f"{system}.{name} stage={self.chance.choice(STAGES)}")
            case "opt out" if object == "people":
                self.do(f"{system}.{name} optout=yes")
                self.opted_out.add(name)
            case "delete" if name == "joan" and self.is_linked(system, name):
                self.do(f"{system}.{name} deleted")
                self.deleted.add((system, name))
            case "join" if object == "people" and self.stage.find(system, "acme"):
                self.do(f"{system}.{name} in {system}.acme")
            case "relate" if object == "deals" and self.stage.find(system, "jane"):
                self.do(f"{system}.{name} of {system}.jane")
        return None

    def act_on_lead(self, name: str) -> None:
        """Somebody edits a lead, makes one beside the person, or converts it."""
        lead = f"lead_{name}"
        if self.stage.find("a", lead) is None:
            if ("a", name) not in self.deleted:
                self.do(f"a.{lead}")
        elif self.chance.random() < 0.4 and self.is_linked("a", lead):
            self.do(f"a.{lead} converted into a.{name}")
            self.deleted.discard(("a", name))
        else:
            self.number += 1
            self.do(f"a.{lead} {self.chance.choice(FIELDS['people'])}=v{self.number}")

    def is_linked(self, system: str, name: str) -> bool:
        path = self.stage.root / ".instep" / "state.db"
        if not path.exists():
            return False
        with Store(path) as store:
            place = (system, self.stage.object_of(name), self.stage.find(system, name))
            return bool(
                store.row(
                    "SELECT 1 FROM mirror WHERE connection = ? AND object = ? AND id = ? AND entity IS NOT NULL",
                    place,
                )
            )

    def sync_perhaps_killed(self) -> None:
        point, seen = self.chance.choice([None, self.chance.randint(1, 60)]), 0

        def boundary(label: str) -> None:
            nonlocal seen
            seen += 1
            if point is not None and seen >= point:
                raise Stopped(label)

        self.said.append("sync" if point is None else f"sync killed at {point}")
        try:
            self.stage.sync(boundary)
        except Stopped:
            self.stage.clock.advance(minutes=1)

    # --- what must hold at the end ---

    def writes(self) -> list[str]:
        return [f"{name} was written to again" for name, count in self.stage.written.items() if count]

    def disagreements(self) -> list[str]:
        found = []
        for name in (*PEOPLE, *COMPANIES, *DEALS):
            object = self.stage.object_of(name)
            ids = {system: self.stage.find(system, name) for system in self.systems}
            rows = {s: self.stage.systems[s].objects[object][id] for s, id in ids.items() if id is not None}
            lead = self.stage.find("a", f"lead_{name}") if object == "people" else None
            rows |= {"lead": self.stage.systems["a"].objects["leads"][lead]} if lead is not None else {}
            for field in FIELDS[object]:
                values = {str(row.fields.get(field) or None) for row in rows.values()}
                found += [f"{name}.{field} is {values}"] if len(values) > 1 else []
        return found

    def twins(self) -> list[str]:
        found = []
        for name in self.systems:
            emails = [str(row.fields.get("email")) for row in self.stage.systems[name].live("people").values()]
            found += [f"{email} twice in {name}" for email in set(emails) if emails.count(email) > 1]
        return found

    def consents(self) -> list[str]:
        people = [(s, n, self.stage.find(s, n)) for s in self.systems for n in self.opted_out]
        live = [(s, n, self.stage.systems[s].objects["people"][id]) for s, n, id in people if id is not None]
        said = {n for _, n, row in live if row.fields.get("optout")}
        return [f"{n} is opted in at {s}" for s, n, row in live if n in said and not row.fields.get("optout")]

    def returned(self) -> list[str]:
        return [f"{n} came back in {s}" for s, n in self.deleted if self.stage.find(s, n) is not None]

    def unsettled(self) -> list[str]:
        with Store(self.stage.root / ".instep" / "state.db") as store:
            rows = store.rows("SELECT seq, action FROM journal WHERE state IN ('intended', 'unknown')")
        return [f"nobody settled write {seq} ({action})" for seq, action in rows]


def wrong_with(seed: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        history = History(seed, folder)
        wrong = history.run()
    return f"seed {seed}: {wrong} after {'; '.join(history.said)}" if wrong else ""


@pytest.mark.parametrize("seed", range(6))
def test_a_short_history_ends_in_step(seed: int) -> None:
    assert wrong_with(seed) == ""


@pytest.mark.ci
@pytest.mark.parametrize("first", range(100, 200, 10))
def test_histories_end_in_step(first: int) -> None:
    assert [found for seed in range(first, first + 10) if (found := wrong_with(seed))] == []


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(1000, 3000, 50))
def test_many_histories_end_in_step(first: int) -> None:
    assert [found for seed in range(first, first + 50) if (found := wrong_with(seed))] == []
