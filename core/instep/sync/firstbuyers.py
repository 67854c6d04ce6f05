"""A company's first buyer: the person whose history holds what the company did while nobody there was known.

The first who is associated with one of the company's records, and stays it as long as that is so. Where several
appear at once, it is the one who did something first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from instep.model.entities import Kind
from instep.sync.decisions import Decisions
from instep.sync.evidence import FIRST_BUYER, Known, acts_of
from instep.sync.ledger import Ref
from instep.sync.session import Session


def known_of(session: Session, decisions: Decisions) -> Known:
    """Where this run reads acts from, its new links included."""
    return Known(session.store, session.workspace, decisions.matches.links, session.behaviours)


def find_first_buyers(session: Session, decisions: Decisions) -> dict[str, str | None]:
    """The first buyer, if any, of every company that this run decides, or of which it decides somebody.

    A company whose first buyer changes is decided too, and so is whoever is it now, or was. Of a company that is
    decided anyhow, the first buyer is decided too, because the company may have done something. One is found also
    where it has done nothing yet: who was first must not hang on when that is heard.
    """
    objects = _objects(session)
    if not any(_may_do_anything(session, connection) for connection, _ in objects[Kind.COMPANY]):
        return {}
    changed, persons = set(decisions.dirty[Kind.COMPANY]), set(decisions.dirty[Kind.PERSON])
    links = decisions.matches.links
    associated = list(_associated(session, links, persons, objects))
    companies = changed | _bought_first_by(session, persons) | {company for _, company, _ in associated}
    before = dict(
        session.store.among(
            f"SELECT entity, to_entity FROM relation WHERE name = '{FIRST_BUYER}' AND entity IN (?)",  # noqa: S608
            sorted(companies),
        )
    )
    now: dict[str, str | None] = dict.fromkeys(companies)
    associated += _associated(session, links, set(before.values()) - persons, objects)
    now |= {company: person for person, company, is_live in associated if is_live and before.get(company) == person}
    for company, people in _people_of(session, links, sorted(c for c in companies if now[c] is None)).items():
        known = before.get(company)
        now[company] = known if known in people else _first(session, decisions, sorted(people))
    for company in companies:
        if now[company] != before.get(company):
            decisions.dirty[Kind.COMPANY].add(company)
        if company in changed or now[company] != before.get(company):
            decisions.dirty[Kind.PERSON] |= {p for p in (now[company], before.get(company)) if p is not None}
    return now


def first_buyers_of(session: Session, decisions: Decisions, ids: Sequence[str]) -> dict[str, str]:
    """Company to its first buyer, as far as it concerns these persons and companies."""
    found: dict[str, str] = {}
    for column in ("entity", "to_entity"):
        query = f"SELECT entity, to_entity FROM relation WHERE name = '{FIRST_BUYER}' AND {column} IN (?)"  # noqa: S608
        found |= dict(session.store.among(query, ids))
    found = {company: person for company, person in found.items() if company not in decisions.first_buyers}
    wanted = set(ids)
    for company, person in decisions.first_buyers.items():
        if person is not None and (company in wanted or person in wanted):
            found[company] = person
    return found


def _objects(session: Session) -> dict[Kind, list[tuple[str, str]]]:
    """Every (connection, object) that holds entities of a kind."""
    found: dict[Kind, list[tuple[str, str]]] = {kind: [] for kind in Kind}
    for live in session.connections.values():
        for object, mapping in live.mapping.objects.items():
            found[mapping.kind].append((live.name, object))
    return found


def _may_do_anything(session: Session, connection: str) -> bool:
    """Whether acts are heard from a connection at all."""
    return bool(session.connections[connection].mapping.behaviours)


def _bought_first_by(session: Session, persons: Iterable[str]) -> set[str]:
    """The companies whose first buyers these persons were."""
    query = f"SELECT entity FROM relation WHERE name = '{FIRST_BUYER}' AND to_entity IN (?)"  # noqa: S608
    return {company for (company,) in session.store.among(query, sorted(persons))}


def _associated(
    session: Session,
    links: Mapping[Ref, str],
    persons: Set[str],
    objects: Mapping[Kind, Sequence[tuple[str, str]]],
) -> Iterator[tuple[str, str, bool]]:
    """Whom of these persons records associate with which company, and whether its record is still there."""
    whose: dict[tuple[str, str], dict[str, str]] = {place: {} for place in objects[Kind.PERSON]}
    for connection, object, id, entity in session.store.among(
        "SELECT connection, object, id, entity FROM mirror WHERE state = 'live' AND entity IN (?)", sorted(persons)
    ):
        if (connection, object) in whose:
            whose[connection, object][id] = entity
    for ref, entity in links.items():
        if (ref.connection, ref.object) in whose:
            whose[ref.connection, ref.object][ref.id] = entity
    of_companies = set(objects[Kind.COMPANY])
    for (connection, object), owners in whose.items():
        for id, to_object, to_id, entity, is_live in session.store.among(
            "SELECT a.id, a.to_object, a.to_id, m.entity, m.state = 'live' FROM association a LEFT JOIN mirror m ON "
            "m.connection = a.connection AND m.object = a.to_object AND m.id = a.to_id WHERE a.connection = ? "
            "AND a.object = ? AND a.id IN (?)",
            sorted(id for id, owner in owners.items() if owner in persons),
            connection,
            object,
        ):
            if (connection, to_object) in of_companies:
                company = links.get(Ref(connection, to_object, to_id)) or entity
                if company:
                    yield owners[id], company, bool(is_live)


def _people_of(session: Session, links: Mapping[Ref, str], companies: Sequence[str]) -> dict[str, set[str]]:
    """Company to the persons with a record that is associated with one of its records."""
    wanted = set(companies)
    records = [
        (Ref(*row[:3]), row[3])
        for row in session.store.among(
            "SELECT connection, object, id, entity FROM mirror WHERE state = 'live' AND entity IN (?)", companies
        )
    ]
    records += [(ref, entity) for ref, entity in links.items() if entity in wanted]
    kinds = {place: kind for kind, places in _objects(session).items() for place in places}
    found: dict[str, set[str]] = {}
    by_object: dict[tuple[str, str], dict[str, str]] = {}
    for ref, company in records:
        by_object.setdefault((ref.connection, ref.object), {})[ref.id] = company
    for (connection, object), ids in by_object.items():
        for from_object, from_id, entity, to_id in session.store.among(
            "SELECT a.object, a.id, m.entity, a.to_id FROM association a LEFT JOIN mirror m ON m.connection = "
            "a.connection AND m.object = a.object AND m.id = a.id AND m.state = 'live' "
            "WHERE a.connection = ? AND a.to_object = ? AND a.to_id IN (?)",
            sorted(ids),
            connection,
            object,
        ):
            person = links.get(Ref(connection, from_object, from_id)) or entity
            if person and kinds.get((connection, from_object)) is Kind.PERSON:
                found.setdefault(ids[to_id], set()).add(person)
    return found


def _first(session: Session, decisions: Decisions, people: Sequence[str]) -> str:
    if len(people) == 1:
        return people[0]
    acts = acts_of(known_of(session, decisions), people, {})
    dated = [(done[0].at, person) for person, done in acts.items()]
    return min(dated)[1] if dated else people[0]
