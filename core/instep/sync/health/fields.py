"""Whether the fields of a mapping are there, can be written, and hold what will be put into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from instep.contract import Absent, SystemField
from instep.errors import AccessError
from instep.mapping.compiled import EntityMapping, FieldMapping
from instep.model.entities import FieldType, Kind
from instep.model.identity import derived_id
from instep.model.rules import Never
from instep.model.values import Scalar
from instep.sync.health.finding import Finding
from instep.sync.health.login import writes
from instep.sync.health.ours import OURS
from instep.sync.health.words import words_of
from instep.sync.session import Live, Session

_TEXTS = (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.DOMAIN)


@dataclass(slots=True)
class Described:
    """Every field of the mapped objects, as the login sees them, and the objects that it may not see at all."""

    fields: dict[str, dict[str, SystemField]] = field(default_factory=dict)
    refused: list[Finding] = field(default_factory=list)


def described(live: Live) -> Described:
    """Ask for every mapped object; nothing where the system cannot be asked."""
    found, store = Described(), live.parts.fields
    if isinstance(store, Absent):
        return found
    for object in live.mapping.objects:
        try:
            found.fields[object] = {field.name: field for field in store.read(object)}
        except AccessError as error:
            found.refused.append(Finding(live.name, "object-hidden", str(error), "wrong", is_access=True))
    return found


def fields(session: Session, live: Live, object: str, known: Described) -> list[Finding]:
    """Everything about one object."""
    if object not in known.fields:
        return []
    mapping, of_object = live.mapping.objects[object], known.fields[object]
    findings = [
        *_mapped(live, mapping, object, known),
        *_own_id(live, mapping, object, of_object),
        *_consent(live, mapping, object, known),
        *_unfilled(live, mapping, object, of_object),
        *_lengths(session, live, mapping, object, of_object),
    ]
    if of_object and all(field.read_only for field in of_object.values()) and writes(mapping):
        what = f"{object} can only be read by this login"
        remedy = "Where it shall be written, give the login (or the connection's settings) the right to."
        findings = [finding for finding in findings if finding.code != "field-read-only"]
        findings.append(Finding(live.name, "object-read-only", what, "warning", remedy))
    return findings or [Finding(live.name, "fields", f"every mapped field of {object} is there")]


def _mapped(live: Live, mapping: EntityMapping, object: str, known: Described) -> Iterator[Finding]:
    of_object = known.fields[object]
    for mapped in mapping.fields:
        for name in filter(None, (mapped.field, mapped.currency_field)):
            found = of_object.get(name)
            if found is None:
                others = [] if mapped.by_object else [o for o in mapping.objects if name in known.fields.get(o, ())]
                yield _elsewhere(live, object, name, others) if others else _no_field(live, object, name, mapped.name)
            elif mapped.tells and found.read_only:
                what = f"{object}.{name} cannot be written by this login"
                yield Finding(
                    live.name, "field-read-only", what, "wrong", 'Let it be edited, or set direction = "in".'
                )
        choice = of_object.get(mapped.field)
        if choice is not None and choice.options is not None and mapped.tells:
            yield from _options(live, object, choice, [words[0] for words in mapped.values.values() if words])


def _elsewhere(live: Live, object: str, name: str, others: Sequence[str]) -> Finding:
    """A field of another object of the same kind: nobody tells whether this one has it too, and hides it."""
    what = f"{object} has no field {name} that this login sees, and {others[0]} has one"
    remedy = f'Let this login see it, or say that only some have it: {{ field = {{ {others[0]} = "{name}" }} }}.'
    return Finding(live.name, "field-elsewhere", what, "warning", remedy)


def _no_field(live: Live, object: str, name: str, canonical: str) -> Finding:
    create = f"Run: instep doctor --create-fields {live.name}"
    remedy = create if canonical in OURS else "Correct the mapping, or let this login see the field."
    return Finding(live.name, "field-missing", f"{object} has no field {name} that this login sees", "wrong", remedy)


def _own_id(live: Live, mapping: EntityMapping, object: str, known: Mapping[str, SystemField]) -> Iterator[Finding]:
    if not mapping.instep_id:
        return
    found, create = known.get(mapping.instep_id), f"Run: instep doctor --create-fields {live.name}"
    if found is None:
        what = f"{object} has no field {mapping.instep_id} that this login sees, so nothing can be created there"
        yield Finding(live.name, "instep-id-missing", what, "wrong", create)
    elif found.read_only:
        what = f"{object}.{mapping.instep_id} cannot be written by this login, so nothing can be created there"
        yield Finding(live.name, "field-read-only", what, "wrong", "Let it be edited.")
    elif not found.unique:
        what = f"{object}.{mapping.instep_id} is not unique, so a record that is created twice would not be noticed"
        yield Finding(live.name, "instep-id-not-unique", what, "wrong", "Make it unique there.")


def _consent(live: Live, mapping: EntityMapping, object: str, known: Described) -> Iterator[Finding]:
    name = mapping.consent.field if mapping.consent else None
    if name is not None and not any(name in known.fields.get(other, ()) for other in mapping.objects):
        what = f"{object} has no field {name} that this login sees, so no opt-out is read or written there"
        yield Finding(live.name, "field-missing", what, "wrong", "Let this login see it, or correct the mapping.")


def _options(live: Live, object: str, found: SystemField, spelled: Iterable[str]) -> Iterator[Finding]:
    known = {option.value for option in found.options or ()}
    for value in sorted(set(spelled) - known):
        what = f'{object}.{found.name} has no option "{value}"'
        yield Finding(live.name, "option-missing", what, "wrong", "Add the option there, or change the mapping.")


# --- what a new record needs -------------------------------------------------------------------------------------


def _unfilled(live: Live, mapping: EntityMapping, object: str, known: Mapping[str, SystemField]) -> Iterator[Finding]:
    """Fields that a new record must have, and that nothing fills."""
    if isinstance(mapping.create, Never) or object not in {way.object for way in mapping.create_as}:
        return
    filled = {mapped.field for mapped in mapping.fields if mapped.tells} | set(mapping.required)
    filled |= {name for table in mapping.tables() for name in (table.field, table.pipeline_field) if name}
    filled |= {mapping.instep_id or "", (mapping.consent.field or "") if mapping.consent else ""}
    for name in sorted(found.name for found in known.values() if found.required and found.name not in filled):
        what = f"{object}.{name} is required of a new record, and nothing in the mapping fills it"
        remedy = f"Map it, or give it a default under [{mapping.kind}.required]."
        yield Finding(live.name, "required-unfilled", what, "wrong", remedy)


# --- what a field can hold ---------------------------------------------------------------------------------------


def _lengths(
    session: Session, live: Live, mapping: EntityMapping, object: str, known: Mapping[str, SystemField]
) -> Iterator[Finding]:
    """Texts that are shorter there than what will be put into them, as far as that is known."""
    for name, needs in _needs(session, live, mapping, object).items():
        found = known.get(name)
        if found is None or found.max_length is None:
            continue
        longest, why = max(needs)
        if longest > found.max_length:
            what = f"{object}.{name} holds {found.max_length:,} characters, and {why} has {longest:,}"
            yield Finding(live.name, "field-too-short", what, "wrong", "Make the field longer there.")


def _needs(session: Session, live: Live, mapping: EntityMapping, object: str) -> dict[str, list[tuple[int, str]]]:
    """Per field of the object, how long a text is that it will have to hold, and which."""
    needs: dict[str, list[tuple[int, str]]] = {}
    if mapping.instep_id:
        needs[mapping.instep_id] = [(len(derived_id("", "", "")), "our own id")]
    for mapped in mapping.fields:
        if mapped.tells:
            needs.setdefault(mapped.field, []).extend(_needed(session, live, mapping.kind, mapped))
    for name, required in mapping.required.items():
        needs.setdefault(name, []).append(_length(required.default, f'the default "{required.default}"'))
    for table in mapping.tables():
        words = [*table.values.values(), *table.outcomes.values()]
        needs.setdefault(table.field, []).extend(_length(word, f'"{word}"') for word in words)
    return {name: of for name, of in needs.items() if of}


def _needed(session: Session, live: Live, kind: Kind, mapped: FieldMapping) -> Iterator[tuple[int, str]]:
    if mapped.name == "instep_stage":
        yield from (_length(stage.key, f'the stage "{stage.key}"') for stage in session.workspace.process.stages)
    for words in mapped.values.values():
        yield _length(words[0], f'"{words[0]}"')
    if mapped.type in _TEXTS and not mapped.values:
        yield from _seen(session, live, kind, mapped.name)


def _length(value: Scalar, why: str) -> tuple[int, str]:
    return (len(value), why) if isinstance(value, str) else (0, why)


def _seen(session: Session, live: Live, kind: Kind, name: str) -> Iterator[tuple[int, str]]:
    """The longest text that each other connection was seen to hold; nothing before the first run."""
    for connection, mapping in session.workspace.mappings.items():
        of_kind = mapping.entities.get(kind)
        for object in of_kind.objects if of_kind and connection != live.name else ():
            mapped = mapping.objects[object].mapped(name)
            longest = words_of(session.store, connection, object, mapped.field) if mapped and mapped.hears else 0
            yield longest, f"a {name} that {connection}/{object} holds"
