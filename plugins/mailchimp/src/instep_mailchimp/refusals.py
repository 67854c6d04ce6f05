"""Turns what Mailchimp says about one member, or one field, into an outcome that people understand."""

from __future__ import annotations

import re
from typing import Final

from instep.contract import Missing, Outcome, Rejected
from instep_mailchimp.wire import Problem

_LONGEST_REASON: Final = 300
_PREFIX: Final = "merge_fields."
_NEEDED: Final = "please enter a value"

UNREADABLE: Final = Rejected(
    "unreadable",
    "Mailchimp's answer for this member cannot be read, so nothing was sent. Run again later.",
    permanent=False,
)


def outcome_of(problem: Problem, status: int) -> Outcome:
    """What a refusal of one member means.

    Codes: `duplicate`, `compliance`, `forgotten`, `required`, `invalid_value`, `busy`, else Mailchimp's title in
    lower case. Titles have changed over the years, so the words of the detail count too.
    mailchimp.com/developer/marketing/docs/errors
    """
    if status in (404, 410):
        return Missing()
    if problem.says("member exists", "is already a list member"):
        return Rejected("duplicate", _sentence(problem.detail), "email_address")
    if problem.says("permanently deleted", "forgotten email"):
        return Rejected(
            "forgotten",
            "Mailchimp deleted this address for good, and lets no app bring it back. "
            "The person has to sign up again, through a form of the audience.",
        )
    if problem.says("compliance state", "compliance review"):
        return Rejected(
            "compliance",
            "Mailchimp lets only the person lift an unsubscribe, a bounce or a compliance review. "
            "Send them the audience's signup form, and they can subscribe again.",
        )
    if problem.says("looks fake or invalid", "valid email address"):
        return Rejected("invalid_value", _sentence(problem.detail), "email_address")
    if status == 429:
        return Rejected("busy", "Mailchimp had too many requests at one time.", permanent=False)
    for error in problem.errors:
        return _about_field(str(error.get("field") or ""), str(error.get("message") or problem.detail))
    code = re.sub(r"[^a-z0-9]+", "_", problem.title.lower()).strip("_") or "refused"
    return Rejected(code, _sentence(problem.detail or problem.title))


def _about_field(path: str, message: str) -> Rejected:
    name = path.removeprefix(_PREFIX) or None
    if _NEEDED in message.lower():
        reason = f"The audience requires the field {name}, and it is blank. Map it, or set skip_required to true."
        return Rejected("required", reason, name)
    return Rejected("invalid_value", _sentence(f"Mailchimp refuses {name}: {message}" if name else message), name)


def _sentence(text: str) -> str:
    words = " ".join(text.split())[:_LONGEST_REASON] or "Mailchimp gave no reason"
    words = words[0].upper() + words[1:]
    return words if words.endswith((".", "!", "?")) else f"{words}."
