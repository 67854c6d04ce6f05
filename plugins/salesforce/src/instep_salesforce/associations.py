"""Reads and writes what records belong to: accounts, and the contacts of an opportunity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from instep.contract import Missing, Outcome, Rejected, Related, Relation, Written
from instep.errors import PluginError, RemoteError
from instep_salesforce import wire
from instep_salesforce.batches import Batch, Batches, Outcomes, Row, in_parts, rounds
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import by_id, select
from instep_salesforce.refusals import rejected
from instep_salesforce.schema import Schema
from instep_salesforce.values import id18, is_id
from instep_salesforce.wire import Problem, Record

ACCOUNT: Final = "AccountId"
ROLE: Final = "OpportunityContactRole"
"""Which contacts take part in an opportunity; at most one of them is the primary one.

developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunitycontactrole.htm
"""
_BY_ACCOUNT: Final = frozenset((("Contact", "Account"), ("Opportunity", "Account")))
_BY_ROLE: Final = ("Opportunity", "Contact")
_ROLE_TYPES: Final = {"Id": "id", "OpportunityId": "reference", "ContactId": "reference", "IsPrimary": "boolean"}
_OWN_CHOICE: Final = {"Sforce-Auto-Assign": "FALSE"}


def related(
    client: SalesforceClient, schema: Schema, object: str, ids: Sequence[str], to_object: str
) -> list[tuple[Related, ...]]:
    """What each record is associated with. A lead has no account: nothing."""
    if (object, to_object) in _BY_ACCOUNT:
        return _accounts(client, schema, object, ids)
    if (object, to_object) == _BY_ROLE:
        found: dict[str, list[Related]] = {}
        for role in _roles(client, ids):
            end = Related("Contact", role["ContactId"], bool(role["IsPrimary"]))
            ends = found.setdefault(role["OpportunityId"], [])
            others = [other for other in ends if other.id != end.id]
            is_primary = end.primary or any(other.primary for other in ends if other.id == end.id)
            found[role["OpportunityId"]] = [*others, Related("Contact", end.id, is_primary)]
        return [tuple(found.get(id18(id), ())) for id in ids]
    if object == "Lead":
        return [() for _ in ids]
    raise PluginError(f"Salesforce: what ties {object} to {to_object} is read from the other end.")


def relate(client: SalesforceClient, schema: Schema, relations: Sequence[Relation]) -> list[Outcome]:
    """Associate, all of one pair of objects. Twice leaves one."""
    if not relations:
        return []
    pair = _pair(relations)
    if pair in _BY_ACCOUNT:
        return _with_accounts(client, schema, relations, [r.to_id for r in relations])
    if pair == _BY_ROLE:
        return _with_roles(client, relations)
    return [_unsupported(*pair) for _ in relations]


def unrelate(client: SalesforceClient, schema: Schema, relations: Sequence[Relation]) -> list[Outcome]:
    """Remove associations. One that is not there counts as removed."""
    if not relations:
        return []
    pair = _pair(relations)
    if pair in _BY_ACCOUNT:
        held = _accounts(client, schema, pair[0], [r.id for r in relations])
        there = [r for r, ends in zip(relations, held, strict=True) if id18(r.to_id) in {end.id for end in ends}]
        outcomes = dict(zip(there, _with_accounts(client, schema, there, [None] * len(there)), strict=True))
        return [outcomes.get(relation, Written(relation.id, {})) for relation in relations]
    if pair == _BY_ROLE:
        return _without_roles(client, relations)
    return [_unsupported(*pair) for _ in relations]


# --- accounts --------------------------------------------------------------------------------------------------


def _accounts(client: SalesforceClient, schema: Schema, object: str, ids: Sequence[str]) -> list[tuple[Related, ...]]:
    found = by_id(client, schema, object, ids, [ACCOUNT])
    if ACCOUNT not in found.types:
        raise RemoteError(
            f"Salesforce ({object}): the login may not see {ACCOUNT}, so no record can be tied to its company. "
            "Give its user read access to that field."
        )
    return [_account(found.records.get(id)) for id in ids]


def _account(record: Record | str | None) -> tuple[Related, ...]:
    id = record.get(ACCOUNT) if isinstance(record, dict) else None
    return (Related("Account", id, primary=True),) if id else ()


def _with_accounts(
    client: SalesforceClient, schema: Schema, relations: Sequence[Relation], accounts: Sequence[str | None]
) -> list[Outcome]:
    """Set the account of each record; of two for one record, the last that is accepted holds."""
    pairs = zip(relations, accounts, strict=True)
    rows = [Row(place, relation.id, {ACCOUNT: account}) for place, (relation, account) in enumerate(pairs)]
    if not rows:
        return []
    batch = Batch(relations[0].object, "update", {ACCOUNT: "reference"}, headers=_OWN_CHOICE)
    batches = Batches(client)
    outcomes = in_parts(list(rounds(rows, by_key=False)), lambda turn: batches.send(batch, turn))
    return [_told(outcomes[place]) for place in range(len(rows))]


# --- contact roles ---------------------------------------------------------------------------------------------


def _with_roles(client: SalesforceClient, relations: Sequence[Relation]) -> list[Outcome]:
    """Give contacts a role in opportunities; a new primary one demotes the old one first."""
    wanted = list(dict.fromkeys(relations))
    held = {(role["OpportunityId"], role["ContactId"]): role for role in _roles(client, [r.id for r in wanted])}
    primaries = {id18(r.id): id18(r.to_id) for r in wanted if r.primary}
    batches = Batches(client)
    demoted = [
        Row(place, role["Id"], {"IsPrimary": False})
        for place, ((opportunity, contact), role) in enumerate(held.items())
        if role["IsPrimary"] and primaries.get(opportunity, contact) != contact
    ]
    batches.send(Batch(ROLE, "update", _ROLE_TYPES), demoted)
    new: list[Row] = []
    promoted: list[Row] = []
    outcomes: Outcomes = {}
    for place, relation in enumerate(wanted):
        role = held.get((id18(relation.id), id18(relation.to_id)))
        if role is None:
            new.append(Row(place, relation.id, _role(relation)))
        elif relation.primary and not role["IsPrimary"]:
            promoted.append(Row(place, role["Id"], {"IsPrimary": True}))
        else:
            outcomes[place] = Written(relation.id, {})
    made = batches.send(Batch(ROLE, "create", _ROLE_TYPES, "OpportunityId"), new)
    outcomes |= {place: _there_already(wanted[place], outcome) for place, outcome in made.items()}
    outcomes |= batches.send(Batch(ROLE, "update", _ROLE_TYPES), promoted)
    told = {relation: _told(outcomes[place]) for place, relation in enumerate(wanted)}
    return [told[relation] for relation in relations]


def _there_already(relation: Relation, outcome: Outcome | Problem) -> Outcome | Problem:
    """A role that no query shows yet is refused a second time: it is there, which is all that was wanted."""
    told = _told(outcome)
    is_twice = isinstance(told, Rejected) and told.code == "duplicate"
    return Written(relation.id, {}) if is_twice else outcome


def _role(relation: Relation) -> dict[str, str | bool]:
    return {"ContactId": relation.to_id, "IsPrimary": relation.primary}


def _without_roles(client: SalesforceClient, relations: Sequence[Relation]) -> list[Outcome]:
    """Remove every role that a contact has in an opportunity."""
    pairs = {(id18(r.id), id18(r.to_id)) for r in relations}
    roles = [r for r in _roles(client, [r.id for r in relations]) if (r["OpportunityId"], r["ContactId"]) in pairs]
    outcomes = Batches(client).send(Batch(ROLE, "delete"), [Row(i, role["Id"], {}) for i, role in enumerate(roles)])
    failed: dict[tuple[str, str], Outcome] = {}
    for place, role in enumerate(roles):
        outcome = _told(outcomes[place])
        if not isinstance(outcome, Written | Missing):
            failed[role["OpportunityId"], role["ContactId"]] = outcome
    return [failed.get((id18(r.id), id18(r.to_id)), Written(r.id, {})) for r in relations]


def _roles(client: SalesforceClient, ids: Sequence[str]) -> list[Record]:
    asked = sorted({id18(id) for id in ids if is_id(id)})
    return list(select(client, ROLE, wire.Columns(_ROLE_TYPES), asked, "OpportunityId", " AND IsDeleted = FALSE"))


# --- both ------------------------------------------------------------------------------------------------------


def _told(outcome: Outcome | Problem) -> Outcome:
    return rejected(outcome) if isinstance(outcome, Problem) else outcome


def _unsupported(object: str, to_object: str) -> Rejected:
    reason = f"Salesforce ties no {object} to an {to_object}."
    if object == "Lead":
        reason = "A lead in Salesforce has no account until it is converted."
    return Rejected("unsupported", reason)


def _pair(relations: Sequence[Relation]) -> tuple[str, str]:
    pairs = {(relation.object, relation.to_object) for relation in relations}
    if len(pairs) != 1:
        raise PluginError(f"Salesforce: associations of one call must be of one pair, not {sorted(pairs)}.")
    return pairs.pop()
