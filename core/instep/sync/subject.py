"""Whom `erase` is about: every record, address and act of one person that the state knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from instep.errors import ConfigError
from instep.mapping.compiled import ErasePolicy, Workspace
from instep.model.entities import FieldType, Kind
from instep.model.identity import normalised_key
from instep.model.values import decode
from instep.store import Store
from instep.sync.erased import addresses
from instep.sync.ledger import Ref
from instep.sync.lookup import find_entity


class Known(NamedTuple):
    """A person's record, as it was last seen."""

    ref: Ref
    state: str
    entity: str | None
    emails: frozenset[str]
    successor: Ref | None
    """What it was merged or converted into."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One person, as far as the state knows."""

    entity: str | None
    records: tuple[Known, ...]
    emails: frozenset[str]
    """Addresses that nobody else has."""
    shared: frozenset[str]
    """Addresses that others have as well: these identify nobody."""

    @property
    def refs(self) -> frozenset[Ref]:
        return frozenset(record.ref for record in self.records)


def policy_of(workspace: Workspace, connection: str) -> ErasePolicy | None:
    """What a connection's file says of people who are erased; None where it says nothing."""
    mapping = workspace.mappings.get(connection)
    person = mapping.entities.get(Kind.PERSON) if mapping is not None else None
    return person.erase if person is not None else None


def find_subject(store: Store, workspace: Workspace, key: str) -> Subject | None:
    """The person that a key names: an e-mail address, a record, its id, or an instep_id. None if nobody is known.

    Records that nothing links yet count as the person's if they hold one of their addresses, or became one of their
    records, or were one. Raises `ConfigError` where the key names several persons, or something else.
    """
    known = _person_records(store, workspace)
    address = normalised_key(FieldType.EMAIL, key)
    named = [record for record in known.values() if _is_named(record, key.strip(), address)]
    entity = _one_entity(store, key.strip(), named)
    own = {record.ref: record for record in known.values() if entity is not None and record.entity == entity}
    own |= {record.ref: record for record in named if record.entity is None}
    _grow(own, [record for record in known.values() if record.entity is None])
    emails = {email for record in own.values() for email in record.emails}
    if address and not own and store.row("SELECT 1 FROM behaviour WHERE email = ? OR refers = ?", (address, address)):
        emails.add(address)
    if entity is None and not own and not emails:
        return None
    others = {email for record in known.values() if record.ref not in own for email in record.emails}
    records = tuple(sorted(own.values()))
    return Subject(entity, records, frozenset(emails - others), frozenset(emails & others))


def _person_records(store: Store, workspace: Workspace) -> dict[Ref, Known]:
    """Every record of a person, also of a connection that is not configured any more."""
    persons = {row[0] for row in store.rows("SELECT id FROM entity WHERE kind = ?", (Kind.PERSON,))}
    found = {}
    for connection, object, id, fields, state, successor, entity in store.each(
        "SELECT connection, object, id, fields, state, successor, entity FROM mirror"
    ):
        mapping = workspace.entity_mapping(connection, object)
        if entity in persons or (mapping is not None and mapping.kind is Kind.PERSON):
            ref = Ref(connection, object, id)
            emails = frozenset(addresses(mapping, decode(fields))) if mapping is not None else frozenset[str]()
            heir = Ref(connection, *json.loads(successor)) if successor else None
            found[ref] = Known(ref, state, entity, emails, heir)
    return found


def _is_named(record: Known, key: str, address: str | None) -> bool:
    return address in record.emails or key in (str(record.ref), record.ref.id)


def _one_entity(store: Store, key: str, named: Iterable[Known]) -> str | None:
    entities = {record.entity for record in named if record.entity is not None}
    entities |= {row[0] for row in store.rows("SELECT id FROM entity WHERE id = ? AND kind = ?", (key, Kind.PERSON))}
    if len(entities) > 1:
        ids = ", ".join(sorted(entities))
        raise ConfigError(f"Several persons are known by that: {ids}. Name one of them by that id.")
    if not entities and not any(named):
        others = [(id, kind) for id, kind in find_entity(store, key) if kind is not Kind.PERSON]
        if others:
            raise ConfigError(
                f"Only persons are erased, and that is known as: {others[0][1]}. Delete it in its systems."
            )
    return next(iter(entities), None)


def _grow(own: dict[Ref, Known], unlinked: Iterable[Known]) -> None:
    """Add unlinked records that are this person's as well, until there are no more."""
    left = {record.ref: record for record in unlinked if record.ref not in own}
    while True:
        emails = {email for record in own.values() for email in record.emails}
        heirs = {record.successor for record in own.values()}
        more = {
            ref: record
            for ref, record in left.items()
            if ref in heirs or record.successor in own or not emails.isdisjoint(record.emails)
        }
        if not more:
            return
        own |= more
        left = {ref: record for ref, record in left.items() if ref not in more}
