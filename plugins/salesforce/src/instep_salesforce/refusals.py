"""Turns what Salesforce says about one record into an outcome that people understand. Pure."""

from __future__ import annotations

import re
from typing import Final

from instep.contract import Rejected
from instep_salesforce.values import id18
from instep_salesforce.wire import Problem

LOCKED: Final = "UNABLE_TO_LOCK_ROW"
_HOLDER: Final = re.compile(r"record with id:?\s*([A-Za-z0-9]{15,18})")
_COLUMN: Final = re.compile(r"No such column '([^']+)'")
_LISTED: Final = re.compile(r"(?:fields|missing): \[?([A-Za-z]\w*)")
_NOT_THERE: Final = frozenset(("ENTITY_IS_DELETED", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD"))
_ABOUT_AN_ID: Final = frozenset(("INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"))
_CODES: Final = {
    "DUPLICATE_VALUE": "duplicate",
    "INVALID_FIELD": "unknown_field",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "read_only",
    "STRING_TOO_LONG": "too_long",
    **dict.fromkeys(
        (
            "INVALID_EMAIL_ADDRESS",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "JSON_PARSER_ERROR",
            "MALFORMED_ID",
            "NUMBER_OUTSIDE_VALID_RANGE",
        ),
        "invalid_value",
    ),
}
_PASSING: Final = frozenset(
    (
        LOCKED,
        "ENTITY_IS_LOCKED",
        "QUERY_TIMEOUT",
        "REQUEST_LIMIT_EXCEEDED",
        "SERVER_UNAVAILABLE",
        "STORAGE_LIMIT_EXCEEDED",
        "UNKNOWN_EXCEPTION",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    )
)
_LONGEST_REASON: Final = 300


def rejected(problem: Problem) -> Rejected:
    """What a refusal of one record means.

    Codes: `duplicate` (with `existing_id`, where Salesforce names it), `invalid_value`, `too_long`, `unknown_field`,
    `read_only`, else Salesforce's code in lower case; a validation rule or a duplicate rule speaks in its own words.
    developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
    """
    code = problem.code
    permanent = code not in _PASSING and LOCKED not in problem.message
    holder = _HOLDER.search(problem.message) if code == "DUPLICATE_VALUE" else None
    return Rejected(
        _CODES.get(code, code.lower() or "refused"),
        _sentence(problem),
        field_of(problem),
        id18(holder.group(1)) if holder else None,
        permanent,
    )


def field_of(problem: Problem) -> str | None:
    """The field that Salesforce objects to: it lists it, or names it in its words only."""
    if problem.field:
        return problem.field
    found = _COLUMN.search(problem.message)
    if found is None and problem.code in ("INVALID_FIELD_FOR_INSERT_UPDATE", "REQUIRED_FIELD_MISSING"):
        found = _LISTED.search(problem.message)
    return found.group(1) if found else None


def is_locked(problem: Problem) -> bool:
    """Whether another change held the record; an automation may report that in its own words."""
    return problem.code == LOCKED or LOCKED in problem.message


def is_about_the_record(problem: Problem) -> bool:
    """Whether the record itself may not be there any more: deleted, merged, converted, or never there."""
    if problem.code in _NOT_THERE:
        return True
    return problem.code in _ABOUT_AN_ID and problem.field in (None, "Id", "id")


def _sentence(problem: Problem) -> str:
    words = " ".join(problem.message.split())[:_LONGEST_REASON]
    if not words:
        words = f"Salesforce refuses the record ({problem.code or 'without a reason'})"
    elif problem.field:
        words = f"Salesforce refuses {problem.field}: {words}"
    words = words[0].upper() + words[1:]
    words = words if words.endswith((".", "!", "?")) else f"{words}."
    return words if " " in words else f"Salesforce says: {words}"
