"""Which choices record types and processes offer.

A stage or a lead status is offered by the process of a record type, other choices by the record type itself. What is
offered is written down when a process or a record type is made: later values appear in none of them.
developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_standardvalueset.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from instep_salesforce.sandbox.schema import Field, ObjectType, Option

if TYPE_CHECKING:
    from instep_salesforce.sandbox.org import Org

PROCESSED: Mapping[str, str] = {"Opportunity": "StageName", "Lead": "Status"}
"""The field whose choices the processes of an object offer."""

Chosen = dict[str, bool]
"""Values, each with whether it is the default."""


class Offering:
    """What every process and record type offers; one that is not here offers all."""

    def __init__(self) -> None:
        self.processes: dict[str, Chosen] = {}
        """By the id of the process."""
        self.types: dict[tuple[str, str], Chosen] = {}
        """By the id of the record type and the field."""

    def of(self, org: Org, kind: ObjectType, item: Field, record_type: str) -> tuple[Option, ...]:
        """The choices that a record type offers."""
        chosen = self.chosen(org, kind, item.name, record_type)
        options = org.options(kind, item)
        if chosen is None:
            return options
        return tuple(o.as_default(on=chosen[o.value]) for o in options if o.value in chosen)

    def chosen(self, org: Org, kind: ObjectType, field: str, record_type: str) -> Chosen | None:
        """What is written down for a field of a record type; None where nothing is."""
        process = self._process(org, kind, field, record_type)
        return self.types.get((record_type, field)) if process is None else self.processes.get(process)

    def _process(self, org: Org, kind: ObjectType, field: str, record_type: str) -> str | None:
        """The process that decides what a record type offers for a field; None where it decides itself."""
        row = org.tables["RecordType"].live(record_type)
        if row is None or PROCESSED.get(kind.name) != field or not row.get("BusinessProcessId"):
            return None
        return str(row["BusinessProcessId"])

    def choose(self, org: Org, kind: ObjectType, field: str, record_type: str, values: Iterable[str]) -> None:
        """Let a record type, or its process, offer these values; defaults stay where they are."""
        before = self.chosen(org, kind, field, record_type) or {}
        chosen = {value: before.get(value, False) for value in values}
        process = self._process(org, kind, field, record_type)
        if process is None:
            self.types[record_type, field] = chosen
        else:
            self.processes[process] = chosen

    def write_down(self, org: Org, kind: ObjectType, record_type: str) -> None:
        """Let a new record type offer what there is now."""
        for item in kind.fields.values():
            if item.is_picklist:
                self.types[record_type, item.name] = everything(org, kind, item)

    def note_picklist(self, org: Org, kind: ObjectType, item: Field, *, offered: bool) -> None:
        """A new picklist is offered by the record types that there are with all its choices, or with none."""
        for row in org.tables["RecordType"].all():
            if row["SobjectType"] == kind.name:
                self.types[str(row["Id"]), item.name] = everything(org, kind, item) if offered else {}

    def forget_inactive(self, org: Org, object: str, field: str) -> None:
        """Take the values that are active no longer out of every record type and process of an object."""
        kind = org.kinds[object]
        active = {option.value for option in org.options(kind, kind.fields[field])}
        for chosen in self._all(org, object, field):
            for value in chosen.keys() - active:
                del chosen[value]

    def _all(self, org: Org, object: str, field: str) -> Iterable[Chosen]:
        types = (row for row in org.tables["RecordType"].all() if row["SobjectType"] == object)
        found = [self.types.get((str(row["Id"]), field)) for row in types]
        if PROCESSED.get(object) == field:
            processes = (row for row in org.tables["BusinessProcess"].all() if row["TableEnumOrId"] == object)
            found += [self.processes.get(str(row["Id"])) for row in processes]
        return [chosen for chosen in found if chosen is not None]


def everything(org: Org, kind: ObjectType, item: Field) -> Chosen:
    """All active choices of a picklist."""
    return {option.value: option.default for option in org.options(kind, item)}
