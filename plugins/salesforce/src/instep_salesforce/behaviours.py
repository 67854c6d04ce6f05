"""Reads what buyers did: calls and other tasks, meetings, and answers to campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

import msgspec

from instep.contract import BehaviourGone, BehaviourPage, BehaviourSeen
from instep.model.values import Scalar
from instep_salesforce.client import SalesforceClient
from instep_salesforce.queries import STAMP
from instep_salesforce.schema import Schema
from instep_salesforce.settings import SalesforceSettings
from instep_salesforce.walk import Position, Walker
from instep_salesforce.wire import Record

Actor = Literal["buyer", "seller", "system"]
_OBJECTS: Final = {"003": "Contact", "00Q": "Lead", "001": "Account", "006": "Opportunity"}
"""Objects by the first three characters of their ids."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of behaviour: where it lives, which fields say when, with whom, and what else is worth knowing.

    `companies` say whose it was where no field of `people` does.
    """

    object: str
    times: tuple[str, ...]
    people: tuple[str, ...]
    matters: tuple[str, ...]
    details: tuple[str, ...]
    also: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        return (*self.people, *self.matters)

    @property
    def columns(self) -> tuple[str, ...]:
        own = ("Id", "IsDeleted", STAMP, *self.times, *self.subjects, *self.companies, *self.also)
        return tuple(dict.fromkeys((*own, *self.details)))


_KINDS: Final = {
    "task": _Kind(
        "Task",
        ("CompletedDateTime", "ActivityDate", "CreatedDate"),
        ("WhoId",),
        ("WhatId",),
        ("Subject", "Status", "Priority", "Type", "TaskSubtype", "CallType", "CallDisposition"),
        ("IsClosed", "IsRecurrence"),
        ("AccountId",),
    ),
    "event": _Kind(
        "Event",
        ("StartDateTime", "ActivityDateTime", "ActivityDate", "CreatedDate"),
        ("WhoId",),
        ("WhatId",),
        ("Subject", "Type", "EventSubtype", "Location", "StartDateTime", "EndDateTime"),
        ("IsChild", "IsRecurrence"),
        ("AccountId",),
    ),
    "campaign-member": _Kind(
        "CampaignMember",
        ("FirstRespondedDate", "CreatedDate"),
        ("LeadId", "ContactId"),
        (),
        ("Status", "HasResponded", "Campaign.Name", "Campaign.Type"),
    ),
}

_marks = msgspec.json.Decoder(dict[str, Position])


class SalesforceBehaviours:
    """The closed tasks, the events, and the campaign members of one org.

    An inbound call, a meeting and an answer to a campaign are the buyer's acts; everything else is the seller's.
    What is changed comes again. What was deleted, is open again, or is about nobody any more is withdrawn: the bin is
    part of every read, so that costs no call. One that left the bin before it was read is not told.
    `details` holds Salesforce's own fields.
    developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_task.htm
    """

    kinds = tuple(_KINDS)

    def __init__(self, client: SalesforceClient, settings: SalesforceSettings, schema: Schema) -> None:
        self._walker = Walker(client, schema, timedelta(seconds=settings.overlap_seconds))

    def changed_since(self, kinds: Sequence[str], cursor: str | None) -> Iterator[BehaviourPage]:
        """Yield pages of what was recorded or changed since `cursor`, kind by kind: one call each in quiet times."""
        marks = _marks.decode(cursor) if cursor else {}
        for name in (name for name in kinds if name in _KINDS):
            kind = _KINDS[name]
            for step in self._walker.steps(kind.object, kind.columns, marks.get(name, Position())):
                marks = {**marks, name: step.position}
                items = (_told(name, kind, record, step.types) for record in step.records)
                yield BehaviourPage(tuple(filter(None, items)), msgspec.json.encode(marks).decode())


def _told(name: str, kind: _Kind, record: Record, types: Mapping[str, str]) -> BehaviourSeen | BehaviourGone | None:
    """What a record says now; nothing where those whom it is about are hidden from this login."""
    behaviour = _behaviour(name, kind, record, types) if _counts(record) else None
    if behaviour is not None and behaviour.subjects:
        return behaviour
    if behaviour is not None and not types.keys() >= set(kind.subjects):
        return None
    return BehaviourGone(record["Id"], record[STAMP])


def _counts(record: Record) -> bool:
    """Whether something was done: an open task is an intention, and a series is told by its parts."""
    if record["IsDeleted"] or record.get("IsChild") or record.get("IsRecurrence"):
        return False
    return bool(record.get("IsClosed", True))


def _behaviour(name: str, kind: _Kind, record: Record, types: Mapping[str, str]) -> BehaviourSeen:
    details: dict[str, Scalar] = {field: record.get(field) for field in kind.details if field in types}
    return BehaviourSeen(
        id=record["Id"],
        kind=name,
        at=_at(record, kind, name),
        actor=_actor(name, record),
        subjects=tuple(_subjects(record, kind)),
        details=details,
    )


def _actor(name: str, record: Record) -> Actor:
    by_buyer = {
        "task": record.get("CallType") == "Inbound",
        "event": True,
        "campaign-member": bool(record.get("HasResponded")),
    }
    return "buyer" if by_buyer[name] else "seller"


def _at(record: Record, kind: _Kind, name: str) -> datetime:
    """When it happened; a day without an hour counts from its beginning."""
    times = kind.times
    if name == "campaign-member" and not record.get("HasResponded"):
        times = ("CreatedDate",)
    held = next((record[field] for field in times if record.get(field)), record[STAMP])
    return _instant(held)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value if isinstance(value, date) else date.min, time(), UTC)


def _subjects(record: Record, kind: _Kind) -> Iterator[tuple[str, str]]:
    """Who and what it was about, each once: the company where no person is known."""
    is_somebodys = any(record.get(field) for field in kind.people)
    fields = kind.subjects if is_somebodys else (*kind.subjects, *kind.companies)
    for id in dict.fromkeys(record.get(field) or "" for field in fields):
        if object := _OBJECTS.get(id[:3]):
            yield object, id
