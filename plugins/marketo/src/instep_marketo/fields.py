"""Reads the fields of leads, and creates those that are asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from instep.contract import FieldLimits, FieldSpec, Option, Outcome, Rejected, SystemField, Unknown, Written
from instep.errors import AccessError, RemoteError, UnknownOutcomeError
from instep_marketo import schema
from instep_marketo.answers import Call, Problem, RefusedError
from instep_marketo.associations import Members
from instep_marketo.client import MarketoClient
from instep_marketo.refusals import refusal
from instep_marketo.settings import MarketoSettings

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MADE_AS: Final = {"text": "string", "number": "float", "boolean": "boolean", "date": "date", "instant": "datetime"}
_LIMITS: Final = FieldLimits(
    name=_NAME.pattern,
    reserved=frozenset(name.casefold() for name in (*schema.COMPANY_FIELDS, *schema.STANDARD_FIELDS)),
    types=frozenset(_MADE_AS),
)
_KEY: Final = "Instep finds leads by this field."
"""Marketo has no unique fields: a field that was made to be one says so in its description."""
_ROOT: Final = "/rest/v1/leads/schema/fields.json"

FieldType = Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
_TYPES: Final[dict[str, FieldType]] = {
    "integer": "number",
    "score": "number",
    "reference": "number",
    "float": "number",
    "currency": "number",
    "percent": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "instant",
}


class _Described(msgspec.Struct):
    name: str
    description: str | None = None


class _Made(msgspec.Struct):
    status: str
    reasons: list[Problem] = []


class MarketoFields:
    """The fields of leads, and the memberships that the settings name.

    Marketo has no choices: a stage field is a free text. No API deletes a field, it can only be hidden by hand.
    """

    def __init__(self, client: MarketoClient, settings: MarketoSettings, known: schema.Schema) -> None:
        self._client = client
        self._settings = settings
        self._schema = known
        self._members = Members(client, settings)

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Every field of leads. Those of their companies, and of their owners, are read only.

        Marketo developer guide: Field types
        """
        self._schema.forget()
        keys = self._keys()
        own = [self._field(object, field, keys) for field in self._schema.fields().values()]
        programs = [SystemField(object, name, f"Status in {name}", "text") for name in self._members.programs]
        lists = [SystemField(object, name, f"On {name}", "boolean") for name in self._members.lists]
        return (*own, *programs, *lists)

    def limits(self) -> FieldLimits:
        """A letter, then letters, digits and underscores; Marketo's own fields cannot be created."""
        return _LIMITS

    def extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        """Refused: Marketo has no choices to extend."""
        return Rejected("no_choices", f'Marketo has no choices, so "{name}" takes any value.', name)

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a custom field; one of the same name and type counts as created.

        Codes of a refusal: `unsupported` (Marketo has no choices), `bad_name`, `different` (the name is taken by a
        field of another type), `taken` (the label is). Marketo allows a hundred fields that were made by API.
        Marketo developer guide: Leads
        """
        if spec.type not in _MADE_AS:
            reason = (
                "Marketo has no fields with choices. Make it a text; Instep writes only the values of the mapping."
            )
            return Rejected("unsupported", reason, spec.name)
        if not _NAME.fullmatch(spec.name):
            reason = f'Marketo takes no field "{spec.name}": a letter, then letters, digits and underscores.'
            return Rejected("bad_name", reason, spec.name)
        self._schema.forget()
        if (known := self._schema.fields().get(spec.name)) is not None:
            return _same_or_different(spec, known)
        made = self._make(spec)
        self._schema.forget()
        if isinstance(made, Rejected | Unknown) and (known := self._schema.fields().get(spec.name)) is not None:
            return _same_or_different(spec, known)  # somebody else was quicker, or only the answer was lost
        return made

    def _make(self, spec: FieldSpec) -> Outcome:
        description = " ".join(text for text in (spec.description, _KEY if spec.unique else "") if text)
        field = {"name": spec.name, "displayName": self._label(spec), "dataType": _MADE_AS[spec.type]}
        body = {"input": [{**field, "description": description}]}
        call = Call("POST", _ROOT, "leads/schema/fields/create", body=body, writes=True, repeatable=False)
        try:
            (result,) = msgspec.convert(self._client.fetch(call).result, list[_Made])
        except (UnknownOutcomeError, ValueError) as lost:
            return Unknown(f"Marketo ({call.label}): what came of it is not known. {lost}")
        except RefusedError as refused:
            return refusal(refused.problem, spec.name)
        if result.status == "skipped":
            return refusal(result.reasons[0] if result.reasons else Problem(), spec.name)
        return Written(spec.name, {}, created=True)

    def _label(self, spec: FieldSpec) -> str:
        """The wanted label; with the name behind it where another field is called so: labels are told apart."""
        taken = {field.displayName.casefold() for field in self._schema.fields().values()}
        return f"{spec.label} {spec.name}" if spec.label.casefold() in taken else spec.label

    def _keys(self) -> frozenset[str]:
        """The fields by which leads are found. A login that may not read descriptions has those of the settings."""
        keys = set(self._settings.key_fields)
        try:
            for page in self._client.pages(Call("GET", _ROOT, "leads/schema/fields", {"batchSize": "300"})):
                found = msgspec.convert(page.result, list[_Described])
                keys |= {field.name for field in found if _KEY in (field.description or "")}
        except AccessError:
            pass
        except msgspec.ValidationError:
            raise RemoteError("Marketo (leads/schema/fields): answered with fields that cannot be read.") from None
        return frozenset(keys)

    def _field(self, object: str, field: schema.Field, keys: frozenset[str]) -> SystemField:
        return SystemField(
            object=object,
            name=field.name,
            label=field.displayName or field.name,
            type="owner" if field.name == "externalSalesPersonId" else _TYPES.get(field.dataType, "text"),
            read_only=not field.updateable or field.name in schema.COMPANY_FIELDS,
            unique=field.name in keys,
            max_length=field.length if field.dataType not in _TYPES else None,
        )


def _same_or_different(spec: FieldSpec, known: schema.Field) -> Outcome:
    type = _TYPES.get(known.dataType, "text")
    if type == spec.type:
        return Written(known.name, {})
    reason = f'Marketo already has a field "{spec.name}", of another type ({type}).'
    return Rejected("different", reason, spec.name)
