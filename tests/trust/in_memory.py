"""A system in memory."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from instep.contract import Consent, Scalar, SystemOwner

from ..semantics.memory import Row, System
from . import place
from .effects import Time
from .mappings import MEMORY
from .place import Applied, BarePlace, Held, Kind, plain

OBJECTS: dict[Kind, str] = {"person": "people", "company": "companies", "opportunity": "deals"}
KINDS = {object: kind for kind, object in OBJECTS.items()}
NAMES: dict[Kind, str] = {"person": "last_name", "company": "name", "opportunity": "name"}
FIELDS: dict[Kind, tuple[str, ...]] = {
    "person": ("email", "first_name", "title", "phone", "stage", "exact_stage"),
    "company": ("domain", "phone", "city"),
    "opportunity": ("amount", "close_date", "stage"),
}


class _Hand:
    """The story's time, as this system reads it."""

    def __init__(self, time: Time) -> None:
        self._time = time

    @property
    def now(self) -> datetime:
        return self._time.at


class MemoryPlace(BarePlace):
    """A system in memory, and its users' hands."""

    mapping = MEMORY
    merges = True
    converts = False

    def __init__(self, name: str, time: Time) -> None:
        self.name = name
        self._clock = _Hand(time)
        self.system = System(name, self._clock)  # type: ignore[arg-type]  # all it does is ask for the time
        self.lost: tuple[str, int] | None = None
        self._hires: list[str] = []

    @property
    def calls(self) -> int:
        return len(self.system.writes)

    @property
    def applied(self) -> list[Applied]:
        return [Applied(call, "", id) for call, (_, id) in enumerate(self.system.writes)]

    def table(self) -> str:
        return f'[connections.{self.name}]\nplugin = "memory"\nsystem = "{self.name}"\n'

    def keep(self) -> bytes:
        return place.keep(self.system, [self._clock])

    def put_back(self, kept: bytes) -> None:
        place.put_back(self.system, [self._clock], kept)
        self.lost = None

    def lag(self) -> None:
        """It keeps no index."""

    def lose(self, after: int, times: int) -> None:
        self.lost = (self.name, after)

    def calm(self) -> None:
        self.lost = None

    def hear(self, label: str) -> None:
        """It notes its own writes."""

    # --- hands -------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str) -> str:
        """The id of the record of that name."""
        rows = self.system.live(OBJECTS[kind])
        return next(id for id, row in rows.items() if row.fields.get(NAMES[kind]) == name)

    def make(self, kind: Kind, name: str, **values: str) -> None:
        number = sum(row.fields.get(NAMES[kind]) == name for row in self.system.objects[OBJECTS[kind]].values())
        id = f"{kind[0]}-{name}" + (f"-{number + 1}" if number else "")
        self.system.put(OBJECTS[kind], id, **{NAMES[kind]: name}, **_typed(values))

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        self.system.put(OBJECTS[kind], self.find(kind, name), **_typed(values))

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        ends = OBJECTS[kind], self.find(kind, name), OBJECTS[to], self.find(to, other)
        self.system.relate(*ends, primary=to == "company")

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        self.system.unrelate(OBJECTS[kind], self.find(kind, name), OBJECTS[to], self.find(to, other))

    def delete(self, kind: Kind, name: str) -> None:
        self.system.delete(OBJECTS[kind], self.find(kind, name))

    def merge(self, kind: Kind, name: str, other: str) -> None:
        self.system.merge(OBJECTS[kind], self.find(kind, other), self.find(kind, name))

    def convert(self, name: str, company: str) -> None:
        raise NotImplementedError("It has no leads")

    def opt_out(self, name: str) -> None:
        self.system.put("people", self.find("person", name), optout=True)

    def opt_in(self, name: str) -> None:
        id = self.find("person", name)
        self.system.explicit[id] = [Consent("all", "in", self._clock.now, "preference page", explicit=True)]
        self.system.put("people", id, optout=None)

    def unflag(self, name: str) -> None:
        self.system.put("people", self.find("person", name), optout=None)

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague moves a record to a stage, forth or back."""
        self.edit(kind, name, stage=stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        """A record passes to a colleague."""
        self.edit(kind, name, owner=owner)

    def restore(self, kind: Kind, name: str) -> None:
        rows = self.system.objects[OBJECTS[kind]]
        gone = [row for row in rows.values() if row.state == "gone" and row.fields.get(NAMES[kind]) == name]
        gone[-1].state = "live"
        self.edit(kind, name)

    # --- admins ------------------------------------------------------------------------------------------------

    logins = 0

    def hire(self, name: str) -> None:
        self._hires.append(name)
        self.system.users.append(SystemOwner(name, name.title(), f"{name}@ourselves.example", active=True))

    def hide(self, kind: Kind, field: str) -> None:
        self.system.hidden.add(field)

    def show(self, kind: Kind, field: str) -> None:
        self.system.hidden.discard(field)

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        names = {
            (o, i): str(r.fields.get(NAMES[k])) for k, o in OBJECTS.items() for i, r in self.system.live(o).items()
        }
        return [self._held(o, i, r, names) for o in KINDS for i, r in self.system.live(o).items()]

    def _held(self, object: str, id: str, row: Row, names: dict[tuple[str, str], str]) -> Held:
        kind = KINDS[object]
        values = {name: plain(row.fields.get(name)) for name in FIELDS[kind]}
        if self._hires:
            values["owner"] = plain(row.fields.get("owner"))
        if kind == "person":
            values["opted_out"] = plain(row.fields.get("optout"))
        firms = {end: primary for end, primary in row.related.items() if end in names and end[0] == "companies"}
        ends = [end for end in row.related if end in names and end not in firms]
        ends += [end for end, primary in firms.items() if primary or len(firms) == 1]
        ties = frozenset((KINDS[end[0]], names[end]) for end in ends)
        return Held(kind, object, id, names[object, id], values, None if kind == "company" else ties)


def _typed(values: dict[str, str]) -> dict[str, Scalar]:
    known = {"amount": Decimal, "close_date": date.fromisoformat}
    return {name: (known[name](text) if name in known and text else text or None) for name, text in values.items()}
