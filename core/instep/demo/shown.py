"""What every system shows of one buyer or deal, as its vendor's own client library reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from instep.demo.compare import table_of, users_of
from instep.demo.exports import FOLDER
from instep.demo.hands import Held
from instep.demo.part import Part
from instep.mapping.compiled import EntityMapping, Workspace
from instep.mapping.translate import Directory
from instep.model.values import Scalar

KEYS = ("email", "reference")


@dataclass(frozen=True, slots=True)
class Shown:
    """One record: the stage in its system's own word (None where it has none), Instep's exact one, and the score."""

    connection: str
    word: str | None
    stage: str | None
    score: str | None
    is_told_rightly: bool
    """Whether the word is the one that the files have for the stage."""


def shown(part: Part, key: str) -> tuple[Shown, ...]:
    """Every record of the buyer with this address, or of the deal with this reference."""
    return tuple(_shown(part.workspace, connection, held) for connection, _, held in _records(part, key))


def is_everywhere_at(part: Part, key: str, stage: str) -> bool:
    """Whether every system has one record of this key, at this stage."""
    found = shown(part, key)
    connections = sorted(one.connection for one in found)
    return connections == sorted([FOLDER, *part.running]) and all(
        one.stage == stage and one.is_told_rightly for one in found
    )


def opted_out(part: Part, key: str) -> tuple[str, ...]:
    """The systems that show the buyer with this address as one who wants no mail."""
    return tuple(connection for connection, _, held in _records(part, key) if held.opted_out)


def owners(part: Part, key: str) -> dict[str, str]:
    """Who owns the buyer with this address, by name, in every system that has an owner or a place for a name."""
    found: dict[str, str] = {}
    for connection, mapping, held in _records(part, key):
        raw = _value(mapping, held, "owner")
        owner = _directory(part, connection).owner_of(raw) if raw else None
        known = part.workspace.team.owner(owner) if isinstance(owner, str) else None
        found[connection] = known.name if known else "nobody"
    return found


def _directory(part: Part, connection: str) -> Directory:
    with closing(sqlite3.connect(f"file:{part.workspace.store}?mode=ro", uri=True)) as store:
        return Directory(connection, part.workspace.team, *users_of(store, connection))


def in_words(found: tuple[Shown, ...]) -> str:
    """Where everybody sees the buyer, system by system."""
    return ", ".join(f"{one.connection} {one.word or one.stage or 'nothing'}" for one in found)


def _records(part: Part, key: str) -> Iterator[tuple[str, EntityMapping, Held]]:
    for connection, records in part.held().items():
        for held in records:
            mapping = part.workspace.mappings[connection].objects[held.object]
            if key in _keys(mapping, held):
                yield connection, mapping, held


def _keys(mapping: EntityMapping, held: Held) -> set[str]:
    found = {name: value for name in KEYS if (value := _value(mapping, held, name))}
    return {value.lower() if name == "email" else value for name, value in found.items()}


def _value(mapping: EntityMapping, held: Held, name: str) -> str | None:
    mapped = mapping.mapped(name)
    return held.fields.get(mapped.field) if mapped is not None else None


def _shown(workspace: Workspace, connection: str, held: Held) -> Shown:
    mapping = workspace.mappings[connection].objects[held.object]
    fields: dict[str, Scalar] = dict(held.fields)
    stage, score = (_value(mapping, held, name) for name in ("instep_stage", "score"))
    table = table_of(mapping, fields)
    raw = held.fields.get(table.field) if table is not None else None
    if table is None or table.field not in fields:
        return Shown(connection, None, stage, score, True)
    wanted = table.put(stage, workspace.process)
    return Shown(connection, table.word(raw) if raw else None, stage, score, wanted in (None, raw))
