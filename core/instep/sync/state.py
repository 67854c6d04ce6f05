"""Entities and their records as a run holds them while it decides: loaded in one go, stored by apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from instep.mapping.compiled import EntityMapping, FieldMapping
from instep.mapping.translate import Unheard, hear
from instep.model.conflict import Conflict, Resolution
from instep.model.consent import Standing
from instep.model.entities import Kind
from instep.model.journey import Claim, ClaimType, Position
from instep.model.override import Override
from instep.model.process import Half
from instep.model.rules import Facts
from instep.model.values import Scalar, decode, encode
from instep.store import Store
from instep.sync.ledger import Ref
from instep.sync.session import Live, Session


@dataclass(frozen=True, slots=True)
class Undone:
    """What is not said again to a record until it changes, and what the record has instead."""

    said: Scalar
    back: Scalar


@dataclass(slots=True)
class RecordState:
    """A record as the mirror holds it, and what was last heard of it."""

    ref: Ref
    live: Live
    mapping: EntityMapping
    fields: dict[str, Scalar]
    modified_at: datetime
    dirty: bool
    changes: dict[str, str] = field(default_factory=dict)
    """When fields changed, where the system tells."""
    consents: list[list[Any]] = field(default_factory=list)
    """What the system's consent store said when it was asked: scope, state, instant, source, explicit."""
    heard: dict[str, Scalar] | None = None
    """What each field held when a decision last heard it; None for a record that joins."""
    sent: dict[str, Scalar] = field(default_factory=dict)
    undone: dict[str, Undone] = field(default_factory=dict)
    """What a person took back there, by field or "@relation:end"."""
    related: dict[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)
    """Object name to (id, primary) of what the record is associated with."""
    related_heard: dict[str, list[str]] | None = None
    """Relation name to the entities at its other end when a decision last heard it."""
    frozen: bool = False
    """Left the mapping's `include`: keeps its link, only consent is written."""
    waiting: set[str] = field(default_factory=set)
    """Fields whose bases stay, because a person or another system has to act first."""
    masked: set[str] = field(default_factory=set)
    """Fields with an unsettled write: they do not speak."""
    _meant: dict[str, Scalar | Unheard] = field(default_factory=dict, repr=False, compare=False)

    @property
    def connection(self) -> str:
        return self.ref.connection

    @property
    def place(self) -> int:
        """Where the record's object stands among those of its kind."""
        return self.mapping.objects.index(self.ref.object)

    @property
    def joins(self) -> bool:
        return self.heard is None

    def changed_at(self, name: str) -> datetime:
        """When a field got its value: by the system's own history, else when the record was last modified."""
        told = self.changes.get(name)
        return datetime.fromisoformat(told) if told else self.modified_at

    def is_new_to(self, name: str) -> bool:
        """Whether no decision has heard this field of this record yet."""
        return self.heard is None or name not in self.heard

    def means(self, mapped: FieldMapping) -> Scalar | Unheard:
        """What a field of the record, which must hold it, means; worked out once."""
        if mapped.name not in self._meant:
            self._meant[mapped.name] = hear(mapped, self.fields, self.live.directory)
        return self._meant[mapped.name]

    def differs(self, name: str) -> bool:
        """Whether a field holds something else than when a decision last heard it."""
        return self.heard is not None and name in self.heard and self.fields.get(name) != self.heard[name]


@dataclass(slots=True)
class EntityState:
    """An entity, and everything that a decision about it needs."""

    id: str
    kind: Kind
    is_new: bool = False
    values: dict[str, Scalar] = field(default_factory=dict)
    reasons: dict[str, dict[str, Any]] = field(default_factory=dict)
    consent: dict[str, Standing] = field(default_factory=dict)
    score: dict[str, Any] = field(default_factory=dict)
    relations: dict[str, frozenset[str]] = field(default_factory=dict)
    relations_before: dict[str, frozenset[str]] = field(default_factory=dict)
    shown: str | None = None
    """The journey that this person or company shows (an opportunity shows its own)."""
    stage: str | None = None
    """The stage shown."""
    stage_before: str | None = None
    detour: str | None = None
    """Where the journey that is shown waits beside the path."""
    overdue: bool = False
    """Whether the buyer has been at the stage shown for longer than expected."""
    proven: str | None = None
    """The stage by what the buyer did alone, where some system is to be told."""

    segment: str | None = None
    has_opportunity: bool = False
    company: Facts = field(default_factory=dict)
    """What is known of the company of a person or opportunity."""
    due_at: datetime | None = None
    records: list[RecordState] = field(default_factory=list)
    tombstones: set[str] = field(default_factory=set)
    """Connections in which nothing is created for this entity."""
    waits: str | None = None
    """Why nothing is created for it: a candidate waits for a person."""
    former: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    """What this run decided anew: the value before, as JSON has it, and why it was that."""
    changed: set[str] = field(default_factory=set)
    stage_left_alone: dict[Ref, str] = field(default_factory=dict)
    """Records whose stage value is left as it is, and why."""
    stopped: set[str] = field(default_factory=set)
    """Canonical fields that are not written anywhere in this run."""
    questions: list[tuple[str, str, str]] = field(default_factory=list)
    """(kind, connection, text) of what a person has to decide."""
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    """Field or relation to what was said of it in this run, and not taken."""
    resolutions: dict[str, Resolution] = field(default_factory=dict)
    """Field or relation to what a person decided of it, and no run has heard yet."""
    resolved: dict[int, str | None] = field(default_factory=dict)
    """Resolutions that this run heard, each with why it was not carried out; None where it was."""

    overrides: list[Override] = field(default_factory=list)
    """Stages that people set here, and no run has heard yet."""
    overridden: set[int] = field(default_factory=set)
    """Overrides that this run heard."""

    def stand_at(self, position: Position, *, overdue: bool) -> bool:
        """Show where a journey stands; returns whether that is beside the path, or late, otherwise than before."""
        is_other = (self.detour, self.overdue) != (position.detour, overdue)
        self.detour, self.overdue, self.proven = position.detour, overdue, position.proven
        return is_other

    def disagree(self, conflict: Conflict) -> None:
        """Keep what was not taken."""
        known = self.conflicts.get(conflict.field)
        self.conflicts[conflict.field] = conflict if known is None else known.joined_by(conflict.losers)

    def is_decided_by_a_person(self, name: str) -> bool:
        """Whether this run carries out what a person decided of a field."""
        resolution = self.resolutions.get(name)
        return resolution is not None and self.resolved.get(resolution.id, "") is None

    def reason(self, name: str) -> str:
        """The rule by which a field or relation got its value."""
        return str(self.reasons.get(name, {}).get("rule", "canonical value"))

    def because(self, name: str, reason: dict[str, Any], *, before: Any) -> None:
        """Keep why a value is what it is now, and what it was before."""
        if name in self.reasons:
            self.former.setdefault(name, (before, self.reasons[name]))
        self.reasons[name] = reason

    def record_in(self, connection: str) -> RecordState | None:
        return next((record for record in self.records if record.connection == connection), None)

    def is_in(self, connection: str) -> bool:
        return any(record.connection == connection for record in self.records)


@dataclass(slots=True)
class JourneyState:
    """A journey while it is decided."""

    id: str
    entity: str
    kind: str
    opened_at: datetime
    position: Position = field(default_factory=Position)
    claims: list[Claim] = field(default_factory=list)
    new_claims: list[Claim] = field(default_factory=list)
    ended: list[Claim] = field(default_factory=list)
    """Evidence that this run found withdrawn, corrected, or to count for another journey."""
    segment: str | None = None
    continues_as: str | None = None
    half: Half | None = Half.ACQUISITION
    """The half that it began in; None where an edit opened it."""
    active_at: datetime | None = None
    """When one of its buyers last did anything."""
    is_new: bool = False
    folded: tuple[object, Position] | None = None
    """What it was last folded from, and to: it is asked for several times before it changes."""

    def add(self, claim: Claim) -> None:
        """Add a claim, once: hearing it again changes nothing."""
        known = {(c.type, c.value, c.source, c.at) for c in self.claims}
        if (claim.type, claim.value, claim.source, claim.at) not in known:
            self.claims.append(claim)
            self.new_claims.append(claim)

    def amend(self, claim: Claim, told: Claim) -> None:
        """Let a claim say more, or something else, of what it says already."""
        if told != claim:
            self.claims = [told if one == claim else one for one in self.claims]
            self.new_claims = [*(one for one in self.new_claims if one != claim), told]

    def settle(self, doer: str, type: ClaimType, claims: Sequence[Claim]) -> bool:
        """Let what one doer did be exactly these claims; returns whether that is anything new."""
        wanted = {(c.value, c.source, c.at): c for c in claims}
        held = {(c.value, c.source, c.at): c for c in self.claims if c.type == type and c.doer == doer}
        gone = [claim for key, claim in held.items() if key not in wanted]
        new = [claim for key, claim in wanted.items() if key not in held]
        if not gone and not new:
            return False
        self.claims = [claim for claim in self.claims if claim not in gone] + new
        self.ended += [claim for claim in gone if claim not in self.new_claims]
        self.new_claims = [claim for claim in self.new_claims if claim not in gone] + new
        return True


# --- loading ---------------------------------------------------------------------------------------------------


def load_entities(session: Session, ids: Sequence[str], links: Mapping[Ref, str]) -> dict[str, EntityState]:
    """Entities by id, with their live records; `links` are this run's new links, not stored yet."""
    states: dict[str, EntityState] = {}
    for row in session.store.among(
        "SELECT id, kind, fields, reasons, consent, score, shown, segment, due_at FROM entity WHERE id IN (?)", ids
    ):
        states[row[0]] = _entity(row)
    for row in session.store.among("SELECT entity, connection FROM tombstone WHERE entity IN (?)", ids):
        if row[0] in states:
            states[row[0]].tombstones.add(row[1])
    _load_relations(session, states)
    rows = session.store.among(
        "SELECT connection, object, id, fields, modified_at, entity, dirty, changes, consents FROM mirror "
        "WHERE state = 'live' AND entity IN (?)",
        ids,
    )
    linked = [(row[5], row) for row in rows]
    linked += _newly_linked(session, ids, links)
    attach(session, states, linked)
    return states


def _newly_linked(
    session: Session, ids: Sequence[str], links: Mapping[Ref, str]
) -> list[tuple[str, tuple[Any, ...]]]:
    wanted = set(ids)
    by_object: dict[tuple[str, str], list[str]] = {}
    for ref, entity in links.items():
        if entity in wanted:
            by_object.setdefault((ref.connection, ref.object), []).append(ref.id)
    found = []
    for (connection, object), records in by_object.items():
        rows = session.store.among(
            "SELECT connection, object, id, fields, modified_at, entity, dirty, changes, consents FROM mirror "
            "WHERE connection = ? AND object = ? AND state = 'live' AND id IN (?)",
            records,
            connection,
            object,
        )
        found += [(links[Ref(*row[:3])], row) for row in rows]
    return found


def attach(session: Session, states: dict[str, EntityState], linked: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    """Give entities their records, with bases and associations. Creates the entities that are new."""
    by_object: dict[tuple[str, str], dict[str, RecordState]] = {}
    for entity, row in linked:
        live = session.connections.get(row[0])
        mapping = live.mapping.entity_of(row[1]) if live else None
        if live is None or mapping is None:
            continue
        state = states.get(entity)
        if state is None:
            state = states[entity] = EntityState(entity, mapping.kind, is_new=True)
        ref = Ref(*row[:3])
        record = RecordState(ref, live, mapping, decode(row[3]), datetime.fromisoformat(row[4]), bool(row[6]))
        record.changes = msgspec.json.decode(row[7]) if row[7] else {}
        record.consents = msgspec.json.decode(row[8]) if row[8] else []
        state.records.append(record)
        by_object.setdefault((ref.connection, ref.object), {})[ref.id] = record
    for (connection, object), records in by_object.items():
        _load_bases(session, connection, object, records)
        _load_related(session, connection, object, records)
        _load_undone(session, connection, object, records)
    order = {name: place for place, name in enumerate(session.workspace.connection_names)}
    for state in states.values():
        state.records.sort(key=lambda r: (order[r.connection], r.place, r.ref.id))


def _load_bases(session: Session, connection: str, object: str, records: dict[str, RecordState]) -> None:
    for id, heard, sent, related in session.store.among(
        "SELECT id, heard, sent, related FROM base WHERE connection = ? AND object = ? AND id IN (?)",
        list(records),
        connection,
        object,
    ):
        record = records[id]
        record.heard = decode(heard)
        record.sent = decode(sent) if sent else {}
        record.related_heard = msgspec.json.decode(related) if related else None


def _load_related(session: Session, connection: str, object: str, records: dict[str, RecordState]) -> None:
    found: dict[str, dict[str, list[tuple[str, bool]]]] = {}
    for id, to_object, to_id, primary in session.store.among(
        "SELECT id, to_object, to_id, is_primary FROM association WHERE connection = ? AND object = ? AND id IN (?)",
        list(records),
        connection,
        object,
    ):
        found.setdefault(id, {}).setdefault(to_object, []).append((to_id, bool(primary)))
    for id, related in found.items():
        records[id].related = {o: tuple(sorted(ends, key=lambda e: (not e[1], e[0]))) for o, ends in related.items()}


def _load_undone(session: Session, connection: str, object: str, records: dict[str, RecordState]) -> None:
    for id, name, said in session.store.among(
        "SELECT id, field, said FROM undone WHERE connection = ? AND object = ? AND id IN (?)",
        list(records),
        connection,
        object,
    ):
        records[id].undone[name] = Undone(**decode(said))


def undone_of(session: Session, ref: Ref) -> dict[str, Undone]:
    """What a person took back of one record, by field or "@relation:end"."""
    rows = session.store.rows("SELECT field, said FROM undone WHERE connection = ? AND object = ? AND id = ?", ref)
    return {name: Undone(**decode(said)) for name, said in rows}


def _load_relations(session: Session, states: dict[str, EntityState]) -> None:
    for entity, name, to in session.store.among(
        "SELECT entity, name, to_entity FROM relation WHERE entity IN (?)", list(states)
    ):
        state = states[entity]
        state.relations[name] = state.relations.get(name, frozenset()) | {to}
    for state in states.values():
        state.relations_before = dict(state.relations)


def _entity(row: tuple[Any, ...]) -> EntityState:
    id, kind, fields, reasons, consent, score, shown, segment, due_at = row
    score_kept = msgspec.json.decode(score) if score else {}
    return EntityState(
        id,
        Kind(kind),
        values=decode(fields),
        reasons=msgspec.json.decode(reasons) if reasons else {},
        consent=_standings(msgspec.json.decode(consent)) if consent else {},
        score=score_kept,
        shown=shown,
        stage=score_kept.get("stage"),
        stage_before=score_kept.get("stage"),
        detour=score_kept.get("detour"),
        overdue=bool(score_kept.get("overdue")),
        segment=segment,
        due_at=datetime.fromisoformat(due_at) if due_at else None,
    )


def standings_of(store: Store, entities: Iterable[str]) -> dict[str, dict[str, Standing]]:
    """Entity to what is known of its consent, by scope."""
    rows = store.among("SELECT id, consent FROM entity WHERE consent IS NOT NULL AND id IN (?)", sorted(entities))
    return {id: _standings(msgspec.json.decode(consent)) for id, consent in rows}


def standing_rows(standings: Iterable[Standing]) -> list[list[str]]:
    """What is known of somebody's consent, as JSON has it."""
    return [[s.scope, s.state, s.at.isoformat(), s.source] for s in standings]


def _standings(stored: list[list[str]]) -> dict[str, Standing]:
    return {
        scope: Standing(scope, "out" if state == "out" else "in", datetime.fromisoformat(at), source)
        for scope, state, at, source in stored
    }


def entity_row(state: EntityState, run: int, dirty: bool) -> tuple[Any, ...]:
    """An entity as its table keeps it."""
    consent = standing_rows(state.consent.values())
    return (
        state.id,
        state.kind.value,
        encode(state.values),
        msgspec.json.encode(state.reasons),
        msgspec.json.encode(consent) if consent else None,
        msgspec.json.encode({**state.score, "stage": state.stage, "detour": state.detour, "overdue": state.overdue}),
        state.shown,
        state.segment,
        int(dirty),
        state.due_at.isoformat() if state.due_at else None,
        run,
    )


def load_journeys(session: Session, entities: Sequence[str]) -> dict[str, list[JourneyState]]:
    """The journeys that belong to entities, each with every claim made on it."""
    journeys: dict[str, JourneyState] = {}
    for row in session.store.among(
        "SELECT id, entity, kind, opened_at, segment, continues_as, half FROM journey WHERE entity IN (?)", entities
    ):
        opened_at, half = datetime.fromisoformat(row[3]), Half(row[6]) if row[6] else None
        journeys[row[0]] = JourneyState(
            row[0], row[1], row[2], opened_at, segment=row[4], continues_as=row[5], half=half
        )
    for row in session.store.among(
        f"SELECT {CLAIM} FROM claim WHERE ended IS NULL AND journey IN (?)",  # noqa: S608  # our own text
        list(journeys),
    ):
        journeys[row[0]].claims.append(claim_of(row))
    grouped: dict[str, list[JourneyState]] = {}
    for journey in journeys.values():
        grouped.setdefault(journey.entity, []).append(journey)
    return grouped


CLAIM = "journey, at, type, value, source, accepted, note, expires, doer"
"""The columns that `claim_of` reads."""


def claim_of(row: tuple[Any, ...]) -> Claim:
    """A claim as its table keeps it: the columns of `CLAIM`."""
    journey, at, type, value, source, accepted, note, expires, doer = row
    return Claim(
        datetime.fromisoformat(at),
        type,
        value,
        source,
        bool(accepted),
        note or "",
        datetime.fromisoformat(expires) if expires else None,
        journey,
        doer,
    )


def claim_row(claim: Claim, journey: str, run: int) -> tuple[Any, ...]:
    expires = claim.expires.isoformat() if claim.expires else None
    at = claim.at.isoformat()
    said = (journey, at, claim.type, claim.value, claim.source, claim.doer)
    return (*said, int(claim.accepted), claim.note, expires, run, None)


__all__ = [
    "CLAIM",
    "EntityState",
    "JourneyState",
    "RecordState",
    "attach",
    "claim_of",
    "claim_row",
    "entity_row",
    "load_entities",
    "load_journeys",
    "undone_of",
]
