"""The switches that only Salesforce needs, beside those of every sandbox."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from instep.sandbox import Personality


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforcePersonality(Personality):
    """How this Salesforce org behaves. `daily_limit` counts calls of the last 24 hours."""

    session_seconds: int = 7200
    """How long a session lives after its last use."""
    logins_per_hour: int = 3600
    """How often one user may log in within an hour."""
    bad_secret_status: int = 400
    """The status of a login with a wrong secret."""
    refresh_rotation: bool = False
    """Give a new refresh token with every refresh, and accept the old one no longer."""
    is_sandbox: bool = False
    """What `Organization.IsSandbox` says."""
    uneven_pages: bool = False
    """Give pages of changing size, smaller than asked for, also in the middle of a result."""
    lose_locators_after: int | None = None
    """Forget a query locator after so many pages were read through it."""
    locator_life: timedelta = timedelta(days=2)
    """How long a query locator lives."""
    query_timeout_rows: int | None = None
    """Time out queries that have to look at more rows than this."""
    stale_reads: timedelta = timedelta(0)
    """How far queries lag behind writes; reading by id does not. Without it, `index_lag` says so."""
    unknown_member_status: Literal["accept", "refuse"] = "accept"
    """What happens to a campaign member with a status that its campaign does not have."""
    lead_excludes_what: bool = True
    """Whether an activity of a lead can have no other relation."""
    max_semi_joins: int = 2
    """How many semi-joins one query may have."""
    max_composite_queries: int = 5
    """How many queries and collections one composite call may hold."""
    max_collection_reads: int = 2000
    """How many ids one collections read may name."""
    no_op_touches: bool = True
    """Whether an update that changes nothing moves the record's stamps."""
    null_checkbox: Literal["refuse", "false"] = "refuse"
    """What null means for a checkbox."""
    lowercase_emails: bool = False
    """Store e-mail addresses in small letters."""
    key_in_upsert_body: Literal["refuse", "ignore"] = "refuse"
    """What happens to an external id that is repeated in the body of its upsert."""
    update_only_status: int = 404
    """The status of an upsert with `updateOnly` that finds nothing."""
    set_audit_fields: bool = False
    """Whether the API user may set the creation date of new records."""
    update_converted_leads: bool = False
    """Whether the API user may edit converted leads."""
    inactive_owner_blocks_updates: bool = False
    """Refuse any edit of a record whose owner is inactive."""
    replication_lag: timedelta = timedelta(0)
    """How far `latestDateCovered` stays behind."""
    max_replicated_ids: int = 600_000
    """How many ids one call of getUpdated or getDeleted may give."""
    bulk_polls: int = 1
    """How many times a closed bulk job says InProgress."""
    bulk_charset: bool = False
    """Whether CSV answers name their charset."""
    bulk_query_error_text: bool = False
    """Whether a failed bulk query says why."""
    bulk_list_page: int = 1000
    """How many jobs one page of their list holds."""
    bulk_hard_delete: bool = True
    """Whether the API user has the permission to delete past the recycle bin."""
    bulk_upload_bytes: int = 100_000_000
    """How large an upload may be; 150 MB after encoding."""
    bulk_result_pages: int | None = None
    """The most rows of one page of bulk query results, whatever was asked for."""
    gzip: bool = False
    """Compress answers for clients that accept it."""
    limit_info: Literal["short", "per_app", "bursts"] = "short"
    """Which form the header about API usage has."""
    fields_per_object: int = 500
    """How many custom fields an object may have."""
    external_ids_per_object: int = 25
    """How many of them may be external ids."""
    metadata_inactive_values: Literal["hidden", "marked", "unmarked"] = "hidden"
    """Whether definitions of value sets name inactive values, and whether they say of them that they are inactive."""
    lists_standard_value_sets: bool = False
    """Whether a list of metadata names the standard value sets."""
    needs_won_and_lost: bool = True
    """Whether one stage that is won and one that is lost must stay active."""
    field_lag: timedelta = timedelta(0)
    """How long a field that was created by an API stays out of descriptions, queries and writes."""
    new_picklists_offered: bool = False
    """Whether the record types that there are offer the choices of a picklist that an API creates."""
    new_record_types_offer: Literal["all", "nothing"] = "all"
    """What a record type that the Metadata API creates offers for the picklists that its definition leaves out."""
    raw_value_names: bool = False
    """Whether names in processes and record types may hold signs that are not percent-encoded."""
    permission_sets_replace: bool = True
    """Whether an update of a permission set takes away the field permissions that it leaves out."""
    describe_inactive_values: bool = False
    """Whether descriptions list the inactive values of picklists, as such."""

    @classmethod
    def of(cls, personality: Personality) -> SalesforcePersonality:
        """`personality` itself, or Salesforce's defaults with its general switches."""
        if isinstance(personality, cls):
            return personality
        return cls(**{item.name: getattr(personality, item.name) for item in fields(Personality)})
