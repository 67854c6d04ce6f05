"""What Marketo's refusals of single records mean. Pure.

Marketo developer guide: Error codes
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from instep.contract import Missing, Outcome, Rejected, Written
from instep_marketo.answers import Problem

_FIELD: Final = re.compile(r"[Ff]ield '([^']+)'")
_CODES: Final = {
    "1001": "invalid_value",
    "1003": "invalid_value",
    "1005": "taken",
    "1006": "unknown_field",
    "1007": "key_not_unique",
    "1008": "partition",
    "1009": "partition",
    "1010": "partition",
    "1011": "unsupported_field",
    "1013": "not_found",
    "1017": "taken",
    "1018": "crm_owned",
    "1021": "company_field",
    "1025": "unknown_status",
    "1036": "duplicate",
    "1037": "forward_only",
}
_ADVICE: Final = {
    "1007": " Merge these leads in Marketo: nothing is written while several hold the key.",
    "1009": " Name it in the setting partition.",
    "1018": " Change it in the CRM that Marketo is synchronised with.",
    "1021": " The company belongs to the CRM or to Marketo's company records.",
}


class Result(msgspec.Struct, frozen=True):
    """What came of one record. `seq` is its place, where Marketo tells."""

    status: str
    id: int | None = None
    seq: int | None = None
    reasons: list[Problem] = []

    @property
    def code(self) -> str:
        """Why it was skipped; blank where it was not."""
        return str(self.reasons[0].code) if self.reasons and self.status == "skipped" else ""


def outcome_of(result: Result, id: str = "", field: str | None = None) -> Outcome:
    """What came of one record: there is no "unchanged", and `skipped` is the only refusal."""
    if result.status != "skipped":
        return Written(str(result.id) if result.id is not None else id, {}, created=result.status == "created")
    return refusal(result.reasons[0] if result.reasons else Problem(), field)


def refusal(problem: Problem, field: str | None = None) -> Outcome:
    """Codes: `invalid_value`, `unknown_field`, `key_not_unique`, `partition`, `crm_owned`, `company_field`,
    `unknown_status`, `forward_only`, `taken`, `not_found`; else Marketo's own number."""
    code = str(problem.code)
    if code == "1004":
        return Missing()
    named = _FIELD.search(problem.message)
    reason = f"Marketo refuses this record: {problem.words}.{_ADVICE.get(code, '')}"
    return Rejected(_CODES.get(code, code or "refused"), reason, named.group(1) if named else field)
