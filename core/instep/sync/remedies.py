"""What refusals mean: every code that a system may give is of one of a few classes, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Remedy:
    """A class of refusals, in a sentence, and what a person does about it."""

    name: str
    text: str
    remedy: str


INVALID: Final = Remedy(
    "invalid value",
    "The system does not take this value in this field.",
    "Correct the value where it was written, or translate it in the mapping.",
)
TOO_LONG: Final = Remedy(
    "too long",
    "The value is longer than the system's field.",
    "Shorten it where it was written, or let the field hold more.",
)
REQUIRED: Final = Remedy(
    "required missing",
    "The system demands a field that is blank.",
    "Give the field a value, or a default in the mapping: [KIND.required].",
)
DUPLICATE: Final = Remedy(
    "duplicate",
    "Another record there has a value that only one may have.",
    "Merge the two records there, or correct the one that is wrong.",
)
PERMISSION: Final = Remedy(
    "permission",
    "The login may not write this.",
    "Give the login the permission, or leave the field out of the mapping.",
)
UNKNOWN_FIELD: Final = Remedy(
    "unknown field",
    "The system has no such field, or shows it to nobody.",
    "Create the field, let the login see it, or leave it out of the mapping.",
)
RULE: Final = Remedy(
    "validation rule or automation",
    "A rule or an automation of the system stopped the write.",
    "Ask the system's admin which one, by its own words; then correct the record or the rule.",
)
BUSY: Final = Remedy(
    "locked or busy",
    "The system could not take it just then.",
    "Nothing, if it passes later. If it does not, look at what holds the record there.",
)
NOT_FOUND: Final = Remedy(
    "not found",
    "Something that the write refers to is not there.",
    "See whether the record it refers to was deleted, or is not synced.",
)
OTHER: Final = Remedy(
    "other",
    "The system refused it for a reason of its own.",
    "Read the reason; correct the value, the record or the mapping.",
)
CLASSES: Final = (
    INVALID,
    TOO_LONG,
    REQUIRED,
    DUPLICATE,
    PERMISSION,
    UNKNOWN_FIELD,
    RULE,
    BUSY,
    NOT_FOUND,
    OTHER,
)

_CODES: Final = {
    "changed": BUSY,
    "different": OTHER,
    "garbled": OTHER,
    "key": PERMISSION,
    "no_column": UNKNOWN_FIELD,
    "no_fit": INVALID,
    "no_reference": UNKNOWN_FIELD,
    "not_sent": BUSY,
    "not_taken": RULE,
    "taken": DUPLICATE,
    "unknown_scope": NOT_FOUND,
    "unsupported": PERMISSION,
    "validation_error": INVALID,
}
"""Codes whose words say nothing, or something else."""
_WORDS: Final = (
    (UNKNOWN_FIELD, ("unknown_field", "invalid_field", "no_such_column")),
    (TOO_LONG, ("too_long", "too_large", "max_length")),
    (REQUIRED, ("required", "missing_field", "mandatory")),
    (DUPLICATE, ("duplicate", "unique", "already_exists", "conflict")),
    (PERMISSION, ("permission", "access", "scope", "forbidden", "read_only", "readonly", "not_allowed")),
    (RULE, ("validation", "trigger", "automation", "activate", "filter", "integrity")),
    (BUSY, ("lock", "limit", "timeout", "unavailable", "busy", "internal", "rolled_back", "unknown_exception")),
    (NOT_FOUND, ("not_found", "deleted", "reference", "no_address")),
    (INVALID, ("invalid", "value", "malformed", "range", "type")),
)


def remedy_of(code: str) -> Remedy:
    """The class of a refusal, by the code that the connector gave it."""
    if code in _CODES:
        return _CODES[code]
    return next((remedy for remedy, words in _WORDS if any(word in code for word in words)), OTHER)
