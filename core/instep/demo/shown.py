"""What every system shows of one buyer or deal, as its vendor's own client library reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from instep.demo.compare import table_of
from instep.demo.exports import FOLDER, read_exports
from instep.demo.hands import Held
from instep.demo.part import Part
from instep.mapping.compiled import EntityMapping, Workspace
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
    return tuple(
        _shown(part.workspace, connection, held)
        for connection, held in _every(part)
        if key in _keys(part.workspace.mappings[connection].objects[held.object], held)
    )


def is_everywhere_at(part: Part, key: str, stage: str) -> bool:
    """Whether every system has one record of this key, at this stage."""
    found = shown(part, key)
    connections = sorted(one.connection for one in found)
    return connections == sorted([FOLDER, *part.sandboxes]) and all(
        one.stage == stage and one.is_told_rightly for one in found
    )


def in_words(found: tuple[Shown, ...]) -> str:
    """Where everybody sees the buyer, system by system."""
    return ", ".join(f"{one.connection} {one.word or one.stage or 'nothing'}" for one in found)


def _every(part: Part) -> Iterator[tuple[str, Held]]:
    for held in read_exports(part.folder / FOLDER):
        yield FOLDER, held
    for name, sandbox in part.sandboxes.items():
        for held in sandbox.demo.read_back():
            yield name, held


def _keys(mapping: EntityMapping, held: Held) -> set[str]:
    return {str(value) for name in KEYS if (value := _value(mapping, held, name))}


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
