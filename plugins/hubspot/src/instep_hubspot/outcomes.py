"""What came of a change of the configuration, in the contract's words."""

from __future__ import annotations

from collections.abc import Callable

from instep.contract import Outcome, Rejected, Unknown
from instep.errors import UnknownOutcomeError
from instep_hubspot.answers import RefusedError
from instep_hubspot.refusals import outcome_of


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
