"""A state of very many buyers: a few thousand are synced by the engine itself, then their rows are multiplied.

Each copy of a block has ids, addresses, phone numbers and instants of its own, the same wherever they stand. So every
row is what the engine would have left; only what people differ in otherwise repeats from block to block. The journal
is not multiplied: nothing reads the writes that are over.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.buyerfiles import write_files
from bench.buyers import BLOCK, DIAL, NOW, TICK, connector, three_systems
from bench.workspaces import AT_ONCE, Pace
from instep.mapping.compiled import Workspace
from instep.mapping.load import load_workspace
from instep.model.entities import Kind
from instep.store import Store
from instep.sync.run import sync
from instep.sync.transport import World

IN_A_BLOCK = 2_000
TABLES = (
    "entity", "mirror", "base", "association", "key", "relation", "journey", "claim", "behaviour",
    "behaviour_subject",
)  # fmt: skip
_OURS = re.compile("in_[a-z2-7]{20}")
RESTLESS = 0.001
"""The share of persons of whom something changed or waits."""


def multiplied(root: Path, persons: int, restless: float = RESTLESS) -> Workspace:
    """The workspace in `root`, made if it is not there, with so many persons or a few more."""
    if not (root / "made.txt").exists():
        in_a_block = min(persons, IN_A_BLOCK)
        workspace = _synced(root, in_a_block)
        _multiply(workspace.store, -(-persons // in_a_block))
        _stir(workspace.store, restless)
        (root / "made.txt").write_text(f"{persons}\n")
    return load_workspace(root)


def world() -> World:
    """A world in which the connections of such a workspace can be opened."""
    plugin = connector(three_systems(0, lambda: NOW))
    return World(clock=lambda: NOW, find_plugin=lambda name: plugin)


def _synced(root: Path, persons: int) -> Workspace:
    """A workspace that was synced until nothing is left to do."""
    pace = Pace(NOW, AT_ONCE)
    systems = three_systems(persons, pace.now)
    workspace, plugin = write_files(root, systems), connector(systems)
    for _ in range(4):
        outcome = sync(workspace, pace.world(find_plugin=lambda name: plugin), first_run="apply")
        pace.advance(timedelta(minutes=10))
    if outcome.status != "done" or outcome.plan.changes:
        raise RuntimeError(f"The last run came to {outcome.status}: {outcome.notes}")
    return workspace


# --- multiplying -----------------------------------------------------------------------------------------------


class _Block:
    """The rows of one table, as text in which the marks of a block can be replaced."""

    def __init__(self, raw: sqlite3.Connection, table: str) -> None:
        rows = raw.execute(f"SELECT * FROM {table}").fetchall()  # our own names
        self.insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"
        self._columns = [_Column(values) for values in zip(*rows, strict=True)]

    def copy(self, number: int, ids: dict[str, str]) -> Iterator[tuple[Any, ...]]:
        """The same rows of other buyers."""
        return zip(*(column.copy(number, ids) for column in self._columns), strict=True)


class _Column:
    """One column; what has no mark stays as it is."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values
        self._places = [place for place, value in enumerate(values) if _has_marks(value)]
        self._is_bytes = bool(self._places) and isinstance(values[self._places[0]], bytes)
        self._text = "\n".join(_text(values[place]) for place in self._places)
        self._is_ours = _OURS.search(self._text) is not None

    def copy(self, number: int, ids: dict[str, str]) -> Sequence[Any]:
        if not self._places:
            return self._values
        text = self._text.replace(BLOCK, f"b{number:06d}").replace(DIAL, f"555{number:06d}")
        text = text.replace(TICK, f".{number + 1:06d}+")
        if self._is_ours:
            text = _OURS.sub(lambda found: ids[found[0]], text)
        new: list[Any] = text.encode().split(b"\n") if self._is_bytes else list(text.split("\n"))
        if len(new) == len(self._values):
            return new
        values = list(self._values)
        for place, value in zip(self._places, new, strict=True):
            values[place] = value
        return values


def _has_marks(value: Any) -> bool:
    text = _text(value) if isinstance(value, str | bytes) else ""
    return BLOCK in text or DIAL in text or TICK in text or _OURS.search(text) is not None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _multiply(state: Path, blocks: int) -> None:
    """Copy the rows of a state until there are so many blocks of them."""
    raw = sqlite3.connect(state, isolation_level=None)
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-524288", "locking_mode=EXCLUSIVE"):
        raw.execute(f"PRAGMA {setting}")
    first = [_Block(raw, table) for table in TABLES]
    ours = [id for (id,) in raw.execute("SELECT id FROM entity")]
    for number in range(1, blocks):
        ids = {id: _other(id, number) for id in ours}
        raw.execute("BEGIN")
        for block in first:
            raw.executemany(block.insert, block.copy(number, ids))
        raw.execute("COMMIT")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.close()


def _other(id: str, number: int) -> str:
    """An id like those that the engine derives."""
    digest = hashlib.sha256(f"{id}\x1f{number}".encode()).digest()
    return "in_" + base64.b32encode(digest)[:20].decode().lower()


# --- what is not at rest ---------------------------------------------------------------------------------------


def _stir(state: Path, share: float) -> None:
    """Let something have happened to some: one in three is to be decided, was edited, or waits for somebody."""
    if not share:
        return
    with Store(state) as store, store.transaction("stirred"):
        rows = store.rows("SELECT id FROM entity WHERE kind = ? ORDER BY rowid", (Kind.PERSON.value,))
        chosen = [(id,) for (id,) in rows[:: round(1 / share)]]
        store.bulk("UPDATE entity SET dirty = 1 WHERE id = ?", chosen[::3])
        store.bulk(
            "UPDATE mirror SET dirty = 1, fields = CAST(json_set(fields, '$.title', 'Founder') AS BLOB) "
            "WHERE connection = 'mail' AND object = 'people' AND entity = ?",
            chosen[1::3],
        )
        store.bulk(
            "INSERT INTO conflict (entity, kind, field, state, rule, winner, losers, digest, run, at) "
            "VALUES (?, 'field', 'title', 'open', 'ask', NULL, '[]', '', 1, '2026-03-02T09:00:00+00:00')",
            chosen[2::3],
        )
