"""Finding the fields that a statement names, as far as its user can see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import Field, ObjectType, Row, Value, parse_fields
from instep_salesforce.sandbox.soql.nodes import FieldRef
from instep_salesforce.sandbox.soql.refusals import at, no_such_column, no_such_relation

MAX_PARENTS = 5
Get: TypeAlias = Callable[[Row], object]
Follow: TypeAlias = Callable[[Row], Row | None]

_ADDRESS = {
    "city": "City",
    "country": "Country",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "street": "Street",
}


@cache
def name_object() -> ObjectType:
    """What users, queues and persons have in common when a field may refer to any of them."""
    fields = """
    Id id; Name string(255); FirstName string(40); LastName string(80); Alias string(8); Email email(80);
    Username string(80); IsActive boolean; Phone phone(40); Title string(80); Type picklist(40);
    ProfileId reference→Profile; UserRoleId reference→UserRole
    """
    return ObjectType("Name", "", "Name", "Names", {item.name: item for item in parse_fields(fields)})


@dataclass(frozen=True, slots=True)
class Step:
    """One way to a parent: the field that leads there, and the kind that is found."""

    field: Field
    kind: ObjectType
    follow: Follow


@dataclass(frozen=True, slots=True)
class Bound:
    """A field that was found: the way to it, and how to read it from a row of the statement's object."""

    steps: tuple[Step, ...]
    item: Field
    get: Get

    @property
    def direct(self) -> str | None:
        """The field's name, where it is the object's own."""
        return None if self.steps else self.item.name


@dataclass(frozen=True, slots=True)
class Scope:
    """One statement (or inner statement) and who asks it."""

    org: Org
    user: str
    kind: ObjectType
    text: str
    alias: str | None = None

    def bind(self, ref: FieldRef) -> Bound:
        """The field that a path names."""
        path = self._own(ref.path)
        steps, kind = self.walk(path[:-1], ref.position)
        item = find_field(self.org, self.user, kind, path[-1])
        if item is None:
            raise no_such_column(self.text, ref.position, path[-1], kind.name)
        return Bound(steps, item, _through(steps, reader(self.org, kind, item)))

    def _own(self, path: tuple[str, ...]) -> tuple[str, ...]:
        first = path[0].lower()
        is_own = len(path) > 1 and (first == (self.alias or "").lower() or first == self.kind.name.lower())
        if is_own and self.kind.relation(path[0]) is None:
            return path[1:]
        return path

    def walk(self, names: tuple[str, ...], position: int) -> tuple[tuple[Step, ...], ObjectType]:
        """The way over parents, and the kind at its end."""
        kind, steps = self.kind, []
        if len(names) > MAX_PARENTS:
            raise at(self.text, position, "maximum 5 levels of parent relationships are allowed", "INVALID_FIELD")
        for name in names:
            field = kind.relation(name)
            if field is None or field.name in self.org.visibility.hidden(self.user, kind):
                raise no_such_relation(self.text, position, name, kind.name)
            step = parent_step(self.org, field)
            steps.append(step)
            kind = step.kind
        return tuple(steps), kind

    def bind_filterable(self, ref: FieldRef) -> Bound:
        """The field of a condition."""
        bound = self.bind(ref)
        if not bound.item.filterable:
            reason = f"field '{bound.item.name}' can not be filtered in a query call"
            raise at(self.text, ref.position, reason, "INVALID_FIELD")
        return bound

    def bind_sortable(self, ref: FieldRef) -> Bound:
        """The field of an order."""
        bound = self.bind(ref)
        if not bound.item.filterable or bound.item.type == "multipicklist":
            reason = f"field '{bound.item.name}' can not be sorted in a query call"
            raise at(self.text, ref.position, reason, "INVALID_FIELD")
        return bound

    def bind_groupable(self, ref: FieldRef) -> Bound:
        """The field of a group."""
        bound = self.bind(ref)
        if not is_groupable(bound.item):
            reason = f"field '{bound.item.name}' can not be grouped in a query call"
            raise at(self.text, ref.position, reason)
        return bound


def is_groupable(item: Field) -> bool:
    """Whether records can be grouped by a field."""
    return item.filterable and item.type not in {"double", "currency", "percent", "datetime", "multipicklist"}


def find_field(org: Org, user: str, kind: ObjectType, name: str) -> Field | None:
    """A field that a user can see."""
    item = kind.find(name)
    return None if item is None or item.name in org.visibility.hidden(user, kind) else item


def parent_step(org: Org, field: Field) -> Step:
    """How to go on from a row to the record that one of its fields names."""
    name = field.name
    targets = [org.kinds[target] for target in field.refers_to if target in org.kinds]
    if len(targets) != 1:
        return Step(field, name_object(), lambda row: _any_parent(org, row.get(name)))
    table = org.tables[targets[0].name]

    def follow(row: Row) -> Row | None:
        id = row.get(name)
        return table.rows.get(id) if isinstance(id, str) else None

    return Step(field, targets[0], follow)


def _any_parent(org: Org, id: Value) -> Row | None:
    if not isinstance(id, str):
        return None
    kind = org.kind_of_id(id)
    return None if kind is None else org.tables[kind.name].rows.get(id)


def type_of(org: Org, row: Row) -> str:
    """The kind of a record, in the words of a polymorphic parent."""
    kind = org.kind_of_id(str(row["Id"]))
    name = "Name" if kind is None else kind.name
    return str(row.get("Type")) if name == "Group" else name


def reader(org: Org, kind: ObjectType, item: Field) -> Get:
    """How to read a field from a row of its own kind."""
    name = item.name
    if item.type == "address":
        prefix = name.removesuffix("Address")
        return lambda row: _address(row, prefix)
    if kind is name_object():
        if name == "Type":
            return lambda row: type_of(org, row)
        if item.type == "boolean":
            return lambda row: row.get(name, False)
    return lambda row: row.get(name)


def _address(row: Row, prefix: str) -> dict[str, Value] | None:
    parts = {key: row.get(prefix + part) for key, part in _ADDRESS.items()}
    return parts if any(value is not None for value in parts.values()) else None


def _through(steps: tuple[Step, ...], get: Get) -> Get:
    for step in reversed(steps):
        get = _behind(step.follow, get)
    return get


def _behind(follow: Follow, get: Get) -> Get:
    def read(row: Row) -> object:
        parent = follow(row)
        return None if parent is None else get(parent)

    return read
