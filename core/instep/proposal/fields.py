"""Which of a system's fields is which of ours: as its connector says, if it is there; else by name and type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instep.contract import SystemField
from instep.model.entities import DERIVED, FIELDS, FieldType, Kind
from instep.proposal.live import LiveSystem
from instep.proposal.words import best_match

_SAME = 85
"""Only a field that is called the same is taken: one wrong field spoils every record."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "email": ("e mail", "email address"),
    "first_name": ("given name", "forename"),
    "last_name": ("surname", "family name"),
    "phone": ("phone number", "telephone"),
    "title": ("job title", "position"),
    "city": ("town", "mailing city", "billing city"),
    "country": ("mailing country", "billing country", "country region"),
    "language": ("preferred language",),
    "source": ("original source", "original traffic source"),
    "owner": ("record owner", "contact owner", "company owner", "deal owner", "account owner", "opportunity owner"),
    "name": ("company name", "account name", "deal name", "opportunity name"),
    "domain": ("company domain", "company domain name", "domain name"),
    "industry": ("sector",),
    "website": ("website url", "web site"),
    "employees": ("number of employees", "employee count", "numberofemployees"),
    "annual_revenue": ("revenue", "annualrevenue"),
    "founded": ("founded year", "year founded", "year started"),
    "amount": ("deal amount", "value"),
    "close_date": ("closing date", "expected close date", "closedate"),
    "opened_on": ("open date", "opened"),
    "product": ("product of interest",),
}
_TYPES: Mapping[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: ("text", "choice"),
    FieldType.EMAIL: ("text",),
    FieldType.PHONE: ("text",),
    FieldType.DOMAIN: ("text",),
    FieldType.NUMBER: ("number",),
    FieldType.MONEY: ("number",),
    FieldType.DATE: ("date", "instant"),
    FieldType.INSTANT: ("instant", "date"),
    FieldType.BOOLEAN: ("boolean",),
    FieldType.CHOICE: ("choice", "text"),
    FieldType.CHOICES: ("choices",),
    FieldType.OWNER: ("owner",),
}


@dataclass(frozen=True, slots=True)
class FieldGuess:
    """What one of our fields is there. `field` names it, for each object where they differ; None where it is not.

    `also` are further keys of the entry; `is_new` says that the connector's starter did not have it.
    """

    kind: Kind
    name: str
    field: str | dict[str, str] | None
    confidence: int
    reason: str
    also: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_new: bool = False
    to_create: bool = False


def guess_fields(
    kind: Kind, objects: Sequence[str], starter: Mapping[str, Any], live: LiveSystem
) -> list[FieldGuess]:
    """The fields of the starter as far as they are there, then those of ours that are there beside them."""
    guesses = [_known(kind, name, entry, objects, live) for name, entry in starter.items()]
    taken = {found for guess in guesses for found in _names(guess.field)}
    for name, type in FIELDS[kind].items():
        if name not in starter:
            guess = _new(kind, name, type, objects, live)
            if guess and not taken & _names(guess.field):
                guesses.append(guess)
                taken |= _names(guess.field)
    return guesses


def _known(kind: Kind, name: str, entry: Any, objects: Sequence[str], live: LiveSystem) -> FieldGuess:
    """An entry of the starter: there in every object, in some, under another name, or not at all."""
    wanted = {object: theirs for object in objects if (theirs := _field_of(entry, object))}
    there = {object: theirs for object, theirs in wanted.items() if live.field(object, theirs)}
    also = _corrections(kind, name, entry, there, live)
    if there == wanted and there:
        described = live.field(*next(iter(there.items())))
        return FieldGuess(kind, name, _spelled(entry), 95, f"there: {_told(described)}", also)
    if name in DERIVED:
        return FieldGuess(kind, name, _spelled(entry), 100, "to be created there", to_create=True)
    type = _type_of(kind, name, entry)
    missing = [object for object in wanted if object not in there]
    for object in missing:
        if other := _by_name(name, type, live.fields.get(object, ())):
            there[object] = other.name
    if not there:
        return FieldGuess(kind, name, None, 0, f"there is no {'/'.join(sorted(_names(wanted)))}")
    described = live.field(*next(iter(there.items())))
    reason = f"by its name: {_told(described)}" if missing else f"there: {_told(described)}"
    return FieldGuess(kind, name, _one_or_each(there, objects), _SAME, reason, also)


def _new(kind: Kind, name: str, type: FieldType, objects: Sequence[str], live: LiveSystem) -> FieldGuess | None:
    """A field of ours that the starter leaves out and that the system has under a name that says so."""
    found = {o: other for o in objects if (other := _by_name(name, type, live.fields.get(o, ())))}
    if not found:
        return None
    also: dict[str, Any] = {}
    if type is FieldType.MONEY:
        if live.info.currency is None:
            return None
        also["currency"] = live.info.currency
    if all(field.read_only for field in found.values()):
        also["direction"] = "in"
    first = next(iter(found.values()))
    spelled = _one_or_each({object: field.name for object, field in found.items()}, objects)
    return FieldGuess(kind, name, spelled, _SAME, f"by its name: {_told(first)}", also, is_new=True)


def _corrections(kind: Kind, name: str, entry: Any, there: Mapping[str, str], live: LiveSystem) -> dict[str, Any]:
    """What the system's own word changes in an entry: the currency, and what cannot be written."""
    also: dict[str, Any] = {}
    said = entry if isinstance(entry, Mapping) else {}
    money = _type_of(kind, name, entry) is FieldType.MONEY
    if money and live.info.currency and said.get("currency", live.info.currency) != live.info.currency:
        also["currency"] = live.info.currency
    described = [live.field(object, theirs) for object, theirs in there.items()]
    closed = bool(described) and all(field is not None and field.read_only for field in described)
    if closed and name not in DERIVED and said.get("direction", "both") != "in":
        also["direction"] = "in"
    return also


def _by_name(name: str, type: FieldType | None, fields: Sequence[SystemField]) -> SystemField | None:
    """The one field that is called like ours and can hold it; none where several are."""
    rated: dict[int, list[SystemField]] = {}
    for candidate in fields:
        fits = type is None or candidate.type in _TYPES[type]
        own = (name.replace("_", " "),)
        for said in (candidate.label, candidate.name) if fits else ():
            score = max(best_match(said, own, 90, "").score, best_match(said, WORDS.get(name, ()), _SAME, "").score)
            if score >= _SAME and candidate not in rated.setdefault(score, []):
                rated[score].append(candidate)
    best = rated[max(rated)] if rated else []
    return best[0] if len(best) == 1 else None


def _type_of(kind: Kind, name: str, entry: Any) -> FieldType | None:
    own = FIELDS[kind].get(name) or DERIVED.get(name)
    said = entry.get("type") if isinstance(entry, Mapping) else None
    return own or (FieldType(said) if said else None)


def _field_of(entry: Any, object: str) -> str | None:
    named = entry.get("field") if isinstance(entry, Mapping) else entry
    found = named.get(object) if isinstance(named, Mapping) else named
    return None if found is None else str(found)


def _spelled(entry: Any) -> str | dict[str, str]:
    named = entry.get("field") if isinstance(entry, Mapping) else entry
    return {str(o): str(name) for o, name in named.items()} if isinstance(named, Mapping) else str(named)


def _one_or_each(there: Mapping[str, str], objects: Sequence[str]) -> str | dict[str, str]:
    names = set(there.values())
    return names.pop() if len(names) == 1 and len(there) == len(objects) else dict(there)


def _names(field: str | Mapping[str, str] | None) -> set[str]:
    return set() if field is None else {field} if isinstance(field, str) else set(field.values())


def _told(field: SystemField | None) -> str:
    return f'"{field.label}", {field.type}' if field else "nothing"
