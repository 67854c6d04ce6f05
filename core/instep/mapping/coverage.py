"""Which stage shows as what in which system, and which shows as nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.model.process import Process
from instep.model.stagetable import StageTable


@dataclass(frozen=True, slots=True)
class Shown:
    """What a system shows for a stage. `stands_for` is an earlier stage where this one has no value of its own."""

    value: str | None
    stands_for: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "—"
        return f"→ {self.value}" if self.stands_for else self.value


@dataclass(frozen=True, slots=True)
class Column:
    """One stage table: of one connection, one kind and, where there are several, one pipeline."""

    connection: str
    kind: Kind | None
    pipeline: str | None
    cells: Mapping[str, Shown]

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.connection, self.kind, self.pipeline) if part)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The matrix: stages in order, and a column per stage table."""

    stages: tuple[str, ...]
    columns: tuple[Column, ...]

    def holes(self) -> tuple[tuple[str, str], ...]:
        """Every (stage, connection) where no table of the connection shows anything for the stage."""
        return tuple(hole for connection in self.connections() for hole in self._holes_of(connection))

    def degraded(self) -> tuple[tuple[str, str, str], ...]:
        """Every (stage, connection, earlier stage) that is shown as an earlier one by all its tables there."""
        return tuple(
            (stage, connection, best.stands_for)
            for connection in self.connections()
            for stage in self.stages
            if (best := self._best(stage, connection)).stands_for
        )

    def connections(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(column.connection for column in self.columns))

    def share(self, connection: str) -> tuple[int, int]:
        """How many stages a connection spells itself, of how many."""
        bests = [self._best(stage, connection) for stage in self.stages]
        return sum(best.value is not None and best.stands_for is None for best in bests), len(bests)

    def as_json(self) -> dict[str, Any]:
        return {
            "stages": list(self.stages),
            "columns": [_column_json(column) for column in self.columns],
            "holes": [{"stage": stage, "connection": connection} for stage, connection in self.holes()],
        }

    def _holes_of(self, connection: str) -> Iterator[tuple[str, str]]:
        for stage in self.stages:
            if self._best(stage, connection).value is None:
                yield stage, connection

    def _best(self, stage: str, connection: str) -> Shown:
        shown = [column.cells[stage] for column in self.columns if column.connection == connection]
        return min(shown, key=lambda cell: (cell.value is None, cell.stands_for is not None))


def coverage_of(workspace: Workspace) -> Coverage:
    """The matrix of a workspace. A connection that keeps no stages has one empty column."""
    process = workspace.process
    stages = tuple(process.order())
    columns = [column for name in workspace.mappings for column in _columns(workspace, name, stages)]
    return Coverage(stages, tuple(columns))


def _columns(workspace: Workspace, connection: str, stages: tuple[str, ...]) -> list[Column]:
    process = workspace.process
    found = [
        Column(connection, kind, table.pipeline, {stage: _shown(table, stage, process) for stage in stages})
        for kind, entity in sorted(workspace.mappings[connection].entities.items())
        for table in entity.tables()
    ]
    return found or [Column(connection, None, None, {stage: Shown(None) for stage in stages})]


def _shown(table: StageTable, stage: str, process: Process) -> Shown:
    listed = process.at_or_before(stage, table.values)
    if listed is None:
        return Shown(None)
    return Shown(table.word(table.values[listed]), None if listed == stage else listed)


def _column_json(column: Column) -> dict[str, Any]:
    return {
        "connection": column.connection,
        "kind": column.kind,
        "pipeline": column.pipeline,
        "cells": {
            stage: {"value": cell.value, "stands_for": cell.stands_for} for stage, cell in column.cells.items()
        },
    }
