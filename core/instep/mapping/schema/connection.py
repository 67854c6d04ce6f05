"""The schema of `mappings/<connection>.toml`."""

from __future__ import annotations

from instep.mapping.entity import ERASING
from instep.mapping.fields import BLANKS, DIRECTIONS, LAWS, RESERVED
from instep.mapping.schema.rules import RULE, rule
from instep.mapping.schema.shapes import (
    Schema,
    document,
    either,
    named,
    number,
    one_of,
    scalar,
    shared,
    table,
    tables,
    text,
    words,
)
from instep.model.entities import DERIVED, FIELDS, RELATIONS, FieldType, Kind
from instep.model.process import Outcome, Role

_PREFER = words("connections, the most trusted first", uniqueItems=True)
_CHOICES = (FieldType.CHOICE, FieldType.CHOICES)


def mapping_schema() -> Schema:
    """How one system spells people, companies, opportunities and behaviours."""
    properties = {kind.value: _entity(kind) for kind in Kind}
    properties["behaviours"] = tables(_behaviour(), "Which of the system's activities is which behaviour.")
    more = {"pipelines": named(_configured(), "Pipelines that are configured, and whose records are not synced.")}
    properties["provision"] = table(more, "What `instep provision` configures beside what is synced.")
    fields = {f"field-{kind}": _field(kind) for kind in FieldType}
    own = {"own-field": _own_field(), "derived-field": _derived_field()}
    return document("How one system spells it", table(properties), rule=rule(), **fields, **own)


def _entity(kind: Kind) -> Schema:
    properties = {
        "objects": words("the system's objects that are this kind of entity", minItems=1),
        "match": words("by which fields a record is recognised, in that order", minItems=1),
        "create": either(one_of(("always", "never")), RULE, about="when records are created; never, unless given"),
        "create_as": either(text(), tables(_create_as()), about="the object that new records become"),
        "include": {**RULE, "description": "other records are left alone"},
        "speaks_for": words("the roles whose stages colleagues may move here", one_of(Role), uniqueItems=True),
        "required": named(_demanded(), "what the system demands for new records and others may lack"),
        "instep_id": either(text(), {"const": False}, about="the field that holds our id; false where it must not"),
        "modified_field": text("the field that says when a record was last changed"),
        "fields": _fields(kind),
        "relations": table({name: _relation() for name in RELATIONS[kind]}, "other records that this one leads to"),
        "stages": _stages(kind),
    }
    if kind is Kind.PERSON:
        properties["consent"] = _consent()
        properties["erase"] = one_of(
            ERASING, "what becomes of the records of a person who is erased; kept, unless given"
        )
    creates = {"required": ["create"], "not": {"properties": {"create": {"const": "never"}}}}
    rules: Schema = {"if": creates, "then": {"required": ["create_as"]}}
    if kind is Kind.OPPORTUNITY:
        properties |= {"stages_in": _stages_in(), "pipelines": named(_pipeline(), "one table for each pipeline")}
        rules["dependencies"] = {"pipelines": ["stages_in"], "stages_in": ["pipelines"]}
        rules["not"] = {"required": ["stages", "pipelines"]}
    return table(properties, "", ["objects", "match"], **rules)


# --- fields ------------------------------------------------------------------------------------------------------


def _fields(kind: Kind) -> Schema:
    """The known fields with what their types allow, and any other name as a field of one's own."""
    known = {name: shared(f"field-{type}") for name, type in FIELDS[kind].items()}
    derived = {name: shared("derived-field") for name in DERIVED}
    names = {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": list(RESERVED)}}
    return {
        "type": "object",
        "description": "Instep's name, and the system's",
        "properties": {**known, **derived},
        "additionalProperties": shared("own-field"),
        "propertyNames": names,
    }


def _field(kind: FieldType) -> Schema:
    """A field whose type is known: only what means something for that type."""
    entry = _entry(_type_keys([kind]), one_of([kind], "its type, which Instep knows"))
    if kind is not FieldType.MONEY:
        return either(text(), entry)
    return {**entry, "anyOf": [{"required": ["currency"]}, {"required": ["currency_field"]}]}


def _own_field() -> Schema:
    kinds = one_of(FieldType, "what it holds; for a field of your own, in at least one file")
    return either(text(), _entry(_type_keys(list(FieldType)), kinds))


def _derived_field() -> Schema:
    """A field that Instep computes: it only ever flows out."""
    entry = _entry({}, one_of(sorted({*DERIVED.values()})))
    return either(text(), {**entry, "properties": {**entry["properties"], "direction": one_of(("out",))}})


def _entry(more: dict[str, Schema], kinds: Schema) -> Schema:
    properties = {
        "field": either(text(), named(text(), minProperties=1), about="the system's field, or one for each object"),
        "type": kinds,
        "direction": one_of(DIRECTIONS, "only heard, only told, or both"),
        "law": one_of(LAWS, "who wins where systems disagree"),
        "prefer": _PREFER,
        "authority": text("the one connection whose word counts"),
        "blanks": one_of(BLANKS, "whether a blank takes the value away everywhere, or is filled again"),
        **more,
    }
    return table(properties, "", ["field"])


def _type_keys(kinds: list[FieldType]) -> dict[str, Schema]:
    """The keys that mean something for fields of these types."""
    found: dict[str, Schema] = {}
    if any(kind in _CHOICES for kind in kinds):
        found["values"] = named(either(text(), words()), "our value, and its spelling there; of several, the first")
    if FieldType.MONEY in kinds:
        code = {"type": "string", "pattern": "^[A-Z]{3}$"}
        found["currency"] = {**code, "description": 'the code, such as "EUR", of amounts that name none'}
        found["currency_field"] = text("the field that holds the code")
    if FieldType.OWNER in kinds:
        found["nobody"] = words("users who stand for nobody; the first one is written")
    if FieldType.DATE in kinds:
        found["zone"] = text("the time zone in which to read instants as dates")
    return found


def _demanded() -> Schema:
    properties = {"default": scalar(), "field": text("a field of ours that is used where it is known")}
    return either(scalar(), table(properties, "", ["default"]))


def _create_as() -> Schema:
    when = {**RULE, "description": "for whom; not in the last one, which is for everybody else"}
    return table({"object": text(), "when": when}, "", ["object"])


# --- relations, consent, stages, behaviours ------------------------------------------------------------------------


def _relation() -> Schema:
    properties = {"object": text("the object at the other end"), "direction": one_of(DIRECTIONS)}
    return either(text(), table(properties, "", ["object"]))


def _consent() -> Schema:
    properties = {
        "scope": text('"all", or the name of a subscription'),
        "field": text("without it, the system's own consent is used"),
        "out_values": words("what the field holds for a person who opted out", minItems=1),
    }
    own: Schema = {"if": {"not": {"required": ["field"]}}, "then": {"properties": {"scope": {"const": "all"}}}}
    together = {"field": ["out_values"], "out_values": ["field"]}
    return table(properties, "Who agreed to be written to.", dependencies=together, **own)


def _stages(kind: Kind) -> Schema:
    properties = {"field": text("the system's field"), **_translation(), **_shape(), **_beside(), "prefer": _PREFER}
    if kind is Kind.OPPORTUNITY:
        properties["outcomes"] = _outcomes()
    return table(properties, "How the system spells stages.", ["field", "values"])


def _stages_in() -> Schema:
    properties = {
        "field": text("the field that holds the stage"),
        "pipeline_field": text("the field that holds the pipeline"),
        **_beside(),
        "prefer": _PREFER,
    }
    return table(properties, "Where pipelines and their stages are kept.", ["field", "pipeline_field"])


def _pipeline() -> Schema:
    properties = {
        "pipeline": text("what the system's field holds"),
        "segments": words("whose new records are created in it; [] for nobody's", uniqueItems=False),
        **_translation(),
        **_shape(),
        "label": text("what people see as its name; what pipeline says, unless given"),
        "outcomes": _outcomes(),
    }
    return table(properties, "", ["pipeline", "values"])


def _beside() -> dict[str, Schema]:
    return {
        "reason": text("the field that says why somebody set the stage"),
        "until": text("the field that says until when a stage that somebody set is to hold"),
    }


def _shape() -> dict[str, Schema]:
    """What `instep provision` makes of the stages, beside their names and order."""
    probability = number(minimum=0, maximum=1)
    return {
        "labels": named(text(), "stage or outcome, and what people see; what values says, unless given"),
        "probabilities": named(probability, "stage, and how probable it is to be won; the process's, unless given"),
        "details": named(named(scalar()), "stage or outcome, and the system's own words for it"),
        "retire": named(text(), "a stage that is wanted no more, and the one that its records go to"),
    }


def _configured() -> Schema:
    stage = table(
        {
            "key": text("its name in these files; what people see may change"),
            "label": text("what people see"),
            "probability": number("how probable it is to be won", minimum=0, maximum=1),
        },
        "",
        ["key", "label"],
    )
    properties = {
        "object": text("the system's object"),
        "field": text("the field that holds the stage"),
        "pipeline": text("the pipeline's name, or its id"),
        "label": text("what people see as its name; what pipeline says, unless given"),
        "stages": tables({**stage, "additionalProperties": scalar()}, "in order; further words are the system's own"),
        "retire": named(text(), "a stage that is wanted no more, and the one that its records go to"),
    }
    return table(properties, "", ["object", "field", "pipeline", "stages"])


def _translation() -> dict[str, Schema]:
    return {
        "values": named(either(text(), words()), "stage, and how it is spelled there; of several, the first"),
        "lands_on": named(text(), "which stage an edit to a value means; for values that stages share"),
        "detours": named(either(text(), words()), "detour, and how it is spelled there"),
    }


def _outcomes() -> Schema:
    return table(
        {outcome.value: either(text(), words()) for outcome in Outcome}, "how the end of a journey is spelled"
    )


def _behaviour() -> Schema:
    properties = {
        "kind": text("the connector's word for the activity"),
        "behaviour": text("Instep's word, from process.toml"),
        "where": {**RULE, "description": "over the activity's own fields"},
        "refers": text("the activity's field with the e-mail address of whoever was referred"),
    }
    return table(properties, "", ["kind", "behaviour"])
