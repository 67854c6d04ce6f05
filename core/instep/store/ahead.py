"""Reading ahead: a state that is not in memory is read by several readers at once, not page by page."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

from instep.store.store import Store

READERS = 8
"""So many read at once: a disk answers eight questions hardly later than one."""
PORTION = 20
"""So many entities are asked about at a time."""
SLOW = 0.001
"""Seconds for one entity from which on the disk is what a reader waits for; from memory it is a quarter of that."""

_OF_RECORDS = """
SELECT sum(length(m.fields)), sum(length(b.heard)), count(t.entity) FROM mirror m
LEFT JOIN base b ON b.connection = m.connection AND b.object = m.object AND b.id = m.id
LEFT JOIN association a ON a.connection = m.connection AND a.object = m.object AND a.id = m.id
LEFT JOIN mirror t ON t.connection = a.connection AND t.object = a.to_object AND t.id = a.to_id
WHERE m.entity IN (?)
"""
_OF_ACTS = """
SELECT sum(length(b.key)), count(o.record) FROM mirror m
CROSS JOIN behaviour_subject s ON s.connection = m.connection AND s.object = m.object AND s.record = m.id
CROSS JOIN behaviour b ON b.connection = s.connection AND b.id = s.behaviour
CROSS JOIN behaviour_subject o ON o.connection = s.connection AND o.behaviour = s.behaviour
WHERE m.entity IN (?)
"""
ASKED = (
    "SELECT sum(length(fields)) FROM entity WHERE id IN (?)",
    "SELECT count(to_entity) FROM relation WHERE entity IN (?)",
    "SELECT count(entity) FROM relation WHERE to_entity IN (?)",
    _OF_RECORDS,
    _OF_ACTS,
    "SELECT sum(length(c.note)) FROM journey j JOIN claim c ON c.journey = j.id WHERE j.entity IN (?)",
    "SELECT count(journey) FROM claim WHERE doer <> '' AND doer IN (?)",
)
"""Whatever deciding an entity reads of it, without the answers."""


def read_ahead(store: Store, entities: Sequence[str], clock: Callable[[], float] = time.perf_counter) -> int:
    """Have the system fetch what deciding these entities will read; returns of how many.

    Nothing more is read as soon as a few of them come from memory. `clock` gives seconds.
    """
    first, rest = entities[:PORTION], entities[PORTION:]
    if not rest:
        return 0
    began = clock()
    _read(store, [first])
    if clock() - began < SLOW * len(first):
        return len(first)
    portions = [rest[start : start + PORTION] for start in range(0, len(rest), PORTION)]
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(lambda reader: _read(store, portions[reader::READERS]), range(READERS)))
    return len(entities)


def _read(store: Store, portions: Sequence[Sequence[str]]) -> None:
    uri = f"{store.path.absolute().as_uri()}?mode=ro"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(uri, uri=True)) as raw:  # it is only an attempt
        for portion in portions:
            for statement in ASKED:
                raw.execute(statement.replace("(?)", f"({','.join('?' * len(portion))})"), portion).fetchall()
