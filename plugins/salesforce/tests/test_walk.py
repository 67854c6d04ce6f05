"""Random histories: whatever colleagues do, and wherever a read stops, the mirror ends as the org is."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from instep.contract import Garbled, Gone, MergedInto, Page, Seen
from instep.testing import Workbench

FIELDS = ["LastName", "Title"]


class Mirror:
    """What somebody knows who keeps the pages of one object, and the cursor of the last one kept."""

    def __init__(self, bench: Workbench, chance: random.Random) -> None:
        self.bench, self.chance = bench, chance
        self.cursor: str | None = None
        self.rows: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.merged: dict[str, str] = {}

    def pages(self) -> Iterator[Page]:
        return self.bench.connect().records.changed_since("Contact", FIELDS, self.cursor)

    def read(self, stop: bool) -> None:
        """Read to the end; or stop after some page, as a run that is killed does."""
        for page in self.pages():
            for item in page.items:
                assert not isinstance(item, Garbled)
                self.rows.pop(item.id, None)
                self.gone.discard(item.id)
                self.merged.pop(item.id, None)
                match item:
                    case Seen():
                        self.rows[item.id] = dict(item.fields)
                    case MergedInto():
                        self.merged[item.id] = item.survivor
                    case Gone():
                        self.gone.add(item.id)
            self.cursor = page.cursor
            if stop and self.chance.random() < 0.5:
                return


class Office:
    """Colleagues at work."""

    def __init__(self, bench: Workbench, chance: random.Random) -> None:
        self.bench, self.chance, self.world = bench, chance, bench.sandbox.world
        self.numbers = iter(range(10_000_000))

    def act(self) -> None:
        live = [row["Id"] for row in self.world.all("Contact")]
        if not live or self.chance.random() < 0.2:
            self.world.load(
                "Contact", [{"LastName": f"P{next(self.numbers)}"} for _ in range(self.chance.randint(1, 900))]
            )
            return
        match self.chance.choice(["edit", "edit", "delete", "undelete", "merge", "touch", "late", "mass"]):
            case "edit":
                self.edit(live)
            case "delete":
                self.world.delete("Contact", self.chance.choice(live))
            case "undelete":
                binned = [row["Id"] for row in self.world.all("Contact", deleted=True) if not row["MasterRecordId"]]
                if binned:
                    self.world.undelete("Contact", self.chance.choice(binned))
            case "merge" if len(live) > 1:
                self.world.merge("Contact", *self.chance.sample(live, 2))
            case "touch":
                self.world.touch("Contact", self.chance.choice(live))
            case "late":
                with self.world.commit_late("Contact", timedelta(seconds=self.chance.randint(1, 500))):
                    self.edit(live)
                    self.world.create("Contact", LastName=f"L{next(self.numbers)}")
            case "mass":
                for id in self.chance.sample(live, min(len(live), 50)):
                    self.world.edit("Contact", id, Title=f"M{next(self.numbers)}")

    def edit(self, live: list[str]) -> None:
        self.world.edit("Contact", self.chance.choice(live), Title=f"T{next(self.numbers)}")


@pytest.mark.parametrize("seed", range(12))
def test_the_mirror_ends_as_the_org_is(bench: Workbench, seed: int) -> None:
    chance = random.Random(seed)
    office, mirror = Office(bench, chance), Mirror(bench, chance)
    bench.behave(uneven_pages=True, lose_locators_after=chance.choice([None, 1, 2]))
    for _ in range(60):
        office.act()
        if chance.random() < 0.5:
            bench.clock.advance(timedelta(seconds=chance.choice([0, 1, 7, 90, 700])))
        if chance.random() < 0.3:
            mirror.read(stop=chance.random() < 0.5)
    mirror.read(stop=False)
    mirror.read(stop=False)
    org = {row["Id"]: {name: row[name] for name in FIELDS} for row in office.world.all("Contact")}
    assert mirror.rows == org
    binned = {row["Id"]: row["MasterRecordId"] for row in office.world.all("Contact", deleted=True)}
    assert mirror.gone == {id for id, master in binned.items() if not master}
    assert mirror.merged.keys() == {id for id, master in binned.items() if master}


def test_a_quiet_read_gives_nothing_however_the_last_one_was_cut(bench: Workbench) -> None:
    bench.sandbox.world.load("Contact", [{"LastName": f"P{n}"} for n in range(5000)])
    mirror = Mirror(bench, random.Random(3))
    bench.behave(uneven_pages=True)
    for _ in range(20):
        mirror.read(stop=True)
    mirror.read(stop=False)
    assert len(mirror.rows) == 5000
    assert not [item for page in mirror.pages() for item in page.items]
