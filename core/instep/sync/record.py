"""Recording: what was decided, and what came back, as rows of the state. Everything here is inside a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instep.model.entities import Kind
from instep.model.values import Scalar, decode, encode
from instep.sync.conflicts import conflict_rows, store_conflicts
from instep.sync.decisions import Decisions
from instep.sync.fields import consent_flag, ends
from instep.sync.ledger import Ref
from instep.sync.match import Matches, is_anywhere
from instep.sync.overrides import store_heard
from instep.sync.pull import wanted_fields
from instep.sync.refusals import bury
from instep.sync.session import Session
from instep.sync.state import EntityState, JourneyState, RecordState, claim_row, entity_row

_PENDING = ("entity", "past", "base", "journey", "claim", "conflict")


class Recording:
    """The decisions of a run, kept aside until apply stores them with its first journal row.

    They wait in temporary tables of the state's own connection: memory stays flat, however many there are, and a
    run that only plans leaves nothing behind.
    """

    def __init__(self, session: Session) -> None:
        self._store = session.store
        self.related: list[tuple[str, str, frozenset[str], frozenset[str]]] = []
        self.questions: list[tuple[str, str, str, str]] = []
        self.resolved: dict[int, str | None] = {}
        self.overridden: set[int] = set()
        self.ended: list[tuple[Any, ...]] = []
        """Evidence that counts no more."""
        self.held: list[tuple[Any, ...]] = []
        """What successors inherit of what a person took back."""
        self.nothing_left: set[str] = set()
        """Entities whose every change turned out to be impossible: they are not waiting for a write."""
        with self._store.aside():
            for name in _PENDING:
                self._store.run(f"CREATE TEMP TABLE pending_{name} AS SELECT * FROM {name} WHERE 0")  # noqa: S608

    def take(self, session: Session, decisions: Decisions, states: Sequence[EntityState], to_write: set[str]) -> None:
        """Keep what was decided of these entities. `to_write` are those with changes still to be written."""
        bases = [_base_row(session, decisions, record) for state in states for record in state.records]
        with self._store.aside():
            self._put("entity", [entity_row(state, session.run, state.id in to_write) for state in states])
            self._put("past", [row for state in states for row in _past_rows(state)])
            self._put("base", bases)
            self._put("conflict", [row for state in states for row in conflict_rows(session, state)])
            self._put_journeys(session, [j for s in states for j in _own_journeys(decisions, s)])
        heirs = [record for state in states for record in state.records if record.ref in decisions.matches.moved]
        self.held += [row for record in heirs for row in _held(session, record)]
        for state in states:
            self.resolved |= state.resolved
            self.overridden |= state.overridden
            for name in {*state.relations, *state.relations_before}:
                before, now = state.relations_before.get(name, frozenset()), state.relations.get(name, frozenset())
                if before != now:
                    self.related.append((state.id, name, before - now, now - before))
            self.questions += [(kind, state.id, connection, text) for kind, connection, text in state.questions]

    def take_rest(self, session: Session, decisions: Decisions) -> None:
        """Keep the journeys that belong to none of the decided entities."""
        with self._store.aside():
            self._put_journeys(session, list(decisions.journeys.values()))

    def _put_journeys(self, session: Session, journeys: Sequence[JourneyState]) -> None:
        self._put("journey", [_journey_row(journey) for journey in journeys])
        self._put("claim", [claim_row(c, j.id, session.run) for j in journeys for c in j.new_claims])
        self.ended += [
            (session.run, j.id, c.at.isoformat(), c.type, c.value, c.source, c.doer)
            for j in journeys
            for c in j.ended
        ]

    def _put(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._store.bulk(f"INSERT INTO pending_{name} VALUES ({marks})", rows)  # noqa: S608  # our own names


def _own_journeys(decisions: Decisions, state: EntityState) -> list[JourneyState]:
    """The journeys that are an entity's own, taken out of the run's memory; an opportunity's stay till the end."""
    ids = decisions.own.pop(state.id, []) if state.kind is Kind.PERSON else []
    return [decisions.journeys.pop(id) for id in ids if id in decisions.journeys]


def _past_rows(state: EntityState) -> list[tuple[Any, ...]]:
    """What was decided before of everything that was decided anew, under the run that had decided it."""
    return [
        (state.id, name, reason.get("run", 0), json.dumps({"value": value, "reason": reason}).encode())
        for name, (value, reason) in state.former.items()
    ]


def _held(session: Session, record: RecordState) -> list[tuple[Any, ...]]:
    """What a person took back of a record, as its table keeps it."""
    return [
        (*record.ref, name, encode({"said": undone.said, "back": undone.back}), session.run)
        for name, undone in record.undone.items()
    ]


def _base_row(session: Session, decisions: Decisions, record: RecordState) -> tuple[Any, ...]:
    heard = dict(record.heard or {})
    if record.frozen:
        flag = consent_flag(record)
        names: Iterable[str] = [flag[0]] if flag else []
    else:
        names = wanted_fields(record.live, record.mapping)
    for name in names:
        if name in record.fields and name not in record.waiting:
            heard[name] = record.fields[name]
    related = dict(record.related_heard or {})
    if not record.frozen:
        for relation in record.mapping.relations:
            if f"@{relation.name}" not in record.waiting:
                related[relation.name] = ends(record, relation, decisions.entity_of)[0]
    sent = {name: value for name, value in record.sent.items() if not record.differs(name)}
    return (*record.ref, encode(heard), encode(sent), json.dumps(related).encode())


def store_decisions(session: Session, recording: Recording, decisions: Decisions) -> None:
    """Store everything that was decided, with the links that match found."""
    store, matches = session.store, decisions.matches
    store.bulk(
        "UPDATE mirror SET entity = ? WHERE connection = ? AND object = ? AND id = ?",
        [(entity, *ref) for ref, entity in matches.links.items()],
    )
    store.run(
        "DELETE FROM question WHERE kind <> 'merge-too' AND subject IN (SELECT id FROM pending_entity)",
    )
    store.run("INSERT OR REPLACE INTO entity SELECT * FROM pending_entity")
    store.bulk("UPDATE entity SET dirty = 0 WHERE id = ?", [(id,) for id in sorted(recording.nothing_left)])
    store.run("INSERT OR REPLACE INTO past SELECT * FROM pending_past")
    store.run("INSERT OR REPLACE INTO base SELECT * FROM pending_base")
    store.run(
        "UPDATE mirror SET dirty = 0 WHERE dirty = 1 AND (connection, object, id) IN "
        "(SELECT connection, object, id FROM pending_base)"
    )
    store.bulk(
        "UPDATE mirror SET dirty = 1 WHERE connection = ? AND related_at IS NULL AND state = 'live'",
        [(name,) for name in sorted(session.stopped)],  # their associations were not read
    )
    store.run("INSERT OR REPLACE INTO journey SELECT * FROM pending_journey")
    store.bulk(
        "UPDATE claim SET ended = ? WHERE journey = ? AND at = ? AND type = ? AND value = ? AND source = ? "
        "AND doer = ?",
        recording.ended,
    )
    store.run(
        "INSERT INTO claim SELECT * FROM pending_claim WHERE true "
        "ON CONFLICT DO UPDATE SET ended = NULL, expires = excluded.expires, note = excluded.note"
    )
    moved = session.workspace.process.moved
    store.bulk("UPDATE journey SET stage = ? WHERE stage = ?", [(new, old) for old, new in moved.items()])
    store.bulk(
        "DELETE FROM relation WHERE entity = ? AND name = ? AND to_entity = ?",
        [(entity, name, end) for entity, name, gone, _ in recording.related for end in gone],
    )
    store.bulk(
        "INSERT OR IGNORE INTO relation VALUES (?, ?, ?)",
        [(entity, name, end) for entity, name, _, new in recording.related for end in new],
    )
    store.bulk("DELETE FROM quarantine WHERE connection = ? AND entity = ? AND action = ?", sorted(decisions.over))
    store.bulk("INSERT OR REPLACE INTO undone VALUES (?, ?, ?, ?, ?, ?)", recording.held)
    store.bulk(
        "DELETE FROM undone WHERE connection = ? AND object = ? AND id = ? AND field = ?", sorted(decisions.released)
    )
    store_conflicts(session, recording.resolved)
    store_heard(store, recording.overridden)
    _store_standing(session, matches)
    _store_departures(session, matches)
    _store_questions(session, recording, matches)
    store.set_meta("decided_at", session.at.isoformat())
    store.bump("serial")


_DECIDED = "(SELECT connection || '/' || object || '/' || id FROM pending_base UNION SELECT id FROM pending_entity)"


def _store_standing(session: Session, matches: Matches) -> None:
    """Keep what stays so until somebody changes a record or a file: it is said in every run until then."""
    store = session.store
    store.run(f"DELETE FROM standing WHERE subject IN {_DECIDED}")  # noqa: S608  # our own text
    store.bulk("DELETE FROM standing WHERE subject = ?", [(str(ref),) for ref in matches.links])
    gone = [str(ref) for lost in matches.gone.values() for ref, _ in lost]
    store.bulk("DELETE FROM standing WHERE subject = ?", [(subject,) for subject in gone])
    store.bulk(
        "INSERT OR REPLACE INTO standing (subject, code, text, connection, remedy) VALUES (?, ?, ?, ?, ?)",
        [(*key, *value) for key, value in session.ledger.standing.items()],
    )


def recall_standing(session: Session) -> None:
    """Say again what earlier runs said of everything that this run did not decide."""
    for row in session.store.rows(
        f"SELECT subject, code, text, connection, remedy FROM standing WHERE subject NOT IN {_DECIDED}"  # noqa: S608
    ):
        session.ledger.recall(*row)


def _journey_row(journey: JourneyState) -> tuple[Any, ...]:
    position = journey.position
    return (
        journey.id,
        journey.entity,
        journey.kind,
        position.stage,
        position.since.isoformat() if position.since else None,
        position.outcome.value if position.outcome else None,
        position.closed_at.isoformat() if position.closed_at else None,
        journey.opened_at.isoformat(),
        journey.segment,
        journey.continues_as,
        journey.half.value if journey.half else None,
        position.detour,
        position.detour_since.isoformat() if position.detour_since else None,
        position.proven,
    )


def _store_departures(session: Session, matches: Matches) -> None:
    for entity, lost in matches.gone.items():
        for ref, state in lost:
            heir = any(p == ref and matches.links.get(h) == entity for h, p in matches.moved.items())
            if not heir and not is_anywhere(session, ref.connection, entity):
                bury(session, ref.connection, entity, state)
            session.store.run("UPDATE mirror SET dirty = 0 WHERE connection = ? AND object = ? AND id = ?", ref)
    session.store.run("UPDATE mirror SET dirty = 0 WHERE dirty = 1 AND state <> 'live' AND entity IS NULL")
    session.store.bulk("DELETE FROM tombstone WHERE connection = ? AND entity = ?", sorted(matches.lifted))


def _store_questions(session: Session, recording: Recording, matches: Matches) -> None:
    store = session.store
    answered = [(str(ref),) for ref in matches.links]
    store.bulk("DELETE FROM question WHERE subject = ? AND kind <> 'merge-too'", answered)
    rows: list[tuple[Any, ...]] = [
        (kind, subject, connection, text, None, session.run)
        for kind, subject, connection, text in recording.questions
    ]
    rows += [
        (q.kind, q.subject, q.connection, q.text, json.dumps(q.detail).encode(), session.run)
        for q in matches.questions
    ]
    store.bulk("INSERT OR REPLACE INTO question VALUES (?, ?, ?, ?, ?, ?)", rows)


# --- what came back --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    ref: Ref
    entity: str


def store_written(
    session: Session,
    record: Record,
    *,
    sent: Mapping[str, Scalar],
    returned: Mapping[str, Scalar],
    modified_at: datetime | None,
    heard: Mapping[str, Scalar] | None = None,
    blank: Iterable[str] = (),
) -> dict[str, Scalar]:
    """Put what a write left behind into the mirror and the base; returns what the record holds now.

    `blank` names the fields that a new record has and that were not sent: they begin blank, so that whatever a
    default or an automation puts there is heard as an edit.

    The fields that we sent are heard as they came back. Any other field that came back different was changed by a
    colleague meanwhile: the record is dirty, and that value speaks in the next run.
    """
    row = session.store.row(
        "SELECT fields, modified_at FROM mirror WHERE connection = ? AND object = ? AND id = ?", record.ref
    )
    before = decode(row[0]) if row else {}
    unsent = {name: None for name in blank if name not in sent}
    now = {**unsent, **before, **sent, **returned}
    written = dict(heard) if heard is not None else {name: now[name] for name in sent}
    written |= {name: None for name in unsent if row is None}
    others = [name for name in returned if name not in written and name in before and before[name] != returned[name]]
    modified = modified_at.isoformat() if modified_at else (row[1] if row else session.at.isoformat())
    session.store.run(
        "INSERT INTO mirror (connection, object, id, fields, modified_at, entity, dirty, related_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (connection, object, id) DO UPDATE SET "
        "fields = excluded.fields, modified_at = excluded.modified_at, entity = excluded.entity, state = 'live', "
        "dirty = max(mirror.dirty, excluded.dirty)",
        (*record.ref, encode(now), modified, record.entity, int(bool(others)), session.at.isoformat()),
    )
    base = session.store.row(
        "SELECT heard, sent FROM base WHERE connection = ? AND object = ? AND id = ?", record.ref
    )
    known = decode(base[0]) if base else {}
    sent_before = decode(base[1]) if base and base[1] else {}
    session.store.run(
        "INSERT INTO base (connection, object, id, heard, sent, related) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (connection, object, id) DO UPDATE SET heard = excluded.heard, sent = excluded.sent",
        (*record.ref, encode({**known, **written}), encode({**sent_before, **sent}), b"{}"),
    )
    return now


def confirm_earlier(session: Session, record: Record) -> None:
    """A record is there: what an earlier run sent to create it took effect, though it could not be found since."""
    connection, object, id = record.ref
    session.store.run(
        "UPDATE journal SET state = 'confirmed', record = ? WHERE connection = ? AND object = ? AND entity = ? "
        "AND action = 'create' AND state = 'resolved' AND record IS NULL",
        (id, connection, object, record.entity),
    )
