"""Guesses what the files of a folder mean: which entity each is, and which column is which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from instep_files.detect import Column, Found

Kind = Literal["person", "company", "opportunity"]

FIELDS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "person": {
        "email": ("email", "e_mail", "email_address", "mail", "work_email"),
        "first_name": ("first_name", "firstname", "given_name", "forename"),
        "last_name": ("last_name", "lastname", "surname", "family_name"),
        "phone": ("phone", "telephone", "phone_number", "mobile", "tel"),
        "title": ("title", "job_title", "jobtitle", "position"),
        "city": ("city", "town"),
        "country": ("country", "country_region"),
        "language": ("language", "locale"),
        "source": ("source", "lead_source", "original_source"),
        "owner": ("owner", "contact_owner", "lead_owner", "sales_rep", "sales_agent", "account_manager"),
    },
    "company": {
        "name": ("name", "company", "company_name", "account", "account_name", "organisation", "organization"),
        "domain": ("domain", "company_domain", "company_domain_name", "email_domain"),
        "industry": ("industry", "sector", "vertical"),
        "phone": ("phone", "telephone", "phone_number"),
        "website": ("website", "url", "web", "homepage"),
        "city": ("city", "town"),
        "country": ("country", "country_region", "office_location"),
        "employees": ("employees", "number_of_employees", "employee_count", "headcount"),
        "annual_revenue": ("annual_revenue", "revenue", "turnover"),
        "founded": ("founded", "year_established", "year_founded", "established", "founded_year"),
        "owner": ("owner", "company_owner", "account_owner", "sales_rep", "sales_agent", "account_manager"),
    },
    "opportunity": {
        "name": ("name", "deal_name", "dealname", "opportunity_name", "opportunity", "deal", "subject"),
        "amount": ("amount", "close_value", "deal_value", "deal_amount", "value", "price"),
        "close_date": ("close_date", "closedate", "closed_on", "closed_at", "expected_close_date", "closing_date"),
        "opened_on": ("opened_on", "engage_date", "created_on", "create_date", "created_date", "open_date"),
        "product": ("product", "product_name"),
        "description": ("description", "notes", "note"),
        "owner": ("owner", "deal_owner", "opportunity_owner", "sales_rep", "sales_agent", "account_manager"),
    },
}
TYPES: Final = {
    "employees": ("number",),
    "founded": ("number",),
    "annual_revenue": ("number",),
    "amount": ("number",),
    "close_date": ("date", "instant"),
    "opened_on": ("date", "instant"),
}
"""Which types of column can hold a field that is not text."""
STAGE_WORDS: Final = ("deal_stage", "dealstage", "stage", "stage_name", "sales_stage", "pipeline_stage")
PERSON_STAGE_WORDS: Final = ("lifecycle_stage", "lifecyclestage", "lead_status", "stage", "status")
CONSENT_WORDS: Final = ("opted_out", "opt_out", "email_opt_out", "unsubscribed", "do_not_email", "has_opted_out")
CONSENT_HINTS: Final = ("optout", "opt_out", "unsubscribe", "newsletter")
"""A column of yes and no with one of these in its name may say who wants no e-mail; "newsletter" alone, who does."""
CURRENCY_WORDS: Final = ("currency", "currency_code", "currency_iso_code")
MODIFIED_WORDS: Final = ("modified", "modified_at", "last_modified", "updated", "updated_at", "last_modified_date")
_COMPANY_WORDS: Final = frozenset(("domain", "industry", "website", "employees", "annual_revenue"))
_TIME_WORDS: Final = ("occurred_at", "happened_at", "timestamp", "at", "date", "time", "created_at", "event_time")
_KIND_WORDS: Final = ("type", "kind", "activity", "event", "activity_type", "event_type", "action", "behaviour")
_MOST_STAGES: Final = 40


@dataclass(frozen=True)
class Guess:
    """What a file seems to be: an entity, a feed of behaviours, or neither."""

    found: Found
    kind: Kind | None = None
    fields: Mapping[str, Column] = field(default_factory=dict)
    at: Column | None = None
    happening: Column | None = None

    @property
    def is_feed(self) -> bool:
        """Whether the rows say what somebody did."""
        return self.at is not None

    def first(self, words: tuple[str, ...]) -> Column | None:
        """The column that has one of these names, the earlier the better."""
        return first_of(self.found, words)

    @property
    def stage(self) -> Column | None:
        """The column that seems to hold the stage."""
        column = self.first(STAGE_WORDS if self.kind == "opportunity" else PERSON_STAGE_WORDS)
        return column if column and 0 < len(column.counts) <= _MOST_STAGES else None

    @property
    def consent(self) -> Column | None:
        """The column of people that says who opted out."""
        return self.first(CONSENT_WORDS) if self.kind == "person" else None

    @property
    def perhaps_consent(self) -> Column | None:
        """The column of people that may say who opted out, where none surely does."""
        if self.kind != "person" or self.consent:
            return None
        hinted = (column for hint in CONSENT_HINTS for column in self.found.columns if hint in column.word)
        return next((column for column in hinted if column.is_yes_or_no), None)


def guess_all(found: list[Found]) -> list[Guess]:
    """What each file seems to be; of two of one kind the one with more fields that are known."""
    guesses = [guess_of(one) for one in found]
    best: dict[Kind, Guess] = {}
    for guess in guesses:
        if guess.kind and (guess.kind not in best or len(guess.fields) > len(best[guess.kind].fields)):
            best[guess.kind] = guess
    return [guess if guess.kind is None or best[guess.kind] is guess else Guess(guess.found) for guess in guesses]


def guess_of(found: Found) -> Guess:
    """What one file seems to be. A file whose rows nothing names is nothing."""
    if found.key is None:
        return Guess(found)
    if feed := _feed(found):
        return feed
    fields: dict[Kind, dict[str, Column]] = {kind: _fields(found, kind) for kind in FIELDS}
    kind: Kind | None = None
    deal_signs = [name for name in ("amount", "close_date") if name in fields["opportunity"]]
    if len(deal_signs) + bool(first_of(found, STAGE_WORDS)) >= 2:
        kind = "opportunity"
    elif "email" in fields["person"]:
        kind = "person"
    elif _COMPANY_WORDS & fields["company"].keys():
        kind = "company"
    return Guess(found, kind, fields[kind] if kind else {})


def first_of(found: Found, words: tuple[str, ...]) -> Column | None:
    """The column of a file that has one of these names, the earlier the better."""
    named = {column.word: column for column in reversed(found.columns)}
    return next((named[word] for word in words if word in named), None)


def _feed(found: Found) -> Guess | None:
    at, happening = first_of(found, _TIME_WORDS), first_of(found, _KIND_WORDS)
    if at is None or happening is None or not (at.type or "").startswith(("instant", "date")):
        return None
    return Guess(found, at=at, happening=happening)


def _fields(found: Found, kind: Kind) -> dict[str, Column]:
    named: dict[str, Column] = {}
    taken: set[str] = set()
    for name, words in FIELDS[kind].items():
        column = first_of(found, (*words, f"{kind}_{name}"))
        if column is None or column.name in taken or not _can_hold(column, name):
            continue
        named[name] = column
        taken.add(column.name)
    return named


def _can_hold(column: Column, name: str) -> bool:
    if name == "email":
        return sum("@" in value for value in column.counts) * 5 >= len(column.counts) * 4
    return name not in TYPES or not column.counts or (column.type or "").startswith(TYPES[name])
