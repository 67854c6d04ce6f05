"""What a system holds, as a plugin reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from instep.model.values import Scalar


@dataclass(frozen=True, slots=True)
class FieldChange:
    """When a field got its present value, and by whose hand."""

    at: datetime
    by: Literal["person", "automation", "integration", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Related:
    """The other end of an association."""

    object: str
    id: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as the system holds it now.

    `fields` has one entry per requested field that this login may see: `None` where the field is blank. A field
    that is hidden, archived or unknown is absent, which never means blank. `modified_at` is the system's own
    clock. `changes` says when and by whom fields changed, as far as the system tells. `related` is given only
    where it comes with the record at no extra call; `None` means "ask `related`".
    """

    id: str
    fields: Mapping[str, Scalar]
    modified_at: datetime
    changes: Mapping[str, FieldChange] = field(default_factory=dict)
    related: tuple[Related, ...] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that was deleted (or erased for privacy), on positive evidence only.

    `fields` is what the record still holds, as far as the system tells at no extra call: our own id on it keeps a
    fresh state from making it again.
    """

    id: str
    at: datetime | None = None
    erased: bool = False
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MergedInto:
    """A record whose id now belongs to `survivor`, of the same object. `fields` is what it still holds, if told."""

    id: str
    survivor: str
    at: datetime | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConvertedTo:
    """A record that became a record of another object (a lead that became a contact).

    `fields` is what the record still holds, as far as the system tells: its keys help to recognise the successor.
    """

    id: str
    object: str
    successor: str
    at: datetime | None = None
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Garbled:
    """A record that could not be parsed. It is quarantined by name; its neighbours go on."""

    id: str
    reason: str


Item = Seen | Gone | MergedInto | ConvertedTo | Garbled


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and the cursor to resume from once they are stored. `cursor` is opaque to core."""

    items: tuple[Item, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class BehaviourSeen:
    """Something someone did, as the system recorded it. `kind` is one of the feed's `kinds`.

    `subjects` are the records it happened to or with, as (object, id); `email` stands in where the system knows
    only an address. `details` are the vendor's own fields, for the mapping's `where`.
    """

    id: str
    kind: str
    at: datetime
    actor: Literal["buyer", "seller", "system"]
    subjects: tuple[tuple[str, str], ...] = ()
    email: str | None = None
    details: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BehaviourGone:
    """An activity that was withdrawn, on positive evidence only. One that was never told may be named too."""

    id: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BehaviourPage:
    """Some activities, and the cursor to resume from once they are stored.

    One that was corrected comes again under its id, with everything that is true of it now.
    """

    items: tuple[BehaviourSeen | BehaviourGone, ...]
    cursor: str
