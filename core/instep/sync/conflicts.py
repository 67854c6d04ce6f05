"""Conflicts in the state: stored with the decisions, once each, and kept; read by people and by the next run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.model.conflict import Conflict, Resolution, voice_of, voice_row
from instep.model.entities import Kind
from instep.model.values import Scalar, decode
from instep.store import Store
from instep.sync.session import Session
from instep.sync.state import EntityState

SETTLED = "nobody disagrees any more"
ANEW = "it was decided anew since"
STATES = ("open", "decided", "resolved")
_COLUMNS = "id, entity, kind, field, state, rule, winner, losers, journey, run, at, resolution, pending"


@dataclass(frozen=True, slots=True)
class Kept:
    """A conflict as the state keeps it."""

    id: int
    entity: str
    kind: Kind
    state: str
    conflict: Conflict
    run: int
    at: datetime
    resolution: Mapping[str, Any] | None
    pending: bool

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.conflict.field}"


# --- a run -----------------------------------------------------------------------------------------------------


def waiting_resolutions(store: Store, entities: Sequence[str]) -> Iterator[tuple[str, Resolution]]:
    """What people decided of these entities, and no run has heard yet."""
    rows = store.among(f"SELECT {_COLUMNS} FROM conflict WHERE pending = 1 AND entity IN (?)", entities)  # noqa: S608
    for kept in map(_kept, rows):
        said = kept.resolution or {}
        at = datetime.fromisoformat(said["at"])
        yield kept.entity, Resolution(kept.id, kept.conflict, voice_of(said["voice"]), at)


def conflict_rows(session: Session, state: EntityState) -> Iterator[tuple[Any, ...]]:
    """What was said of an entity and not taken, as its table keeps it."""
    for conflict in state.conflicts.values():
        winner = json.dumps(voice_row(conflict.winner)).encode() if conflict.winner else None
        losers = json.dumps([voice_row(voice) for voice in conflict.losers]).encode()
        said = (state.id, state.kind.value, conflict.field, conflict.state, conflict.rule, winner, losers)
        yield (None, *said, conflict.journey, conflict.digest, session.run, session.at.isoformat(), None, 0)


def store_conflicts(session: Session, resolved: Mapping[int, str | None]) -> None:
    """Keep every conflict of this run, inside its transaction: the same one is not kept twice, and none is lost.

    `resolved` are the decisions of people that this run heard, each with why it was not carried out.
    """
    store, run = session.store, session.run
    store.bulk(
        "UPDATE conflict SET pending = 0, "
        "resolution = json_set(CAST(resolution AS TEXT), '$.run', ?, '$.not_done', ?) WHERE id = ?",
        [(run, why, id) for id, why in resolved.items()],
    )
    again = "state = p.state, rule = p.rule, winner = p.winner, losers = p.losers, run = p.run, at = p.at"
    store.run(f"UPDATE conflict SET {again} FROM pending_conflict p WHERE {_SAME}")  # noqa: S608  # our own text
    store.run(f"DELETE FROM pending_conflict AS p WHERE EXISTS (SELECT 1 FROM conflict WHERE {_SAME})")  # noqa: S608
    settle = "UPDATE conflict SET state = 'resolved', resolution = ? WHERE state = 'open' AND run <> ? AND "
    store.run(settle + _ASKED_ANEW, (_by(ANEW, run), run))
    store.run(settle + _ASKED_NO_MORE, (_by(SETTLED, run), run))
    store.run("INSERT INTO conflict SELECT * FROM pending_conflict")


_SAME = (
    "conflict.entity = p.entity AND conflict.field = p.field AND conflict.digest = p.digest "
    "AND conflict.state <> 'resolved' AND conflict.id = "
    "(SELECT max(c.id) FROM conflict c WHERE c.entity = p.entity AND c.field = p.field)"
)
_ASKED_ANEW = "(entity, field) IN (SELECT entity, field FROM pending_conflict)"
_ASKED_NO_MORE = "(winner IS NULL OR field = 'stage') AND entity IN (SELECT id FROM pending_entity)"


def _by(why: str, run: int) -> bytes:
    return json.dumps({"settled": why, "run": run}).encode()


# --- reading ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conflicts to read; all of them unless it is said otherwise."""

    entities: Sequence[str] | None = None
    states: Sequence[str] = STATES
    run: int | None = None
    id: int | None = None
    kind: Kind | None = None
    field: str | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """The same as SQL, and what stands for its marks."""
        parts = [_among("state", self.states)]
        if self.entities is not None:
            parts.append(_among("entity", self.entities))
        named = {"run": self.run, "id": self.id, "kind": self.kind, "field": self.field}
        parts += [_among(name, [value]) for name, value in named.items() if value is not None]
        return " AND ".join(part for part, _ in parts), [value for _, values in parts for value in values]


def _among(name: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    return f"{name} IN ({', '.join('?' * len(values))})", [str(v) if isinstance(v, Kind) else v for v in values]


def read_conflicts(store: Store, wanted: Wanted = Wanted(), limit: int = -1) -> list[Kept]:
    """Conflicts, the open ones first, then the latest."""
    where, given = wanted.condition()
    order = "ORDER BY state <> 'open', id DESC LIMIT ?"
    rows = store.rows(f"SELECT {_COLUMNS} FROM conflict WHERE {where} {order}", (*given, limit))  # noqa: S608
    return [_kept(row) for row in rows]


def count_conflicts(store: Store, wanted: Wanted) -> dict[str, int]:
    """How many there are, by state."""
    where, given = wanted.condition()
    rows = store.rows(f"SELECT state, count(*) FROM conflict WHERE {where} GROUP BY state", given)  # noqa: S608
    return dict(rows)


def count_open(store: Store) -> int:
    """How many wait for a person."""
    return count_conflicts(store, Wanted(states=("open",))).get("open", 0)


def _kept(row: tuple[Any, ...]) -> Kept:
    id, entity, kind, field, state, rule, winner, losers, journey, run, at, resolution, pending = row
    conflict = Conflict(
        field,
        rule,
        voice_of(json.loads(winner)) if winner else None,
        tuple(voice_of(loser) for loser in json.loads(losers)),
        state == "open",
        journey or "",
    )
    told = json.loads(resolution) if resolution else None
    return Kept(id, entity, Kind(kind), state, conflict, run, datetime.fromisoformat(at), told, bool(pending))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about who is who, and what to do."""

    id: str
    kind: str
    subject: str
    connection: str
    text: str
    remedy: str
    run: int


def read_questions(store: Store) -> list[Asked]:
    """What waits for a person beside conflicts: which records are the same."""
    rows = store.rows("SELECT kind, subject, connection, text, run FROM question ORDER BY kind, subject, connection")
    return [
        Asked(question_id(kind, subject, connection), kind, subject, connection, text, _REMEDIES[kind], run)
        for kind, subject, connection, text, run in rows
        if kind in _REMEDIES
    ]


def question_id(kind: str, subject: str, connection: str) -> str:
    """A short name for a question, the same in every run."""
    return "q-" + hashlib.sha256(f"{kind}/{subject}/{connection}".encode()).hexdigest()[:8]


_REMEDIES = {
    "ambiguous": "In that system, give one of the records another key, merge them, or delete one; then sync.",
    "merge-too": "Merge the two records in the other systems too, and sync; or keep them apart: "
    "instep conflicts resolve ID --keep-apart",
}


def current_value(store: Store, entity: str, field: str, journey: str) -> Scalar:
    """What holds now, by the state."""
    if field == "stage":
        held = "SELECT CASE WHEN closed_at IS NULL THEN stage ELSE outcome END FROM journey WHERE id = ?"
        row = store.row(held, (journey,))
        return str(row[0]) if row and row[0] else None
    row = store.row("SELECT to_entity FROM relation WHERE entity = ? AND name = ?", (entity, field))
    if row is not None:
        return str(row[0])
    kept = store.row("SELECT fields FROM entity WHERE id = ?", (entity,))
    return decode(kept[0]).get(field) if kept else None
