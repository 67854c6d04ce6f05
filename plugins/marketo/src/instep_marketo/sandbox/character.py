"""The switches that only Marketo needs, beside those of every sandbox."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from instep.sandbox import Personality


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketoPersonality(Personality):
    """How this subscription behaves. `rate_limit` counts calls in 20 seconds here; `index_lag` holds back activities.

    What the vendor's pages do not settle is a switch: `refuses_company_fields`, `omits_nulls`,
    `merges_log_deletions`, `activity_ids`.
    """

    concurrent_limit: int | None = None
    """Calls in flight, for the whole subscription."""
    token_expiry: timedelta | None = timedelta(seconds=3600)
    """How long after its issue a token is accepted."""
    token_in_query: bool = False
    """Accept the token as a query parameter, as Marketo once did."""
    empty_pages: int = 5
    """Every so many-th page of activities is empty although more are to come; 0 for none."""
    export_seconds: float = 60.0
    """How long a bulk extract takes."""
    crm_sync: Literal["none", "salesforce", "dynamics"] = "none"
    """The CRM that is synchronised natively: then sales persons cannot be written."""
    refuses_company_fields: bool = True
    """Skip leads that are sent with a field of their company."""
    omits_nulls: bool = False
    """Leave blank fields out of leads, instead of showing them as null."""
    merges_log_deletions: bool = False
    """Let a merge write a Delete Lead activity for the lead that it takes away."""
    activity_ids: bool = True
    """Show the `id` of activities beside their `marketoGUID`."""
    matches_limit: int = 1000
    """The most leads that a filter may find."""

    @classmethod
    def of(cls, personality: Personality) -> MarketoPersonality:
        """`personality` itself, or Marketo's defaults with its general switches."""
        if isinstance(personality, cls):
            return personality
        general = {item.name: getattr(personality, item.name) for item in fields(Personality)}
        general["token_expiry"] = general["token_expiry"] or timedelta(seconds=3600)
        return cls(**general)
