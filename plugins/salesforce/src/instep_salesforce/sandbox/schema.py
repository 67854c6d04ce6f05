"""What kinds of records there are, and what their fields are like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

Value = str | int | float | bool | None
Row = dict[str, Value]
DATED = frozenset({"date", "datetime"})
NUMERIC = frozenset({"int", "double", "currency", "percent"})
TEXTUAL = frozenset({"string", "textarea", "phone", "url", "email", "picklist", "multipicklist", "combobox"})

_NOTATION = re.compile(r"(\w+) ([a-z]+)(?:\((\d+)(?:,(\d+))?\))?(?:→([\w/]+))?(?: \[(\w*!?\w*)\])?")
_NILLABLE = {"Probability", "ForecastCategoryName", "Pricebook2Id"}
_LABELS = {"StageName": "Stage", "Id": "ID", "OwnerId": "Owner ID", "IsDeleted": "Deleted", "Name": "Name"}


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a picklist."""

    value: str
    label: str = ""
    active: bool = True
    default: bool = False
    description: str | None = None

    def retired(self) -> Option:
        """The same choice, which nobody can choose any more."""
        return replace(self, active=False, default=False)

    def as_default(self, *, on: bool) -> Option:
        """The same choice, being the default or not."""
        return replace(self, default=on)

    def to_dict(self) -> dict[str, object]:
        """The choice as a describe shows it."""
        return {
            "active": self.active,
            "defaultValue": self.default,
            "label": self.label or self.value,
            "validFor": None,
            "value": self.value,
        }


@dataclass(frozen=True, slots=True)
class GlobalSet:
    """Choices that several custom picklists share."""

    id: str
    label: str
    description: str | None
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field, with the rights that everybody has on it."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    refers_to: tuple[str, ...] = ()
    createable: bool = False
    updateable: bool = False
    required: bool = False
    defaulted: bool = False
    id_lookup: bool = False
    restricted: bool = False
    filterable: bool = True
    custom: bool = False
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    default: Value = None
    options: tuple[Option, ...] = ()
    compound: str | None = None
    help: str | None = None
    description: str | None = None
    id: str | None = None
    form: str | None = None
    """The kind of a custom field in the words of its definition, e.g. `Text`."""
    visible_lines: int = 0
    value_set: str | None = None
    """The global value set whose choices the field has."""

    @property
    def relation(self) -> str | None:
        """The name under which the record that this field refers to is reached."""
        if not self.refers_to:
            return None
        return f"{self.name[:-1]}r" if self.custom else self.name.removesuffix("Id")

    @property
    def nillable(self) -> bool:
        """Whether the field can be null."""
        if self.required or self.type in {"id", "boolean"}:
            return False
        return not self.defaulted or self.name in _NILLABLE

    @property
    def is_picklist(self) -> bool:
        """Whether the field has choices."""
        return self.type in {"picklist", "multipicklist", "combobox"}

    @property
    def is_key(self) -> bool:
        """Whether records can be upserted by this field."""
        return self.external_id or self.id_lookup


def parse_field(text: str) -> Field:
    """A field from the short notation `Name type(length,scale)→Target [flags]`.

    Flags: C createable, U updateable, ! required, d defaulted, L id lookup, R restricted, x not filterable.
    """
    match = _NOTATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"This is no field: {text!r}")
    name, type, size, scale, targets, flags = match.groups()
    flags, number = flags or "", int(size or 0)
    is_number = type in {"double", "currency", "percent"}
    return Field(
        name=name,
        type=type,
        label=_LABELS.get(name) or label_of(name),
        length=0 if is_number else number,
        precision=number if is_number else 0,
        scale=int(scale or 0),
        refers_to=tuple(targets.split("/")) if targets else (),
        createable="C" in flags,
        updateable="U" in flags,
        required="!" in flags,
        defaulted="d" in flags,
        id_lookup="L" in flags,
        restricted="R" in flags,
        filterable="x" not in flags and type != "address",
        default=False if type == "boolean" else None,
    )


def parse_fields(text: str) -> list[Field]:
    """Fields in the short notation, one by one between semicolons."""
    return [parse_field(part) for part in " ".join(text.split()).split(";") if part.strip()]


def label_of(name: str) -> str:
    """The label of a standard field, from its name."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return f"{words[:-3]} ID" if words.endswith(" Id") else words


def default_of(item: Field) -> Value:
    """What a field of a new record holds when nobody says anything."""
    return item.default if item.default is not None else next((o.value for o in item.options if o.default), None)


@dataclass(frozen=True, slots=True)
class ChildRelation:
    """A way from a parent to the records that refer to it."""

    name: str | None
    object: str
    field: str
    cascades: bool


@dataclass(slots=True)
class ObjectType:
    """One kind of record and its fields."""

    name: str
    prefix: str
    label: str
    plural: str
    fields: dict[str, Field] = field(default_factory=dict)
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    mergeable: bool = False
    undeletable: bool = True
    is_setup: bool = False
    in_bulk: bool = True
    name_field: str = "Name"
    version: int = 0
    template: Row = field(default_factory=dict)
    """What every new record holds."""
    _lower: dict[str, Field] = field(default_factory=dict)
    _relations: dict[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._index()

    def _index(self) -> None:
        self.version += 1
        self._lower = {name.lower(): item for name, item in self.fields.items()}
        self._relations = {item.relation.lower(): item for item in self.fields.values() if item.relation}
        given = {item.name: default_of(item) for item in self.fields.values()}
        self.template = {name: value for name, value in given.items() if value is not None}

    def find(self, name: str) -> Field | None:
        """A field by its name in any letter case."""
        return self.fields.get(name) or self._lower.get(name.lower())

    def relation(self, name: str) -> Field | None:
        """The field that leads to a related record, by the relation's name in any letter case."""
        return self._relations.get(name.lower())

    def put(self, item: Field) -> None:
        """Add or replace a field."""
        self.fields[item.name] = item
        self._index()

    def drop(self, name: str) -> None:
        """Take a field away."""
        del self.fields[name]
        self._index()

    def give_options(self, options: Mapping[str, Iterable[Option]]) -> None:
        """Set the choices of some picklists."""
        for name, choices in options.items():
            self.fields[name] = replace(self.fields[name], options=tuple(choices))
        self._index()

    def copy(self) -> ObjectType:
        """A kind of its own, which one org may change."""
        return replace(self, fields=dict(self.fields))
