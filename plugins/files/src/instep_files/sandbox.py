"""A folder of files that lives as long as a test. What the plugin does to it is seen from outside, and noted."""

from __future__ import annotations

import csv
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from instep.sandbox import CallLog, Clock, SystemClock

COLUMNS: Final = {
    "people": ("id", "name", "email", "title", "city", "stage", "opted_out", "company"),
    "companies": ("id", "name", "domain", "industry", "employees"),
    "opportunities": ("id", "name", "note", "stage", "amount", "close_date", "company", "people"),
    "activities": ("id", "type", "occurred_at", "email", "person", "company", "cancelled"),
}
SETTINGS: Final[Mapping[str, Any]] = {
    "direction": "both",
    "objects": {
        "people": {
            "file": "people.csv",
            "key": "id",
            "types": {"opted_out": "boolean"},
            "references": {"company": "companies"},
        },
        "companies": {"file": "companies.csv", "key": "id", "types": {"employees": "number"}},
        "opportunities": {
            "file": "opportunities.csv",
            "key": "id",
            "types": {"amount": "number", "close_date": "date", "people": "list:;"},
            "references": {"company": "companies", "people": "people"},
        },
    },
    "behaviours": {
        "activities": {
            "file": "activities.csv",
            "key": "id",
            "at": "occurred_at",
            "kind": "type",
            "email": "email",
            "references": {"person": "people", "company": "companies"},
            "withdrawn": "cancelled",
        },
    },
}


class FilesWorld:
    """The hands of a colleague who opens the files in another program."""

    activities = ("webinar", "call")

    def __init__(self, folder: Path, quiet: threading.local) -> None:
        self.folder = folder
        self._quiet = quiet

    def create(self, object: str, **cells: object) -> str:
        """A colleague adds a row; gives its key."""
        rows = self.all(object)
        id = str(cells.pop("id", "")) or f"{object}-{len(rows) + 1}"
        self._save(object, [*rows, {"id": id, **{name: str(cell) for name, cell in cells.items()}}])
        return id

    def edit(self, object: str, id: str, **cells: object) -> None:
        """A colleague changes a row."""
        new = {name: str(cell) for name, cell in cells.items()}
        self._save(object, [{**row, **new} if row["id"] == id else row for row in self.all(object)])

    def delete(self, object: str, id: str) -> None:
        """A colleague removes a row."""
        self._save(object, [row for row in self.all(object) if row["id"] != id])

    def act(self, kind: str, object: str, id: str) -> None:
        """Somebody did something; a colleague writes it down."""
        self.create("activities", type=kind, occurred_at="2026-01-05T09:00:00Z", person=id)

    def correct_act(self, kind: str, id: str) -> bool:
        """A colleague corrects when it happened."""
        self.edit("activities", _key_of(id), occurred_at="2026-01-06T09:00:00Z")
        return True

    def withdraw_act(self, kind: str, id: str) -> bool:
        """A colleague notes that it did not happen."""
        self.edit("activities", _key_of(id), cancelled="yes")
        return True

    def read(self, object: str, id: str) -> dict[str, str] | None:
        """The cells of a row; None if it is not there."""
        return next((row for row in self.all(object) if row["id"] == id), None)

    def all(self, object: str) -> list[dict[str, str]]:
        """Every row."""
        return list(csv.DictReader(self.text(object).splitlines(keepends=True)))

    def text(self, object: str) -> str:
        """The file as it stands."""
        with _unseen(self._quiet):
            return (self.folder / f"{object}.csv").read_bytes().decode("utf-8")

    def put(self, object: str, text: str) -> None:
        """A colleague replaces the whole file."""
        with _unseen(self._quiet):
            (self.folder / f"{object}.csv").write_bytes(text.encode("utf-8"))

    def load(self, object: str, records: list[Mapping[str, str]]) -> list[str]:
        """Put many rows in at once; gives their keys."""
        if not (self.folder / f"{object}.csv").exists():
            known = ", ".join(sorted(file.stem for file in self.folder.glob("*.csv")))
            raise ValueError(f"there is no {object}.csv (there are: {known})")
        rows = self.all(object)
        new = [{"id": f"{object}-{len(rows) + place}", **record} for place, record in enumerate(records, 1)]
        self._save(object, [*rows, *new])
        return [row["id"] for row in new]

    def _save(self, object: str, rows: list[dict[str, str]]) -> None:
        names = list(dict.fromkeys([*_header(self.text(object)), *(name for row in rows for name in row)]))
        lines = [names, *([row.get(name) or "" for name in names] for row in rows)]
        self.put(object, "".join(",".join(map(_quoted, line)) + "\n" for line in lines))


@dataclass(frozen=True)
class FilesSandbox:
    """A folder at work. `settings` is its table in sync.toml; there is no network, so no faults."""

    settings: dict[str, object]
    url: str
    log: CallLog
    clock: Clock
    world: FilesWorld


@contextmanager
def files_sandbox(
    *, clock: Clock | None = None, port: int = 0, folder: Path | None = None, **changes: object
) -> Iterator[FilesSandbox]:
    """A folder with the files of a small firm, without rows; `changes` go into its settings. `port` is not used."""
    clock = clock or SystemClock()
    with TemporaryDirectory(prefix="instep-files-") as made:
        place = (folder or Path(made)).resolve()
        for name, columns in COLUMNS.items():
            if not (place / f"{name}.csv").exists():
                (place / f"{name}.csv").write_text(",".join(columns) + "\n", encoding="utf-8", newline="")
        witness = _Witness(place, clock)
        settings = {"path": str(place), **SETTINGS, **changes}
        with _watched(witness):
            yield FilesSandbox(settings, place.as_uri(), witness.log, clock, FilesWorld(place, witness.quiet))


# --- watching --------------------------------------------------------------------------------------------------


@dataclass
class _Witness:
    """Notes every file of a folder that this process opens or replaces, as Python's audit events tell."""

    folder: Path
    clock: Clock
    log: CallLog = field(default_factory=CallLog)
    quiet: threading.local = field(default_factory=threading.local)

    def notice(self, event: str, path: str, target: str) -> None:
        """One audit event."""
        if getattr(self.quiet, "is_on", False):
            return
        place = Path(target if event == "os.rename" else path)
        if place.parent == self.folder and not place.name.startswith("."):
            self._note(place.name, wrote=event == "os.rename")

    def _note(self, name: str, *, wrote: bool) -> None:
        size = (self.folder / name).stat().st_size if (self.folder / name).exists() else 0
        self.log.record(
            at=self.clock.now(),
            method="REPLACE" if wrote else "READ",
            path=f"/{name}",
            query={},
            body_size=size,
            status=200,
            label=f"{name}/{'replace' if wrote else 'read'}",
            wrote=wrote,
        )


_watching: list[_Witness] = []
_hooked: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.rename") and isinstance(arguments[0], str | Path):
        for witness in tuple(_watching):
            witness.notice(event, str(arguments[0]), str(arguments[1]))


@contextmanager
def _watched(witness: _Witness) -> Iterator[None]:
    if not _hooked:  # an audit hook stays for good, so one serves all sandboxes
        sys.addaudithook(_hear)
        _hooked.append(True)
    _watching.append(witness)
    try:
        yield
    finally:
        _watching.remove(witness)


@contextmanager
def _unseen(quiet: threading.local) -> Iterator[None]:
    quiet.is_on = True
    try:
        yield
    finally:
        quiet.is_on = False


def _key_of(activity: str) -> str:
    """The key of a row, of which the connector tells under the name of its feed."""
    return activity.removeprefix("activities:")


def _header(text: str) -> list[str]:
    return next(csv.reader(text.splitlines()), [])


def _quoted(cell: str) -> str:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(mark in cell for mark in ',"\r\n') else cell
