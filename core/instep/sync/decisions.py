"""What a run decides, and whom it has to decide: the small tables that its passes share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from instep.model.acts import Act
from instep.model.entities import Kind
from instep.model.scoring import Engagement
from instep.model.values import Scalar
from instep.sync.ledger import Ref
from instep.sync.match import Matches
from instep.sync.session import Session
from instep.sync.state import EntityState, JourneyState

Facts = dict[str, Scalar]


@dataclass(slots=True)
class Decisions:
    """What decide found out so far: the small tables that later passes read."""

    matches: Matches
    dirty: dict[Kind, set[str]]
    companies: dict[str, EntityState] = field(default_factory=dict)
    opportunities: dict[str, EntityState] = field(default_factory=dict)
    journeys: dict[str, JourneyState] = field(default_factory=dict)
    """Every journey that this run decides, by id."""
    own: dict[str, list[str]] = field(default_factory=dict)
    """Person or company to the journeys that are its own."""
    entity_of: dict[Ref, str] = field(default_factory=dict)
    """The entity of every record that a decided record is associated with."""
    present: set[tuple[str, str]] = field(default_factory=set)
    """(connection, entity) of the other ends that have a live record there."""
    former: dict[str, list[str]] | None = None
    """E-mail address to the persons of whose consent something is known; read when the first new person asks."""
    over: set[tuple[str, str, str]] = field(default_factory=set)
    """Refusals, by their key in the quarantine, of what nobody wants written any more."""
    released: set[tuple[str, str, str, str]] = field(default_factory=set)
    """(connection, object, id, field) of what was taken back once, and of which something else is to be said now."""
    first_buyers: dict[str, str | None] = field(default_factory=dict)
    """Company to the person, if any, whose history holds what its visitors did; those that this run looked at."""
    acted: dict[str, datetime] = field(default_factory=dict)
    """When a decided person or company last did anything."""
    acts: dict[str, Sequence[Act]] = field(default_factory=dict)
    """What those whose acts were read last did, oldest first; of no more than one portion."""
    engaged: dict[str, tuple[str | None, Engagement]] = field(default_factory=dict)
    """Decided person to their company and what they did; only where companies are scored."""
    facts: dict[str, Facts] = field(default_factory=dict)
    """Company to what rules may know of it."""


def dirty_entities(session: Session, matches: Matches) -> dict[Kind, set[str]]:
    """Every entity that has to be decided, by kind."""
    dirty: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    now = session.at.isoformat()
    for id, kind in session.store.rows(
        "SELECT id, kind FROM entity WHERE dirty = 1 UNION SELECT id, kind FROM entity WHERE due_at <= ?", (now,)
    ):
        dirty[Kind(kind)].add(id)
    for id, kind in _due_again(session):
        dirty[Kind(kind)].add(id)
    touched = sorted(matches.touched)
    for id, kind in session.store.among("SELECT id, kind FROM entity WHERE id IN (?)", touched):
        dirty[Kind(kind)].add(id)
    for ref, entity in matches.links.items():
        mapping = session.mapping(ref.connection, ref.object)
        if mapping is not None:
            dirty[mapping.kind].add(entity)
    for entity, kind in _waiting_for(session, matches.links):
        dirty[Kind(kind)].add(entity)
    for entity in _named_opportunities(session, dirty[Kind.PERSON]):
        dirty[Kind.OPPORTUNITY].add(entity)
    return dirty


def undecided_entities(session: Session) -> dict[Kind, set[str]]:
    """Every entity of which something is known that no run has decided yet, and whoever it may concern.

    A company is concerned by nobody else: deciding its people finds it where it has another first buyer.
    """
    found = dirty_entities(session, Matches())
    for id, kind in session.store.rows(
        "SELECT DISTINCT e.id, e.kind FROM mirror m INDEXED BY mirror_dirty JOIN entity e ON e.id = m.entity "
        "WHERE m.dirty = 1"
    ):
        found[Kind(kind)].add(id)
    companies = set(found[Kind.COMPANY])
    for concerned in (_related(session, found), _led_on(session, found)):
        for id, kind in concerned:
            found[Kind(kind)].add(id)
    found[Kind.COMPANY] = companies
    return found


def _related(session: Session, found: Mapping[Kind, set[str]]) -> Iterator[tuple[str, str]]:
    """Whoever is associated with one of these entities."""
    yield from _ends(session, {id for ids in found.values() for id in ids})


def _led_on(session: Session, found: Mapping[Kind, set[str]]) -> Iterator[tuple[str, str]]:
    """Who else is named by these opportunities, and who may be the first buyer of these companies.

    That is nobody of a company that did nothing itself: there is no history to hand over.
    """
    yield from _ends(session, found[Kind.OPPORTUNITY], "people")
    acting = session.store.among(
        "SELECT DISTINCT m.entity FROM mirror m JOIN behaviour_subject s ON s.connection = m.connection AND "
        "s.object = m.object AND s.record = m.id WHERE m.entity IN (?)",
        sorted(found[Kind.COMPANY]),
    )
    yield from _ends(session, {id for (id,) in acting})


def _ends(session: Session, ids: Collection[str], name: str = "") -> list[tuple[str, str]]:
    """The other ends, by id and kind, of every association of some entities, or of those of one name."""
    which = "r.name = ? AND r.{} IN (?)" if name else "r.{} IN (?)"
    query = f"SELECT DISTINCT e.id, e.kind FROM relation r JOIN entity e ON e.id = r.{{}} WHERE {which}"  # noqa: S608
    found = list[tuple[str, str]]()
    for far, near in (("to_entity", "entity"), ("entity", "to_entity")):
        found += session.store.among(query.format(far, near), sorted(ids), *([name] if name else []))
    return found


def _due_again(session: Session) -> list[tuple[str, str]]:
    """Entities of which a write was refused that is to be tried again now, in a system that can be written to."""
    rows = session.store.rows(
        "SELECT DISTINCT q.connection, e.id, e.kind FROM quarantine q JOIN entity e ON e.id = q.entity "
        "WHERE q.due_at <= ?",
        (session.at.isoformat(),),
    )
    there = session.connections.keys() - session.stopped.keys()
    return [(id, kind) for connection, id, kind in rows if connection in there]


def _waiting_for(session: Session, links: Mapping[Ref, str]) -> set[tuple[str, str]]:
    """Entities with an association to a record that is linked only now, or to an entity that has a new record."""
    by_object: dict[tuple[str, str], list[str]] = {}
    for ref in links:
        by_object.setdefault((ref.connection, ref.object), []).append(ref.id)
    found: set[tuple[str, str]] = set()
    for (connection, object), ids in by_object.items():
        found |= set(
            session.store.among(
                "SELECT DISTINCT e.id, e.kind FROM association a "
                "JOIN mirror m ON m.connection = a.connection AND m.object = a.object AND m.id = a.id "
                "JOIN entity e ON e.id = m.entity WHERE a.connection = ? AND a.to_object = ? AND a.to_id IN (?)",
                ids,
                connection,
                object,
            )
        )
    found |= set(
        session.store.among(
            "SELECT DISTINCT e.id, e.kind FROM relation r JOIN entity e ON e.id = r.entity WHERE r.to_entity IN (?)",
            sorted(set(links.values())),
        )
    )
    return found


def _named_opportunities(session: Session, persons: set[str]) -> list[str]:
    rows = session.store.among(
        "SELECT entity FROM relation WHERE name = 'people' AND to_entity IN (?)", sorted(persons)
    )
    return [row[0] for row in rows]
