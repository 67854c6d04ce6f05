"""What people really did, kept beside the systems: by it the oracle knows whose every value is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..trust.place import Held, Kind

Key = tuple[str, str, str]
"""System, object, id."""
Shot = Mapping[Key, Held]


class Word(NamedTuple):
    """One value that somebody put into one field of one record."""

    number: int
    epoch: int
    """How many runs were through to their end before it."""
    key: Key
    kind: Kind
    name: str
    field: str
    value: str
    linked: bool
    """Whether the record was known to be somebody's by then."""


class Changed(NamedTuple):
    """One field of one record that is not what it was."""

    key: Key
    record: Held
    field: str
    before: str
    after: str


def shot(held: Mapping[str, Sequence[Held]]) -> dict[Key, Held]:
    """Every live record by what it is."""
    return {(system, r.object, r.id): r for system, records in held.items() for r in records}


def changes(before: Shot, after: Shot) -> Iterator[Changed]:
    """Every field that differs; a new record's fields were blank before."""
    for key, record in after.items():
        old = before[key].values if key in before else {}
        for name, value in record.values.items():
            if old.get(name, "") != value:
                yield Changed(key, record, name, old.get(name, ""), value)


@dataclass
class Ghost:
    """Everything that people said, and which names became one."""

    words: list[Word] = field(default_factory=list)
    epoch: int = 0
    gone: set[Key] = field(default_factory=set)
    """Records that somebody deleted, merged away or converted."""
    deleted: set[tuple[str, Kind, str]] = field(default_factory=set)
    """(system, kind, name) that somebody deleted there after it was linked."""
    raced: set[int] = field(default_factory=set)
    """Words over which a run wrote that had read the record just before they were said."""
    out: dict[str, int] = field(default_factory=dict)
    """Person to when they opted out last."""
    welcome: dict[str, int] = field(default_factory=dict)
    """Person to when they said last that mail is welcome."""
    buyers: set[str] = field(default_factory=set)
    """Persons who were ever among the people of an opportunity: they show its stage."""
    _one: dict[tuple[Kind, str], set[str]] = field(default_factory=dict)

    def hear(self, before: Shot, after: Shot, linked: Collection[Key]) -> None:
        """Note what people changed between two looks."""
        for one in changes(before, after):
            what = one.record.kind, one.record.name, one.field, one.after
            self.words.append(Word(len(self.words), self.epoch, one.key, *what, one.key in linked))
            if one.field == "opted_out" and one.after:
                self.out[one.record.name] = len(self.words)
        self.gone |= before.keys() - after.keys()
        self.gone -= after.keys()

    def race(self, changed: Iterable[Changed], since: int) -> None:
        """Note which words, of those said since the run began, it has just written over."""
        for one in changed:
            for word in self.words[since:]:
                if (word.key, word.field, word.value) == (one.key, one.field, one.before):
                    self.raced.add(word.number)

    def join(self, kind: Kind, *names: str) -> None:
        """These became one record somewhere."""
        every = set(names).union(*(self._one.get((kind, name), {name}) for name in names))
        for name in every:
            self._one[kind, name] = every

    def names(self, kind: Kind, name: str) -> set[str]:
        """Whom a record of that name may speak for."""
        return self._one.get((kind, name), {name})

    def said(self, kind: Kind, name: str, field: str) -> list[Word]:
        """What was said of a field, oldest first."""
        names = self.names(kind, name)
        return [w for w in self.words if (w.kind, w.field) == (kind, field) and w.name in names]
