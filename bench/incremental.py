"""Deciding and planning some changed persons among many that are known."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.generated import PERSONS
from bench.known import Known, known
from bench.report import Row
from instep.model.identity import derived_id
from instep.model.values import decode
from instep.store import Store

WITHIN_MS = 250.0


def measure(root: Path, *, persons: int = 100_000, changed: int = 500, rounds: int = 5) -> Iterator[Row]:
    """The median of some rounds, after one that warms up."""
    state = known(root, persons)
    deciding, matching, reading = [], [], []
    for _ in range(rounds + 1):
        numbers = state.change(changed)
        deciding.append(state.seconds("decide", "apply") * 1000)
        matching.append(state.seconds("match", "decide") * 1000)
        reading.append(_point_reads(state, numbers) * 1000)
    size = f"{changed:,} of {persons:,} persons"
    middle = {"decide": deciding, "match": matching, "read": reading}
    found = {name: statistics.median(times[1:]) for name, times in middle.items()}
    yield Row("time: decide and plan", size, found["decide"], "ms", goal=WITHIN_MS)
    yield Row("time: the same", size, found["decide"], "ms", "reading the rows of these persons", found["read"])
    yield Row("time: match before it", size, found["match"], "ms", "reading the rows of these persons", found["read"])


def _point_reads(state: Known, numbers: Sequence[int]) -> float:
    """Seconds that it takes to read and decode the rows of persons by their keys, and nothing else."""
    ids = [derived_id("a", PERSONS, f"a{number % state.a.size}") for number in numbers]
    with Store(state.workspace.store) as store:
        began = time.perf_counter()
        entities = store.among("SELECT fields FROM entity WHERE id IN (?)", ids)
        records = store.among("SELECT connection, id, fields FROM mirror WHERE entity IN (?)", ids)
        for (fields,) in entities:
            decode(fields)
        for _, _, fields in records:
            decode(fields)
        for name in ("a", "b"):
            own = [id for connection, id, _ in records if connection == name]
            statement = "SELECT heard FROM base WHERE connection = ? AND object = ? AND id IN (?)"
            for (heard,) in store.among(statement, own, name, PERSONS):
                decode(heard)
        spent = time.perf_counter() - began
    if (len(entities), len(records)) != (len(ids), 2 * len(ids)):
        raise RuntimeError("Not every person was found: the figures would mean nothing.")
    return spent
