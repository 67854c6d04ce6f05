"""Who writes, and with which wishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instep_salesforce.sandbox.org import Org

NEWEST = 68.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user at work. People in the browser see every field; the API is bound by field-level security."""

    user: str
    version: float = NEWEST
    by_api: bool = True
    auto_assign: bool | str = False
    """Whether assignment rules run; a text is the id of the rule that shall."""
    allow_duplicates: bool = False
    record_details: bool = False
    """Whether a refusal of duplicates shows the fields of the records that were found."""


def person(org: Org) -> Caller:
    """An admin of the org in the browser, who has agreed to every warning."""
    return Caller(user=org.admin, by_api=False, allow_duplicates=True)
