"""Reads the properties of an object, creates those that are asked for, and adds options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from instep.contract import FieldLimits, FieldSpec, Option, Outcome, Rejected, SystemField, Written
from instep.errors import UnknownOutcomeError
from instep_hubspot import schema
from instep_hubspot.answers import Call, RefusedError
from instep_hubspot.client import HubSpotClient
from instep_hubspot.refusals import attempt, taken
from instep_hubspot.schema import Listed, Property, find_property
from instep_hubspot.valuesets import by_hand, clash

GROUP: Final = "instep"
_LONGEST_TEXT: Final = 65_536
_BATCH: Final = 100
_NEEDED: Final = {"deals": frozenset(("dealname", "dealstage"))}

FieldType = Literal["text", "number", "boolean", "date", "instant", "choice", "choices", "owner"]
_TYPES: Final[dict[str, FieldType]] = {
    "number": "number",
    "bool": "boolean",
    "date": "date",
    "datetime": "instant",
    "enumeration": "choice",
}
_MADE_AS: Final = {
    "text": ("string", "text"),
    "number": ("number", "number"),
    "boolean": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "instant": ("datetime", "date"),
    "choice": ("enumeration", "select"),
    "choices": ("enumeration", "checkbox"),
}
_LIMITS: Final = FieldLimits(
    name=r"(?!hs_|hubspot)[a-z][a-z0-9_]*",
    name_length=100,
    reserved=frozenset(("lifecyclestage", "pipeline", "dealstage")),
)
_YES_NO: Final = (
    {"label": "Yes", "value": "true", "displayOrder": 0, "hidden": False},
    {"label": "No", "value": "false", "displayOrder": 1, "hidden": False},
)


class _Anything(msgspec.Struct):
    name: str


_anything = msgspec.json.Decoder(_Anything)


class HubSpotFields:
    """The properties of contacts, companies, deals and any other object."""

    def __init__(self, client: HubSpotClient, listed: Listed) -> None:
        self._client = client
        self._listed = listed

    def limits(self) -> FieldLimits:
        """Lower case letters, digits and underscores; what begins with `hs_` or `hubspot` is HubSpot's own.

        developers.hubspot.com/docs/guides/api/crm/properties
        """
        return _LIMITS

    def read(self, object: str) -> tuple[SystemField, ...]:
        """Every property in use. Where choices live elsewhere (owners, pipelines), `options` is None.

        developers.hubspot.com/docs/guides/api/crm/properties
        """
        return tuple(_field(object, property) for property in self._listed.read(object))

    def create(self, spec: FieldSpec) -> Outcome:
        """Create a property in the group "instep", which is made when it is missing.

        One of the same name and type counts as created (`Written.created` is false); one with options is given those
        that it lacks. Codes of a refusal: `archived` (the name is in the bin), `different` (the name is taken by a
        property of another kind), and those of `extend`.
        """
        return attempt(lambda: self._create(spec))

    def create_all(self, specs: Sequence[FieldSpec]) -> list[Outcome]:
        """Create the properties of one object in one call. Those that HubSpot does not make so are created singly."""
        objects = {spec.object for spec in specs}
        made = {object: self._made(object, specs) for object in sorted(objects)}
        return [
            Written(spec.name, {}, created=True) if spec.name in made[spec.object] else self.create(spec)
            for spec in specs
        ]

    def _made(self, object: str, specs: Sequence[FieldSpec]) -> set[str]:
        """The names of those properties of an object that could be made together."""
        own = [spec for spec in specs if spec.object == object]
        made: set[str] = set()
        try:
            binned = {property.name for property in schema.read_properties(self._client, object, archived=True)}
            self._make_group(object)
            bodies = [_body(spec) for spec in own if spec.name not in binned]
            for start in range(0, len(bodies), _BATCH):
                found = schema.make_properties(self._client, object, bodies[start : start + _BATCH])
                made |= {property.name for property in found}
        except (RefusedError, UnknownOutcomeError):
            return made
        return made

    def extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        """Add options at the end. HubSpot replaces the list as a whole: it is read, merged and written at once.

        Codes of a refusal: `not_found`, `different` (no options of its own), `by_hand`, `taken` (a label).
        """
        return attempt(lambda: self._extend(object, name, options))

    def _create(self, spec: FieldSpec) -> Outcome:
        known = find_property(self._client, spec.object, spec.name)
        if known is not None:
            return self._met(spec, known)
        if find_property(self._client, spec.object, spec.name, archived=True) is not None:
            return Rejected(
                "archived",
                f'HubSpot keeps a property "{spec.name}" of {spec.object} in its bin. '
                "Restore it or delete it for good in HubSpot's property settings.",
                spec.name,
            )
        self._make_group(spec.object)
        return self._make(spec)

    def _met(self, spec: FieldSpec, known: Property) -> Outcome:
        """What comes of a property that is there already."""
        outcome = _same_or_different(spec, known)
        if isinstance(outcome, Rejected) or not spec.options:
            return outcome
        return self._with_options(spec.object, known, spec.options)

    def _extend(self, object: str, name: str, options: Sequence[Option]) -> Outcome:
        known = find_property(self._client, object, name)
        if known is None:
            return Rejected("not_found", f'HubSpot has no property "{name}" of {object}.', name)
        if known.type != "enumeration" or known.externalOptions:
            return Rejected("different", f'HubSpot\'s property "{name}" of {object} has no options of its own.', name)
        return self._with_options(object, known, options)

    def _with_options(self, object: str, known: Property, options: Sequence[Option]) -> Outcome:
        there = {option.value for option in known.options}
        more = {option.value: option for option in options if option.value not in there}
        if not more:
            return Written(known.name, {})
        if sentence := by_hand(known):
            return Rejected("by_hand", sentence, known.name)
        last = max((option.displayOrder for option in known.options), default=-1)
        added = (schema.Option(o.value, o.label, last + n) for n, o in enumerate(more.values(), start=1))
        whole = (*known.options, *added)
        if label := clash(whole):
            return taken(label)
        schema.write_options(self._client, object, known.name, whole)
        return Written(known.name, {})

    def _make_group(self, object: str) -> None:
        path = self._client.path("properties", object, "groups")
        body = {"name": GROUP, "label": "Instep", "displayOrder": -1}
        try:
            self._client.fetch(Call("POST", path, "properties/groups", body=body, writes=True), _anything)
        except RefusedError as refused:
            if refused.status != 409:
                raise

    def _make(self, spec: FieldSpec) -> Outcome:
        try:
            made = schema.make_property(self._client, spec.object, _body(spec))
        except RefusedError as refused:
            known = find_property(self._client, spec.object, spec.name) if refused.status == 409 else None
            if known is None:
                raise
            return self._met(spec, known)
        return Written(made.name, {}, created=True)


def _body(spec: FieldSpec) -> dict[str, object]:
    type, field_type = _MADE_AS[spec.type]
    chosen = (schema.Option(option.value, option.label, place) for place, option in enumerate(spec.options))
    return {
        "name": spec.name,
        "label": spec.label,
        "description": spec.description,
        "groupName": GROUP,
        "type": type,
        "fieldType": field_type,
        "hasUniqueValue": spec.unique,
        "options": list(_YES_NO) if type == "bool" else [schema.option_body(option) for option in chosen],
    }


def _same_or_different(spec: FieldSpec, known: Property) -> Outcome:
    field = _field(spec.object, known)
    if field.type == spec.type and (field.unique or not spec.unique):
        return Written(known.name, {})
    what = f"{field.type}{'' if field.unique else ', not unique'}"
    return Rejected(
        "different",
        f'HubSpot already has a property "{spec.name}" of {spec.object}, of another kind ({what}).',
        spec.name,
    )


def _field(object: str, property: Property) -> SystemField:
    return SystemField(
        object=object,
        name=property.name,
        label=property.label,
        type=_type(property),
        read_only=property.calculated or property.rules.readOnlyValue,
        required=property.name in _NEEDED.get(object, ()),
        unique=property.hasUniqueValue or (object == "contacts" and property.name == "email"),
        max_length=_LONGEST_TEXT if property.type == "string" else None,
        options=_options(property),
    )


def _type(property: Property) -> FieldType:
    if property.referencedObjectType == "OWNER" or property.name == "hubspot_owner_id":
        return "owner"
    if property.type == "enumeration" and property.fieldType == "checkbox":
        return "choices"
    return _TYPES.get(property.type, "text")


def _options(property: Property) -> tuple[Option, ...] | None:
    if property.type != "enumeration" or property.externalOptions:
        return None
    return tuple(Option(option.value, option.label) for option in property.ordered())
