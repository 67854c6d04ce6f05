"""The switches that only Marketo needs, beside those of every sandbox."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from instep.sandbox import Personality


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketoPersonality(Personality):
    """How this subscription behaves. `rate_limit` counts calls in 20 seconds here; `index_lag` holds back activities.

    What the vendor's pages do not settle is a switch: `refuses_company_fields`, `omits_nulls`, `partition_required`,
    `merges_log_deletions`, `activity_ids`, `extracts_updates`, `crm_sync_hides`. Limits that are not set are off; the
    vendor's own are 100 calls in 20 seconds, 10 in flight and 50,000 a day.
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
    import_seconds: float = 10.0
    """How long a bulk import takes."""
    flow_seconds: float = 0.0
    """How long after its request a campaign does its work."""
    crm_sync: Literal["none", "salesforce", "dynamics"] = "none"
    """The CRM that is synchronised natively: sales persons, companies and opportunities cannot be written then."""
    crm_sync_hides: bool = False
    """A native CRM sync also keeps them from being read."""
    extracts_updates: bool = False
    """Take `updatedAt` as the filter of an extract of leads."""
    partition_required: bool = False
    """Refuse new leads without a partition's name, where there are several."""
    partial_failure_code: str = "1003"
    """The code of the records that `partial_failure` rejects."""
    refuses_company_fields: bool = True
    """Skip leads that are sent with a field of their company."""
    omits_nulls: bool = False
    """Leave blank fields out of leads, instead of showing them as null."""
    merges_log_deletions: bool = False
    """Let a merge write a Delete Lead activity for the lead that it takes away."""
    activity_ids: bool = True
    """Show the `id` of activities beside their `marketoGUID`."""
    deletions_kept_days: int | None = None
    """How long deletions are told; for ever by default."""
    matches_limit: int = 1000
    """The most leads that a filter may find."""
    members_limit: int = 100_000
    """The most members of a program that may be read by another filter than their ids."""
    list_limit: int = 10_000
    """A static list of so many leads is too long for activities to be read by it."""
    input_limit: int = 300
    """The most records of one call, values of one filter, and records on a page."""
    custom_fields_limit: int = 100
    """The most fields that can be made by API."""
    clones_limit: int = 20
    """How many programs a day are cloned by scheduling campaigns."""
    jobs_running: int = 2
    """How many bulk extracts run at once, and how many imports."""
    jobs_queued: int = 10
    """How many extracts, or imports, may wait or run."""
    extract_bytes_a_day: int = 500 * 1024 * 1024
    """How much may be extracted in a day, in US Central time."""
    body_limit: int = 1024 * 1024
    """The longest body of a call, in bytes."""
    import_limit: int = 10 * 1024 * 1024
    """The longest body of a bulk import."""
    address_limit: int = 8 * 1024
    """The longest address of a call."""

    @classmethod
    def of(cls, personality: Personality) -> MarketoPersonality:
        """`personality` itself, or Marketo's defaults with its general switches."""
        if isinstance(personality, cls):
            return personality
        general = {item.name: getattr(personality, item.name) for item in fields(Personality)}
        general["token_expiry"] = general["token_expiry"] or timedelta(seconds=3600)
        return cls(**general)
