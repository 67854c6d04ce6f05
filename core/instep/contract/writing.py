"""What is written, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from instep.model.values import Scalar


@dataclass(frozen=True, slots=True)
class Create:
    """A new record. `key_field` holds `key`, unique in that object: creating twice must find the first."""

    key_field: str
    key: str
    fields: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Update:
    """New values for a known record, with the values that the decision was made on.

    A field in `fields` that is absent from `expected` was never seen before. `None` clears a field.
    """

    id: str
    fields: Mapping[str, Scalar]
    expected: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Delete:
    id: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete for privacy: nothing of the record may be restored."""

    id: str


Write = Create | Update | Delete | Erase


@dataclass(frozen=True, slots=True)
class Written:
    """The write took effect. `fields` is what the system now holds, as far as its answer tells."""

    id: str
    fields: Mapping[str, Scalar]
    modified_at: datetime | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The system refused this one. `code` is stable for machines, `reason` is for people.

    `permanent` is false where the same write may pass later. `existing_id` names the record that already holds a
    unique value, where the system tells.
    """

    code: str
    reason: str
    field: str | None = None
    existing_id: str | None = None
    permanent: bool = True


@dataclass(frozen=True, slots=True)
class Moved:
    """Nothing was written: the record was merged or converted. The next read tells where to."""

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing was written: the system says that the record is deleted or was never there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer was lost: the write may or may not have taken effect. Core looks it up, never repeats blindly."""

    reason: str


Outcome = Written | Rejected | Moved | Missing | Unknown


@dataclass(frozen=True, slots=True)
class Relation:
    """An association from one record to another. `primary` marks the one that the system singles out."""

    object: str
    id: str
    to_object: str
    to_id: str
    primary: bool = False
