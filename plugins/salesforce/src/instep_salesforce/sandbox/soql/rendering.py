"""Showing rows as a statement selects them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from instep_salesforce.sandbox.schema import ObjectType, Row
from instep_salesforce.sandbox.soql.binding import Bound, Get, Scope, Step, name_object, reader
from instep_salesforce.sandbox.soql.nodes import FieldRef, FieldsOf, Query, Selected, TypeOf
from instep_salesforce.sandbox.soql.refusals import at

Shown: TypeAlias = dict[str, object]
Children: TypeAlias = Callable[[Query], tuple[str, Callable[[Row], object]]]


@dataclass(slots=True)
class Plan:
    """What is shown of rows of one kind: fields of their own, and parents."""

    kind: ObjectType
    columns: dict[str, Get] = field(default_factory=dict)
    parents: dict[str, tuple[Step, Plan]] = field(default_factory=dict)
    is_plain: bool = True

    def add(self, steps: tuple[Step, ...], name: str, get: Get, *, is_plain: bool) -> None:
        """Show one more field."""
        if not steps:
            self.columns.setdefault(name, get)
            self.is_plain = self.is_plain and is_plain
            return
        step, *rest = steps
        self.is_plain = False
        relation = str(step.field.relation)
        if relation not in self.parents:
            self.parents[relation] = (step, Plan(step.kind))
            self.columns[relation] = _nothing
        self.parents[relation][1].add(tuple(rest), name, get, is_plain=is_plain)


def _nothing(row: Row) -> object:
    return None


class Renderer:
    """Shows rows of one statement."""

    def __init__(self, scope: Scope, select: tuple[Selected, ...], children: Children, base: str) -> None:
        self._scope, self._base = scope, base
        self.plan = Plan(scope.kind)
        self.bound: list[tuple[str, Bound]] = []
        for column in select:
            self._add(column, children)

    def _add(self, column: Selected, children: Children) -> None:
        match column:
            case FieldRef():
                self._add_field(column)
            case FieldsOf():
                for name in self._named(column):
                    self._add_field(FieldRef((name,), column.position))
            case Query():
                name, get = children(column)
                self.plan.add((), name, get, is_plain=False)
            case TypeOf():
                self._add_type_of(column)
            case _:
                raise at(self._scope.text, column.field.position if column.field else 0, "unexpected alias")

    def _add_field(self, ref: FieldRef) -> None:
        bound = self._scope.bind(ref)
        kind = bound.steps[-1].kind if bound.steps else self._scope.kind
        get = reader(self._scope.org, kind, bound.item)
        self.plan.add(bound.steps, bound.item.name, get, is_plain=bound.item.type != "address")
        self.bound.append((".".join([*(str(s.field.relation) for s in bound.steps), bound.item.name]), bound))

    def _named(self, column: FieldsOf) -> list[str]:
        hidden = self._scope.org.visibility.hidden(self._scope.user, self._scope.kind)
        fields = [item for item in self._scope.kind.fields.values() if item.name not in hidden]
        if column.which == "ALL":
            return [item.name for item in fields]
        return [item.name for item in fields if item.custom == (column.which == "CUSTOM")]

    def _add_type_of(self, column: TypeOf) -> None:
        scope = self._scope
        steps, _ = scope.walk(column.relation.path, column.relation.position)
        if len(steps) != 1:
            raise at(scope.text, column.position, "TYPEOF needs a polymorphic relationship")
        cases = {name.lower(): self._plan_of(name, fields, column) for name, fields in column.cases}
        otherwise = Plan(name_object())
        for ref in column.otherwise:
            bound = Scope(scope.org, scope.user, name_object(), scope.text).bind(ref)
            otherwise.add((), bound.item.name, bound.get, is_plain=False)
        follow = steps[0].follow

        def show(row: Row) -> object:
            parent = follow(row)
            if parent is None:
                return None
            kind = scope.org.kind_of_id(str(parent["Id"]))
            return self.show(parent, cases.get(kind.name.lower() if kind else "", otherwise))

        self.plan.add((), str(steps[0].field.relation), show, is_plain=False)

    def _plan_of(self, name: str, fields: tuple[FieldRef, ...], column: TypeOf) -> Plan:
        kind = self._scope.org.known(name)
        if kind is None:
            raise at(self._scope.text, column.position, f"sObject type '{name}' is not supported.", "INVALID_TYPE")
        plan = Plan(kind)
        for ref in fields:
            bound = Scope(self._scope.org, self._scope.user, kind, self._scope.text).bind(ref)
            plan.add((), bound.item.name, bound.get, is_plain=False)
        return plan

    def show(self, row: Row, plan: Plan) -> Shown:
        """One row."""
        name = plan.kind.name
        if plan.kind is name_object():
            kind = self._scope.org.kind_of_id(str(row["Id"]))
            name = kind.name if kind is not None else name
        shown: Shown = {"attributes": {"type": name, "url": f"{self._base}{name}/{row['Id']}"}}
        for column, get in plan.columns.items():
            parent = plan.parents.get(column)
            if parent is None:
                shown[column] = get(row)
            else:
                step, inner = parent
                found = step.follow(row)
                shown[column] = None if found is None else self.show(found, inner)
        return shown

    def rows(self, rows: list[Row]) -> list[Shown]:
        """Many rows."""
        plan = self.plan
        if not plan.is_plain:
            return [self.show(row, plan) for row in rows]
        name, names = plan.kind.name, list(plan.columns)
        url = f"{self._base}{name}/"
        shown = []
        for row in rows:
            one: Shown = {"attributes": {"type": name, "url": url + str(row["Id"])}}
            get = row.get
            for column in names:
                one[column] = get(column)
            shown.append(one)
        return shown
