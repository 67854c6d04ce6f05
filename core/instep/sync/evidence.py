"""What buyers did: every act of a person or company that a mapping names, each once, oldest first.

What a company's visitors did without saying who they are is the company's own; as soon as somebody there is known, it
is part of that first buyer's history too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from instep.mapping.compiled import Workspace
from instep.model.acts import Act, told_once
from instep.model.entities import Kind
from instep.store import Store
from instep.sync.ledger import Ref

BEHAVIOURS = "behaviour"
FIRST_BUYER = "first_buyer"
"""The relation of a company to its first buyer. No system has it."""
_ACT = "b.connection, b.id, b.key, b.at, b.actor, b.email"


@dataclass(frozen=True, slots=True)
class Known:
    """Where acts are read from, and what the files say of them. `links` are new ones that are not stored yet."""

    store: Store
    workspace: Workspace
    links: Mapping[Ref, str] = field(default_factory=dict)
    table: str = BEHAVIOURS
    """Where activities stand with the names that the files give them."""

    def kinds(self) -> dict[tuple[str, str], Kind]:
        """Every mapped (connection, object), and what its records are about."""
        return {
            (name, object): mapping.kind
            for name, mapping_file in self.workspace.mappings.items()
            for object, mapping in mapping_file.objects.items()
        }


@dataclass(frozen=True, slots=True)
class Referral:
    """That somebody who buys here brought another buyer."""

    at: datetime
    source: str
    by: str
    """Who referred: a person, or the act's source where nobody is known to have done it."""


@dataclass(slots=True)
class _Found:
    """The acts of some entities as they are collected: entity to source to act."""

    acts: dict[str, dict[str, Act]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """Sources of the acts that are told with an address: somebody did them."""

    def add(self, entity: str, row: Sequence[Any]) -> None:
        connection, id, key, at, actor, email = row
        source = f"{connection}/behaviour/{id}"
        self.acts.setdefault(entity, {})[source] = Act(key, datetime.fromisoformat(at), actor, source)
        if email is not None:
            self.known.add(source)


def acts_of(known: Known, ids: Sequence[str], first_buyers: Mapping[str, str]) -> dict[str, list[Act]]:
    """Everything mapped that these persons and companies did, each act once, oldest first.

    `first_buyers` are the companies whose history is part of a person's.
    """
    wanted = set(ids)
    joined = [company for company, person in first_buyers.items() if person in wanted]
    found = _Found()
    _collect(known, found, sorted({*ids, *joined}))
    subjects = _subjects_of(known, found)
    companies = _companies_among(known, found.acts)
    for company in companies:
        anonymous = {s: a for s, a in found.acts[company].items() if s not in found.known | subjects.persons}
        heir = first_buyers.get(company)
        found.acts[company] = anonymous
        if heir is not None and heir in wanted:
            given = {source: replace(act, company=company) for source, act in anonymous.items()}
            found.acts[heir] = {**given, **found.acts.get(heir, {})}
    process, names = known.workspace.process, known.workspace.connection_names
    return {
        entity: told_once(map(subjects.named_by, acts.values()), process, names)
        for entity, acts in found.acts.items()
        if acts and entity in wanted
    }


def first_buyers(store: Store) -> dict[str, str]:
    """Company to the person whose history holds what it did while nobody there was known, as the last run left it."""
    return dict(store.rows("SELECT entity, to_entity FROM relation WHERE name = ?", (FIRST_BUYER,)))


def _collect(known: Known, found: _Found, ids: Sequence[str]) -> None:
    for entity, *row in known.store.among(
        f"SELECT m.entity, {_ACT} FROM mirror m "  # noqa: S608  # our own text
        "JOIN behaviour_subject s ON s.connection = m.connection AND s.object = m.object AND s.record = m.id "
        f"JOIN {known.table} b ON b.connection = s.connection AND b.id = s.behaviour "
        "WHERE b.key IS NOT NULL AND m.entity IN (?)",
        ids,
    ):
        found.add(entity, row)
    wanted = set(ids)
    mine = [(ref, entity) for ref, entity in known.links.items() if entity in wanted]
    for ref, entity in mine:
        for told in known.store.rows(
            f"SELECT {_ACT} FROM behaviour_subject s "  # noqa: S608  # our own text
            f"JOIN {known.table} b ON b.connection = s.connection AND b.id = s.behaviour "
            "WHERE s.connection = ? AND s.object = ? AND s.record = ? AND b.key IS NOT NULL",
            ref,
        ):
            found.add(entity, told)
    if known.store.row(f"SELECT 1 FROM {known.table} WHERE email IS NOT NULL LIMIT 1"):  # noqa: S608
        _collect_by_address(known, found, ids, mine)


def _collect_by_address(known: Known, found: _Found, ids: Sequence[str], links: Iterable[tuple[Ref, str]]) -> None:
    for entity, *row in known.store.among(
        f"SELECT m.entity, {_ACT} FROM mirror m "  # noqa: S608  # our own text
        "JOIN key k ON k.connection = m.connection AND k.object = m.object AND k.id = m.id AND k.name = 'email' "
        f"JOIN {known.table} b ON b.email = k.value WHERE b.key IS NOT NULL AND m.entity IN (?)",
        ids,
    ):
        found.add(entity, row)
    for ref, entity in links:
        for told in known.store.rows(
            f"SELECT {_ACT} FROM key k JOIN {known.table} b ON b.email = k.value "  # noqa: S608  # our own text
            "WHERE k.connection = ? AND k.object = ? AND k.id = ? AND k.name = 'email' AND b.key IS NOT NULL",
            ref,
        ):
            found.add(entity, told)


# --- whom an act is about ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Subjects:
    about: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Source of an act to the opportunities that it names."""
    persons: set[str] = field(default_factory=set)
    """Sources of acts that some person is a subject of."""

    def named_by(self, act: Act) -> Act:
        """An act with the opportunities that it names."""
        about = self.about.get(act.source)
        return replace(act, about=about) if about else act


def _subjects_of(known: Known, found: _Found) -> _Subjects:
    kinds = known.kinds()
    subjects = _Subjects()
    by_connection: dict[str, set[str]] = {}
    for acts in found.acts.values():
        for source in acts:
            connection, _, id = source.split("/", 2)
            by_connection.setdefault(connection, set()).add(id)
    for connection, ids in by_connection.items():
        for behaviour, object, record, entity in known.store.among(
            "SELECT s.behaviour, s.object, s.record, m.entity FROM behaviour_subject s "
            "LEFT JOIN mirror m ON m.connection = s.connection AND m.object = s.object AND m.id = s.record "
            "WHERE s.connection = ? AND s.behaviour IN (?)",
            sorted(ids),
            connection,
        ):
            source = f"{connection}/behaviour/{behaviour}"
            kind = kinds.get((connection, object))
            named = entity or known.links.get(Ref(connection, object, record))
            if kind is Kind.PERSON:
                subjects.persons.add(source)
            elif kind is Kind.OPPORTUNITY and named is not None:
                subjects.about[source] = tuple(sorted({*subjects.about.get(source, ()), named}))
    return subjects


def _companies_among(known: Known, ids: Iterable[str]) -> list[str]:
    wanted = sorted(ids)
    rows = known.store.among("SELECT id FROM entity WHERE kind = 'company' AND id IN (?)", wanted)
    kinds, among = known.kinds(), set(wanted)
    new = {e for r, e in known.links.items() if e in among and kinds.get((r.connection, r.object)) is Kind.COMPANY}
    return sorted({row[0] for row in rows} | new)


# --- referrals ---------------------------------------------------------------------------------------------------


def referrals_of(known: Known, ids: Sequence[str]) -> dict[str, list[Referral]]:
    """Who brought these persons, oldest first: an act that names somebody's address, told by whoever did it."""
    if not known.store.row(f"SELECT 1 FROM {known.table} WHERE refers IS NOT NULL LIMIT 1"):  # noqa: S608
        return {}
    query = (
        "SELECT {0}, b.connection, b.id, b.at FROM {2} b JOIN key k ON k.name = 'email' AND k.value = b.refers "
        "{1} WHERE b.key IS NOT NULL AND k.kind = 'person' AND "
    )
    mirrored = "JOIN mirror m ON m.connection = k.connection AND m.object = k.object AND m.id = k.id"
    joined = query.format("m.entity", mirrored, known.table)
    found: dict[str, dict[str, Referral]] = {}
    rows = known.store.among(joined + "m.entity IN (?)", ids)
    wanted = set(ids)
    for ref, entity in known.links.items():
        if entity in wanted:
            mine = query.format("?", "", known.table) + "k.connection = ? AND k.object = ? AND k.id = ?"
            rows += known.store.rows(mine, (entity, *ref))
    for entity, connection, id, at in rows:
        source = f"{connection}/behaviour/{id}"
        by = _doer_of(known, connection, id)
        if by != entity:
            found.setdefault(entity, {})[source] = Referral(datetime.fromisoformat(at), source, by or source)
    return {entity: sorted(told.values(), key=lambda r: (r.at, r.source)) for entity, told in found.items()}


def _doer_of(known: Known, connection: str, id: str) -> str | None:
    """The person who did an act, by its subjects or its address."""
    kinds = known.kinds()
    for object, record, entity in known.store.rows(
        "SELECT s.object, s.record, m.entity FROM behaviour_subject s LEFT JOIN mirror m ON m.connection = "
        "s.connection AND m.object = s.object AND m.id = s.record WHERE s.connection = ? AND s.behaviour = ?",
        (connection, id),
    ):
        named = entity or known.links.get(Ref(connection, object, record))
        if named and kinds.get((connection, object)) is Kind.PERSON:
            return str(named)
    row = known.store.row(
        f"SELECT m.entity FROM {known.table} b "  # noqa: S608  # our own names
        "JOIN key k ON k.name = 'email' AND k.kind = 'person' AND k.value = b.email "
        "JOIN mirror m ON m.connection = k.connection AND m.object = k.object AND m.id = k.id "
        "WHERE b.connection = ? AND b.id = ? AND m.entity IS NOT NULL ORDER BY m.entity",
        (connection, id),
    )
    return str(row[0]) if row else None
