"""A SOQL statement as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value as it was written: `kind` is string, number, date, datetime, boolean, null or period."""

    kind: str
    value: str | float | int | bool | None
    position: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field, perhaps of a parent."""

    path: Path
    position: int

    @property
    def text(self) -> str:
        """The path with points."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A function over a group, e.g. `MAX(Amount)`; COUNT() has no field."""

    function: str
    field: FieldRef | None
    alias: str | None
    position: int


@dataclass(frozen=True, slots=True)
class FieldsOf:
    """`FIELDS(ALL)` and its kin."""

    which: Literal["ALL", "STANDARD", "CUSTOM"]
    position: int


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`TYPEOF Owner WHEN User THEN … ELSE … END`."""

    relation: FieldRef
    cases: tuple[tuple[str, tuple[FieldRef, ...]], ...]
    otherwise: tuple[FieldRef, ...]
    position: int


@dataclass(frozen=True, slots=True)
class AliasedField:
    """A grouped field under a name of its own."""

    field: FieldRef
    alias: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A field and a value."""

    field: FieldRef | Aggregate
    operator: str
    value: Constant


@dataclass(frozen=True, slots=True)
class Among:
    """A field and a list of values: IN, NOT IN, INCLUDES, EXCLUDES."""

    field: FieldRef
    operator: str
    values: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """A field and the results of another statement."""

    field: FieldRef
    negated: bool
    query: Query


@dataclass(frozen=True, slots=True)
class Every:
    """Every part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part must not hold."""

    part: Condition


Condition: TypeAlias = Compare | Among | SemiJoin | Every | Either | Negation


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    field: FieldRef | Aggregate
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole statement."""

    text: str
    select: tuple[Selected, ...]
    object: str
    object_position: int
    alias: str | None = None
    where: Condition | None = None
    group_by: tuple[FieldRef, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False


Selected: TypeAlias = FieldRef | Aggregate | FieldsOf | TypeOf | AliasedField | Query
