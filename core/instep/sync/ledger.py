"""The account of a run: what became of every record, and what people should know.

Nothing is presumed: a record counts as unaccounted until a step of the run says what became of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from instep.model.values import Scalar, display

PENDING, UNCHANGED, WRITTEN, SKIPPED, QUARANTINED = range(5)


class Ref(NamedTuple):
    """The opaque identity of a record."""

    connection: str
    object: str
    id: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.object}/{self.id}"


def target(connection: str, object: str, record: str | None, entity: str) -> Ref:
    """The record that a write is about: of one that is yet to be made, its entity stands in."""
    return Ref(connection, object, record or f"(new: {entity})")


@dataclass(slots=True)
class Note:
    """One cause that a person should know of, however many records it touches."""

    code: str
    connection: str
    text: str
    remedy: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "connection": self.connection,
            "text": self.text,
            "remedy": self.remedy,
            "count": self.count,
            "examples": self.examples,
        }


class Ledger:
    """What became of every record that a run looked at."""

    def __init__(self) -> None:
        self._fate: dict[Ref, tuple[int, str]] = {}
        self._actions: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._notes: dict[tuple[str, str, str], Note] = {}
        self.standing: dict[tuple[str, str, str], tuple[str, str]] = {}
        """(subject, code, text) to (connection, remedy) of what is so until a record or a file is changed."""
        self.conflicts: Counter[str] = Counter()
        self.hears: Callable[[str, str, str], None] = lambda code, connection, record: None
        """Told of the code, the connection and the record of every note."""

    def look(self, ref: Ref) -> None:
        """A record is looked at; somebody has to say what becomes of it."""
        if self._fate.get(ref, (UNCHANGED,))[0] == UNCHANGED:
            self._fate[ref] = (PENDING, "")

    def unchanged(self, ref: Ref) -> None:
        if self._fate.get(ref, (PENDING,))[0] == PENDING:
            self._fate[ref] = (UNCHANGED, "")

    def skip(self, ref: Ref, reason: str) -> None:
        if self._fate.get(ref, (PENDING,))[0] <= UNCHANGED:
            self._fate[ref] = (SKIPPED, reason)

    def skip_pending(self, reason: str) -> None:
        """Say of every record that nothing else was said of why it is left for another run."""
        for ref, (fate, _) in self._fate.items():
            if fate == PENDING:
                self._fate[ref] = (SKIPPED, reason)

    def quarantine(self, ref: Ref, reason: str) -> None:
        self._fate[ref] = (QUARANTINED, reason)

    def wrote(self, connection: str, object: str, action: str, ref: Ref | None) -> None:
        """A write took effect. `ref` is the record that was known before, or None for a new one."""
        self._actions[connection][(object, action)] += 1
        if ref is not None and self._fate.get(ref, (PENDING,))[0] != QUARANTINED:
            self._fate[ref] = (WRITTEN, action)

    def note(self, code: str, connection: str, text: str, remedy: str, example: str = "") -> None:
        """Say something once, and count how often it is so."""
        note = self._notes.setdefault((code, connection, text), Note(code, connection, text, remedy))
        note.count += 1
        self.hears(code, connection, example)
        if example:
            self.standing[(example, code, text)] = (connection, remedy)
            if len(note.examples) < 3 and example not in note.examples:
                note.examples.append(example)

    def recall(self, subject: str, code: str, text: str, connection: str, remedy: str) -> None:
        """Say again what an earlier run said of a record that this run did not look at."""
        if (subject, code, text) not in self.standing:
            self.note(code, connection, text, remedy, subject)

    @property
    def notes(self) -> list[Note]:
        return [self._notes[key] for key in sorted(self._notes)]

    def account(self, connections: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """The counts of every connection, for `sync --json`."""
        return {name: self._account(name) for name in connections}

    @property
    def unaccounted(self) -> int:
        return sum(fate == PENDING for fate, _ in self._fate.values())

    @property
    def rejected(self) -> int:
        return sum(fate == QUARANTINED for fate, _ in self._fate.values())

    @property
    def written(self) -> int:
        return sum(sum(actions.values()) for actions in self._actions.values())

    def _account(self, name: str) -> dict[str, Any]:
        fates = [(fate, reason) for ref, (fate, reason) in self._fate.items() if ref.connection == name]
        written: dict[str, dict[str, int]] = defaultdict(dict)
        for (object, action), count in sorted(self._actions[name].items()):
            written[object][action] = count
        quarantined = Counter(reason for fate, reason in fates if fate == QUARANTINED)
        return {
            "seen": len(fates),
            "unchanged": sum(fate == UNCHANGED for fate, _ in fates),
            "changed": sum(fate == WRITTEN for fate, _ in fates),
            "written": dict(written),
            "skipped": dict(sorted(Counter(reason for fate, reason in fates if fate == SKIPPED).items())),
            "quarantined": dict(sorted(quarantined.items())),
            "conflicts": self.conflicts[name],
            "unaccounted": sum(fate == PENDING for fate, _ in fates),
        }


def quoted(value: Scalar) -> str:
    """A vendor's value inside a sentence: short, and with nothing that a terminal would obey."""
    text = display(value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
