"""A folder of files that Instep reads and writes, and the colleague who opens them in another program."""

from __future__ import annotations

import csv
import io
import json
import pickle
import tomllib
from pathlib import Path

from .effects import Time
from .mappings import FILES
from .place import Applied, BarePlace, Held, Kind, plain

OBJECTS: dict[Kind, str] = {"person": "people", "company": "companies", "opportunity": "deals"}
KINDS = {object: kind for kind, object in OBJECTS.items()}
NAMES: dict[Kind, str] = {"person": "last_name", "company": "name", "opportunity": "name"}
FIELDS: dict[Kind, tuple[str, ...]] = {
    "person": ("email", "first_name", "title", "phone", "stage", "exact_stage", "opted_out"),
    "company": ("domain", "phone", "city"),
    "opportunity": ("amount", "close_date", "stage"),
}
ENDS: dict[Kind, tuple[tuple[Kind, str], ...]] = {
    "person": (("company", "company"),),
    "company": (),
    "opportunity": (("company", "company"), ("person", "people")),
}
TABLE = """
direction = "both"
[connections.{name}.objects.people]
file = "people.csv"
key = "id"
modified = "modified"
types = {{ modified = "instant" }}
references = {{ company = "companies" }}
[connections.{name}.objects.companies]
file = "companies.csv"
key = "id"
modified = "modified"
types = {{ modified = "instant" }}
[connections.{name}.objects.deals]
file = "deals.csv"
key = "id"
modified = "modified"
types = {{ modified = "instant", amount = "number", close_date = "date", people = "list" }}
references = {{ company = "companies", people = "people" }}
"""
Rows = dict[str, dict[str, str]]


class FilesPlace(BarePlace):
    """A folder with three files, dated by the story's time."""

    mapping = FILES
    merges = False
    converts = False

    def __init__(self, name: str, time: Time, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.calls = 0
        self.applied: list[Applied] = []
        self._time = time
        self._before: dict[str, Rows] = {}
        folder.mkdir(parents=True)
        for kind, object in OBJECTS.items():
            columns = (
                "id",
                NAMES[kind],
                *FIELDS[kind],
                *(column for _, column in ENDS[kind]),
                "instep_id",
                "modified",
            )
            self._path(object).write_text(",".join(columns) + "\n", encoding="utf-8", newline="")

    def _path(self, object: str) -> Path:
        return self.folder / f"{object}.csv"

    def table(self) -> str:
        head = f'[connections.{self.name}]\nplugin = "files"\npath = {json.dumps(str(self.folder))}'
        text = head + TABLE.format(name=self.name)
        assert tomllib.loads(text)
        return text

    def keep(self) -> bytes:
        return pickle.dumps({object: self._path(object).read_bytes() for object in KINDS})

    def put_back(self, kept: bytes) -> None:
        for path in self.folder.iterdir():
            path.unlink()
        for object, data in pickle.loads(kept).items():
            self._path(object).write_bytes(data)
        self.calls, self.applied, self._before = 0, [], {}

    def lag(self) -> None:
        """A file is what it is."""

    def lose(self, after: int, times: int) -> None:
        """Nothing lies between a file and who replaces it."""

    def calm(self) -> None:
        """Nothing to call off."""

    def hear(self, label: str) -> None:
        """Look at a file right before and right after it is replaced."""
        head, _, rest = label.partition(": ")
        if head != self.name or "/replace" not in rest:
            return
        object = rest.split(".")[0]
        if not rest.endswith("answered"):
            self._before[object] = self.rows(object)
            return
        self.note(object, self._before.pop(object))

    def note(self, object: str, before: Rows) -> None:
        """Note how a file differs from what it was before."""
        ties = {column for ends in ENDS.values() for _, column in ends}
        found = []
        for key, row in self.rows(object).items():
            known = before.get(key, {})
            changed = frozenset(name for name, cell in row.items() if cell != known.get(name, "")) - {"id"}
            if changed:
                found.append(Applied(self.calls, object, key, None if changed <= ties else changed - ties))
        self.applied += found
        self.calls += bool(found)

    # --- hands -------------------------------------------------------------------------------------------------

    def rows(self, object: str) -> Rows:
        """Every row by its key. Two rows with one key are a defect."""
        rows = list(csv.DictReader(self._path(object).read_text(encoding="utf-8").splitlines(keepends=True)))
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows), f"{object} has one key twice"
        return found

    def _save(self, object: str, rows: Rows) -> None:
        text = io.StringIO(newline="")
        header = self._path(object).read_text(encoding="utf-8").splitlines()[0].split(",")
        writer = csv.DictWriter(text, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        self._path(object).write_text(text.getvalue(), encoding="utf-8", newline="")

    def _change(self, kind: Kind, name: str, **cells: str) -> None:
        object = OBJECTS[kind]
        rows = self.rows(object)
        rows[self.find(kind, name)] |= {"modified": self._time.at.isoformat(), **cells}
        self._save(object, rows)

    def find(self, kind: Kind, name: str) -> str:
        """The key of the row of that name."""
        return next(key for key, row in self.rows(OBJECTS[kind]).items() if row[NAMES[kind]] == name)

    def make(self, kind: Kind, name: str, **values: str) -> None:
        object = OBJECTS[kind]
        key = f"{kind[0]}-{name}"
        row = {"id": key, NAMES[kind]: name, "modified": self._time.at.isoformat(), **values}
        self._save(object, {**self.rows(object), key: row})

    def edit(self, kind: Kind, name: str, **values: str) -> None:
        self._change(kind, name, **values)

    def tie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        self._refer(kind, name, to, lambda held, end: [*held, end] if to == "person" else [end], other)

    def untie(self, kind: Kind, name: str, to: Kind, other: str) -> None:
        self._refer(kind, name, to, lambda held, end: [key for key in held if key != end], other)

    def _refer(self, kind: Kind, name: str, to: Kind, change, other: str) -> None:  # type: ignore[no-untyped-def]
        column = dict(ENDS[kind])[to]
        held = [key for key in self.rows(OBJECTS[kind])[self.find(kind, name)][column].split(";") if key]
        self._change(kind, name, **{column: ";".join(change(held, self.find(to, other)))})

    def delete(self, kind: Kind, name: str) -> None:
        """A colleague takes a row out. Nothing tells of it, so it counts only once we want to write there."""
        rows = self.rows(OBJECTS[kind])
        del rows[self.find(kind, name)]
        self._save(OBJECTS[kind], rows)

    def merge(self, kind: Kind, name: str, other: str) -> None:
        raise NotImplementedError("Rows are not merged")

    def convert(self, name: str, company: str) -> None:
        raise NotImplementedError("It has no leads")

    def opt_out(self, name: str) -> None:
        self._change("person", name, opted_out="yes")

    def opt_in(self, name: str) -> None:
        raise NotImplementedError("A cell that turns blank is no opt-in")

    def unflag(self, name: str) -> None:
        self._change("person", name, opted_out="")

    def move(self, kind: Kind, name: str, stage: str) -> None:
        """A colleague moves a record to a stage, forth or back."""
        self.edit(kind, name, stage=stage)

    def own(self, kind: Kind, name: str, owner: str) -> None:
        raise NotImplementedError("Its rows have no owners")

    def restore(self, kind: Kind, name: str) -> None:
        raise NotImplementedError("Nothing is deleted there")

    # --- admins ------------------------------------------------------------------------------------------------

    logins = 0

    def hire(self, name: str) -> None:
        """Its rows have no owners."""

    def hide(self, kind: Kind, field: str) -> None:
        raise NotImplementedError("A column that is missing stops the connection")

    def show(self, kind: Kind, field: str) -> None:
        """Everything is in sight."""

    # --- what it holds -----------------------------------------------------------------------------------------

    def held(self) -> list[Held]:
        names = {(kind, key): row[NAMES[kind]] for kind, o in OBJECTS.items() for key, row in self.rows(o).items()}
        return [self._held(kind, key, row, names) for kind, o in OBJECTS.items() for key, row in self.rows(o).items()]

    def _held(self, kind: Kind, key: str, row: dict[str, str], names: dict[tuple[Kind, str], str]) -> Held:
        values = {name: plain(row[name]) for name in FIELDS[kind]}
        tied = {(end, id) for end, column in ENDS[kind] for id in row[column].split(";") if id}
        ties = frozenset((end, names[end, id]) for end, id in tied if (end, id) in names)
        return Held(kind, OBJECTS[kind], key, names[kind, key], values, None if kind == "company" else ties)
