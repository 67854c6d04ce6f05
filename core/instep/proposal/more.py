"""What else a live system can say of a starter: keys to match by, relations, consent, what it demands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from instep.mapping.toml import toml_item
from instep.model.entities import RELATIONS, Kind
from instep.proposal.fields import FieldGuess
from instep.proposal.live import LiveSystem
from instep.proposal.words import best_match

_OPTED_OUT = ("opted out", "opted out of email", "email opt out", "unsubscribed", "do not email", "no email")


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only a person can say, and where in the file it belongs."""

    place: str
    text: str
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"

    def as_json(self) -> dict[str, Any]:
        return {"place": self.place, "text": self.text, "choices": list(self.choices)}


def check_match(kind: Kind, entity: Any, guesses: Iterable[FieldGuess]) -> list[Question]:
    """Drop keys whose field is not there."""
    gone = {guess.name for guess in guesses if guess.field is None}
    missing = [str(key) for key in entity["match"] if key in gone]
    if missing:
        entity["match"] = toml_item([str(key) for key in entity["match"] if key not in gone] or ["instep_id"])
    return [Question(f"{kind}.match", f"no longer names {key}: there is no field for it") for key in missing]


def check_relations(kind: Kind, entity: Any, live: LiveSystem) -> list[Question]:
    """Ask about relations that no object of the kind can have."""
    questions = []
    for name, entry in list(entity.get("relations", {}).items()):
        to = str(entry["object"] if isinstance(entry, dict) else entry)
        can = live.relates is None or any(to in live.relates.get(object, ()) for object in entity["objects"])
        if name in RELATIONS[kind] and not can:
            text = f"leads to {to}, and the system ties none of {', '.join(entity['objects'])} to it"
            questions.append(Question(f"{kind}.relations.{name}", text))
    return questions


def check_consent(kind: Kind, entity: Any, live: LiveSystem) -> list[Question]:
    """Consent is kept by the system itself, or in a field that says who opted out."""
    if kind is not Kind.PERSON:
        return []
    named = entity.get("consent", {}).get("field")
    objects = [str(object) for object in entity["objects"]]
    if named is None and live.keeps_consents:
        return []
    if named is not None and (not live.fields or any(live.field(object, str(named)) for object in objects)):
        return []
    entity.pop("consent", None)
    found = _opt_out_fields(objects, live)
    said = f"; {found[0]} looks like it" if found else ""
    return [Question("person.consent", f"is left out: nothing is known to say who opted out{said}", tuple(found))]


def _opt_out_fields(objects: Sequence[str], live: LiveSystem) -> list[str]:
    return [
        field.name
        for object in objects
        for field in live.fields.get(object, ())
        if field.type == "boolean" and best_match(field.label, _OPTED_OUT, 100, "").score >= 80
    ]


def demanded(kind: Kind, entity: Any, live: LiveSystem) -> list[Question]:
    """What the system demands of new records and the file does not give."""
    given = {*entity.get("required", {}), *_mapped(entity.get("fields", {}))}
    tables = [entity.get("stages", {}), entity.get("stages_in", {})]
    given |= {str(table[key]) for table in tables for key in ("field", "pipeline_field") if key in table}
    found = [
        (object, field)
        for object in _made(entity)
        for field in live.fields.get(object, ())
        if field.required and not field.read_only and field.name not in given
    ]
    place = f"{kind}.required"
    return [
        Question(place, f'{object} demands {field.name} ("{field.label}") of new records, and nothing gives it')
        for object, field in found
    ]


def missing_of_ours(entity: Any, guesses: Iterable[FieldGuess], live: LiveSystem) -> list[str]:
    """The fields that Instep keeps for itself and that some object lacks."""
    names = [str(guess.field) for guess in guesses if guess.to_create]
    kept = entity.get("instep_id", "instep_id")
    names += [str(kept)] if kept is not False else []
    return [f"{o}.{name}" for o in entity["objects"] for name in names if live.field(str(o), name) is None]


def _made(entity: Any) -> list[str]:
    """The objects that new records become."""
    if entity.get("create", "never") == "never":
        return []
    made = entity.get("create_as", [])
    return [str(made)] if isinstance(made, str) else [str(one["object"]) for one in made]


def _mapped(fields: Any) -> set[str]:
    named = [entry["field"] if isinstance(entry, dict) else entry for entry in fields.values()]
    return {str(name) for one in named for name in (one.values() if isinstance(one, dict) else [one])}
