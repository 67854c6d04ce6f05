"""Turns what HubSpot says about one record, or one setting, into an outcome that people understand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from instep.contract import Missing, Outcome, Rejected, Unknown
from instep.errors import UnknownOutcomeError
from instep_hubspot.answers import RefusedError
from instep_hubspot.wire import ErrorBody

_EXISTING: Final = re.compile(r"Existing ID: (\d+)")
_CODES: Final = {
    "PROPERTY_DOESNT_EXIST": "unknown_field",
    "READ_ONLY_VALUE": "read_only",
}
_PASSING: Final = frozenset(("RATE_LIMITS", "RATE_LIMIT", "LOCKED", "INTERNAL_ERROR"))
_LONGEST_REASON: Final = 300


def outcome_of(error: ErrorBody, status: int | None = None) -> Outcome:
    """What a refusal of one record means.

    Codes: `duplicate` (with `existing_id`), `invalid_value`, `unknown_field`, `read_only`, `key_not_unique`, else
    HubSpot's category in lower case. developers.hubspot.com/docs/api-reference/latest/error-handling
    """
    if error.category == "OBJECT_NOT_FOUND" or status in (404, 410):
        return Missing()
    if error.category in ("CONFLICT", "OBJECT_ALREADY_EXISTS") or status == 409:
        return _duplicate(error)
    if (bad := bad_value(error)) is not None:
        return bad
    if is_about_the_key(error):
        return Rejected("key_not_unique", "HubSpot has no unique property of that name to find the record by.")
    code = error.category.lower() or "refused"
    return Rejected(code, _sentence(error.message), permanent=error.category not in _PASSING)


def attempt(write: Callable[[], Outcome]) -> Outcome:
    """What came of one write. A login that may not do it is an error, as in every other part."""
    try:
        return write()
    except UnknownOutcomeError as lost:
        return Unknown(str(lost))
    except RefusedError as refused:
        match outcome_of(refused.body, refused.status):
            case Rejected("duplicate", reason):
                return Rejected("taken", reason)
            case outcome:
                return outcome


def taken(label: str) -> Rejected:
    """A label or value that something else has."""
    return Rejected("taken", f'HubSpot already has something else called "{label}" there.')


def in_use(stage: str, words: str = "") -> Rejected:
    """A stage that something holds; `words` are HubSpot's own."""
    said = " ".join(words.split())[:300].rstrip(".")
    reason = f'Records of HubSpot, or something else there, still use the stage "{stage}".'
    return Rejected("in_use", f"{reason} HubSpot says: {said}." if said else reason)


def is_about_the_key(error: ErrorBody) -> bool:
    """Whether the property that records are found by is missing or not unique: then no record can be written."""
    return "non-unique" in error.message


def bad_value(error: ErrorBody) -> Rejected | None:
    """The property that HubSpot objects to. The list of problems is JSON inside the message."""
    for problem in _problems(error.message):
        name = str(problem.get("name") or "") or None
        code = _CODES.get(str(problem.get("error")), "invalid_value")
        return Rejected(code, _about(name, str(problem.get("message") or error.message)), name)
    for detail in error.errors:
        for name in detail.context.get("propertyName", ()):
            return Rejected(_CODES.get(detail.code, "invalid_value"), _about(name, detail.message), str(name))
    return None


def _duplicate(error: ErrorBody) -> Rejected:
    """A value that must be unique is taken; the record that has it is named in the words only."""
    found = _EXISTING.search(error.message)
    return Rejected("duplicate", _sentence(error.message), existing_id=found.group(1) if found else None)


def _problems(message: str) -> list[dict[str, Any]]:
    start = message.find("[{")
    if start < 0:
        return []
    try:
        found = msgspec.json.decode(message[start : message.rfind("]") + 1], type=list[dict[str, Any]])
    except msgspec.MsgspecError:
        return []
    return [problem for problem in found if not problem.get("isValid")]


def _about(name: object, text: str) -> str:
    return _sentence(f"HubSpot refuses {name}: {text}" if name else text)


def _sentence(text: str) -> str:
    words = " ".join(text.split())[:_LONGEST_REASON] or "HubSpot gave no reason"
    words = words[0].upper() + words[1:]
    return words if words.endswith((".", "!", "?")) else f"{words}."
