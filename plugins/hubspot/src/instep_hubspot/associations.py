"""Reads and writes associations between contacts, companies and deals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from instep.contract import Outcome, Rejected, Related, Relation, Unknown, Written
from instep.errors import PluginError, RemoteError, UnknownOutcomeError
from instep_hubspot import wire
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.refusals import outcome_of
from instep_hubspot.wire import ErrorBody, Paging

_PLAIN: Final = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
}
_PRIMARY: Final = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}
"""Type ids by pair. developers.hubspot.com/docs/guides/api/crm/associations/associations-v4"""


class _Type(msgspec.Struct):
    typeId: int  # noqa: N815


class _Target(msgspec.Struct):
    toObjectId: str | int  # noqa: N815
    associationTypes: list[_Type] = []  # noqa: N815


class _From(msgspec.Struct):
    id: str | int


class _Found(msgspec.Struct):
    from_: _From = msgspec.field(name="from")
    to: list[_Target] = []
    paging: Paging | None = None


class _ReadAnswer(msgspec.Struct):
    results: list[_Found]


class _Made(msgspec.Struct):
    fromObjectId: str | int  # noqa: N815
    toObjectId: str | int  # noqa: N815


class _CreateAnswer(msgspec.Struct):
    results: list[_Made]
    errors: list[ErrorBody] = []


_read_answer = msgspec.json.Decoder(_ReadAnswer)
_create_answer = msgspec.json.Decoder(_CreateAnswer)


def related(client: HubSpotClient, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
    """The associations of each record, up to 1,000 records a call; long lists take further calls."""
    found: dict[str, dict[Related, None]] = {}
    primary = _PRIMARY.get((object, to_object))
    inputs = [{"id": id} for id in dict.fromkeys(ids)]
    while inputs:
        call = _call(client, object, to_object, "read", inputs, writes=False)
        inputs = []
        for result in client.fetch(call, _read_answer).value.results:
            id = str(result.from_.id)
            ends = found.setdefault(id, {})
            before = len(ends)
            ends |= dict.fromkeys(_related(target, to_object, primary) for target in result.to)
            if after := wire.after(result.paging):
                if len(ends) == before:
                    raise RemoteError(f"HubSpot ({call.label}): promised more and gave nothing new. Run again later.")
                inputs.append({"id": id, "after": after})
    return [tuple(found.get(id, ())) for id in ids]


def _related(target: _Target, to_object: str, primary: int | None) -> Related:
    types = {type.typeId for type in target.associationTypes}
    return Related(to_object, str(target.toObjectId), primary in types)


def relate(client: HubSpotClient, relations: Sequence[Relation]) -> list[Outcome]:
    """Associate, all of one pair of objects. Twice leaves one; a new primary demotes the old."""
    if not relations:
        return []
    _pair(relations)
    if any(relation.primary and _type_of(relation) is None for relation in relations):
        refusal = Rejected("unsupported", "HubSpot marks only companies as primary.")
        return [refusal for _ in relations]
    outcomes = _made(client, list(dict.fromkeys(relations)))
    return [outcomes[relation] for relation in relations]


def unrelate(client: HubSpotClient, relations: Sequence[Relation]) -> list[Outcome]:
    """Remove associations. HubSpot says the same of one that was not there."""
    if not relations:
        return []
    object, to_object = _pair(relations)
    targets: dict[str, list[str]] = {}
    for relation in relations:
        targets.setdefault(relation.id, []).append(relation.to_id)
    inputs = [{"from": {"id": id}, "to": [{"id": to} for to in ends]} for id, ends in targets.items()]
    try:
        client.send(_call(client, object, to_object, "archive", inputs))
    except UnknownOutcomeError as lost:
        return [Unknown(str(lost)) for _ in relations]
    except RefusedError as refused:
        return [outcome_of(refused.body, refused.status) for _ in relations]
    return [Written(relation.id, {}) for relation in relations]


def _made(client: HubSpotClient, relations: list[Relation]) -> dict[Relation, Outcome]:
    """Create associations; where HubSpot refuses some without saying which, halve until it is plain."""
    first = relations[0]
    inputs = [_input(relation) for relation in relations]
    call = _call(client, first.object, first.to_object, "create", inputs)
    try:
        answer = client.fetch(call, _create_answer).value
    except UnknownOutcomeError as lost:
        return {relation: Unknown(str(lost)) for relation in relations}
    except RefusedError as refused:
        if len(relations) == 1:
            return {first: outcome_of(refused.body, refused.status)}
        return _halved(client, relations)
    made = {(str(result.fromObjectId), str(result.toObjectId)) for result in answer.results}
    outcomes: dict[Relation, Outcome] = {r: Written(r.id, {}) for r in relations if (r.id, r.to_id) in made}
    left = [relation for relation in relations if relation not in outcomes]
    if len(left) == 1 and answer.errors:
        return {**outcomes, left[0]: outcome_of(answer.errors[0])}
    if left and answer.errors:
        return {**outcomes, **_halved(client, left)}
    unmentioned = Unknown(f"HubSpot ({call.label}): its answer does not mention this association.")
    return {**outcomes, **dict.fromkeys(left, unmentioned)}


def _halved(client: HubSpotClient, relations: list[Relation]) -> dict[Relation, Outcome]:
    middle = len(relations) // 2
    return {**_made(client, relations[:middle]), **_made(client, relations[middle:])}


def _input(relation: Relation) -> dict[str, object]:
    type = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _type_of(relation)}
    return {"from": {"id": relation.id}, "to": {"id": relation.to_id}, "types": [type]}


def _type_of(relation: Relation) -> int | None:
    table = _PRIMARY if relation.primary else _PLAIN
    return table.get((relation.object, relation.to_object))


def _pair(relations: Sequence[Relation]) -> tuple[str, str]:
    pairs = {(relation.object, relation.to_object) for relation in relations}
    if len(pairs) != 1 or not pairs <= _PLAIN.keys():
        raise PluginError(f"HubSpot: associations of one call must be of one known pair, not {sorted(pairs)}.")
    return pairs.pop()


def _call(
    client: HubSpotClient,
    object: str,
    to_object: str,
    verb: Literal["read", "create", "archive"],
    inputs: Sequence[object],
    *,
    writes: bool = True,
) -> Call:
    path = client.path("associations", object, to_object, "batch", verb)
    label = f"associations/{object}/{to_object}/{verb}"
    return Call("POST", path, label, body={"inputs": list(inputs)}, writes=writes)
