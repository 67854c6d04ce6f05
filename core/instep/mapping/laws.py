"""What all mapping files together say of each field: one type, one way of merging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from instep.mapping.compiled import FieldLaw, LawName
from instep.mapping.fields import FieldEntry, own_type
from instep.mapping.mistakes import suggestion
from instep.model.entities import FIELDS, FieldType, Kind

Fields = Mapping[tuple[Kind, str], list[FieldEntry]]
_LAW_TYPES = {
    "union": (FieldType.CHOICES,),
    "max": (FieldType.NUMBER, FieldType.MONEY, FieldType.DATE, FieldType.INSTANT),
    "most_restrictive": (FieldType.BOOLEAN,),
}


def by_field(entries: Iterable[FieldEntry]) -> dict[tuple[Kind, str], list[FieldEntry]]:
    """Entries of all files by the field that they map."""
    found: dict[tuple[Kind, str], list[FieldEntry]] = {}
    for entry in entries:
        found.setdefault((entry.kind, entry.name), []).append(entry)
    return found


def settled_types(fields: Fields) -> dict[tuple[Kind, str], FieldType]:
    """Each field's one type; a field without one is reported and left out."""
    types = {}
    for (kind, name), entries in fields.items():
        found = _settled_type(kind, name, entries)
        if found:
            types[kind, name] = found
    return types


def settled_laws(
    fields: Fields, types: Mapping[tuple[Kind, str], FieldType], connections: Sequence[str]
) -> dict[tuple[Kind, str], FieldLaw]:
    """Each field's one law, `prefer` filled up in the order of `sync.toml`."""
    return {key: _settled_law(entries, types.get(key), connections) for key, entries in fields.items()}


def _settled_type(kind: Kind, name: str, entries: list[FieldEntry]) -> FieldType | None:
    fixed = own_type(name, kind)
    if fixed is None:
        agreed: FieldType | None = _agreed(entries, "type")
        if agreed is None:
            _report_typeless(kind, name, entries)
        return agreed
    for entry in entries:
        if entry.type not in (None, fixed):
            problem = f'is "{entry.type}", but {kind}.{name} is always "{fixed}"'
            entry.mistake("DISAGREE", problem, "Remove it, or choose a name of your own for the field.", "type")
    return fixed


def _report_typeless(kind: Kind, name: str, entries: list[FieldEntry]) -> None:
    otherwise = 'To add a field of your own, write { field = "…", type = "text" } or another type.'
    remedy = suggestion(name, FIELDS[kind], otherwise)
    for entry in entries:
        entry.section.mistake("UNKNOWN_FIELD", f"is no field of a {kind} that Instep knows", remedy)


def _settled_law(entries: list[FieldEntry], kind: FieldType | None, connections: Sequence[str]) -> FieldLaw:
    law: LawName = _agreed(entries, "law") or "prefer"
    prefer = _agreed(entries, "prefer") or ()
    authority = _agreed(entries, "authority")
    fitting = _LAW_TYPES.get(law)
    if fitting and kind and kind not in fitting:
        entry = next(entry for entry in entries if entry.law)
        remedy = f'It is for fields of type {" or ".join(fitting)}. Use "prefer" or "manual".'
        entry.mistake("DOES_NOT_FIT", f'is "{law}", but the field is of type {kind}', remedy, "law")
    if authority:
        _check_authority(entries, authority)
    rest = tuple(name for name in connections if name not in prefer)
    return FieldLaw(law, (*prefer, *rest), authority)


def _check_authority(entries: list[FieldEntry], authority: str) -> None:
    heard = [entry.connection for entry in entries if entry.direction != "out"]
    if authority not in heard:
        entry = next(entry for entry in entries if entry.authority)
        problem = f'is "{authority}", from which this field is never read'
        remedy = f"Map the field in mappings/{authority}.toml, or name another connection."
        entry.mistake("AUTHORITY_UNHEARD", problem, remedy, "authority")


def _agreed(entries: list[FieldEntry], key: Literal["type", "law", "prefer", "authority"]) -> Any:
    """What the files say of `key`, if any does. Every file that contradicts the first is reported."""
    saying = [entry for entry in entries if getattr(entry, key) is not None]
    if not saying:
        return None
    first, found = saying[0], getattr(saying[0], key)
    for entry in saying[1:]:
        said = getattr(entry, key)
        if said != found:
            problem = f"is {_shown(said)}, but {first.section.source.name} says {_shown(found)}"
            entry.mistake("DISAGREE", problem, "Say it in one file only, or the same in both.", key)
    return found


def _shown(said: Any) -> str:
    return f"[{', '.join(_shown(part) for part in said)}]" if isinstance(said, tuple) else f'"{said}"'
