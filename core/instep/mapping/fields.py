"""`[person.fields]` and its like: one canonical field in one connection, and how it is merged across all."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from instep.mapping.compiled import Blanks, Direction, FieldMapping, LawName
from instep.mapping.mistakes import listed
from instep.mapping.section import Section
from instep.model.entities import DERIVED, FIELDS, FieldType, Kind

LAWS: tuple[str, ...] = get_args(LawName)
BLANKS: tuple[str, ...] = get_args(Blanks)
DIRECTIONS: tuple[str, ...] = get_args(Direction)
_CHOICES = (FieldType.CHOICE, FieldType.CHOICES)
RESERVED = ("stage", "segment", "outcome")
"""Facts that have tables of their own."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class FieldEntry:
    """A field as one file has it, before types and laws of all files are put together."""

    kind: Kind
    connection: str
    name: str
    field: str
    section: Section
    direction: Direction = "both"
    type: FieldType | None = None
    law: LawName | None = None
    prefer: tuple[str, ...] | None = None
    authority: str | None = None
    blanks: Blanks = "speak"
    shorthand: bool = False
    by_object: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def mistake(self, code: str, problem: str, remedy: str, *below: str | int) -> None:
        self.section.mistake(code, problem, remedy, *(() if self.shorthand else below))


def read_field(
    fields: Section, name: str, kind: Kind, connection: str, connections: Sequence[str], objects: Sequence[str]
) -> FieldEntry | None:
    """One entry of a fields table: `name = "their_name"`, or a table with `field` and more."""
    if name in RESERVED or not _NAME.fullmatch(name):
        problem, remedy = (
            "is a name that a field cannot have",
            f"Use small letters, digits and _, and not {listed(RESERVED)}.",
        )
        fields.mistake("BAD_NAME", problem, remedy, name)
        fields.known[name] = None
        return None
    if isinstance(fields.data[name], str):
        field = fields.text(name)
        section = fields.below({"field": field}, name)
        derived: Direction = "out" if name in DERIVED else "both"
        return FieldEntry(kind, connection, name, field, section, derived, shorthand=True) if field else None
    table = fields.table(name)
    by_object = _by_object(table, objects) if table else {}
    field = next(iter(by_object.values()), None)
    if table is not None and field is None:
        field = table.required_text("field")
    if table is None or field is None:
        return None
    return FieldEntry(
        kind=kind,
        connection=connection,
        name=name,
        field=field,
        section=table,
        direction=_direction(table, name),
        type=table.one_of("type", FieldType),
        law=cast(LawName | None, table.choice("law", LAWS)),
        prefer=table.names("prefer", "connection", connections) if table.has("prefer") else None,
        authority=_authority(table, connections),
        blanks=cast(Blanks, table.choice("blanks", BLANKS, "speak")),
        by_object=by_object,
    )


def _by_object(table: Section, objects: Sequence[str]) -> dict[str, str]:
    """`field = { Contact = "MailingCity", Lead = "City" }`: a name for each object that has the field."""
    if not isinstance(table.data.get("field"), dict):
        return {}
    names = table.table_or_empty("field")
    found: dict[str, str] = {}
    for object in names.data:
        name = names.text(object)
        if object not in objects:
            names.unknown("object", object, objects, object)
        elif name is not None:
            found[object] = name
    if not names.data:
        table.mistake("MISSING_KEY", "names no field", "Write a name, or one for each object.", "field")
    return found


def compiled_field(entry: FieldEntry, kind: FieldType) -> FieldMapping:
    """The field, once all files have agreed on its type."""
    table = entry.section
    mapping = FieldMapping(
        name=entry.name,
        type=kind,
        field=entry.field,
        direction=entry.direction,
        values=_values(table) if table.has("values") else {},
        currency=_currency(table),
        currency_field=table.text("currency_field"),
        zone=_zone(table),
        by_object=entry.by_object,
        blanks=entry.blanks,
        nobody=tuple(table.words("nobody") or ()),
    )
    _check_fitting(entry, kind)
    if not entry.shorthand:
        table.finish()
    return mapping


def finish_untyped(entry: FieldEntry) -> None:
    """Look for unknown keys in a field that could not be compiled."""
    if not entry.shorthand:
        entry.section.known.update(dict.fromkeys(("values", "currency", "currency_field", "zone", "nobody")))
        entry.section.finish()


def own_type(name: str, kind: Kind) -> FieldType | None:
    """The type that Instep itself gives a field."""
    return FIELDS[kind].get(name) or DERIVED.get(name)


def _direction(table: Section, name: str) -> Direction:
    found = cast(Direction, table.choice("direction", DIRECTIONS, "out" if name in DERIVED else "both"))
    if name in DERIVED and found != "out":
        problem = f'is "{found}", but Instep computes {name}: it only ever flows out'
        table.mistake("DERIVED_FLOWS_OUT", problem, 'Write "out", or remove the key.', "direction")
        return "out"
    return found


def _authority(table: Section, connections: Sequence[str]) -> str | None:
    found = table.text("authority")
    if found is not None and found not in connections:
        table.unknown("connection", found, connections, "authority")
        return None
    return found


def _check_fitting(entry: FieldEntry, kind: FieldType) -> None:
    """Report settings that mean nothing for a field of this type, and what such a field lacks."""
    table = entry.section
    if table.has("values") and kind not in _CHOICES:
        entry.mistake("DOES_NOT_FIT", f"translates values, but the field is of type {kind}", "Remove it.", "values")
    if kind is FieldType.MONEY and not (table.has("currency") or table.has("currency_field")):
        remedy = 'Add currency = "EUR", or currency_field with the name of the field that holds it.'
        entry.mistake("MONEY_WITHOUT_CURRENCY", "is money, and its currency is not known", remedy)
    for key in ("currency", "currency_field"):
        if table.has(key) and kind is not FieldType.MONEY:
            entry.mistake("DOES_NOT_FIT", f"is for money, but the field is of type {kind}", "Remove it.", key)
    if table.has("nobody") and kind is not FieldType.OWNER:
        entry.mistake("DOES_NOT_FIT", f"is for owners, but the field is of type {kind}", "Remove it.", "nobody")
    if entry.blanks == "silent" and (entry.direction == "out" or entry.authority == entry.connection):
        why = 'the field is only told (direction = "out")' if entry.direction == "out" else "its every word is law"
        entry.mistake("DOES_NOT_FIT", f'is "silent", but {why}', "Remove it.", "blanks")
    if table.has("zone") and kind is not FieldType.DATE:
        entry.mistake("DOES_NOT_FIT", f"is for dates, but the field is of type {kind}", "Remove it.", "zone")


def _values(table: Section) -> dict[str, tuple[str, ...]]:
    values = table.table_or_empty("values")
    found: dict[str, tuple[str, ...]] = {}
    taken: dict[str, str] = {}
    for name in values.data:
        spellings = values.words(name) if isinstance(values.data[name], list) else [values.text(name) or ""]
        for spelling in (spellings := [spelling for spelling in spellings or () if spelling]):
            other = taken.setdefault(spelling, name)
            if other != name:
                problem = f'is spelled "{spelling}", like "{other}"'
                values.mistake("VALUE_TWICE", problem, "A spelling can be read as one value only.", name)
        if spellings:
            found[name] = tuple(spellings)
    return found


def _currency(table: Section) -> str | None:
    found = table.text("currency")
    if found is not None and not _CURRENCY.fullmatch(found):
        problem = f'is "{found}", which is not a currency code'
        table.mistake("BAD_CURRENCY", problem, 'Write three capital letters, such as "EUR".', "currency")
    return found


def _zone(table: Section) -> str | None:
    found = table.text("zone")
    if found is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(found)
    except (KeyError, ValueError, OSError):
        from zoneinfo import available_timezones

        from instep.mapping.mistakes import suggestion

        remedy = suggestion(found, available_timezones(), 'Write a name such as "Europe/Berlin".')
        table.mistake("BAD_ZONE", f'is "{found}", which is not a time zone', remedy, "zone")
        return None
    return found
