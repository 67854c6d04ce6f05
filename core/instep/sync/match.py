"""Match: link records that no entity has yet, by exact keys in declared order. Never fuzzy, never by inference.

A key that two records of one connection share identifies neither. Nothing is linked, and nothing is created, while
a question about it waits for a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from instep.mapping.compiled import EntityMapping
from instep.mapping.translate import Unheard, hear
from instep.model.consent import Standing
from instep.model.entities import FieldType, Kind
from instep.model.identity import derived_id, normalised_key
from instep.model.rules import Facts, Moment
from instep.model.values import Scalar, decode
from instep.sync.fields import flag_of, is_flagged_out
from instep.sync.ledger import Ref
from instep.sync.session import Live, Session

INSTEP_ID = "instep_id"
LEFT_OUT = "~"
"""Before the name of a key of a record that `include` leaves out: it identifies nobody, and bars a twin."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a person has to decide."""

    kind: str
    subject: str
    connection: str
    text: str
    detail: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Matches:
    """What match found: nothing of it is stored before apply."""

    links: dict[Ref, str] = field(default_factory=dict)
    """Newly linked records."""
    frozen: set[Ref] = field(default_factory=set)
    gone: dict[str, list[tuple[Ref, str]]] = field(default_factory=dict)
    """Entity to the records it lost in this run, each with its new state."""
    absorbed: dict[str, set[str]] = field(default_factory=dict)
    """Entity to others of which a record became one of its own: whoever opted out there, opted out here."""
    last_words: dict[str, list[Standing]] = field(default_factory=dict)
    """Entity to opt-outs of records that are not there any more, which nobody heard while they were."""
    moved: dict[Ref, Ref] = field(default_factory=dict)
    """Successor to predecessor: the successor inherits link and bases."""
    lifted: set[tuple[str, str]] = field(default_factory=set)
    """(connection, entity) whose tombstone a colleague's new record lifts."""
    barred: dict[tuple[str, str], str] = field(default_factory=dict)
    """(connection, entity) to why nothing is created there."""
    questions: list[Question] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    """Entity to why nothing is created for it anywhere."""
    touched: set[str] = field(default_factory=set)
    """Entities with a record that changed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live, included record that has no entity."""

    ref: Ref
    kind: Kind
    mapping: EntityMapping
    keys: dict[str, str]
    derived: str


def match(session: Session) -> Matches:
    """Link every unlinked record that its keys identify, and say why each other one is not linked."""
    found = Matches()
    _follow_departures(session, found)
    for kind in Kind:
        candidates, left_out = _candidates(session, kind, found)
        _link(session, kind, candidates, found)
        _link_left_out(session, kind, left_out, found)
    _bar_departed(session, found)
    return found


def _bar_departed(session: Session, found: Matches) -> None:
    """Keep what a system had and deleted before this state knew it from being made again there."""
    there = {(ref.connection, entity) for ref, entity in found.links.items()}
    linked = set(found.links.values())
    for connection, object, id, state, fields in session.store.rows(
        "SELECT connection, object, id, state, fields FROM mirror "
        "WHERE dirty = 1 AND state <> 'live' AND entity IS NULL"
    ):
        live = session.connections.get(connection)
        mapping = live.mapping.entity_of(object) if live else None
        if live is None or mapping is None:
            continue
        keys = keys_of(live, mapping, decode(fields))
        for entity in _once(session, mapping.kind, keys, derived_id(live.org, object, id), found, linked):
            if (connection, entity) not in there and not is_anywhere(session, connection, entity):
                found.barred[(connection, entity)] = "deleted there"
                found.gone.setdefault(entity, []).append((Ref(connection, object, id), state))
                _keep_last_words(session, Ref(connection, object, id), entity, found)


def _once(
    session: Session, kind: Kind, keys: dict[str, str], derived: str, found: Matches, linked: set[str]
) -> set[str]:
    """The entities that a departed record may have been: by our id on it, or by who holds its other keys now."""
    once = keys.get(INSTEP_ID, derived)
    is_known = once in linked or session.store.row("SELECT 1 FROM entity WHERE id = ?", (once,))
    entities = {once} if is_known else set()
    for name, value in keys.items():
        for connection, object, id, entity in session.store.rows(
            "SELECT key.connection, key.object, key.id, mirror.entity FROM key JOIN mirror "
            "USING (connection, object, id) WHERE key.kind = ? AND key.name = ? AND key.value = ?",
            (kind.value, name, value),
        ):
            holder = entity or found.links.get(Ref(connection, object, id))
            entities |= {holder} if holder else set()
    return entities


def is_anywhere(session: Session, connection: str, entity: str) -> bool:
    """Whether an entity has a live record in a connection."""
    row = session.store.row(
        "SELECT 1 FROM mirror WHERE connection = ? AND entity = ? AND state = 'live'", (connection, entity)
    )
    return row is not None


# --- departures: deletes, merges, conversions ------------------------------------------------------------------


def _follow_departures(session: Session, found: Matches) -> None:
    rows = session.store.rows(
        "SELECT connection, object, id, state, successor, entity FROM mirror WHERE dirty = 1 AND state <> 'live'"
    )
    heirs: dict[Ref, list[tuple[Ref, str, str]]] = {}
    for connection, object, id, state, successor, entity in sorted(rows):
        ref = Ref(connection, object, id)
        session.ledger.look(ref)
        session.ledger.skip(ref, {"gone": "deleted", "merged": "merged", "converted": "converted"}[state])
        session.store.run("DELETE FROM key WHERE connection = ? AND object = ? AND id = ?", ref)
        if entity is None:
            continue
        found.touched.add(entity)
        found.gone.setdefault(entity, []).append((ref, state))
        _keep_last_words(session, ref, entity, found)
        if successor is None:
            found.barred[(connection, entity)] = "deleted there"
            continue
        heir = _last_successor(session, Ref(connection, *json.loads(successor)))
        heirs.setdefault(heir, []).append((ref, entity, state))
    for heir, predecessors in heirs.items():
        for ref, entity, state in _likest_first(session, heir, predecessors):
            _inherit(session, ref, heir, entity, state, found)


def _likest_first(
    session: Session, heir: Ref, predecessors: list[tuple[Ref, str, str]]
) -> list[tuple[Ref, str, str]]:
    """Of several records that became one: first the one that it is like, by our id or another key."""
    if len(predecessors) == 1:
        return predecessors
    now = _keys_in_mirror(session, heir)

    def unlike(one: tuple[Ref, str, str]) -> tuple[bool, int]:
        before = _keys_in_mirror(session, one[0])
        same = sum(before.get(name) == value for name, value in now.items())
        return now.get(INSTEP_ID) != one[1], -same

    return sorted(predecessors, key=unlike)


def _keys_in_mirror(session: Session, ref: Ref) -> dict[str, str]:
    live = session.connections.get(ref.connection)
    mapping = live.mapping.entity_of(ref.object) if live else None
    row = session.store.row("SELECT fields FROM mirror WHERE connection = ? AND object = ? AND id = ?", ref)
    return keys_of(live, mapping, decode(row[0])) if live and mapping and row else {}


def _last_successor(session: Session, ref: Ref) -> Ref:
    """Where a chain of merges and conversions ends."""
    seen = {ref}
    while True:
        row = session.store.row(
            "SELECT successor FROM mirror WHERE connection = ? AND object = ? AND id = ? AND state <> 'live'", ref
        )
        if row is None or row[0] is None:
            return ref
        ref = Ref(ref.connection, *json.loads(row[0]))
        if ref in seen:
            return ref
        seen.add(ref)


def _inherit(session: Session, ref: Ref, heir: Ref, entity: str, state: str, found: Matches) -> None:
    """What a record became stays with its own entity; if it has none, it inherits this one's."""
    row = session.store.row(
        "SELECT entity FROM mirror WHERE connection = ? AND object = ? AND id = ? AND state = 'live'", heir
    )
    if row is None:
        found.barred[(ref.connection, entity)] = f"{state} there into a record that is not there"
        return
    owner = row[0] or found.links.get(heir)
    if owner is None:
        carried = _carried_id(session, heir)
        known = carried is not None and session.store.row("SELECT 1 FROM entity WHERE id = ?", (carried,))
        owner = found.links[heir] = carried if known and carried else entity
        found.moved[heir] = ref
        found.touched.add(owner)
    if owner != entity:
        _keep_last_words(session, ref, owner, found)
        _keep_last_words(session, heir, entity, found)
        text = f"{ref} was {state} into {heir}, which belongs to another entity. Merge these too?"
        detail: dict[str, object] = {"entities": [owner, entity]}
        found.questions.append(Question("merge-too", entity, ref.connection, text, detail))
        found.barred[(ref.connection, entity)] = f"{state} there into another"
        found.absorbed.setdefault(owner, set()).add(entity)
        found.touched.add(owner)


def _keep_last_words(session: Session, ref: Ref, entity: str, found: Matches) -> None:
    """Hand an entity the opt-out that a record holds, or held in the end, if no decision has heard of it yet."""
    mapping, live = session.mapping(ref.connection, ref.object), session.connections.get(ref.connection)
    flag = flag_of(live, mapping) if live is not None and mapping is not None else None
    row = session.store.row(
        "SELECT mirror.fields, mirror.modified_at, base.heard FROM mirror LEFT JOIN base "
        "USING (connection, object, id) WHERE connection = ? AND object = ? AND id = ?",
        ref,
    )
    if flag is None or row is None or mapping is None or mapping.consent is None:
        return
    name, out_values = flag
    heard = decode(row[2]).get(name) if row[2] else None
    if not is_flagged_out(decode(row[0]).get(name), out_values) or is_flagged_out(heard, out_values):
        return
    at = datetime.fromisoformat(row[1]) if row[1] else session.at
    found.last_words.setdefault(entity, []).append(Standing(mapping.consent.scope, "out", at, str(ref)))


def _carried_id(session: Session, ref: Ref) -> str | None:
    mapping = session.mapping(ref.connection, ref.object)
    if mapping is None or mapping.instep_id is None:
        return None
    row = session.store.row("SELECT fields FROM mirror WHERE connection = ? AND object = ? AND id = ?", ref)
    value = decode(row[0]).get(mapping.instep_id) if row else None
    return str(value) if value else None


# --- candidates ------------------------------------------------------------------------------------------------


def _candidates(session: Session, kind: Kind, found: Matches) -> tuple[list[Candidate], list[Candidate]]:
    """Every dirty, live record of a kind: indexes its keys, freezes what left `include`.

    Returns the unlinked ones: those that take part, and those that `include` leaves out.
    """
    unlinked: list[Candidate] = []
    left_out: list[Candidate] = []
    moment = Moment(session.at)
    for live in session.connections.values():
        for object, mapping in live.mapping.objects.items():
            if mapping.kind is not kind:
                continue
            carried = _carried_over(session, live, object)
            rows = session.store.rows(
                "SELECT id, fields, entity FROM mirror "
                "WHERE connection = ? AND object = ? AND dirty = 1 AND state = 'live'",
                (live.name, object),
            )
            indexed: list[tuple[Ref, dict[str, str]]] = []
            for id, packed, entity in sorted(rows):
                ref = Ref(live.name, object, id)
                session.ledger.look(ref)
                fields = decode(packed)
                if not mapping.include.value(facts_of(live, mapping, fields), moment):
                    keys = keys_of(live, mapping, fields)
                    indexed.append((ref, {LEFT_OUT + name: value for name, value in keys.items()}))
                    _leave_out(session, ref, entity, found)
                    if entity is None:
                        left_out.append(Candidate(ref, kind, mapping, keys, derived_id(live.org, object, id)))
                    continue
                keys = carried.get(id, {}) | keys_of(live, mapping, fields)
                indexed.append((ref, keys))
                if entity is not None:
                    found.touched.add(entity)
                elif ref not in found.links:
                    unlinked.append(Candidate(ref, kind, mapping, keys, derived_id(live.org, object, id)))
            if indexed:
                with session.store.transaction("index keys"):
                    index_keys(session, kind, indexed)
    return unlinked, left_out


def _carried_over(session: Session, live: Live, object: str) -> dict[str, dict[str, str]]:
    """Our own id of records that were converted, by the record that each became: it may not have been copied."""
    found: dict[str, dict[str, str]] = {}
    for source, id, fields, successor in session.store.rows(
        "SELECT object, id, fields, successor FROM mirror WHERE connection = ? AND state = 'converted' "
        "AND dirty = 1 AND json_extract(successor, '$[0]') = ?",
        (live.name, object),
    ):
        mapping = live.mapping.entity_of(source)
        if mapping is not None and INSTEP_ID in mapping.match:
            carried = keys_of(live, mapping, decode(fields)).get(INSTEP_ID)
            found[json.loads(successor)[1]] = {INSTEP_ID: carried or derived_id(live.org, source, id)}
    return found


def _leave_out(session: Session, ref: Ref, entity: str | None, found: Matches) -> None:
    session.ledger.skip(ref, "not included")
    if entity is not None:
        found.frozen.add(ref)
        found.touched.add(entity)


def facts_of(live: Live, mapping: EntityMapping, fields: dict[str, Scalar]) -> Facts:
    """A record's fields in canonical words, for rules. What cannot be translated is left out."""
    facts: dict[str, Scalar] = {}
    for field_mapping in mapping.fields:
        if field_mapping.field in fields:
            value = hear(field_mapping, fields, live.directory)
            if not isinstance(value, Unheard):
                facts[field_mapping.name] = value
    return facts


def keys_of(live: Live, mapping: EntityMapping, fields: dict[str, Scalar]) -> dict[str, str]:
    """A record's normalised keys, by name; blank ones are left out."""
    keys: dict[str, str] = {}
    for name in mapping.match:
        if name == INSTEP_ID:
            raw = fields.get(mapping.instep_id) if mapping.instep_id else None
            value = normalised_key(FieldType.TEXT, raw)
        else:
            mapped = mapping.mapped(name)
            if mapped is None or mapped.field not in fields:
                continue
            heard = hear(mapped, fields, live.directory)
            value = None if isinstance(heard, Unheard) else normalised_key(mapped.type, heard)
        if value is not None:
            keys[name] = value
    return keys


def index_keys(session: Session, kind: Kind, indexed: Sequence[tuple[Ref, dict[str, str]]]) -> None:
    """Replace the keys by which records are found, inside a transaction."""
    session.store.bulk("DELETE FROM key WHERE connection = ? AND object = ? AND id = ?", [ref for ref, _ in indexed])
    session.store.bulk(
        "INSERT INTO key (connection, object, id, name, kind, value) VALUES (?, ?, ?, ?, ?, ?)",
        [(*ref, name, kind.value, value) for ref, keys in indexed for name, value in keys.items()],
    )


# --- linking ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Holders:
    """Who holds a key's value: records by connection, with the entity of those that have one."""

    by_connection: dict[str, list[tuple[Ref, str | None]]] = field(default_factory=dict)

    @property
    def is_shared(self) -> bool:
        """Whether two records of one object hold it, so that it identifies neither.

        A lead and a contact that share one are the same person, in two objects of one system.
        """
        objects = [(ref.connection, ref.object) for refs in self.by_connection.values() for ref, _ in refs]
        return len(objects) > len(set(objects))

    def others(self, ref: Ref) -> list[tuple[Ref, str | None]]:
        return [(r, e) for c in sorted(self.by_connection) for r, e in self.by_connection[c] if r != ref]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record's keys say: one of an entity, partners without one, a question; or nothing at all."""

    entity: str | None = None
    partners: tuple[Ref, ...] = ()
    question: str | None = None


def _link(session: Session, kind: Kind, candidates: list[Candidate], found: Matches) -> None:
    holders = _holders(session, kind, candidates)
    known_ids = _known_ids(session, kind, candidates)
    derived = {candidate.derived: candidate for candidate in candidates}
    waiting: list[tuple[Candidate, str]] = []
    by_ref = {candidate.ref: candidate for candidate in candidates}
    occupied: set[tuple[str, str, str]] = set()
    for candidate in sorted(candidates, key=lambda c: INSTEP_ID not in c.keys):  # an id claims before an address does
        if candidate.ref in found.links:
            continue
        verdict = _identify(candidate, holders, known_ids, derived, found)
        if verdict.question is not None:
            waiting.append((candidate, verdict.question))
            continue
        members = [by_ref[ref] for ref in verdict.partners if ref in by_ref and ref not in found.links]
        entity = verdict.entity or _found_entity(session, [candidate, *members], holders, known_ids)
        for member in (candidate, *members):
            place = (member.ref.connection, member.ref.object, entity)
            if place in occupied or _is_occupied(session, *place, found):
                waiting.append((member, f"its keys name an entity that {member.ref.connection} has already"))
            else:
                _join(session, member, entity, found)
                occupied.add(place)
    for candidate, reason in waiting:
        _ask(session, candidate, reason, holders, found)


def _link_left_out(session: Session, kind: Kind, left_out: list[Candidate], found: Matches) -> None:
    """Link records that `include` leaves out to others' entities: for consent alone, which no filter stops."""
    if not left_out:
        return
    holders = _holders(session, kind, left_out)
    known_ids = _known_ids(session, kind, left_out)
    taken = {(ref.connection, ref.object, entity) for ref, entity in found.links.items()}
    for candidate in left_out:
        for key in candidate.keys.items():
            holders.setdefault(key, Holders())
        verdict = _identify(candidate, holders, known_ids, {}, found)
        if verdict.entity is None:
            continue
        place = (candidate.ref.connection, candidate.ref.object, verdict.entity)
        if place in taken or _is_occupied(session, *place, found):
            continue
        _join(session, candidate, verdict.entity, found)
        taken.add(place)


def _identify(
    candidate: Candidate,
    holders: dict[tuple[str, str], Holders],
    known_ids: set[str],
    derived: dict[str, Candidate],
    found: Matches,
) -> Verdict:
    """Try a record's keys in their declared order; the first that identifies it decides."""
    ambiguous: str | None = None
    for name in candidate.mapping.match:
        value = candidate.keys.get(name)
        if value is None:
            continue
        held = holders[(name, value)]
        if held.is_shared:
            ambiguous = ambiguous or f"{name} is shared by several records of one system"
            continue
        linked = [e or found.links.get(r) for r, e in held.others(candidate.ref)]
        entities = {entity for entity in linked if entity is not None}
        if name == INSTEP_ID and value in known_ids:
            entities.add(value)
        if len(entities) > 1:
            return Verdict(question=f"{name} points to several entities")
        if entities:
            return Verdict(entity=entities.pop())
        partners = [ref for ref, _ in held.others(candidate.ref)]
        if name == INSTEP_ID and value in derived and derived[value].ref != candidate.ref:
            partners.append(derived[value].ref)
        if partners:
            return Verdict(partners=tuple(dict.fromkeys(partners)))
    return Verdict(question=ambiguous)


def _found_entity(
    session: Session, group: Sequence[Candidate], holders: dict[tuple[str, str], Holders], known_ids: set[str]
) -> str:
    """The id of a new entity: one that a record carries and that names nobody else, else derived from its first."""
    order = {name: place for place, name in enumerate(session.workspace.connection_names)}
    ranked = sorted(group, key=lambda c: (order[c.ref.connection], c.mapping.objects.index(c.ref.object), c.ref.id))
    carried = [
        id
        for id in (c.keys.get(INSTEP_ID) for c in ranked)
        if id is not None and id not in known_ids and not holders[(INSTEP_ID, id)].is_shared
    ]
    return carried[0] if carried else ranked[0].derived


def _join(session: Session, candidate: Candidate, entity: str, found: Matches) -> None:
    found.links[candidate.ref] = entity
    found.touched.add(entity)
    barrier = (candidate.ref.connection, entity)
    if session.store.row("SELECT 1 FROM tombstone WHERE connection = ? AND entity = ?", barrier):
        found.lifted.add(barrier)


def _ask(
    session: Session, candidate: Candidate, reason: str, holders: dict[tuple[str, str], Holders], found: Matches
) -> None:
    """Leave a record unlinked, and keep its possible partners from being created in its system."""
    ref = candidate.ref
    session.ledger.skip(ref, "waits for a person: " + reason)
    session.ledger.conflicts[ref.connection] += 1
    said = f"{candidate.kind}: a record is not linked: {reason}."
    session.ledger.note(
        "ambiguous", ref.connection, said, "Give one of them another key, or delete one in its system.", str(ref)
    )
    text = f"{ref} is not linked: {reason}."
    found.questions.append(Question("ambiguous", str(ref), ref.connection, text, {"keys": dict(candidate.keys)}))
    for name, value in candidate.keys.items():
        for other, entity in holders[(name, value)].others(ref):
            linked = entity or found.links.get(other)
            if linked is not None:
                found.barred[(ref.connection, linked)] = "a candidate there waits for a person"


def _holders(session: Session, kind: Kind, candidates: Iterable[Candidate]) -> dict[tuple[str, str], Holders]:
    """For every key of the candidates: all live records that hold it."""
    wanted: dict[str, set[str]] = {}
    for candidate in candidates:
        for name, value in candidate.keys.items():
            wanted.setdefault(name, set()).add(value)
    holders: dict[tuple[str, str], Holders] = {}
    for name, values in wanted.items():
        for value, connection, object, id, entity in session.store.among(
            "SELECT key.value, key.connection, key.object, key.id, mirror.entity FROM key JOIN mirror "
            "USING (connection, object, id) WHERE key.kind = ? AND key.name = ? AND key.value IN (?)",
            sorted(values),
            kind.value,
            name,
        ):
            holder = holders.setdefault((name, value), Holders())
            holder.by_connection.setdefault(connection, []).append((Ref(connection, object, id), entity))
    return holders


def _known_ids(session: Session, kind: Kind, candidates: Iterable[Candidate]) -> set[str]:
    carried = sorted({c.keys[INSTEP_ID] for c in candidates if INSTEP_ID in c.keys})
    rows = session.store.among("SELECT id FROM entity WHERE kind = ? AND id IN (?)", carried, kind.value)
    return {row[0] for row in rows}


def _is_occupied(session: Session, connection: str, object: str, entity: str, found: Matches) -> bool:
    """Whether an entity has a live record of an object in a connection, other than one that it loses in this run."""
    rows = session.store.rows(
        "SELECT id FROM mirror WHERE entity = ? AND connection = ? AND object = ? AND state = 'live'",
        (entity, connection, object),
    )
    lost = {ref for ref, _ in found.gone.get(entity, ())}
    return any(Ref(connection, object, row[0]) not in lost for row in rows)
