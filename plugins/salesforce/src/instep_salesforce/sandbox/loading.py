"""Putting many records in at once, quickly: values are taken as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from instep_salesforce.sandbox.automation import derive
from instep_salesforce.sandbox.errors import refused
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import DATED, NUMERIC, ObjectType, Row, Value
from instep_salesforce.sandbox.times import parse_moment, stamp

_PERSONS = {"Lead", "Contact"}


def load(org: Org, kind: ObjectType, records: Iterable[Mapping[str, object]], user: str) -> list[str]:
    """Insert records; gives their ids. Unknown fields and values that must be unique are refused, nothing else."""
    now, template = org.stamp(kind.name), dict(kind.template)
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        if name in kind.fields:
            template[name] = now
    for name in ("CreatedById", "LastModifiedById", "OwnerId"):
        if name in kind.fields:
            template[name] = user
    loading = _Loading(org, kind, template)
    return [loading.one(record) for record in records]


class _Loading:
    """What is the same for all records of one load."""

    def __init__(self, org: Org, kind: ObjectType, template: Row) -> None:
        self._org, self._kind, self._template = org, kind, template
        self._table = org.tables[kind.name]
        self._names = kind.fields.keys()
        self._special = {item.name for item in kind.fields.values() if item.type in DATED | NUMERIC}
        self._unique = [item.name for item in kind.fields.values() if item.unique]
        self._is_person = kind.name in _PERSONS
        if kind.name == "Lead":
            self._template.setdefault("Status", derive(org, "Lead", {}, {})["Status"])

    def one(self, record: Mapping[str, object]) -> str:
        if not record.keys() <= self._names:
            raise refused("INVALID_FIELD", f"No such column '{next(iter(record.keys() - self._names))}'")
        row: Row = {**self._template, **record}  # type: ignore[dict-item]
        for name in record.keys() & self._special:
            row[name] = _plain(record[name], self._kind.fields[name].type)
        if None in record.values():
            row = {name: value for name, value in row.items() if value is not None}
        if self._is_person:
            first, last = row.get("FirstName"), row.get("LastName")
            row["Name"] = f"{first} {last}" if first else last
        else:
            self._derive(row)
        for name in self._unique:
            if name in row and self._table.holders(name, row[name]):
                raise refused("DUPLICATE_VALUE", f"duplicate value found: {name} {row[name]}")
        id = row["Id"] = self._org.ids.new(self._kind.prefix)
        self._table.insert(row)
        return id

    def _derive(self, row: Row) -> None:
        extra = derive(self._org, self._kind.name, row, {})
        row |= {name: value for name, value in extra.items() if value is not None and name not in row}
        for name in ("IsClosed", "IsWon"):
            if name in extra:
                row[name] = extra[name]


def _plain(value: object, type: str) -> Value:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return int(value) if type == "int" else float(value)
    if type == "datetime" and isinstance(value, str):
        return parse_moment(value)
    return value if isinstance(value, str | float | bool) else None
